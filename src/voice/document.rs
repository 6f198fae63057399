//! A document and its plain elements.

use std::time::Duration;

use super::{Dial, DialMusic, Gather, Hidden, Link, Method, Record, Tones};

/// What a service answers: elements, followed one after the other; after the last the call is hung up.
///
/// Vobiz, "Response"; Plivo, "XML Overview".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The elements in order.
    pub elements: Vec<Element>,
}

/// One element of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Connects the caller to somebody.
    Dial(Box<Dial>),
    /// Speaks a text.
    Speak(Speak),
    /// Plays a file.
    Play(Play),
    /// Waits.
    Wait(Wait),
    /// Collects keys.
    Gather(Box<Gather>),
    /// Records.
    Record(Box<Record>),
    /// Speaks, plays and waits before the call is answered.
    ///
    /// Vobiz, "PreAnswer", whose own writing also has `Preanswer`; Plivo, "Call Routing".
    PreAnswer(Vec<Prompt>),
    /// Asks another URL and goes on with what it answers.
    Redirect(Redirect),
    /// Ends the call.
    Hangup(Hangup),
    /// Sends tones.
    Dtmf(Dtmf),
}

/// What a party can be given to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A text.
    Speak(Speak),
    /// A file.
    Play(Play),
    /// Silence.
    Wait(Wait),
}

/// Speaks a text. Of SSML only the words are kept.
///
/// Vobiz, "Speak"; Plivo, "Audio Output" and "SSML".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speak {
    /// The text, its white space brought down to single spaces; never empty.
    pub text: Hidden,
    /// The voice; a woman's by default.
    pub voice: Voice,
    /// The language (RFC 5646), `en-US` by default.
    pub language: Box<str>,
    /// How often, 1 by default; 0 is without end.
    pub times: u32,
}

/// A voice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Voice {
    /// `WOMAN`.
    #[default]
    Woman,
    /// `MAN`.
    Man,
    /// By a name of at most 64 characters, such as `Polly.Aditi`.
    Named(Box<str>),
}

/// Plays a file.
///
/// Vobiz, "Play"; Plivo, "Audio Output".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// Where the file is.
    pub link: Link,
    /// How often, 1 by default; 0 is without end.
    pub times: u32,
}

/// Waits. As the first element, before the call is answered.
///
/// Vobiz, "Wait"; Plivo, "Call Routing".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How long, 1 s by default.
    pub length: Duration,
    /// Ends it early after so much silence: where `silence` is set, `minSilence`, 2 s by default.
    pub until_silence: Option<Duration>,
    /// Whether it ends after an answering machine's beep, where it does not listen for silence. Plivo also has
    /// parameters of the beep there; any mean yes.
    pub until_beep: bool,
}

/// Asks another URL.
///
/// Vobiz, "Redirect"; Plivo, "Call Routing".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The URL.
    pub link: Link,
    /// How it is asked.
    pub method: Method,
}

/// Ends the call; refuses it, where it is the first element.
///
/// Vobiz, "Hangup"; Plivo, "Call Routing". Vobiz's own samples write other reasons than the two: they count as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hangup {
    /// Why.
    pub reason: Option<HangupReason>,
    /// Not now, but after so long, while the elements after it are followed.
    pub schedule: Option<Duration>,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangupReason {
    /// `rejected`.
    Rejected,
    /// `busy`.
    Busy,
}

/// Sends tones to the caller.
///
/// Vobiz, "DTMF"; Plivo, "Audio Output".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtmf {
    /// What is sent.
    pub tones: Tones,
    /// Whether the next element begins meanwhile; the default.
    pub is_async: bool,
}

impl Response {
    /// What of it can be played to somebody: where only that is asked for (`confirmSound`, `dialMusic`), all else
    /// is passed over.
    #[must_use]
    pub fn prompts(self) -> Vec<Prompt> {
        let prompts = self.elements.into_iter().filter_map(|element| match element {
            Element::Speak(speak) => Some(Prompt::Speak(speak)),
            Element::Play(play) => Some(Prompt::Play(play)),
            Element::Wait(wait) => Some(Prompt::Wait(wait)),
            _ => None,
        });
        prompts.collect()
    }

    /// Does something with every URL in it.
    ///
    /// # Errors
    /// The first that comes of it.
    pub fn each_link<E>(&mut self, change: &mut impl FnMut(&mut Link) -> Result<(), E>) -> Result<(), E> {
        self.elements
            .iter_mut()
            .try_for_each(|element| element.links().into_iter().try_for_each(&mut *change))
    }
}

impl Element {
    /// Its name in XML.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dial(_) => "Dial",
            Self::Speak(_) => "Speak",
            Self::Play(_) => "Play",
            Self::Wait(_) => "Wait",
            Self::Gather(gather) => gather.kind.as_str(),
            Self::Record(_) => "Record",
            Self::PreAnswer(_) => "PreAnswer",
            Self::Redirect(_) => "Redirect",
            Self::Hangup(_) => "Hangup",
            Self::Dtmf(_) => "DTMF",
        }
    }

    fn links(&mut self) -> Vec<&mut Link> {
        match self {
            Self::Dial(dial) => {
                let music = match &mut dial.music {
                    Some(DialMusic::Link(link)) => Some(link),
                    Some(DialMusic::Real) | None => None,
                };
                let links = [&mut dial.action, &mut dial.confirm_sound, &mut dial.callback];
                links.into_iter().flatten().chain(music).collect()
            }
            Self::Play(play) => vec![&mut play.link],
            Self::Gather(gather) => {
                let links = [&mut gather.action, &mut gather.invalid_sound];
                links
                    .into_iter()
                    .flatten()
                    .chain(gather.prompts.iter_mut().filter_map(Prompt::link))
                    .collect()
            }
            Self::Record(record) => {
                let links = [&mut record.action, &mut record.callback];
                links.into_iter().flatten().collect()
            }
            Self::PreAnswer(prompts) => prompts.iter_mut().filter_map(Prompt::link).collect(),
            Self::Redirect(redirect) => vec![&mut redirect.link],
            Self::Speak(_) | Self::Wait(_) | Self::Hangup(_) | Self::Dtmf(_) => Vec::new(),
        }
    }
}

impl Prompt {
    fn link(&mut self) -> Option<&mut Link> {
        match self {
            Self::Play(play) => Some(&mut play.link),
            Self::Speak(_) | Self::Wait(_) => None,
        }
    }
}
