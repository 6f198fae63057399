//! Why a try brought no document.

use crate::hook::fault::SendFault;
use crate::voice;

/// It never repeats the URL or what the server said, but for the names that a [`voice::Fault`] may show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskFault {
    /// It was not sent, or not answered with 2xx in time.
    #[error(transparent)]
    Send(#[from] SendFault),
    /// The answer has more bytes than are read.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is compressed, which was not asked for.
    #[error("the answer is compressed")]
    Coded,
    /// More redirects than are followed.
    #[error("there are too many redirects")]
    Redirects,
    /// A redirect leads back.
    #[error("the redirects go in a circle")]
    Circle,
    /// A redirect leads from https to http.
    #[error("a redirect leads from https to http")]
    Downgrade,
    /// A URL in the answer, or that of a redirect, is none that can be called.
    #[error("a URL in the answer is not http or https, or cannot be read")]
    Link,
    /// The answer is no document that can be followed.
    #[error(transparent)]
    Document(#[from] voice::Fault),
}

impl AskFault {
    /// Whether the same URL would bring the same fault at once.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Send(SendFault::Url | SendFault::Private))
    }
}
