//! Erasing a party: finding every row whose text has its digits, and writing those rows anew without them.

use sqlx::{Connection as _, Row};

use super::{Connection, Query, callbacks};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallRecord, Channel, Former, Redacted, Session, SessionId, StoreFault};
use crate::store::erase;
use crate::store::rows::{CallRow, bytes, caller, digits, json, millis, read};

/// Rows that are erased together.
const PART: usize = 100;

/// Rows that may have the party's digits.
#[derive(Default)]
pub(super) struct Found {
    sessions: Vec<Vec<u8>>,
    calls: Vec<String>,
    events: Vec<i64>,
    lanes: Vec<Vec<u8>>,
}

impl Found {
    /// The same, few at a time.
    pub(super) fn parts(self) -> impl Iterator<Item = Found> {
        let sessions = chunks(self.sessions).map(|sessions| Found { sessions, ..Found::default() });
        let calls = chunks(self.calls).map(|calls| Found { calls, ..Found::default() });
        let events = chunks(self.events).map(|events| Found { events, ..Found::default() });
        let lanes = chunks(self.lanes).map(|lanes| Found { lanes, ..Found::default() });
        sessions.chain(calls).chain(events).chain(lanes)
    }
}

fn chunks<T>(all: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = all.into_iter();
    std::iter::from_fn(move || {
        Some(rest.by_ref().take(PART).collect()).filter(|part: &Vec<T>| !part.is_empty())
    })
}

pub(super) async fn find(connection: &mut Connection, party: PhoneNumber) -> Result<Found, StoreFault> {
    let pattern = format!("%{}%", digits(party));
    let mut found = Found::default();
    let rows = sqlx::query("SELECT id FROM sessions WHERE body LIKE $1").bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.sessions.push(row.try_get(0)?);
    }
    let rows = sqlx::query("SELECT id FROM calls WHERE body LIKE $1").bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.calls.push(row.try_get(0)?);
    }
    let rows = sqlx::query("SELECT id FROM events WHERE body LIKE $1").bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.events.push(row.try_get(0)?);
    }
    let rows =
        sqlx::query("SELECT lane, url FROM callback_lanes WHERE url LIKE $1 ORDER BY lane").bind(pattern);
    for row in rows.fetch_all(&mut *connection).await? {
        if erase::is_in(row.try_get(1)?, party) {
            found.lanes.push(row.try_get(0)?);
        }
    }
    Ok(found)
}

/// What was erased: how many rows, and the sessions as they are now.
pub(super) struct Erased {
    pub(super) count: Redacted,
    pub(super) sessions: Vec<Session>,
}

/// Erases a party in some rows.
pub(super) async fn erase(
    connection: &mut Connection,
    party: PhoneNumber,
    now: Timestamp,
    part: Found,
) -> Result<Erased, StoreFault> {
    let mut whole = connection.begin().await?;
    let mut erased = Erased { count: Redacted::default(), sessions: Vec::new() };
    for id in part.sessions {
        erased.sessions.extend(session(&mut whole, id, party, now).await?);
    }
    for id in part.calls {
        erased.count.calls += u64::from(call(&mut whole, id, party).await?);
    }
    for id in part.events {
        erased.count.events += u64::from(event(&mut whole, id, party).await?);
    }
    for lane in part.lanes {
        // Nobody can be called at a URL without its number.
        callbacks::forget(&mut whole, &lane).await?;
    }
    whole.commit().await?;
    erased.count.sessions = erased.sessions.len() as u64;
    Ok(erased)
}

/// The body of a row, and what becomes of it: `None` where the row is gone or nothing is to be changed.
async fn body<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    query: Query<'_>,
    change: impl FnOnce(&mut T) -> bool,
) -> Result<Option<T>, StoreFault> {
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    let mut value = read(row.try_get(0)?)?;
    Ok(change(&mut value).then_some(value))
}

async fn session(
    connection: &mut Connection,
    id: Vec<u8>,
    party: PhoneNumber,
    now: Timestamp,
) -> Result<Option<Session>, StoreFault> {
    let query = sqlx::query("SELECT body FROM sessions WHERE id = $1").bind(id);
    let mut former = Vec::new();
    let change = |session: &mut Session| {
        former.clone_from(&session.former);
        erase::session(session, party, now)
    };
    let Some(session) = body(connection, query, change).await? else { return Ok(None) };
    let written = sqlx::query(
        "UPDATE sessions SET first = $2, second = $3, reference = $4, closed_at = $5, free_at = $6, \
         version = $7, body = $8 WHERE id = $1 AND version = $7 - 1",
    )
    .bind(bytes(session.id))
    .bind(session.first.number.map(digits))
    .bind(session.second.number.map(digits))
    .bind(session.reference.as_deref().map(str::to_owned))
    .bind(session.closed_at.map(millis))
    .bind(millis(session.rests_until()))
    .bind(i64::from(session.version))
    .bind(json(&session));
    if written.execute(&mut *connection).await?.rows_affected() == 0 {
        // Changed meanwhile: the next round finds it again.
        return Ok(None);
    }
    former.retain(|former| former.party.number == Some(party));
    let channels = former.iter().map(Former::channel).chain(session.channels()).collect();
    let_go(connection, session.id, channels, party).await?;
    Ok(Some(session))
}

/// The session is over, and its channels with it: those of the party, which name it, and the other one.
async fn let_go(
    connection: &mut Connection,
    id: SessionId,
    channels: Vec<Channel>,
    party: PhoneNumber,
) -> Result<(), StoreFault> {
    for (dialled, known) in channels {
        let released = sqlx::query(
            "DELETE FROM channels WHERE dialled = $1 AND (caller = $2 OR caller = $3) AND session = $4",
        );
        let released = released.bind(digits(dialled)).bind(caller(known)).bind(digits(party));
        released.bind(bytes(id)).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn call(connection: &mut Connection, id: String, party: PhoneNumber) -> Result<bool, StoreFault> {
    let query = sqlx::query("SELECT body FROM calls WHERE id = $1").bind(id.clone());
    let changed = body(connection, query, |record: &mut CallRecord| erase::record(record, party)).await?;
    let Some(record) = changed else { return Ok(false) };
    let row = CallRow::new(&record, true);
    let written = sqlx::query(
        "UPDATE calls SET caller = $2, destination = $3, dialled = $4, shown = $5, body = $6 WHERE id = $1",
    );
    let written = written.bind(id).bind(row.caller).bind(row.destination).bind(row.dialled).bind(row.shown);
    Ok(written.bind(row.body).execute(connection).await?.rows_affected() == 1)
}

async fn event(connection: &mut Connection, id: i64, party: PhoneNumber) -> Result<bool, StoreFault> {
    let query = sqlx::query("SELECT body FROM events WHERE id = $1").bind(id);
    let Some(event) = body(connection, query, |event| erase::event(event, party)).await? else {
        return Ok(false);
    };
    // The digest stays, which has no numbers in it: what brings the event again adds nothing.
    let written = sqlx::query("UPDATE events SET body = $2 WHERE id = $1");
    Ok(written.bind(id).bind(json(&event)).execute(connection).await?.rows_affected() == 1)
}
