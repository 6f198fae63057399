//! What is going to happen, in the order of its time.

use std::collections::BTreeMap;
use std::time::Instant;

use maskline::switch::Input;

use super::wire::Datagram;

/// One thing that is going to happen.
pub enum Happening {
    /// The switch hears something.
    Switch(Input),
    /// A datagram reaches an endpoint.
    Endpoint(Datagram),
}

/// The agenda.
#[derive(Default)]
pub struct Agenda {
    entries: BTreeMap<(Instant, u64), Happening>,
    count: u64,
}

impl Agenda {
    pub fn add(&mut self, at: Instant, happening: Happening) {
        self.count += 1;
        self.entries.insert((at, self.count), happening);
    }

    pub fn next(&self) -> Option<Instant> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    pub fn take(&mut self, now: Instant) -> Option<Happening> {
        let first = self.entries.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}
