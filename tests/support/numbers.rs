//! The search for telephone numbers where none may be: in a log, in an answer of the API, and in a record outside the
//! fields that are meant for them.

use std::collections::BTreeSet;

use serde_json::Value;

/// The fields of a record that hold numbers.
const DECLARED: [&str; 4] = ["dialled", "caller", "destination", "shown"];

/// The telephone numbers of one test.
#[derive(Debug)]
pub(crate) struct Numbers(BTreeSet<String>);

impl Numbers {
    /// Those of a settings file, and their neighbours that differ in the last two digits. They are known by the
    /// digits that stand in every spelling: with a plus or without, international or national.
    pub(crate) fn of(settings: &str) -> Self {
        let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
        let numbers = settings.split('+').skip(1).map(digits).filter(|number| number.len() >= 10);
        Self(numbers.map(|number| number[2..number.len() - 2].to_owned()).collect())
    }

    /// The first line that holds a number: one of these, or what looks like one.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let has_known = |line: &str| self.0.iter().any(|number| line.contains(number.as_str()));
        text.lines().find(|line| has_known(line) || looks_like_one(line))
    }

    /// Fails on a number in a record, but for the fields that are meant for numbers.
    pub(crate) fn check_record(&self, record: &Value) {
        let mut rest = record.clone();
        let fields = rest.as_object_mut().expect("a record is an object");
        fields.retain(|name, value| !DECLARED.contains(&name.as_str()) && !is_time(name, value));
        if let Some(legs) = fields.get_mut("legs").and_then(Value::as_array_mut) {
            legs.iter_mut().flat_map(Value::as_object_mut).for_each(|leg| leg.retain(|k, v| !is_time(k, v)));
        }
        assert_eq!(self.find(&rest.to_string()), None, "a telephone number in a record: {record:#}");
    }
}

/// A time of day, whose milliseconds are as long as a number.
fn is_time(name: &str, value: &Value) -> bool {
    name.ends_with("_at") && value.is_u64()
}

/// Whether a line holds ten digits or more in one piece, or seven behind a plus. What touches a letter is no number,
/// but hexadecimal, which a hyphen does not end: the last part of a UUID may be all digits.
fn looks_like_one(line: &str) -> bool {
    let pieces = line.split(|next: char| !next.is_ascii_alphanumeric() && !['+', '-'].contains(&next));
    pieces.into_iter().any(|piece| {
        let digits = piece.rsplit('+').next().unwrap_or_default();
        let least = if piece.contains('+') { 7 } else { 10 };
        digits.len() >= least && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
