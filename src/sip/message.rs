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
