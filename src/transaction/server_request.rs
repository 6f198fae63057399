//! Non-INVITE server transaction: RFC 3261 section 17.2.2.

use std::time::Instant;

use bytes::Bytes;

use super::{Expiry, Timings};
use crate::sip::Status;

/// A request other than INVITE and ACK that we received.
#[derive(Debug)]
pub struct ServerRequest {
    timings: Timings,
    reliable: bool,
    last: Option<Bytes>,
    end: Option<Instant>,
}

impl ServerRequest {
    /// Starts with the request just received.
    #[must_use]
    pub fn new(timings: Timings, reliable: bool) -> Self {
        Self { timings, reliable, last: None, end: None }
    }

    /// The user's response, about to be sent. False where a final response went before: then nothing is sent.
    pub fn respond(&mut self, now: Instant, status: Status, response: &Bytes) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.last = Some(response.clone());
        if status.is_final() {
            self.end = Some(if self.reliable { now } else { now + self.timings.timeout() });
        }
        true
    }

    /// The request again: what to send once more, if anything.
    #[must_use]
    pub fn on_retransmission(&self) -> Option<Bytes> {
        self.last.clone()
    }

    /// When [`ServerRequest::expire`] wants to be called: at the end of timer J.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.end
    }

    /// Fires timer J when it is due.
    #[must_use]
    pub fn expire(&self, now: Instant) -> Option<Expiry> {
        self.end.is_some_and(|end| end <= now).then_some(Expiry::Ended)
    }
}
