//! Whether this node takes new calls.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Switch;
use super::local::Objection;

/// Most seconds after which a carrier may send calls again; more, and some send nothing for as long. Drawn at random,
/// so that not all that were turned away come back together.
const RETRY_AFTER: u8 = 5;

impl Switch {
    /// Why this node takes no new calls, where it takes none.
    pub(super) fn unavailable(&mut self, now: Instant) -> Option<Objection> {
        let why = if self.is_draining { Some("the node is draining") } else { self.overload(now) }?;
        let retry_after = 1 + self.random.next_u32().to_be_bytes()[0] % RETRY_AFTER;
        Some(Objection::unavailable(retry_after, why))
    }

    /// How this node is above its load mark, where it is. Whatever is turned away for it is counted for the log.
    fn overload(&mut self, now: Instant) -> Option<&'static str> {
        let why = if self.registry.calls.load(Ordering::Relaxed) >= self.policy.max_calls {
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
