//! A session as calls need it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::Channel;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::session::status;
use crate::ledger::{Former, Party, Session, SessionId, SessionStatus};

/// What calls need of a session: a little over a hundred bytes, shared by its two channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Its id.
    pub id: SessionId,
    /// The first party.
    pub first: Party,
    /// The second party.
    pub second: Party,
    /// Calls are refused before this.
    pub starts_at: Timestamp,
    /// Calls are refused from here on.
    pub expires_at: Timestamp,
    /// From when on its numbers may be drawn for the same parties again.
    pub free_at: Timestamp,
    /// Each call moves the expiry to this long after it, where that is later; in seconds.
    pub sliding_expiry: Option<NonZeroU32>,
    /// The longest duration of its calls, in seconds.
    pub call_time_limit: Option<NonZeroU32>,
    /// How long the other party may ring, in seconds.
    pub ring_timeout: Option<NonZeroU32>,
    /// Where its events are told.
    pub callback_url: Option<Arc<str>>,
    /// Counts its changes.
    pub version: u32,
    /// Whether it was closed.
    pub is_closed: bool,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    pub bind_first_caller: bool,
}

impl Live {
    /// What a former channel of a session leads to: the session as if it were over.
    pub(super) fn resting(session: &Session, former: &Former) -> Self {
        Self { first: former.party, free_at: former.free_at, is_closed: true, ..Self::from(session) }
    }

    /// Where it is in its life at this moment.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> SessionStatus {
        status(self.starts_at, self.expires_at, self.is_closed, at)
    }

    /// The party whom a caller on its channel reaches. The caller sees what it has dialled, the other party sees the
    /// number that it dials itself.
    #[must_use]
    pub fn other(&self, dialled: PhoneNumber, caller: PhoneNumber) -> Option<Party> {
        let is = |party: Party| party.dials == dialled && party.number == Some(caller);
        match () {
            () if is(self.first) => Some(self.second),
            () if is(self.second) => Some(self.first),
            () => None,
        }
    }

    /// The two channels that lead into it.
    pub(super) fn channels(&self) -> [Channel; 2] {
        [(self.first.dials, self.first.number), (self.second.dials, self.second.number)]
    }

    /// The session with a later expiry; `None` where it is no later.
    pub(super) fn extended(&self, expires_at: Timestamp) -> Option<Self> {
        let rests =
            Duration::from_millis(self.free_at.as_millis().saturating_sub(self.expires_at.as_millis()));
        let is_later = !self.is_closed && self.expires_at < expires_at;
        is_later.then(|| Self { expires_at, free_at: expires_at.after(rests), ..self.clone() })
    }

    /// The session with its second party known; `None` where one is, or it would be the first.
    pub(super) fn bound(&self, caller: PhoneNumber) -> Option<Self> {
        let may = self.second.number.is_none() && self.first.number != Some(caller);
        may.then(|| Self { second: Party { number: Some(caller), ..self.second }, ..self.clone() })
    }

    /// What stands when this version comes to another one; `None`: what stood.
    ///
    /// What calls do to a session, moving its expiry or binding a caller, counts no version here until the store has
    /// told of it. It is kept while the version stays, and a binding beyond: nothing takes that back but an end.
    pub(super) fn after(self, stood: &Self) -> Option<Self> {
        let mut next = self;
        if next.version < stood.version {
            return None;
        }
        if next.version == stood.version {
            next = next.extended(stood.expires_at).unwrap_or(next);
        }
        let is_same_number = next.second.dials == stood.second.dials && next.first.number.is_some();
        if let (Some(caller), true) = (stood.second.number, is_same_number && !next.is_closed) {
            next = next.bound(caller).unwrap_or(next);
        }
        (next != *stood).then_some(next)
    }

    /// Whether it takes a channel from another session: the one whose numbers are free later has it. Where both seem
    /// to be open, the end of the older has yet to be told.
    pub(super) fn displaces(&self, stood: &Self) -> bool {
        self.free_at > stood.free_at || (self.id > stood.id && !self.is_closed)
    }
}

impl From<&Session> for Live {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            first: session.first,
            second: session.second,
            callback_url: session.callback_url.as_deref().map(Arc::from),
            starts_at: session.starts_at,
            expires_at: session.expires_at,
            free_at: session.free_at(),
            sliding_expiry: session.sliding_expiry.and_then(NonZeroU32::new),
            call_time_limit: session.call_time_limit.and_then(NonZeroU32::new),
            ring_timeout: session.ring_timeout.and_then(NonZeroU32::new),
            version: session.version,
            is_closed: session.closed_at.is_some(),
            bind_first_caller: session.bind_first_caller,
        }
    }
}
