//! The thread that brings the journal to the database.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::refused::Refused;
use super::{End, Progress};
use crate::ledger::{Entry, Store, StoreFault};
use crate::store::journal::{Line, Place, Reader};

/// Entries that the database is given at a time.
const BATCH: usize = 500;
/// How long what comes after a pause may wait for more: a commit costs as much for one entry as for many.
const GATHER: Duration = Duration::from_millis(50);
/// How long after a failure the database is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the database may take for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the thread works with.
pub(super) struct Feeder {
    reader: Reader,
    refused: Arc<Refused>,
    store: Arc<dyn Store>,
    progress: Arc<Progress>,
    end: watch::Receiver<End>,
    is_away: bool,
}

impl Feeder {
    /// Reads from a place on.
    pub(super) fn new(
        folder: &Path,
        from: Place,
        store: Arc<dyn Store>,
        progress: Arc<Progress>,
        refused: Arc<Refused>,
    ) -> Self {
        let end = progress.end.subscribe();
        Self { reader: Reader::new(folder, from), refused, store, progress, end, is_away: false }
    }

    pub(super) fn start(mut self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("keeper".into()).spawn(move || runtime.block_on(self.run()))
    }

    async fn run(&mut self) {
        loop {
            let end = *self.end.borrow_and_update();
            match self.feed(end.place).await {
                Ok(true) => {}
                Ok(false) if end.is_last => return,
                Ok(false) => {
                    // The sender is held here as well.
                    let _ = self.end.changed().await;
                    let _ = timeout(GATHER, self.end.wait_for(|end| end.is_last)).await;
                }
                Err(fault) => {
                    self.complain(&fault);
                    if self.rest().await {
                        return;
                    }
                }
            }
        }
    }

    /// Gives the database a batch. False where there is nothing more.
    async fn feed(&mut self, end: Place) -> Result<bool, StoreFault> {
        let from = self.reader.place();
        let batch = self.batch(end).map_err(|error| StoreFault::Unavailable(format!("the journal: {error}")));
        let kept = match batch {
            Ok(batch) if batch.is_empty() => Ok(0),
            Ok(batch) => self.keep(&batch).await.map(|()| batch.len()),
            Err(fault) => Err(fault),
        };
        match kept {
            Ok(entries) => {
                if self.is_away {
                    self.is_away = false;
                    tracing::info!("the database takes records and events again");
                }
                self.progress.place.send_replace(self.reader.place());
                self.progress.kept.fetch_add(entries as u64, Ordering::AcqRel);
                Ok(entries > 0)
            }
            Err(fault) => {
                self.reader.seek(from);
                Err(fault)
            }
        }
    }

    fn batch(&mut self, end: Place) -> io::Result<Vec<Entry>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(line) = self.reader.next(end)?
        {
            if let Line::Entry(entry) = line {
                batch.push(entry);
            }
        }
        Ok(batch)
    }

    /// Where the database cannot hold one of them, the others are kept, and that one goes into a file of its own.
    async fn keep(&self, batch: &[Entry]) -> Result<(), StoreFault> {
        match self.store.keep(batch).await {
            Err(StoreFault::Unreadable(_)) => {}
            done => return done,
        }
        for entry in batch {
            match self.store.keep(std::slice::from_ref(entry)).await {
                Err(StoreFault::Unreadable(why)) => {
                    tracing::error!(
                        why,
                        "the database cannot hold an entry: it is put into refused.json of the journal"
                    );
                    self.refused.add(entry).map_err(|error| StoreFault::Unavailable(error.to_string()))?;
                }
                done => done?,
            }
        }
        Ok(())
    }

    fn complain(&mut self, fault: &StoreFault) {
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::error!(%fault, "records and events wait in the journal");
        }
    }

    /// Waits before the next try. True where there is none, since the process ends.
    async fn rest(&mut self) -> bool {
        if self.end.borrow().is_last {
            // One more time, and then it is for the next start.
            let last = *self.end.borrow();
            let all = async { while self.feed(last.place).await.is_ok_and(|more| more) {} };
            let _ = timeout(PATIENCE, all).await;
            return true;
        }
        let ended = self.end.wait_for(|end| end.is_last);
        let _ = timeout(RETRY, ended).await;
        false
    }
}
