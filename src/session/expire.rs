//! Telling that sessions have expired.

use super::{Fault, Sessions, event};
use crate::base::Timestamp;
use crate::ledger::{Entry, EventKind, SessionId};

impl Sessions {
    /// Tells that a session has expired, where it had at this moment and was neither closed nor erased. False where it
    /// is to be asked for again: a call has moved the expiry, and the store does not know yet.
    ///
    /// The event is made from what is stored alone, and its time is the expiry: so it is the same on every node and at
    /// every start, and the store keeps it once.
    ///
    /// # Errors
    /// Where the store does not answer; it has not been told then.
    pub async fn tell_expired(&self, id: SessionId, until: Timestamp) -> Result<bool, Fault> {
        let Some(session) = self.store.session(id).await? else { return Ok(true) };
        let is_open = session.closed_at.is_none() && session.first.number.is_some();
        if !is_open || session.expires_at > until {
            return Ok(true);
        }
        let live = self.book.session(id).map_or(session.expires_at, |live| live.expires_at);
        if live > session.expires_at {
            return Ok(live > until);
        }
        let event = event(EventKind::SessionExpired, &session, session.expires_at);
        self.store.keep(&[Entry::Event(Box::new(event))]).await?;
        Ok(true)
    }
}
