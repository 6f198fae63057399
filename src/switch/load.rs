//! Whether this node takes new calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Switch;
use super::local::Objection;

/// Most seconds after which a carrier may send calls again; more, and some send nothing for as long. Drawn at random,
/// so that not all that were turned away come back together.
const RETRY_AFTER: u8 = 5;

/// How many calls of all shards have ports. Those that are being decided or refused have none, so that a flood of
/// calls that lead nowhere keeps no others out.
#[derive(Debug, Default)]
pub(super) struct Load(AtomicUsize);

impl Load {
    fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A call had ports or not, and has some now or not.
    pub(super) fn change(&self, had: bool, has: bool) {
        if has && !had {
            self.0.fetch_add(1, Ordering::Relaxed);
        } else if had && !has {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Switch {
    /// Why this node takes no new calls, where it takes none.
    pub(super) fn unavailable(&mut self, now: Instant) -> Option<Objection> {
        let why = if self.is_draining { Some("the node is draining") } else { self.overload(now) }?;
        let retry_after = 1 + self.random.next_u32().to_be_bytes()[0] % RETRY_AFTER;
        Some(Objection::unavailable(retry_after, why))
    }

    /// How this node is above its load mark, where it is. Whatever is turned away for it is counted for the log.
    fn overload(&mut self, now: Instant) -> Option<&'static str> {
        let why = if self.registry.load.calls() >= self.policy.max_calls {
            "the node has as many calls as it may"
        } else if self.is_behind {
            "messages come faster than the node takes them in"
        } else {
            return None;
        };
        self.turned_away.overload += 1;
        self.tell_later(now);
        Some(why)
    }
}
