//! Floor 5: one masked call, from its INVITE to its record.
//!
//! A [`Call`] is a pure machine. It is handed what its legs receive and what was decided, and answers with
//! [`Effect`]s; the switch above turns those into transactions, datagrams and orders to the media engine. What
//! one leg has to tell the other passes through [`Call::cross`] as a [`Crossing`](crate::mask::Crossing).

mod crossing;
mod effect;
mod leg;
mod media;
mod policy;
mod record;
mod request;
mod response;
mod setup;
mod teardown;
mod timers;

use std::collections::VecDeque;
use std::time::Instant;

use crate::base::time::Anchor;
use crate::base::{PhoneNumber, Random, Side};
use crate::ledger::HungUp;
use crate::mask::read::Heard;
use crate::mask::{Cause, Failure};
use crate::relay::RelayId;
use crate::route::{Plan, Source};
use crate::sip::Status;

pub use effect::{CallKey, Effect, LegId, Purpose, ServerId};
pub use leg::{Leg, LegState};
pub use policy::{Listener, Policy};
pub use setup::{Destination, Invitation};

use record::Notes;
use timers::{Timer, Timers};

/// What a call is given with each event: the time, the settings, randomness, and where its effects go.
pub struct Context<'a> {
    /// The time of the event.
    pub now: Instant,
    /// The settings in force.
    pub policy: &'a Policy,
    /// Ties the time to the clock on the wall, for records.
    pub anchor: &'a Anchor,
    /// Where ids are drawn from.
    pub random: &'a mut Random,
    /// What the call wants done, in order.
    pub effects: &'a mut VecDeque<Effect>,
}

/// One masked call.
#[derive(Debug)]
pub struct Call {
    key: CallKey,
    stage: Stage,
    /// Leg A, the caller's.
    caller: Leg,
    /// The attempts to reach the callee; the one that answered is leg B.
    attempts: Vec<Leg>,
    answered: Option<usize>,
    /// The caller's INVITE, until it has its final response.
    invite: Option<ServerId>,
    /// The caller's offer, until it is answered; none for a late offer.
    offer: Option<Heard>,
    /// The status of the uniform refusal toward the caller.
    refuse: Status,
    plan: Option<Box<Plan>>,
    /// Where the plan leads, until the attempts are made.
    destinations: Vec<Destination>,
    /// The most telling failure among the attempts that are over.
    failure: Option<Failure>,
    /// An offer of one side on its way to the other.
    exchange: Option<Exchange>,
    relay: Relay,
    timers: Timers,
    notes: Notes,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waiting for the decision.
    Deciding,
    /// Decided against; the refusal waits for its time.
    Refusing,
    /// Waiting for ports.
    Opening,
    /// The callee's side is being called.
    Calling,
    /// Both sides are connected.
    Connected,
    /// Legs are being ended; nothing more crosses.
    Ending,
    /// The record is written.
    Over,
}

/// The call's ports and the relay behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relay {
    None,
    Opening(RelayId),
    Open(RelayId),
    Closing(RelayId),
    Closed,
}

/// An offer on its way: from one side's request to the other side's re-INVITE and back.
#[derive(Debug)]
struct Exchange {
    /// The side that asked.
    from: Side,
    /// Its request, waiting for our answer; none where the offer came in an ACK.
    asked: Option<Asked>,
    /// What it asked for.
    heard: Heard,
    /// It has cancelled its request.
    is_given_up: bool,
}

/// A request that carries an offer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    server: ServerId,
    /// The CSeq number of an INVITE, whose 2xx wants an ACK; none for an UPDATE.
    invite: Option<u32>,
}

impl Call {
    /// The leg with an id.
    #[must_use]
    pub fn leg(&self, id: LegId) -> &Leg {
        match id {
            LegId::Caller => &self.caller,
            LegId::Attempt(place) => &self.attempts[usize::from(place)],
        }
    }

    /// Whom it comes from, and the caller's number where that one says it.
    #[must_use]
    pub fn caller(&self) -> (Source, Option<PhoneNumber>) {
        (self.caller.origin, self.notes.caller)
    }

    fn leg_mut(&mut self, id: LegId) -> &mut Leg {
        match id {
            LegId::Caller => &mut self.caller,
            LegId::Attempt(place) => &mut self.attempts[usize::from(place)],
        }
    }

    /// The connected leg of a side.
    fn connected(&self, side: Side) -> Option<LegId> {
        match side {
            Side::A => (self.stage == Stage::Connected).then_some(LegId::Caller),
            Side::B => self.answered.map(LegId::attempt),
        }
    }

    /// Ids of all legs, the caller's first.
    pub fn legs(&self) -> impl Iterator<Item = LegId> + use<> {
        std::iter::once(LegId::Caller).chain((0..self.attempts.len()).map(LegId::attempt))
    }

    /// Whether the record is written and no BYE of ours waits for its answer, so that the call can be dropped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let is_hanging_up = |id| self.leg(id).is_hanging_up;
        self.stage == Stage::Over && !self.legs().any(is_hanging_up)
    }

    /// Whether it waits for its decision, or for where that leads.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.stage == Stage::Deciding
    }

    /// Whether it has media ports, or may still want some.
    #[must_use]
    pub fn needs_ports(&self) -> bool {
        self.is_undecided() || !matches!(self.relay, Relay::None | Relay::Closed)
    }

    /// Whether the two parties are connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stage == Stage::Connected
    }

    /// When [`Call::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The operator, or the end of a drain, ends the call.
    pub fn hang_up(&mut self, ctx: &mut Context<'_>) {
        self.finish(ctx, HungUp::Operator, Cause::NoCircuit);
    }
}
