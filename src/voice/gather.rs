//! The elements that collect keys.

use std::time::Duration;

use super::attributes::{Given, Notes};
use super::fault::{Fault, Note};
use super::node::Node;
use super::read::prompts;
use super::{Key, Keys, Link, Method, Prompt};

/// Collects keys and asks a URL with them. One type for three elements: Vobiz has Gather, Plivo has GetInput, which is
/// the same, and the older GetDigits.
///
/// Vobiz, "Gather XML Element"; Plivo, "The GetInput element", "The GetDigits element" and "User Input".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// Which of the three it is.
    pub kind: GatherKind,
    /// What the keys are told to. Vobiz and GetInput require it; their own samples lack it, and without it the keys are
    /// lost.
    pub action: Option<Link>,
    /// How it is asked.
    pub method: Method,
    /// Whether keys are listened for: not where only speech is asked for, which is not recognised here.
    pub hears_keys: bool,
    /// In GetDigits (`timeout`), how long the first key is waited for, 5 s by default; else (`executionTimeout`), how
    /// long keys are collected, 5 to 60 s, by default 15. Both after the prompts.
    pub timeout: Duration,
    /// How long the first key is waited for in GetInput (`startInputTimeout`), where it is set.
    pub first_key: Option<Duration>,
    /// How long the next key is waited for: in GetDigits (`digitTimeout`) 2 s by default, else (`digitEndTimeout`) 2 to
    /// 10 s, or `auto`, which is None and the default.
    pub next_key: Option<Duration>,
    /// The key that ends it and is not told, `#` by default; none for the empty text and `none`.
    pub finish_on_key: Option<Key>,
    /// How many keys end it, at least 1: in GetDigits up to 99, else up to 32, which are the defaults.
    pub most_keys: u32,
    /// How often it is tried, 1 by default.
    pub tries: u32,
    /// Whether the call goes on with what `action` answers; the default.
    pub redirect: bool,
    /// Whether a beep follows the prompts; not by default.
    pub beep: bool,
    /// Keys that count, all by default.
    pub valid_keys: Keys,
    /// What is played after a key that does not count.
    pub invalid_sound: Option<Link>,
    /// Whether the keys may be kept in a record; they may by default.
    pub log: bool,
    /// What is heard first; the first key cuts it off.
    pub prompts: Vec<Prompt>,
}

/// Which element a [`Gather`] was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatherKind {
    /// Vobiz's.
    Gather,
    /// Plivo's older one.
    GetDigits,
    /// Plivo's newer one.
    GetInput,
}

impl GatherKind {
    /// The element's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gather => "Gather",
            Self::GetDigits => "GetDigits",
            Self::GetInput => "GetInput",
        }
    }
}

/// What both platforms have for speech.
const SPEECH: &[&str] = &[
    "speechEndTimeout",
    "speechModel",
    "hints",
    "language",
    "interimSpeechResultsCallback",
    "interimSpeechResultsCallbackMethod",
    "profanityFilter",
];

pub(super) fn read(node: &Node, kind: GatherKind, notes: &mut Notes) -> Result<Gather, Fault> {
    let is_digits = kind == GatherKind::GetDigits;
    let prompts = prompts(node, kind.as_str(), notes)?;
    let mut given = Given::new(node, kind.as_str(), notes);
    let seconds = |seconds| Duration::from_secs(seconds);
    let (timeout, next_key, most) = if is_digits {
        let timeout = given.seconds("timeout", 1..=3_600).unwrap_or(seconds(5));
        (timeout, Some(given.seconds("digitTimeout", 1..=3_600).unwrap_or(seconds(2))), 99)
    } else {
        let timeout = given.seconds("executionTimeout", 5..=60).unwrap_or(seconds(15));
        (timeout, given.seconds_or_auto("digitEndTimeout", 2..=10), 32)
    };
    let gather = Gather {
        kind,
        action: given.link("action"),
        method: given.method("method"),
        hears_keys: is_digits || hears_keys(&mut given),
        timeout,
        first_key: if is_digits { None } else { given.seconds("startInputTimeout", 1..=60) },
        next_key,
        finish_on_key: given.key("finishOnKey").unwrap_or(Key::read('#')),
        most_keys: given.whole("numDigits", 1..=most).unwrap_or(most),
        tries: given.whole("retries", 1..=20).unwrap_or(1),
        redirect: given.flag("redirect").unwrap_or(true),
        beep: given.flag("playBeep").unwrap_or(false),
        valid_keys: given
            .read("validDigits", Keys::read)
            .filter(|keys| *keys != Keys::NONE)
            .unwrap_or(Keys::ALL),
        invalid_sound: given.link("invalidDigitsSound"),
        log: given.flag("log").unwrap_or(true),
        prompts,
    };
    if !is_digits {
        given.ignored(SPEECH);
    }
    given.end();
    Ok(gather)
}

/// What `inputType` asks for; keys where it is left out. Plivo's first GetInput called it `type`.
fn hears_keys(given: &mut Given<'_>) -> bool {
    let (older, newer) = (given.filled("type"), given.filled("inputType"));
    let Some(text) = newer.or(older) else { return true };
    let kinds: Vec<String> = text.split([' ', ',']).map(str::to_ascii_lowercase).collect();
    let has = |kind: &str| kinds.iter().any(|other| other == kind);
    if has("speech") {
        given.note(Note::Speech);
    } else if !has("dtmf") {
        given.note(Note::Unread("inputType"));
    }
    has("dtmf") || !has("speech")
}
