//! The masking numbers of the inventory and their pools.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::base::PhoneNumber;
use crate::ledger::{Number, NumberState};

/// The inventory.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    numbers: FxHashMap<PhoneNumber, Arc<Number>>,
    pools: FxHashMap<Arc<str>, Pool>,
    /// How many numbers are rented on each trunk, retired ones left out.
    trunks: FxHashMap<Arc<str>, usize>,
}

/// The numbers of one pool, in every state.
#[derive(Debug, Default)]
struct Pool {
    numbers: BTreeMap<PhoneNumber, Arc<Number>>,
    /// Those that sessions may draw: made when they are asked for, dropped when a number changes.
    active: OnceLock<Arc<[Arc<Number>]>>,
}

impl Inventory {
    pub(super) fn number(&self, number: PhoneNumber) -> Option<&Arc<Number>> {
        self.numbers.get(&number)
    }

    pub(super) fn pool(&self, name: &str) -> Option<Arc<[Arc<Number>]>> {
        let pool = self.pools.get(name)?;
        let active =
            || pool.numbers.values().filter(|number| number.state == NumberState::Active).cloned().collect();
        Some(Arc::clone(pool.active.get_or_init(active)))
    }

    pub(super) fn is_on_trunk(&self, trunk: &str) -> bool {
        self.trunks.contains_key(trunk)
    }

    pub(super) fn put(&mut self, number: Number) {
        self.remove(number.number);
        let number = Arc::new(number);
        if let Some(name) = &number.pool {
            let pool = self.pools.entry(Arc::clone(name)).or_default();
            pool.numbers.insert(number.number, Arc::clone(&number));
            pool.active = OnceLock::new();
        }
        if let Some(trunk) = rented_on(&number) {
            *self.trunks.entry(Arc::clone(trunk)).or_default() += 1;
        }
        self.numbers.insert(number.number, number);
    }

    pub(super) fn remove(&mut self, number: PhoneNumber) {
        let Some(number) = self.numbers.remove(&number) else { return };
        if let Some(name) = &number.pool {
            let pool = self.pools.get_mut(name).expect("a number is in its pool");
            pool.numbers.remove(&number.number);
            pool.active = OnceLock::new();
            if pool.numbers.is_empty() {
                self.pools.remove(name);
            }
        }
        if let Some(trunk) = rented_on(&number) {
            let count = self.trunks.get_mut(trunk).expect("it was counted when it was put");
            *count -= 1;
            if *count == 0 {
                self.trunks.remove(trunk);
            }
        }
    }
}

fn rented_on(number: &Number) -> Option<&Arc<str>> {
    number.trunk.as_ref().filter(|_| number.state != NumberState::Retired)
}
