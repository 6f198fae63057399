//! The fields of challenges and answers.

use std::borrow::Cow;
use std::fmt;

use crate::sip::token::{quoted_length, trim, unquote};
use crate::sip::values::Values;

/// The fields of a Digest challenge or answer.
pub(super) struct Fields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// Reads `Digest name=value, name="value"`; `None` for another scheme, a malformed field, or a repeated one.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let (scheme, rest) = value.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields: Vec<(&str, Cow<str>)> = Vec::with_capacity(12);
        for field in Values::new(rest) {
            let (name, value) = field.split_once('=')?;
            let (name, value) = (trim(name), trim(value));
            let broken = value.starts_with('"') && quoted_length(value.as_bytes()) != Some(value.len());
            if broken || fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            fields.push((name, unquote(value)));
        }
        Some(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(Into::into)
    }
}

/// A text as a quoted string.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}
