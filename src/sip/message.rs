//! Requests and responses.

use std::net::SocketAddr;
use std::ops::Deref;

use bytes::Bytes;

use super::echo::Echo;
use super::fault::{Fault, Malformed};
use super::head::{Head, Parts};
use super::method::Method;
use super::scan;
use super::status::Status;
use super::token::{TOKEN, all, is_number};
use super::uri::Uri;

/// A message that was read.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    uri: Uri,
    head: Head,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    status: Status,
    head: Head,
}

impl Message {
    /// Reads a message that is a datagram, or a frame of a stream.
    ///
    /// # Errors
    /// [`Malformed`], which says what is wrong, and what a refusal can be made of.
    pub fn parse(raw: Bytes) -> Result<Self, Malformed> {
        Self::read(&raw).map_err(|fault| Malformed { fault, kind: scan::kind(&raw), raw })
    }

    fn read(raw: &Bytes) -> Result<Self, Fault> {
        let parts = Parts::find(raw)?;
        let line = parts.start_line();
        if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
            let status = status_line(line)?;
            return Ok(Self::Response(Response { status, head: parts.head()? }));
        }
        let (method, uri) = request_line(line)?;
        let method = Method::new(method);
        let uri = Uri::read(parts.text.slice_ref(uri)).map_err(|_| Fault::RequestUri)?;
        if uri.has_headers() {
            return Err(Fault::RequestUri);
        }
        let head = parts.head()?;
        if head.cseq().method != method {
            return Err(Fault::MethodMismatch);
        }
        Ok(Self::Request(Request { method, uri, head }))
    }
}

/// The method and the URI of a request line: single blanks, nothing more (RFC 3261 section 7.1).
fn request_line(line: &str) -> Result<(&str, &str), Fault> {
    let (method, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(Fault::StartLine)?;
    if !all(method, TOKEN) {
        return Err(Fault::StartLine);
    }
    sip_version(version)?;
    Ok((method, uri))
}

/// The status of a status line (RFC 3261 section 7.2). The phrase may be anything, and is not looked at.
fn status_line(line: &str) -> Result<Status, Fault> {
    let (version, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    sip_version(version)?;
    let code = rest.split(' ').next().unwrap_or_default();
    if !is_number(code) {
        return Err(Fault::StartLine);
    }
    let code = (code.len() == 3).then(|| code.parse().ok()).flatten();
    code.and_then(Status::new).ok_or(Fault::StatusCode)
}

fn sip_version(text: &str) -> Result<(), Fault> {
    if text.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let (protocol, version) = text.split_once('/').ok_or(Fault::StartLine)?;
    let is_version =
        version.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor));
    Err(if protocol.eq_ignore_ascii_case("SIP") && is_version { Fault::Version } else { Fault::StartLine })
}

impl Deref for Message {
    type Target = Head;

    fn deref(&self) -> &Head {
        match self {
            Self::Request(request) => request,
            Self::Response(response) => response,
        }
    }
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// What responses repeat of this request, which came from `source`.
    #[must_use]
    pub fn echo(&self, source: SocketAddr) -> Echo {
        Echo::of(self, source)
    }
}

impl Deref for Request {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }
}

impl Deref for Response {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Name;

    const OPTIONS: &str = concat!(
        "OPTIONS sip:bob@example.com SIP/2.0\r\n",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa, SIP/2.0/TCP h\r\n",
        "v: SIP/2.0/TLS h\r\n",
        "f: <sip:a@example.org>;tag=1\r\n",
        "t: <sip:bob@example.com>\r\n",
        "i: 1@x\r\n",
        "CSeq: 7 OPTIONS\r\n",
        "Max-Forwards: 70\r\n",
        "k: timer, 100REL\r\n",
        "Supported: Replaces\r\n",
        "Route: <sip:p1;lr>,<sip:p2;lr>\r\n",
        "Route: <sip:p3;lr>\r\n",
        "m: \"x, y\" <sip:a@192.0.2.1>;expires=60, <sip:a@192.0.2.2>\r\n",
        "x: 1800 ; refresher=uas\r\n",
        "Retry-After: 5 (busy)\r\n",
        "X-Odd: 1\r\n",
        "c: text/plain\r\n",
        "Expires: 99999999999\r\n",
        "l: 2\r\n\r\nhi, and more",
    );

    fn parse(text: &str) -> Result<Message, Fault> {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).map_err(|malformed| malformed.fault)
    }

    #[test]
    fn a_request_with_compact_forms_and_lists() {
        let Ok(Message::Request(request)) = parse(OPTIONS) else { panic!("it is a request") };
        assert_eq!((request.method(), request.uri().as_str()), (&Method::OPTIONS, "sip:bob@example.com"));
        assert_eq!((request.via().transport(), request.via_count()), ("UDP", 3));
        assert_eq!((request.from().tag(), request.to().tag()), (Some("1"), None));
        assert_eq!((request.call_id(), request.cseq().number, request.max_forwards()), ("1@x", 7, Some(70)));
        assert!(
            request.has_token(Name::Supported, "100rel") && request.has_token(Name::Supported, "replaces")
        );
        assert!(!request.has_token(Name::Require, "timer"));
        let routes: Vec<_> =
            request.addresses(Name::Route).map(|route| route.unwrap().uri().to_string()).collect();
        assert_eq!(routes, ["sip:p1;lr", "sip:p2;lr", "sip:p3;lr"]);
        assert_eq!(request.contacts().count(), 2);
        assert_eq!(request.contact().unwrap().unwrap().display().unwrap(), "x, y");
        let (interval, mut params) = request.with_params(Name::SessionExpires).unwrap();
        assert_eq!((interval, params.next()), ("1800", Some(("refresher", Some("uas")))));
        assert_eq!(
            (request.number(Name::SessionExpires), request.number(Name::RetryAfter)),
            (Some(1800), Some(5))
        );
        assert_eq!((request.number(Name::CallId), request.number(Name::MinSe)), (None, None));
        assert_eq!((request.header_named("x-odd"), request.header_named("X-Other")), (Some("1"), None));
        assert!(request.content_type().unwrap().is("text", "plain"));
        assert_eq!(
            (request.expires(), &request.body()[..], request.len()),
            (Some(u32::MAX), &b"hi"[..], OPTIONS.len())
        );
    }

    #[test]
    fn responses_need_no_phrase() {
        let response = |line: &str| parse(&OPTIONS.replace("OPTIONS sip:bob@example.com SIP/2.0", line));
        for line in ["SIP/2.0 200 OK", "sip/2.0 200 ", "SIP/2.0 200", "SIP/2.0 200 = 2**3  стоит"] {
            let Ok(Message::Response(response)) = response(line) else { panic!("{line:?}") };
            assert_eq!(response.status(), Status::OK);
        }
        for (line, fault) in [
            ("SIP/2.0 4294967301 x", Fault::StatusCode),
            ("SIP/2.0 099 x", Fault::StatusCode),
            ("SIP/2.0 700 x", Fault::StatusCode),
            ("SIP/2.0 20 x", Fault::StatusCode),
            ("SIP/2.0  200 x", Fault::StartLine),
            ("SIP/2.0 OK", Fault::StartLine),
            ("SIP/2.0", Fault::StartLine),
            ("SIP/3.0 200 OK", Fault::Version),
            ("SIP/x 200 OK", Fault::StartLine),
        ] {
            assert_eq!(response(line).err(), Some(fault), "{line}");
        }
    }

    #[test]
    fn nothing_of_it_reaches_a_debug_print() {
        let message = parse(OPTIONS).unwrap();
        let malformed =
            Message::parse(Bytes::from_static(b"INVITE sip:+43123456@h SIP/2.0\r\n")).unwrap_err();
        let printed = format!("{message:?}{malformed:?}");
        assert!(
            !printed.contains("bob") && !printed.contains("192.0.2.1") && !printed.contains("43123456"),
            "{printed}"
        );
    }
}
