//! The thread that waits for the disk: it files ended calls that the journal has, has both files synced, and then marks
//! in the journal how far all have come. What is handed in meanwhile is in the journal already, and not in the mark.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::complaint::Complaint;
use super::journaling::{Journaling, Shared};
use super::{KeeperFault, Progress};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallRecord, Entry};
use crate::store::erase;
use crate::store::journal::{self, Mark, Place};
use crate::store::records::{RecordsFault, RecordsFile};
use crate::store::replay::Left;
use crate::store::rewrite::Rewriting;

/// Steps taken before the records file is written.
const BATCH: usize = 1000;
/// How often both files are synced; a full disk is tried again as often.
const SYNC: Duration = Duration::from_millis(100);
/// How often a mark tells that a process with running calls is alive.
const ALIVE: Duration = Duration::from_secs(1);
/// How long after a failure a records file that was moved is opened anew again.
const REOPEN: Duration = Duration::from_secs(10);
/// Bytes after which the journal goes on in another file.
const SEGMENT: u64 = 8 * 1024 * 1024;
/// The same where everything is kept, so that numbers do not stay there for long.
const IDLE_SEGMENT: u64 = 64 * 1024;

/// What follows once the journal has something.
pub(super) enum Step {
    /// The journal has entries up to a place, and these ended calls among them.
    File {
        #[expect(clippy::vec_box, reason = "they come so, and are not moved")]
        ended: Vec<Box<CallRecord>>,
        until: Place,
    },
    Reopen,
    Erase(Erasing),
    Close,
}

/// A party is to leave the journal's files, all but the last, and the records file, where there is one.
#[derive(Debug)]
pub(super) struct Erasing {
    pub(super) party: PhoneNumber,
    pub(super) rewriting: Option<Box<Rewriting>>,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// Has the disk keep what was written to a file, or the names in a folder.
pub(super) type SyncFile = Box<dyn Fn(&File) -> io::Result<()> + Send>;

/// How far all had come.
#[derive(Default, Clone, Copy)]
struct Reached {
    /// Entries in the database, and what stands before which place they are.
    entries: u64,
    kept: Place,
    /// Ended calls before this place are in the records file.
    filed: Place,
}

/// What the thread works with.
pub(super) struct Filing {
    journal: Shared,
    folder: PathBuf,
    sync_file: SyncFile,
    records: RecordsFile,
    progress: Arc<Progress>,
    /// The journal's first file.
    first: u64,
    /// Ended calls before this place were gathered.
    until: Place,
    /// What the last mark told.
    told: Reached,
    is_dirty: bool,
    /// The records file was moved: when it is to be opened anew.
    reopen_at: Option<Instant>,
    synced_at: Instant,
    marked_at: Instant,
    complaint: Complaint,
}

impl Filing {
    /// The journal's folder, and its first file.
    pub(super) fn new(
        journal: Shared,
        (folder, first): (PathBuf, u64),
        records: RecordsFile,
        progress: Arc<Progress>,
        sync_file: SyncFile,
    ) -> Self {
        let now = monotonic();
        let until = journal.with(|shared| shared.journal.end());
        Self {
            journal,
            folder,
            sync_file,
            records,
            progress,
            first,
            until,
            told: Reached::default(),
            is_dirty: true,
            reopen_at: None,
            synced_at: now,
            marked_at: now,
            complaint: Complaint::default(),
        }
    }

    /// Brings those of an earlier process's ended calls to the records file that did not get there, and ends those
    /// that it was killed in.
    pub(super) fn finish(&mut self, left: &Left, crashed: &[CallRecord]) -> Result<(), RecordsFault> {
        if !left.unfiled.is_empty() {
            let length: usize = left.unfiled.iter().map(|record| RecordsFile::line(record).len()).sum();
            let there = self.records.ids_at_end(length as u64, left.filed)?;
            for record in left.unfiled.iter().filter(|record| !there.contains(&record.id)) {
                self.records.gather(record);
            }
        }
        let flushed = self.journal.with(|journal| {
            for record in crashed {
                journal.gather(Entry::Ended(Box::new(record.clone())));
            }
            journal.flush()
        });
        if let Err(error) = flushed.and_then(|()| self.records.flush()) {
            self.complain(&error);
        }
        Ok(())
    }

    pub(super) fn run(mut self, steps: &Receiver<Step>) -> Result<(), KeeperFault> {
        loop {
            let step = if self.is_quiet() {
                steps.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                steps.recv_timeout(SYNC)
            };
            let goes_on = match step {
                Ok(step) => self.take_all(step, steps),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if !goes_on {
                return self.end();
            }
            let flushed = self.records.flush();
            if let Err(error) = flushed.and_then(|()| self.reopen()).and_then(|()| self.tick()) {
                self.complain(&error);
            }
        }
    }

    /// Nothing is to be done before the next step.
    fn is_quiet(&self) -> bool {
        let is_journal_quiet = self.journal.with(|shared| {
            shared.journal.waiting() == 0
                && shared.running.is_empty()
                && shared.journal.end().segment == self.first
        });
        is_journal_quiet
            && self.records.waiting() == 0
            && !self.is_dirty
            && self.reopen_at.is_none()
            && !self.is_new(self.reached())
            && self.progress.written() == self.told.entries
    }

    fn reached(&self) -> Reached {
        // In this order: the place may be further than the number.
        let entries = self.progress.kept();
        Reached { entries, kept: *self.progress.place.borrow(), filed: self.until }
    }

    /// No mark has told that yet.
    fn is_new(&self, reached: Reached) -> bool {
        (reached.entries, reached.filed) != (self.told.entries, self.told.filed)
    }

    /// Takes a step, and those behind it up to a batch. False where the last one closes.
    fn take_all(&mut self, first: Step, steps: &Receiver<Step>) -> bool {
        let mut next = Ok(first);
        let mut taken = 0;
        loop {
            match next {
                Ok(Step::File { ended, until }) => {
                    ended.iter().for_each(|record| self.records.gather(record));
                    self.until = until;
                    self.is_dirty = true;
                }
                Ok(Step::Reopen) => {
                    self.reopen_at = Some(monotonic());
                    // What comes later is for the new file.
                    return true;
                }
                // Whoever has gone meanwhile asks again.
                Ok(Step::Erase(Erasing { party, rewriting, done })) => {
                    drop(done.send(self.erase(party, rewriting)));
                }
                Ok(Step::Close) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
            taken += 1;
            if taken == BATCH {
                return true;
            }
            next = steps.try_recv();
        }
    }

    /// Syncs and marks, where it is time.
    fn tick(&mut self) -> io::Result<()> {
        let now = monotonic();
        if now.duration_since(self.synced_at) < SYNC {
            return Ok(());
        }
        self.synced_at = now;
        let reached = self.sync()?;
        let has_running = self.journal.with(|shared| !shared.running.is_empty());
        let is_alive = has_running && now.duration_since(self.marked_at) >= ALIVE;
        if is_alive || self.is_new(reached) {
            self.marked_at = now;
            self.mark(reached)?;
        }
        self.rotate()?;
        self.remove_kept()?;
        self.complaint.is_over();
        Ok(())
    }

    /// Has the disk keep both files, as far as they are returned; they may be further.
    fn sync(&mut self) -> io::Result<Reached> {
        self.journal.with(Journaling::flush)?;
        self.records.flush()?;
        let reached = self.reached();
        if self.is_dirty {
            let files = self.journal.with(|shared| shared.journal.unsynced());
            files.iter().try_for_each(|file| (self.sync_file)(file))?;
            self.records.sync()?;
            self.journal.with(|shared| shared.journal.synced(files.len()));
            self.is_dirty = false;
        }
        Ok(reached)
    }

    /// Writes how far all have come, which is on the disk.
    fn mark(&mut self, reached: Reached) -> io::Result<()> {
        let Reached { kept, filed, .. } = reached;
        let mark = Mark { at: wall(), kept, filed, inode: self.records.inode()? };
        self.journal.with(|journal| journal.mark(mark))?;
        self.told = reached;
        Ok(())
    }

    /// Has the disk keep all that was filed, and the mark that says so.
    fn settle(&mut self) -> io::Result<()> {
        let reached = self.sync()?;
        self.mark(reached)?;
        self.is_dirty = true;
        self.sync().map(drop)
    }

    /// Begins another file of the journal where this one has grown.
    fn rotate(&mut self) -> io::Result<()> {
        let is_kept = self.told.entries == self.progress.written();
        self.journal.with(|shared| {
            let limit = if is_kept && shared.running.is_empty() { IDLE_SEGMENT } else { SEGMENT };
            if shared.journal.end().offset > limit { shared.begin_file().map(drop) } else { Ok(()) }
        })
    }

    /// Removes the files of the journal of which nothing is needed: a mark says so that is not in them.
    fn remove_kept(&mut self) -> io::Result<()> {
        let kept = self.progress.place.borrow().segment.min(self.told.filed.segment);
        if kept > self.first {
            journal::remove_before(&self.folder, kept)?;
            self.first = kept;
        }
        Ok(())
    }

    /// Opens the records file anew where it was moved. Nothing waits: a line that was begun in the old file is whole
    /// there, and the mark says so.
    fn reopen(&mut self) -> io::Result<()> {
        if self.reopen_at.is_none_or(|at| monotonic() < at) {
            return Ok(());
        }
        let reached = self.sync()?;
        self.mark(reached)?;
        self.reopen_at = self.records.reopen().err().map(|fault| {
            tracing::error!(%fault, "the records file stays as it is for now");
            monotonic() + REOPEN
        });
        Ok(())
    }

    /// Puts the records file that is without a party in place of this one, and removes the files of the journal that
    /// are kept. The mark before says that all is filed, by whatever inode the file is known then.
    fn erase(&mut self, party: PhoneNumber, rewriting: Option<Box<Rewriting>>) -> io::Result<()> {
        self.settle()?;
        if let Some(rewriting) = rewriting {
            self.records.replace(*rewriting, &|line| erase::record_line(line, party))?;
            self.settle()?;
        }
        self.remove_kept()
    }

    fn complain(&mut self, error: &io::Error) {
        self.complaint.about(error, self.records.waiting());
    }

    /// Writes the last of it.
    fn end(mut self) -> Result<(), KeeperFault> {
        self.settle().and_then(|()| self.leave()).map_err(|error| {
            tracing::error!(%error, "call records cannot be written");
            let waiting = self.journal.with(|shared| shared.journal.waiting());
            KeeperFault::Unwritten(waiting + self.records.waiting())
        })
    }

    /// Leaves an empty journal, where nothing in it is needed.
    fn leave(&mut self) -> io::Result<()> {
        let is_kept = self.told.entries == self.progress.written();
        if is_kept && self.journal.with(|shared| shared.running.is_empty()) {
            let start = self.journal.with(Journaling::begin_file)?;
            journal::remove_before(&self.folder, start.segment)?;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge: how long ago the files were synced")]
fn monotonic() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the edge: a mark tells when the process was alive")]
fn wall() -> Timestamp {
    SystemTime::now().into()
}
