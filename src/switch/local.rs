//! What is answered without a call.

use crate::mask::Cause;
use crate::mask::write::{self, Reply};
use crate::sip::{Method, Name, Request, Scheme, Status, Uri};

/// What stands against a request, so that it is answered and goes no further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) status: Status,
    pub(super) reply: Reply,
    /// What it is, for the operator.
    pub(super) why: &'static str,
}

impl Objection {
    fn new(status: Status, why: &'static str) -> Self {
        Self { status, reply: Reply::bare(), why }
    }

    /// A request that came before by another path, or that we sent ourselves (RFC 3261 sections 8.2.2.2 and 16.3).
    pub(super) fn again() -> Self {
        Self::new(Status::LOOP_DETECTED, "it came before by another path, or is our own")
    }

    /// This node takes no new calls: try again after so many seconds.
    pub(super) fn unavailable(retry_after: u8, why: &'static str) -> Self {
        let reply = Reply { retry_after: Some(retry_after), ..Reply::because(Cause::NoCircuit) };
        Self { status: Status::SERVICE_UNAVAILABLE, reply, why }
    }
}

/// The checks that every request goes through (RFC 3261 section 8.2), in their order.
pub(super) fn examine(request: &Request) -> Option<Objection> {
    let objection = |status, why| Some(Objection::new(status, why));
    let method = request.method();
    if matches!(method, Method::Other(_)) {
        return objection(Status::NOT_IMPLEMENTED, "its method is unknown");
    }
    let is_emergency = || *method == Method::INVITE && is_emergency(request.uri());
    if !(matches!(request.uri().scheme(), Scheme::Sip | Scheme::Tel) || is_emergency()) {
        return objection(Status::UNSUPPORTED_URI_SCHEME, "its Request-URI is neither sip: nor tel:");
    }
    if request.max_forwards() == Some(0) && *method == Method::INVITE {
        return objection(Status::TOO_MANY_HOPS, "its Max-Forwards is used up");
    }
    if request.headers(Name::Require).next().is_some() {
        let unsupported: Vec<&str> = request.values(Name::Require).collect();
        let reply = Reply::bare().with(Name::Unsupported, unsupported.join(", "));
        let why = "it requires an extension that is not supported";
        return Some(Objection { reply, ..Objection::new(Status::BAD_EXTENSION, why) });
    }
    if *method == Method::INVITE && !accepts_sdp(request) {
        return objection(Status::NOT_ACCEPTABLE, "a session description is none of the types it accepts");
    }
    None
}

/// Whether a URI names an emergency service (RFC 5031): a call to it is refused as one to its number is.
fn is_emergency(uri: &Uri) -> bool {
    const SOS: &str = "urn:service:sos";
    let (service, rest) = uri.as_str().split_at_checked(SOS.len()).unwrap_or_default();
    service.eq_ignore_ascii_case(SOS) && (rest.is_empty() || rest.starts_with('.'))
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
