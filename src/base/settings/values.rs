//! Reading single values of a settings file. What is wrong is said with what to write instead; numbers and
//! secrets are never repeated.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::CodecName;
use super::table::{Flaw, Read, Value};
use crate::base::link::{WRITE_LINK, read_link};
use crate::base::number::NumberFault;
use crate::base::{PhoneNumber, Secret};

/// One flaw of one value.
fn flaw<T>(value: &Value<'_>, message: impl Into<String>) -> Read<T> {
    Err(vec![Flaw { offset: value.span().start, message: message.into() }])
}

/// A text that a function reads further.
pub(super) fn text<T>(read: impl Fn(&str) -> Result<T, String>) -> impl Fn(&Value<'_>) -> Read<T> {
    move |value| match value.get_ref() {
        DeValue::String(text) => read(text).or_else(|message| flaw(value, message)),
        other => flaw(value, format!("is {}: write a text in quotes", kind(other))),
    }
}

/// A list of what a function reads.
pub(super) fn list<'t, T>(read: impl Fn(&Value<'t>) -> Read<T>) -> impl Fn(&Value<'t>) -> Read<Vec<T>> {
    move |value| {
        let DeValue::Array(items) = value.get_ref() else {
            return flaw(value, format!("is {}: write a list, as in [\"...\"]", kind(value.get_ref())));
        };
        let (mut values, mut flaws) = (Vec::new(), Vec::new());
        for item in items.iter() {
            match read(item) {
                Ok(value) => values.push(value),
                Err(more) => flaws.extend(more),
            }
        }
        if flaws.is_empty() { Ok(values) } else { Err(flaws) }
    }
}

/// A list with at least one item, or, where `alone`, that one item without a list.
pub(super) fn some<'t, T>(
    alone: bool,
    read: impl Fn(&Value<'t>) -> Read<T>,
) -> impl Fn(&Value<'t>) -> Read<Vec<T>> {
    move |value| {
        if alone && value.get_ref().is_str() {
            return read(value).map(|item| vec![item]);
        }
        let items = list(&read)(value)?;
        if items.is_empty() { flaw(value, "is empty: write at least one item") } else { Ok(items) }
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value<'_>) -> Read<T> {
    text(move |word| {
        let known = || words.iter().map(|known| format!("\"{}\"", known.0)).collect::<Vec<_>>().join(" or ");
        let found = words.iter().find(|known| known.0 == word);
        found.map(|known| known.1).ok_or_else(|| format!("is none of the words it can be: write {}", known()))
    })
}

/// `true` or `false`.
pub(super) fn boolean(value: &Value<'_>) -> Read<bool> {
    match value.get_ref() {
        DeValue::Boolean(boolean) => Ok(*boolean),
        other => flaw(value, format!("is {}: write true or false", kind(other))),
    }
}

/// A whole number within bounds.
pub(super) fn whole(bounds: RangeInclusive<u32>) -> impl Fn(&Value<'_>) -> Read<u32> {
    move |value| {
        let number = value.get_ref().as_integer().and_then(|integer| {
            u32::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
        });
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Ok(number),
            None => flaw(value, format!("write a whole number from {} to {}", bounds.start(), bounds.end())),
        }
    }
}

/// A duration within bounds, as in `500ms`, `2s`, `5m`, `4h` or `1h30m`.
pub(super) fn duration(bounds: RangeInclusive<Duration>) -> impl Fn(&Value<'_>) -> Read<Duration> {
    text(move |text| {
        let duration = parse_duration(text)
            .ok_or("is no duration: write a number and a unit, as in \"500ms\", \"30s\", \"5m\" or \"4h\"")?;
        if bounds.contains(&duration) {
            return Ok(duration);
        }
        Err(format!("is out of bounds: write from {} to {}", print(*bounds.start()), print(*bounds.end())))
    })
}

/// Numbers with units, each smaller than the one before.
fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = text;
    let mut next_unit = 0;
    let mut milliseconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (amount, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, after) = after.split_at(letters);
        let found = next_unit + UNITS[next_unit..].iter().position(|known| known.0 == unit)?;
        let part = amount.parse::<u64>().ok()?.checked_mul(UNITS[found].1)?;
        milliseconds = milliseconds.checked_add(part)?;
        next_unit = found + 1;
        rest = after;
    }
    (next_unit > 0).then(|| Duration::from_millis(milliseconds))
}

/// A duration in the unit that suits it.
fn print(duration: Duration) -> String {
    match (duration.as_millis(), duration.as_secs()) {
        (millis, _) if millis % 1000 != 0 => format!("{millis}ms"),
        (_, seconds) if seconds > 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (_, seconds) => format!("{seconds}s"),
    }
}

/// An E.164 number. Its fault never repeats it, and holds no other number whole.
pub(super) fn number(value: &Value<'_>) -> Read<PhoneNumber> {
    text(|text| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        text.parse().map_err(|fault| {
            let wrong = match fault {
                _ if (1..=6).contains(&digits) && text.len() <= 8 => {
                    "is an emergency number or a short code, which is never masked"
                }
                NumberFault::NoPlus => "does not begin with + and the country code",
                NumberFault::NotADigit => "has characters other than digits after the +",
                NumberFault::Length => "does not have the 7 to 15 digits of a number after the +",
            };
            format!("{wrong}: write all of a number without spaces, as in \"+9198...\"")
        })
    })(value)
}

/// A text that is kept secret.
pub(super) fn secret(value: &Value<'_>) -> Read<Secret> {
    text(|text| {
        if text.is_empty() { Err("is empty: write one".to_owned()) } else { Ok(Secret::new(text.to_owned())) }
    })(value)
}

/// A name of letters, digits, `.`, `_` and `-`: harmless in a URI, a header, a log line and a file name.
pub(super) fn name(value: &Value<'_>) -> Read<String> {
    text(|text| {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(harmless) {
            return Ok(text.to_owned());
        }
        Err("is no name: write 1 to 64 letters, digits, dots, dashes or underscores".to_owned())
    })(value)
}

/// The first digits of destinations, as in `+91`.
pub(super) fn prefix(value: &Value<'_>) -> Read<Box<str>> {
    text(|text| match text.strip_prefix('+') {
        Some(digits)
            if (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Ok(digits.into())
        }
        _ => Err("is no prefix: write + and the first digits of the destinations, as in \"+91\"".to_owned()),
    })(value)
}

/// A URL to call.
pub(super) fn link(link: &str) -> Result<Box<str>, String> {
    read_link(link).map(|_| link.into()).ok_or_else(|| format!("is no URL to call: {WRITE_LINK}"))
}

/// The codecs by their names.
pub(super) const CODECS: [(&str, CodecName); 7] = [
    ("opus", CodecName::Opus),
    ("g722", CodecName::G722),
    ("amr-wb", CodecName::AmrWb),
    ("pcma", CodecName::Pcma),
    ("pcmu", CodecName::Pcmu),
    ("amr", CodecName::Amr),
    ("g729", CodecName::G729),
];

pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a bare number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
