//! What calls leave behind: written down first in the journal, then in the store.

use serde::{Deserialize, Serialize};

use super::{CallRecord, Event, SessionId, whole};
use crate::base::{PhoneNumber, Timestamp};

/// One thing to be kept. Entries are kept in order, each exactly once, whenever the process or the database ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Entry {
    /// A call is being set up, or connected: its record as it stands. A process that ends before the call does leaves
    /// this, and the next one ends the record.
    Running(Box<CallRecord>),
    /// A call is over.
    Ended(Box<CallRecord>),
    /// A call has moved a session's expiry.
    Extended {
        /// The session.
        session: SessionId,
        /// Its expiry now, at least.
        expires_at: Timestamp,
        /// The version of the session that the call went by.
        #[serde(default)]
        version: u32,
    },
    /// A caller has become the second party of a session.
    Bound {
        /// The session.
        session: SessionId,
        /// The second party.
        #[serde(with = "whole")]
        caller: PhoneNumber,
    },
    /// Something to be told.
    Event(Box<Event>),
}
