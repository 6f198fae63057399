//! The seam for time: machines are handed the time and never read a clock.

use std::time::{Duration, Instant, SystemTime};

/// One moment on both clocks, from which the wall-clock time of any other monotonic moment follows.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    monotonic: Instant,
    wall: SystemTime,
}

impl Anchor {
    /// Ties a monotonic moment to a wall-clock one.
    #[must_use]
    pub fn new(monotonic: Instant, wall: SystemTime) -> Self {
        Self { monotonic, wall }
    }

    /// The wall-clock time of a monotonic moment.
    #[must_use]
    pub fn wall(&self, at: Instant) -> SystemTime {
        match at.checked_duration_since(self.monotonic) {
            Some(after) => self.wall + after,
            None => self.wall - self.monotonic.duration_since(at),
        }
    }

    /// Milliseconds since the Unix epoch at a monotonic moment.
    #[must_use]
    pub fn unix_millis(&self, at: Instant) -> u64 {
        let since = self.wall(at).duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
