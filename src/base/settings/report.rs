//! Faults of a settings file, and the lines they stand on.

use std::collections::HashMap;
use std::path::Path;

use super::FileFault;

/// A key of a table, or one item of its list. `row` counts the tables of a repeated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) table: &'static str,
    pub(super) row: usize,
    pub(super) key: &'static str,
    pub(super) item: usize,
}

/// What is found while a file is read and checked.
pub(super) struct Report<'t> {
    file: &'t Path,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
    lines: HashMap<Place, usize>,
    faults: Vec<FileFault>,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t Path, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { file, starts, lines: HashMap::new(), faults: Vec::new() }
    }

    /// The line, counted from 1, that a byte of the file stands on.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    /// Remembers where a value stands, for faults that show only when the whole file is read.
    pub(super) fn note(&mut self, place: Place, offset: usize) {
        self.lines.insert(place, self.line(offset));
    }

    /// A fault at a byte of the file.
    pub(super) fn fault(&mut self, offset: usize, key: String, message: impl Into<String>) {
        self.add(Some(self.line(offset)), key, message.into());
    }

    /// A fault of a value that was read.
    pub(super) fn fault_at(&mut self, place: Place, message: impl Into<String>) {
        let line = self.line_at(place);
        self.add(line, format!("{}.{}", place.table, place.key), message.into());
    }

    /// The line of a value that was read, or of its table's head where the key is left out.
    pub(super) fn line_at(&self, place: Place) -> Option<usize> {
        let key = Place { item: 0, ..place };
        let head = Place { key: "", ..key };
        [place, key, head].iter().find_map(|place| self.lines.get(place).copied())
    }

    fn add(&mut self, line: Option<usize>, key: String, message: String) {
        self.faults.push(FileFault { file: self.file.to_owned(), line, key, message });
    }

    /// Whether a key has been found faulty.
    pub(super) fn has_fault(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key == key)
    }

    /// Whether a table may hold more than was read: it has a fault, or stands under a name that nobody knows.
    pub(super) fn has_fault_in(&self, table: &str) -> bool {
        let meant = |fault: &FileFault| fault.key.split_once('.').is_none_or(|(found, _)| found == table);
        self.faults.iter().any(meant)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Every fault, in the order of the file.
    pub(super) fn into_faults(mut self) -> Vec<FileFault> {
        self.faults.sort_by_key(|fault| fault.line);
        self.faults
    }
}
