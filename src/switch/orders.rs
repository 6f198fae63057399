//! Calls that the operator orders.

use std::sync::Arc;
use std::time::Instant;

use super::hops::{self, Hops};
use super::{Output, Resolving, Switch};
use crate::base::Side;
use crate::call::{Call, CallKey, Order, Policy};
use crate::route::{Index, Plan};

impl Switch {
    /// A new call that was ordered. Where this node takes none, its record says so.
    pub(super) fn order(&mut self, now: Instant, order: Order) {
        let is_unavailable = self.unavailable(now).is_some();
        let key = self.reserve();
        let mut call = Box::new(Call::ordered(&mut self.context(now), key, order));
        if is_unavailable {
            call.turn_away(&mut self.context(now));
        } else {
            call.begin(&mut self.context(now));
        }
        self.put_back(now, key, call);
    }

    /// Looks for a party that a call wants to call, in the settings that its plan was made under.
    pub(super) fn locate(
        &mut self,
        now: Instant,
        key: CallKey,
        (side, serial): (Side, u32),
        plan: Plan,
        index: Arc<Index>,
    ) {
        let policy = Arc::new(Policy { index, ..(*self.policy).clone() });
        match self.destinations(now, &policy, &plan) {
            Hops::Known(destinations) => self.located = Some((side, serial, destinations)),
            Hops::Ask(hops::Name { host, port, transport }) => {
                let id = self.next_lookup();
                self.resolving.insert(id, Resolving { call: key, side: Some((side, serial)), plan, policy });
                self.outputs.push_back(Output::Resolve { id, host, port, transport });
            }
        }
    }
}
