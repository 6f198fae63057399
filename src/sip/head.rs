//! What requests and responses have in common: the header fields and the body.

use bytes::Bytes;
use bytestring::ByteString;

use super::address::Address;
use super::contact::Contact;
use super::cseq::{CSeq, RAck};
use super::fault::Fault;
use super::limits;
use super::media_type::MediaType;
use super::name::Name;
use super::params::Params;
use super::scan::{Line, Scan, scan, text};
use super::span::Span;
use super::token::{VISIBLE, all, find, number, seconds, trim};
use super::values::{self, Values};
use super::via::Via;

/// The header fields and the body of a message. Cloning shares the bytes.
#[derive(Clone)]
pub struct Head {
    pub(super) raw: Bytes,
    pub(super) text: ByteString,
    pub(super) lines: Vec<Line>,
    via: Via,
    via_count: usize,
    from: Address,
    to: Address,
    call_id: Span,
    cseq: CSeq,
    max_forwards: Option<u8>,
    body: Bytes,
}

impl Head {
    /// The topmost Via.
    #[must_use]
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// How many Via values there are.
    #[must_use]
    pub fn via_count(&self) -> usize {
        self.via_count
    }

    /// From.
    #[must_use]
    pub fn from(&self) -> &Address {
        &self.from
    }

    /// To.
    #[must_use]
    pub fn to(&self) -> &Address {
        &self.to
    }

    /// Call-ID: visible ASCII, case matters.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.call_id.of(&self.text)
    }

    /// CSeq.
    #[must_use]
    pub fn cseq(&self) -> &CSeq {
        &self.cseq
    }

    /// Max-Forwards; senders that follow RFC 2543 leave it out.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        self.max_forwards
    }

    /// The value of the first header field of this name, unfolded, without white space around it.
    #[must_use]
    pub fn header(&self, name: Name) -> Option<&str> {
        self.headers(name).next()
    }

    /// The values of all header fields of this name, line by line.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |line| line.name == Some(name)).map(|line| line.value.of(&self.text))
    }

    /// The value of the first header field whose name is written so, whatever its case.
    #[must_use]
    pub fn header_named(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.label.of(&self.text).eq_ignore_ascii_case(name))?;
        Some(line.value.of(&self.text))
    }

    /// The comma-separated values of all header fields of this name.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.headers(name).flat_map(Values::new)
    }

    /// The comma-separated addresses of all header fields of this name, such as Route, Record-Route, Path or
    /// P-Asserted-Identity.
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Result<Address, Fault>> {
        self.values(name).map(move |value| Address::read(self.slice(value)).map_err(|_| Fault::Header(name)))
    }

    /// Whether a list of tokens, such as Require or Supported, has this one, whatever its case.
    #[must_use]
    pub fn has_token(&self, name: Name, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// The values of Contact.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact, Fault>> {
        self.values(Name::Contact).map(|value| Contact::read(self.slice(value)))
    }

    /// The first Contact, if it is an address: the remote target of a dialog.
    ///
    /// # Errors
    /// [`Fault::Header`] where the first Contact is malformed.
    pub fn contact(&self) -> Result<Option<Address>, Fault> {
        match self.contacts().next().transpose()? {
            Some(Contact::At { address, .. }) => Ok(Some(address)),
            _ => Ok(None),
        }
    }

    /// Expires in seconds; a value that is too large counts as the largest, one that is no number as none.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.header(Name::Expires).and_then(seconds)
    }

    /// The number that the first header field of this name starts with, such as RSeq, Retry-After, Min-Expires,
    /// Min-SE or Session-Expires; one that is too large counts as the largest. Parameters and a comment may follow.
    #[must_use]
    pub fn number(&self, name: Name) -> Option<u32> {
        let value = self.header(name)?;
        let (digits, rest) = value.split_at(value.bytes().take_while(u8::is_ascii_digit).count());
        trim(rest).chars().next().is_none_or(|next| matches!(next, ';' | '(')).then(|| seconds(digits))?
    }

    /// The value of the first header field of this name up to its parameters, and those: Session-Expires, Event,
    /// Subscription-State, Content-Disposition, Reason, Replaces. `None` where the parameters are malformed.
    #[must_use]
    pub fn with_params(&self, name: Name) -> Option<(&str, Params<'_>)> {
        let text = self.header(name)?;
        let (value, params) = text.split_at(find(text.as_bytes(), b';').unwrap_or(text.len()));
        Params::check(params, |_, _| Some(()))?;
        Some((trim(value), Params::new(params)))
    }

    /// RAck (RFC 3262 section 7.2).
    #[must_use]
    pub fn rack(&self) -> Option<RAck> {
        self.header(Name::RAck).and_then(RAck::parse)
    }

    /// The body's type.
    #[must_use]
    pub fn content_type(&self) -> Option<MediaType<'_>> {
        self.header(Name::ContentType).and_then(MediaType::parse)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The length of the message as it came in, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a message has a first line at least")]
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// A slice of the text that shares its memory.
    fn slice(&self, part: &str) -> ByteString {
        self.text.slice_ref(part)
    }
}

/// Prints what names nobody.
impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("cseq", &self.cseq)
            .field("headers", &self.lines.len())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A message whose parts were found, and its start line.
pub(super) struct Parts {
    pub(super) raw: Bytes,
    pub(super) text: ByteString,
    scan: Scan,
}

impl Parts {
    pub(super) fn find(raw: &Bytes) -> Result<Self, Fault> {
        let scan = scan(raw)?;
        let text = text(raw, &scan);
        Ok(Self { raw: raw.clone(), text, scan })
    }

    pub(super) fn start_line(&self) -> &str {
        self.scan.start.of(&self.text)
    }

    /// Reads the header fields that every message has.
    pub(super) fn head(self) -> Result<Head, Fault> {
        let index = Index::of(&self.scan.lines)?;
        let value =
            |name: Name, span: Option<Span>| span.map(|span| span.of(&self.text)).ok_or(Fault::Missing(name));
        let address = |name: Name, span: Option<Span>| {
            Address::read(self.text.slice_ref(value(name, span)?)).map_err(|_| Fault::Header(name))
        };
        let (via, _) = values::split(value(Name::Via, index.via)?);
        let via = Via::read(self.text.slice_ref(via))?;
        let call_id = value(Name::CallId, index.call_id)?;
        if !all(call_id, VISIBLE) {
            return Err(Fault::Header(Name::CallId));
        }
        let cseq = CSeq::parse(value(Name::CSeq, index.cseq)?).ok_or(Fault::Header(Name::CSeq))?;
        let max_forwards = index
            .max_forwards
            .map(|span| number(span.of(&self.text)).ok_or(Fault::Header(Name::MaxForwards)))
            .transpose()?;
        Ok(Head {
            via,
            via_count: self.via_count(),
            from: address(Name::From, index.from)?,
            to: address(Name::To, index.to)?,
            call_id: Span::within(&self.text, call_id),
            cseq,
            max_forwards,
            body: self.body(index.content_length)?,
            lines: self.scan.lines,
            raw: self.raw,
            text: self.text,
        })
    }

    fn via_count(&self) -> usize {
        let vias = self.scan.lines.iter().filter(|line| line.name == Some(Name::Via));
        vias.map(|line| Values::new(line.value.of(&self.text)).count()).sum()
    }

    /// The body by the rules of datagrams (RFC 3261 section 18.3): what follows the length given is ignored, a length
    /// beyond the end is a fault, and without one the body reaches to the end.
    fn body(&self, length: Option<Span>) -> Result<Bytes, Fault> {
        let rest = self.raw.len() - self.scan.body;
        let length = match length {
            Some(span) => number(span.of(&self.text)).ok_or(Fault::Header(Name::ContentLength))?,
            None => rest,
        };
        if length > rest {
            return Err(Fault::Truncated);
        }
        if length > limits::BODY {
            return Err(Fault::BodyTooLarge);
        }
        Ok(self.raw.slice(self.scan.body..self.scan.body + length))
    }
}

/// So that a set of names fits 128 bits.
const _: () = assert!(Name::ALL.len() <= 128);

/// Where the header fields that every message has stand.
#[derive(Default)]
struct Index {
    via: Option<Span>,
    from: Option<Span>,
    to: Option<Span>,
    call_id: Option<Span>,
    cseq: Option<Span>,
    max_forwards: Option<Span>,
    content_length: Option<Span>,
}

impl Index {
    fn of(lines: &[Line]) -> Result<Self, Fault> {
        let mut index = Self::default();
        let mut seen = 0_u128;
        for line in lines {
            let Some(name) = line.name else { continue };
            let bit = 1_u128 << (name as u8);
            if seen & bit != 0 && name.is_single() {
                return Err(Fault::Repeated(name));
            }
            seen |= bit;
            let slot = match name {
                Name::Via => &mut index.via,
                Name::From => &mut index.from,
                Name::To => &mut index.to,
                Name::CallId => &mut index.call_id,
                Name::CSeq => &mut index.cseq,
                Name::MaxForwards => &mut index.max_forwards,
                Name::ContentLength => &mut index.content_length,
                _ => continue,
            };
            slot.get_or_insert(line.value);
        }
        Ok(index)
    }
}
