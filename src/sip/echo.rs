//! What a response repeats of its request (RFC 3261 section 8.2.6.2).

use std::net::SocketAddr;

use bytes::Bytes;

use super::address::Address;
use super::message::Request;
use super::name::Name;
use super::scan::{self, Line};
use super::span::Span;
use super::values;
use super::via::Via;

/// The header fields of a request that its responses repeat, to the one who sent them: Via, From, To, Call-ID, CSeq;
/// Record-Route where a dialog can form, Timestamp for a 100. It shares the request's bytes.
#[derive(Clone)]
pub struct Echo {
    pub(super) raw: Bytes,
    /// The topmost Via, with the source written in.
    pub(super) via: String,
    pub(super) vias: Vec<Span>,
    pub(super) from: Option<Span>,
    pub(super) to: Option<Span>,
    pub(super) call_id: Option<Span>,
    pub(super) cseq: Option<Span>,
    pub(super) record_routes: Vec<Span>,
    pub(super) timestamp: Option<Span>,
    to_tag: Option<Box<str>>,
    reply_to: SocketAddr,
}

impl Echo {
    /// The echo of a request that came from `source`.
    pub(super) fn of(request: &Request, source: SocketAddr) -> Self {
        let mut echo = Self::gather(&request.raw, &request.lines, request.via(), source);
        echo.to_tag = request.to().tag().map(Into::into);
        if request.method().forms_dialog() {
            echo.record_routes = all(&request.lines, Name::RecordRoute).collect();
        }
        echo
    }

    /// The echo of a request that could not be read, if at least its topmost Via can.
    pub(super) fn salvage(raw: &Bytes, source: SocketAddr) -> Option<Self> {
        let lines = scan::salvage(raw);
        let topmost = all(&lines, Name::Via).next()?;
        let unfolded = text(raw, topmost)?.replace(['\r', '\n'], " ");
        let (first, _) = values::split(&unfolded);
        // Of a Via with broken parameters, what stands before them.
        let via =
            Via::parse(first).or_else(|_| Via::parse(first.split(';').next().unwrap_or_default())).ok()?;
        let mut echo = Self::gather(raw, &lines, &via, source);
        let to = echo.to.and_then(|span| Address::parse(text(raw, span)?).ok());
        echo.to_tag = to.and_then(|to| to.tag().map(Into::into));
        Some(echo)
    }

    fn gather(raw: &Bytes, lines: &[Line], via: &Via, source: SocketAddr) -> Self {
        let mut vias: Vec<Span> = all(lines, Name::Via).collect();
        if let Some(first) = vias.first_mut() {
            match values::comma(&raw[first.range()]) {
                Some(at) => first.start += u16::try_from(at + 1).expect("a line is shorter"),
                None => drop(vias.remove(0)),
            }
        }
        let first = |name| all(lines, name).next();
        Self {
            via: via.stamped(source),
            vias,
            from: first(Name::From),
            to: first(Name::To),
            call_id: first(Name::CallId),
            cseq: first(Name::CSeq),
            record_routes: Vec::new(),
            timestamp: first(Name::Timestamp),
            to_tag: None,
            reply_to: via.reply_to(source),
            raw: raw.clone(),
        }
    }

    /// The tag that the request's To has; a request with one belongs to a dialog.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.to_tag.as_deref()
    }

    /// Where a response that cannot go back on the request's connection is sent.
    #[must_use]
    pub fn reply_to(&self) -> SocketAddr {
        self.reply_to
    }
}

/// Where the header fields of this name have their values.
fn all(lines: &[Line], name: Name) -> impl Iterator<Item = Span> {
    lines.iter().filter(move |line| line.name == Some(name)).map(|line| line.value)
}

fn text(raw: &Bytes, span: Span) -> Option<&str> {
    std::str::from_utf8(&raw[span.range()]).ok()
}

/// Prints what names nobody.
impl std::fmt::Debug for Echo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Echo").field("reply_to", &self.reply_to).finish_non_exhaustive()
    }
}
