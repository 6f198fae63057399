//! Connections that have shown no token yet. They may not shut out the others: where there are too many, the one that
//! came first has to go.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// So many at a time: half of the places.
const GUESTS: usize = 256;

/// All of them, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Guests(Arc<Mutex<VecDeque<Arc<Notify>>>>);

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    leave: Arc<Notify>,
    guests: Guests,
}

impl Guests {
    /// Takes one in; where that is one too many, the first has to go.
    pub(super) fn admit(&self) -> Guest {
        let leave = Arc::new(Notify::new());
        self.with(|all| {
            if all.len() >= GUESTS {
                all.pop_front().iter().for_each(|first| first.notify_one());
            }
            all.push_back(Arc::clone(&leave));
        });
        Guest { leave, guests: self.clone() }
    }

    fn with(&self, change: impl FnOnce(&mut VecDeque<Arc<Notify>>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Guest {
    /// It is a guest no more: it has shown a token, or it is over.
    pub(super) fn cross_out(&self) {
        self.guests.with(|all| all.retain(|one| !Arc::ptr_eq(one, &self.leave)));
    }

    /// Waits until it has to go.
    pub(super) async fn has_to_go(&self) {
        self.leave.notified().await;
    }
}
