//! From an order to the first party's telephone ringing, and every way in which an ordered call comes to nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::crossing::outcome;
use super::effect::{CallKey, Effect};
use super::order::Order;
use super::record::Notes;
use super::{Call, Context, Destination, Relay, Stage, Timer, Timers};
use crate::base::tones::CallTones;
use crate::base::{Flow, Side};
use crate::ledger::Outcome;
use crate::mask::{Cause, Failure};
use crate::relay::{Command, Keys, Sound};
use crate::route::{Placed, Refusal};
use crate::sip::Status;

/// How long the first party hears that the second can't be had.
const BUSY: Duration = Duration::from_secs(5);

/// What an ordered call keeps of its order.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) order: Order,
    /// The side whose party may perhaps be called: that is being asked.
    asks: Option<Side>,
    /// How many times the first party may still be called again.
    retries: u8,
    /// What it ends with when the first party has heard that the second can't be had.
    told: Option<(Outcome, Cause)>,
}

impl Call {
    /// A call that was ordered; nothing is done for it yet.
    pub fn ordered(ctx: &mut Context<'_>, key: CallKey, order: Order) -> Self {
        let notes = Notes::ordered(ctx, &order);
        let plan = Some(Box::new(order.plan(Side::B)));
        Self {
            key,
            stage: Stage::Deciding,
            legs: [Vec::new(), Vec::new()],
            parties: [None, None],
            invite: None,
            offer: None,
            refuse: Status::NOT_FOUND,
            plan,
            following: None,
            ports: [0; 2],
            keys: [Keys::Cross; 2],
            local: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); 2],
            order: Some(Box::new(Ordered { asks: None, retries: order.retries, order, told: None })),
            destinations: Vec::new(),
            failure: None,
            exchange: None,
            relay: Relay::None,
            timers: Timers::default(),
            notes,
        }
    }

    /// Begins with an ordered call: both parties are looked for, so that nobody is called where the other can't be.
    pub fn begin(&mut self, ctx: &mut Context<'_>) {
        self.timers.set(Timer::Decide, ctx.now + ctx.policy.settings().call.decide);
        self.ask(ctx, Side::A);
    }

    /// This node takes no new calls: an order is over at once.
    pub fn turn_away(&mut self, ctx: &mut Context<'_>) {
        self.abort(ctx, Outcome::Unavailable, Cause::NoCircuit);
    }

    /// Asks whether the party of a side may be called: what was so when the order was placed may be so no more.
    pub(super) fn ask(&mut self, ctx: &mut Context<'_>, side: Side) {
        let Some(ordered) = &mut self.order else { return };
        ordered.asks = Some(side);
        ctx.effects.push_back(Effect::Place(Box::new(ordered.order.errand())));
    }

    /// Whether the parties may be called by what holds now, and where. Where they may not, it is over; a first party
    /// that has answered hears so.
    pub fn placed(&mut self, ctx: &mut Context<'_>, answer: Result<Placed, Refusal>) {
        let Some(ordered) = &mut self.order else { return };
        let Some(side) = ordered.asks.take().filter(|side| is_awaited(self.stage, *side)) else { return };
        match answer {
            Ok(placed) => {
                self.notes.placed(&placed.trace);
                ordered.order.lead(placed, ctx.policy.index.clone());
                self.plan = Some(Box::new(ordered.order.plan(Side::B)));
                self.locate(ctx, side);
            }
            Err(refusal) => {
                self.notes.placed(&refusal.trace);
                match side {
                    Side::B if self.stage == Stage::Calling => {
                        self.tell_failure(ctx, Outcome::Refused, Cause::Rejected);
                    }
                    _ => self.abort(ctx, Outcome::Refused, Cause::Rejected),
                }
            }
        }
    }

    /// Asks where the party of a side is.
    fn locate(&mut self, ctx: &mut Context<'_>, side: Side) {
        let Some(ordered) = &self.order else { return };
        let (plan, index) = (Box::new(ordered.order.plan(side)), ordered.order.index.clone());
        ctx.effects.push_back(Effect::Locate { side, serial: 0, plan, index });
    }

    /// Where the party of a side is; nowhere, where it is not registered or its trunk has no address.
    pub fn located(
        &mut self,
        ctx: &mut Context<'_>,
        side: Side,
        serial: u32,
        destinations: Vec<Destination>,
    ) {
        if self.following.is_some() {
            return self.target_located(ctx, serial, destinations);
        }
        if !is_awaited(self.stage, side) {
            return;
        }
        if destinations.is_empty() {
            return self.fail(ctx, Failure::Unreachable);
        }
        match (self.stage, side) {
            (Stage::Deciding, Side::A) => {
                self.destinations = destinations;
                self.locate(ctx, Side::B);
            }
            (Stage::Deciding, Side::B) => {
                self.timers.stop(Timer::Decide);
                let bind = |flow: &Flow| ctx.policy.listener(flow).media_bind;
                self.open(ctx, [bind(&self.destinations[0].flow), bind(&destinations[0].flow)]);
            }
            _ => self.call(ctx, side, destinations),
        }
    }

    /// The ports are there: the first party is called.
    pub(super) fn opened_for_order(&mut self, ctx: &mut Context<'_>) {
        let destinations = std::mem::take(&mut self.destinations);
        self.summon(ctx);
        self.call(ctx, Side::A, destinations);
        self.tell_progress(ctx);
    }

    /// From now on the first party's telephone may ring.
    fn summon(&mut self, ctx: &mut Context<'_>) {
        self.stage = Stage::Summoning;
        self.failure = None;
        self.set_ring_timer(ctx);
    }

    pub(super) fn set_ring_timer(&mut self, ctx: &mut Context<'_>) {
        if let Some(ordered) = &self.order {
            self.timers.set(Timer::Ring, ctx.now + ordered.order.ring_timeout);
        }
    }

    /// Calls the party of a side wherever it is.
    fn call(&mut self, ctx: &mut Context<'_>, side: Side, destinations: Vec<Destination>) {
        let port = self.ports[side.index()];
        for destination in destinations {
            self.attempt(ctx, side, destination, port);
        }
    }

    /// What the timer of an order waited for has come.
    pub(super) fn order_due(&mut self, ctx: &mut Context<'_>) {
        match self.stage {
            Stage::Pausing => {
                self.summon(ctx);
                self.ask(ctx, Side::A);
            }
            Stage::Confirming => self.unconfirmed(ctx),
            Stage::Telling => self.end_told(ctx),
            _ => {}
        }
    }

    /// A party can't be had: the first is called again or it is over; where it is the second, the first hears so.
    pub(super) fn disappoint(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        let pause = match self.stage {
            Stage::Calling => return self.tell_failure(ctx, outcome(failure), failure.cause()),
            Stage::Summoning | Stage::Confirming => self.another_try(failure),
            _ => None,
        };
        self.timers.stop(Timer::Ring);
        let Some(pause) = pause else { return self.abort(ctx, outcome(failure), failure.cause()) };
        self.give_up_attempts(ctx, failure.cause());
        self.stage = Stage::Pausing;
        self.timers.set(Timer::Order, ctx.now + pause);
    }

    /// The pause before the first party is called once more, where it is; that try is counted.
    fn another_try(&mut self, failure: Failure) -> Option<Duration> {
        let ordered = self.order.as_mut().filter(|_| matches!(failure, Failure::Busy | Failure::NoAnswer))?;
        ordered.retries = ordered.retries.checked_sub(1)?;
        Some(ordered.order.pause)
    }

    /// The first party hears for a while that the second can't be had; what it ends with then.
    fn tell_failure(&mut self, ctx: &mut Context<'_>, outcome: Outcome, cause: Cause) {
        let Some(ordered) = &mut self.order else { return };
        ordered.told = Some((outcome, cause));
        self.timers.stop(Timer::Ring);
        self.give_up_attempts(ctx, cause);
        self.stage = Stage::Telling;
        self.set_media(ctx);
        let tones = CallTones::of(&ctx.policy.settings().numbers.country);
        self.play(ctx, Sound::Tone(tones.busy));
        self.timers.set(Timer::Order, ctx.now + BUSY);
    }

    /// The first party has heard that the second can't be had.
    fn end_told(&mut self, ctx: &mut Context<'_>) {
        let told = self.order.as_ref().and_then(|ordered| ordered.told);
        let (outcome, cause) = told.unwrap_or((Outcome::Unreachable, Cause::OutOfOrder));
        self.abort(ctx, outcome, cause);
    }

    /// The first party hung up before the second answered.
    pub(super) fn deserted(&mut self, ctx: &mut Context<'_>, cause: Cause) {
        match self.stage {
            Stage::Telling => self.end_told(ctx),
            Stage::Confirming => self.abort(ctx, Outcome::Rejected, cause),
            _ => self.abort(ctx, Outcome::Cancelled, cause),
        }
    }

    /// Ends an ordered call whose parties are not connected.
    pub(super) fn abort(&mut self, ctx: &mut Context<'_>, outcome: Outcome, cause: Cause) {
        let is_ours = self.order.is_some() || self.following.is_some();
        if !is_ours || matches!(self.stage, Stage::Ending | Stage::Over) {
            return;
        }
        self.notes.ended(ctx.now, outcome, cause);
        self.wind_down(ctx, cause);
    }

    /// Lets the first party hear a sound of ours.
    pub(super) fn play(&mut self, ctx: &mut Context<'_>, what: Sound) {
        if let Relay::Open(relay) = self.relay {
            ctx.effects.push_back(Effect::Media(Command::Play { relay, to: Side::A, what }));
        }
    }

    /// The first party hears no sound of ours any more.
    pub(super) fn hush(&mut self, ctx: &mut Context<'_>) {
        if let Relay::Open(relay) = self.relay {
            ctx.effects.push_back(Effect::Media(Command::Stop { relay, to: Side::A }));
        }
    }
}

/// Whether a call at this stage waits for what leads to the party of a side.
fn is_awaited(stage: Stage, side: Side) -> bool {
    match side {
        Side::A => matches!(stage, Stage::Deciding | Stage::Summoning),
        Side::B => matches!(stage, Stage::Deciding | Stage::Calling),
    }
}
