//! What the operator asks for.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::link::Method;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::NumberState;

/// A session to be created. Durations are in seconds, as in the API.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The first party.
    pub first_party: PhoneNumber,
    /// The second party; `None`: nobody knows it yet.
    pub second_party: Option<PhoneNumber>,
    /// Its masking numbers.
    pub numbers: Numbers,
    /// Whether numbers near each party's own are drawn first: those of its country, then by the longest common
    /// beginning.
    pub geomatch: bool,
    /// When calls begin to go through; `None`: at once.
    pub starts_at: Option<Timestamp>,
    /// When it expires; `None`: `sliding_expiry` after its start, or where that is none too, never.
    pub expires: Option<Expires>,
    /// Each call moves the expiry to this long after it, where that is later.
    pub sliding_expiry: Option<u64>,
    /// How long after its end its numbers are not drawn for the same parties again.
    pub cooloff: u64,
    /// The longest duration of its calls; that of the settings holds as well.
    pub call_time_limit: Option<u64>,
    /// How long the other party may ring.
    pub ring_timeout: Option<u64>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    pub bind_first_caller: bool,
    /// Where its events are told.
    pub callback_url: Option<Box<str>>,
    /// The operator's own id.
    pub reference: Option<Box<str>>,
    /// Whatever the operator wants to find again.
    pub metadata: Option<Map<String, Value>>,
}

impl Wanted {
    /// A session between two parties that is never over by itself; the other fields as they are when left out.
    #[must_use]
    pub fn new(first_party: PhoneNumber, second_party: Option<PhoneNumber>, numbers: Numbers) -> Self {
        Self {
            first_party,
            second_party,
            numbers,
            geomatch: false,
            starts_at: None,
            expires: None,
            sliding_expiry: None,
            cooloff: 0,
            call_time_limit: None,
            ring_timeout: None,
            bind_first_caller: false,
            callback_url: None,
            reference: None,
            metadata: None,
        }
    }
}

/// Where a session's masking numbers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Numbers {
    /// Drawn from a pool.
    Pool {
        /// Its name.
        name: Box<str>,
        /// One number for both parties instead of one for each.
        is_shared: bool,
    },
    /// This one for both parties (`virtual_number`).
    Shared(PhoneNumber),
    /// These: what the first party dials, and what the second dials.
    PerParty(PhoneNumber, PhoneNumber),
}

/// When a session expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// At this moment.
    At(Timestamp),
    /// So many seconds from now, or from the session's start where that lies ahead.
    In(u64),
    /// When it is closed.
    Never,
}

/// A change of a session: what is `None` stays. Where an option holds an option, `Some(None)` takes the value out.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// When it expires.
    pub expires: Option<Expires>,
    /// How far each call moves the expiry, in seconds.
    pub sliding_expiry: Option<Option<u64>>,
    /// How long its numbers rest after its end, in seconds.
    pub cooloff: Option<u64>,
    /// The first party.
    pub first_party: Option<PhoneNumber>,
    /// The second party; the operator's word that binds a half-known session.
    pub second_party: Option<PhoneNumber>,
    /// The number that the first party dials.
    pub first_party_number: Option<PhoneNumber>,
    /// The number that the second party dials.
    pub second_party_number: Option<PhoneNumber>,
    /// The longest duration of its calls, in seconds.
    pub call_time_limit: Option<Option<u64>>,
    /// How long the other party may ring, in seconds.
    pub ring_timeout: Option<Option<u64>>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    pub bind_first_caller: Option<bool>,
    /// Where its events are told.
    pub callback_url: Option<Option<Box<str>>>,
    /// Whatever the operator wants to find again.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// Whether a session that is closed or expired goes on.
    pub reopen: bool,
    /// The version that is meant: another one is left as it is.
    pub version: Option<u32>,
    /// Whether a version is counted even where nothing else changes, so that whoever means the one before is too late.
    pub claims: bool,
}

/// A masking number to be added to the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNumber {
    /// The number.
    pub number: PhoneNumber,
    /// The pool that sessions draw it from.
    pub pool: Option<Arc<str>>,
    /// The trunk that it is rented on.
    pub trunk: Option<Arc<str>>,
    /// The URL of the web service that says what becomes of its calls.
    pub answer_url: Option<Arc<str>>,
    /// How that is asked, POST where left out; only where there is one.
    pub answer_method: Option<Method>,
}

impl NewNumber {
    /// One that is only named.
    #[must_use]
    pub fn named(number: PhoneNumber) -> Self {
        Self { number, pool: None, trunk: None, answer_url: None, answer_method: None }
    }
}

/// A change of a number: what is `None` stays. `Some(None)` takes the value out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberChange {
    /// The pool that sessions draw it from.
    pub pool: Option<Option<Arc<str>>>,
    /// The trunk that it is rented on.
    pub trunk: Option<Option<Arc<str>>>,
    /// The URL of the web service that says what becomes of its calls.
    pub answer_url: Option<Option<Arc<str>>>,
    /// How that is asked; only where there is one.
    pub answer_method: Option<Method>,
    /// Where it is in its life.
    pub state: Option<NumberState>,
}
