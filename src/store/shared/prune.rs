//! Removing what is over and has been kept long enough, a part at a time, so that others are not held up.

use sqlx::Row;

use super::Connection;
use crate::base::Timestamp;
use crate::ledger::StoreFault;
use crate::store::rows::millis;

/// What is removed.
pub(super) struct Rule {
    sql: &'static str,
    /// Whether it is one of those that are told how many they were.
    pub(super) counts: bool,
}

pub(super) const RULES: [&Rule; 5] = [
    &Rule {
        sql: "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ended_at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM calls WHERE id IN \
              (SELECT id FROM calls WHERE ended_at IS NULL AND received_at < $1 LIMIT 1000)",
        counts: true,
    },
    // Callbacks wait in the order of their events: from the first that waits on, events stay.
    &Rule {
        sql: "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 AND id < \
              coalesce((SELECT event FROM callbacks ORDER BY id LIMIT 1), 9223372036854775807) LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE free_at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE at < $1 LIMIT 1000)",
        counts: false,
    },
];

impl Rule {
    /// Removes a part; how many rows.
    pub(super) async fn apply(
        &self,
        connection: &mut Connection,
        before: Timestamp,
    ) -> Result<u64, StoreFault> {
        Ok(sqlx::query(self.sql).bind(millis(before)).execute(connection).await?.rows_affected())
    }
}

/// A channel, by its number dialled and its caller.
type Place = (i64, i64);

/// Before every channel.
pub(super) const START: Place = (-1, -1);

/// Looks at the next channels behind a place, and removes those that were free before a moment; where the next part
/// begins. They are not found by an index.
pub(super) async fn channels(
    connection: &mut Connection,
    before: Timestamp,
    after: Place,
) -> Result<Option<Place>, StoreFault> {
    let end = sqlx::query(
        "SELECT dialled, caller FROM channels WHERE (dialled, caller) > ($1, $2) ORDER BY dialled, caller \
         LIMIT 1 OFFSET 999",
    );
    let end = end.bind(after.0).bind(after.1).fetch_optional(&mut *connection).await?;
    let end = end.map(|row| Ok::<_, StoreFault>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
    let (dialled, caller): Place = end.unwrap_or((i64::MAX, i64::MAX));
    let part = sqlx::query(
        "DELETE FROM channels WHERE (dialled, caller) > ($1, $2) AND (dialled, caller) <= ($3, $4) AND free_at < $5",
    );
    let part = part.bind(after.0).bind(after.1).bind(dialled).bind(caller).bind(millis(before));
    part.execute(connection).await?;
    Ok(end)
}
