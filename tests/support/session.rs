//! A session as it is stored, for tests and benches that have one without asking for it.

use std::time::Duration;

use maskline::base::Timestamp;
use maskline::ledger::{Party, Session, SessionId};

/// A session of two parties for an hour from a moment on, by numbers that were named. What else a test is about, it
/// writes over this.
pub(crate) fn plain(id: SessionId, [first, second]: [Party; 2], from: Timestamp) -> Session {
    Session {
        id,
        first,
        second,
        pool: None,
        reference: None,
        metadata: None,
        callback_url: None,
        created_at: from,
        starts_at: from,
        expires_at: from.after(Duration::from_secs(3600)),
        sliding_expiry: None,
        cooloff: 0,
        closed_at: None,
        call_time_limit: None,
        ring_timeout: None,
        bind_first_caller: false,
        version: 1,
        expiry_version: 0,
        former: Vec::new(),
    }
}
