//! What is answered without a call.

use crate::mask::write::{self, Reply};
use crate::sip::{Method, Name, Request, Scheme, Status};

/// What an examination comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Pass,
    /// Answer with this.
    Refuse(Status, Reply),
}

/// The checks that every request goes through (RFC 3261 section 8.2), in their order.
pub(super) fn examine(request: &Request) -> Verdict {
    let refuse = |status| Verdict::Refuse(status, Reply::bare());
    let method = request.method();
    if matches!(method, Method::Other(_)) {
        return refuse(Status::NOT_IMPLEMENTED);
    }
    if !matches!(request.uri().scheme(), Scheme::Sip | Scheme::Tel) {
        return refuse(Status::UNSUPPORTED_URI_SCHEME);
    }
    if request.max_forwards() == Some(0) && *method == Method::INVITE {
        return refuse(Status::TOO_MANY_HOPS);
    }
    if request.headers(Name::Require).next().is_some() {
        let unsupported: Vec<&str> = request.values(Name::Require).collect();
        let reply = Reply::bare().with(Name::Unsupported, unsupported.join(", "));
        return Verdict::Refuse(Status::BAD_EXTENSION, reply);
    }
    if *method == Method::INVITE && !accepts_sdp(request) {
        return refuse(Status::NOT_ACCEPTABLE);
    }
    Verdict::Pass
}

/// Whether an answer's description would be understood (RFC 3261 section 20.1).
fn accepts_sdp(request: &Request) -> bool {
    let mut types = request.values(Name::Accept).peekable();
    types.peek().is_none()
        || types.any(|value| {
            let value = value.split(';').next().unwrap_or_default().trim();
            ["application/sdp", "application/*", "*/*"].iter().any(|sdp| sdp.eq_ignore_ascii_case(value))
        })
}

/// The answer to a request outside any dialog that makes no call.
pub(super) fn answer(method: &Method) -> (Status, Reply) {
    match *method {
        Method::OPTIONS => (Status::OK, write::capabilities()),
        Method::REFER => (Status::DECLINE, Reply::bare()),
        Method::SUBSCRIBE | Method::NOTIFY => (Status::BAD_EVENT, Reply::bare()),
        Method::BYE | Method::PRACK | Method::UPDATE | Method::INFO => (Status::NO_SUCH_CALL, Reply::bare()),
        _ => (Status::METHOD_NOT_ALLOWED, Reply::bare()),
    }
}
