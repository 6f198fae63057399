//! The thread that writes the journal and the records file.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::{End, KeeperFault, Progress};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallRecord, Entry};
use crate::store::erase;
use crate::store::journal::{Journal, Mark, Place, Written};
use crate::store::records::{RecordsFault, RecordsFile};
use crate::store::replay::Left;
use crate::store::rewrite::Rewriting;

/// Entries gathered before they are written, where they come faster than the disk.
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
/// Bytes that wait in memory when the log warns, and again with each doubling.
const BACKLOG: usize = 4 * 1024 * 1024;

/// What reaches the thread.
#[derive(Debug)]
pub(super) enum Order {
    Write(Entry),
    Reopen,
    /// The journal is to go on in another file: the answer is where that begins.
    Rotate(oneshot::Sender<io::Result<Place>>),
    /// A party is to leave the journal's files, all but the last, and the records file, where there is one.
    Erase {
        party: PhoneNumber,
        rewriting: Option<Box<Rewriting>>,
        done: oneshot::Sender<io::Result<()>>,
    },
    Close,
}

/// What the last mark told.
#[derive(Default, PartialEq, Eq, Clone, Copy)]
struct Told {
    kept: u64,
    filed: u64,
}

/// Both files.
pub(super) struct Writing {
    journal: Journal,
    records: RecordsFile,
    progress: Arc<Progress>,
    feeder: Option<JoinHandle<()>>,
    /// The journal's first file.
    first: u64,
    /// Calls that go on, which a new file of the journal begins with.
    running: HashMap<Box<str>, Box<CallRecord>>,
    /// Entries gathered since the journal took all.
    gathered: u64,
    /// Ended calls that were gathered.
    ended: u64,
    told: Told,
    is_dirty: bool,
    /// The records file was moved: when it is to be opened anew.
    reopen_at: Option<Instant>,
    synced_at: Instant,
    marked_at: Instant,
    warned: usize,
}

impl Writing {
    /// `first` is the journal's first file.
    pub(super) fn new(journal: Journal, records: RecordsFile, first: u64, progress: Arc<Progress>) -> Self {
        let now = monotonic();
        Self {
            journal,
            records,
            progress,
            feeder: None,
            first,
            running: HashMap::new(),
            gathered: 0,
            ended: 0,
            told: Told::default(),
            is_dirty: true,
            reopen_at: None,
            synced_at: now,
            marked_at: now,
            warned: BACKLOG,
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
                self.ended += 1;
            }
        }
        for record in crashed {
            self.gather(Entry::Ended(Box::new(record.clone())));
        }
        if let Err(error) = self.flush() {
            self.complain(&error);
        }
        Ok(())
    }

    pub(super) fn fed_by(&mut self, feeder: JoinHandle<()>) {
        self.feeder = Some(feeder);
    }

    pub(super) fn run(mut self, orders: &Receiver<Order>) -> Result<(), KeeperFault> {
        loop {
            let order = if self.is_quiet() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(SYNC)
            };
            let goes_on = match order {
                Ok(order) => self.take_all(order, orders),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            let result = self.flush();
            if !goes_on {
                return self.end(result);
            }
            if let Err(error) = result.and_then(|()| self.reopen()).and_then(|()| self.tick()) {
                self.complain(&error);
            }
        }
    }

    /// Nothing is to be done before the next order.
    fn is_quiet(&self) -> bool {
        self.waiting() == 0
            && !self.is_dirty
            && self.reopen_at.is_none()
            && self.running.is_empty()
            && self.told == self.reached()
            && self.progress.written() == self.told.kept
    }

    fn waiting(&self) -> usize {
        self.journal.waiting() + self.records.waiting()
    }

    fn reached(&self) -> Told {
        Told { kept: self.progress.kept(), filed: self.ended }
    }

    /// Takes an order, and those behind it up to a batch. False where the last one closes.
    fn take_all(&mut self, first: Order, orders: &Receiver<Order>) -> bool {
        let mut next = Ok(first);
        let mut taken = 0;
        loop {
            match next {
                Ok(Order::Write(entry)) => self.gather(entry),
                Ok(Order::Reopen) => {
                    self.reopen_at = Some(monotonic());
                    // What comes later is for the new file.
                    return true;
                }
                // Whoever has gone meanwhile asks again.
                Ok(Order::Rotate(done)) => drop(done.send(self.go_on_elsewhere())),
                Ok(Order::Erase { party, rewriting, done }) => drop(done.send(self.erase(party, rewriting))),
                Ok(Order::Close) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
            taken += 1;
            if taken == BATCH {
                return true;
            }
            next = orders.try_recv();
        }
    }

    fn gather(&mut self, entry: Entry) {
        self.journal.gather(&Written::Entry(&entry));
        self.gathered += 1;
        match entry {
            Entry::Running(record) => {
                self.running.insert(record.id.clone(), record);
            }
            Entry::Ended(record) => {
                self.running.remove(&record.id);
                self.records.gather(&record);
                self.ended += 1;
            }
            Entry::Extended { .. } | Entry::Bound { .. } | Entry::Event(_) => {}
        }
    }

    /// The journal first: what it does not take is in no other place either.
    fn flush(&mut self) -> io::Result<()> {
        if self.waiting() == 0 {
            return Ok(());
        }
        self.is_dirty = true;
        self.journal.flush()?;
        self.progress.written.fetch_add(std::mem::take(&mut self.gathered), Ordering::AcqRel);
        self.progress.end.send_replace(End { place: self.journal.end(), is_last: false });
        self.records.flush()?;
        self.warned = BACKLOG;
        Ok(())
    }

    /// Syncs and marks, where it is time.
    fn tick(&mut self) -> io::Result<()> {
        let now = monotonic();
        if now.duration_since(self.synced_at) < SYNC {
            return Ok(());
        }
        self.synced_at = now;
        if self.is_dirty {
            self.sync()?;
        }
        let is_alive = !self.running.is_empty() && now.duration_since(self.marked_at) >= ALIVE;
        if is_alive || self.told != self.reached() {
            self.marked_at = now;
            self.mark()?;
        }
        self.rotate()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.journal.sync()?;
        self.records.sync()?;
        self.is_dirty = false;
        Ok(())
    }

    /// Writes how far all have come. Both files are on the disk to their ends.
    fn mark(&mut self) -> io::Result<()> {
        let told = self.reached();
        let kept = *self.progress.place.borrow();
        self.journal.gather(&Written::Mark(Mark { at: wall(), kept, filed: Some(self.records.inode()?) }));
        self.journal.flush()?;
        self.progress.end.send_replace(End { place: self.journal.end(), is_last: false });
        self.told = told;
        Ok(())
    }

    /// Begins another file of the journal where this one has grown, and removes those of which nothing is needed.
    fn rotate(&mut self) -> io::Result<()> {
        let end = self.journal.end();
        let is_kept = self.told.kept == self.progress.written();
        let limit = if is_kept && self.running.is_empty() { IDLE_SEGMENT } else { SEGMENT };
        if end.offset > limit {
            self.begin_file()?;
        }
        self.remove_kept()
    }

    /// Begins another file of the journal, with the calls that go on. Nothing may wait.
    fn begin_file(&mut self) -> io::Result<()> {
        self.journal.rotate()?;
        for record in self.running.values() {
            self.journal.gather(&Written::Entry(&Entry::Running(record.clone())));
            self.gathered += 1;
        }
        self.flush()?;
        self.sync()?;
        self.mark()
    }

    fn remove_kept(&mut self) -> io::Result<()> {
        let kept = self.progress.place.borrow().segment.min(self.journal.end().segment);
        if kept > self.first {
            self.journal.remove_before(kept)?;
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
        self.sync()?;
        self.mark()?;
        self.reopen_at = self.records.reopen().err().map(|fault| {
            tracing::error!(%fault, "the records file stays as it is for now");
            monotonic() + REOPEN
        });
        Ok(())
    }

    fn go_on_elsewhere(&mut self) -> io::Result<Place> {
        self.flush()?;
        self.sync()?;
        self.begin_file()?;
        Ok(Place { segment: self.journal.end().segment, offset: 0 })
    }

    /// Puts the records file that is without a party in place of this one, and removes the files of the journal that
    /// are kept. The mark before says that all is filed, by whatever inode the file is known then.
    fn erase(&mut self, party: PhoneNumber, rewriting: Option<Box<Rewriting>>) -> io::Result<()> {
        self.flush()?;
        self.sync()?;
        self.mark()?;
        self.journal.sync()?;
        if let Some(rewriting) = rewriting {
            self.records.replace(*rewriting, &|line| erase::record_line(line, party))?;
            self.mark()?;
            self.journal.sync()?;
        }
        self.remove_kept()
    }

    fn complain(&mut self, error: &io::Error) {
        if self.waiting() >= self.warned || self.warned == BACKLOG {
            tracing::error!(%error, bytes = self.waiting(), "call records wait in memory: the disk takes none");
            self.warned = self.waiting().max(BACKLOG) * 2;
        }
    }

    /// Writes the last of it, and waits for the database for a while.
    fn end(mut self, flushed: io::Result<()>) -> Result<(), KeeperFault> {
        let written = flushed.and_then(|()| self.sync());
        self.progress.end.send_modify(|end| end.is_last = true);
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
        let ended = written.and_then(|()| self.mark()).and_then(|()| self.sync()).and_then(|()| self.leave());
        ended.map_err(|error| {
            tracing::error!(%error, "call records cannot be written");
            KeeperFault::Unwritten(self.waiting())
        })
    }

    /// Leaves an empty journal, where nothing in it is needed.
    fn leave(&mut self) -> io::Result<()> {
        if self.told.kept == self.progress.written() && self.running.is_empty() {
            self.journal.rotate()?;
            self.journal.remove_before(self.journal.end().segment)?;
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
