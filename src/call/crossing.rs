//! The one door between the legs: what a crossing of one side does to the other.

use std::time::Duration;

use super::effect::{Effect, LegId, Purpose, ServerId};
use super::setup::REMIND;
use super::summons::sayable;
use super::{Asked, Call, Context, Exchange, LegState, Stage, Timer};
use crate::base::Side;
use crate::ledger::{HungUp, Outcome};
use crate::mask::write::{self, Reply};
use crate::mask::{Cause, Crossing, Failure, LegMedia, Media};
use crate::relay::{Command, Digit};
use crate::sip::Status;

/// After an offer met another one, the one who did not choose the Call-ID waits up to 2 s, the other from 2.1 s
/// to 4 s (RFC 3261 section 14.1).
const GLARE: [(u64, u64); 2] = [(0, 2_000), (2_100, 4_000)];

impl Call {
    /// Applies what came in on one leg to the other side.
    pub(super) fn cross(&mut self, ctx: &mut Context<'_>, from: LegId, crossing: Crossing) {
        match (self.stage, crossing) {
            (Stage::Calling, Crossing::Ringing) => {
                self.target_rings();
                self.ring(ctx);
            }
            (Stage::Calling, Crossing::Progress(media)) => self.progress(ctx, from, &media),
            (Stage::Calling, Crossing::Answer(media)) if from.side == Side::B => {
                self.target_took(ctx, from, media);
            }
            (Stage::Summoning, Crossing::Answer(_)) => self.summoned(ctx, from),
            (Stage::Summoning | Stage::Calling, Crossing::Reject(failure)) => self.fail(ctx, failure),
            (Stage::Confirming | Stage::Calling | Stage::Telling, Crossing::Offer(_)) => {
                let alone = sayable(&ctx.policy.settings().media.codecs);
                self.answer(ctx, &alone);
            }
            (Stage::Following | Stage::Opening, Crossing::Offer(_)) => {
                let alone = self.alone(ctx);
                self.answer(ctx, &alone);
            }
            (Stage::Following | Stage::Calling | Stage::Opening, Crossing::Digit(digit, _)) => {
                self.pressed(ctx, from.side, Some(from), digit);
            }
            (Stage::Following, Crossing::HangUp(cause)) => self.finish(ctx, HungUp::Caller, cause),
            (Stage::Opening, Crossing::HangUp(cause)) if self.following.is_some() => {
                self.finish(ctx, HungUp::Caller, cause);
            }
            (Stage::Calling, Crossing::HangUp(_)) if from.side == Side::B => self.target_left(ctx, from),
            (Stage::Calling, Crossing::HangUp(cause)) if self.following.is_some() => {
                self.finish(ctx, HungUp::Caller, cause);
            }
            (Stage::Confirming, Crossing::Digit(digit, _)) => self.confirm(ctx, digit),
            (Stage::Confirming | Stage::Calling | Stage::Telling, Crossing::HangUp(cause)) => {
                self.deserted(ctx, cause);
            }
            (Stage::Connected, Crossing::Offer(media)) => self.offer(ctx, from, &media),
            (Stage::Connected, Crossing::Answer(media)) => self.answer(ctx, &media),
            (Stage::Connected, Crossing::Reject(_)) => self.decline(ctx, Status::NOT_ACCEPTABLE_HERE),
            (Stage::Connected, Crossing::Digit(digit, duration)) => self.key(ctx, from, digit, duration),
            (Stage::Connected, Crossing::HangUp(cause)) if from.side == Side::B => {
                self.callee_gone(ctx, HungUp::Callee, cause);
            }
            (Stage::Connected, Crossing::HangUp(cause)) => self.finish(ctx, HungUp::Caller, cause),
            _ => {}
        }
    }

    /// The callee's early media reach the caller, where it has said where.
    fn progress(&mut self, ctx: &mut Context<'_>, from: LegId, media: &Media) {
        if self.invite.is_none() {
            return self.overhear(ctx, from);
        }
        let answer = self.leg_mut(LegId::CALLER).first_answer(media);
        let Some((body, _)) = answer else { return self.ring(ctx) };
        self.answer_early(ctx, body);
        self.listen_early(ctx, from);
    }

    /// The caller's early answer, and again as long as the callee rings (RFC 3261 section 13.3.1.1).
    pub(super) fn answer_early(&mut self, ctx: &mut Context<'_>, body: bytes::Bytes) {
        let Some(to) = self.invite else { return };
        let reply = Reply::in_dialog(&self.leg(LegId::CALLER).contact, Some(body));
        ctx.effects.push_back(Effect::Respond { to, status: Status::PROGRESS, reply });
        self.timers.set(Timer::Remind, ctx.now + REMIND);
    }

    /// The callee answered: so does the caller's leg, where its INVITE still waits for that.
    pub(super) fn connect(&mut self, ctx: &mut Context<'_>, from: LegId, media: &Media) {
        self.target_answered(from);
        if self.invite.is_none() {
            return self.bridge(ctx, from, media);
        }
        let offer = self.offer.take();
        let (is_late, is_followed) = (offer.is_none(), self.following.is_some());
        let caller = self.leg_mut(LegId::CALLER);
        let own = caller.media.as_mut().expect("a call that rings has ports");
        let answer = if is_late { Some((own.offer(media), true)) } else { caller.first_answer(media) };
        let Some((body, is_all)) = answer else { return self.fail(ctx, Failure::NoCommonCodec) };
        if let Some(offer) = offer.filter(|_| is_followed) {
            // What is offered to whoever is called next.
            let codecs = caller.media.as_ref().map(LegMedia::agreed).unwrap_or_default();
            caller.wants = Some(Media { codecs, ..offer.media });
        }
        caller.owes_answer = is_late;
        caller.is_misinformed = !is_all;
        caller.state = LegState::Answered;
        caller.notes.answered = Some(ctx.now);
        caller.notes.status = Some(Status::OK.code());
        let cseq = caller.invite_cseq;
        let to = self.invite.take().expect("the caller's INVITE waits for its answer while the callee rings");
        self.accept(ctx, LegId::CALLER, to, cseq, body);
        self.connected_to(ctx, from);
    }

    /// Both parties are on the line: the attempts that were not answered are given up.
    pub(super) fn connected_to(&mut self, ctx: &mut Context<'_>, callee: LegId) {
        self.parties[Side::B.index()] = Some(callee);
        self.stage = Stage::Connected;
        self.timers.stop_all();
        let plan = self.plan.as_ref().expect("a call that rings has a plan");
        let max_duration = plan.max_duration;
        self.timers.set(Timer::MaxDuration, ctx.now + max_duration);
        self.notes.answered(ctx.now);
        self.give_up_attempts(ctx, Cause::NotSelected);
        self.set_media(ctx);
        self.tell_progress(ctx);
        self.answered_by_dial(ctx);
    }

    /// Answers an INVITE of a leg with 2xx; its ACK is awaited.
    pub(super) fn accept(
        &mut self,
        ctx: &mut Context<'_>,
        leg: LegId,
        to: ServerId,
        cseq: u32,
        body: bytes::Bytes,
    ) {
        let leg = self.leg_mut(leg);
        leg.unacknowledged = Some((to, cseq));
        let reply = Reply::in_dialog(&leg.contact, Some(body));
        ctx.effects.push_back(Effect::Respond { to, status: Status::OK, reply });
    }

    /// A party's offer goes on as an INVITE inside the other leg's dialog.
    fn offer(&mut self, ctx: &mut Context<'_>, from: LegId, media: &Media) {
        let Some(other) = self.connected(from.side.other()) else { return };
        let leg = self.leg_mut(other);
        if leg.is_reinviting || leg.unacknowledged.is_some() {
            return self.glare(ctx);
        }
        let offer = leg.media.as_mut().expect("a connected leg has media").offer(media);
        leg.send(ctx, other, Purpose::Reinvite, |head, contact| write::reinvite(head, contact, &offer));
        // An UPDATE has no more than 64 T1 for its final response (RFC 3261 section 17.1.2.2, timer F).
        let is_update = self.exchange.as_ref().and_then(|exchange| exchange.asked);
        let is_update = is_update.is_some_and(|asked| asked.invite.is_none());
        let patience = ctx.policy.timings().timeout() / if is_update { 2 } else { 1 };
        self.timers.set(Timer::Offer, ctx.now + patience);
    }

    /// The other side accepted: the answer goes back to the side that asked.
    fn answer(&mut self, ctx: &mut Context<'_>, media: &Media) {
        let Some(Exchange { from, asked, heard, .. }) = self.exchange.take() else { return };
        let Some(id) = self.connected(from) else { return };
        let leg = self.leg_mut(id);
        let Some(Asked { server, invite }) = asked else {
            leg.hear(heard);
            return self.set_media(ctx);
        };
        let before = leg.media.clone();
        leg.hear(heard);
        match leg.media.as_mut().and_then(|own| own.answer(media)) {
            Some(body) => {
                self.give_answer(ctx, id, server, invite, body);
                self.set_media(ctx);
            }
            None => {
                leg.media = before;
                let reply = Reply::because(Cause::Incompatible);
                ctx.effects.push_back(Effect::Respond {
                    to: server,
                    status: Status::NOT_ACCEPTABLE_HERE,
                    reply,
                });
            }
        }
    }

    /// Answers an offer of a leg: in the 2xx of its INVITE or of its UPDATE.
    pub(super) fn give_answer(
        &mut self,
        ctx: &mut Context<'_>,
        id: LegId,
        to: ServerId,
        invite: Option<u32>,
        body: bytes::Bytes,
    ) {
        match invite {
            Some(cseq) => self.accept(ctx, id, to, cseq, body),
            None => {
                let reply = Reply::in_dialog(&self.leg(id).contact, Some(body));
                ctx.effects.push_back(Effect::Respond { to, status: Status::OK, reply });
            }
        }
    }

    /// The other side did not accept: the side that asked keeps what it has.
    pub(super) fn decline(&mut self, ctx: &mut Context<'_>, status: Status) {
        let Some(Exchange { asked, is_given_up, .. }) = self.exchange.take() else { return };
        let status = if is_given_up { Status::REQUEST_TERMINATED } else { status };
        if let Some(Asked { server: to, .. }) = asked {
            ctx.effects.push_back(Effect::Respond { to, status, reply: Reply::bare() });
        }
    }

    /// The side that asked no longer wants an answer, or waits too long for it.
    pub(super) fn give_up_offer(&mut self, ctx: &mut Context<'_>) {
        let asked = self.exchange.as_ref().map(|exchange| exchange.from.other());
        if let Some(leg) = asked.and_then(|side| self.connected(side)) {
            ctx.effects.push_back(Effect::Cancel(leg));
        }
    }

    /// The offer met one of the other side: the side that asked tries again, or we do where it can't.
    pub(super) fn glare(&mut self, ctx: &mut Context<'_>) {
        let Some(exchange) = &self.exchange else { return };
        if exchange.asked.is_some() {
            return self.decline(ctx, Status::REQUEST_PENDING);
        }
        let (least, most) = GLARE[exchange.from.other().index()];
        let wait = least + ctx.random.next_u64() % (most - least);
        self.timers.set(Timer::Glare, ctx.now + Duration::from_millis(wait));
    }

    /// The offer that met another one goes out again.
    pub(super) fn offer_again(&mut self, ctx: &mut Context<'_>) {
        let Some(exchange) = &self.exchange else { return };
        let media = exchange.heard.media.clone();
        if let Some(from) = self.connected(exchange.from) {
            self.offer(ctx, from, &media);
        }
    }

    /// A digit reaches the other party as telephone-event, or by INFO where it takes only that.
    fn key(&mut self, ctx: &mut Context<'_>, from: LegId, digit: Digit, duration: Duration) {
        let side = from.side.other();
        let Some(id) = self.connected(side) else { return };
        let relay = self.key.relay();
        let leg = self.leg_mut(id);
        if leg.takes_events() {
            ctx.effects.push_back(Effect::Media(Command::Digit { relay, to: side, digit, duration }));
        } else if leg.takes_info {
            leg.send(ctx, id, Purpose::Digit, |head, _| write::info(head, digit, duration));
        }
    }

    /// Nothing came of the call: the caller hears one of the fixed reasons.
    pub(super) fn fail(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        if self.order.is_some() {
            return self.disappoint(ctx, failure);
        }
        if self.following.as_ref().is_some_and(|following| following.dial.is_some()) {
            return self.dial_failed(ctx, failure);
        }
        self.refuse_for(ctx, failure);
    }
}

pub(super) fn outcome(failure: Failure) -> Outcome {
    match failure {
        Failure::Busy => Outcome::Busy,
        Failure::Rejected => Outcome::Rejected,
        Failure::NoAnswer => Outcome::NoAnswer,
        Failure::NoCommonCodec => Outcome::NoCommonCodec,
        Failure::Unreachable => Outcome::Unreachable,
    }
}

pub(super) fn hung_up_by(side: Side) -> HungUp {
    match side {
        Side::A => HungUp::Caller,
        Side::B => HungUp::Callee,
    }
}
