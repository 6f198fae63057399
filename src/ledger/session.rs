//! A session: a mapping for a pair of parties with a life.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::whole;
use crate::base::{PhoneNumber, Random, Timestamp};

/// A session's id: a UUID of version 7 (RFC 9562), so that ids sort by the time of creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub Uuid);

impl SessionId {
    /// A fresh id.
    #[must_use]
    pub fn new(now: Timestamp, random: &mut Random) -> Self {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&random.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&random.next_u64().to_be_bytes()[..2]);
        Self(uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &bytes).into_uuid())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// One side of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The party's real number; `None` while nobody knows it.
    #[serde(with = "whole::option")]
    pub number: Option<PhoneNumber>,
    /// The masking number that this party dials, and sees when the other calls.
    #[serde(with = "whole")]
    pub dials: PhoneNumber,
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The first party, who is always known.
    pub first: Party,
    /// The second party.
    pub second: Party,
    /// The pool that its numbers were drawn from; `None` where the operator named them.
    pub pool: Option<Arc<str>>,
    /// The operator's own id, unique over all sessions.
    pub reference: Option<Box<str>>,
    /// Whatever the operator wants to find again, a JSON object.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Where its events are told.
    pub callback_url: Option<Box<str>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Calls are refused before this.
    pub starts_at: Timestamp,
    /// Calls are refused from here on; [`Timestamp::MAX`] for a session that lasts until it is closed.
    pub expires_at: Timestamp,
    /// Each call moves the expiry to this long after it, where that is later; in seconds.
    pub sliding_expiry: Option<u32>,
    /// Seconds after its end in which its numbers are not drawn for the same party again.
    pub cooloff: u32,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The longest duration of its calls, in seconds; `None`: that of the settings.
    pub call_time_limit: Option<u32>,
    /// How long the other party may ring, in seconds; `None`: as in the settings.
    pub ring_timeout: Option<u32>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    pub bind_first_caller: bool,
    /// Counts its changes, from 1: a change is made to the version that was read, or not at all.
    pub version: u32,
    /// The version that the operator last set its expiry in, 0 where that was at its creation: a call that knew only
    /// an older one does not move it.
    #[serde(default)]
    pub expiry_version: u32,
    /// What changes took from it, and what nobody else gets yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
}

/// A party as it was in a session before a change. What it dialled rests like the numbers of a session that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The party, and what it dialled.
    pub party: Party,
    /// From when on the number may be drawn for the same party again.
    pub free_at: Timestamp,
}

impl Former {
    /// The (number dialled, caller) that led into the session; a caller of `None` is anyone.
    #[must_use]
    pub fn channel(&self) -> (PhoneNumber, Option<PhoneNumber>) {
        (self.party.dials, self.party.number)
    }
}

/// Where a session is in its life at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionStatus {
    /// Its start lies ahead.
    NotStarted,
    /// It takes calls.
    Active,
    /// Its expiry has passed.
    Expired,
    /// The operator has closed it.
    Closed,
}

impl Session {
    /// Where it is in its life at this moment.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> SessionStatus {
        status(self.starts_at, self.expires_at, self.closed_at.is_some(), at)
    }

    /// From when on its numbers may be drawn for the same parties again: the end of its cool-off.
    #[must_use]
    pub fn free_at(&self) -> Timestamp {
        self.rested(self.end())
    }

    /// From when on nothing of it rests any more, what changes took from it included.
    #[must_use]
    pub fn rests_until(&self) -> Timestamp {
        self.former.iter().map(|former| former.free_at).fold(self.free_at(), Timestamp::max)
    }

    /// Lets rest what another version of it had and this one has no more. The number of a second party who has become
    /// known is the same as before, and that party's alone from now on.
    pub fn rest(&mut self, before: &Self, now: Timestamp) {
        let (own, second) = (self.channels(), self.second.dials);
        if own == before.channels() {
            return;
        }
        let free_at = self.rested(before.end().min(now));
        let given_up = [before.first, before.second].map(|party| Former { party, free_at });
        self.former.extend(given_up.into_iter().filter(|former| former.channel() != (second, None)));
        self.former.retain(|former| former.free_at > now && !own.contains(&former.channel()));
    }

    fn end(&self) -> Timestamp {
        self.closed_at.map_or(self.expires_at, |closed| closed.min(self.expires_at))
    }

    fn rested(&self, end: Timestamp) -> Timestamp {
        if end == Timestamp::MAX { end } else { end.after(Duration::from_secs(self.cooloff.into())) }
    }

    /// The two (number dialled, caller) that lead into it; a caller of `None` is anyone.
    #[must_use]
    pub fn channels(&self) -> [(PhoneNumber, Option<PhoneNumber>); 2] {
        [(self.first.dials, self.first.number), (self.second.dials, self.second.number)]
    }
}

/// The rule behind [`Session::status`], shared with the index.
pub(super) fn status(
    starts_at: Timestamp,
    expires_at: Timestamp,
    is_closed: bool,
    at: Timestamp,
) -> SessionStatus {
    if is_closed {
        SessionStatus::Closed
    } else if at >= expires_at {
        SessionStatus::Expired
    } else if at < starts_at {
        SessionStatus::NotStarted
    } else {
        SessionStatus::Active
    }
}
