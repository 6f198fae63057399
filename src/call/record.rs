//! What is noted while a call goes on, and the record made of it.

use std::sync::Arc;
use std::time::Instant;

use super::leg::LegNotes;
use super::order::Order;
use super::{Call, Context, Effect, Leg, LegId};
use crate::base::{PhoneNumber, Side};
use crate::ledger::{CallRecord, HungUp, LegRecord, Outcome};
use crate::mask::Cause;
use crate::mask::read::BodyFault;
use crate::relay::Quality;
use crate::route::{Decision, Step};

/// Where a call comes from that was ordered.
const SOURCE: &str = "api";
/// The Max-Forwards of its legs (RFC 3261 section 8.1.1.6).
const HOPS: u8 = 70;

/// Lines of a trace that are kept.
const TRACE: usize = 500;

/// Notes of one call.
#[derive(Debug)]
pub(super) struct Notes {
    id: Box<str>,
    received: Instant,
    received_at: u64,
    /// The Max-Forwards of the legs we open.
    pub(super) hops: u8,
    pub(super) caller: Option<PhoneNumber>,
    dialled: Option<PhoneNumber>,
    decided: Option<Instant>,
    answered: Option<Instant>,
    ended: Option<Instant>,
    outcome: Option<Outcome>,
    cause: Option<Cause>,
    pub(super) hung_up: Option<HungUp>,
    pub(super) quality: Option<[Quality; 2]>,
    trace: Arc<[String]>,
}

impl Notes {
    pub(super) fn new(ctx: &mut Context<'_>, hops: u8) -> Self {
        Self {
            id: ctx.random.token(20).into(),
            received: ctx.now,
            received_at: ctx.anchor.unix_millis(ctx.now),
            hops,
            caller: None,
            dialled: None,
            decided: None,
            answered: None,
            ended: None,
            outcome: None,
            cause: None,
            hung_up: None,
            quality: None,
            trace: Arc::default(),
        }
    }

    /// Notes of a call that was ordered.
    pub(super) fn ordered(ctx: &mut Context<'_>, order: &Order) -> Self {
        let (id, caller) = (order.id.clone(), Some(order.first));
        let mut notes = Self { id, caller, decided: Some(ctx.now), ..Self::new(ctx, HOPS) };
        notes.placed(&order.trace);
        notes
    }

    /// How it was last found whether and where the parties of an order may be called.
    pub(super) fn placed(&mut self, trace: &[Step]) {
        self.trace = trace.iter().map(Step::to_string).collect();
    }

    pub(super) fn received(&self) -> Instant {
        self.received
    }

    pub(super) fn decided(&mut self, now: Instant, decision: &Decision) {
        self.decided = Some(now);
        self.dialled = decision.dialled();
        self.trace = decision.trace().iter().map(|step| step.to_string()).collect();
    }

    /// The body of the INVITE keeps the call from being decided at all.
    pub(super) fn undecided(&mut self, steps: Vec<Step>, fault: BodyFault) {
        self.dialled = Step::dialled(&steps);
        self.trace = steps.iter().map(Step::to_string).chain([format!("not decided: {fault}")]).collect();
    }

    /// The call is answered; the first time counts.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answered.get_or_insert(now);
    }

    /// One more line of how the call went.
    pub(super) fn add(&mut self, line: String) {
        if self.trace.len() < TRACE {
            self.trace = self.trace.iter().cloned().chain([line]).collect();
        }
    }

    /// The id of the call and its record.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The id of a leg, as a web service is told it.
    pub(super) fn leg_id(&self, leg: LegId) -> Box<str> {
        let side = if leg.side == Side::A { 'a' } else { 'b' };
        format!("{}.{side}{}", self.id, leg.place()).into()
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    pub(super) fn hung_up(&mut self, by: HungUp) {
        self.hung_up.get_or_insert(by);
    }

    /// The first end counts.
    pub(super) fn ended(&mut self, now: Instant, outcome: Outcome, cause: Cause) {
        self.ended.get_or_insert(now);
        self.outcome.get_or_insert(outcome);
        self.cause.get_or_insert(cause);
    }

    /// The caller never acknowledged the answer.
    pub(super) fn unacknowledged(&mut self) {
        self.outcome.get_or_insert(Outcome::NoAcknowledgement);
    }

    fn since(&self, at: Option<Instant>) -> Option<u64> {
        at.map(|at| millis(self.received, at))
    }
}

fn millis(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

impl Call {
    /// The record of the call as it stands.
    pub(super) fn record(&self, now: Instant) -> CallRecord {
        let notes = &self.notes;
        let plan = self.plan.as_deref();
        let ended = notes.ended.unwrap_or(now);
        let ringing = self.legs[Side::B.index()].iter().filter_map(|leg| leg.notes.ringing).min();
        let legs = self.legs().map(|id| self.leg_record(self.leg(id), self.quality_of(id))).collect();
        CallRecord {
            id: notes.id.clone(),
            received_at: notes.received_at,
            source: self
                .order
                .as_ref()
                .map_or_else(|| self.leg(LegId::CALLER).peer.as_ref(), |_| SOURCE)
                .into(),
            dialled: notes.dialled,
            caller: notes.caller,
            destination: plan.map(|plan| plan.destination),
            shown: plan.map(|plan| plan.show),
            session: plan.and_then(|plan| plan.session),
            outcome: notes.outcome.unwrap_or(Outcome::InProgress),
            hung_up: notes.hung_up,
            status: self.legs[Side::A.index()].last().and_then(|leg| leg.notes.status),
            cause: notes.cause.map_or(0, Cause::value),
            decided_ms: notes.since(notes.decided),
            ringing_ms: notes.since(ringing),
            answered_ms: notes.since(notes.answered),
            ended_ms: millis(notes.received, ended),
            billable_ms: notes.answered.map_or(0, |answered| millis(answered, ended)),
            legs,
            trace: notes.trace.clone(),
        }
    }

    /// Tells how far the call has come.
    pub(super) fn tell_progress(&self, ctx: &mut Context<'_>) {
        let record = self.record(ctx.now);
        ctx.effects.push_back(Effect::Progress(Box::new(record)));
    }

    /// What the media of a leg were like, where its party was on the line.
    fn quality_of(&self, id: LegId) -> Option<Quality> {
        let was_connected =
            self.parties[id.side.index()] == Some(id) && self.leg(id).notes.answered.is_some();
        self.notes.quality.filter(|_| was_connected).map(|quality| quality[id.side.index()])
    }

    fn leg_record(&self, leg: &Leg, media: Option<Quality>) -> LegRecord {
        let LegNotes { started, ringing, answered, ended, status, cause, .. } = &leg.notes;
        let since = |at: &Option<Instant>| self.notes.since(*at);
        let billable = answered.zip(*ended).map_or(0, |(answered, ended)| millis(answered, ended));
        LegRecord {
            peer: leg.peer.as_ref().into(),
            started_at: self.notes.received_at + millis(self.notes.received, *started),
            ringing_ms: since(ringing),
            answered_ms: since(answered),
            ended_ms: since(ended),
            result: leg.notes.result,
            hung_up: leg.notes.hung_up,
            status: *status,
            cause: cause.map(Cause::value),
            billable_ms: billable,
            media: media.map(Into::into),
        }
    }
}
