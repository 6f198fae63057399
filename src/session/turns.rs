//! Requests of one name take turns, so that each sees what the one before it has made.

use std::collections::HashMap;
use std::sync::{self, Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// The names whose requests are being granted.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queues: sync::Mutex<HashMap<Box<str>, Arc<Mutex<()>>>>,
}

/// A request's turn: the next begins when it is dropped.
#[must_use]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    name: &'a str,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until it is this request's turn.
    pub(super) async fn turn<'a>(&'a self, name: &'a str) -> Turn<'a> {
        let queue = Arc::clone(self.queues().entry(name.into()).or_default());
        Turn { turns: self, name, held: Some(queue.lock_owned().await) }
    }

    fn queues(&self) -> sync::MutexGuard<'_, HashMap<Box<str>, Arc<Mutex<()>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        drop(self.held.take());
        // Whoever waits has the queue as well.
        if queues.get(self.name).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(self.name);
        }
    }
}
