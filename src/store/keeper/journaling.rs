//! The journal's end, which two threads write to: one what is handed in, the other its marks. Neither holds it while it
//! waits for the disk.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Progress;
use super::filing::Step;
use super::writing::Told;
use crate::ledger::{CallRecord, Entry};
use crate::store::journal::{Journal, Mark, Place, Written};

/// The journal's end, shared.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Journaling>>);

#[cfg(test)]
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(journaling: Journaling) -> Self {
        Self(Arc::new(Mutex::new(journaling)))
    }

    /// Has something done that does not wait for the disk.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Journaling) -> T) -> T {
        work(&mut self.lock())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Journaling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal, and what follows when it has something.
pub(super) struct Journaling {
    pub(super) journal: Journal,
    /// Calls that go on, which a new file of the journal begins with.
    pub(super) running: HashMap<Box<str>, Box<CallRecord>>,
    progress: Arc<Progress>,
    steps: Sender<Step>,
    /// Entries gathered since the journal took all, and those among them that are ended calls.
    gathered: u64,
    #[expect(clippy::vec_box, reason = "they come so, and are not moved")]
    ended: Vec<Box<CallRecord>>,
    /// The other threads are to hear of what is gathered.
    is_news: bool,
    /// Those who wait for what is gathered to be written.
    pub(super) to_tell: Vec<Told>,
}

impl Journaling {
    pub(super) fn new(journal: Journal, progress: Arc<Progress>, steps: Sender<Step>) -> Self {
        Self {
            journal,
            running: HashMap::new(),
            progress,
            steps,
            gathered: 0,
            ended: Vec::new(),
            is_news: false,
            to_tell: Vec::new(),
        }
    }

    pub(super) fn gather(&mut self, entry: Entry) {
        self.journal.gather(&Written::Entry(&entry));
        self.gathered += 1;
        self.is_news = true;
        match entry {
            Entry::Running(record) => {
                self.running.insert(record.id.clone(), record);
            }
            Entry::Ended(record) => {
                self.running.remove(&record.id);
                self.ended.push(record);
            }
            Entry::Extended { .. } | Entry::Bound { .. } | Entry::Event(_) => {}
        }
    }

    /// Writes what waits, and passes on what the journal has then: what it does not take is in no other place either.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let written = self.journal.flush();
        self.to_tell.drain(..).for_each(|told| told(written.is_ok()));
        written?;
        if std::mem::take(&mut self.is_news) {
            let until = self.journal.end();
            self.progress.written.fetch_add(std::mem::take(&mut self.gathered), Ordering::AcqRel);
            self.progress.end.send_modify(|end| end.place = until);
            let ended = std::mem::take(&mut self.ended);
            self.pass_on(Step::File { ended, until });
        }
        Ok(())
    }

    /// Has the thread that files do something, after what was passed on before.
    pub(super) fn pass_on(&self, step: Step) {
        // It ends after this one.
        let _ = self.steps.send(step);
    }

    pub(super) fn mark(&mut self, mark: Mark) -> io::Result<()> {
        self.flush()?;
        self.journal.gather(&Written::Mark(mark));
        self.flush()
    }

    /// Begins another file of the journal, with the calls that go on: where that begins.
    pub(super) fn begin_file(&mut self) -> io::Result<Place> {
        self.flush()?;
        self.journal.rotate()?;
        let start = self.journal.end();
        for record in self.running.values() {
            self.journal.gather(&Written::GoesOn(record));
        }
        self.is_news = true;
        self.flush()?;
        Ok(start)
    }
}
