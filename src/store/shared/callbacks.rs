//! Callbacks on their way. Whoever adds to a lane or takes from it holds the lane's row first, so that no callback is
//! left without its lane.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection as _, QueryBuilder, Row};

use super::{Connection, Db, SKIP_LOCKED, events};
use crate::base::Timestamp;
use crate::ledger::{Callback, CallbackClaim, CallbackHost, Settled, StoreFault, StoredEvent};
use crate::store::rows::{LaneRow, millis};

/// A callback that was given out.
pub(super) struct Given {
    pub(super) id: u64,
    pub(super) lane: Vec<u8>,
    pub(super) until: Timestamp,
}

/// Keeps the callbacks of events that were just kept, which are due at once.
pub(super) async fn keep(
    connection: &mut Connection,
    mut told: Vec<(i64, &LaneRow)>,
) -> Result<(), StoreFault> {
    told.sort_unstable();
    let lanes: BTreeSet<&LaneRow> = told.iter().map(|(_, lane)| *lane).collect();
    if lanes.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Db>::new("INSERT INTO callback_lanes (lane, url, host, due_at) ");
    query.push_values(lanes, |mut values, row| {
        values.push_bind(row.lane.clone()).push_bind(row.url.clone()).push_bind(row.host.clone());
        values.push_bind(0_i64);
    });
    // It is held from here on.
    query.push(" ON CONFLICT (lane) DO UPDATE SET host = excluded.host");
    query.build().persistent(false).execute(&mut *connection).await?;
    let mut query = QueryBuilder::<Db>::new("INSERT INTO callbacks (lane, event) ");
    query.push_values(told, |mut values, (event, row)| {
        values.push_bind(row.lane.clone()).push_bind(event);
    });
    query.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// The hosts, found from one to the next in the index: there are few, and there may be very many lanes.
pub(super) async fn hosts(connection: &mut Connection) -> Result<Vec<CallbackHost>, StoreFault> {
    let rows = sqlx::query(
        "WITH RECURSIVE hosts (host) AS (SELECT min(host) FROM callback_lanes UNION ALL \
         SELECT (SELECT min(host) FROM callback_lanes WHERE callback_lanes.host > hosts.host) FROM hosts \
         WHERE hosts.host IS NOT NULL) \
         SELECT host, (SELECT min(due_at) FROM callback_lanes WHERE callback_lanes.host = hosts.host) \
         FROM hosts WHERE host IS NOT NULL",
    );
    let mut hosts = Vec::new();
    for row in rows.fetch_all(connection).await? {
        let (host, due_at): (String, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        hosts.extend(due_at.map(|due_at| CallbackHost { host: host.into(), due_at: time(due_at) }));
    }
    Ok(hosts)
}

pub(super) async fn claim(
    connection: &mut Connection,
    claim: CallbackClaim,
) -> Result<Vec<Callback>, StoreFault> {
    let mut whole = connection.begin().await?;
    let sql = format!(
        "WITH due AS MATERIALIZED (SELECT lane FROM callback_lanes WHERE host = $1 AND due_at <= $2 \
         ORDER BY due_at LIMIT $3 {SKIP_LOCKED}) \
         UPDATE callback_lanes SET due_at = $4, tries = tries + 1 WHERE lane IN (SELECT lane FROM due) \
         RETURNING lane, url, tries"
    );
    let due = sqlx::query(AssertSqlSafe(sql)).bind(claim.host.into_string()).bind(millis(claim.now));
    let due = due.bind(i64::from(claim.limit)).bind(millis(claim.until));
    let mut claimed = Vec::new();
    for row in due.fetch_all(&mut *whole).await? {
        let (lane, url, tries): (Vec<u8>, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let Some((id, event)) = first(&mut whole, &lane).await? else { continue };
        let tries = u32::try_from(tries).unwrap_or(u32::MAX);
        let (lane, url, until) = (lane.into(), url.into(), claim.until);
        claimed.push(Callback { id, lane, url, tries, until, event });
    }
    whole.commit().await?;
    Ok(claimed)
}

/// The first callback of a lane that is held. Those whose event has been removed since are gone, those whose event
/// cannot be read are given up, and a lane that has no other is gone as well.
async fn first(connection: &mut Connection, lane: &[u8]) -> Result<Option<(u64, StoredEvent)>, StoreFault> {
    loop {
        let first = sqlx::query(
            "SELECT callbacks.id, events.id, events.body FROM callbacks JOIN events ON events.id = callbacks.event \
             WHERE lane = $1 ORDER BY callbacks.id LIMIT 1",
        );
        let Some(row) = first.bind(lane.to_vec()).fetch_optional(&mut *connection).await? else {
            forget(connection, lane).await?;
            return Ok(None);
        };
        let (id, event): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(event) = events::event(event.unsigned_abs(), row.try_get(2)?) {
            return Ok(Some((id.unsigned_abs(), event)));
        }
        tracing::error!(event, "a callback is given up: its event cannot be read");
        sqlx::query("DELETE FROM callbacks WHERE id = $1").bind(id).execute(&mut *connection).await?;
    }
}

/// Removes a lane with its callbacks.
pub(super) async fn forget(connection: &mut Connection, lane: &[u8]) -> Result<(), StoreFault> {
    for sql in ["DELETE FROM callback_lanes WHERE lane = $1", "DELETE FROM callbacks WHERE lane = $1"] {
        sqlx::query(sql).bind(lane.to_vec()).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn settle(
    connection: &mut Connection,
    given: Given,
    settled: Settled,
) -> Result<(), StoreFault> {
    let mut whole = connection.begin().await?;
    let (due_at, is_over) = match settled {
        Settled::Over(at) => (at, true),
        Settled::Again(at) => (at, false),
    };
    let held = sqlx::query(
        "UPDATE callback_lanes SET due_at = $3, tries = CASE WHEN $4 = 1 THEN 0 ELSE tries END \
         WHERE lane = $1 AND due_at = $2",
    );
    let held = held.bind(given.lane.clone()).bind(millis(given.until)).bind(millis(due_at));
    let is_ours = held.bind(i64::from(is_over)).execute(&mut *whole).await?.rows_affected() == 1;
    if is_over {
        let id = i64::try_from(given.id).unwrap_or(i64::MAX);
        sqlx::query("DELETE FROM callbacks WHERE id = $1").bind(id).execute(&mut *whole).await?;
    }
    if is_over && is_ours {
        let empty = "DELETE FROM callback_lanes WHERE lane = $1 \
                     AND NOT EXISTS (SELECT 1 FROM callbacks WHERE callbacks.lane = callback_lanes.lane)";
        sqlx::query(empty).bind(given.lane).execute(&mut *whole).await?;
    }
    Ok(whole.commit().await?)
}

pub(super) async fn waiting(connection: &mut Connection) -> Result<u64, StoreFault> {
    let row = sqlx::query("SELECT count(*) FROM callbacks").fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis.unsigned_abs())
}
