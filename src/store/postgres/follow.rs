//! Hearing of what other nodes change.
//!
//! Every change is notified with the ids of its rows, which are read then. Notifications are lost with their
//! connection; so each row carries the transaction that changed it, and after a loss all rows are read that were
//! changed since a moment at which nothing was missing.
//!
//! A connection may be lost without a word. So a node notifies itself now and then, over another connection, of the
//! oldest transaction that was open: when it hears of that it has heard of every change before, since notifications
//! come in the order of their commits. What it does not hear of in time has been lost.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgListener, PgNotification, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::patience::{self, ANSWER, SCAN, within};
use super::{Connection, shared};
use crate::ledger::{Change, ChangeSink, Number, Session, StoreFault};
use crate::store::rows::read;

/// The channel of changes. Each node has another one for its marks, which has the node's name.
const CHANNEL: &str = "maskline";
/// How often a node leaves a mark, and how long one may take to be heard.
const TICK: Duration = Duration::from_secs(5);
/// How long after a loss the server is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Events that are told at a time.
const EVENTS: u32 = 500;

/// One who follows.
pub(super) struct Follower {
    pool: PgPool,
    node: Arc<str>,
    sink: ChangeSink,
    listener: PgListener,
    /// Every change of a transaction before this one was told.
    told: i64,
    /// The last event told.
    event: u64,
}

/// The oldest transaction that is still open: what is changed later is changed by it or a younger one.
pub(super) async fn horizon(connection: &mut Connection) -> Result<i64, StoreFault> {
    let row = sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
    Ok(row.fetch_one(connection).await?.try_get(0)?)
}

impl Follower {
    /// Begins to listen. What was changed since a transaction is told first.
    pub(super) async fn begin(
        pool: PgPool,
        node: Arc<str>,
        sink: ChangeSink,
        since: Option<i64>,
    ) -> Result<Self, StoreFault> {
        let listener = listen(&pool, &node).await?;
        let mut connection = pool.acquire().await?;
        let now = horizon(&mut connection).await?;
        let event = shared::last_event(&mut connection).await?;
        drop(connection);
        let told = since.unwrap_or(now);
        let mut follower = Self { pool, node, sink, listener, told, event };
        follower.catch_up().await?;
        Ok(follower)
    }

    /// Follows, for as long as the store is open.
    pub(super) async fn run(self) {
        let closed = self.pool.close_event();
        tokio::select! {
            () = closed => {}
            () = self.follow() => {}
        }
    }

    async fn follow(mut self) {
        loop {
            let Err(fault) = self.hear().await;
            tracing::warn!(%fault, "changes of other nodes are not heard: what is missed is told once the database is back");
            while let Err(fault) = self.again().await {
                tracing::debug!(%fault, "the database is still away");
                sleep(RETRY).await;
            }
            tracing::info!("changes of other nodes are heard again");
        }
    }

    async fn again(&mut self) -> Result<(), StoreFault> {
        self.listener = listen(&self.pool, &self.node).await?;
        self.catch_up().await
    }

    /// Tells what is notified, until the connection is lost.
    async fn hear(&mut self) -> Result<std::convert::Infallible, StoreFault> {
        let lost = || StoreFault::Unavailable("the connection was lost".to_owned());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_marked = false;
        loop {
            let first = tokio::select! {
                biased;
                first = self.listener.try_recv() => first?.ok_or_else(lost)?,
                _ = ticks.tick() => {
                    if std::mem::replace(&mut is_marked, true) {
                        return Err(lost());
                    }
                    within(ANSWER, self.mark()).await?;
                    continue;
                }
            };
            let mut heard = Heard::default();
            heard.add(&first, &self.node);
            while let Some(more) = self.listener.next_buffered() {
                heard.add(&more, &self.node);
            }
            let mark = heard.mark;
            within(ANSWER, self.tell(heard)).await?;
            if let Some(mark) = mark {
                (self.told, is_marked) = (self.told.max(mark), false);
            }
        }
    }

    /// Notifies this node of the oldest transaction that is open.
    async fn mark(&self) -> Result<(), StoreFault> {
        let mut connection = self.pool.acquire().await?;
        let mark = sqlx::query("SELECT pg_notify($1, pg_snapshot_xmin(pg_current_snapshot())::text)");
        mark.bind(&*self.node).execute(&mut *connection).await?;
        Ok(())
    }

    async fn tell(&mut self, heard: Heard) -> Result<(), StoreFault> {
        if heard.is_empty() {
            return Ok(());
        }
        let mut connection = self.pool.acquire().await?;
        if !heard.sessions.is_empty() {
            let rows = sqlx::query("SELECT body FROM sessions WHERE id = ANY($1)").bind(heard.sessions);
            for row in rows.fetch_all(&mut *connection).await? {
                self.tell_session(row.try_get(0)?);
            }
        }
        if !heard.numbers.is_empty() {
            let rows =
                sqlx::query("SELECT gone, body FROM numbers WHERE number = ANY($1)").bind(heard.numbers);
            for row in rows.fetch_all(&mut *connection).await? {
                self.tell_number(row.try_get(0)?, row.try_get(1)?);
            }
        }
        if heard.has_events {
            self.tell_events(&mut connection).await?;
        }
        Ok(())
    }

    /// Tells all that was changed since nothing was missing.
    async fn catch_up(&mut self) -> Result<(), StoreFault> {
        let mut connection = self.pool.acquire().await?;
        let mut unhurried = patience::unhurried(&mut connection).await?;
        within(SCAN, self.read_on(&mut unhurried)).await
    }

    async fn read_on(&mut self, connection: &mut Connection) -> Result<(), StoreFault> {
        let now = horizon(connection).await?;
        let rows = sqlx::query("SELECT body FROM sessions WHERE changed >= $1").bind(self.told);
        for row in rows.fetch_all(&mut *connection).await? {
            self.tell_session(row.try_get(0)?);
        }
        let rows = sqlx::query("SELECT gone, body FROM numbers WHERE changed >= $1").bind(self.told);
        for row in rows.fetch_all(&mut *connection).await? {
            self.tell_number(row.try_get(0)?, row.try_get(1)?);
        }
        self.tell_events(connection).await?;
        self.told = now;
        Ok(())
    }

    async fn tell_events(&mut self, connection: &mut Connection) -> Result<(), StoreFault> {
        loop {
            let events = shared::events_after(connection, self.event, EVENTS).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.event = event.id;
                (self.sink)(Change::Event(Arc::new(event)));
            }
        }
    }

    fn tell_session(&self, body: &str) {
        match read::<Session>(body) {
            Ok(session) => (self.sink)(Change::Session(Box::new(session))),
            Err(fault) => tracing::error!(%fault, "a session of another node cannot be read"),
        }
    }

    fn tell_number(&self, gone: i64, body: &str) {
        match read::<Number>(body) {
            Ok(number) if gone == 0 => (self.sink)(Change::Number(Box::new(number))),
            Ok(number) => (self.sink)(Change::NumberGone(number.number)),
            Err(fault) => tracing::error!(%fault, "a number of another node cannot be read"),
        }
    }
}

/// A connection of its own, so that one which has fallen silent takes none from those that are shared.
async fn listen(pool: &PgPool, node: &str) -> Result<PgListener, StoreFault> {
    let options = pool.connect_options().as_ref().clone();
    let listening = async {
        let mut listener = PgListener::connect_with(&patience::pool(1).connect_lazy_with(options)).await?;
        listener.eager_reconnect(false);
        listener.listen_all([CHANNEL, node]).await?;
        Ok(listener)
    };
    within(ANSWER, listening).await
}

/// What was notified.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    sessions: Vec<Vec<u8>>,
    numbers: Vec<i64>,
    has_events: bool,
    /// The last mark of this node.
    mark: Option<i64>,
}

impl Heard {
    fn add(&mut self, notification: &PgNotification, node: &str) {
        if notification.channel() == node {
            self.mark = notification.payload().parse().ok();
        } else {
            self.add_change(notification.payload(), node);
        }
    }

    /// Reads `NODE session HEX`, `NODE number DIGITS` or `all events`; what is this node's own is known here.
    fn add_change(&mut self, payload: &str, node: &str) {
        let mut words = payload.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(from), Some("session" | "number"), _) if from == node => {}
            (_, Some("session"), Some(hex)) => {
                self.sessions.extend(u128::from_str_radix(hex, 16).map(|id| id.to_be_bytes().to_vec()))
            }
            (_, Some("number"), Some(digits)) => self.numbers.extend(digits.parse::<i64>()),
            (_, Some("events"), _) => self.has_events = true,
            _ => tracing::warn!("a notification of the database cannot be read"),
        }
    }

    /// Whether nothing has changed.
    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.numbers.is_empty() && !self.has_events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_name_rows_of_other_nodes() {
        let mut heard = Heard::default();
        for payload in
            ["me session 00ff", "you session 0000000000000000000000000000000a", "me number 918045550101"]
        {
            heard.add_change(payload, "me");
        }
        assert_eq!((heard.sessions.len(), heard.numbers.len(), heard.has_events), (1, 0, false));
        assert_eq!(heard.sessions[0], [[0; 15].as_slice(), &[10]].concat());
        for payload in ["you number 918045550101", "all events", "nonsense", "you session xyz"] {
            heard.add_change(payload, "me");
        }
        assert_eq!(
            (heard.sessions.len(), &heard.numbers[..], heard.has_events),
            (1, &[918_045_550_101][..], true)
        );
    }
}
