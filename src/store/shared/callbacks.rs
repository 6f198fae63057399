//! Callbacks on their way. Whoever adds to a lane or takes from it holds the lane's row first, so that no callback is
//! left without its lane.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::SystemTime;

use sqlx::{AssertSqlSafe, Connection as _, QueryBuilder, Row};

use super::{Connection, Db, SKIP_LOCKED, events};
use crate::base::Timestamp;
use crate::ledger::{Callback, CallbackClaim, CallbackHost, Settled, StoreFault, StoredEvent};
use crate::store::rows::{LaneRow, millis};

/// Callbacks whose age is looked at together, and that are given up together.
const LOOKED_AT: i64 = 1000;
const GIVEN_UP: usize = 100;

/// A callback that was given out.
pub(super) struct Given {
    pub(super) id: u64,
    pub(super) lane: Vec<u8>,
    pub(super) until: Timestamp,
}

/// Keeps the callbacks of events that were just kept, each with its place and its time. A lane that they begin is due
/// since then, so that whoever has waited longest comes first: but no later than now, where a clock was ahead.
pub(super) async fn keep(
    connection: &mut Connection,
    mut told: Vec<(i64, i64, &LaneRow)>,
) -> Result<(), StoreFault> {
    told.sort_unstable();
    let now = millis(now());
    let mut lanes: BTreeMap<&LaneRow, i64> = BTreeMap::new();
    for (_, at, lane) in &told {
        lanes.entry(lane).or_insert((*at).min(now));
    }
    if lanes.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Db>::new("INSERT INTO callback_lanes (lane, url, host, due_at) ");
    query.push_values(lanes, |mut values, (row, due_at)| {
        values.push_bind(row.lane.clone()).push_bind(row.url.clone()).push_bind(row.host.clone());
        values.push_bind(due_at);
    });
    // It is held from here on.
    query.push(" ON CONFLICT (lane) DO UPDATE SET host = excluded.host");
    query.build().persistent(false).execute(&mut *connection).await?;
    let mut query = QueryBuilder::<Db>::new("INSERT INTO callbacks (lane, event) ");
    query.push_values(told, |mut values, (event, _, row)| {
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
    let id = in_column(given.id);
    // The next of a lane is due since its own event.
    let held = sqlx::query(
        "UPDATE callback_lanes SET tries = CASE WHEN $4 = 1 THEN 0 ELSE tries END, \
         due_at = CASE WHEN $4 = 1 THEN coalesce((SELECT events.at FROM callbacks \
         JOIN events ON events.id = callbacks.event WHERE callbacks.lane = callback_lanes.lane \
         AND callbacks.id > $5 AND events.at < $3 ORDER BY callbacks.id LIMIT 1), $3) ELSE $3 END \
         WHERE lane = $1 AND due_at = $2",
    );
    let held = held.bind(given.lane.clone()).bind(millis(given.until)).bind(millis(due_at));
    let held = held.bind(i64::from(is_over)).bind(id);
    let is_ours = held.execute(&mut *whole).await?.rows_affected() == 1;
    if is_over {
        sqlx::query("DELETE FROM callbacks WHERE id = $1").bind(id).execute(&mut *whole).await?;
    }
    if is_over && is_ours {
        forget_empty(&mut whole, &given.lane).await?;
    }
    Ok(whole.commit().await?)
}

/// Removes a lane that is held, where it has no callback left.
async fn forget_empty(connection: &mut Connection, lane: &[u8]) -> Result<(), StoreFault> {
    let empty = "DELETE FROM callback_lanes WHERE lane = $1 \
                 AND NOT EXISTS (SELECT 1 FROM callbacks WHERE callbacks.lane = callback_lanes.lane)";
    sqlx::query(empty).bind(lane.to_vec()).execute(connection).await?;
    Ok(())
}

/// The place of the last callback that waits, or 0.
pub(super) async fn last(connection: &mut Connection) -> Result<u64, StoreFault> {
    let row = sqlx::query("SELECT max(id) FROM callbacks").fetch_one(connection).await?;
    let last: Option<i64> = row.try_get(0)?;
    Ok(last.unwrap_or_default().unsigned_abs())
}

/// A part of the queue.
pub(super) struct Part {
    /// How far it goes.
    pub(super) place: u64,
    /// The lane and the place of each that is too old, in small parts.
    pub(super) old: Vec<Vec<(Vec<u8>, i64)>>,
}

/// The next part behind a place, and what of it is from before a moment, or has no event any more.
pub(super) async fn old(
    connection: &mut Connection,
    before: Timestamp,
    places: Range<u64>,
) -> Result<Part, StoreFault> {
    let rows = sqlx::query(
        "SELECT callbacks.id, callbacks.lane, events.at FROM callbacks LEFT JOIN events ON events.id = callbacks.event \
         WHERE callbacks.id > $1 AND callbacks.id <= $2 ORDER BY callbacks.id LIMIT $3",
    );
    let rows = rows.bind(in_column(places.start)).bind(in_column(places.end)).bind(LOOKED_AT);
    let (mut end, mut old) = (places.start, Vec::new());
    for row in rows.fetch_all(connection).await? {
        let (id, at): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(2)?);
        end = id.unsigned_abs();
        if at.is_none_or(|at| at < millis(before)) {
            old.push((row.try_get(1)?, id));
        }
    }
    let end = if end == places.start { places.end } else { end };
    Ok(Part { place: end, old: old.chunks(GIVEN_UP).map(<[_]>::to_vec).collect() })
}

/// Gives up callbacks, each by its lane and its place; how many were there. The next of a lane begins with its own
/// first try, when the lane is due.
pub(super) async fn give_up(
    connection: &mut Connection,
    mut old: Vec<(Vec<u8>, i64)>,
) -> Result<u64, StoreFault> {
    // Everyone takes lanes in this order.
    old.sort_unstable();
    let mut whole = connection.begin().await?;
    let mut count = 0;
    for of_lane in old.chunk_by(|one, next| one.0 == next.0) {
        let lane = &of_lane[0].0;
        let held = sqlx::query("UPDATE callback_lanes SET tries = 0 WHERE lane = $1").bind(lane.clone());
        held.execute(&mut *whole).await?;
        for (_, id) in of_lane {
            let gone = sqlx::query("DELETE FROM callbacks WHERE id = $1").bind(*id);
            count += gone.execute(&mut *whole).await?.rows_affected();
        }
        forget_empty(&mut whole, lane).await?;
    }
    whole.commit().await?;
    Ok(count)
}

pub(super) async fn waiting(connection: &mut Connection) -> Result<u64, StoreFault> {
    let row = sqlx::query("SELECT count(*) FROM callbacks").fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis.unsigned_abs())
}

fn in_column(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the edge: what is kept now is due now at the latest")]
fn now() -> Timestamp {
    SystemTime::now().into()
}
