//! Sessions and their channels: the (number dialled, caller) that lead into one, each held by one session at a time.

use sqlx::{Connection as _, Row};
use tokio::sync::mpsc::Sender;

use super::answers::{self, Hidden};
use super::{Connection, Query, events};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Answered, Changed, Created, Former, Loaded, NewSession, Session, SessionId, StoreFault};
use crate::store::rows::{EventRow, bytes, caller, digits, json, millis, read};

/// Sessions that are read at a time.
const CHUNK: i64 = 2000;

/// A (number dialled, caller).
type Channel = (PhoneNumber, Option<PhoneNumber>);

pub(crate) async fn by_id(connection: &mut Connection, id: SessionId) -> Result<Option<Session>, StoreFault> {
    one(connection, sqlx::query("SELECT body FROM sessions WHERE id = $1").bind(bytes(id))).await
}

pub(super) async fn by_reference(
    connection: &mut Connection,
    reference: String,
) -> Result<Option<Session>, StoreFault> {
    one(connection, sqlx::query("SELECT body FROM sessions WHERE reference = $1").bind(reference)).await
}

async fn one(connection: &mut Connection, query: Query<'_>) -> Result<Option<Session>, StoreFault> {
    let row = query.fetch_optional(connection).await?;
    row.map(|row| read(row.try_get(0)?)).transpose()
}

/// Hands over all whose numbers are not free, a chunk at a time.
pub(super) async fn load(
    connection: &mut Connection,
    now: Timestamp,
    sender: &Sender<Vec<Loaded>>,
) -> Result<(), StoreFault> {
    // Behind every id of a session that was free at this moment.
    let mut last = (millis(now), vec![u8::MAX; 17]);
    loop {
        let rows = sqlx::query(
            "SELECT free_at, id, body FROM sessions WHERE (free_at, id) > ($1, $2) ORDER BY free_at, id LIMIT $3",
        );
        let rows = rows.bind(last.0).bind(last.1).bind(CHUNK).fetch_all(&mut *connection).await?;
        let Some(end) = rows.last() else { return Ok(()) };
        last = (end.try_get(0)?, end.try_get(1)?);
        let sessions = rows.iter().map(|row| Ok(Loaded::Session(Box::new(read(row.try_get(2)?)?))));
        let chunk = sessions.collect::<Result<Vec<_>, StoreFault>>()?;
        if sender.send(chunk).await.is_err() {
            return Ok(());
        }
    }
}

/// Keeps a new session, or nothing of it: what is begun and not committed is undone. Its event comes last, since no
/// other node adds one until the end.
pub(super) async fn create(
    connection: &mut Connection,
    new: NewSession,
    key: Option<Hidden>,
    event: EventRow,
) -> Result<Created, StoreFault> {
    let NewSession { session, key: asked, now, .. } = new;
    let mut whole = connection.begin().await?;
    if let (Some(key), Some((_, body))) = (key, asked) {
        let answered = Answered { body, id: session.id.to_string().into(), at: now };
        if !answers::note(&mut whole, &key, &answered).await? {
            return repeat(&mut whole, &key, body).await;
        }
    }
    let added = sqlx::query(
        "INSERT INTO sessions (id, first, second, first_dials, second_dials, pool, reference, created_at, \
         starts_at, expires_at, closed_at, free_at, version, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
    );
    if bind(added, &session).execute(&mut *whole).await?.rows_affected() == 0 {
        return twin(&mut whole, &session).await;
    }
    if let Some((dialled, caller)) = claim(&mut whole, &session, now).await? {
        return Ok(Created::ChannelTaken(dialled, caller));
    }
    events::keep(&mut whole, &[event]).await?;
    whole.commit().await?;
    Ok(Created::New)
}

/// What a key stands for already.
async fn repeat(connection: &mut Connection, key: &Hidden, body: [u8; 32]) -> Result<Created, StoreFault> {
    let answered = answers::of(connection, key).await?.filter(|answered| answered.body == body);
    let Some(id) = answered.and_then(|answered| answered.id.parse().ok()) else {
        return Ok(Created::KeyReused);
    };
    let session = by_id(connection, id).await?;
    Ok(session.map_or(Created::KeyReused, |session| Created::Repeat(Box::new(session))))
}

/// The session with this id or this reference.
async fn twin(connection: &mut Connection, session: &Session) -> Result<Created, StoreFault> {
    let found = sqlx::query("SELECT body FROM sessions WHERE id = $1 OR reference = $2")
        .bind(bytes(session.id))
        .bind(session.reference.as_deref().map(str::to_owned));
    match one(connection, found).await? {
        Some(twin) if twin.id == session.id => Ok(Created::Repeat(Box::new(twin))),
        Some(twin) => Ok(Created::ReferenceTaken(Box::new(twin))),
        None => Err(StoreFault::Unavailable("the session of this reference is being removed".to_owned())),
    }
}

fn bind<'q>(query: Query<'q>, session: &Session) -> Query<'q> {
    query
        .bind(bytes(session.id))
        .bind(session.first.number.map(digits))
        .bind(session.second.number.map(digits))
        .bind(digits(session.first.dials))
        .bind(digits(session.second.dials))
        .bind(session.pool.as_deref().map(str::to_owned))
        .bind(session.reference.as_deref().map(str::to_owned))
        .bind(millis(session.created_at))
        .bind(millis(session.starts_at))
        .bind(millis(session.expires_at))
        .bind(session.closed_at.map(millis))
        .bind(millis(session.rests_until()))
        .bind(i64::from(session.version))
        .bind(json(session))
}

/// Takes both channels for a session, or tells which of them another one holds. In one order on every node, so that
/// none waits for another in a circle.
async fn claim(
    connection: &mut Connection,
    session: &Session,
    now: Timestamp,
) -> Result<Option<Channel>, StoreFault> {
    let mut channels = session.channels();
    channels.sort_unstable();
    let claimed = sqlx::query(
        "INSERT INTO channels (dialled, caller, session, free_at) VALUES ($1, $2, $5, $6), ($3, $4, $5, $6) \
         ON CONFLICT (dialled, caller) DO UPDATE SET session = excluded.session, free_at = excluded.free_at \
         WHERE channels.free_at <= $7 OR channels.session = excluded.session",
    );
    let claimed = on(claimed, &channels).bind(bytes(session.id)).bind(millis(session.free_at()));
    if claimed.bind(millis(now)).execute(&mut *connection).await?.rows_affected() == 2 {
        return Ok(None);
    }
    let taken = sqlx::query(
        "SELECT dialled, caller FROM channels \
         WHERE (dialled = $1 AND caller = $2 OR dialled = $3 AND caller = $4) AND session <> $5 LIMIT 1",
    );
    let taken = on(taken, &channels).bind(bytes(session.id)).fetch_optional(connection).await?;
    let key =
        taken.map(|row| Ok::<(i64, i64), StoreFault>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
    let is_it = |channel: &Channel| key == Some((digits(channel.0), caller(channel.1)));
    // Where the other has let go of it since, it is taken all the same: nothing was claimed.
    Ok(Some(channels.into_iter().find(is_it).unwrap_or(channels[0])))
}

fn on<'q>(query: Query<'q>, channels: &[Channel; 2]) -> Query<'q> {
    channels.iter().fold(query, |query, channel| query.bind(digits(channel.0)).bind(caller(channel.1)))
}

pub(super) async fn change(
    connection: &mut Connection,
    session: Session,
    event: EventRow,
    now: Timestamp,
) -> Result<Changed, StoreFault> {
    let mut whole = connection.begin().await?;
    let Some(old) = by_id(&mut whole, session.id).await? else { return Ok(Changed::Stale) };
    let changed = replace(&mut whole, &old, &session, now).await?;
    if changed == Changed::Done {
        events::keep(&mut whole, &[event]).await?;
        whole.commit().await?;
    }
    Ok(changed)
}

/// Puts a session in place of the version before, with its channels; where it is not [`Changed::Done`], the caller
/// undoes what was begun.
pub(super) async fn replace(
    connection: &mut Connection,
    old: &Session,
    session: &Session,
    now: Timestamp,
) -> Result<Changed, StoreFault> {
    if session.version != old.version + 1 {
        return Ok(Changed::Stale);
    }
    let replaced = sqlx::query(
        "UPDATE sessions SET first = $2, second = $3, first_dials = $4, second_dials = $5, pool = $6, \
         reference = $7, created_at = $8, starts_at = $9, expires_at = $10, closed_at = $11, free_at = $12, \
         version = $13, body = $14 WHERE id = $1 AND version = $13 - 1",
    );
    if bind(replaced, session).execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(Changed::Stale);
    }
    let holds = session.free_at() > now;
    let mut let_go = old.channels();
    let_go.sort_unstable();
    for channel in let_go {
        let former = session.former.iter().find(|former| former.channel() == channel);
        match former {
            _ if holds && session.channels().contains(&channel) => {}
            Some(former) => rest(connection, session.id, former).await?,
            None => release(connection, session.id, channel).await?,
        }
    }
    let taken = if holds { claim(connection, session, now).await? } else { None };
    Ok(taken.map_or(Changed::Done, |(dialled, caller)| Changed::ChannelTaken(dialled, caller)))
}

/// Keeps what a session has no more from others for as long as it rests.
async fn rest(connection: &mut Connection, id: SessionId, former: &Former) -> Result<(), StoreFault> {
    let (dialled, party) = former.channel();
    let rests =
        sqlx::query("UPDATE channels SET free_at = $4 WHERE dialled = $1 AND caller = $2 AND session = $3");
    let rests = rests.bind(digits(dialled)).bind(caller(party)).bind(bytes(id));
    rests.bind(millis(former.free_at)).execute(connection).await?;
    Ok(())
}

async fn release(connection: &mut Connection, id: SessionId, channel: Channel) -> Result<(), StoreFault> {
    let released = sqlx::query("DELETE FROM channels WHERE dialled = $1 AND caller = $2 AND session = $3");
    released.bind(digits(channel.0)).bind(caller(channel.1)).bind(bytes(id)).execute(connection).await?;
    Ok(())
}

/// The numbers of the pair's last session, whichever of the two was first in it.
pub(super) async fn last_numbers(
    connection: &mut Connection,
    first: PhoneNumber,
    second: PhoneNumber,
) -> Result<Option<[PhoneNumber; 2]>, StoreFault> {
    let last = sqlx::query(
        "SELECT body FROM sessions WHERE first = $1 AND second = $2 OR first = $2 AND second = $1 \
         ORDER BY created_at DESC, id DESC LIMIT 1",
    );
    let last = one(connection, last.bind(digits(first)).bind(digits(second))).await?;
    Ok(last.map(|session| {
        let dials = [session.first.dials, session.second.dials];
        if session.first.number == Some(first) { dials } else { [dials[1], dials[0]] }
    }))
}
