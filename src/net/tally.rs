//! How the shards fare, for the one who waits for them to end.

use std::sync::Arc;

use tokio::sync::watch;

/// All shards together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The shards that take no new calls.
    pub draining: usize,
    /// The calls that those have left.
    pub calls: usize,
    /// The shards that have ended, as told or by a fault of their own.
    pub ended: usize,
}

/// One shard's share. Calls are counted only while it drains, so that nobody is woken for each call before.
#[derive(Debug)]
pub(super) struct Share {
    tally: Arc<watch::Sender<Tally>>,
    calls: Option<usize>,
}

impl Share {
    pub(super) fn new(tally: Arc<watch::Sender<Tally>>) -> Self {
        Self { tally, calls: None }
    }

    /// From now on the shard's calls count; how many they are is told at the end of its turn.
    pub(super) fn drain(&mut self) {
        // More calls than there can be, until they are told.
        self.calls = self.calls.or(Some(usize::MAX));
    }

    /// The shard holds so many calls.
    pub(super) fn tell(&mut self, calls: usize) {
        let before = match self.calls {
            Some(before) if before != calls => before,
            _ => return,
        };
        self.calls = Some(calls);
        self.tally.send_modify(|tally| {
            if before == usize::MAX {
                tally.draining += 1;
                tally.calls += calls;
            } else {
                tally.calls = tally.calls - before + calls;
            }
        });
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tally.send_modify(|tally| tally.ended += 1);
    }
}
