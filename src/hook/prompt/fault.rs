//! Why a prompt is not heard.

use std::io;

use crate::audio::ClipFault;
use crate::hook::fault::SendFault;

/// It never repeats a URL, a text, or anything else that may have a number in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptFault {
    /// It was not asked for, or not answered with 2xx in time.
    #[error(transparent)]
    Send(#[from] SendFault),
    /// The URL, or that of a redirect, is none.
    #[error("its URL is not http or https, or cannot be read")]
    Link,
    /// A redirect leads from https to http.
    #[error("a redirect leads from https to http")]
    Downgrade,
    /// More redirects than are followed.
    #[error("there are too many redirects")]
    Redirects,
    /// The answer is compressed, which was not asked for.
    #[error("the answer is compressed")]
    Coded,
    /// A file of more bytes than are read.
    #[error("it is larger than 10 MB")]
    Large,
    /// A file of this machine that cannot be read.
    #[error("the file cannot be read: {0}")]
    File(io::ErrorKind),
    /// What there is is no sound.
    #[error(transparent)]
    Sound(#[from] ClipFault),
    /// Sound of no length: played without end, it would be nothing for ever.
    #[error("there is no sound in it")]
    Empty,
    /// A language that is none (RFC 5646).
    #[error("its language is none: write one as in en-US")]
    Language,
    /// There is no such program.
    #[error("nothing speaks here: install espeak-ng, or set [speech] command")]
    NoEngine,
    /// The program cannot be started.
    #[error("the speech command cannot be started: {0}")]
    Start(io::ErrorKind),
    /// The program ended and said that it did not do it.
    #[error("the speech command failed: it may not know the language; run it by hand to see why")]
    Speech,
    /// The program took longer than it may.
    #[error("the speech command took longer than [speech] timeout")]
    Slow,
    /// The program wrote more than is read.
    #[error("the speech command wrote more than 32 MB")]
    Endless,
    /// Its turn did not come: other texts are being spoken.
    #[error("the speech command has too much to do: [speech] at_once says how much at a time")]
    Busy,
    /// The call could not wait any longer. Where it is done later all the same, the next call finds it.
    #[error("it was not there in time")]
    Late,
    /// A fault of ours.
    #[error("preparing it broke off")]
    Broken,
}

impl PromptFault {
    /// Whether the same may well be done at another time.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Send(SendFault::Status(status)) => *status >= 500,
            Self::Send(fault) => !matches!(fault, SendFault::Url | SendFault::Private),
            _ => false,
        }
    }
}
