//! What the handlers work with.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, broadcast, watch};

use super::health::Health;
use super::seal::Seal;
use super::tokens::Tokens;
use crate::base::{Metrics, PhoneNumber, Random, Timestamp};
use crate::ledger::{Book, CallRecord, Eraser, SessionId, Store, StoredEvent};
use crate::session::{InForce, Sessions};

/// Event streams that may be open at a time.
const STREAMS: usize = 64;

/// The calls that go on, and the way to place more of them.
#[async_trait]
pub trait Calls: Send + Sync {
    /// The records, as they stand, of the calls that go on at this node.
    fn live(&self) -> Vec<Arc<CallRecord>>;

    /// One of these; and one that has just ended, until the store has its record.
    fn call(&self, id: &str) -> Option<Arc<CallRecord>>;

    /// Asks for the end of a call that goes on. False where none with this id does.
    fn hang_up(&self, id: &str) -> bool;

    /// Whether such a call can be placed, as far as that is known before it is.
    ///
    /// # Errors
    /// Where it cannot.
    fn check(&self, order: &Placing) -> Result<(), NotPlaced>;

    /// Calls the first party, and then the second.
    ///
    /// # Errors
    /// Where the call cannot be placed; nobody is called then, nor will be.
    async fn place(&self, order: Placing) -> Result<Begun, NotPlaced>;

    /// Whether a call with this id was placed and has not begun yet.
    fn is_to_begin(&self, id: &str) -> bool;
}

/// How far a call has come that was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It has begun: [`Calls::call`] finds it.
    Already,
    /// It is handed over and will begin: [`Calls::is_to_begin`] until then.
    NotYet,
}

/// A call to be placed (click-to-call). Its masking numbers are ours; whether the parties can be reached is for
/// [`Calls::place`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// The id that the call gets.
    pub id: Box<str>,
    /// Who is called first.
    pub first: Callee,
    /// Who is called once the first has answered.
    pub second: Callee,
    /// The session that it belongs to: the one named, or the one that keeps the way back.
    pub session: Option<SessionId>,
    /// Whether the session is there for the way back only, which may be over before the call is.
    pub is_way_back: bool,
    /// Whether the first party has to press a key before the second is called.
    pub confirm: bool,
    /// How often the first party is called again where it was busy, did not answer or did not confirm.
    pub retries: u8,
    /// The pause before each of these.
    pub retry_pause: Duration,
    /// How long each party may ring; `None`: as in the settings.
    pub ring_timeout: Option<Duration>,
    /// How long the call may last; `None`: as in the settings.
    pub time_limit: Option<Duration>,
}

/// One side of a call to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callee {
    /// The party's real number.
    pub number: PhoneNumber,
    /// The masking number that the party sees.
    pub sees: PhoneNumber,
}

/// Why a call is not placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPlaced {
    /// A field holds what cannot be.
    #[error("{field} {reason}")]
    Invalid {
        /// The field of the API, as in `show`.
        field: &'static str,
        /// What is wrong and what to write instead; numbers redacted.
        reason: String,
    },
    /// No more calls are taken: this node drains, or is full.
    #[error("no new calls are taken at the moment")]
    Unavailable,
}

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What [`ApiState`] is made of.
pub struct Parts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Erases parties, from the database and beside it.
    pub eraser: Arc<dyn Eraser>,
    /// Sessions and numbers.
    pub sessions: Arc<Sessions>,
    /// The calls that go on.
    pub calls: Arc<dyn Calls>,
    /// The sessions and numbers that calls are decided from.
    pub book: Arc<Book>,
    /// The settings in force.
    pub in_force: InForce,
    /// Every event, once it is kept, in order.
    pub events: broadcast::Sender<Arc<StoredEvent>>,
    /// The tokens that are taken.
    pub tokens: Tokens,
    /// Whether calls are taken.
    pub health: Health,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// For the ids of calls.
    pub random: Random,
}

/// What the handlers share.
pub struct ApiState {
    pub(super) store: Arc<dyn Store>,
    pub(super) eraser: Arc<dyn Eraser>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) calls: Arc<dyn Calls>,
    pub(super) book: Arc<Book>,
    pub(super) in_force: InForce,
    pub(super) events: broadcast::Sender<Arc<StoredEvent>>,
    pub(super) health: Health,
    pub(super) metrics: Arc<Metrics>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) seal: Seal,
    tokens: watch::Sender<Arc<Tokens>>,
    clock: Clock,
    random: Mutex<Random>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("health", &self.health).finish_non_exhaustive()
    }
}

impl ApiState {
    /// The state made of these.
    #[must_use]
    pub fn new(mut parts: Parts) -> Self {
        Self {
            seal: Seal::new(&mut parts.random),
            store: parts.store,
            eraser: parts.eraser,
            sessions: parts.sessions,
            calls: parts.calls,
            book: parts.book,
            in_force: parts.in_force,
            events: parts.events,
            health: parts.health,
            metrics: parts.metrics,
            streams: Arc::new(Semaphore::new(STREAMS)),
            tokens: watch::Sender::new(Arc::new(parts.tokens)),
            clock: parts.clock,
            random: Mutex::new(parts.random),
        }
    }

    /// From now on these tokens are taken, and no others; what was begun with another one ends.
    pub fn set_tokens(&self, tokens: Tokens) {
        self.tokens.send_replace(Arc::new(tokens));
    }

    pub(super) fn tokens(&self) -> Arc<Tokens> {
        self.tokens.borrow().clone()
    }

    /// The tokens, and when they change.
    pub(super) fn watch_tokens(&self) -> watch::Receiver<Arc<Tokens>> {
        self.tokens.subscribe()
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A fresh id of a call, as the switch draws them.
    pub(super) fn call_id(&self) -> Box<str> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).token(20).into()
    }
}
