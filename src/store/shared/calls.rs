//! Call records.

use sqlx::{QueryBuilder, Row};

use super::{Connection, Db};
use crate::ledger::{CallRecord, StoreFault};
use crate::store::rows::{CallRow, read};

/// Rows of one statement.
const ROWS: usize = 200;

pub(super) async fn by_id(connection: &mut Connection, id: String) -> Result<Option<CallRecord>, StoreFault> {
    let row = sqlx::query("SELECT body FROM calls WHERE id = $1").bind(id).fetch_optional(connection).await?;
    row.map(|row| read(row.try_get(0)?)).transpose()
}

/// Keeps calls, each once. What stands of one that goes on gives way; what has ended stays.
pub(super) async fn keep(connection: &mut Connection, calls: &[CallRow]) -> Result<(), StoreFault> {
    for rows in calls.chunks(ROWS) {
        let mut query = QueryBuilder::<Db>::new(
            "INSERT INTO calls (id, received_at, ended_at, caller, destination, dialled, shown, session, outcome, body) ",
        );
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(row.id.to_string())
                .push_bind(row.received_at)
                .push_bind(row.ended_at)
                .push_bind(row.caller)
                .push_bind(row.destination)
                .push_bind(row.dialled)
                .push_bind(row.shown)
                .push_bind(row.session.clone())
                .push_bind(row.outcome.clone())
                .push_bind(row.body.clone());
        });
        query.push(
            " ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, caller = excluded.caller, \
             destination = excluded.destination, dialled = excluded.dialled, shown = excluded.shown, \
             session = excluded.session, outcome = excluded.outcome, body = excluded.body \
             WHERE calls.ended_at IS NULL",
        );
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}
