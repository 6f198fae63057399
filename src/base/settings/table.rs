//! Reading the tables of a settings file key by key, so that every fault is found and every key is known.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Place, Report};

/// A value and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What is wrong with a value, and at which byte.
pub(super) struct Flaw {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// A value read, or every flaw in it.
pub(super) type Read<T> = Result<T, Vec<Flaw>>;

/// One table being read. Every key that may stand in it is asked for once; [`Table::close`] tells of the others.
pub(super) struct Table<'s, 't> {
    report: &'s mut Report<'t>,
    name: &'static str,
    row: usize,
    start: usize,
    content: Option<&'s DeTable<'t>>,
    asked: Vec<&'static str>,
}

/// The whole file being read: its tables are its keys.
pub(super) struct File<'s, 't> {
    pub(super) report: &'s mut Report<'t>,
    content: &'s DeTable<'t>,
    asked: Vec<&'static str>,
}

impl<'s, 't> File<'s, 't> {
    pub(super) fn new(report: &'s mut Report<'t>, content: &'s DeTable<'t>) -> Self {
        Self { report, content, asked: Vec::new() }
    }

    /// Reads a table that stands once. A table that is left out is read as an empty one.
    pub(super) fn table<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Table<'_, 't>) -> T) -> T {
        self.asked.push(name);
        let value = self.content.get(name);
        let content = value.and_then(|value| value.get_ref().as_table());
        let start = value.map_or(0, |value| value.span().start);
        if value.is_some() && content.is_none() {
            let message = format!("stands once and is a table: write [{name}]");
            self.report.fault(start, name.to_owned(), message);
        }
        self.read(name, 0, start, content, read)
    }

    /// Reads a repeated table. The rows that cannot be read are left out; the others keep their number.
    pub(super) fn rows<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Table<'_, 't>) -> Option<T>,
    ) -> Vec<(usize, T)> {
        self.asked.push(name);
        let Some(value) = self.content.get(name) else { return Vec::new() };
        let rows = value.get_ref().as_array().map(|array| array.iter().collect::<Vec<_>>());
        let tables = rows.filter(|rows| rows.iter().all(|row| row.get_ref().is_table()));
        let Some(tables) = tables else {
            let message = format!("is repeated, each time under a head of its own: write [[{name}]]");
            self.report.fault(value.span().start, name.to_owned(), message);
            return Vec::new();
        };
        let tables = tables.into_iter().enumerate().filter_map(|(row, table)| {
            let content = table.get_ref().as_table();
            self.read(name, row, table.span().start, content, &mut read).map(|value| (row, value))
        });
        tables.collect()
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        row: usize,
        start: usize,
        content: Option<&DeTable<'t>>,
        read: impl FnOnce(&mut Table<'_, 't>) -> T,
    ) -> T {
        self.report.note(Place { table: name, row, key: "", item: 0 }, start);
        let mut table = Table { report: &mut *self.report, name, row, start, content, asked: Vec::new() };
        let value = read(&mut table);
        table.close();
        value
    }

    /// Tells of the tables that nobody asked for.
    pub(super) fn close(self) {
        unknown(self.report, self.content, &self.asked, "", "table");
    }
}

impl<'t> Table<'_, 't> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn find(&mut self, key: &'static str) -> Option<&Value<'t>> {
        self.asked.push(key);
        self.content.and_then(|content| content.get(key))
    }

    /// The value of a key; `None` where it is left out or faulty.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.content.and_then(|content| content.get(key))?;
        let mut place = Place { table: self.name, row: self.row, key, item: 0 };
        self.report.note(place, value.span().start);
        for (item, value) in value.get_ref().as_array().into_iter().flat_map(|array| array.iter()).enumerate()
        {
            place.item = item;
            self.report.note(place, value.span().start);
        }
        match read(value) {
            Ok(value) => Some(value),
            Err(flaws) => {
                for flaw in flaws {
                    self.report.fault(flaw.offset, self.key(key), flaw.message);
                }
                None
            }
        }
    }

    /// Whether a key stands there.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// The value of a key, or the default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> T {
        self.take(key, read).unwrap_or(default)
    }

    /// The value of a key that must stand there. `write` says what to write where it does not.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        write: &str,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            let message = format!("is missing: write {write}");
            self.report.fault(self.start, self.key(key), message);
        }
        self.take(key, read)
    }

    /// A key of the contract that this version does not serve. Whether it stands there.
    pub(super) fn later(&mut self, key: &'static str, instead: &str) -> bool {
        let Some(start) = self.find(key).map(|value| value.span().start) else { return false };
        let message = format!("not in this version: {instead}");
        self.report.fault(start, self.key(key), message);
        true
    }

    /// A fault of the table as a whole, told at one of its keys.
    pub(super) fn fault(&mut self, key: &'static str, message: impl Into<String>) {
        let place = Place { table: self.name, row: self.row, key, item: 0 };
        self.report.fault_at(place, message);
    }

    /// Tells of the keys that nobody asked for.
    fn close(self) {
        if let Some(content) = self.content {
            unknown(self.report, content, &self.asked, self.name, "key");
        }
    }
}

/// Tells of the keys in a table that are none of the known ones, and which was probably meant.
fn unknown(report: &mut Report<'_>, content: &DeTable<'_>, known: &[&str], table: &str, what: &str) {
    for key in content.keys() {
        let name: &str = key.get_ref();
        if known.contains(&name) {
            continue;
        }
        let mut message = format!("unknown {what}");
        match known.iter().map(|known| (distance(name, known), *known)).min() {
            Some((distance, meant)) if distance <= 2 && distance < meant.len() => {
                message.push_str(&format!(": did you mean `{meant}`?"));
            }
            _ => message.push_str(&format!(": take it out; known here are {}", sorted(known))),
        }
        let path = if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
        report.fault(key.span().start, path, message);
    }
}

fn sorted(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// How many letters have to be put in, taken out or changed to come from one word to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_letters() {
        for (one, other, letters) in [
            ("target", "target", 0),
            ("traget", "target", 2),
            ("targets", "target", 1),
            ("", "ab", 2),
            ("x", "", 1),
        ] {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
