//! Reading the characters of a number, before anything is known of countries.

use super::Unreadable;

/// The most digits that are read: 15 of E.164 after an international prefix, with room to spare.
const MOST: usize = 24;

/// A few ASCII digits, without an allocation.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    bytes: [u8; MOST],
    length: usize,
}

impl Digits {
    const NONE: Self = Self { bytes: [0; MOST], length: 0 };

    fn push(&mut self, digit: u8) -> Result<(), Unreadable> {
        *self.bytes.get_mut(self.length).ok_or(Unreadable::Length)? = digit;
        self.length += 1;
        Ok(())
    }

    /// These digits, then those.
    pub(super) fn joined(first: &str, second: &str) -> Result<Self, Unreadable> {
        let mut digits = Self::NONE;
        first.bytes().chain(second.bytes()).try_for_each(|digit| digits.push(digit))?;
        Ok(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("only ASCII digits are pushed")
    }
}

/// A number as it was written.
pub(super) struct Written<'a> {
    /// Its digits.
    pub(super) digits: Digits,
    /// Whether a `+` stands before them.
    pub(super) plus: bool,
    /// Its `phone-context`, wherever that stood.
    pub(super) context: Option<&'a str>,
}

/// The part of a user before its telephone parameters.
pub(super) fn number_part(user: &str) -> &str {
    user.split(';').next().unwrap_or(user)
}

/// Reads a user part: digits, visual separators (RFC 3966 section 3, and the blank) and one `+` before the first
/// digit; then telephone parameters, of which `phone-context` alone says something about the number.
pub(super) fn parse<'a>(user: &'a str, context: Option<&'a str>) -> Result<Written<'a>, Unreadable> {
    let mut written = Written { digits: Digits::NONE, plus: false, context };
    for byte in number_part(user).bytes() {
        match byte {
            b'0'..=b'9' => written.digits.push(byte)?,
            b'+' if !written.plus && written.digits.length == 0 => written.plus = true,
            b'-' | b'.' | b'(' | b')' | b' ' => {}
            _ => return Err(Unreadable::Character),
        }
    }
    if written.digits.length == 0 {
        return Err(Unreadable::Empty);
    }
    for parameter in user.split(';').skip(1) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if !name.trim().eq_ignore_ascii_case("phone-context") {
            continue;
        }
        if written.context.is_some_and(|known| known != value) {
            return Err(Unreadable::Context);
        }
        written.context = Some(value);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(user: &str) -> Result<(String, bool), Unreadable> {
        parse(user, None).map(|written| (written.digits.as_str().to_owned(), written.plus))
    }

    #[test]
    fn separators_are_for_the_eye() {
        assert_eq!(digits("+91-98765.00(002)"), Ok(("919876500002".into(), true)));
        assert_eq!(digits(" (080) 4555 0101 "), Ok(("08045550101".into(), false)));
        assert_eq!(digits("(+91) 98765 00002"), Ok(("919876500002".into(), true)));
    }

    #[test]
    fn nothing_but_ascii_digits_is_a_digit() {
        for text in
            ["alice", "98765٠0002", "987650000\u{ff12}", "*67", "+91+98", "98+76", "98\t76", "98\u{a0}76"]
        {
            assert_eq!(digits(text), Err(Unreadable::Character), "{text}");
        }
        for text in ["", "+", "()", " ", ";phone-context=+91"] {
            assert_eq!(digits(text), Err(Unreadable::Empty), "{text}");
        }
        assert_eq!(digits(&"1".repeat(25)), Err(Unreadable::Length));
    }

    #[test]
    fn the_context_is_found_wherever_it_stands() {
        let context = |user, outside| parse(user, outside).map(|written| written.context.map(str::to_owned));
        assert_eq!(context("98765;ext=1;Phone-Context=+91", None), Ok(Some("+91".into())));
        assert_eq!(context("98765", Some("+91")), Ok(Some("+91".into())));
        assert_eq!(context("98765;phone-context=+91", Some("+91")), Ok(Some("+91".into())));
        assert_eq!(context("98765;phone-context=+91", Some("+44")), Err(Unreadable::Context));
        assert_eq!(context("98765;phone-context=+91;phone-context=+44", None), Err(Unreadable::Context));
    }
}
