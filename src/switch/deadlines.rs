//! When something is due.

use std::collections::BTreeSet;
use std::time::Instant;

/// The deadlines of one shard: one at most for each owner, taken out again when it is no longer wanted, so that
/// nothing is left of what ended early.
#[derive(Debug)]
pub(super) struct Deadlines<K>(BTreeSet<(Instant, K)>);

impl<K: Ord + Copy> Deadlines<K> {
    pub(super) fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Moves an owner's deadline; `set` is where the owner keeps what is set.
    pub(super) fn set(&mut self, owner: K, set: &mut Option<Instant>, at: Option<Instant>) {
        if *set == at {
            return;
        }
        if let Some(before) = set.take() {
            self.0.remove(&(before, owner));
        }
        if let Some(at) = at {
            self.0.insert((at, owner));
        }
        *set = at;
    }

    /// The next one.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The owner of the next one that is due; its deadline stays set until the owner moves it.
    pub(super) fn due(&self, now: Instant) -> Option<K> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, owner)| *owner)
    }
}
