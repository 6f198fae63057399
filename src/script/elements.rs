//! How each element begins, and what follows when it is over.

use std::mem;
use std::time::Instant;

use super::gather::{Gathering, Outcome};
use super::machine::{Action, Doing, Script};
use super::want::{Sound, Step, Want, Why};
use crate::voice::{
    Dial, Dtmf, Element, Event, Hangup, HangupReason, Hidden, Link, Method, Prompt, Record, Recorded,
    Response, Wait,
};

impl Script {
    /// Begins an element; the call is answered by now where that is needed.
    pub(super) fn perform(&mut self, now: Instant, element: Element) -> Doing {
        match element {
            Element::Speak(speak) => self.play(vec![Prompt::Speak(speak)]),
            Element::Play(play) => self.play(vec![Prompt::Play(play)]),
            Element::PreAnswer(prompts) if self.answered || self.early => self.play(prompts),
            Element::PreAnswer(prompts) => {
                self.wants.add(Want::PreAnswer);
                Doing::OpeningEarly(prompts)
            }
            Element::Wait(wait) => self.wait(now, wait),
            Element::Gather(gather) => {
                let (gathering, outcome) = Gathering::new(*gather, now, &mut self.wants);
                self.gathered(Box::new(gathering), outcome)
            }
            Element::Record(record) if record.is_beside() => {
                self.recordings.start(record, &mut self.wants);
                Doing::Nothing
            }
            Element::Record(record) if record.beep => {
                Doing::Beeping(self.wants.play(Vec::new(), true), record)
            }
            Element::Record(record) => self.record(record),
            Element::Dtmf(dtmf) => self.send(dtmf),
            Element::Dial(dial) => self.dial(dial),
            Element::Redirect(redirect) => self.ask(redirect.link, redirect.method, Event::Redirect, false),
            Element::Hangup(Hangup { reason, schedule: None }) => self.end(Why::Asked, reason),
            Element::Hangup(Hangup { reason, schedule: Some(after) }) => {
                self.scheduled = now.checked_add(after).map(|at| (at, reason));
                Doing::Nothing
            }
        }
    }

    /// Prompts that are all of an element.
    pub(super) fn play(&mut self, prompts: Vec<Prompt>) -> Doing {
        if prompts.is_empty() { Doing::Nothing } else { Doing::Playing(self.wants.play(prompts, false)) }
    }

    fn send(&mut self, Dtmf { tones, is_async }: Dtmf) -> Doing {
        let tag = self.wants.tag();
        self.wants.add(Want::Send { tag, tones });
        self.sending = Some(tag);
        if is_async { Doing::Nothing } else { Doing::Sending }
    }

    /// Before the answer there is nothing to listen to: then only time ends it.
    fn wait(&mut self, now: Instant, wait: Wait) -> Doing {
        let sound = match wait.until_silence {
            Some(length) => Some(Sound::Silence(length)),
            None => wait.until_beep.then_some(Sound::Beep),
        };
        let ear = sound.filter(|_| self.answered).map(|sound| self.wants.listen(sound));
        Doing::Waiting { until: now.checked_add(wait.length), ear }
    }

    fn dial(&mut self, mut dial: Box<Dial>) -> Doing {
        let link = dial.action.take();
        let then = link.map(|link| Action { link, method: dial.method, redirect: Some(dial.redirect) });
        let ends_on_star = dial.hangup_on_star;
        self.wants.add(Want::Dial(dial));
        Doing::Dialling { ends_on_star, then }
    }

    /// What became of the keys.
    pub(super) fn gathered(&mut self, mut gathering: Box<Gathering>, outcome: Outcome) -> Doing {
        let keys = match outcome {
            Outcome::Open => return Doing::Gathering(gathering),
            Outcome::Keys(keys) => Some(keys),
            Outcome::NoKeys => None,
        };
        self.wants.add(Want::Note(if keys.is_some() { Step::Keys } else { Step::NoKeys }));
        match keys.or_else(|| self.rules.posts_empty_digits.then(Hidden::default)) {
            Some(keys) => self.settle(gathering.action(), Event::Digits(keys)),
            None => Doing::Nothing,
        }
    }

    /// Records the caller, until [`Self::recorded`].
    pub(super) fn record(&mut self, record: Box<Record>) -> Doing {
        let silence = Sound::Silence(record.timeout);
        let tag = self.recordings.start(record, &mut self.wants);
        Doing::Recording { tag, ear: Some(self.wants.listen(silence)) }
    }

    /// A recording is over: its `callback` is told, and where it was an element of its own, its `action`.
    pub(super) fn recorded(&mut self, doing: Doing, tag: u32, recorded: Recorded) -> Doing {
        let Some((then, event)) = self.recordings.end(tag, recorded, &mut self.wants) else { return doing };
        match doing {
            Doing::Recording { tag: current, ear } if current == tag => {
                if ear.is_some() {
                    self.wants.add(Want::StopListening);
                }
                self.settle(then, event)
            }
            doing => {
                self.wants.extend(then.map(|action| action.tell(event)));
                doing
            }
        }
    }

    /// Goes on after an element that had an `action`.
    pub(super) fn settle(&mut self, then: Option<Action>, event: Event) -> Doing {
        match then {
            None => Doing::Nothing,
            Some(action) if action.redirect == Some(false) => {
                self.wants.add(action.tell(event));
                Doing::Nothing
            }
            Some(Action { link, method, redirect }) => self.ask(link, method, event, redirect.is_none()),
        }
    }

    fn ask(&mut self, link: Link, method: Method, event: Event, is_optional: bool) -> Doing {
        self.wants.add(Want::Ask { link, method, event, is_optional });
        Doing::Asking { is_optional }
    }

    /// Goes on with what the service answers.
    pub(super) fn told(&mut self, answer: Option<Response>, is_optional: bool) -> Doing {
        match answer {
            Some(document) if is_optional && document.elements.is_empty() => Doing::Nothing,
            None if is_optional => Doing::Nothing,
            None => self.end(Why::NotTold, None),
            Some(_) if self.place.0 >= self.rules.documents => self.end(Why::Documents, None),
            Some(document) => {
                self.place = (self.place.0 + 1, 0);
                self.left = document.elements.into_iter();
                Doing::Nothing
            }
        }
    }

    /// What was waited for did not come in time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.doing = match mem::take(&mut self.doing) {
            Doing::Waiting { ear, .. } => {
                self.wants.extend(ear.map(|_| Want::StopListening));
                Doing::Nothing
            }
            Doing::Gathering(mut gathering) => {
                let outcome = gathering.expire(now, &mut self.wants);
                self.gathered(gathering, outcome)
            }
            doing => doing,
        };
    }

    /// Hangs up.
    pub(super) fn end(&mut self, why: Why, reason: Option<HangupReason>) -> Doing {
        let over = self.leave();
        self.wants.add(Want::Note(Step::End(why)));
        self.wants.add(Want::Hangup(reason));
        over
    }

    /// Leaves everything as it is: nothing is due any more, and what still ends is told.
    pub(super) fn leave(&mut self) -> Doing {
        self.wants.keep_what_is_told();
        self.scheduled = None;
        self.left = Vec::new().into_iter();
        self.recordings.hang_up();
        match mem::take(&mut self.doing) {
            Doing::Dialling { then, .. } | Doing::Over(then) => Doing::Over(then),
            _ => Doing::Over(None),
        }
    }
}
