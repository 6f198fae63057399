//! The ways in which a call ends, and its timers.

use super::effect::{Effect, LegId, ServerId};
use super::{Call, Context, Exchange, LegState, Relay, Stage, Timer};
use crate::base::Side;
use crate::ledger::{HungUp, Outcome};
use crate::mask::write::Reply;
use crate::mask::{Cause, Failure};
use crate::script::Happened;
use crate::sip::Status;

impl Call {
    /// A party cancelled a request: the INVITE of the call, or an offer on its way to the other side.
    pub fn cancelled(&mut self, ctx: &mut Context<'_>, server: ServerId) {
        if self.invite == Some(server) {
            return self.abandon(ctx);
        }
        let asks = |exchange: &&mut Exchange| exchange.asked.is_some_and(|asked| asked.server == server);
        if let Some(exchange) = self.exchange.as_mut().filter(asks) {
            exchange.is_given_up = true;
            self.give_up_offer(ctx);
        }
    }

    /// The caller gave up before the answer.
    pub(super) fn abandon(&mut self, ctx: &mut Context<'_>) {
        let reply = Reply::because(Cause::Normal);
        self.refuse(ctx, Status::REQUEST_TERMINATED, reply, Outcome::Cancelled);
    }

    /// Ends a call that is not connected, with a final response where somebody called.
    pub(super) fn refuse(&mut self, ctx: &mut Context<'_>, status: Status, reply: Reply, outcome: Outcome) {
        let cause = reply.cause.unwrap_or(Cause::Rejected);
        let Some(to) = self.invite.take() else { return self.abort(ctx, outcome, cause) };
        ctx.effects.push_back(Effect::Respond { to, status, reply });
        let caller = self.leg_mut(LegId::CALLER);
        caller.notes.status = Some(status.code());
        caller.note_end(ctx.now, cause, outcome);
        self.notes.ended(ctx.now, outcome, cause);
        self.wind_down(ctx, cause);
    }

    /// Ends a call, connected or not, for a reason of the switch's or a party's own.
    pub(super) fn finish(&mut self, ctx: &mut Context<'_>, by: HungUp, cause: Cause) {
        if self.following.is_some() && self.invite.is_none() {
            return self.end_followed(ctx, by, cause);
        }
        if self.stage != Stage::Connected {
            if self.connected(Side::A).is_some() {
                self.notes.hung_up(by);
            }
            // Whoever ordered a call may take the order back, as a caller may give up.
            let is_taken_back = self.order.is_some() && by == HungUp::Operator && cause == Cause::Normal;
            let outcome = if is_taken_back { Outcome::Cancelled } else { Outcome::Unavailable };
            let reply = Reply::because(cause);
            return self.refuse(ctx, Status::TEMPORARILY_UNAVAILABLE, reply, outcome);
        }
        self.notes.hung_up(by);
        self.notes.ended(ctx.now, Outcome::Answered, cause);
        self.wind_down(ctx, cause);
    }

    /// The switch stops: whatever is up is ended without waiting for an answer, and the record is written.
    pub fn close(&mut self, ctx: &mut Context<'_>) {
        self.finish(ctx, HungUp::Operator, Cause::NoCircuit);
        for id in self.legs() {
            let leg = self.leg_mut(id);
            leg.unacknowledged = None;
            if let Some(cause) = leg.bye_after_ack.take() {
                leg.hang_up(ctx, id, cause, HungUp::Operator);
            }
            if leg.state == LegState::Cancelling {
                leg.note_given_up(ctx.now);
            }
        }
        self.relay = Relay::Closed;
        self.settle(ctx);
    }

    /// A message that must not leave was stopped: both legs end.
    pub fn leaked(&mut self, ctx: &mut Context<'_>) {
        self.finish(ctx, HungUp::Failure, Cause::TemporaryFailure);
    }

    /// No ACK came for a 2xx that we repeated for 64 T1 (RFC 3261 section 13.3.1.4).
    pub fn unacknowledged(&mut self, ctx: &mut Context<'_>, server: ServerId) {
        for id in self.legs() {
            let leg = self.leg_mut(id);
            if leg.unacknowledged.is_some_and(|(waiting, _)| waiting == server) {
                leg.unacknowledged = None;
                leg.notes.result.get_or_insert(Outcome::NoAcknowledgement);
                if let Some(cause) = leg.bye_after_ack.take() {
                    leg.hang_up(ctx, id, cause, HungUp::Failure);
                }
                self.notes.unacknowledged();
                self.finish(ctx, HungUp::Failure, Cause::TemporaryFailure);
            }
        }
        self.settle(ctx);
    }

    /// Ends whatever is still up: legs, requests of theirs that wait for an answer, the relay.
    pub(super) fn wind_down(&mut self, ctx: &mut Context<'_>, cause: Cause) {
        self.stage = Stage::Ending;
        self.close_script(ctx);
        self.timers.stop_all();
        self.decline(ctx, Status::REQUEST_TERMINATED);
        let by = self.notes.hung_up.unwrap_or(HungUp::Switch);
        for id in self.legs() {
            let leg = self.leg_mut(id);
            if leg.is_reinviting {
                ctx.effects.push_back(Effect::Cancel(id));
            }
            if leg.state == LegState::Answered {
                leg.hang_up(ctx, id, cause, by);
            }
        }
        self.give_up_attempts(ctx, cause);
        self.close_relay(ctx);
        self.settle(ctx);
    }

    /// The parties have talked as long as they may. Where a document says so, the caller stays.
    fn talked_long_enough(&mut self, ctx: &mut Context<'_>) {
        if self.following.as_ref().is_some_and(|following| following.dial.is_some()) {
            return self.end_dial(ctx, Cause::Timer);
        }
        self.finish(ctx, HungUp::MaxDuration, Cause::Timer);
    }

    /// Cancels the attempts that have no final response, since the call ends with this cause or goes on without them.
    pub(super) fn give_up_attempts(&mut self, ctx: &mut Context<'_>, cause: Cause) {
        for id in self.legs() {
            let leg = self.leg_mut(id);
            if leg.state == LegState::Inviting {
                leg.state = LegState::Cancelling;
                leg.notes.rang_out = cause == Cause::NoAnswer;
                ctx.effects.push_back(Effect::Cancel(id));
            }
        }
    }

    /// Writes the record once every leg is over, no ACK is awaited and the relay has told how it was.
    pub(super) fn settle(&mut self, ctx: &mut Context<'_>) {
        let is_leg_over =
            |id: LegId| self.leg(id).state == LegState::Ended && self.leg(id).bye_after_ack.is_none();
        let is_quiet = matches!(self.relay, Relay::None | Relay::Closed);
        if self.stage == Stage::Ending && is_quiet && self.legs().all(is_leg_over) {
            self.stage = Stage::Over;
            self.tell_end(ctx);
            let record = self.record(ctx.now);
            ctx.effects.push_back(Effect::Record(Box::new(record)));
        }
    }

    /// Fires the timers that are due.
    pub fn expire(&mut self, ctx: &mut Context<'_>) {
        while let Some(timer) = self.timers.take(ctx.now) {
            match timer {
                Timer::Decide => self.fail(ctx, Failure::Unreachable),
                Timer::Open => self.give_up_ports(ctx),
                Timer::Alert => self.ring(ctx),
                Timer::Refuse => self.refuse_uniformly(ctx),
                Timer::Ring => self.rung_long_enough(ctx),
                Timer::Screen => self.screen_failed(ctx),
                Timer::Remind => self.remind(ctx),
                Timer::Order => self.order_due(ctx),
                Timer::Script => self.script_due(ctx),
                Timer::Prepare => self.give_up_prompts(ctx),
                Timer::Service => self.happened(ctx, Happened::Told(None)),
                Timer::Tones => self.send_next(ctx),
                Timer::MaxDuration => self.talked_long_enough(ctx),
                Timer::Glare => self.offer_again(ctx),
                Timer::Offer => self.give_up_offer(ctx),
                Timer::MediaClose => self.give_up_media(ctx),
            }
        }
    }
}
