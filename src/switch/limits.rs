//! How often something may happen: token buckets that all shards share.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;

/// How many buckets there may be before the full ones are swept out.
const SWEEP: usize = 4_096;
/// How many there may be at a time; beyond, whoever has none is not counted.
const MOST: usize = 65_536;

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// So many times a second in the long run.
    pub(super) per_second: f64,
    /// So many times at once.
    pub(super) burst: f64,
}

/// One bucket for each key: full until something is taken, and forgotten once it is full again. Guards of the map are
/// never held beyond one call.
#[derive(Debug)]
pub(super) struct Buckets<K: Eq + Hash> {
    started: Instant,
    /// The second in which the full ones were last swept out.
    swept: AtomicU64,
    /// What was left in a bucket, and when.
    left: DashMap<K, (f64, Instant)>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(now: Instant) -> Self {
        Self { started: now, swept: AtomicU64::new(0), left: DashMap::new() }
    }

    /// Takes one out of a bucket: false where none is left.
    pub(super) fn take(&self, now: Instant, key: K, rate: Rate) -> bool {
        self.sweep(now, rate);
        if self.left.len() >= MOST && !self.left.contains_key(&key) {
            return true;
        }
        let mut bucket = self.left.entry(key).or_insert((rate.burst, now));
        let left = rate.refilled(*bucket, now);
        let takes = left >= 1.0;
        *bucket = (if takes { left - 1.0 } else { left }, now);
        takes
    }

    /// Whether one is left in a bucket.
    pub(super) fn has(&self, now: Instant, key: &K, rate: Rate) -> bool {
        self.left.get(key).is_none_or(|bucket| rate.refilled(*bucket, now) >= 1.0)
    }

    /// Forgets the buckets that are full again: once a second at most, since under a flood none may be.
    fn sweep(&self, now: Instant, rate: Rate) {
        if self.left.len() < SWEEP {
            return;
        }
        let second = now.saturating_duration_since(self.started).as_secs();
        let last = self.swept.load(Ordering::Relaxed);
        if second > last
            && self.swept.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.left.retain(|_, bucket| rate.refilled(*bucket, now) < rate.burst);
        }
    }
}

impl Rate {
    /// What is in a bucket that held so much at a time before.
    fn refilled(self, (left, at): (f64, Instant), now: Instant) -> f64 {
        let since: Duration = now.saturating_duration_since(at);
        (left + since.as_secs_f64() * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 50.0 };

    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_bucket_runs_out_and_fills_again() {
        let now = start();
        let buckets = Buckets::new(now);
        let taken = |at: Instant| (0..1_000).filter(|_| buckets.take(at, 1, RATE)).count();
        assert!(buckets.has(now, &1, RATE));
        assert_eq!(taken(now), 50);
        assert!(!buckets.has(now, &1, RATE));
        assert!(buckets.has(now, &2, RATE) && buckets.take(now, 2, RATE), "another is not touched");
        assert!(!buckets.has(now + Duration::from_millis(90), &1, RATE));
        assert_eq!(taken(now + Duration::from_secs(2)), 20);
        assert_eq!(taken(now + Duration::from_secs(3_600)), 50, "never more than at once");
    }

    #[test]
    fn full_buckets_are_forgotten_and_a_flood_of_keys_is_bounded() {
        let now = start();
        let buckets = Buckets::new(now);
        assert!((0..MOST + 10).all(|key| buckets.take(now, key, RATE)));
        assert_eq!(buckets.left.len(), MOST);
        let later = now + Duration::from_secs(6);
        assert!(buckets.take(later, 0, RATE));
        assert_eq!(buckets.left.len(), 1);
    }
}
