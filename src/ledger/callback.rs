//! Callbacks: events on their way to the operator's web services.

use super::StoredEvent;
use crate::base::Timestamp;

/// A host that callbacks wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackHost {
    /// Its name and port as they stand in the URLs.
    pub host: Box<str>,
    /// When the next of its callbacks is due.
    pub due_at: Timestamp,
}

/// Callbacks that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackClaim {
    /// For this host.
    pub host: Box<str>,
    /// So many at most.
    pub limit: u32,
    /// Those that are due now.
    pub now: Timestamp,
    /// Nobody else gets them before this moment.
    pub until: Timestamp,
}

/// One that was given out. It is the first of its lane: the events of one call, or of one session, to one URL are given
/// out one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    /// Its place in the queue.
    pub id: u64,
    /// Its lane.
    pub lane: Box<[u8]>,
    /// Where it goes.
    pub url: Box<str>,
    /// How often it was given out, this time included.
    pub tries: u32,
    /// Until when it is given to nobody else.
    pub until: Timestamp,
    /// What is told.
    pub event: StoredEvent,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is delivered or given up: the next of its lane is due at this moment.
    Over(Timestamp),
    /// It is due again at this moment.
    Again(Timestamp),
}

/// What a look for callbacks that are too old came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// How many were given up.
    pub count: u64,
    /// The place of the last callback that waits; 0 where none does.
    pub last: u64,
}
