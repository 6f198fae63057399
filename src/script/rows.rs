//! Rows of keys that a Dial waits for (`digitsMatch`, `digitsMatchBLeg`).

use crate::voice::{Hidden, Key};

/// Finds rows in the keys that one party presses.
#[derive(Debug, Clone)]
pub struct Rows {
    rows: Vec<Hidden>,
    /// The last keys, as many as the longest row has.
    last: Hidden,
}

impl Rows {
    /// Nothing is pressed yet.
    #[must_use]
    pub fn new(rows: Vec<Hidden>) -> Self {
        Self { rows, last: Hidden::default() }
    }

    /// A key is pressed: the row that is complete with it, the longest where several are. Its keys are spent then,
    /// unless a longer row begins with them.
    pub fn press(&mut self, key: Key) -> Option<Hidden> {
        let longest = self.rows.iter().map(|row| row.reveal().len()).max()?;
        let mut last = format!("{}{}", self.last.reveal(), key.sign());
        last.drain(..last.len().saturating_sub(longest));
        let complete = self.rows.iter().filter(|row| last.ends_with(row.reveal()));
        let found = complete.max_by_key(|row| row.reveal().len()).cloned();
        if let Some(row) = found.as_ref().map(Hidden::reveal) {
            let is_begun =
                |other: &Hidden| other.reveal().len() > row.len() && other.reveal().starts_with(row);
            last = if self.rows.iter().any(is_begun) { row.to_owned() } else { String::new() };
        }
        self.last = Hidden::new(last);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows that are found at each key.
    fn found(rows: &[&str], keys: &str) -> Vec<String> {
        let mut rows = Rows::new(rows.iter().map(|row| Hidden::new(*row)).collect());
        let found = |sign| {
            let row = rows.press(Key::read(sign).unwrap());
            row.map_or_else(|| "-".to_owned(), |row| row.reveal().to_owned())
        };
        keys.chars().map(found).collect()
    }

    #[test]
    fn a_row_is_found_wherever_it_stands() {
        assert_eq!(found(&["123", "9*"], "4123129*"), ["-", "-", "-", "123", "-", "-", "-", "9*"]);
        assert_eq!(found(&[], "12"), ["-", "-"]);
        assert_eq!(found(&["112"], "1112"), ["-", "-", "-", "112"]);
    }

    #[test]
    fn keys_are_spent_unless_a_longer_row_begins_with_them() {
        assert_eq!(found(&["11"], "1111"), ["-", "11", "-", "11"]);
        assert_eq!(found(&["1", "12"], "12"), ["1", "12"]);
        assert_eq!(found(&["2", "12"], "12"), ["-", "12"]);
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let mut rows = Rows::new(vec![Hidden::new("4711")]);
        rows.press(Key::read('4').unwrap());
        assert!(!format!("{rows:?}").contains('4'));
    }
}
