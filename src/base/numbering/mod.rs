//! Country numbering rules: reading what was dialled or claimed as one E.164 number, writing a number as a trunk
//! wants it, and knowing emergency numbers and short codes.
//!
//! There is one canonical form, [`PhoneNumber`], and one way into it. What can be read in two ways is refused.

mod emergency;
mod kind;
mod metadata;
mod written;

use crate::base::PhoneNumber;
use metadata::{Country, is_plausible};
use written::{Digits, Written};

pub use kind::Kind;

/// How a number is written on a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+919876500002`
    E164,
    /// `919876500002`
    E164NoPlus,
    /// As dialled in the country: `09876500002`, and its international prefix before a number abroad.
    National,
}

/// Why what was written is no number. Never holds what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There is no digit.
    #[error("there is no digit in it")]
    Empty,
    /// There is a character that is neither an ASCII digit, a visual separator nor a leading `+`.
    #[error("a character in it belongs to no number")]
    Character,
    /// It has the length of no number, national or international.
    #[error("it has the length of no number, national or international")]
    Length,
    /// It is local to a place that we do not know, or that does not fit it (RFC 3966 section 5.1.5).
    #[error("its phone-context is unknown or does not fit it")]
    Context,
    /// It can be read as two different numbers.
    #[error("it can be read as two numbers: set the trunk's format_in to e164 or national")]
    Ambiguous,
}

/// A number that is never masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Special {
    /// An emergency number.
    Emergency,
    /// A short code, or a service code with `*` or `#`.
    ShortCode,
}

/// The longest short code: no E.164 number is as short.
const SHORT: usize = 6;

/// The numbering rules of one country, and calling codes of all.
#[derive(Debug, Clone)]
pub struct Numbering {
    country: Country,
    emergency: &'static str,
}

impl Numbering {
    /// The rules of the country with this ISO 3166 code (two capital letters), if it is known. The first call of
    /// a process reads the metadata (tens of milliseconds); reading numbers afterwards takes well under 1 µs.
    #[must_use]
    pub fn of(country: &str) -> Option<Self> {
        Some(Self { country: Country::of(country)?, emergency: emergency::of(country) })
    }

    /// Reads a user part as a number. `user` has its percent escapes decoded; `context` is the `phone-context` of
    /// a tel: URI; `bare` says how digits without any prefix are read, where the country's own length does not.
    ///
    /// # Errors
    /// Where it is no number, or more than one.
    pub fn read(
        &self,
        user: &str,
        context: Option<&str>,
        bare: Option<NumberFormat>,
    ) -> Result<PhoneNumber, Unreadable> {
        let Written { digits, plus, context } = written::parse(user, context)?;
        match context {
            _ if plus => self.read_international(digits.as_str()),
            Some(context) => self.read_in_context(context, digits.as_str()),
            None => self.read_local(digits.as_str(), bare),
        }
    }

    /// Whether what was dialled, as a whole and as received, is an emergency number or a short code. Separators
    /// and a `+` are looked through; beginnings are never matched.
    #[must_use]
    pub fn special(&self, user: &str) -> Option<Special> {
        let part = written::number_part(user).trim();
        if part.eq_ignore_ascii_case("sos")
            || part.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("urn:service:sos"))
        {
            return Some(Special::Emergency);
        }
        if part.contains(['*', '#']) {
            return Some(Special::ShortCode);
        }
        let digits = written::parse(part, None).ok()?.digits;
        match digits.as_str() {
            digits if emergency::is(digits, self.emergency) => Some(Special::Emergency),
            digits => (digits.len() <= SHORT).then_some(Special::ShortCode),
        }
    }

    /// Whether a number is an emergency number or a short code behind a calling code, as in +44 116 123.
    #[must_use]
    pub fn special_number(&self, number: PhoneNumber) -> Option<Special> {
        let digits = number.reveal();
        let (_, national, lengths) = metadata::split(&digits[1..])?;
        let harmonised = national.len() == SHORT && national.starts_with("116");
        let too_short = national.len() <= SHORT && !lengths.contains(national.len());
        if too_short && emergency::is(national, self.emergency) {
            return Some(Special::Emergency);
        }
        (harmonised || too_short).then_some(Special::ShortCode)
    }

    /// A number as it is written in a format.
    #[must_use]
    pub fn write(&self, number: PhoneNumber, format: NumberFormat) -> String {
        let whole = number.reveal();
        let digits = &whole[1..];
        let home = || digits.strip_prefix(&*self.country.calling_code);
        match (format, home()) {
            (NumberFormat::E164, _) => whole,
            (NumberFormat::E164NoPlus, _) => digits.to_owned(),
            (NumberFormat::National, Some(national)) => {
                let prefix = self.country.national_prefix.as_deref().unwrap_or("");
                // In North America the prefix is the calling code, and a national number is its ten digits.
                let prefix = if prefix == &*self.country.calling_code { "" } else { prefix };
                format!("{prefix}{national}")
            }
            (NumberFormat::National, None) => format!("{}{digits}", self.country.international_prefixes[0]),
        }
    }

    /// Digits behind a `+`. A national prefix between our calling code and the number, as in +91 (0)80, is none.
    fn read_international(&self, digits: &str) -> Result<PhoneNumber, Unreadable> {
        match digits.strip_prefix(&*self.country.calling_code) {
            Some(national) if self.zero_is_prefix() && national.starts_with('0') => Err(Unreadable::Length),
            _ => number(digits),
        }
    }

    /// Digits without a `+` and without a context.
    fn read_local(&self, digits: &str, bare: Option<NumberFormat>) -> Result<PhoneNumber, Unreadable> {
        let national = self.after_national_prefix(digits);
        for prefix in &self.country.international_prefixes {
            if let Some(abroad) = digits.strip_prefix(&**prefix).filter(|rest| is_plausible(rest)) {
                let clash = &**prefix != "00" && national.is_some();
                return if clash { Err(Unreadable::Ambiguous) } else { number(abroad) };
            }
        }
        match (national, self.bare_national(digits)) {
            (Some(_), Some(_)) => Err(Unreadable::Ambiguous),
            (Some(national), None) => self.at_home(national),
            (None, national) => self.read_bare(digits, national, bare),
        }
    }

    /// Digits without any prefix: national by their length, international by their calling code, or both.
    fn read_bare(
        &self,
        digits: &str,
        national: Option<&str>,
        bare: Option<NumberFormat>,
    ) -> Result<PhoneNumber, Unreadable> {
        let international = is_plausible(digits).then_some(digits);
        let ours = international.is_some_and(|digits| digits.starts_with(&*self.country.calling_code));
        match (national, international, bare) {
            (Some(_), Some(_), None) if ours => Err(Unreadable::Ambiguous),
            (_, Some(digits), Some(NumberFormat::E164 | NumberFormat::E164NoPlus)) => number(digits),
            (Some(national), _, _) => self.at_home(national),
            (None, Some(digits), _) => number(digits),
            (None, None, _) => Err(Unreadable::Length),
        }
    }

    /// Digits that a tel: URI calls local to a place.
    fn read_in_context(&self, context: &str, digits: &str) -> Result<PhoneNumber, Unreadable> {
        let place = written::parse(context, None).map_err(|_| Unreadable::Context)?;
        if !place.plus || place.context.is_some() {
            return Err(Unreadable::Context);
        }
        if place.digits.as_str() == &*self.country.calling_code {
            let national = self.after_national_prefix(digits).or_else(|| self.bare_national(digits));
            return self.at_home(national.ok_or(Unreadable::Context)?);
        }
        let whole = Digits::joined(place.digits.as_str(), digits)?;
        if is_plausible(whole.as_str()) { number(whole.as_str()) } else { Err(Unreadable::Context) }
    }

    /// The national number behind the national prefix, where the digits are that.
    fn after_national_prefix<'a>(&self, digits: &'a str) -> Option<&'a str> {
        let prefix = self.country.national_prefix.as_deref()?;
        let national = digits.strip_prefix(prefix)?;
        let fits = self.country.lengths.contains(national.len());
        (fits && !(self.zero_is_prefix() && national.starts_with('0'))).then_some(national)
    }

    /// The digits, where they are a national number without its prefix.
    fn bare_national<'a>(&self, digits: &'a str) -> Option<&'a str> {
        let fits = self.country.lengths.contains(digits.len());
        (fits && !(self.zero_is_prefix() && digits.starts_with('0'))).then_some(digits)
    }

    /// Whether the national prefix begins with 0, so that no national number does.
    fn zero_is_prefix(&self) -> bool {
        self.country.national_prefix.as_deref().is_some_and(|prefix| prefix.starts_with('0'))
    }

    fn at_home(&self, national: &str) -> Result<PhoneNumber, Unreadable> {
        number(Digits::joined(&self.country.calling_code, national)?.as_str())
    }
}

/// The number with these international digits.
fn number(digits: &str) -> Result<PhoneNumber, Unreadable> {
    PhoneNumber::from_digits(digits).map_err(|_| Unreadable::Length)
}

#[cfg(test)]
mod tests;
