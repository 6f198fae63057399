//! What a database has to be able to do. There are two: SQLite beside the process, and PostgreSQL for a fleet.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    CallRecord, Callback, CallbackClaim, CallbackHost, Entry, Event, GivenUp, Number, Outcome, Session,
    SessionId, SessionStatus, Settled, StoredEvent,
};
use crate::base::{PhoneNumber, Timestamp};

/// The database.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// Hands over every number, and every session whose numbers are not free again at this moment.
    async fn load(&self, now: Timestamp, sink: &mut (dyn FnMut(Loaded) + Send)) -> Result<(), StoreFault>;

    /// Tells of what other nodes change from now on, and of every event once it is kept, in order. Returns when
    /// listening has begun; what was changed while the database was away is told when it is back.
    async fn follow(&self, sink: ChangeSink) -> Result<(), StoreFault>;

    /// Keeps a new session, together with its two channels and its event, or nothing of it. Creations that come
    /// together are committed together; when this returns the session is durable, and its event will be told.
    async fn create_session(&self, new: NewSession) -> Result<Created, StoreFault>;

    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreFault>;

    /// The session of a reference.
    async fn session_of(&self, reference: &str) -> Result<Option<Session>, StoreFault>;

    /// Sessions, the youngest first.
    async fn sessions(&self, filter: &SessionFilter, page: &Page) -> Result<Vec<Session>, StoreFault>;

    /// Puts a session in place of its version before, with its channels, and keeps the event of it, or does neither.
    /// `now` is the moment by which another session's numbers may be free.
    async fn change_session(
        &self,
        session: &Session,
        event: &Event,
        now: Timestamp,
    ) -> Result<Changed, StoreFault>;

    /// The numbers that the pair's last session had: what the first party dialled, and the second.
    async fn last_numbers(
        &self,
        first: PhoneNumber,
        second: PhoneNumber,
    ) -> Result<Option<[PhoneNumber; 2]>, StoreFault>;

    /// The inventory, by number.
    async fn numbers(&self) -> Result<Vec<Number>, StoreFault>;

    /// Adds a number, or puts it in place of the one that stands. True where it is new.
    async fn put_number(&self, number: &Number) -> Result<bool, StoreFault>;

    /// Takes a number out. False where there was none.
    async fn remove_number(&self, number: PhoneNumber) -> Result<bool, StoreFault>;

    /// Keeps entries, all or none, in order; one that is kept already changes nothing. A call that goes on is kept
    /// with the outcome in-progress, until its end.
    async fn keep(&self, entries: &[Entry]) -> Result<(), StoreFault>;

    /// Call records, the youngest first.
    async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Vec<CallRecord>, StoreFault>;

    /// One call record.
    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreFault>;

    /// Events after one, the oldest first.
    async fn events(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreFault>;

    /// From now on a callback of every event that is kept goes to this URL, besides that to the event's own.
    fn call_back_at(&self, status_url: Option<&str>);

    /// The hosts that callbacks wait for.
    async fn callback_hosts(&self) -> Result<Vec<CallbackHost>, StoreFault>;

    /// Gives out callbacks that are due. An event that is kept with callbacks is kept together with them, and each is
    /// given out again and again until it is settled.
    async fn claim_callbacks(&self, claim: &CallbackClaim) -> Result<Vec<Callback>, StoreFault>;

    /// Notes what became of a callback. Where it has been given out to somebody else since, only its delivery counts.
    async fn settle_callback(&self, callback: &Callback, settled: Settled) -> Result<(), StoreFault>;

    /// Gives up callbacks up to a place in the queue whose events are from before a moment, or gone, whether they were
    /// ever given out or not.
    async fn give_up_callbacks(&self, before: Timestamp, upto: u64) -> Result<GivenUp, StoreFault>;

    /// How many callbacks wait.
    async fn callbacks_waiting(&self) -> Result<u64, StoreFault>;

    /// The answer that was given to a request with this key, where there was one.
    async fn answer_of(&self, key: &str) -> Result<Option<Answered>, StoreFault>;

    /// Notes the answer to a request with a key; false where the key has one.
    async fn note_answer(&self, key: &str, answered: &Answered) -> Result<bool, StoreFault>;

    /// Forgets the answer to a request that came to nothing, where it is the one with this id: the key is free again.
    async fn forget_answer(&self, key: &str, id: &str) -> Result<(), StoreFault>;

    /// Forgets the answers to requests that were noted a week ago.
    async fn forget_answers(&self, now: Timestamp) -> Result<(), StoreFault>;

    /// Erases a party: its number leaves sessions, records and events. A session of its that is open is closed, which is
    /// told, and its cool-off is over. How many of each were changed; the sessions are told as changes, here too.
    async fn redact(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, StoreFault>;

    /// Removes records and events that ended before a moment, and sessions whose numbers were free then. Events stay from
    /// the first on that a callback waits for.
    async fn prune(&self, before: Timestamp) -> Result<u64, StoreFault>;

    /// Whether the database answers and takes writes.
    async fn check(&self) -> Result<(), StoreFault>;
}

/// Where changes are told.
pub type ChangeSink = Arc<dyn Fn(Change) + Send + Sync>;

/// What another node changed, or what is kept now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// A session as it is now.
    Session(Box<Session>),
    /// A number as it is now.
    Number(Box<Number>),
    /// A number that was taken out.
    NumberGone(PhoneNumber),
    /// An event that is kept.
    Event(Arc<StoredEvent>),
}

/// A row for the index.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// A session.
    Session(Box<Session>),
    /// A number.
    Number(Box<Number>),
}

/// A session to create.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// What is told of it.
    pub event: Event,
    /// The request's `Idempotency-Key`, and a fingerprint of its body.
    pub key: Option<(Box<str>, [u8; 32])>,
    /// The moment, by which an older session's numbers may be free.
    pub now: Timestamp,
}

/// What became of a creation.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is kept.
    New,
    /// The same request came before, and made this session.
    Repeat(Box<Session>),
    /// The key was used with another body.
    KeyReused,
    /// The reference has this session already.
    ReferenceTaken(Box<Session>),
    /// A live session has this (number dialled, caller).
    ChannelTaken(PhoneNumber, Option<PhoneNumber>),
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is kept.
    Done,
    /// There is no such session, or another version of it stands.
    Stale,
    /// A live session has this (number dialled, caller).
    ChannelTaken(PhoneNumber, Option<PhoneNumber>),
}

/// Which sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// One of the parties.
    pub party: Option<PhoneNumber>,
    /// One of the numbers dialled.
    pub number: Option<PhoneNumber>,
    /// The pool.
    pub pool: Option<Box<str>>,
    /// The status, at a moment.
    pub status: Option<(SessionStatus, Timestamp)>,
}

/// Which calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// The caller or the destination.
    pub party: Option<PhoneNumber>,
    /// The number dialled or shown.
    pub number: Option<PhoneNumber>,
    /// The session.
    pub session: Option<SessionId>,
    /// Received in here.
    pub received: Option<Range<Timestamp>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// After the row with this time and id, which was the last of the page before.
    pub after: Option<(Timestamp, Box<str>)>,
    /// Rows at most.
    pub limit: u32,
}

/// An answer to a request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// A fingerprint of the request's body.
    pub body: [u8; 32],
    /// The id of what it made.
    pub id: Box<str>,
    /// When it was made.
    pub at: Timestamp,
}

/// What an erasure changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Sessions.
    pub sessions: u64,
    /// Call records.
    pub calls: u64,
    /// Events.
    pub events: u64,
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// It is away, busy for too long, full or read-only: nothing of the write is kept.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// It holds something that this version cannot read.
    #[error("the database holds what this version cannot read: {0}")]
    Unreadable(String),
}
