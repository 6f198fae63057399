//! Addresses: `"Name" <uri>;param` and `uri;param` (RFC 3261 section 20.10).

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;

use super::fault::Fault;
use super::limits;
use super::params::Params;
use super::span::Span;
use super::token::{VISIBLE, all, quoted_length, trim, unquote};
use super::uri::Uri;

/// The value of From, To, Contact, Route, Record-Route, P-Asserted-Identity and their like. Cloning shares the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    text: ByteString,
    uri: Uri,
    display: Span,
    params: Span,
    tag: Option<Span>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Fault::Address`] where it is none.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > limits::LINE {
            return Err(Fault::Address);
        }
        Self::read(ByteString::from(text))
    }

    /// Reads an address of at most [`limits::LINE`] bytes without copying it.
    pub(super) fn read(text: ByteString) -> Result<Self, Fault> {
        let text = text.slice_ref(trim(&text));
        let parts = Parts::of(&text).ok_or(Fault::Address)?;
        let uri = Uri::read(text.slice_ref(parts.uri)).map_err(|_| Fault::Address)?;
        if parts.bare && uri.as_str().contains(['?', ',']) {
            return Err(Fault::Address);
        }
        let mut tag = None;
        Params::check(parts.params, |name, value| {
            if !name.eq_ignore_ascii_case("tag") {
                return Some(());
            }
            // At most one, of visible ASCII characters.
            let value = value.filter(|value| all(value, VISIBLE))?;
            tag.replace(Span::within(&text, value)).is_none().then_some(())
        })
        .ok_or(Fault::Address)?;
        let display = Span::within(&text, parts.display);
        let params = Span::within(&text, parts.params);
        Ok(Self { uri, display, params, tag, text })
    }

    /// The address as it was written, without white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The display name, without its quotes and escapes.
    #[must_use]
    pub fn display(&self) -> Option<Cow<'_, str>> {
        let text = self.display.of(&self.text);
        (!text.is_empty()).then(|| unquote(text))
    }

    /// The parameters of the header field (those of the URI are in the URI).
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.of(&self.text))
    }

    /// The value of a parameter of the header field; `Some(None)` for a parameter without a value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params().get(name)
    }

    /// The tag of a From or a To.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.map(|span| span.of(&self.text))
    }

    /// The same address in memory of its own, for one that is kept longer than the message it stood in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::parse(self.as_str()).expect("it was read before")
    }
}

struct Parts<'a> {
    display: &'a str,
    uri: &'a str,
    params: &'a str,
    /// There are no angle brackets, so that what follows the URI belongs to the header (RFC 3261 section 20).
    bare: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if let Some(length) = quoted_length(text.as_bytes()) {
            let (display, rest) = text.split_at(length);
            return Self::bracketed(display, rest);
        }
        let end =
            text.bytes().position(|byte| matches!(byte, b'<' | b';' | b'"' | b',')).unwrap_or(text.len());
        let (before, rest) = text.split_at(end);
        if rest.starts_with('<') {
            return Self::bracketed(trim(before), rest);
        }
        (rest.is_empty() || rest.starts_with(';')).then(|| Self {
            display: &text[..0],
            uri: trim(before),
            params: rest,
            bare: true,
        })
    }

    fn bracketed(display: &'a str, rest: &'a str) -> Option<Self> {
        let (uri, params) = trim(rest).strip_prefix('<')?.split_once('>')?;
        Some(Self { display, uri, params, bare: false })
    }
}

impl std::str::FromStr for Address {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Prints nothing of the name or the number.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?})", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|_| panic!("{text:?} is an address"))
    }

    #[test]
    fn a_name_an_address_and_parameters() {
        let address = read(r#" "J \"R\" <x>, é"  <sip:j@example.com;lr>  ;  tag = 98 ; x="a;tag=b" "#);
        assert_eq!(address.display().unwrap(), r#"J "R" <x>, é"#);
        assert_eq!(address.uri().as_str(), "sip:j@example.com;lr");
        assert_eq!(address.tag(), Some("98"));
        assert_eq!(address.param("lr"), None);
        assert_eq!(address.param("x"), Some(Some("\"a;tag=b\"")));
        assert!(address.as_str().starts_with('"') && address.as_str().ends_with('"'));
    }

    #[test]
    fn without_brackets_parameters_are_the_headers() {
        let address = read("sip:a@b;tag=1;user=phone");
        assert_eq!((address.uri().as_str(), address.tag()), ("sip:a@b", Some("1")));
        assert_eq!(address.display(), None);
        assert_eq!(read("tel:+1;tag=2").uri().as_str(), "tel:+1");
        assert_eq!(read("sip:a@b ; tag = 1").uri().as_str(), "sip:a@b");
    }

    #[test]
    fn names_without_quotes() {
        assert_eq!(read("A. G. Bell<sip:a@b>").display().unwrap(), "A. G. Bell");
        assert_eq!(read("José (home) <sip:a@b>").display().unwrap(), "José (home)");
        assert_eq!(read("<sip:a@b>").display(), None);
        assert_eq!(read("\"\" <sip:a@b>").display().unwrap(), "");
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [
            "",
            "<>",
            "<sip:a@b",
            "sip:a@b>",
            "\"A <sip:a@b>",
            "\"A\" sip:a@b",
            "Bell, A <sip:a@b>",
            "< sip:a@b>",
            "<sip:a@b >",
            "<sip:a@b> x",
            "<sip:a@b>;",
            "<sip:a@b>;tag",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag=1;tag=2",
            "<sip:a@b>;tag=\u{1a}",
            "sip:a@b?x=y",
            "sip:a@b, sip:c@d",
            "<sip:a@b>, <sip:c@d>",
            "A \"B\" <sip:a@b>",
            "*",
            "\"A\"",
            "<sip:a@b>;;",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_detached_one_is_the_same() {
        let address = read("\"A\" <sip:a@b>;tag=1");
        assert_eq!(address.detached(), address);
    }

    #[test]
    fn nothing_of_it_reaches_a_debug_print() {
        assert_eq!(format!("{:?}", read("\"A\" <sip:a@b>")), "Address(Uri(Sip, ***))");
    }
}
