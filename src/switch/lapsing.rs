//! What is remembered for a time only, by many threads.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use dashmap::mapref::one::{Ref, RefMut};

/// How many entries there may be before the lapsed ones are swept out.
const SWEEP: usize = 4_096;

/// A map whose entries lapse. Lapsed ones are swept out as new ones come, and at most once a second: in a flood nothing
/// may have lapsed yet, and each look would be in vain.
#[derive(Debug)]
pub(super) struct Lapsing<K: Eq + Hash, V> {
    entries: DashMap<K, Entry<V>>,
    started: Instant,
    /// The second, from the start, in which it was last swept.
    swept: AtomicU64,
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    pub(super) until: Instant,
}

impl<K: Eq + Hash, V> Lapsing<K, V> {
    pub(super) fn new(now: Instant) -> Self {
        Self { entries: DashMap::new(), started: now, swept: AtomicU64::new(0) }
    }

    /// The entry of a key, and a new one where there is none; `until` is the caller's to move.
    pub(super) fn entry(
        &self,
        now: Instant,
        key: K,
        new: impl FnOnce() -> (V, Instant),
    ) -> RefMut<'_, K, Entry<V>> {
        self.sweep(now);
        self.entries.entry(key).or_insert_with(|| {
            let (value, until) = new();
            Entry { value, until }
        })
    }

    /// The entry of a key, lapsed or not.
    pub(super) fn get(&self, key: &K) -> Option<Ref<'_, K, Entry<V>>> {
        self.entries.get(key)
    }

    /// Whether there is an entry that has not lapsed.
    pub(super) fn holds(&self, now: Instant, key: &K) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.until > now)
    }

    /// Whether one more key would be one too many.
    pub(super) fn is_full_for(&self, now: Instant, key: &K, most: usize) -> bool {
        self.sweep(now);
        self.entries.len() >= most && !self.entries.contains_key(key)
    }

    pub(super) fn remove(&self, key: &K) {
        self.entries.remove(key);
    }

    fn sweep(&self, now: Instant) {
        if self.entries.len() <= SWEEP {
            return;
        }
        let (second, last) =
            (now.saturating_duration_since(self.started).as_secs(), self.swept.load(Ordering::Relaxed));
        let is_mine =
            || self.swept.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if second > last && is_mine() {
            self.entries.retain(|_, entry| entry.until > now);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lapsed_entries_are_swept_out_when_there_are_many_and_once_a_second() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let map = Lapsing::new(start);
        let add = |key: usize, now| drop(map.entry(now, key, || ((), now + Duration::from_secs(2))));
        (0..=SWEEP).for_each(|key| add(key, start));
        assert!(map.holds(at(1_999), &0) && !map.holds(at(2_000), &0));
        add(10_001, at(1_000));
        assert_eq!(map.len(), SWEEP + 2, "nothing has lapsed");
        add(10_002, at(1_999));
        add(10_003, at(1_999));
        assert_eq!(map.len(), SWEEP + 4);
        add(10_004, at(2_000));
        assert_eq!(map.len(), 4, "what has not lapsed, and the new one");
        (0..=SWEEP).for_each(|key| add(key, at(2_000)));
        assert!(map.is_full_for(at(2_000), &77_777, 5) && !map.is_full_for(at(2_000), &10_004, 5));
        assert!(!map.is_full_for(at(5_000), &77_777, 5), "they are swept out before anyone is turned away");
    }
}
