//! Events, in the order in which they were kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{QueryBuilder, Row};

use super::{Connection, Db, callbacks};
use crate::ledger::{StoreFault, StoredEvent};
use crate::store::rows::{EventRow, read};

/// Rows of one statement.
const ROWS: usize = 500;

/// The place of the last event, or 0.
pub(crate) async fn last(connection: &mut Connection) -> Result<u64, StoreFault> {
    let row = sqlx::query("SELECT max(id) FROM events").fetch_one(connection).await?;
    let last: Option<i64> = row.try_get(0)?;
    Ok(last.unwrap_or_default().unsigned_abs())
}

/// Events after one, some at least where there are any. One that cannot be read is passed over.
pub(crate) async fn after(
    connection: &mut Connection,
    mut after: u64,
    limit: u32,
) -> Result<Vec<StoredEvent>, StoreFault> {
    loop {
        let rows = sqlx::query("SELECT id, body FROM events WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(i64::from(limit));
        let rows = rows.fetch_all(&mut *connection).await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            after = row.try_get::<i64, _>(0)?.unsigned_abs();
            events.extend(event(after, row.try_get(1)?));
        }
        if rows.is_empty() || !events.is_empty() {
            return Ok(events);
        }
    }
}

/// An event, unless a newer version has written what this one cannot read. The log is told of each such event once, by
/// whoever comes upon it first.
pub(super) fn event(id: u64, body: &str) -> Option<StoredEvent> {
    static LAST_LOGGED: AtomicU64 = AtomicU64::new(0);
    match read(body) {
        Ok(event) => Some(StoredEvent { id, event }),
        Err(fault) => {
            if LAST_LOGGED.fetch_max(id, Ordering::Relaxed) < id {
                tracing::error!(event = id, %fault, "an event is passed over");
            }
            None
        }
    }
}

/// Keeps events, each once, and the callbacks of those that are new.
pub(super) async fn keep(connection: &mut Connection, events: &[EventRow]) -> Result<(), StoreFault> {
    for rows in events.chunks(ROWS) {
        let mut query = QueryBuilder::<Db>::new("INSERT INTO events (digest, at, body) ");
        query.push_values(rows, |mut values, row| {
            values.push_bind(row.digest.clone()).push_bind(row.at).push_bind(row.body.clone());
        });
        query.push(" ON CONFLICT (digest) DO NOTHING RETURNING id, digest");
        let mut kept = HashMap::new();
        // One row is what comes most often: that statement is kept.
        let query = query.build().persistent(rows.len() == 1);
        for row in query.fetch_all(&mut *connection).await? {
            kept.insert(row.try_get::<Vec<u8>, _>(1)?, row.try_get::<i64, _>(0)?);
        }
        // The same event may come twice in one batch.
        let new = rows.iter().filter_map(|row| Some((kept.remove(&row.digest)?, row)));
        let told = new.flat_map(|(id, row)| row.lanes.iter().map(move |lane| (id, row.at, lane))).collect();
        callbacks::keep(connection, told).await?;
    }
    Ok(())
}
