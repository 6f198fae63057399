//! A call that the operator orders (click-to-call): the switch calls both parties.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{PhoneNumber, Side};
use crate::ledger::SessionId;
use crate::route::{Errand, Index, Placed, Plan, Step, Target};

/// An order to connect two parties: the first is called, and once it has answered the second, each by the masking
/// numbers. [`route::place`](crate::route::place) finds the targets and says what is wrong with the numbers, when it is
/// placed and again whenever a party is about to be called.
#[derive(Debug, Clone)]
pub struct Order {
    /// The id of its call, and of the record.
    pub id: Box<str>,
    /// The party that is called first.
    pub first: PhoneNumber,
    /// The party that is called once the first has answered.
    pub second: PhoneNumber,
    /// The masking numbers that the first and the second party see; owned, and allowed on every target.
    pub sees: [PhoneNumber; 2],
    /// Where the first party is called.
    pub first_target: Target,
    /// Where the second party is called.
    pub second_target: Target,
    /// The settings that the targets have their places in.
    pub index: Arc<Index>,
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// The session is there for the way back only, which may be over before the call is.
    pub is_way_back: bool,
    /// How long each party may ring.
    pub ring_timeout: Duration,
    /// How long the parties may talk; never longer than the settings' `max_duration`.
    pub time_limit: Duration,
    /// The first party has to press 1 before the second is called, so that no voicemail is ever connected.
    pub confirm: bool,
    /// How many times the first party is called again where it was busy or did not answer, or pressed no key and did not
    /// hang up either.
    pub retries: u8,
    /// The pause before each of these.
    pub pause: Duration,
    /// How it was placed.
    pub trace: Vec<Step>,
}

impl Order {
    /// What is to be asked before a party is called.
    #[must_use]
    pub fn errand(&self) -> Errand {
        Errand {
            parties: [self.first, self.second],
            sees: self.sees,
            session: self.session,
            is_way_back: self.is_way_back,
        }
    }

    /// Takes over where the parties are called by these settings.
    pub fn lead(&mut self, placed: Placed, index: Arc<Index>) {
        let Placed { first, second, trace } = placed;
        (self.first_target, self.second_target, self.trace, self.index) = (first, second, trace, index);
    }

    /// How to reach the party of a side, as for any other call.
    #[must_use]
    pub fn plan(&self, side: Side) -> Plan {
        let (caller, destination, target) = match side {
            Side::A => (self.second, self.first, &self.first_target),
            Side::B => (self.first, self.second, &self.second_target),
        };
        let show = self.sees[side.index()];
        Plan {
            dialled: show,
            caller: Some(caller),
            destination,
            show,
            target: target.clone(),
            early_media: None,
            ring_timeout: self.ring_timeout,
            max_duration: self.time_limit.min(self.index.settings().call.max_duration),
            session: self.session,
            version: 0,
            extends: None,
            binds: false,
            trace: Vec::new(),
        }
    }
}
