//! Texts of a document that no log may show: numbers, URLs with what they carry, words that are spoken.

use std::fmt;

use super::limits;

/// A text that prints as `***`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hidden(Box<str>);

impl Hidden {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A telephone number as a document writes it, not yet brought into any form: at most a plus and 3 to 20 digits.
/// It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct WrittenNumber(Box<str>);

impl WrittenNumber {
    /// Reads a number; spaces, hyphens, dots and brackets between the digits are left out. None where something else
    /// stands in it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (plus, rest) = text.strip_prefix('+').map_or(("", text), |rest| ("+", rest));
        let digits: String =
            rest.chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')')).collect();
        let is_number = (3..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(format!("{plus}{digits}").into()))
    }

    /// The digits, after a plus where one was written.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WrittenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL as a document writes it, often relative to that of the document itself. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(Box<str>);

impl Link {
    /// Takes a text of 1 to [`limits::LINK`] bytes without a control character.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_fit = (1..=limits::LINK).contains(&text.len()) && !text.chars().any(char::is_control);
        is_fit.then(|| Self(text.into()))
    }

    /// The URL.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_digits_and_prints_none() {
        for (text, number) in [
            ("919876500001", "919876500001"),
            (" +91 (98765) 000-01\n", "+919876500001"),
            ("1.415.555.0100", "14155550100"),
            ("00442071838750", "00442071838750"),
        ] {
            let read = WrittenNumber::read(text).unwrap();
            assert_eq!(read.reveal(), number);
            assert_eq!(format!("{read:?} {:?}", Hidden::new(number)), "*** ***");
        }
        for text in [
            "",
            "+",
            "12",
            "++123",
            "12+3456",
            "{{number}}",
            "١٢٣٤٥٦٧",
            "91987650000a",
            "123456789012345678901",
        ] {
            assert_eq!(WrittenNumber::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_link_is_short_and_without_controls() {
        assert_eq!(Link::read(" /pin?to=919876500001 ").unwrap().reveal(), "/pin?to=919876500001");
        assert_eq!(format!("{:?}", Link::read("/pin")), "Some(***)");
        assert!(Link::read("").is_none() && Link::read("/a\nb").is_none());
        assert!(Link::read(&"x".repeat(2049)).is_none());
    }
}
