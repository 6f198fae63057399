//! The pool of port pairs: an even one for RTP and the odd one after it for RTCP (RFC 3550 section 11).

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::base::Random;

/// A free pair, and since when, if it was in use before.
#[derive(Debug, Clone, Copy)]
struct Free {
    port: u16,
    since: Option<Instant>,
}

/// Free pairs in a queue, so that the one that rested longest is taken first. Threads share it without a lock.
#[derive(Debug)]
pub(super) struct Ports {
    back: Sender<Free>,
    front: Receiver<Free>,
    rest: Duration,
    tired: AtomicU64,
}

impl Ports {
    /// All pairs within the range, in an order that cannot be guessed.
    pub(super) fn new(range: &RangeInclusive<u16>, rest: Duration, random: &mut Random) -> Self {
        let first = range.start().saturating_add(range.start() % 2);
        let mut pairs: Vec<u16> = (first..*range.end()).step_by(2).collect();
        for index in (1..pairs.len()).rev() {
            let other = random.next_u64() % (index as u64 + 1);
            pairs.swap(index, usize::try_from(other).unwrap_or(index));
        }
        let (back, front) = bounded(pairs.len());
        for port in pairs {
            // A new queue has room for all of them.
            let _ = back.try_send(Free { port, since: None });
        }
        Self { back, front, rest, tired: AtomicU64::new(0) }
    }

    /// The even port of the pair that has been free for longest. One that has not rested is taken only where no
    /// other is free, and counted.
    pub(super) fn take(&self, now: Instant) -> Option<u16> {
        let Free { port, since } = self.front.try_recv().ok()?;
        if since.is_some_and(|since| now.saturating_duration_since(since) < self.rest) {
            self.tired.fetch_add(1, Ordering::Relaxed);
        }
        Some(port)
    }

    /// Gives a pair back that was in use until now.
    pub(super) fn give(&self, port: u16, now: Instant) {
        // There are never more than were taken from it.
        let _ = self.back.try_send(Free { port, since: Some(now) });
    }

    /// How many pairs there are in all.
    pub(super) fn total(&self) -> usize {
        self.back.capacity().unwrap_or(0)
    }

    /// How many pairs are free.
    pub(super) fn free(&self) -> usize {
        self.front.len()
    }

    /// How many times a pair was taken that had not rested.
    pub(super) fn tired(&self) -> u64 {
        self.tired.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(2);

    fn ports(range: RangeInclusive<u16>) -> (Ports, Instant) {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        let now = Instant::now();
        (Ports::new(&range, REST, &mut Random::from_number(1)), now)
    }

    fn all(ports: &Ports, now: Instant) -> Vec<u16> {
        std::iter::from_fn(|| ports.take(now)).collect()
    }

    #[test]
    fn pairs_are_even_and_whole() {
        for (range, expected) in [
            (20000..=20007, vec![20000, 20002, 20004, 20006]),
            (20001..=20006, vec![20002, 20004]),
            (20000..=20000, vec![]),
            (65532..=65535, vec![65532, 65534]),
        ] {
            let (ports, now) = ports(range);
            assert_eq!(ports.total(), expected.len());
            let mut pairs = all(&ports, now);
            pairs.sort_unstable();
            assert_eq!(pairs, expected);
        }
    }

    #[test]
    fn the_order_cannot_be_guessed() {
        let (ports, now) = ports(20000..=20999);
        let pairs = all(&ports, now);
        assert!(!pairs.is_sorted());
    }

    #[test]
    fn the_longest_free_is_taken_first() {
        let (ports, now) = ports(20000..=20007);
        let fresh = [ports.take(now).unwrap(), ports.take(now).unwrap()];
        for port in fresh {
            ports.give(port, now);
        }
        let unused = [ports.take(now).unwrap(), ports.take(now).unwrap()];
        assert!(unused.iter().all(|port| !fresh.contains(port)), "those never used");
        assert_eq!(ports.tired(), 0);
        assert_eq!(ports.take(now + REST), Some(fresh[0]));
        assert_eq!(ports.tired(), 0, "rested");
        assert_eq!(ports.take(now + REST / 2), Some(fresh[1]));
        assert_eq!(ports.tired(), 1, "there was no other");
        assert_eq!((ports.take(now), ports.free()), (None, 0));
    }
}
