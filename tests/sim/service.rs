//! The operator's web service: it answers what the test has it answer, and remembers what it was asked.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use maskline::base::{Side, Timestamp};
use maskline::call::{Asking, CallKey};
use maskline::hook::answer::resolve;
use maskline::relay::{Digit, Event, Part, Playlist, Sound};
use maskline::route::{self, Decision, Question, Step};
use maskline::switch::Input;
use maskline::voice::{self, Pair, Prompt, Response};

use super::agenda::Happening;
use super::scene;
use super::world::{Inner, World};

/// Where it is.
pub const URL: &str = "http://app.example/answer";

/// A request to it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub url: String,
    pub pairs: Vec<Pair>,
    /// Its answer is let fall.
    pub is_told: bool,
}

impl Asked {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

/// The service.
#[derive(Default)]
pub struct Service {
    /// What it answers next; where nothing is left, it fails.
    pub answers: VecDeque<String>,
    pub asked: Vec<Asked>,
    /// How long it takes.
    pub delay: Duration,
    /// What was to be brought to a sound.
    pub prompts: Vec<Vec<Prompt>>,
    /// How long that takes.
    pub preparation: Duration,
    /// What it answers to the first question of a call where nothing else is left: by the number dialled.
    standing: HashMap<String, String>,
}

thread_local! {
    /// Whether calls are decided by a web service that would else be by a row of the settings.
    static THROUGH: Cell<bool> = const { Cell::new(false) };
    /// How many calls it has decided.
    static DECIDED: Cell<usize> = const { Cell::new(0) };
}

/// Runs tests again in worlds whose rows of the settings are answers of a web service instead.
pub fn through(tests: &[fn()]) {
    THROUGH.set(true);
    for test in tests {
        let before = DECIDED.replace(0);
        test();
        assert!(DECIDED.replace(before) > 0, "no call was decided by the service");
    }
    THROUGH.set(false);
}

/// The settings, and a service that answers what their rows say, where that is asked for.
pub fn divert(settings: &str) -> (String, Service) {
    let mut service = Service::default();
    if !THROUGH.get() {
        return (settings.to_owned(), service);
    }
    let value = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let (mut diverted, mut dialled, mut destination) = (String::new(), String::new(), String::new());
    for line in settings.lines() {
        match line.split_once(" = ").map_or(line, |(key, _)| key) {
            "dialled" => dialled = value(line),
            "destination" => {
                destination = value(line);
                diverted += &format!("answer_url = \"{URL}\"\n");
                continue;
            }
            "show" => {
                let (number, show) = (&destination[1..], &value(line)[1..]);
                let document = format!("<Dial callerId=\"{show}\"><Number>{number}</Number></Dial>");
                service.standing.insert(dialled[1..].into(), format!("<Response>{document}</Response>"));
                continue;
            }
            _ => {}
        }
        diverted += line;
        diverted.push('\n');
    }
    (diverted, service)
}

impl Service {
    fn answer(&mut self, url: &str, dialled: Option<&str>) -> Option<Response> {
        let text = self.answers.pop_front().or_else(|| self.standing.get(dialled?).cloned())?;
        let mut read = voice::read(None, text.as_bytes(), voice::limits::DOCUMENT).expect("a document");
        let mut whole = |link: &mut voice::Link| {
            *link = resolve(url, link.reveal()).ok_or(())?;
            Ok::<(), ()>(())
        };
        read.response.each_link(&mut whole).expect("URLs");
        Some(read.response)
    }
}

/// The settings with one more number, whose calls are for the service to decide.
pub fn with_service() -> String {
    let row = format!("[[mappings]]\ndialled = \"{}\"\nanswer_url = \"{URL}\"\n", scene::IDLE);
    format!("{}{row}", scene::SETTINGS)
}

impl World {
    /// A world whose web service answers these documents, one after the other.
    pub fn following(documents: &[&str]) -> Self {
        let world = Self::with(&with_service(), 1);
        world.edit().service.answers.extend(documents.iter().map(|text| (*text).to_owned()));
        world
    }

    /// The caller has heard all of what is played to it.
    pub fn heard_out(&self) {
        self.heard_out_by(Side::A);
    }

    /// A side has heard all of what is played to it.
    pub fn heard_out_by(&self, to: Side) {
        let sound = self.relay().sounds[to.index()].clone();
        let Some(Sound::Clips(Playlist { tag, .. })) = sound else { panic!("nothing is played") };
        let relay = *self.get().engine.open.keys().next().unwrap();
        self.edit().engine.open.get_mut(&relay).unwrap().sounds[to.index()] = None;
        self.tell(|relay| Event::Played { relay, to, tag });
        self.pass(Duration::from_millis(10));
    }

    /// The caller presses keys, as the media engine hears it.
    pub fn keys(&self, keys: &str) {
        self.keys_by(Side::A, keys);
    }

    /// A side presses keys, as the media engine hears it where it listens.
    pub fn keys_by(&self, from: Side, keys: &str) {
        for digit in keys.chars().filter_map(Digit::from_char) {
            self.tell(|relay| Event::Key { relay, from, digit });
            self.pass(Duration::from_millis(100));
            let duration = Duration::from_millis(100);
            if !self.get().engine.open.is_empty() {
                self.tell(|relay| Event::Digit { relay, from, digit, duration });
            }
        }
    }

    /// What the service was asked and told, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.get().service.asked.clone()
    }
}

impl Inner {
    /// Decides a call as the edges do, the web service included.
    pub fn decide(&mut self, call: CallKey, id: Box<str>, question: &Question, at: Timestamp) {
        let (index, book) = (self.policy.index.clone(), self.book.clone());
        let mut delay = self.decision_delay;
        let decision = match route::admit(&index, &book, at, question) {
            Decision::Ask(inquiry) => {
                let url = inquiry.answer.url.to_string();
                let pairs = inquiry.ask(id).pairs();
                let asked = Asked { url: url.clone(), pairs, is_told: false };
                self.service.asked.push(asked.clone());
                delay += self.service.delay;
                match self.service.answer(&url, asked.get("To")) {
                    Some(document) if THROUGH.get() => {
                        DECIDED.set(DECIDED.get() + 1);
                        inquiry.follow(document, [])
                    }
                    Some(document) => inquiry.follow(document, [Step::Service("it answered".into())]),
                    None => inquiry.unanswered(route::admit_unasked(&index, &book, at, question), []),
                }
            }
            decision => decision,
        };
        self.later(delay, Input::Decided { call, decision });
    }

    pub fn ask(&mut self, call: CallKey, asking: Asking) {
        let url = asking.link.reveal().to_owned();
        self.service.asked.push(Asked { url: url.clone(), pairs: asking.pairs, is_told: false });
        let answer = self.service.answer(&url, None);
        let answer = answer.or_else(|| asking.is_optional.then(Response::default)).map(Box::new);
        self.later(
            self.service.delay,
            Input::Told { call, purpose: asking.purpose, answer, notes: Vec::new() },
        );
    }

    pub fn tell(&mut self, asking: Asking) {
        let url = asking.link.reveal().to_owned();
        self.service.asked.push(Asked { url, pairs: asking.pairs, is_told: true });
    }

    pub fn prepare(&mut self, call: CallKey, tag: u32, prompts: Vec<Prompt>) {
        // Each is a second of silence: what is heard is for others to test.
        let parts: Vec<Part> = prompts.iter().map(|_| Part::Silence(Duration::from_secs(1))).collect();
        self.service.prompts.push(prompts);
        let sound = Some(Sound::Clips(Playlist { parts: parts.into(), times: 1, tag }));
        self.later(self.service.preparation, Input::Prepared { call, tag, sound, notes: Vec::new() });
    }

    fn later(&mut self, delay: Duration, input: Input) {
        let at = self.now + delay;
        self.agenda.add(at, Happening::Switch(input));
    }
}
