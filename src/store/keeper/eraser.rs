//! Erasing a party from all that calls have left behind: the journal, the files beside it, the database.
//!
//! - The journal goes on in another file, and the database takes what stands before that: nothing brings the number
//!   back then, and the files before go.
//! - The records file is written anew, beside the one that is written to; the last bit of it, and the change of names,
//!   is for the thread that writes it.
//! - The database comes last. Whatever fails half-way, or is killed, is finished when it is asked for again.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Progress;
use super::filing::Erasing;
use super::refused::Refused;
use super::writing::Order;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{EraseFault, Eraser, Redacted, Store};
use crate::store::erase;
use crate::store::journal::Place;
use crate::store::rewrite::Rewriting;

/// How long the database may take for what is in the journal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Erases parties from what a keeper keeps.
pub struct KeeperEraser {
    pub(super) orders: Sender<Order>,
    pub(super) progress: Arc<Progress>,
    pub(super) store: Arc<dyn Store>,
    pub(super) refused: Arc<Refused>,
    pub(super) records: PathBuf,
    /// One party after the other.
    pub(super) turn: Mutex<()>,
}

impl fmt::Debug for KeeperEraser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeeperEraser").finish_non_exhaustive()
    }
}

#[async_trait]
impl Eraser for KeeperEraser {
    async fn erase(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, EraseFault> {
        let _turn = self.turn.lock().await;
        self.store.check().await?;
        let start = self.order(Order::Rotate).await?;
        self.caught_up(start).await?;
        self.rewrite(party).await?;
        Ok(self.store.redact(party, now).await?)
    }
}

impl KeeperEraser {
    /// Waits until what stands before a place is in the database.
    async fn caught_up(&self, start: Place) -> Result<(), EraseFault> {
        let mut place = self.progress.place.subscribe();
        let caught_up = timeout(PATIENCE, place.wait_for(|place| *place >= start)).await;
        caught_up.map(drop).map_err(|_| EraseFault::Behind(self.progress.backlog()))
    }

    async fn rewrite(&self, party: PhoneNumber) -> Result<(), EraseFault> {
        let (records, refused) = (self.records.clone(), Arc::clone(&self.refused));
        let rewriting = blocking(move || {
            let mut rewriting = Rewriting::begin(&records)?.map(Box::new);
            if let Some(rewriting) = &mut rewriting {
                rewriting.advance(&|line| erase::record_line(line, party))?;
            }
            Ok(rewriting)
        });
        let rewriting = rewriting.await?;
        self.order(|done| Order::Erase(Erasing { party, rewriting, done })).await?;
        blocking(move || refused.erase(party)).await
    }

    /// Has the writing thread do something.
    async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Order,
    ) -> Result<T, EraseFault> {
        let (done, result) = oneshot::channel();
        let _ = self.orders.send(order(done));
        let ended = |_| Err(io::Error::other("the process ends"));
        result.await.unwrap_or_else(ended).map_err(EraseFault::Files)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, EraseFault> {
    let ended = |error| Err(io::Error::other(error));
    spawn_blocking(work).await.unwrap_or_else(ended).map_err(EraseFault::Files)
}
