//! INVITE client transaction: RFC 3261 section 17.1.1 with RFC 6026 section 7.2.

use std::time::Instant;

use bytes::Bytes;

use super::{Backoff, Expiry, Reaction, RequestHead, Timings, earlier};
use crate::sip::Status;

/// An INVITE that we sent.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    timings: Timings,
    retransmit: Option<Backoff>,
    end: Option<Instant>,
    head: Box<RequestHead>,
    /// The INVITE while Calling, the ACK once there is one to repeat.
    bytes: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

impl ClientInvite {
    /// Starts with the request just sent.
    #[must_use]
    pub fn new(now: Instant, timings: Timings, reliable: bool, head: RequestHead, request: Bytes) -> Self {
        Self {
            state: State::Calling,
            timings,
            retransmit: (!reliable).then(|| Backoff::start(now, timings.t1)),
            end: Some(now + timings.timeout()),
            head: Box::new(head),
            bytes: request,
        }
    }

    /// The head of the request, for a CANCEL or the ACK of a fork.
    #[must_use]
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Whether a provisional response has come, so that a CANCEL may be sent (RFC 3261 section 9.1).
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Whether no final response has come yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// Whether the final response was a failure.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.state == State::Completed
    }

    /// A CANCEL has been sent: without a final response in 64 T1 the transaction is given up (section 9.1).
    pub fn cancelled(&mut self, now: Instant) {
        self.end = Some(now + self.timings.timeout());
    }

    /// A response; `to` is the value of its To, with the tag.
    pub fn on_response(&mut self, now: Instant, status: Status, to: &str) -> Reaction {
        match (self.state, status) {
            (State::Calling, status) if status.is_provisional() => {
                self.state = State::Proceeding;
                self.retransmit = None;
                self.end = None;
                self.bytes = Bytes::new();
                Reaction::PASS
            }
            (State::Proceeding, status) if status.is_provisional() => Reaction::PASS,
            (State::Calling | State::Proceeding, status) if status.is_success() => {
                self.state = State::Accepted;
                self.retransmit = None;
                self.end = Some(now + self.timings.timeout());
                self.bytes = Bytes::new();
                Reaction::PASS
            }
            (State::Calling | State::Proceeding, _) => {
                self.state = State::Completed;
                self.retransmit = None;
                // On a reliable transport timer D is 0; but a 2xx of another branch may still come (RFC 3261 section
                // 16.7), as it may after a 2xx.
                self.end = Some(now + self.timings.timeout());
                self.bytes = self.head.ack(to);
                Reaction { pass: true, send: Some(self.bytes.clone()) }
            }
            (State::Completed, status) if status.is_final() && !status.is_success() => {
                Reaction { pass: false, send: Some(self.bytes.clone()) }
            }
            // After a failure too: a forking proxy passes each 2xx on, whatever it has passed before (RFC 3261 section
            // 16.7), and its ACK and BYE are the user's matter (section 13.2.2.4).
            (State::Completed | State::Accepted, status) if status.is_success() => Reaction::PASS,
            (State::Completed | State::Accepted, _) => Reaction::ABSORB,
        }
    }

    /// When [`ClientInvite::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.retransmit, self.end)
    }

    /// Fires timer A, B, D or M, whichever is due.
    pub fn expire(&mut self, now: Instant) -> Option<Expiry> {
        if self.end.is_some_and(|end| end <= now) {
            return Some(if self.is_pending() { Expiry::TimedOut } else { Expiry::Ended });
        }
        let backoff = self.retransmit.filter(|backoff| backoff.at <= now)?;
        self.retransmit = Some(backoff.next(now, None));
        Some(Expiry::Resend(self.bytes.clone()))
    }
}
