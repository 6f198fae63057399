//! Changing, reopening and closing a session.

use super::rules::{self, Rules, invalid};
use super::{Change, Fault, Sessions, event};
use crate::base::Timestamp;
use crate::ledger::{Changed, EventKind, Session, SessionId, SessionStatus};
use crate::route::Ours;

/// How often a change is made anew where others changed the session at the same time.
const ATTEMPTS: usize = 8;

impl Sessions {
    pub(super) async fn amend(
        &self,
        id: SessionId,
        change: &Change,
        now: Timestamp,
    ) -> Result<Session, Fault> {
        for _ in 0..ATTEMPTS {
            let stood = self.fetch(id).await?;
            let index = (self.in_force)();
            let rules = Rules { ours: Ours { index: &index, book: &self.book }, now };
            if change.version.is_some_and(|version| version != stood.version) {
                return Err(Fault::Contended);
            }
            let mut session = amended(rules, &stood, change)?;
            if session == stood && !change.claims {
                // A commit may have been made that nobody here has heard of.
                self.book.put(&session);
                return Ok(session);
            }
            session.version += 1;
            let taken = |(number, party)| Fault::ChannelTaken { number, party };
            let _hold = self.hold(&session, now).map_err(taken)?;
            if matches!(stood.status(now), SessionStatus::Closed | SessionStatus::Expired) {
                // Once its numbers are held, nobody takes them out of the inventory.
                rules.stands(&session)?;
            }
            if self.commit(&session, EventKind::SessionChanged, now).await? {
                return Ok(session);
            }
        }
        Err(Fault::Contended)
    }

    /// Closes a session; where a version is meant, that one and no other.
    pub(super) async fn end(
        &self,
        id: SessionId,
        version: Option<u32>,
        now: Timestamp,
    ) -> Result<Session, Fault> {
        for _ in 0..ATTEMPTS {
            let mut session = self.fetch(id).await?;
            if version.is_some_and(|version| version != session.version) {
                return Err(Fault::Contended);
            }
            if session.closed_at.is_some() {
                self.book.put(&session);
                return Ok(session);
            }
            session.closed_at = Some(now);
            session.version += 1;
            if self.commit(&session, EventKind::SessionClosed, now).await? {
                return Ok(session);
            }
        }
        Err(Fault::Contended)
    }

    /// Keeps the next version of a session. False where another version has come before.
    async fn commit(&self, session: &Session, kind: EventKind, now: Timestamp) -> Result<bool, Fault> {
        match self.store.change_session(session, &event(kind, session, now), now).await? {
            Changed::Done => {
                self.book.put(session);
                Ok(true)
            }
            Changed::Stale => Ok(false),
            Changed::ChannelTaken(number, party) => Err(Fault::ChannelTaken { number, party }),
        }
    }

    /// A session as it is stored, with what calls have done to it since and the store may not know yet.
    async fn fetch(&self, id: SessionId) -> Result<Session, Fault> {
        let mut session = self.store.session(id).await?.ok_or(Fault::NotFound)?;
        let live = self.book.session(id).filter(|live| live.version <= session.version);
        if let Some(live) = live.filter(|live| !live.is_closed && session.closed_at.is_none()) {
            if session.sliding_expiry.is_some() && live.version >= session.expiry_version {
                session.expires_at = session.expires_at.max(live.expires_at);
            }
            session.second.number = session.second.number.or(live.second.number);
        }
        Ok(session)
    }
}

/// The session as it is to be.
fn amended(rules: Rules<'_>, stood: &Session, change: &Change) -> Result<Session, Fault> {
    let mut session = stood.clone();
    match stood.status(rules.now) {
        over @ (SessionStatus::Closed | SessionStatus::Expired) if !change.reopen => {
            return Err(Fault::Over(over));
        }
        _ => session.closed_at = None,
    }
    set_channels(rules, &mut session, change)?;
    set_terms(rules, &mut session, change)?;
    session.rest(stood, rules.now);
    if session.expires_at <= rules.now {
        return Err(invalid("session_expiry", "has passed: give a new one to reopen the session"));
    }
    Ok(session)
}

/// Its parties, and what they dial.
fn set_channels(rules: Rules<'_>, session: &mut Session, change: &Change) -> Result<(), Fault> {
    let before = session.channels();
    if let Some(first) = change.first_party {
        rules.party("first_party", first)?;
        session.first.number = Some(first);
    }
    if let Some(second) = change.second_party {
        rules.party("second_party", second)?;
        session.second.number = Some(second);
    }
    rules.parties(session.first.number, session.second.number)?;
    if let Some(number) = change.first_party_number.filter(|number| *number != session.first.dials) {
        rules.dials("first_party_number", number)?;
        (session.first.dials, session.pool) = (number, None);
    }
    if let Some(number) = change.second_party_number.filter(|number| *number != session.second.dials) {
        rules.dials("second_party_number", number)?;
        (session.second.dials, session.pool) = (number, None);
    }
    if session.channels() == before { Ok(()) } else { rules.mapped(session) }
}

/// How long it lasts, how its calls go, and what is noted beside.
fn set_terms(rules: Rules<'_>, session: &mut Session, change: &Change) -> Result<(), Fault> {
    if let Some(expires) = change.expires {
        let expires_at = rules.expiry(expires, session.starts_at)?;
        if expires_at != session.expires_at {
            // Of the version that this will be.
            (session.expires_at, session.expiry_version) = (expires_at, session.version + 1);
        }
    }
    if let Some(sliding) = change.sliding_expiry {
        session.sliding_expiry = rules::seconds("sliding_expiry", sliding)?;
    }
    if let Some(cooloff) = change.cooloff {
        session.cooloff = rules::cooloff(cooloff)?;
    }
    if let Some(limit) = change.call_time_limit {
        session.call_time_limit = rules::seconds("call_time_limit", limit)?;
    }
    if let Some(timeout) = change.ring_timeout {
        session.ring_timeout = rules::ringing(timeout)?;
    }
    if let Some(binds) = change.bind_first_caller {
        session.bind_first_caller = binds;
    }
    if let Some(url) = &change.callback_url {
        session.callback_url.clone_from(url);
    }
    if let Some(metadata) = &change.metadata {
        session.metadata.clone_from(metadata);
    }
    Ok(())
}
