//! Lists: the comma-separated values of a header field.

use super::token::trim;

/// The values of one header field, without the blanks around them; empty ones are left out. Commas in quoted strings
/// and between angle brackets do not separate.
#[derive(Debug, Clone)]
pub struct Values<'a>(&'a str);

impl<'a> Values<'a> {
    /// The values of this text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.0.is_empty() {
            let (value, rest) = split(self.0);
            self.0 = rest.unwrap_or_default();
            if !trim(value).is_empty() {
                return Some(trim(value));
            }
        }
        None
    }
}

/// The text before the first comma that separates, and the text after it.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match comma(text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Where the first comma stands that separates two values.
pub(super) fn comma(text: &[u8]) -> Option<usize> {
    memchr::memchr(b',', text)?;
    let (mut quoted, mut bracketed) = (false, false);
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            _ if quoted => {}
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            b',' if !bracketed => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<&str> {
        Values::new(text).collect()
    }

    #[test]
    fn commas_separate() {
        assert_eq!(values("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(values(" ,a,, "), ["a"]);
        assert!(values("").is_empty());
    }

    #[test]
    fn quoted_and_bracketed_commas_do_not() {
        assert_eq!(
            values(r#""A, \", B" <sip:a,b@c;x=1,2>;q=1, <sip:d@e>"#),
            [r#""A, \", B" <sip:a,b@c;x=1,2>;q=1"#, "<sip:d@e>"]
        );
        assert_eq!(values(r#""<", b"#), [r#""<""#, "b"]);
    }

    #[test]
    fn what_is_never_closed_is_one_value() {
        assert_eq!(values(r#""a, b"#), [r#""a, b"#]);
        assert_eq!(values("<a, b"), ["<a, b"]);
        assert_eq!(values("\"a\\"), ["\"a\\"]);
    }
}
