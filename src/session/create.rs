//! Creating a session.

use super::draw::Draw;
use super::rules::{self, Rules, invalid};
use super::{Expires, Fault, Key, Made, Numbers, Sessions, Wanted, event};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Book, Created, EventKind, NewSession, NumberState, Party, Session, SessionId};
use crate::route::{Index, Ours};

/// How often numbers are drawn anew where other nodes had taken them.
pub(super) const DRAWS: usize = 128;

impl Sessions {
    pub(super) async fn make(
        &self,
        wanted: &Wanted,
        key: Option<&Key>,
        now: Timestamp,
    ) -> Result<Made, Fault> {
        let index = (self.in_force)();
        let rules = Rules { ours: Ours { index: &index, book: &self.book }, now };
        let mut session = draft(rules, wanted, self.fresh_id(now))?;
        let mut draw = self.draw(&index, wanted).await?;
        for _ in 0..DRAWS {
            if let Some(draw) = &draw {
                [session.first.dials, session.second.dials] = self.drawn(draw, rules).await?;
            }
            let hold = match self.hold(&session, now) {
                Ok(hold) => hold,
                Err(_) if draw.is_some() => continue,
                Err(channel) => return Err(Fault::taken(&session, channel)),
            };
            let is_active = |number| self.book.state(number) == Some(NumberState::Active);
            if draw.is_some() && !(is_active(session.first.dials) && is_active(session.second.dials)) {
                continue;
            }
            let event = event(EventKind::SessionCreated, &session, now);
            let new = NewSession { session: session.clone(), event, key: key.cloned(), now };
            match self.store.create_session(new).await? {
                Created::New => {
                    self.book.put(&session);
                    drop(hold);
                    return Ok(Made { session, is_new: true });
                }
                Created::Repeat(session) => return Ok(Made { session: *session, is_new: false }),
                Created::KeyReused => return Err(Fault::KeyReused),
                Created::ReferenceTaken(session) if is_the_same(wanted, &session) => {
                    return Ok(Made { session: *session, is_new: false });
                }
                Created::ReferenceTaken(session) => return Err(Fault::ReferenceTaken(session.id)),
                Created::ChannelTaken(number, party) => match &mut draw {
                    Some(draw) => draw.avoid((number, party)),
                    None => return Err(Fault::taken(&session, (number, party))),
                },
            }
        }
        Err(Fault::Contended)
    }

    /// Numbers that are free. Where only those are left that others are about to have, it waits until they have them or
    /// have them not.
    pub(super) async fn drawn(&self, draw: &Draw, rules: Rules<'_>) -> Result<[PhoneNumber; 2], Fault> {
        loop {
            // From here on everything is heard that is let go.
            let let_go = self.let_go.notified();
            match draw.numbers(rules.ours, rules.now, Book::is_free) {
                Err(_) if draw.numbers(rules.ours, rules.now, Book::is_nobodys).is_ok() => let_go.await,
                drawn => return drawn,
            }
        }
    }

    /// The session that the same request made before. Looked for where a request cannot be granted: a repeat is
    /// answered as the first was, even when the pool has run out since.
    pub(super) async fn made_before(
        &self,
        wanted: &Wanted,
        key: Option<&Key>,
    ) -> Result<Option<Session>, Fault> {
        if let Some((key, body)) = key
            && let Some(answered) = self.store.answer_of(key).await?
        {
            return match answered.id.parse() {
                Ok(id) if answered.body == *body => Ok(self.store.session(id).await?),
                _ => Err(Fault::KeyReused),
            };
        }
        let Some(reference) = &wanted.reference else { return Ok(None) };
        let session = self.store.session_of(reference).await?;
        Ok(session.filter(|session| is_the_same(wanted, session)))
    }

    /// A draw, where the numbers come from a pool.
    async fn draw(&self, index: &Index, wanted: &Wanted) -> Result<Option<Draw>, Fault> {
        let Numbers::Pool { name, is_shared } = &wanted.numbers else { return Ok(None) };
        let last = match wanted.second_party {
            Some(second) => self.store.last_numbers(wanted.first_party, second).await?,
            None => None,
        };
        let ours = Ours { index, book: &self.book };
        Draw::new(ours, wanted, (name, *is_shared), last).map(Some)
    }
}

/// The session that was asked for; where its numbers are drawn, they are still to come.
fn draft(rules: Rules<'_>, wanted: &Wanted, id: SessionId) -> Result<Session, Fault> {
    rules.party("first_party", wanted.first_party)?;
    if let Some(second) = wanted.second_party {
        rules.party("second_party", second)?;
    }
    rules.parties(Some(wanted.first_party), wanted.second_party)?;
    if let Some(reference) = &wanted.reference {
        rules::reference(reference)?;
    }
    let sliding_expiry = rules::seconds("sliding_expiry", wanted.sliding_expiry)?;
    let starts_at = rules.start(wanted.starts_at)?;
    let slid = sliding_expiry.map_or(Expires::Never, |sliding| Expires::In(sliding.into()));
    let [first, second] = named(rules, wanted)?;
    let session = Session {
        id,
        first: Party { number: Some(wanted.first_party), dials: first },
        second: Party { number: wanted.second_party, dials: second },
        pool: match &wanted.numbers {
            Numbers::Pool { name, .. } => Some(name.as_ref().into()),
            Numbers::Shared(_) | Numbers::PerParty(..) => None,
        },
        reference: wanted.reference.clone(),
        metadata: wanted.metadata.clone(),
        callback_url: wanted.callback_url.clone(),
        created_at: rules.now,
        starts_at,
        expires_at: rules.expiry(wanted.expires.unwrap_or(slid), starts_at)?,
        sliding_expiry,
        cooloff: rules::cooloff(wanted.cooloff)?,
        closed_at: None,
        call_time_limit: rules::seconds("call_time_limit", wanted.call_time_limit)?,
        ring_timeout: rules::ringing(wanted.ring_timeout)?,
        bind_first_caller: wanted.bind_first_caller,
        version: 1,
        expiry_version: 0,
        former: Vec::new(),
    };
    rules.mapped(&session)?;
    Ok(session)
}

/// The numbers that were named. For a pool, ones that stand in until they are drawn.
fn named(rules: Rules<'_>, wanted: &Wanted) -> Result<[PhoneNumber; 2], Fault> {
    match &wanted.numbers {
        Numbers::Pool { name, .. } if name.is_empty() => Err(invalid("pool", "has to have a name")),
        Numbers::Pool { .. } => Ok([wanted.first_party; 2]),
        Numbers::Shared(number) => {
            rules.dials("virtual_number", *number)?;
            Ok([*number; 2])
        }
        Numbers::PerParty(first, second) => {
            rules.dials("first_party_number", *first)?;
            rules.dials("second_party_number", *second)?;
            Ok([*first, *second])
        }
    }
}

/// Whether a session is what was asked for, so that asking again has not asked for another.
fn is_the_same(wanted: &Wanted, session: &Session) -> bool {
    let numbers = match &wanted.numbers {
        Numbers::Pool { name, is_shared } => {
            let shares = session.first.dials == session.second.dials;
            session.pool.as_deref() == Some(&**name) && *is_shared == shares
        }
        Numbers::Shared(number) => [session.first.dials, session.second.dials] == [*number; 2],
        Numbers::PerParty(first, second) => [session.first.dials, session.second.dials] == [*first, *second],
    };
    let is_second = wanted.second_party.is_none() || session.second.number == wanted.second_party;
    numbers && is_second && session.first.number == Some(wanted.first_party)
}
