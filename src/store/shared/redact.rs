//! Erasing a party: finding every row whose text has its digits, and writing those rows anew without them. A row is held
//! from reading it to writing it, and rows are held in the order of their ids, as whoever keeps them does.

use sqlx::{AssertSqlSafe, Connection as _, Row};

use super::{Connection, FOR_UPDATE, Query, callbacks, events};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{
    CallRecord, Channel, Event, EventKind, Former, Redacted, Session, SessionId, StoreFault,
};
use crate::session;
use crate::store::erase;
use crate::store::rows::{CallRow, EventRow, bytes, caller, digits, json, millis, read};
use crate::store::spelling::{SEPARATORS, Spelling};

/// Rows that are erased together.
const PART: usize = 100;
/// Sessions that are: with each its channels are held.
const SESSIONS: usize = 1;

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
        let sessions = chunks(self.sessions, SESSIONS).map(|sessions| Found { sessions, ..Found::default() });
        let calls = chunks(self.calls, PART).map(|calls| Found { calls, ..Found::default() });
        let events = chunks(self.events, PART).map(|events| Found { events, ..Found::default() });
        let lanes = chunks(self.lanes, PART).map(|lanes| Found { lanes, ..Found::default() });
        sessions.chain(calls).chain(events).chain(lanes)
    }
}

fn chunks<T>(all: Vec<T>, length: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = all.into_iter();
    std::iter::from_fn(move || {
        Some(rest.by_ref().take(length).collect()).filter(|part: &Vec<T>| !part.is_empty())
    })
}

/// A column without what may stand between the digits of a number.
fn bare(column: &str) -> String {
    SEPARATORS
        .iter()
        .fold(column.to_owned(), |column, separator| format!("replace({column}, '{separator}', '')"))
}

pub(super) async fn find(connection: &mut Connection, party: PhoneNumber) -> Result<Found, StoreFault> {
    let pattern = format!("%{}%", Spelling::of(party).end());
    let ids =
        |table| AssertSqlSafe(format!("SELECT id FROM {table} WHERE {} LIKE $1 ORDER BY id", bare("body")));
    let mut found = Found::default();
    let rows = sqlx::query(ids("sessions")).bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.sessions.push(row.try_get(0)?);
    }
    let rows = sqlx::query(ids("calls")).bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.calls.push(row.try_get(0)?);
    }
    let rows = sqlx::query(ids("events")).bind(pattern.clone());
    for row in rows.fetch_all(&mut *connection).await? {
        found.events.push(row.try_get(0)?);
    }
    let lanes = format!("SELECT lane, url FROM callback_lanes WHERE {} LIKE $1 ORDER BY lane", bare("url"));
    let rows = sqlx::query(AssertSqlSafe(lanes)).bind(pattern);
    for row in rows.fetch_all(&mut *connection).await? {
        if erase::is_in(row.try_get(1)?, party) {
            found.lanes.push(row.try_get(0)?);
        }
    }
    Ok(found)
}

/// What was erased: how many rows, and the sessions as they are now; and what is told of those that were closed by it.
#[derive(Default)]
pub(super) struct Erased {
    pub(super) count: Redacted,
    pub(super) sessions: Vec<Session>,
    pub(super) closed: Vec<Event>,
}

/// Erases a party in some rows.
pub(super) async fn erase(
    connection: &mut Connection,
    party: PhoneNumber,
    now: Timestamp,
    part: Found,
    status_url: Option<&str>,
) -> Result<Erased, StoreFault> {
    let mut whole = connection.begin().await?;
    let mut erased = Erased::default();
    for id in part.sessions {
        erased.count.sessions += u64::from(session(&mut whole, id, party, now, &mut erased).await?);
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
    let closed: Vec<_> = erased.closed.iter().map(|event| EventRow::new(event, status_url)).collect();
    events::keep(&mut whole, &closed).await?;
    whole.commit().await?;
    Ok(erased)
}

/// What takes the place of a row's body.
enum Anew<T> {
    Read(T),
    /// It cannot be read: another version has written it, or it is damaged.
    Text(String),
}

/// A row is held, and its body changed. `None` where the row is gone or nothing is to be changed.
async fn body<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    query: Query<'_>,
    party: PhoneNumber,
    change: impl FnOnce(&mut T) -> bool,
) -> Result<Option<Anew<T>>, StoreFault> {
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    let body: &str = row.try_get(0)?;
    let Ok(mut value) = read(body) else {
        let text = erase::foreign_body(body, party);
        if text.is_some() {
            tracing::error!("a row that cannot be read has the number of a party: it is erased as a text");
        }
        return Ok(text.map(Anew::Text));
    };
    Ok(change(&mut value).then_some(Anew::Read(value)))
}

/// The body of a row in a table, which is held until the end.
fn held(table: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT body FROM {table} WHERE id = $1 {FOR_UPDATE}"))
}

async fn session(
    connection: &mut Connection,
    id: Vec<u8>,
    party: PhoneNumber,
    now: Timestamp,
    erased: &mut Erased,
) -> Result<bool, StoreFault> {
    let query = sqlx::query(held("sessions")).bind(id.clone());
    let mut gone: Vec<Channel> = Vec::new();
    let mut was_open = false;
    let change = |session: &mut Session| {
        let before = session.clone();
        was_open = before.closed_at.is_none() && now < before.expires_at;
        let is_changed = erase::session(session, party, now);
        if session.channels() != before.channels() {
            gone.extend(session.channels());
        }
        let former = before.former.iter().filter(|former| former.party.number == Some(party));
        gone.extend(former.map(Former::channel));
        is_changed
    };
    let changed = body(connection, query, party, change).await?;
    let session: Session = match changed {
        None => return Ok(false),
        Some(Anew::Read(session)) => session,
        Some(Anew::Text(body)) => return foreign_session(connection, id, party, body).await,
    };
    let written = sqlx::query(
        "UPDATE sessions SET first = $2, second = $3, reference = $4, closed_at = $5, free_at = $6, \
         version = $7, body = $8 WHERE id = $1",
    )
    .bind(id)
    .bind(session.first.number.map(digits))
    .bind(session.second.number.map(digits))
    .bind(session.reference.as_deref().map(str::to_owned))
    .bind(session.closed_at.map(millis))
    .bind(millis(session.rests_until()))
    .bind(i64::from(session.version))
    .bind(json(&session));
    written.execute(&mut *connection).await?;
    let_go(connection, session.id, gone, party).await?;
    let is_closed_now = was_open && session.closed_at.is_some();
    erased.closed.extend(is_closed_now.then(|| session::event(EventKind::SessionClosed, &session, now)));
    erased.sessions.push(session);
    Ok(true)
}

async fn foreign_session(
    connection: &mut Connection,
    id: Vec<u8>,
    party: PhoneNumber,
    body: String,
) -> Result<bool, StoreFault> {
    let written = sqlx::query(
        "UPDATE sessions SET first = nullif(first, $2), second = nullif(second, $2), reference = NULL, body = $3 \
         WHERE id = $1",
    );
    written.bind(id.clone()).bind(digits(party)).bind(body).execute(&mut *connection).await?;
    let released = sqlx::query("DELETE FROM channels WHERE session = $1 AND caller = $2");
    released.bind(id).bind(digits(party)).execute(connection).await?;
    Ok(true)
}

/// Takes channels from a session: those of the party, which name it, and where it is over by that, the other one.
async fn let_go(
    connection: &mut Connection,
    id: SessionId,
    mut channels: Vec<Channel>,
    party: PhoneNumber,
) -> Result<(), StoreFault> {
    channels.sort_unstable();
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
    let query = sqlx::query(held("calls")).bind(id.clone());
    let change = |record: &mut CallRecord| erase::record(record, party);
    let written = match body(connection, query, party, change).await? {
        None => return Ok(false),
        Some(Anew::Read(record)) => {
            let row = CallRow::new(&record, true);
            let written = sqlx::query(
                "UPDATE calls SET caller = $2, destination = $3, dialled = $4, shown = $5, body = $6 WHERE id = $1",
            );
            let written = written.bind(id).bind(row.caller).bind(row.destination);
            written.bind(row.dialled).bind(row.shown).bind(row.body)
        }
        Some(Anew::Text(body)) => {
            let written = sqlx::query(
                "UPDATE calls SET caller = nullif(caller, $2), destination = nullif(destination, $2), \
                 dialled = nullif(dialled, $2), shown = nullif(shown, $2), body = $3 WHERE id = $1",
            );
            written.bind(id).bind(digits(party)).bind(body)
        }
    };
    Ok(written.execute(connection).await?.rows_affected() == 1)
}

async fn event(connection: &mut Connection, id: i64, party: PhoneNumber) -> Result<bool, StoreFault> {
    let query = sqlx::query(held("events")).bind(id);
    let change = |event: &mut Event| erase::event(event, party);
    let body = match body(connection, query, party, change).await? {
        None => return Ok(false),
        Some(Anew::Read(event)) => json(&event),
        Some(Anew::Text(body)) => body,
    };
    // The digest stays, which has no numbers in it: what brings the event again adds nothing.
    let written = sqlx::query("UPDATE events SET body = $2 WHERE id = $1");
    Ok(written.bind(id).bind(body).execute(connection).await?.rows_affected() == 1)
}
