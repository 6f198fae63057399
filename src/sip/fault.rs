//! What can be wrong with a message, and what to answer.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::{Echo, Name, Status};

/// Why bytes are not a SIP message, or a text not what it was read as.
///
/// It never holds a piece of the message: what it says may go to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing but line ends: a keep-alive (RFC 5626 section 3.5.1).
    #[error("nothing but line ends")]
    Empty,
    /// The first line is neither a request line nor a status line.
    #[error("the start line is malformed")]
    StartLine,
    /// A SIP version other than 2.0.
    #[error("the SIP version is not 2.0")]
    Version,
    /// A status code outside 100 to 699.
    #[error("the status code is out of range")]
    StatusCode,
    /// The request's URI is malformed, or carries headers (RFC 3261 section 19.1.1).
    #[error("the Request-URI is malformed")]
    RequestUri,
    /// More than [`super::limits::MESSAGE`] bytes.
    #[error("the message is too large")]
    MessageTooLarge,
    /// A body of more than [`super::limits::BODY`] bytes.
    #[error("the body is too large")]
    BodyTooLarge,
    /// More than [`super::limits::HEADERS`] header fields.
    #[error("there are too many header fields")]
    TooManyHeaders,
    /// A line of more than [`super::limits::LINE`] bytes.
    #[error("a line is too long")]
    LineTooLong,
    /// The header fields do not end in an empty line.
    #[error("the header fields have no end")]
    Unterminated,
    /// A line that is no header field.
    #[error("a line is no header field")]
    HeaderLine,
    /// A bare CR, LF, NUL or another control byte in the header fields.
    #[error("a control byte stands in the header fields")]
    Control,
    /// A header field that may stand only once stands twice.
    #[error("{0} is repeated")]
    Repeated(Name),
    /// A header field that every message has is missing.
    #[error("{0} is missing")]
    Missing(Name),
    /// A header field's value is malformed.
    #[error("{0} is malformed")]
    Header(Name),
    /// The body is shorter than Content-Length says (RFC 3261 section 18.3).
    #[error("the body is shorter than Content-Length")]
    Truncated,
    /// CSeq names another method than the request line (RFC 3261 section 8.1.1.5).
    #[error("CSeq names another method")]
    MethodMismatch,
    /// A text that should be a URI is none.
    #[error("a URI is malformed")]
    Uri,
    /// A text that should be a name-addr or an addr-spec is none.
    #[error("an address is malformed")]
    Address,
}

impl Fault {
    /// The status that a request with this fault is refused with.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Fault::Version => Status::VERSION_NOT_SUPPORTED,
            Fault::MessageTooLarge => Status::MESSAGE_TOO_LARGE,
            Fault::BodyTooLarge => Status::REQUEST_ENTITY_TOO_LARGE,
            _ => Status::BAD_REQUEST,
        }
    }
}

/// What kind of message a malformed one was meant to be, as far as its first word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request that is answered.
    Request,
    /// An ACK, which is never answered.
    Ack,
    /// A response, which is never answered.
    Response,
    /// Nothing that resembles SIP.
    Noise,
}

/// A message that could not be read.
#[derive(Clone, thiserror::Error)]
#[error("{fault}")]
pub struct Malformed {
    /// What is wrong.
    pub fault: Fault,
    /// What it was meant to be.
    pub kind: Kind,
    pub(super) raw: Bytes,
}

impl Malformed {
    /// The message, where it was meant to be an INVITE: what one that comes again is known by.
    #[must_use]
    pub fn invite(&self) -> Option<&[u8]> {
        (self.kind == Kind::Request && self.raw.starts_with(b"INVITE ")).then_some(&*self.raw)
    }

    /// What a refusal repeats of the request, if it was one that is answered and at least its topmost Via could be
    /// read. `source` is where it came from.
    #[must_use]
    pub fn echo(&self, source: SocketAddr) -> Option<Echo> {
        match self.kind {
            Kind::Request => Echo::salvage(&self.raw, source),
            _ => None,
        }
    }
}

/// Prints nothing of the message.
impl fmt::Debug for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Malformed")
            .field("fault", &self.fault)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
