//! What a script wants done, and what happens to it.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::voice::{
    Dial, DialStatus, Event, HangupReason, Key, Link, Method, Prompt, Record, Recorded, Response, Tones,
};

/// Something that is to be done. A `tag` comes back with what is said of it, so that what comes late, for something
/// that is over, does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Answer the caller: comes back as [`Happened::Answered`], or as [`Happened::CallerGone`].
    Answer,
    /// Open early media toward the caller (183): comes back as [`Happened::Early`], also where the caller can have none;
    /// what is played then counts as played at once.
    PreAnswer,
    /// Play these to the caller, in order, each as often as it says, and a beep after them: comes back as
    /// [`Happened::Played`], also where nothing of it can be played. Never before the answer or early media.
    Play {
        /// What comes back.
        tag: u32,
        /// What is heard; possibly nothing but the beep.
        prompts: Vec<Prompt>,
        /// Whether a beep follows.
        beep: bool,
    },
    /// What plays is to stop. It no longer has to come back.
    Hush,
    /// Send tones to the caller: comes back as [`Happened::Sent`], also where none can be sent. The next may be wanted
    /// while one is sent: they follow each other.
    Send {
        /// What comes back.
        tag: u32,
        /// The tones.
        tones: Tones,
    },
    /// Listen to the caller until this is heard: comes back as [`Happened::Heard`], and never where it cannot be
    /// listened for. One thing at a time.
    Listen {
        /// What comes back.
        tag: u32,
        /// What is listened for.
        sound: Sound,
    },
    /// Listen no more.
    StopListening,
    /// Connect the caller, and answer the caller with who takes the call: comes back as [`Happened::Dialled`] when it
    /// is over. Its `hangup_on_star`, `action` and `redirect` are followed here, all else of it there.
    Dial(Box<Dial>),
    /// End whom the caller is connected with or who is ringing (`hangupOnStar`), and not the caller.
    EndDial,
    /// Record the caller, from now on; or where it [goes on beside](Record::is_beside) what follows, the whole call, from
    /// the answer, or with `from_dial_answer` from that of the next Dial. Comes back as [`Happened::Recording`] when it
    /// begins and [`Happened::Recorded`] when it is over; as the latter alone where nothing can be recorded. Its beep,
    /// silence, length and keys are followed here.
    Record {
        /// What comes back.
        tag: u32,
        /// The element.
        record: Box<Record>,
    },
    /// End a recording.
    StopRecording {
        /// Which.
        tag: u32,
    },
    /// Ask the service, and follow what it answers: comes back as [`Happened::Told`].
    Ask {
        /// Where.
        link: Link,
        /// How.
        method: Method,
        /// Why.
        event: Event,
        /// Whether the answer may be anything (`<Record>` without `redirect`): one without an element, or none that can
        /// be read, means that the script goes on, and no other URL need be tried.
        is_optional: bool,
    },
    /// Tell the service; what it answers is let fall.
    Tell {
        /// Where.
        link: Link,
        /// How.
        method: Method,
        /// What.
        event: Event,
    },
    /// End the call: before the answer, a refusal. Without a reason and after a Dial, refuse as that Dial ended.
    Hangup(Option<HangupReason>),
    /// Nothing to be done: what was begun, for the call's record.
    Note(Step),
}

/// What is listened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// Silence for so long, without a break.
    Silence(Duration),
    /// An answering machine's beep.
    Beep,
}

/// A step of a script. It holds nothing of a document but names of elements, and no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An element begins.
    Begin {
        /// Its name in XML.
        name: &'static str,
        /// The document it stands in: 1 is the first of the call.
        document: u32,
        /// Which of that document's elements it is, from 1.
        element: u32,
    },
    /// Keys were collected.
    Keys,
    /// Keys were waited for, and none came that counts.
    NoKeys,
    /// The call is hung up.
    End(Why),
}

/// Why a script hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The document says so.
    Asked,
    /// The document said so some time ago (`schedule`).
    Scheduled,
    /// No element is left.
    RanOut,
    /// The service did not say how to go on.
    NotTold,
    /// More documents than [`super::Rules::documents`].
    Documents,
    /// More elements than [`super::Rules::elements`].
    Elements,
}

/// Something that happened to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The caller was answered; by whatever.
    Answered,
    /// Early media is open, or cannot be.
    Early,
    /// What was played is over.
    Played(u32),
    /// Tones were sent.
    Sent(u32),
    /// The caller pressed a key.
    Key(Key),
    /// What was listened for was heard.
    Heard(u32),
    /// A Dial is over.
    Dialled(DialEnd),
    /// A recording begins: its id, its URL, its start.
    Recording(u32, Recorded),
    /// A recording is over. Its `reason` and `digits` are filled in here where it was the script that ended it.
    Recorded(u32, Recorded),
    /// What the service answers, its URLs made whole; none where it failed for good.
    Told(Option<Response>),
    /// The call is over, or about to be, and not by this script.
    CallerGone,
}

/// How a Dial ended: what [`Event::DialAction`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialEnd {
    /// How.
    pub status: DialStatus,
    /// Whether it rang.
    pub rang: bool,
    /// The Q.850 cause.
    pub cause: u8,
    /// The caller's leg.
    pub a_leg: Box<str>,
    /// The leg that answered.
    pub b_leg: Option<Box<str>>,
}

impl DialEnd {
    pub(super) fn event(self) -> Event {
        let Self { status, rang, cause, a_leg, b_leg } = self;
        Event::DialAction { status, rang, cause, a_leg, b_leg }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { name, document, element } => {
                write!(f, "<{name}>, element {element} of document {document}")
            }
            Self::Keys => f.write_str("the caller pressed keys"),
            Self::NoKeys => f.write_str("the caller pressed no key that counts"),
            Self::End(why) => write!(f, "hung up: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "the document says so",
            Self::Scheduled => "the time that the document set is over",
            Self::RanOut => "no element is left",
            Self::NotTold => "the service did not say how to go on",
            Self::Documents => "too many documents",
            Self::Elements => "too many elements",
        })
    }
}

/// What is wanted and not yet taken.
#[derive(Debug, Default)]
pub(super) struct Wants {
    queue: VecDeque<Want>,
    last_tag: u32,
}

impl Wants {
    pub(super) fn add(&mut self, want: Want) {
        self.queue.push_back(want);
    }

    pub(super) fn extend(&mut self, wants: impl IntoIterator<Item = Want>) {
        self.queue.extend(wants);
    }

    /// Of a call that is over nothing is wanted but that the service is told; what it was to be asked is told too, but
    /// for where to go on.
    pub(super) fn keep_what_is_told(&mut self) {
        let told = mem::take(&mut self.queue).into_iter().filter_map(|want| match want {
            Want::Ask { event: Event::Redirect, .. } => None,
            Want::Ask { link, method, event, .. } => Some(Want::Tell { link, method, event }),
            Want::Tell { .. } | Want::Note(_) => Some(want),
            _ => None,
        });
        self.queue = told.collect();
    }

    pub(super) fn take(&mut self) -> Option<Want> {
        self.queue.pop_front()
    }

    /// A tag that no other want has.
    pub(super) fn tag(&mut self) -> u32 {
        self.last_tag = self.last_tag.wrapping_add(1);
        self.last_tag
    }

    pub(super) fn play(&mut self, prompts: Vec<Prompt>, beep: bool) -> u32 {
        let tag = self.tag();
        self.add(Want::Play { tag, prompts, beep });
        tag
    }

    pub(super) fn listen(&mut self, sound: Sound) -> u32 {
        let tag = self.tag();
        self.add(Want::Listen { tag, sound });
        tag
    }
}
