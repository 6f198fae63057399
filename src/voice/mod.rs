//! Floor 1. The voice document: what a web service answers when it is asked about a call, as applications written for
//! Vobiz and Plivo write it.
//!
//! Both forms, XML and JSON, become one small tree, and one reader turns it into a [`Response`]: elements in closed
//! types, with the defaults and ranges that the two platforms document. Where they differ, the type says which was
//! chosen. Nothing of a document is ever repeated in a fault but the name of an element or attribute, cut short.
//!
//! # The JSON form
//! An object with the one key `response`, whose value is the list of elements in order. An element is an object with
//! one key, its name in XML with a small first letter (`dtmf` for `DTMF`). Its value is its text, `null`, the list of
//! elements within it, or an object: attributes by their names in XML, `text`, `content` (the list of elements within),
//! or an element within by its name, alone or as a list.
//!
//! ```json
//! {"response": [
//!   {"speak": "Please hold."},
//!   {"dial": {"callerId": "918045550101", "timeout": 30, "number": ["919876500001", "919876500002"]}},
//!   {"gather": {"action": "/pin", "numDigits": 4, "content": [{"play": "/ask.wav"}, {"speak": "Four digits."}]}},
//!   {"hangup": {"reason": "busy"}}
//! ]}
//! ```

pub use crate::base::link::Method;

mod ask;
mod attributes;
mod dial;
mod document;
mod encoding;
mod fault;
mod gather;
mod hidden;
mod json;
mod leg;
mod node;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod tones;
mod xml;

pub use ask::{
    About, Ask, CallStatus, DialStatus, Direction, Ended, Event, Pair, Recorded, cause_name, form,
};
pub use dial::{Dial, DialMusic, Target};
pub use document::{
    Dtmf, Element, Hangup, HangupReason, Play, Prompt, Redirect, Response, Speak, Voice, Wait,
};
pub use fault::{Fault, Label, Note, Place, Warning, Wrong};
pub use gather::{Gather, GatherKind};
pub use hidden::{Hidden, Link, WrittenNumber};
pub use json::read_json;
pub use leg::{DialLeg, LegStep};
pub use read::{Form, Read, read};
pub use record::{FileFormat, Record};
pub use tones::{Key, Keys, Step, Tones};
pub use xml::read_xml;

/// What bounds the work that a document can cause. How many bytes it may have is the caller's to say.
pub mod limits {
    /// Bytes of a document as both platforms document it.
    pub const DOCUMENT: usize = 100 * 1024;
    /// Elements of a document.
    pub const ELEMENTS: usize = 500;
    /// Elements within one another.
    pub const DEPTH: usize = 12;
    /// Attributes of an element.
    pub const ATTRIBUTES: usize = 48;
    /// Warnings that are kept.
    pub const WARNINGS: usize = 32;
    /// Bytes of a URL.
    pub const LINK: usize = 2048;
}
