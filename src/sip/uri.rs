//! URIs (RFC 3261 section 19.1, RFC 3966).

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;

use super::fault::Fault;
use super::host::{Host, HostPort};
use super::limits;
use super::params::Params;
use super::span::Span;

/// The scheme of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; the rest of such a URI is not looked into.
    Other,
}

/// A URI, as it was written, with its parts at hand. Cloning shares the text.
#[derive(Clone)]
pub struct Uri {
    text: ByteString,
    scheme: Scheme,
    user: Option<Span>,
    host: Option<HostPort>,
    params: Span,
    headers: Span,
}

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`Fault::Uri`] where it is none.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > limits::LINE {
            return Err(Fault::Uri);
        }
        Self::read(ByteString::from(text))
    }

    /// Reads a URI of at most [`limits::LINE`] bytes without copying it.
    pub(super) fn read(text: ByteString) -> Result<Self, Fault> {
        let colon = text.find(':').ok_or(Fault::Uri)?;
        let scheme = scheme(&text[..colon]).ok_or(Fault::Uri)?;
        if colon + 1 == text.len() || !text.bytes().all(is_uri) {
            return Err(Fault::Uri);
        }
        let end = text.len();
        let empty = Span::new(end, end);
        let mut uri = Self { text, scheme, user: None, host: None, params: empty, headers: empty };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.read_sip(colon + 1),
            Scheme::Tel => uri.read_tel(colon + 1),
            Scheme::Other => Some(()),
        }
        .ok_or(Fault::Uri)?;
        Ok(uri)
    }

    /// Reads what follows `sip:`: `[user [":" password] "@"] host [":" port] *(";" param) ["?" headers]`.
    fn read_sip(&mut self, from: usize) -> Option<()> {
        let text: &str = &self.text;
        well_escaped(&text[from..])?;
        let host = match text[from..].find('@') {
            Some(at) => {
                let user = &text[from..from + at];
                let length = user.find(':').unwrap_or(user.len());
                self.user = Some(Span::new(from, from + length));
                from + at + 1
            }
            None => from,
        };
        let headers = text[host..].find('?').map_or(text.len(), |at| host + at);
        let params = text[host..headers].find(';').map_or(headers, |at| host + at);
        self.host = Some(HostPort::read(text, &text[host..params])?);
        self.params = Span::new(params, headers);
        self.headers = Span::new(headers, text.len());
        Params::check_uri(&text[params..headers])
    }

    /// Reads what follows `tel:`: a number and parameters (RFC 3966 section 3).
    fn read_tel(&mut self, from: usize) -> Option<()> {
        let text: &str = &self.text;
        well_escaped(&text[from..])?;
        let params = text[from..].find(';').map_or(text.len(), |at| from + at);
        if params == from || text[from..].contains(['@', '?']) {
            return None;
        }
        self.user = Some(Span::new(from, params));
        self.params = Span::new(params, text.len());
        Params::check_uri(&text[params..])
    }

    /// The URI as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user part (without a password) or the number of a `tel:` URI, with its percent-encoding undone. Of a
    /// number, the leading plus and the visual separators are kept. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.raw_user().map(decode)
    }

    /// The user part as it was written.
    #[must_use]
    pub fn raw_user(&self) -> Option<&str> {
        self.user.map(|span| span.of(&self.text))
    }

    /// The host; a `tel:` URI and those of other schemes have none.
    #[must_use]
    pub fn host(&self) -> Option<Host<'_>> {
        self.host.map(|host| host.host(&self.text))
    }

    /// The port, if one is written. 0 is none.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.host.and_then(|host| host.port)
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.of(&self.text))
    }

    /// The value of a parameter as it was written; `Some(None)` for a parameter without a value.
    #[must_use]
    #[allow(clippy::option_option)]
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params().get(name)
    }

    /// Whether the URI names a loose router (the `lr` parameter, RFC 3261 section 19.1.1).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// Whether header fields are attached (`?subject=...`).
    #[must_use]
    pub fn has_headers(&self) -> bool {
        self.headers != Span::new(self.text.len(), self.text.len())
    }

    /// The same URI in memory of its own, for one that is kept longer than the message it stood in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { text: ByteString::from(self.as_str()), ..self.clone() }
    }
}

impl std::str::FromStr for Uri {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::parse(text)
    }
}

/// As it was written: this is no comparison by RFC 3261 section 19.1.4.
impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Prints no more than the scheme: a URI holds a number.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({:?}, ***)", self.scheme)
    }
}

/// The scheme that a text names, if it is one at all (RFC 3986 section 3.1).
fn scheme(text: &str) -> Option<Scheme> {
    if text.eq_ignore_ascii_case("sip") {
        return Some(Scheme::Sip);
    }
    if text.eq_ignore_ascii_case("sips") {
        return Some(Scheme::Sips);
    }
    if text.eq_ignore_ascii_case("tel") {
        return Some(Scheme::Tel);
    }
    let is_scheme = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then_some(Scheme::Other)
}

/// What may stand in a URI: visible ASCII but for the characters that end one in a header. Senders put `#`, `[` and
/// others in user parts that RFC 3261 wants escaped; they do no harm.
fn is_uri(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\')
}

/// Checks that each percent sign starts an escape.
fn well_escaped(text: &str) -> Option<()> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'%', bytes)
        .all(|at| bytes.len() > at + 2 && bytes[at + 1..=at + 2].iter().all(u8::is_ascii_hexdigit))
        .then_some(())
}

/// Undoes percent-encoding. Bytes that are not UTF-8 then are replaced.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        let escape = (byte == b'%').then(|| rest.get(..2)).flatten().and_then(hex);
        plain.push(escape.unwrap_or(byte));
        bytes = if escape.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&plain).into_owned().into()
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
