//! Changing, reopening and closing a session.

use super::create::DRAWS;
use super::draw::Draw;
use super::rules::{self, Rules, invalid};
use super::{Change, Fault, Sessions, event};
use crate::base::Timestamp;
use crate::ledger::{Changed, EventKind, NumberState, Party, Session, SessionId, SessionStatus};
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
            let mut next = amended(rules, &stood, change)?;
            if next == stood && !change.claims {
                // A commit may have been made that nobody here has heard of.
                self.book.put(&next);
                return Ok(next);
            }
            next.version += 1;
            let draw = Draw::again(rules.ours, &stood, &next, change, now);
            if let Some(session) = self.follow(rules, &stood, &next, draw).await? {
                return Ok(session);
            }
        }
        Err(Fault::Contended)
    }

    /// Keeps what follows on a session as it stood, with numbers that are drawn for the parties who are new in it. `None`
    /// where another version has come before.
    async fn follow(
        &self,
        rules: Rules<'_>,
        stood: &Session,
        next: &Session,
        mut draw: Option<Draw>,
    ) -> Result<Option<Session>, Fault> {
        let now = rules.now;
        for _ in 0..DRAWS {
            let mut session = next.clone();
            if let Some(draw) = &draw {
                [session.first.dials, session.second.dials] = self.drawn(draw, rules).await?;
            }
            if session.channels() != stood.channels() {
                rules.mapped(&session)?;
            }
            session.rest(stood, now);
            let _hold = match self.hold(&session, now) {
                Ok(hold) => hold,
                Err(channel) if draw.as_ref().is_some_and(|draw| draw.draws(channel)) => continue,
                Err(channel) => return Err(Fault::taken(&session, channel)),
            };
            // Once its numbers are held, nobody takes them out of the inventory.
            if matches!(stood.status(now), SessionStatus::Closed | SessionStatus::Expired) {
                rules.stands(&session)?;
            }
            if draw.is_some() && !self.may_draw(next, &session) {
                continue;
            }
            match self.commit(&session, EventKind::SessionChanged, now).await? {
                Changed::Done => return Ok(Some(session)),
                Changed::Stale => return Ok(None),
                Changed::ChannelTaken(number, party) => match &mut draw {
                    Some(draw) if draw.draws((number, party)) => draw.avoid((number, party)),
                    _ => return Err(Fault::taken(&session, (number, party))),
                },
            }
        }
        Err(Fault::Contended)
    }

    /// Whether the numbers that were drawn still are for new sessions.
    fn may_draw(&self, before: &Session, session: &Session) -> bool {
        let may = |before: Party, party: Party| {
            before.dials == party.dials || self.book.state(party.dials) == Some(NumberState::Active)
        };
        may(before.first, session.first) && may(before.second, session.second)
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
            match self.commit(&session, EventKind::SessionClosed, now).await? {
                Changed::Done => return Ok(session),
                Changed::Stale => {}
                Changed::ChannelTaken(number, party) => return Err(Fault::taken(&session, (number, party))),
            }
        }
        Err(Fault::Contended)
    }

    /// Keeps the next version of a session, where it still is that.
    async fn commit(&self, session: &Session, kind: EventKind, now: Timestamp) -> Result<Changed, Fault> {
        let changed = self.store.change_session(session, &event(kind, session, now), now).await?;
        if changed == Changed::Done {
            self.book.put(session);
        }
        Ok(changed)
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

/// The session as it is to be, but for numbers that are still to be drawn.
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
    if session.expires_at <= rules.now {
        return Err(invalid("session_expiry", "has passed: give a new one to reopen the session"));
    }
    Ok(session)
}

/// Its parties, and what they dial.
fn set_channels(rules: Rules<'_>, session: &mut Session, change: &Change) -> Result<(), Fault> {
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
    Ok(())
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
