//! Non-INVITE client transaction: RFC 3261 section 17.1.2.

use std::time::Instant;

use bytes::Bytes;

use super::{Backoff, Expiry, Reaction, Timings, earlier};
use crate::sip::Status;

/// A request other than INVITE and ACK that we sent.
#[derive(Debug)]
pub struct ClientRequest {
    state: State,
    timings: Timings,
    reliable: bool,
    retransmit: Option<Backoff>,
    end: Instant,
    request: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

impl ClientRequest {
    /// Starts with the request just sent.
    #[must_use]
    pub fn new(now: Instant, timings: Timings, reliable: bool, request: Bytes) -> Self {
        Self {
            state: State::Trying,
            timings,
            reliable,
            retransmit: (!reliable).then(|| Backoff::start(now, timings.t1)),
            end: now + timings.timeout(),
            request,
        }
    }

    /// Whether no final response has come yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state != State::Completed
    }

    /// A response.
    pub fn on_response(&mut self, now: Instant, status: Status) -> Reaction {
        match self.state {
            State::Completed => Reaction::ABSORB,
            State::Trying | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                Reaction::PASS
            }
            State::Trying | State::Proceeding => {
                self.state = State::Completed;
                self.retransmit = None;
                self.end = if self.reliable { now } else { now + self.timings.t4 };
                self.request = Bytes::new();
                Reaction::PASS
            }
        }
    }

    /// When [`ClientRequest::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.retransmit, Some(self.end))
    }

    /// Fires timer E, F or K, whichever is due.
    pub fn expire(&mut self, now: Instant) -> Option<Expiry> {
        if self.end <= now {
            return Some(if self.state == State::Completed { Expiry::Ended } else { Expiry::TimedOut });
        }
        let backoff = self.retransmit.filter(|backoff| backoff.at <= now)?;
        self.retransmit = Some(match self.state {
            State::Proceeding => Backoff::start(now, self.timings.t2),
            State::Trying | State::Completed => backoff.next(now, Some(self.timings.t2)),
        });
        Some(Expiry::Resend(self.request.clone()))
    }
}
