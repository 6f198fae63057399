//! The element that records.

use std::time::Duration;

use super::attributes::{Given, Notes};
use super::node::Node;
use super::{Keys, Link, Method};

/// Records the caller, or with `recordSession` the whole call.
///
/// Vobiz, "Record XML Element"; Plivo, "Record". They differ in three defaults: see the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What is asked when the recording is over, or where it goes on by itself, when it has begun.
    pub action: Option<Link>,
    /// How it is asked.
    pub method: Method,
    /// The form of the file; MP3 by default.
    pub format: FileFormat,
    /// Whether the call goes on with what `action` answers. By default it does on Plivo and does not on Vobiz, where
    /// the answer has to be empty. So None means: where the answer has an element in it.
    pub redirect: Option<bool>,
    /// How much silence ends it, by default 60 s (Vobiz; 15 s on Plivo, where `maxLength` ends it after as long).
    pub timeout: Duration,
    /// How long it may be, by default 60 s, or where it goes on beside, until the call is over (Vobiz; Plivo's newer pages,
    /// while its older ones name 60 s for both).
    pub most: Duration,
    /// Whether it begins with a beep; the default.
    pub beep: bool,
    /// Keys that end it, all by default (Vobiz, and Plivo's older pages; `#` on Plivo's newer).
    pub finish_on_key: Keys,
    /// Whether the whole call is recorded while the elements after it are followed; not by default.
    pub whole_session: bool,
    /// Whether it begins when the party that is dialled answers; not by default.
    pub from_dial_answer: bool,
    /// What is told when the file is there.
    pub callback: Option<Link>,
    /// How it is told.
    pub callback_method: Method,
}

/// The form of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileFormat {
    /// MP3.
    #[default]
    Mp3,
    /// WAV.
    Wav,
}

impl Record {
    /// Whether it goes on while the elements after it are followed. Then silence, keys and the beep mean nothing (Plivo,
    /// "Record").
    #[must_use]
    pub fn is_beside(&self) -> bool {
        self.whole_session || self.from_dial_answer
    }
}

/// Ten years, in seconds: a recording without bound is written so.
const ALWAYS: u64 = 315_360_000;

/// Reads one that stands in a Dial, or not: one that does begins with the answer.
pub(super) fn read(node: &Node, in_dial: bool, notes: &mut Notes) -> Record {
    let mut given = Given::new(node, "Record", notes);
    let minute = Duration::from_secs(60);
    let format = |text: &str| match text.to_ascii_lowercase().as_str() {
        "mp3" => Some(FileFormat::Mp3),
        "wav" => Some(FileFormat::Wav),
        _ => None,
    };
    let keys = |text: &str| match text.trim() {
        "none" => Some(Keys::NONE),
        text => Keys::read(text),
    };
    let whole_session = given.flag("recordSession").unwrap_or(false);
    let from_dial_answer = given.flag("startOnDialAnswer").unwrap_or(false) || in_dial;
    let most = if whole_session || from_dial_answer { Duration::from_secs(ALWAYS) } else { minute };
    let record = Record {
        action: given.link("action"),
        method: given.method("method"),
        format: given.read("fileFormat", format).unwrap_or_default(),
        redirect: given.flag("redirect"),
        timeout: given.seconds("timeout", 1..=ALWAYS).unwrap_or(minute),
        most: given.seconds("maxLength", 1..=ALWAYS).unwrap_or(most),
        beep: given.flag("playBeep").unwrap_or(true),
        finish_on_key: given.read("finishOnKey", keys).unwrap_or(Keys::ALL),
        whole_session,
        from_dial_answer,
        callback: given.link("callbackUrl"),
        callback_method: given.method("callbackMethod"),
    };
    given.ignored(&["recordChannelType", "transcriptionType", "transcriptionUrl", "transcriptionMethod"]);
    given.ignored(&["transcriptionReportType"]);
    given.end();
    record
}
