//! The keeper: what calls leave behind goes into the journal at once, and from there into the records file and the
//! database, whenever these take it. Nobody waits for it.
//!
//! - A thread writes the journal, and does not wait for anything else. What the journal has survives a kill of the
//!   process at any moment.
//! - A second thread writes the records file from what the journal has by then, and syncs both files together every
//!   100 ms, so that a loss of power takes that much at most.
//! - A third reads the journal and brings it to the database. While that is away, full or read-only, entries stay in the
//!   journal; memory does not grow.
//! - Marks in the journal tell how far both have come. At the next start what lies behind is brought again: the
//!   database knows what it has already, and the end of the records file is looked through for the calls since the last
//!   mark. So nothing is lost and nothing is there twice.
//! - A call that was going on when its process was killed is ended at the next start.

mod complaint;
mod eraser;
mod feeder;
mod filing;
mod journaling;
mod refused;
#[cfg(test)]
mod tests;
mod writing;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::sync::watch;

use super::journal::{Journal, OpenFault, Place};
use super::records::{RecordsFault, RecordsFile};
use super::replay::{Left, cut_short};
use crate::ledger::{CallRecord, Entry, Store};
pub use eraser::KeeperEraser;
use feeder::Feeder;
use filing::{Filing, SyncFile};
use journaling::{Journaling, Shared};
use refused::Refused;
use writing::{Order, Writing};

/// Why entries cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperFault {
    /// The records file cannot be kept.
    #[error(transparent)]
    Records(#[from] RecordsFault),
    /// Another process writes the same journal.
    #[error("the journal {0} is another process's: two cannot share a records file")]
    Locked(PathBuf),
    /// The journal cannot be opened or read.
    #[error("the journal {0} cannot be used: {1}")]
    Journal(PathBuf, #[source] io::Error),
    /// The system gives no more threads.
    #[error("the system gives no thread: {0}")]
    Thread(#[source] io::Error),
    /// Entries could not be written before the end: so many bytes of them.
    #[error("{0} bytes of call records and events could not be written")]
    Unwritten(usize),
}

/// What is kept, and the threads that keep it.
#[derive(Debug)]
pub struct Keeper {
    orders: Sender<Order>,
    thread: thread::JoinHandle<Result<(), KeeperFault>>,
    progress: Arc<Progress>,
    eraser: Arc<KeeperEraser>,
    crashed: Vec<CallRecord>,
    #[cfg(test)]
    journal: Shared,
}

/// Hands in entries, from any thread and without waiting.
#[derive(Debug, Clone)]
pub struct KeeperWriter(Sender<Order>);

impl KeeperWriter {
    /// Has something kept.
    pub fn write(&self, entry: Entry) {
        // The thread outlives every shard, which the application stops first.
        let _ = self.0.send(Order::Write(entry));
    }

    /// Calls this once what this thread has handed in before outlives the process: with `false` where the disk does not
    /// take it now. A disk that hangs leaves it uncalled until it goes on. It is called while the journal is held, and
    /// may not wait.
    pub fn when_written(&self, told: impl FnOnce(bool) + Send + 'static) {
        let _ = self.0.send(Order::Tell(Box::new(told)));
    }
}

/// How far the threads have come, for each other and for those who ask.
#[derive(Debug)]
pub(super) struct Progress {
    /// Entries in the journal that this process has to bring to the database, from its start.
    written: AtomicU64,
    /// Those that are in the database.
    kept: AtomicU64,
    /// Where the feeding thread is.
    place: watch::Sender<Place>,
    /// Where the journal ends.
    end: watch::Sender<End>,
}

impl Progress {
    fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    fn backlog(&self) -> u64 {
        let kept = self.kept();
        self.written().saturating_sub(kept)
    }
}

/// Where the journal ends.
#[derive(Debug, Clone, Copy)]
struct End {
    place: Place,
    /// Nothing will be added.
    is_last: bool,
}

impl Keeper {
    /// Opens the records file, making it with mode 0600 where there is none, and the journal in the folder beside it
    /// (`records.jsonl.journal`); finishes what an earlier process has left; and starts the threads.
    ///
    /// # Errors
    /// Where the file or the folder cannot be used, or is another process's.
    pub fn start(records: &Path, store: Arc<dyn Store>) -> Result<Self, KeeperFault> {
        Self::start_syncing(records, store, Box::new(File::sync_all))
    }

    /// The same, syncing the journal by these means.
    fn start_syncing(
        records: &Path,
        store: Arc<dyn Store>,
        sync_file: SyncFile,
    ) -> Result<Self, KeeperFault> {
        let folder = journal_of(records);
        let fault = |error| KeeperFault::Journal(folder.clone(), error);
        RecordsFile::check_folder(records)?;
        let (journal, old) = Journal::open(&folder).map_err(|open| match open {
            OpenFault::Locked => KeeperFault::Locked(folder.clone()),
            OpenFault::Io(error) => fault(error),
        })?;
        let end = journal.end();
        let first = old.first().copied().unwrap_or(end.segment);
        let mut left = Left::read(&folder, first, end).map_err(fault)?;
        let crashed = std::mem::take(&mut left.running).into_iter();
        let crashed: Vec<_> = crashed.map(|record| cut_short(record, left.alive_at)).collect();
        let file = RecordsFile::open(records, !left.unfiled.is_empty())?;
        RecordsFile::discard_unfinished(records)?;
        let progress = Arc::new(Progress {
            written: AtomicU64::new(left.entries),
            kept: AtomicU64::new(0),
            place: watch::Sender::new(left.kept),
            end: watch::Sender::new(End { place: end, is_last: false }),
        });
        let (sender, steps) = channel();
        let journal = Shared::new(Journaling::new(journal, Arc::clone(&progress), sender));
        let place = (folder.clone(), first);
        let mut filing = Filing::new(journal.clone(), place, file, Arc::clone(&progress), sync_file);
        filing.finish(&left, &crashed)?;
        let refused = Arc::new(Refused::new(&folder).map_err(fault)?);
        let feeder =
            Feeder::new(&folder, left.kept, Arc::clone(&store), Arc::clone(&progress), Arc::clone(&refused));
        let feeder = feeder.start().map_err(KeeperFault::Thread)?;
        let filing = spawn("records", move || filing.run(&steps))?;
        #[cfg(test)]
        let held = journal.clone();
        let writing = Writing { journal, progress: Arc::clone(&progress), feeder, filing };
        let (orders, queue) = channel();
        let eraser = Arc::new(KeeperEraser {
            orders: orders.clone(),
            progress: Arc::clone(&progress),
            store,
            refused,
            records: records.to_owned(),
            turn: tokio::sync::Mutex::default(),
        });
        let thread = spawn("journal", move || writing.run(&queue))?;
        Ok(Self {
            orders,
            thread,
            progress,
            eraser,
            crashed,
            #[cfg(test)]
            journal: held,
        })
    }

    /// The journal takes nothing for as long as this is held, as on a disk that hangs.
    #[cfg(test)]
    pub(crate) fn hang(&self) -> impl Sized + '_ {
        self.journal.lock()
    }

    /// A way to hand in entries.
    #[must_use]
    pub fn writer(&self) -> KeeperWriter {
        KeeperWriter(self.orders.clone())
    }

    /// A way to erase parties, within a runtime that has time.
    #[must_use]
    pub fn eraser(&self) -> Arc<KeeperEraser> {
        Arc::clone(&self.eraser)
    }

    /// The calls that an earlier process was killed in, as their records are now.
    #[must_use]
    pub fn crashed(&self) -> &[CallRecord] {
        &self.crashed
    }

    /// Opens the records file anew under its name, after it was moved away; on a full disk once that has taken what
    /// belongs to the old one.
    pub fn reopen(&self) {
        let _ = self.orders.send(Order::Reopen);
    }

    /// Entries that are in the journal and outlive the process: what was handed in, and what was left at the start.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.progress.written()
    }

    /// Entries in the journal that are not in the database yet.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.progress.backlog()
    }

    /// Writes all that waits, has the disk keep it, and ends the threads. What the database does not take within a
    /// few seconds stays in the journal for the next start.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub fn close(self) -> Result<(), KeeperFault> {
        let _ = self.orders.send(Order::Close);
        self.thread.join().unwrap_or(Err(KeeperFault::Unwritten(0)))
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, KeeperFault> {
    thread::Builder::new().name(name.into()).spawn(run).map_err(KeeperFault::Thread)
}

/// The journal's folder beside the records file.
fn journal_of(records: &Path) -> PathBuf {
    let mut name = records.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}
