//! Answers to requests with an `Idempotency-Key`.
//!
//! A key and the fingerprint of a request may tell a number, and no erasing finds it in them. So a key is kept as its
//! HMAC under the database's secret, and the fingerprint as what only who has the key can make out.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::{AssertSqlSafe, Row};

use super::{Connection, SKIP_LOCKED};
use crate::base::Timestamp;
use crate::ledger::{Answered, StoreFault};
use crate::store::rows::millis;

/// How long an answer is kept at least.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The database's secret.
#[derive(Clone)]
pub(crate) struct Secret(Arc<[u8]>);

/// The secret, which is made with the database.
pub(crate) async fn secret(connection: &mut Connection) -> Result<Secret, StoreFault> {
    let row = sqlx::query("SELECT secret FROM answer_secret").fetch_one(connection).await?;
    Ok(Secret(row.try_get::<Vec<u8>, _>(0)?.into()))
}

impl Secret {
    pub(super) fn hide(&self, key: &str) -> Hidden {
        Hidden { key: self.mac("key", key).to_vec(), mask: self.mac("body", key) }
    }

    fn mac(&self, purpose: &str, key: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// A key as it is kept.
pub(super) struct Hidden {
    key: Vec<u8>,
    /// What the fingerprint is hidden with.
    mask: [u8; 32],
}

impl Hidden {
    /// Hides a fingerprint, and brings it back.
    fn masked(&self, body: [u8; 32]) -> [u8; 32] {
        std::array::from_fn(|at| body[at] ^ self.mask[at])
    }
}

pub(super) async fn of(connection: &mut Connection, key: &Hidden) -> Result<Option<Answered>, StoreFault> {
    let found = sqlx::query("SELECT body, id, at FROM answers WHERE key = $1").bind(key.key.clone());
    let Some(row) = found.fetch_optional(connection).await? else { return Ok(None) };
    let body: Vec<u8> = row.try_get(0)?;
    let body =
        body.try_into().map_err(|_| StoreFault::Unreadable("a fingerprint has 32 bytes".to_owned()))?;
    let at: i64 = row.try_get(2)?;
    Ok(Some(Answered {
        body: key.masked(body),
        id: row.try_get::<String, _>(1)?.into(),
        at: Timestamp::from_millis(at.unsigned_abs()),
    }))
}

/// False where the key has an answer.
pub(super) async fn note(
    connection: &mut Connection,
    key: &Hidden,
    answered: &Answered,
) -> Result<bool, StoreFault> {
    forget_old(connection, answered.at).await?;
    let added =
        sqlx::query("INSERT INTO answers (key, body, id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(key.key.clone())
            .bind(key.masked(answered.body).to_vec())
            .bind(answered.id.to_string())
            .bind(millis(answered.at));
    Ok(added.execute(connection).await?.rows_affected() == 1)
}

pub(super) async fn forget(connection: &mut Connection, key: Hidden, id: String) -> Result<(), StoreFault> {
    sqlx::query("DELETE FROM answers WHERE key = $1 AND id = $2")
        .bind(key.key)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets answers that were kept for long enough, a few at a time; how many.
pub(super) async fn forget_old(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreFault> {
    let sql = format!(
        "DELETE FROM answers WHERE key IN \
         (SELECT key FROM answers WHERE at < $1 ORDER BY at LIMIT 100 {SKIP_LOCKED})"
    );
    let forgotten = sqlx::query(AssertSqlSafe(sql)).bind(millis(now.before(KEPT)));
    Ok(forgotten.execute(connection).await?.rows_affected())
}
