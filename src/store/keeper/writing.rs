//! The thread that writes what is handed in to the journal, at once: it waits for no other file, and has none synced.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::complaint::Complaint;
use super::filing::{Erasing, Step};
use super::journaling::{Journaling, Shared};
use super::{KeeperFault, Progress};
use crate::ledger::Entry;
use crate::store::journal::Place;

/// Entries gathered before they are written, where they come faster than the system takes them.
const BATCH: usize = 1000;
/// How often a full disk is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Is told whether the journal has what was handed in before.
pub(super) type Told = Box<dyn FnOnce(bool) + Send>;

/// What reaches the thread.
pub(super) enum Order {
    Write(Entry),
    Tell(Told),
    Reopen,
    /// The journal is to go on in another file: the answer is where that begins.
    Rotate(oneshot::Sender<io::Result<Place>>),
    Erase(Erasing),
    Close,
}

/// What the thread works with, and the threads behind it.
pub(super) struct Writing {
    pub(super) journal: Shared,
    pub(super) progress: Arc<Progress>,
    pub(super) feeder: JoinHandle<()>,
    pub(super) filing: JoinHandle<Result<(), KeeperFault>>,
}

impl Writing {
    pub(super) fn run(self, orders: &Receiver<Order>) -> Result<(), KeeperFault> {
        let mut complaint = Complaint::default();
        loop {
            let order = if self.waiting() == 0 {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(RETRY)
            };
            let goes_on = self.journal.with(|journal| match order {
                Ok(order) => take_all(journal, order, orders),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            });
            match self.journal.with(Journaling::flush) {
                Ok(()) => complaint.is_over(),
                Err(error) => complaint.about(&error, self.waiting()),
            }
            if !goes_on {
                return self.end();
            }
        }
    }

    fn waiting(&self) -> usize {
        self.journal.with(|shared| shared.journal.waiting())
    }

    /// Waits for the database for a while, and for the last of it to be filed.
    fn end(self) -> Result<(), KeeperFault> {
        self.progress.end.send_modify(|end| end.is_last = true);
        let _ = self.feeder.join();
        self.journal.with(|journal| journal.pass_on(Step::Close));
        self.filing.join().unwrap_or(Err(KeeperFault::Unwritten(0)))
    }
}

/// Takes an order, and those behind it up to a batch. False where the last one closes.
fn take_all(journal: &mut Journaling, first: Order, orders: &Receiver<Order>) -> bool {
    let mut next = Ok(first);
    let mut taken = 0;
    loop {
        match next {
            Ok(Order::Write(entry)) => journal.gather(entry),
            Ok(Order::Tell(told)) => journal.to_tell.push(told),
            Ok(Order::Reopen) => {
                // What it does not take now is for the new file.
                let _ = journal.flush();
                journal.pass_on(Step::Reopen);
            }
            // Whoever has gone meanwhile asks again.
            Ok(Order::Rotate(done)) => drop(done.send(journal.begin_file())),
            Ok(Order::Erase(erasing)) => match journal.flush() {
                Ok(()) => journal.pass_on(Step::Erase(erasing)),
                Err(error) => drop(erasing.done.send(Err(error))),
            },
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
