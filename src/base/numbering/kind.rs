//! What the patterns of the `phonenumber` crate's metadata tell of a number. They are regular expressions behind a
//! lock: asked when a session or a number is made, never on the way of a call.

use phonenumber::Type;
use phonenumber::metadata::DATABASE;

use crate::base::PhoneNumber;

/// What kind of number it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its country (ISO 3166), where its digits tell one.
    pub country: Option<Box<str>>,
    /// Whether whoever calls it pays its owner.
    pub is_premium_rate: bool,
}

impl Kind {
    /// The kind of a number. Some microseconds; up to milliseconds for the first number of a country.
    #[must_use]
    pub fn of(number: PhoneNumber) -> Self {
        let parsed = phonenumber::parse(None, number.reveal()).ok();
        let metadata = parsed.as_ref().and_then(|number| number.metadata(&DATABASE));
        let is_premium_rate =
            parsed.as_ref().is_some_and(|number| number.number_type(&DATABASE) == Type::PremiumRate);
        let country = metadata.map(|country| country.id()).filter(|id| id.len() == 2);
        Self { country: country.map(Into::into), is_premium_rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_and_premium_rates_are_told() {
        for (number, country, is_premium_rate) in [
            ("+919876500001", Some("IN"), false),
            ("+918045550101", Some("IN"), false),
            ("+442071838750", Some("GB"), false),
            ("+449098790000", Some("GB"), true),
            ("+12125550100", Some("US"), false),
            ("+16137827274", Some("CA"), false),
            ("+19002345678", Some("US"), true),
            ("+18007233456", Some("US"), false),
            ("+499001234567", Some("DE"), true),
            ("+979123456789", None, true),
            ("+9991234567", None, false),
        ] {
            let expected = Kind { country: country.map(Into::into), is_premium_rate };
            assert_eq!(Kind::of(number.parse().unwrap()), expected, "{number}");
        }
    }
}
