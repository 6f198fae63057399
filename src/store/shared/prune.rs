//! Removing what is over and has been kept long enough, a part at a time, so that others are not held up.

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

pub(super) const RULES: [&Rule; 6] = [
    &Rule {
        sql: "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ended_at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM calls WHERE id IN \
              (SELECT id FROM calls WHERE ended_at IS NULL AND received_at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule {
        sql: "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE free_at < $1 LIMIT 1000)",
        counts: true,
    },
    &Rule { sql: "DELETE FROM channels WHERE free_at < $1", counts: false },
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
