//! The type of a body (RFC 3261 section 20.15).

use std::borrow::Cow;

use super::params::Params;
use super::token::{TOKEN, all, trim, unquote};

/// A media type such as `application/sdp` or `multipart/mixed;boundary=x`.
#[derive(Debug, Clone)]
pub struct MediaType<'a> {
    kind: &'a str,
    subtype: &'a str,
    params: &'a str,
}

impl<'a> MediaType<'a> {
    /// Reads a media type.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let (kind, subtype) = name.split_once('/')?;
        let (kind, subtype) = (trim(kind), trim(subtype));
        Params::check(params, |_, _| Some(()))?;
        (all(kind, TOKEN) && all(subtype, TOKEN)).then_some(Self { kind, subtype, params })
    }

    /// Whether it is this type, whatever its case and its parameters.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether it is of this kind (`multipart`), whatever its subtype.
    #[must_use]
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// The value of a parameter, without quotes and escapes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        Params::new(self.params).get(name).flatten().map(unquote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_in_any_case() {
        let media = MediaType::parse("Multipart / Mixed ; Boundary=\"a;\\\"b\"").unwrap();
        assert!(
            media.is("multipart", "mixed") && media.is_kind("MULTIPART") && !media.is("multipart", "related")
        );
        assert_eq!(media.param("boundary").unwrap(), "a;\"b");
        assert_eq!(media.param("x"), None);
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in
            ["", "application", "/sdp", "application/", "a b/c", "application/sdp;", "application/sdp x"]
        {
            assert!(MediaType::parse(text).is_none(), "{text:?}");
        }
    }
}
