//! Answers to requests with an `Idempotency-Key`.

use sqlx::Row;

use super::Connection;
use crate::base::Timestamp;
use crate::ledger::{Answered, StoreFault};
use crate::store::rows::millis;

pub(super) async fn of(connection: &mut Connection, key: &str) -> Result<Option<Answered>, StoreFault> {
    let found = sqlx::query("SELECT body, id, at FROM answers WHERE key = $1").bind(key.to_owned());
    let Some(row) = found.fetch_optional(connection).await? else { return Ok(None) };
    let body: Vec<u8> = row.try_get(0)?;
    let at: i64 = row.try_get(2)?;
    Ok(Some(Answered {
        body: body.try_into().map_err(|_| StoreFault::Unreadable("a fingerprint has 32 bytes".to_owned()))?,
        id: row.try_get::<String, _>(1)?.into(),
        at: Timestamp::from_millis(at.unsigned_abs()),
    }))
}

/// False where the key has an answer.
pub(super) async fn note(
    connection: &mut Connection,
    key: &str,
    answered: &Answered,
) -> Result<bool, StoreFault> {
    let added =
        sqlx::query("INSERT INTO answers (key, body, id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(key.to_owned())
            .bind(answered.body.to_vec())
            .bind(answered.id.to_string())
            .bind(millis(answered.at));
    Ok(added.execute(connection).await?.rows_affected() == 1)
}

pub(super) async fn forget(connection: &mut Connection, key: String, id: String) -> Result<(), StoreFault> {
    sqlx::query("DELETE FROM answers WHERE key = $1 AND id = $2")
        .bind(key)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
