//! What was done to get an answer, for the record of the call. There is neither a number in it nor the path or query of
//! a URL, which may have one.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::AskFault;
use crate::voice::{Form, Warning};

/// What was done, in order.
#[derive(Debug)]
pub struct Trace {
    begun: Instant,
    entries: Vec<Entry>,
}

/// Something that was done, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The time since the first try began.
    pub after: Duration,
    /// What.
    pub step: Step,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A URL was asked.
    Asked {
        /// In which try.
        turn: Turn,
        /// Its host and port; runs of digits as long as a number are `*`.
        host: Box<str>,
    },
    /// It told to ask elsewhere.
    Redirected {
        /// How.
        status: u16,
    },
    /// It answered.
    Answered {
        /// In which form.
        form: Form,
        /// How much.
        bytes: usize,
    },
    /// Something in the document was passed over.
    Warned(Warning),
    /// The try brought nothing.
    Failed(AskFault),
    /// There was no time for another try.
    OutOfTime,
}

/// The tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first.
    First,
    /// The same once more.
    Again,
    /// The fallback URL.
    Fallback,
}

impl Trace {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), entries: Vec::new() }
    }

    pub(super) fn add(&mut self, step: Step) {
        self.entries.push(Entry { after: self.begun.elapsed(), step });
    }

    /// What was done, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms: {}", self.after.as_millis(), self.step)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { turn: Turn::First, host } => write!(f, "asked {host}"),
            Self::Asked { turn: Turn::Again, host } => write!(f, "asked {host} again"),
            Self::Asked { turn: Turn::Fallback, host } => write!(f, "asked the fallback {host}"),
            Self::Redirected { status } => write!(f, "redirected ({status})"),
            Self::Answered { form: Form::Xml, bytes } => write!(f, "answered with {bytes} bytes of XML"),
            Self::Answered { form: Form::Json, bytes } => write!(f, "answered with {bytes} bytes of JSON"),
            Self::Warned(warning) => write!(f, "passed over: {warning}"),
            Self::Failed(fault) => write!(f, "failed: {fault}"),
            Self::OutOfTime => f.write_str("out of time"),
        }
    }
}
