//! Scripts in virtual time: documents in, what is wanted out, written as a transcript.

mod answering;
mod bounds;
mod dial;
mod gather;
mod random;
mod record;

use std::time::{Duration, Instant};

use super::*;
use crate::voice::{
    About, Ask, CallStatus, DialStatus, Direction, Event, Hidden, Key, Method, Prompt, Recorded, Response,
    Step as Tone, Tones, form, limits, read_xml,
};

/// A call that a script is followed for.
struct Stage {
    script: Script,
    began: Instant,
    now: Instant,
    /// The tag of each kind of want that was last polled.
    play: u32,
    send: u32,
    listen: u32,
    record: u32,
    notes: Vec<Step>,
}

#[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
fn start() -> Instant {
    Instant::now()
}

/// What is between `<Response>` and `</Response>`.
fn document(within: &str) -> Response {
    let text = format!("<Response>{within}</Response>");
    read_xml(text.as_bytes(), limits::DOCUMENT).unwrap().response
}

fn stage_with(rules: Rules, answered: bool, within: &str) -> Stage {
    let began = start();
    let script = Script::new(document(within), rules, answered, began);
    Stage { script, began, now: began, play: 0, send: 0, listen: 0, record: 0, notes: Vec::new() }
}

/// A caller who still hears ringing.
fn ringing(within: &str) -> Stage {
    stage_with(Rules::default(), false, within)
}

fn answered(within: &str) -> Stage {
    stage_with(Rules::default(), true, within)
}

impl Stage {
    /// What is wanted now, but for the notes.
    fn wants(&mut self) -> Vec<String> {
        let mut wants = Vec::new();
        while let Some(want) = self.script.poll() {
            match want {
                Want::Play { tag, .. } => self.play = tag,
                Want::Send { tag, .. } => self.send = tag,
                Want::Listen { tag, .. } => self.listen = tag,
                Want::Record { tag, .. } => self.record = tag,
                Want::Note(step) => self.notes.push(step),
                _ => {}
            }
            wants.extend(written(&want));
        }
        wants
    }

    #[track_caller]
    fn gives<const N: usize>(&mut self, expected: [&str; N]) {
        assert_eq!(self.wants(), expected);
    }

    fn happens(&mut self, happened: Happened) -> &mut Self {
        self.script.handle(self.now, happened);
        self
    }

    fn plays_out(&mut self) -> &mut Self {
        self.happens(Happened::Played(self.play))
    }

    fn presses(&mut self, signs: &str) -> &mut Self {
        for sign in signs.chars() {
            self.happens(Happened::Key(Key::read(sign).unwrap()));
        }
        self
    }

    fn is_told(&mut self, within: &str) -> &mut Self {
        self.happens(Happened::Told(Some(document(within))))
    }

    /// Time goes on; the script is told once, at the end.
    fn waits(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self.script.advance(self.now);
        self
    }

    /// When something is due, in ms from the beginning.
    fn due(&self) -> Option<u128> {
        self.script.next_deadline().map(|at| at.duration_since(self.began).as_millis())
    }
}

/// A want as the tests write it.
fn written(want: &Want) -> Option<String> {
    Some(match want {
        Want::Note(_) => return None,
        Want::Answer => "answer".to_owned(),
        Want::PreAnswer => "early media".to_owned(),
        Want::Play { prompts, beep, .. } => {
            let beep = beep.then(|| "beep".to_owned());
            let heard: Vec<String> = prompts.iter().map(heard).chain(beep).collect();
            format!("play {}", heard.join(" "))
        }
        Want::Hush => "hush".to_owned(),
        Want::Send { tones, .. } => format!("send {}", signs(tones)),
        Want::Listen { sound: Sound::Silence(length), .. } => format!("listen for silence {length:?}"),
        Want::Listen { sound: Sound::Beep, .. } => "listen for beep".to_owned(),
        Want::StopListening => "stop listening".to_owned(),
        Want::Dial(dial) => format!("dial {}", dial.targets.len()),
        Want::EndDial => "end dial".to_owned(),
        Want::Record { record, .. } => {
            format!("record {}", if record.is_beside() { "call" } else { "caller" })
        }
        Want::StopRecording { .. } => "stop recording".to_owned(),
        Want::Ask { link, method, event, is_optional } => {
            let word = if *is_optional { "ask, if you like," } else { "ask" };
            format!("{word} {} {}", asked(*method, link.reveal()), parameters(event))
        }
        Want::Tell { link, method, event } => {
            format!("tell {} {}", asked(*method, link.reveal()), parameters(event))
        }
        Want::Hangup(None) => "hang up".to_owned(),
        Want::Hangup(Some(reason)) => format!("hang up {reason:?}"),
    })
}

fn asked(method: Method, link: &str) -> String {
    if method == Method::Get { format!("GET {link}") } else { link.to_owned() }
}

fn heard(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Speak(speak) => speak.text.reveal().to_owned(),
        Prompt::Play(play) => play.link.reveal().to_owned(),
        Prompt::Wait(wait) => format!("{:?}", wait.length),
    }
}

fn signs(tones: &Tones) -> String {
    let sign = |step| match step {
        Tone::Tone(key) => key.sign(),
        Tone::Pause(_) => 'w',
    };
    tones.steps().map(sign).collect()
}

/// The parameters that an event adds to those of every request.
fn parameters(event: &Event) -> String {
    let number = "+918045550101".parse().unwrap();
    let about = About {
        call: "c".into(),
        from: None,
        to: number,
        direction: Direction::Inbound,
        status: CallStatus::Ringing,
    };
    form(&Ask { about, event: event.clone() }.pairs()[5..])
}

fn dialled(status: DialStatus, cause: u8) -> Happened {
    let b_leg = (status == DialStatus::Completed).then(|| "b".into());
    Happened::Dialled(DialEnd { status, rang: true, cause, a_leg: "a".into(), b_leg })
}

/// What is known of a recording of so many milliseconds; of none while it goes on.
fn recording(millis: Option<u64>) -> Recorded {
    let end_ms = millis.map(|millis| 1_000 + millis);
    Recorded { id: "r".into(), url: None, start_ms: 1_000, end_ms, reason: None, digits: Hidden::default() }
}
