//! Telephone numbers in their one canonical form.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// An E.164 number: a country code and a national number, 7 to 15 digits in all, the first not 0.
///
/// Printing one, with `{}` or `{:?}`, gives it redacted (`+9198******02`): a number reaches a log, a trace or an
/// error message only in that form. The whole number comes out through [`PhoneNumber::reveal`] alone, which is
/// called where handing it over is the product's job: the Request-URI of a leg, a call record, an API answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(NonZeroU64);

/// Why a text is not an E.164 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberFault {
    /// There is no leading `+`.
    #[error("an E.164 number starts with + and the country code")]
    NoPlus,
    /// A character that is not an ASCII digit.
    #[error("only the digits 0-9 may follow the +")]
    NotADigit,
    /// Fewer than 7 or more than 15 digits, or a country code that starts with 0.
    #[error("an E.164 number has 7 to 15 digits and does not start with 0")]
    Length,
}

impl PhoneNumber {
    /// The number whose digits, country code first and without `+`, these are.
    ///
    /// # Errors
    /// Where the digits are no E.164 number.
    pub fn from_digits(digits: &str) -> Result<Self, NumberFault> {
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberFault::NotADigit);
        }
        if !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
            return Err(NumberFault::Length);
        }
        digits.parse().map(PhoneNumber).map_err(|_| NumberFault::Length)
    }

    /// The whole number with its leading `+`. The only way out of the redaction.
    #[must_use]
    pub fn reveal(self) -> String {
        format!("+{}", self.0)
    }

    /// The digits as an integer, for an index key or a fingerprint that never leaves the process.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0.get()
    }
}

impl FromStr for PhoneNumber {
    type Err = NumberFault;

    fn from_str(text: &str) -> Result<Self, NumberFault> {
        Self::from_digits(text.strip_prefix('+').ok_or(NumberFault::NoPlus)?)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let hidden = digits.len().saturating_sub(6);
        write!(f, "+{}{}{}", &digits[..4], "*".repeat(hidden), &digits[digits.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_redacted_and_reveals_whole() {
        let number: PhoneNumber = "+919876500002".parse().unwrap();
        assert_eq!(number.to_string(), "+9198******02");
        assert_eq!(format!("{number:?}"), "+9198******02");
        assert_eq!(number.reveal(), "+919876500002");
    }

    #[test]
    fn refuses_what_is_not_e164() {
        assert_eq!("919876500002".parse::<PhoneNumber>(), Err(NumberFault::NoPlus));
        assert_eq!("+9198765٠0002".parse::<PhoneNumber>(), Err(NumberFault::NotADigit));
        assert_eq!("+019876500002".parse::<PhoneNumber>(), Err(NumberFault::Length));
        assert_eq!("+123456".parse::<PhoneNumber>(), Err(NumberFault::Length));
        assert_eq!("+1234567890123456".parse::<PhoneNumber>(), Err(NumberFault::Length));
    }
}
