//! What is taken from the `phonenumber` crate's metadata: calling codes, prefixes and the lengths of numbers.
//! Its patterns are left alone: they are regular expressions behind a lock, and a length says enough.

use std::sync::OnceLock;

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};

/// A set of lengths, in digits, up to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lengths(u32);

impl Lengths {
    fn of(descriptors: &[Option<&Descriptor>]) -> Self {
        let lengths = descriptors.iter().flatten().flat_map(|descriptor| descriptor.possible_length());
        Self(lengths.fold(0, |set, &length| set | 1 << length.min(31)))
    }

    pub(super) fn contains(self, length: usize) -> bool {
        length < 32 && self.0 & 1 << length != 0
    }
}

/// How one country dials.
#[derive(Debug, Clone)]
pub(super) struct Country {
    /// Its calling code, as in `91`.
    pub(super) calling_code: Box<str>,
    /// What stands before a national number, as in `0`.
    pub(super) national_prefix: Option<Box<str>>,
    /// What stands before a number abroad, longest first; `00` is always one.
    pub(super) international_prefixes: Vec<Box<str>>,
    /// The lengths of its landline and mobile numbers, without any prefix.
    pub(super) lengths: Lengths,
}

impl Country {
    /// The country with this ISO 3166 code.
    pub(super) fn of(id: &str) -> Option<Self> {
        let known = DATABASE.by_id(id).filter(|_| id.len() == 2)?;
        let descriptors = known.descriptors();
        Some(Self {
            calling_code: known.country_code().to_string().into(),
            national_prefix: known.national_prefix().filter(|prefix| is_digits(prefix)).map(Into::into),
            international_prefixes: international_prefixes(known),
            lengths: Lengths::of(&[descriptors.fixed_line(), descriptors.mobile()]),
        })
    }
}

/// The literal international prefixes of a country. Those that choose a carrier are patterns and left out.
fn international_prefixes(country: &Metadata) -> Vec<Box<str>> {
    let pattern = country.international_prefix().map(|pattern| pattern.as_str().to_owned());
    let preferred = country.preferred_international_prefix().map(|prefix| prefix.replace('~', ""));
    let mut prefixes: Vec<Box<str>> = [pattern, preferred, Some("00".to_owned())]
        .into_iter()
        .flatten()
        .filter(|prefix| is_digits(prefix))
        .map(Into::into)
        .collect();
    prefixes.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    prefixes.dedup();
    prefixes
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The lengths of the national numbers of every kind behind each calling code; empty where the code is unassigned.
fn by_calling_code() -> &'static [Lengths; 1000] {
    static TABLE: OnceLock<Box<[Lengths; 1000]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([Lengths::default(); 1000]);
        for country in DATABASE.iter() {
            let kinds = country.descriptors();
            let lengths = Lengths::of(&[
                kinds.fixed_line(),
                kinds.mobile(),
                kinds.toll_free(),
                kinds.premium_rate(),
                kinds.shared_cost(),
                kinds.personal_number(),
                kinds.voip(),
                kinds.pager(),
                kinds.uan(),
                kinds.voicemail(),
            ]);
            if let Some(code) = table.get_mut(usize::from(country.country_code())) {
                code.0 |= lengths.0;
            }
        }
        table
    })
}

/// Splits international digits after their calling code: the code, the national number, and the lengths that
/// numbers behind that code have. Calling codes are 1 to 3 digits and none is another's beginning.
pub(super) fn split(digits: &str) -> Option<(&str, &str, Lengths)> {
    (1..=digits.len().min(3)).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let lengths = by_calling_code()[code.parse::<usize>().ok()?];
        (lengths != Lengths::default() && !code.starts_with('0')).then_some((code, national, lengths))
    })
}

/// Whether these can be the digits of an international number: an assigned calling code, and a length that
/// numbers behind it have.
pub(super) fn is_plausible(digits: &str) -> bool {
    split(digits).is_some_and(|(_, national, lengths)| lengths.contains(national.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_dial_as_they_do() {
        let india = Country::of("IN").unwrap();
        assert_eq!((&*india.calling_code, india.national_prefix.as_deref()), ("91", Some("0")));
        assert!(india.lengths.contains(10) && !india.lengths.contains(12));
        let prefixes = |id| Country::of(id).unwrap().international_prefixes.join(" ");
        assert_eq!(prefixes("IN"), "00");
        assert_eq!(prefixes("US"), "011 00");
        assert_eq!(prefixes("AU"), "0011 00");
        assert_eq!(prefixes("RU"), "810 00");
        assert_eq!(prefixes("JP"), "010 00");
        for unknown in ["", "XX", "in", "001", "IND"] {
            assert!(Country::of(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn calling_codes_are_prefix_free() {
        let assigned: Vec<String> = (1..1000)
            .filter(|&code| by_calling_code()[code] != Lengths::default())
            .map(|code| code.to_string())
            .collect();
        assert!(assigned.len() > 200);
        for code in &assigned {
            assert!(
                !assigned.iter().any(|other| other != code && other.starts_with(code.as_str())),
                "{code}"
            );
        }
    }

    #[test]
    fn splits_after_the_calling_code() {
        assert_eq!(split("919876500002").map(|parts| (parts.0, parts.1)), Some(("91", "9876500002")));
        assert_eq!(split("35312345678").map(|parts| parts.0), Some("353"));
        assert_eq!(split("12125550100").map(|parts| parts.0), Some("1"));
        assert_eq!(split("9991234567"), None);
        assert_eq!(split("0119876"), None);
        assert_eq!(split(""), None);
        assert!(is_plausible("12125550100") && !is_plausible("1212555010"));
    }
}
