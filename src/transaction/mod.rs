//! Floor 2: the four transaction machines of RFC 3261 section 17, with the corrections of RFC 6026.
//!
//! A machine is data: the owner feeds it messages and the time, does what it answers, and asks it for its next
//! deadline. It holds the bytes it may have to send again, and nothing of the call it serves.

mod client_invite;
mod client_request;
mod head;
mod server_invite;
mod server_request;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub use client_invite::ClientInvite;
pub use client_request::ClientRequest;
pub use head::RequestHead;
pub use server_invite::ServerInvite;
pub use server_request::ServerRequest;

/// The timer values of RFC 3261 section 17.1.1.1 and table 4, from which all others follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Round-trip estimate; the first retransmission comes after it. Default 500 ms.
    pub t1: Duration,
    /// The longest interval between retransmissions. Default 4 s.
    pub t2: Duration,
    /// The longest time a message stays in the network. Default 5 s.
    pub t4: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timings {
    /// 64 times T1: timers B, D, F, H, J, L and M (32 s by default).
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.t1 * 64
    }
}

/// What a machine asks for when one of its timers fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// Send these bytes again.
    Resend(Bytes),
    /// Nothing came in time: tell the user, and drop the transaction.
    TimedOut,
    /// The transaction has outlived its use: drop it.
    Ended,
}

/// What a client machine asks for when a response comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Whether the transaction's user sees the response.
    pub pass: bool,
    /// Bytes to send at once: the ACK of a failure.
    pub send: Option<Bytes>,
}

impl Reaction {
    const ABSORB: Self = Self { pass: false, send: None };
    const PASS: Self = Self { pass: true, send: None };
}

/// Retransmission with a doubling interval.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    at: Instant,
    interval: Duration,
}

impl Backoff {
    fn start(now: Instant, interval: Duration) -> Self {
        Self { at: now + interval, interval }
    }

    /// The next one, its interval doubled but no longer than `cap`.
    fn next(self, now: Instant, cap: Option<Duration>) -> Self {
        let doubled = self.interval * 2;
        Self::start(now, cap.map_or(doubled, |cap| doubled.min(cap)))
    }
}

/// The earlier of a retransmission and an end.
fn earlier(retransmit: Option<Backoff>, end: Option<Instant>) -> Option<Instant> {
    [retransmit.map(|backoff| backoff.at), end].into_iter().flatten().min()
}

#[cfg(test)]
mod tests;
