//! The keys of a telephone.

use std::fmt;

use serde::{Serialize, Serializer};

/// A key of a telephone: `0` to `9`, `*`, `#`, `A` to `D`. Keys spell PINs and card numbers, so `{:?}` hides which.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digit(u8);

/// The keys in the order of their event codes (RFC 4733 section 3.2, table 3).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl Digit {
    /// The digit of an event code (RFC 4733 section 3.2), where it is one: 0 to 15.
    #[must_use]
    pub fn from_event(code: u8) -> Option<Self> {
        (usize::from(code) < KEYS.len()).then_some(Self(code))
    }

    /// The digit of a key; `a` to `d` are taken for `A` to `D`.
    #[must_use]
    pub fn from_char(key: char) -> Option<Self> {
        let code = KEYS.iter().position(|known| char::from(*known) == key.to_ascii_uppercase())?;
        u8::try_from(code).ok().map(Self)
    }

    /// The event code: 0 to 15 (RFC 4733 section 3.2).
    #[must_use]
    pub fn event(self) -> u8 {
        self.0
    }

    /// The key.
    #[must_use]
    pub fn to_char(self) -> char {
        char::from(KEYS[usize::from(self.0)])
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_char(f, self.to_char())
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(_)")
    }
}

impl Serialize for Digit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.to_char())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_the_sixteen_keys() {
        for (code, key) in (0..).zip("0123456789*#ABCD".chars()) {
            let digit = Digit::from_event(code).unwrap();
            assert_eq!(digit.to_char(), key);
            assert_eq!(Digit::from_char(key), Some(digit));
            assert_eq!(digit.event(), code);
        }
        assert_eq!(Digit::from_event(16), None, "flash is no digit");
        assert_eq!(Digit::from_char('d'), Digit::from_char('D'));
        assert_eq!(Digit::from_char('E'), None);
        assert_eq!(Digit::from_char('٣'), None);
    }
}
