//! Whether this node takes new calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Switch;
use super::local::Objection;
use crate::call::CallKey;
use crate::route::Decision;

/// Most seconds after which a carrier may send calls again; more, and some send nothing for as long. Drawn at random,
/// so that not all that were turned away come back together.
const RETRY_AFTER: u8 = 5;

/// How many calls of all shards have ports or are to have some: from the decision for them on, while a trunk's name is
/// looked up too. Those that are being decided or refused do not count, so that a flood of calls that lead nowhere
/// keeps no others out.
#[derive(Debug, Default)]
pub(super) struct Load(AtomicUsize);

impl Load {
    fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more call, unless there are as many as there may be.
    fn enter(&self, most: usize) -> bool {
        let more = |calls: usize| (calls < most).then_some(calls + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// A call that counted no longer does.
    pub(super) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Switch {
    /// Why this node takes no new calls, where it takes none.
    pub(super) fn unavailable(&mut self, now: Instant) -> Option<Objection> {
        let why = if self.is_draining { Some("the node is draining") } else { self.overload(now) }?;
        Some(Objection::unavailable(self.retry_after(), why))
    }

    /// After how many seconds somebody is to try again.
    pub(super) fn retry_after(&mut self) -> u8 {
        1 + self.random.next_u32().to_be_bytes()[0] % RETRY_AFTER
    }

    /// Counts a call that is to be bridged. Where calls that came before it have taken the last place since, it is
    /// turned away after all, and false comes back.
    pub(super) fn enter(&mut self, now: Instant, key: CallKey, decision: &Decision) -> bool {
        if self.call(key).is_none_or(|call| !call.is_undecided()) {
            return true;
        }
        let is_in = self.registry.load.enter(self.policy.max_calls);
        if is_in {
            self.calls[key.slot as usize].counts = true;
        } else {
            self.count_overload(now);
            let retry_after = self.retry_after();
            self.with_call(now, key, |call, ctx| call.crowded_out(ctx, decision, retry_after));
        }
        is_in
    }

    /// How this node is above its load mark, where it is. Whatever is turned away for it is counted for the log.
    fn overload(&mut self, now: Instant) -> Option<&'static str> {
        let why = if self.registry.load.calls() >= self.policy.max_calls {
            "the node has as many calls as it may"
        } else if self.is_behind {
            "messages come faster than the node takes them in"
        } else if self.servers.is_full() {
            "the node has as many requests to answer as it may"
        } else {
            return None;
        };
        self.count_overload(now);
        Some(why)
    }

    fn count_overload(&mut self, now: Instant) {
        self.turned_away.overload += 1;
        self.tell_later(now);
    }
}
