//! What a leg answers to our requests, turned into crossings.

use super::crossing::outcome;
use super::effect::{LegId, Purpose};
use super::{Call, Context, LegState, Stage, Timer};
use crate::base::Side;
use crate::base::settings::EarlyMedia;
use crate::ledger::{HungUp, Outcome};
use crate::mask::read::{self, BodyFault, Heard};
use crate::mask::{Cause, Crossing, Failure, LegMedia};
use crate::sip::{Response, Status};

impl Call {
    /// A response to a request of ours; of the 2xx of an INVITE only the first.
    pub fn response(&mut self, ctx: &mut Context<'_>, leg: LegId, purpose: Purpose, response: &Response) {
        let status = response.status();
        match (purpose, leg) {
            (Purpose::Invite, _) => self.invite_response(ctx, leg, response),
            (Purpose::Reinvite, _) if status.is_final() => self.reinvite_response(ctx, leg, response),
            (Purpose::Digit, _) if is_dead(status) => self.lost(ctx, leg),
            (Purpose::Bye, _) if status.is_final() => self.leg_mut(leg).is_hanging_up = false,
            _ => {}
        }
    }

    /// A request of ours got no final response, or could not be sent.
    pub fn unanswered(&mut self, ctx: &mut Context<'_>, leg: LegId, purpose: Purpose) {
        match (purpose, leg) {
            (Purpose::Invite, _) => self.attempt_failed(ctx, leg, Failure::Unreachable, None),
            (Purpose::Reinvite, _) => {
                self.leg_mut(leg).is_reinviting = false;
                self.lost(ctx, leg);
            }
            (Purpose::Digit, _) => self.lost(ctx, leg),
            (Purpose::Bye, _) => self.leg_mut(leg).is_hanging_up = false,
        }
    }

    fn invite_response(&mut self, ctx: &mut Context<'_>, id: LegId, response: &Response) {
        let status = response.status();
        if status.is_provisional() {
            self.alerted(ctx, id, response);
        } else if status.is_success() {
            self.accepted(ctx, id, response);
        } else {
            self.attempt_failed(ctx, id, Failure::from_status(status), Some(status));
        }
    }

    /// A provisional response other than 100: ringing, whatever it says, unless its media are to be heard.
    fn alerted(&mut self, ctx: &mut Context<'_>, id: LegId, response: &Response) {
        let is_first = self.legs[id.side.index()].iter().all(|leg| leg.notes.ringing.is_none());
        if response.status() == Status::TRYING || !self.is_wanted(id) {
            return;
        }
        let leg = self.leg_mut(id);
        leg.learn(response);
        leg.notes.ringing.get_or_insert(ctx.now);
        let relays = leg.early_media == EarlyMedia::Relay;
        let heard = self.heard_answer(ctx, id, response).ok().flatten();
        let media = heard.map(|heard| self.leg_mut(id).hear(heard));
        let crossing = media.filter(|_| relays).map_or(Crossing::Ringing, Crossing::Progress);
        self.cross(ctx, id, crossing);
        if is_first {
            self.tell_progress(ctx);
        }
    }

    /// The 2xx of an attempt: it wins, or comes too late and is ended at once. One that no call can be made of, for
    /// want of a Contact or of an answer, is a destination out of order.
    fn accepted(&mut self, ctx: &mut Context<'_>, id: LegId, response: &Response) {
        let is_wanted = self.is_wanted(id);
        let heard = self.heard_answer(ctx, id, response);
        let leg = self.leg_mut(id);
        leg.learn(response);
        leg.state = LegState::Answered;
        leg.notes.answered = Some(ctx.now);
        leg.notes.status = Some(response.status().code());
        let established = leg.dialog.establish(response);
        leg.acknowledge(ctx, id);
        if !is_wanted {
            leg.notes.result = Some(Outcome::Cancelled);
            leg.hang_up(ctx, id, Cause::NotSelected, HungUp::Switch);
            self.settle(ctx);
            return;
        }
        let media = match heard {
            _ if established.is_err() => Err(Failure::Unreachable),
            Ok(Some(heard)) => Ok(leg.hear(heard)),
            Ok(None) => leg.wants.clone().ok_or(Failure::Unreachable),
            Err(BodyFault::NoAudio) => Err(Failure::NoCommonCodec),
            Err(BodyFault::Malformed | BodyFault::Unsupported) => Err(Failure::Unreachable),
        };
        match media {
            Ok(media) => self.cross(ctx, id, Crossing::Answer(media)),
            Err(failure) => {
                leg.notes.result = Some(outcome(failure));
                leg.hang_up(ctx, id, failure.cause(), HungUp::Failure);
                self.attempt_over(ctx, id, failure);
            }
        }
    }

    /// The answer to our offer that a response of an attempt carries.
    fn heard_answer(
        &self,
        ctx: &Context<'_>,
        id: LegId,
        response: &Response,
    ) -> Result<Option<Heard>, BodyFault> {
        let offered = self.leg(id).media.as_ref().and_then(LegMedia::media);
        let offered = offered.expect("an attempt's INVITE carries an offer");
        let heard = read::heard(response, &ctx.policy.settings().media.codecs)?;
        heard.map(|heard| heard.narrowed(&offered.codecs)).transpose()
    }

    fn attempt_failed(&mut self, ctx: &mut Context<'_>, id: LegId, failure: Failure, status: Option<Status>) {
        let leg = self.leg_mut(id);
        leg.notes.status = status.map(Status::code);
        if leg.state == LegState::Cancelling {
            // It was not wanted any more: how it ended says nothing of the call.
            leg.note_given_up(ctx.now);
            return self.settle(ctx);
        }
        leg.note_end(ctx.now, failure.cause(), outcome(failure));
        self.attempt_over(ctx, id, failure);
    }

    /// An attempt has come to nothing: the call goes on from there when it was the last.
    pub(super) fn attempt_over(&mut self, ctx: &mut Context<'_>, id: LegId, failure: Failure) {
        self.failure = Some(self.failure.map_or(failure, |known| known.min(failure)));
        if self.called() == Some(id.side) && !self.is_hopeful(id.side) {
            let failure = self.failure.unwrap_or(failure);
            self.cross(ctx, id, Crossing::Reject(failure));
        }
        self.settle(ctx);
    }

    /// The side whose party is being called.
    fn called(&self) -> Option<Side> {
        match self.stage {
            Stage::Summoning => Some(Side::A),
            Stage::Calling => Some(Side::B),
            _ => None,
        }
    }

    /// Whether an attempt may still be answered.
    fn is_wanted(&self, id: LegId) -> bool {
        self.leg(id).state == LegState::Inviting && self.called() == Some(id.side)
    }

    /// The final response to an offer that we made inside a dialog.
    fn reinvite_response(&mut self, ctx: &mut Context<'_>, id: LegId, response: &Response) {
        let status = response.status();
        let order = &ctx.policy.settings().media.codecs;
        let leg = self.leg_mut(id);
        leg.is_reinviting = false;
        self.timers.stop(Timer::Offer);
        // What was offered to a party may have come from one that is gone meanwhile.
        let crosses = self.stage == Stage::Connected && self.connected(id.side) == Some(id);
        let leg = self.leg_mut(id);
        if !status.is_success() {
            leg.withdraw_offer();
            match status {
                status if !crosses && !is_dead(status) => {}
                Status::REQUEST_PENDING => self.glare(ctx),
                status if is_dead(status) => self.lost(ctx, id),
                _ => self.cross(ctx, id, Crossing::Reject(Failure::NoCommonCodec)),
            }
            return;
        }
        leg.dialog.refresh(response);
        leg.learn(response);
        leg.acknowledge(ctx, id);
        let offered = leg.media.as_ref().and_then(LegMedia::media);
        let heard = read::heard(response, order)
            .and_then(|heard| heard.ok_or(BodyFault::NoAudio))
            .and_then(|heard| heard.narrowed(offered.as_ref().map_or(&[], |media| &media.codecs)));
        match heard {
            Ok(heard) => {
                let media = leg.hear(heard);
                if !crosses {
                    return self.set_media(ctx);
                }
                self.cross(ctx, id, Crossing::Answer(media));
            }
            Err(_) => {
                leg.withdraw_offer();
                if !crosses {
                    return;
                }
                self.cross(ctx, id, Crossing::Reject(Failure::NoCommonCodec));
            }
        }
    }

    /// A leg's dialog is gone at its other end (RFC 3261 section 12.2.1.2): the call ends.
    pub(super) fn lost(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        if self.connected(Side::B) == Some(leg) && self.following.is_some() {
            self.leg_mut(leg).hang_up(ctx, leg, Cause::TemporaryFailure, HungUp::Failure);
            self.callee_gone(ctx, HungUp::Failure, Cause::TemporaryFailure);
        } else if self.connected(Side::A) == Some(leg) || self.connected(Side::B) == Some(leg) {
            self.finish(ctx, HungUp::Failure, Cause::TemporaryFailure);
        }
    }
}

fn is_dead(status: Status) -> bool {
    matches!(status, Status::NO_SUCH_CALL | Status::REQUEST_TIMEOUT)
}
