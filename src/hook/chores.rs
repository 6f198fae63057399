//! What is done beside the sending, at its own pace: what waits is counted, and what is too old is given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::backoff::AGE;
use super::worker::now;
use crate::base::Metrics;
use crate::base::metrics::WithResult;
use crate::ledger::Store;

/// How often it is counted what waits.
const COUNT: Duration = Duration::from_secs(5);
/// Counts between two looks for what is too old.
const LOOK: u32 = 12;
/// How much longer than its work it rests at least: a queue may be long.
const REST: u32 = 9;

/// Counts, and gives up.
pub(super) struct Chores {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Chores {
    pub(super) fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    /// Goes on for as long as it is let.
    pub(super) async fn run(&self) {
        let (mut counts, mut seen) = (0_u32, 0);
        loop {
            let begun = Instant::now();
            if counts.is_multiple_of(LOOK) {
                self.give_up(&mut seen).await;
            }
            self.count().await;
            counts = counts.wrapping_add(1);
            sleep(COUNT.max(begun.elapsed() * REST)).await;
        }
    }

    /// Counts what waits.
    pub(super) async fn count(&self) {
        if let Ok(waiting) = self.store.callbacks_waiting().await {
            self.metrics.callback_queue.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
    }

    /// Gives up what was there at the look before and is too old: an event that came late has been tried since.
    async fn give_up(&self, seen: &mut u64) {
        match self.store.give_up_callbacks(now().before(AGE), *seen).await {
            Ok(given_up) => {
                *seen = given_up.last;
                if given_up.count > 0 {
                    tracing::error!(
                        count = given_up.count,
                        "callbacks are given up: their events are a day old"
                    );
                }
                self.metrics
                    .callbacks
                    .get_or_create(&WithResult { result: "given-up" })
                    .inc_by(given_up.count);
            }
            Err(fault) => tracing::warn!(%fault, "callbacks that are too old are still there"),
        }
    }
}
