//! INVITE server transaction: RFC 3261 section 17.2.1 with RFC 6026 section 7.1.

use std::time::Instant;

use bytes::Bytes;

use super::{Backoff, Expiry, Timings, earlier};
use crate::sip::Status;

/// An INVITE that we received. It repeats its final response until that is acknowledged: a failure by the rules of
/// the transaction, and the 2xx too, which RFC 3261 section 13.3.1.4 leaves to the transaction's user, since its
/// retransmissions last exactly as long as the Accepted state of RFC 6026.
#[derive(Debug)]
pub struct ServerInvite {
    state: State,
    timings: Timings,
    reliable: bool,
    retransmit: Option<Backoff>,
    end: Option<Instant>,
    last: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

impl ServerInvite {
    /// Starts with the request just received.
    #[must_use]
    pub fn new(timings: Timings, reliable: bool) -> Self {
        Self { state: State::Proceeding, timings, reliable, retransmit: None, end: None, last: None }
    }

    /// Whether no final response has been given.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state == State::Proceeding
    }

    /// The user's response, about to be sent. False where a final response went before: then nothing is sent.
    pub fn respond(&mut self, now: Instant, status: Status, response: &Bytes) -> bool {
        if self.state != State::Proceeding {
            return false;
        }
        self.last = Some(response.clone());
        if status.is_success() {
            self.state = State::Accepted;
            self.retransmit = Some(Backoff::start(now, self.timings.t1));
            self.end = Some(now + self.timings.timeout());
        } else if status.is_final() {
            self.state = State::Completed;
            self.retransmit = (!self.reliable).then(|| Backoff::start(now, self.timings.t1));
            self.end = Some(now + self.timings.timeout());
        }
        true
    }

    /// The INVITE again: what to send once more, if anything.
    #[must_use]
    pub fn on_retransmission(&self) -> Option<Bytes> {
        match self.state {
            State::Proceeding | State::Completed => self.last.clone(),
            State::Confirmed | State::Accepted => None,
        }
    }

    /// The ACK of a failure.
    pub fn on_ack(&mut self, now: Instant) {
        if self.state == State::Completed {
            self.state = State::Confirmed;
            self.retransmit = None;
            self.last = None;
            self.end = Some(if self.reliable { now } else { now + self.timings.t4 });
        }
    }

    /// The ACK of the 2xx, which the dialog found: a request of its own (RFC 3261 section 13.2.2.4).
    pub fn on_dialog_ack(&mut self) {
        if self.state == State::Accepted {
            self.retransmit = None;
            self.last = None;
        }
    }

    /// When [`ServerInvite::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.retransmit, self.end)
    }

    /// Fires timer G, H, I or L, whichever is due. It times out where no ACK came for a final response.
    pub fn expire(&mut self, now: Instant) -> Option<Expiry> {
        if self.end.is_some_and(|end| end <= now) {
            let acknowledged = self.state == State::Confirmed || self.last.is_none();
            return Some(if acknowledged { Expiry::Ended } else { Expiry::TimedOut });
        }
        let backoff = self.retransmit.filter(|backoff| backoff.at <= now)?;
        self.retransmit = Some(backoff.next(now, Some(self.timings.t2)));
        self.last.clone().map(Expiry::Resend)
    }
}
