//! What keeps a running service in step with its database and the time: feeding the book, and what is due now and then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::calls::LiveCalls;
use crate::api::Health;
use crate::base::{Metrics, Timestamp};
use crate::ledger::{Book, Change, ChangeSink, EventKind, Loaded, SessionId, Store, StoreFault, StoredEvent};
use crate::session::Sessions;

/// How often what is due now and then is looked at.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks at the database.
const CHECK: u64 = 5;
/// Ticks between two looks for sessions that have expired.
const EXPIRY: u64 = 5;
/// How long after its expiry a session is told to have expired: by then every node has brought to the database what
/// its calls have done to it.
const GRACE: Duration = Duration::from_secs(10);
/// Expired sessions that are told of at a time: there may be a day's at the start, and the rest of the upkeep waits.
const EXPIRED: usize = 500;
/// Ticks between two sweeps of the book.
const SWEEP: u64 = 60;
/// Ticks between two removals of what is kept no longer.
const PRUNE: u64 = 3600;

/// Fills the book with what calls may need of the database.
///
/// # Errors
/// Where the database does not answer.
pub(super) async fn load(store: &dyn Store, book: &Book, now: Timestamp) -> Result<(), StoreFault> {
    let mut put = |row| match row {
        Loaded::Session(session) => book.put(&session),
        Loaded::Number(number) => book.put_number(*number),
    };
    store.load(now.before(Book::KEPT), &mut put).await
}

/// Takes over what other nodes change, and hands on the events that are kept.
pub(super) fn follower(
    book: Arc<Book>,
    calls: Arc<LiveCalls>,
    events: broadcast::Sender<Arc<StoredEvent>>,
    wake_callbacks: impl Fn() + Send + Sync + 'static,
) -> ChangeSink {
    Arc::new(move |change| match change {
        Change::Session(session) => book.put(&session),
        Change::Number(number) => book.put_number(*number),
        Change::NumberGone(number) => book.remove_number(number),
        Change::Event(stored) => {
            if let (EventKind::CallEnded, Some(call)) = (stored.event.kind, &stored.event.call) {
                calls.is_kept(call);
            }
            wake_callbacks();
            // Without a reader there is nobody to tell.
            let _ = events.send(stored);
        }
    })
}

/// What is looked at now and then.
pub(super) struct Upkeep {
    store: Arc<dyn Store>,
    book: Arc<Book>,
    sessions: Arc<Sessions>,
    health: Health,
    metrics: Arc<Metrics>,
    /// The last session that was seen to have expired, by its expiry and its id; and those that wait to be told of.
    expired: (Timestamp, SessionId),
    to_tell: VecDeque<SessionId>,
    /// How long records are kept; `None`: for ever.
    pub(super) retention: Option<Duration>,
    /// What is kept no longer is to be removed, once the database takes it.
    is_prune_due: bool,
    /// Counts the ticks.
    ticks: u64,
    is_away: bool,
}

impl Upkeep {
    pub(super) fn new(
        store: Arc<dyn Store>,
        book: Arc<Book>,
        sessions: Arc<Sessions>,
        health: Health,
        metrics: Arc<Metrics>,
        retention: Option<Duration>,
    ) -> Self {
        let (expired, to_tell) = Default::default();
        let (is_prune_due, ticks, is_away) = (false, 0, false);
        Self {
            store,
            book,
            sessions,
            health,
            metrics,
            expired,
            to_tell,
            retention,
            is_prune_due,
            ticks,
            is_away,
        }
    }

    /// Once every [`TICK`].
    pub(super) async fn tick(&mut self, now: Timestamp) {
        let is_due = |every: u64| self.ticks.is_multiple_of(every);
        let (check, expiry, sweep, prune) = (is_due(CHECK), is_due(EXPIRY), is_due(SWEEP), is_due(PRUNE));
        self.ticks += 1;
        if check {
            self.metrics.sessions.set(i64::try_from(self.book.open_sessions(now)).unwrap_or(i64::MAX));
            self.check().await;
        }
        if expiry && !self.is_away {
            self.tell_expired(now).await;
        }
        if sweep {
            self.book.sweep(now);
        }
        self.is_prune_due |= prune;
        if self.is_prune_due && check && !self.is_away {
            self.is_prune_due = !self.prune(now).await;
        }
    }

    /// Removes what is older than the retention, and answers that nobody asks for any more; false where that is to be
    /// tried again.
    async fn prune(&self, now: Timestamp) -> bool {
        let removed = async {
            self.store.forget_answers(now).await?;
            match self.retention {
                Some(retention) => self.store.prune(now.before(retention)).await,
                None => Ok(0),
            }
        };
        match removed.await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "removed what is older than the retention"),
            Err(fault) => {
                tracing::warn!(%fault, "what is older than it is kept is still there");
                return false;
            }
        }
        true
    }

    /// Tells of the sessions that have expired since it did so last; at the first time, of all that the book holds and
    /// whose events are still kept. Those that cannot be told of yet wait.
    async fn tell_expired(&mut self, now: Timestamp) {
        let kept = self.retention.map_or(Timestamp::default(), |retention| now.before(retention));
        let until = now.before(GRACE);
        let expired = self.book.expired(self.expired.max((kept, SessionId::default())), until);
        self.expired = expired.last().copied().unwrap_or(self.expired);
        self.to_tell.extend(expired.into_iter().map(|(_, session)| session));
        for _ in 0..self.to_tell.len().min(EXPIRED) {
            let Some(session) = self.to_tell.front().copied() else { return };
            match self.sessions.tell_expired(session, until).await {
                Ok(is_settled) => {
                    self.to_tell.pop_front();
                    self.to_tell.extend((!is_settled).then_some(session));
                }
                Err(fault) => return tracing::warn!(%fault, "that sessions have expired is told later"),
            }
        }
    }

    async fn check(&mut self) {
        let answer = self.store.check().await;
        self.health.set_store(answer.is_ok());
        self.metrics.store_up.set(answer.is_ok().into());
        match &answer {
            Err(fault) if !self.is_away => {
                tracing::error!(%fault, "calls go on; records and events wait in the journal");
            }
            Ok(()) if self.is_away => tracing::info!("the database answers again"),
            _ => {}
        }
        self.is_away = answer.is_err();
    }
}

#[cfg(test)]
mod tests;
