//! Which numbers are ours: those of the settings and those of the inventory.

use super::Index;
use crate::base::PhoneNumber;
use crate::ledger::{Book, NumberState};

/// The numbers of the settings together with those of the inventory.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'a> {
    /// The settings.
    pub index: &'a Index,
    /// The inventory.
    pub book: &'a Book,
}

impl Ours<'_> {
    /// Whether the number may be dialled and shown. One that is retired may not, wherever else it stands.
    #[must_use]
    pub fn serve(self, number: PhoneNumber) -> bool {
        match self.book.state(number) {
            Some(state) => state != NumberState::Retired,
            None => self.index.owns(number),
        }
    }

    /// Whether the number is ours in any way, so that it is nobody's own.
    #[must_use]
    pub fn have(self, number: PhoneNumber) -> bool {
        self.index.owns(number) || self.serve(number)
    }

    /// Whether a trunk may show a number of ours: its `allowed_show` says so, or without that, the number is rented on
    /// it, or none is.
    #[must_use]
    pub fn may_show(self, trunk: usize, show: PhoneNumber) -> bool {
        let name = &self.index.trunk(trunk).name;
        let is_rented_here = || {
            let number = self.book.number(show);
            number.and_then(|number| number.trunk.clone()).is_some_and(|trunk| trunk == *name)
        };
        match self.index.allowed_show(trunk) {
            Some(allowed) => allowed.contains(&show),
            None => !self.book.is_on_trunk(name) || is_rented_here(),
        }
    }
}
