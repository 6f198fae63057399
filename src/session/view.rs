//! A session as the operator sees it: in answers of the API and in events.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Session, SessionId, SessionStatus};

/// A session with the API's names. Durations are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View<'a> {
    /// Its id.
    pub id: SessionId,
    /// Where it is in its life.
    pub status: SessionStatus,
    /// The first party.
    pub first_party: Option<String>,
    /// The second party; null while nobody knows it.
    pub second_party: Option<String>,
    /// What the first party dials, and sees when the second calls.
    pub first_party_number: String,
    /// What the second party dials, and sees when the first calls.
    pub second_party_number: String,
    /// Both of these, where they are one.
    pub virtual_number: Option<String>,
    /// The pool that its numbers were drawn from.
    pub pool: Option<&'a str>,
    /// The operator's own id.
    pub reference: Option<&'a str>,
    /// Whatever the operator wants to find again.
    pub metadata: Option<&'a Map<String, Value>>,
    /// Where its events are told.
    pub callback_url: Option<&'a str>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When calls begin to go through.
    pub starts_at: Timestamp,
    /// When it expires; null where it does not.
    pub expires_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How far each call moves the expiry.
    pub sliding_expiry: Option<u32>,
    /// How long its numbers rest after its end.
    pub virtual_number_cooloff_period: u32,
    /// The longest duration of its calls.
    pub call_time_limit: Option<u32>,
    /// How long the other party may ring.
    pub ring_timeout: Option<u32>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    pub bind_first_caller: bool,
}

impl<'a> View<'a> {
    /// The session at a moment. `write` writes numbers: whole ([`PhoneNumber::reveal`]) for those who may read them,
    /// else redacted.
    #[must_use]
    pub fn new(session: &'a Session, at: Timestamp, write: fn(PhoneNumber) -> String) -> Self {
        let (first, second) = (session.first, session.second);
        Self {
            id: session.id,
            status: session.status(at),
            first_party: first.number.map(write),
            second_party: second.number.map(write),
            first_party_number: write(first.dials),
            second_party_number: write(second.dials),
            virtual_number: (first.dials == second.dials).then(|| write(first.dials)),
            pool: session.pool.as_deref(),
            reference: session.reference.as_deref(),
            metadata: session.metadata.as_ref(),
            callback_url: session.callback_url.as_deref(),
            created_at: session.created_at,
            starts_at: session.starts_at,
            expires_at: (session.expires_at < Timestamp::MAX).then_some(session.expires_at),
            closed_at: session.closed_at,
            sliding_expiry: session.sliding_expiry,
            virtual_number_cooloff_period: session.cooloff,
            call_time_limit: session.call_time_limit,
            ring_timeout: session.ring_timeout,
            bind_first_caller: session.bind_first_caller,
        }
    }
}
