//! Whether a shard keeps up with what it hears.

use std::time::{Duration, Instant};

/// How long more may wait to be heard than a turn takes in, before the shard counts as behind: by then what waits is
/// old enough to have been sent again, after T1 of 500 ms (RFC 3261 section 17.1.1.2), so that each message costs twice.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of a shard's queues: a queue that is emptied now and then only smooths bursts; one that never is
/// has grown older than [`PATIENCE`].
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Since when no turn has found its end.
    since: Option<Instant>,
    is_behind: bool,
}

impl Backlog {
    /// Notes whether a turn took in all there was. Tells whether the shard is behind, where that has changed.
    pub(super) fn note(&mut self, now: Instant, is_emptied: bool) -> Option<bool> {
        self.since = if is_emptied { None } else { self.since.or(Some(now)) };
        let is_behind = self.since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE);
        let has_changed = is_behind != self.is_behind;
        self.is_behind = is_behind;
        has_changed.then_some(is_behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
    fn a_queue_that_is_never_emptied_is_a_backlog() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        let mut note = |ms, is_emptied| backlog.note(start + Duration::from_millis(ms), is_emptied);
        assert_eq!((note(0, false), note(999, false)), (None, None));
        assert_eq!((note(999, true), note(1_200, false), note(2_199, false)), (None, None, None), "a burst");
        assert_eq!((note(2_200, false), note(2_300, false)), (Some(true), None));
        assert_eq!((note(2_400, true), note(2_500, true)), (Some(false), None));
    }
}
