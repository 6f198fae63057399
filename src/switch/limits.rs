//! How often something may happen: token buckets that all shards share.

use std::hash::Hash;
use std::time::{Duration, Instant};

use super::lapsing::Lapsing;

/// How many buckets there may be at a time.
pub(super) const MOST: usize = 65_536;

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// So many times a second in the long run.
    pub(super) per_second: f64,
    /// So many times at once.
    pub(super) burst: f64,
}

/// One bucket for each key: full until something is taken, and forgotten once it is full again.
#[derive(Debug)]
pub(super) struct Buckets<K: Eq + Hash> {
    /// What was left in a bucket, and when.
    left: Lapsing<K, (f64, Instant)>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: Lapsing::new(now) }
    }

    /// Whether there are as many buckets as there may be, and none of this key.
    pub(super) fn is_full_for(&self, now: Instant, key: &K) -> bool {
        self.left.is_full_for(now, key, MOST)
    }

    /// Takes one out of a bucket: false where none is left. Beyond [`MOST`] keys a new one is not counted.
    pub(super) fn take(&self, now: Instant, key: K, rate: Rate) -> bool {
        if self.is_full_for(now, &key) {
            return true;
        }
        let mut bucket = self.left.entry(now, key, || ((rate.burst, now), now));
        let left = rate.refilled(bucket.value, now);
        let takes = left >= 1.0;
        let left = if takes { left - 1.0 } else { left };
        bucket.value = (left, now);
        bucket.until = now + rate.time_to_fill(left);
        takes
    }

    /// Whether something is left in a bucket.
    pub(super) fn has(&self, now: Instant, key: &K, rate: Rate) -> bool {
        self.left.get(key).is_none_or(|bucket| rate.refilled(bucket.value, now) >= 1.0)
    }

    /// Fills a bucket.
    pub(super) fn fill(&self, key: &K) {
        self.left.remove(key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }
}

impl Rate {
    /// What is in a bucket that held so much at a time before.
    fn refilled(self, (left, at): (f64, Instant), now: Instant) -> f64 {
        let since: Duration = now.saturating_duration_since(at);
        (left + since.as_secs_f64() * self.per_second).min(self.burst)
    }

    /// How long a bucket that holds so much takes to be full.
    fn time_to_fill(self, left: f64) -> Duration {
        Duration::from_secs_f64((self.burst - left) / self.per_second)
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
        assert_eq!(buckets.len(), MOST);
        let later = now + Duration::from_secs(6);
        assert!(buckets.take(later, 0, RATE));
        assert_eq!(buckets.len(), 1);
    }
}
