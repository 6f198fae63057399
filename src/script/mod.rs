//! Floor 2. The script: follows a voice document, one element after the other, and whatever documents come after it.
//!
//! A pure machine: what happened and the time go in, what is wanted and the next deadline come out. It knows no SIP, no
//! sound and no HTTP; whoever drives it answers, plays, dials, records and asks.
//!
//! # Who is answered, and when
//! An element that needs the caller's ear or voice answers the call first. Dial does not (the caller is answered when
//! somebody takes the call), nor Redirect, PreAnswer (early media), Hangup (a refusal), a Wait that is the first element
//! of its document (the caller goes on hearing ringing), and a Record that goes on beside the elements after it.
//!
//! # What comes of an `action`
//! With `redirect` the service is asked, and what it answers takes the place of all that is left of the document.
//! Without, it is told, and the next element follows. Where there is no `action`, the next element follows, after a Dial
//! however it ended. A service that fails for good ends the call.
//!
//! # The end
//! After the last element, and tones that are still being sent, the call is hung up. A Dial or a recording that was going on is told to its `action` all the
//! same: [`Happened::Dialled`] and [`Happened::Recorded`] count after the end too, and nothing else does.

mod elements;
mod gather;
mod machine;
mod record;
mod rows;
#[cfg(test)]
mod tests;
mod want;

pub use machine::{Rules, Script};
pub use rows::Rows;
pub use want::{DialEnd, Happened, Sound, Step, Want, Why};
