//! What an earlier process has left in the journal.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::journal::{Line, Place, Reader};
use crate::base::Timestamp;
use crate::ledger::{CallRecord, Entry, HungUp, Outcome};

/// Q.850 cause 41, temporary failure: that of a call whose switch was killed.
const TEMPORARY_FAILURE: u8 = 41;

/// Entries between two places that are remembered: a backlog may be far larger than the memory.
const STRIDE: u64 = 1000;

/// What was left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What stands before is in the database.
    pub(super) kept: Place,
    /// Entries from there on.
    pub(super) entries: u64,
    /// The records file of the last mark.
    pub(super) filed: Option<u64>,
    /// Ended calls that the mark does not speak of, which may be in the file or not.
    pub(super) unfiled: Vec<CallRecord>,
    /// Calls that went on.
    pub(super) running: Vec<CallRecord>,
    /// When the process was still alive.
    pub(super) alive_at: Timestamp,
}

impl Left {
    /// Reads the journal's files, the first of which has this number, up to an end.
    pub(super) fn read(folder: &Path, first: u64, end: Place) -> io::Result<Self> {
        let mut reader = Reader::new(folder, Place { segment: first, offset: 0 });
        let mut left = Self { kept: reader.place(), ..Self::default() };
        // Ended calls, each with the place where its line ends.
        let (mut running, mut unfiled) = (HashMap::new(), Vec::new());
        let (mut entries, mut strides) = (0, Vec::new());
        let mut before = reader.place();
        while let Some(line) = reader.next(end)? {
            match line {
                Line::Mark(mark) => {
                    left.alive_at = left.alive_at.max(mark.at);
                    left.kept = left.kept.max(mark.kept);
                    left.filed = Some(mark.inode);
                    let filed = unfiled.partition_point(|(end, _)| *end <= mark.filed);
                    unfiled.drain(..filed);
                }
                Line::GoesOn(record) => left.goes_on(*record, &mut running),
                Line::Entry(entry) => {
                    if entries % STRIDE == 0 {
                        strides.push(before);
                    }
                    entries += 1;
                    match entry {
                        Entry::Running(record) => left.goes_on(*record, &mut running),
                        Entry::Ended(record) => {
                            left.alive_at = left.alive_at.max(end_of(&record));
                            running.remove(&record.id);
                            unfiled.push((reader.place(), *record));
                        }
                        Entry::Extended { .. } | Entry::Bound { .. } | Entry::Event(_) => {}
                    }
                }
            }
            before = reader.place();
        }
        left.entries = entries - kept_of(&strides, &mut reader, left.kept)?;
        left.unfiled = unfiled.into_iter().map(|(_, record)| record).collect();
        left.running = running.into_values().collect();
        left.running
            .sort_unstable_by(|one, other| (one.received_at, &one.id).cmp(&(other.received_at, &other.id)));
        Ok(left)
    }

    fn goes_on(&mut self, record: CallRecord, running: &mut HashMap<Box<str>, CallRecord>) {
        self.alive_at = self.alive_at.max(end_of(&record));
        running.insert(record.id.clone(), record);
    }
}

/// How many entries stand before a place. The first of these strides begins with the first entry, and each with another
/// after [`STRIDE`] more.
fn kept_of(strides: &[Place], reader: &mut Reader, kept: Place) -> io::Result<u64> {
    let Some(last) = strides.partition_point(|stride| *stride < kept).checked_sub(1) else { return Ok(0) };
    let mut count = last as u64 * STRIDE;
    reader.seek(strides[last]);
    while let Some(line) = reader.next(kept)? {
        count += u64::from(matches!(line, Line::Entry(_)));
    }
    Ok(count)
}

fn end_of(record: &CallRecord) -> Timestamp {
    Timestamp::from_millis(record.received_at.saturating_add(record.ended_ms))
}

/// The record of a call whose process was killed: it ended when that was last seen alive.
pub(super) fn cut_short(mut record: CallRecord, alive_at: Timestamp) -> CallRecord {
    let so_far = alive_at.as_millis().saturating_sub(record.received_at);
    let ended_ms = record.ended_ms.max(so_far);
    record.ended_ms = ended_ms;
    record.billable_ms = record.answered_ms.map_or(0, |answered| ended_ms.saturating_sub(answered));
    record.outcome = if record.answered_ms.is_some() { Outcome::Answered } else { Outcome::Cancelled };
    record.hung_up = Some(HungUp::Crash);
    record.cause = TEMPORARY_FAILURE;
    for leg in record.legs.iter_mut().filter(|leg| leg.ended_ms.is_none()) {
        leg.ended_ms = Some(ended_ms);
        leg.cause = Some(TEMPORARY_FAILURE);
        leg.result = Some(if leg.answered_ms.is_some() { Outcome::Answered } else { Outcome::Cancelled });
        leg.hung_up = leg.answered_ms.map(|_| HungUp::Crash);
        leg.billable_ms = leg.answered_ms.map_or(0, |answered| ended_ms.saturating_sub(answered));
    }
    record
}
