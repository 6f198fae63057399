//! URIs (RFC 3261 section 19.1, RFC 3966).

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;

use super::fault::Fault;
use super::host::{Host, HostPort};
use super::limits;
use super::params::Params;
use super::span::Span;
use super::token::{PLAIN, find, is};

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
        Self::scan(text).ok_or(Fault::Uri)
    }

    fn scan(text: ByteString) -> Option<Self> {
        let colon = find(text.as_bytes(), b':')?;
        let scheme = scheme(&text[..colon])?;
        let (from, end) = (colon + 1, text.len());
        if from == end {
            return None;
        }
        let marks = Marks::of(text.as_bytes(), from)?;
        let nothing = Span::new(end, end);
        let mut uri = Self { text, scheme, user: None, host: None, params: nothing, headers: nothing };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.read_sip(from, &marks)?,
            Scheme::Tel => uri.read_tel(from, &marks)?,
            Scheme::Other => {}
        }
        Some(uri)
    }

    /// Reads what follows `sip:`: `[user [":" password] "@"] host [":" port] *(";" param) ["?" headers]`.
    fn read_sip(&mut self, from: usize, marks: &Marks) -> Option<()> {
        let text: &str = &self.text;
        if let Some(at) = marks.at {
            let password = find(&text.as_bytes()[from..at], b':');
            self.user = Some(Span::new(from, password.map_or(at, |length| from + length)));
        }
        let host = marks.at.map_or(from, |at| at + 1);
        let headers = marks.question.unwrap_or(text.len());
        let params = marks.semicolon.unwrap_or(headers);
        self.host = Some(HostPort::read(text, &text[host..params])?);
        self.params = Span::new(params, headers);
        self.headers = Span::new(headers, text.len());
        Params::check_uri(&text[params..headers])
    }

    /// Reads what follows `tel:`: a number and parameters (RFC 3966 section 3).
    fn read_tel(&mut self, from: usize, marks: &Marks) -> Option<()> {
        let text: &str = &self.text;
        let params = marks.semicolon.unwrap_or(text.len());
        if params == from || marks.at.is_some() || marks.question.is_some() {
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

    /// The user part with its password, as written.
    pub(super) fn raw_userinfo(&self) -> Option<&str> {
        let user = self.user?;
        let end = find(self.text[usize::from(user.start)..].as_bytes(), b'@');
        end.map(|length| &self.text[usize::from(user.start)..usize::from(user.start) + length])
    }

    /// The header fields that are attached, as written, with the question mark.
    pub(super) fn headers(&self) -> &str {
        self.headers.of(&self.text)
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
        !self.headers().is_empty()
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

/// Where the characters stand that divide a URI, found in one walk.
#[derive(Default)]
struct Marks {
    /// The end of the user part, in which the other two may stand without a meaning.
    at: Option<usize>,
    /// The start of the parameters.
    semicolon: Option<usize>,
    /// The start of the header fields.
    question: Option<usize>,
}

impl Marks {
    /// `None` where a character may not stand in a URI, or a percent sign starts no escape.
    fn of(text: &[u8], from: usize) -> Option<Self> {
        let mut marks = Self::default();
        for (at, &byte) in text.iter().enumerate().skip(from) {
            if is(byte, PLAIN) {
                continue;
            }
            match byte {
                b'@' if marks.at.is_none() => marks = Self { at: Some(at), ..Self::default() },
                b';' if marks.question.is_none() => _ = marks.semicolon.get_or_insert(at),
                b'?' => _ = marks.question.get_or_insert(at),
                b'%' => _ = text.get(at + 1..at + 3).and_then(hex)?,
                b';' => {}
                _ => return None,
            }
        }
        Some(marks)
    }
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

/// The byte that two hexadecimal digits are.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|_| panic!("{text:?} is a URI"))
    }

    #[test]
    fn a_sip_uri_with_everything() {
        let uri = uri("SIPS:+1-201:secret@[2001:db8::10]:5071;user=phone;lr?Subject=x&a=b");
        assert_eq!(uri.scheme(), Scheme::Sips);
        assert_eq!(uri.user().unwrap(), "+1-201");
        assert_eq!(uri.host(), Some(Host::Ip("2001:db8::10".parse().unwrap())));
        assert_eq!(uri.port(), Some(5071));
        assert_eq!(uri.param("USER"), Some(Some("phone")));
        assert_eq!(uri.param("transport"), None);
        assert!(uri.is_loose_router() && uri.has_headers());
        assert_eq!(uri.as_str(), "SIPS:+1-201:secret@[2001:db8::10]:5071;user=phone;lr?Subject=x&a=b");
    }

    #[test]
    fn user_parts_may_look_like_anything() {
        assert_eq!(uri("sip:user;par=u%40example.net@example.com").user().unwrap(), "user;par=u@example.net");
        assert_eq!(uri("sip:sips%3Auser%40example.com@example.net").user().unwrap(), "sips:user@example.com");
        assert_eq!(uri("sip:%75se%72@example.com").user().unwrap(), "user");
        assert_eq!(uri("sip:a?b/c,&=+$@h;x").user().unwrap(), "a?b/c,&=+$");
        assert_eq!(uri("sip:#31#123@h").user().unwrap(), "#31#123");
        assert_eq!(uri("sip:%00@h").user().unwrap(), "\0");
        assert_eq!(uri("sip:%FF@h").user().unwrap(), "\u{fffd}");
        assert_eq!(uri("sip:h;user=phone").user(), None);
        assert_eq!(uri("sip:@h").user().unwrap(), "");
    }

    #[test]
    fn tel_uris_keep_the_number_as_it_is() {
        let uri = uri("tel:+43-1-(234);ext=5;phone-context=+43");
        assert_eq!(uri.scheme(), Scheme::Tel);
        assert_eq!(uri.user().unwrap(), "+43-1-(234)");
        assert_eq!(uri.param("ext"), Some(Some("5")));
        assert_eq!(uri.host(), None);
    }

    #[test]
    fn other_schemes_are_not_looked_into() {
        let uri = uri("urn:service:sos");
        assert_eq!((uri.scheme(), uri.user(), uri.host()), (Scheme::Other, None, None));
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [
            "",
            "sip",
            "sip:",
            ":a",
            "1sip:a@b",
            "<sip:a@b>",
            "sip:a@",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:a@b;",
            "sip:a@b;;x",
            "sip:a@b;=1",
            "sip:%4@b",
            "sip:%@b",
            "sip:%zz@b",
            "sip:a@b:c",
            "sip:a\0@b",
            "sip:ä@b",
            "sip:\"a\"@b",
            "sip:2001:db8::1",
            "sip:a@b;x=\\",
            "tel:",
            "tel:;ext=1",
            "tel:+1@b",
            "tel:1?x=y",
            "sip:a@b;x,y",
        ] {
            assert!(Uri::parse(text).is_err(), "{text:?}");
        }
        assert!(Uri::parse(&format!("sip:{}@b", "a".repeat(limits::LINE))).is_err());
    }

    #[test]
    fn nothing_of_it_reaches_a_debug_print() {
        assert_eq!(format!("{:?}", uri("tel:+43123456")), "Uri(Tel, ***)");
    }
}
