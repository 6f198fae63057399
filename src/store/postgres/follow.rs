//! Hearing of what other nodes change.
//!
//! Every change is notified with the ids of its rows, which are read then. Notifications are lost with their
//! connection; so each row carries the transaction that changed it, and after a loss all rows are read that were
//! changed since a moment at which nothing was missing.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgListener, PgPool};
use tokio::time::{interval, sleep};

use super::{Connection, shared};
use crate::ledger::{Change, ChangeSink, Number, Session, StoreFault};
use crate::store::rows::read;

/// The channel of notifications.
const CHANNEL: &str = "maskline";
/// How often the moment at which nothing was missing moves on. A notification takes far less on its way.
const TICK: Duration = Duration::from_secs(30);
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
    /// The same, once the notifications that are on their way have come.
    next: i64,
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
        let listener = listen(&pool).await?;
        let mut connection = pool.acquire().await?;
        let now = horizon(&mut connection).await?;
        let event = shared::last_event(&mut connection).await?;
        drop(connection);
        let told = since.unwrap_or(now);
        let mut follower = Self { pool, node, sink, listener, told, next: told, event };
        follower.catch_up().await?;
        Ok(follower)
    }

    /// Follows, for as long as the store is open.
    pub(super) async fn run(mut self) {
        loop {
            let Err(fault) = self.hear().await;
            if self.pool.is_closed() {
                return;
            }
            tracing::warn!(%fault, "changes of other nodes are not heard: what is missed is told once the database is back");
            while let Err(fault) = self.again().await {
                tracing::debug!(%fault, "the database is still away");
                sleep(RETRY).await;
                if self.pool.is_closed() {
                    return;
                }
            }
            tracing::info!("changes of other nodes are heard again");
        }
    }

    async fn again(&mut self) -> Result<(), StoreFault> {
        self.listener = listen(&self.pool).await?;
        self.catch_up().await
    }

    /// Tells what is notified, until the connection is lost.
    async fn hear(&mut self) -> Result<std::convert::Infallible, StoreFault> {
        let mut ticks = interval(TICK);
        loop {
            let first = tokio::select! {
                first = self.listener.try_recv() => first,
                _ = ticks.tick() => {
                    self.tick().await?;
                    continue;
                }
            };
            let lost = || StoreFault::Unavailable("the connection was lost".to_owned());
            let mut heard = Heard::default();
            heard.add(first?.ok_or_else(lost)?.payload(), &self.node);
            while let Some(more) = self.listener.next_buffered() {
                heard.add(more.payload(), &self.node);
            }
            self.tell(heard).await?;
        }
    }

    /// What the last tick saw as past has been notified by now.
    async fn tick(&mut self) -> Result<(), StoreFault> {
        let mut connection = self.pool.acquire().await?;
        self.told = std::mem::replace(&mut self.next, horizon(&mut connection).await?);
        Ok(())
    }

    async fn tell(&mut self, heard: Heard) -> Result<(), StoreFault> {
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
        let now = horizon(&mut connection).await?;
        let rows = sqlx::query("SELECT body FROM sessions WHERE changed >= $1").bind(self.told);
        for row in rows.fetch_all(&mut *connection).await? {
            self.tell_session(row.try_get(0)?);
        }
        let rows = sqlx::query("SELECT gone, body FROM numbers WHERE changed >= $1").bind(self.told);
        for row in rows.fetch_all(&mut *connection).await? {
            self.tell_number(row.try_get(0)?, row.try_get(1)?);
        }
        self.tell_events(&mut connection).await?;
        (self.told, self.next) = (now, now);
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

async fn listen(pool: &PgPool) -> Result<PgListener, StoreFault> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// What was notified.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    sessions: Vec<Vec<u8>>,
    numbers: Vec<i64>,
    has_events: bool,
}

impl Heard {
    /// Reads `NODE session HEX`, `NODE number DIGITS` or `all events`; what is this node's own is known here.
    fn add(&mut self, payload: &str, node: &str) {
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
            heard.add(payload, "me");
        }
        assert_eq!((heard.sessions.len(), heard.numbers.len(), heard.has_events), (1, 0, false));
        assert_eq!(heard.sessions[0], [[0; 15].as_slice(), &[10]].concat());
        for payload in ["you number 918045550101", "all events", "nonsense", "you session xyz"] {
            heard.add(payload, "me");
        }
        assert_eq!(
            (heard.sessions.len(), &heard.numbers[..], heard.has_events),
            (1, &[918_045_550_101][..], true)
        );
    }
}
