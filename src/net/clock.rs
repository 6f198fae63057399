//! The clocks: here the machines get their time.

use std::time::{Duration, Instant, SystemTime};

/// How often a machine is told the time of day, which may be set while it runs.
const TELL: Duration = Duration::from_secs(5);

/// When the time of day is told next.
#[derive(Debug)]
pub(super) struct Clock {
    next: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { next: now() }
    }

    /// When it is to be told next.
    pub(super) fn due(&self) -> Instant {
        self.next
    }

    /// The time of day, where it is to be told now.
    #[expect(clippy::disallowed_methods, reason = "an edge file")]
    pub(super) fn tell(&mut self, now: Instant) -> Option<SystemTime> {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + TELL;
        }
        is_due.then(SystemTime::now)
    }
}

#[expect(clippy::disallowed_methods, reason = "an edge file")]
pub(super) fn now() -> Instant {
    Instant::now()
}
