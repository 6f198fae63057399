//! Floor 5: one masked call, from its INVITE to its record.
//!
//! A [`Call`] is a pure machine. It is handed what its legs receive and what was decided, and answers with
//! [`Effect`]s; the switch above turns those into transactions, datagrams and orders to the media engine. What
//! one leg has to tell the other passes through [`Call::cross`] as a [`Crossing`](crate::mask::Crossing).

mod crossing;
mod dialling;
mod effect;
mod following;
mod hearing;
mod leg;
mod media;
mod order;
mod ordered;
mod policy;
mod record;
mod request;
mod response;
mod screening;
mod setup;
mod summons;
mod teardown;
mod telling;
mod timers;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use crate::base::time::Anchor;
use crate::base::{PhoneNumber, Random, Side};
use crate::ledger::HungUp;
use crate::mask::read::Heard;
use crate::mask::{Cause, Failure};
use crate::relay::{Keys, RelayId};
use crate::route::{Plan, Source};
use crate::sip::Status;

pub use effect::{AskedFor, Asking, CallKey, Effect, LegId, Purpose, ServerId};
pub use leg::{Leg, LegState};
pub use order::Order;
pub use policy::{Listener, Policy};
pub use setup::{Destination, Invitation};

use following::Following;
use ordered::Ordered;
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
    /// The legs of each side in the order in which they began: the caller's, or the attempts to reach its party.
    legs: [Vec<Leg>; 2],
    /// The leg of each side that its party is at: the one that it called by, or answered.
    parties: [Option<LegId>; 2],
    /// The caller's INVITE, until it has its final response.
    invite: Option<ServerId>,
    /// The caller's offer, until it is answered; none for a late offer.
    offer: Option<Heard>,
    /// The status of the uniform refusal toward the caller.
    refuse: Status,
    plan: Option<Box<Plan>>,
    /// The order that it was made for, where nobody called.
    order: Option<Box<Ordered>>,
    /// The document that it follows, where a web service decided it.
    following: Option<Box<Following>>,
    /// The ports toward each side, once they are open.
    ports: [u16; 2],
    /// The addresses of ours that they are at.
    local: [IpAddr; 2],
    /// What becomes of each side's keys.
    keys: [Keys; 2],
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
    /// Waiting for the decision, or for where the parties of an order are.
    Deciding,
    /// Decided against; the refusal waits for its time.
    Refusing,
    /// The document of a web service is followed, and the caller is alone.
    Following,
    /// Waiting for ports.
    Opening,
    /// The first party of an order is being called.
    Summoning,
    /// It could not be had, and is called again after a pause.
    Pausing,
    /// It has answered, and is to press a key.
    Confirming,
    /// The callee's side is being called.
    Calling,
    /// The first party hears that the second can't be had.
    Telling,
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
        &self.legs[id.side.index()][id.place()]
    }

    /// Whom it comes from, and the caller's number where that one says it; none for a call that was ordered.
    #[must_use]
    pub fn caller(&self) -> Option<(Source, Option<PhoneNumber>)> {
        let origin = self.party(Side::A).filter(|_| self.order.is_none())?.origin;
        Some((origin, self.notes.caller))
    }

    fn leg_mut(&mut self, id: LegId) -> &mut Leg {
        &mut self.legs[id.side.index()][id.place()]
    }

    /// The leg that the party of a side is at.
    fn party(&self, side: Side) -> Option<&Leg> {
        self.parties[side.index()].map(|id| self.leg(id))
    }

    /// The leg of a side whose party is on the line.
    fn connected(&self, side: Side) -> Option<LegId> {
        self.parties[side.index()].filter(|id| self.leg(*id).state == LegState::Answered)
    }

    /// Ids of all legs, those of side A first.
    pub fn legs(&self) -> impl Iterator<Item = LegId> + use<> {
        let [a, b] = [Side::A, Side::B]
            .map(|side| (0..self.legs[side.index()].len()).map(move |place| LegId::new(side, place)));
        a.chain(b)
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
        let may_want_some = matches!(self.stage, Stage::Deciding | Stage::Following);
        may_want_some || !matches!(self.relay, Relay::None | Relay::Closed)
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

    /// The operator, or the end of a drain, ends the call, however far it has come.
    pub fn hang_up(&mut self, ctx: &mut Context<'_>, cause: Cause) {
        if !matches!(self.stage, Stage::Ending | Stage::Over) {
            self.notes.hung_up(HungUp::Operator);
        }
        self.finish(ctx, HungUp::Operator, cause);
    }
}
