//! An ordered call from the first party's answer to the second's: the key that confirms, the ringback, the bridge.

use std::time::Duration;

use bytes::Bytes;

use super::effect::{Effect, LegId};
use super::{Call, Context, Exchange, Relay, Stage, Timer};
use crate::base::Side;
use crate::base::settings::CodecName;
use crate::base::tones::CallTones;
use crate::ledger::{HungUp, Outcome};
use crate::mask::read::{self, Heard};
use crate::mask::{Cause, Crossing, Failure, LegMedia, Media};
use crate::relay::{Command, Digit, Endpoint, Sound};
use crate::sdp::Codec;

/// The prompt that asks for the key, where the settings name no other.
static PROMPT: &[u8] = include_bytes!("prompts/confirm.al");
/// The key that confirms.
const KEY: char = '1';
/// How long the first party may take to press it.
const CONFIRM: Duration = Duration::from_secs(20);

impl Call {
    /// The first party has answered. Its telephones that still ring are given up.
    pub(super) fn summoned(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        self.parties[Side::A.index()] = Some(leg);
        self.timers.stop(Timer::Ring);
        self.give_up_attempts(ctx, Cause::NotSelected);
        self.set_media(ctx);
        let confirms = self.order.as_ref().is_some_and(|ordered| ordered.order.confirm);
        self.stage = Stage::Confirming;
        if confirms {
            let prompt = ctx.policy.settings().call.confirm_prompt.clone();
            self.play(ctx, Sound::Prompt(prompt.unwrap_or(Bytes::from_static(PROMPT))));
            self.timers.set(Timer::Order, ctx.now + CONFIRM);
        } else {
            self.reach_second(ctx);
        }
        self.tell_progress(ctx);
    }

    /// The first party pressed a key: the one that confirms, or another, by which it says no.
    pub(super) fn confirm(&mut self, ctx: &mut Context<'_>, digit: Digit) {
        if digit.to_char() == KEY {
            self.timers.stop(Timer::Order);
            self.reach_second(ctx);
        } else {
            self.abort(ctx, Outcome::Rejected, Cause::Rejected);
        }
    }

    /// Whoever answered for the first party pressed no key: a voicemail, perhaps. It is as if nobody had answered.
    pub(super) fn unconfirmed(&mut self, ctx: &mut Context<'_>) {
        let failure = Failure::NoAnswer;
        self.hush(ctx);
        if let Some(id) = self.parties[Side::A.index()].take() {
            self.leg_mut(id).hang_up(ctx, id, failure.cause(), HungUp::Switch);
        }
        if let Relay::Open(relay) = self.relay {
            let endpoint = Endpoint::default();
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side: Side::A, endpoint }));
        }
        self.disappoint(ctx, failure);
    }

    /// Calls the second party, whom the first hears ringing.
    fn reach_second(&mut self, ctx: &mut Context<'_>) {
        self.stage = Stage::Calling;
        self.failure = None;
        self.offer = self.connected(Side::A).and_then(|id| self.said_by(id));
        let tones = CallTones::of(&ctx.policy.settings().numbers.country);
        self.play(ctx, Sound::Tone(tones.ringback));
        self.set_ring_timer(ctx);
        self.ask(ctx, Side::B);
    }

    /// What a leg's party last said of its media.
    pub(super) fn said_by(&self, id: LegId) -> Option<Heard> {
        let leg = self.leg(id);
        let remote = leg.media.as_ref().and_then(LegMedia::heard)?.clone();
        Some(Heard { remote, media: leg.wants.clone()? })
    }

    /// The first party hears the second before that one answers.
    pub(super) fn overhear(&mut self, ctx: &mut Context<'_>, from: LegId) {
        self.hush(ctx);
        self.listen_early(ctx, from);
    }

    /// The second party answered: both hear each other.
    pub(super) fn bridge(&mut self, ctx: &mut Context<'_>, callee: LegId, media: &Media) {
        self.hush(ctx);
        self.connected_to(ctx, callee);
        let Some(caller) = self.connected(Side::A) else { return };
        let Some(now) = self.said_by(caller) else { return };
        let is_as_offered = self.offer.take().is_some_and(|offered| offered.media == now.media);
        let speaks = |codec: &Codec| media.codecs.iter().any(|theirs| theirs.matches(codec));
        let agreed = self.leg(caller).media.as_ref().map(LegMedia::agreed).unwrap_or_default();
        let takes_all = agreed.iter().filter(|codec| codec.is_speech()).all(speaks);
        if !is_as_offered {
            self.carry(ctx, caller, now);
        } else if !takes_all || media.direction != now.media.direction.reversed() {
            // The first party has to know what the second took, or it speaks what that one can't hear.
            if let Some(heard) = self.said_by(callee) {
                self.carry(ctx, callee, heard);
            }
        }
    }

    /// Offers the other party what this one has said already.
    fn carry(&mut self, ctx: &mut Context<'_>, from: LegId, heard: Heard) {
        let media = heard.media.clone();
        self.exchange = Some(Exchange { from: from.side, asked: None, heard, is_given_up: false });
        self.cross(ctx, from, Crossing::Offer(media));
    }
}

/// What a first party is offered, and answered with while it is alone: what we can make sounds in.
pub(super) fn sayable(codecs: &[CodecName]) -> Media {
    let everything = read::everything(codecs);
    let is_sayable =
        |codec: &Codec| matches!(codec, Codec::Pcma | Codec::Pcmu | Codec::TelephoneEvent { clock: 8_000 });
    let sayable: Vec<Codec> = everything.codecs.iter().copied().filter(is_sayable).collect();
    if sayable.iter().any(Codec::is_speech) { Media { codecs: sayable, ..everything } } else { everything }
}
