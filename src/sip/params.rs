//! Parameters: `;name` and `;name=value`.

use super::token::{NAME_END, TOKEN, VALUE_END, all, quoted_length, trim_start, until};

/// The parameters of a URI or a header field, in their order. Values are as written: quoted, or percent-encoded.
#[derive(Debug, Clone)]
pub struct Params<'a>(&'a str);

/// One parameter as it is written.
pub type Param<'a> = (&'a str, Option<&'a str>);

impl<'a> Params<'a> {
    /// The parameters that a text that was checked holds: it is empty or starts with a semicolon.
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of the first parameter of this name, whatever its case; `Some(None)` where it has none.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Option<&'a str>> {
        self.into_iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value)
    }

    /// Checks header parameters, tokens for names and values that are not empty (RFC 3261 section 25.1,
    /// generic-param), and shows each to `visit`, which may refuse it.
    pub(super) fn check(
        text: &'a str,
        mut visit: impl FnMut(&'a str, Option<&'a str>) -> Option<()>,
    ) -> Option<()> {
        let mut rest = text;
        while let Some(((name, value), after)) = step(rest)? {
            if !all(name, TOKEN) || value == Some("") {
                return None;
            }
            visit(name, value)?;
            rest = after;
        }
        Some(())
    }

    /// Checks URI parameters, whose names and values may hold other characters, but no quotes.
    pub(super) fn check_uri(text: &str) -> Option<()> {
        let mut rest = text;
        while let Some((_, after)) = step(rest)? {
            rest = after;
        }
        Some(())
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let (param, rest) = step(self.0)??;
        self.0 = rest;
        Some(param)
    }
}

/// Whether a parameter's name, which may be percent-encoded, is this one (RFC 3261 section 19.1.4).
fn same_name(written: &str, name: &str) -> bool {
    written.eq_ignore_ascii_case(name)
        || (written.contains('%') && super::uri::decode(written).eq_ignore_ascii_case(name))
}

/// Takes the first parameter off; `None` where the text is malformed, `Some(None)` where it is empty.
fn step(text: &str) -> Option<Option<(Param<'_>, &str)>> {
    let text = trim_start(text);
    if text.is_empty() {
        return Some(None);
    }
    let text = trim_start(text.strip_prefix(';')?);
    let (name, rest) = text.split_at(until(text.as_bytes(), NAME_END));
    if name.is_empty() {
        return None;
    }
    let rest = trim_start(rest);
    let Some(rest) = rest.strip_prefix('=') else {
        return Some(Some(((name, None), rest)));
    };
    let rest = trim_start(rest);
    let bytes = rest.as_bytes();
    let (value, rest) = rest.split_at(quoted_length(bytes).unwrap_or_else(|| until(bytes, VALUE_END)));
    Some(Some(((name, Some(value)), rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Option<Vec<Param<'_>>> {
        Params::check(text, |_, _| Some(()))?;
        Some(Params::new(text).collect())
    }

    #[test]
    fn blanks_may_stand_around_the_signs() {
        let params = checked(r#" ; tag = a1 ;lr; n="a;b\"," "#).unwrap();
        assert_eq!(params, [("tag", Some("a1")), ("lr", None), ("n", Some(r#""a;b\",""#))]);
        assert_eq!(checked("").unwrap(), []);
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [
            "a",
            ";",
            ";;a",
            ";a;",
            ";a=",
            ";a=;b",
            ";a b",
            ";a=b c",
            ";a=\"b",
            ";a=b\"c\"",
            ";ä=1",
            ";a,b",
            "=a",
        ] {
            assert_eq!(checked(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_escaped() {
        let params = Params::new(";%6C%72;Tag=x;tag=y");
        assert_eq!(params.clone().get("lr"), Some(None));
        assert_eq!(params.clone().get("TAG"), Some(Some("x")));
        assert_eq!(params.get("t"), None);
    }
}
