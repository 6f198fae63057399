//! The machine: one element at a time, and what ends it.

use std::mem;
use std::time::Instant;
use std::vec;

use super::gather::Gathering;
use super::record::{Recordings, SILENT};
use super::want::{Happened, Step, Want, Wants, Why};
use crate::voice::{DialStatus, Element, Event, HangupReason, Link, Method, Prompt, Record, Response};

/// What an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether a service is told that no key was pressed, with empty `Digits`; by default the next element follows, as
    /// both platforms document.
    pub posts_empty_digits: bool,
    /// Documents that a call may follow.
    pub documents: u32,
    /// Elements that a call may follow.
    pub elements: u32,
}

impl Default for Rules {
    /// More than a caller has patience for, and no endless circle.
    fn default() -> Self {
        Self { posts_empty_digits: false, documents: 100, elements: 10_000 }
    }
}

/// A call's way through what its service answers.
#[derive(Debug)]
pub struct Script {
    pub(super) rules: Rules,
    pub(super) answered: bool,
    /// Whether early media was opened.
    pub(super) early: bool,
    pub(super) left: vec::IntoIter<Element>,
    /// Which document it is, from 1, and how many of its elements were begun.
    pub(super) place: (u32, u32),
    /// Elements begun, of all documents.
    begun: u32,
    pub(super) doing: Doing,
    /// When the call is hung up whatever it is doing, and why.
    pub(super) scheduled: Option<(Instant, Option<HangupReason>)>,
    /// The tones that were sent last, until they are over.
    pub(super) sending: Option<u32>,
    pub(super) recordings: Recordings,
    pub(super) wants: Wants,
}

/// What is going on. All but the first waits for something to happen.
#[derive(Debug, Default)]
pub(super) enum Doing {
    /// The next element can begin.
    #[default]
    Nothing,
    /// Until the caller is answered: then this begins.
    Answering(Element),
    /// Until early media is open: then these are heard.
    OpeningEarly(Vec<Prompt>),
    Playing(u32),
    /// Until the last tones are sent.
    Sending,
    Waiting {
        until: Option<Instant>,
        ear: Option<u32>,
    },
    Gathering(Box<Gathering>),
    /// Until the beep before a recording is over.
    Beeping(u32, Box<Record>),
    Recording {
        tag: u32,
        ear: Option<u32>,
    },
    Dialling {
        ends_on_star: bool,
        then: Option<Action>,
    },
    Asking {
        is_optional: bool,
    },
    /// The call is over; with the action of the Dial that still has to end.
    Over(Option<Action>),
}

/// What the service is asked or told when an element is over.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) link: Link,
    pub(super) method: Method,
    /// Whether the call goes on with what it answers; none where it does if that has an element in it.
    pub(super) redirect: Option<bool>,
}

impl Action {
    pub(super) fn tell(self, event: Event) -> Want {
        Want::Tell { link: self.link, method: self.method, event }
    }
}

impl Doing {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Waiting { until, .. } => *until,
            Self::Gathering(gathering) => gathering.deadline(),
            _ => None,
        }
    }
}

impl Script {
    /// Begins to follow a document; `answered` where the caller is already.
    #[must_use]
    pub fn new(document: Response, rules: Rules, answered: bool, now: Instant) -> Self {
        let mut script = Self {
            rules,
            answered,
            early: false,
            left: document.elements.into_iter(),
            place: (1, 0),
            begun: 0,
            doing: Doing::Nothing,
            scheduled: None,
            sending: None,
            recordings: Recordings::default(),
            wants: Wants::default(),
        };
        script.follow(now);
        script
    }

    /// What is wanted next.
    pub fn poll(&mut self) -> Option<Want> {
        self.wants.take()
    }

    /// Whether the call is hung up or gone. What is left may still be told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.doing, Doing::Over(_))
    }

    /// When [`Self::advance`] is to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let scheduled = self.scheduled.map(|(at, _)| at);
        [self.doing.deadline(), scheduled, self.recordings.deadline()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.recordings.expire(due, &mut self.wants);
            if let Some((_, reason)) = self.scheduled.filter(|(at, _)| *at <= due) {
                self.doing = self.end(Why::Scheduled, reason);
            } else if self.doing.deadline().is_some_and(|at| at <= due) {
                self.expire(now);
            }
            self.follow(now);
        }
    }

    /// Something happened.
    pub fn handle(&mut self, now: Instant, happened: Happened) {
        self.advance(now);
        self.answered |= happened == Happened::Answered;
        match happened {
            Happened::CallerGone => self.doing = self.leave(),
            Happened::Recording(tag, recorded) => {
                self.recordings.begin(now, tag, recorded, &mut self.wants);
            }
            happened => {
                if let Happened::Sent(tag) = happened {
                    self.sending.take_if(|sending| *sending == tag);
                }
                let doing = mem::take(&mut self.doing);
                self.doing = self.turn(now, doing, happened);
            }
        }
        self.follow(now);
    }

    /// What follows from something that happened while something was going on.
    fn turn(&mut self, now: Instant, doing: Doing, happened: Happened) -> Doing {
        match (doing, happened) {
            (doing, Happened::Recorded(tag, recorded)) => self.recorded(doing, tag, recorded),
            (Doing::Answering(element), Happened::Answered) => self.perform(now, element),
            (Doing::OpeningEarly(prompts), Happened::Early) => {
                self.early = true;
                self.play(prompts)
            }
            (Doing::Playing(tag), Happened::Played(done)) if tag == done => Doing::Nothing,
            (Doing::Sending, Happened::Sent(_)) if self.sending.is_none() => Doing::Nothing,
            (Doing::Waiting { ear: Some(tag), .. }, Happened::Heard(heard)) if tag == heard => Doing::Nothing,
            (Doing::Gathering(mut gathering), happened) => {
                let outcome = gathering.handle(now, &happened, &mut self.wants);
                self.gathered(gathering, outcome)
            }
            (Doing::Beeping(tag, record), Happened::Played(done)) if tag == done => self.record(record),
            (Doing::Recording { tag, ear: Some(ear) }, Happened::Heard(heard)) if ear == heard => {
                self.recordings.stop(tag, SILENT, None, &mut self.wants);
                Doing::Recording { tag, ear: None }
            }
            (doing @ Doing::Recording { tag, .. }, Happened::Key(key)) => {
                self.recordings.press(tag, key, &mut self.wants);
                doing
            }
            (Doing::Dialling { ends_on_star: true, then }, Happened::Key(key)) if key.sign() == '*' => {
                self.wants.add(Want::EndDial);
                Doing::Dialling { ends_on_star: false, then }
            }
            (Doing::Dialling { then, .. }, Happened::Dialled(end)) => {
                self.answered |= end.status == DialStatus::Completed;
                self.settle(then, end.event())
            }
            (Doing::Asking { is_optional }, Happened::Told(answer)) => self.told(answer, is_optional),
            (Doing::Over(Some(action)), Happened::Dialled(end)) => {
                self.wants.add(action.tell(end.event()));
                Doing::Over(None)
            }
            (doing, _) => doing,
        }
    }

    /// Begins what is left, up to the first element that takes time. At the end, tones that are being sent are not cut off.
    fn follow(&mut self, now: Instant) {
        while let Doing::Nothing = self.doing {
            self.doing = match self.left.next() {
                Some(_) if self.begun == self.rules.elements => self.end(Why::Elements, None),
                Some(element) => self.begin(now, element),
                None if self.sending.is_some() => Doing::Sending,
                None => self.end(Why::RanOut, None),
            };
        }
    }

    fn begin(&mut self, now: Instant, element: Element) -> Doing {
        self.begun += 1;
        self.place.1 += 1;
        let (document, place) = self.place;
        self.wants.add(Want::Note(Step::Begin { name: element.name(), document, element: place }));
        let is_first = place == 1;
        let needs_answer = match &element {
            Element::Speak(_) | Element::Play(_) | Element::Gather(_) | Element::Dtmf(_) => true,
            Element::Record(record) => !record.is_beside(),
            Element::Wait(_) => !is_first,
            Element::Dial(_) | Element::PreAnswer(_) | Element::Redirect(_) | Element::Hangup(_) => false,
        };
        if needs_answer && !self.answered {
            self.wants.add(Want::Answer);
            return Doing::Answering(element);
        }
        self.perform(now, element)
    }
}
