//! A caller who is alone with a document: answered or given early media, and sent tones.

use std::collections::VecDeque;
use std::time::Duration;

use super::effect::{Effect, LegId};
use super::summons::sayable;
use super::{Call, Context, LegState, Relay, Stage, Timer};
use crate::base::Side;
use crate::mask::write::Reply;
use crate::mask::{Failure, LegMedia, Media, read};
use crate::relay::{Command, Digit, Endpoint, Keys, can_transcode};
use crate::script::Happened;
use crate::sdp::Codec;
use crate::sip::Status;
use crate::voice::{Step, Tones};

/// How long a key sounds that a document sends, and the pause behind it: what most gateways take for certain.
const KEY: Duration = Duration::from_millis(120);
const GAP: Duration = Duration::from_millis(120);

/// What the ports are for, once they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    /// The caller is answered.
    Answer,
    /// The caller hears us before it is answered.
    Early,
}

/// Tones that are on their way, one document's after the other.
#[derive(Debug, Default)]
pub(super) struct Sending(VecDeque<Row>);

/// What is sent to a side; the script is told when a row with a tag is over.
#[derive(Debug)]
struct Row {
    to: Side,
    tag: Option<u32>,
    steps: VecDeque<Step>,
}

impl Sending {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is still to be sent to a side is not.
    pub(super) fn drop_to(&mut self, side: Side) {
        self.0.retain(|row| row.to != side);
    }
}

impl Call {
    /// The caller is to be answered, or to hear us before that.
    pub(super) fn open_to_caller(&mut self, ctx: &mut Context<'_>, opens: Opens) {
        match self.relay {
            Relay::None => {
                let local = ctx.policy.listener(&self.leg(LegId::CALLER).dialog.flow).media_bind;
                if let Some(following) = &mut self.following {
                    following.opens = Some(opens);
                }
                self.open(ctx, [local, local]);
            }
            _ => self.speak_to_caller(ctx, opens),
        }
    }

    /// The ports are there for a caller who is alone.
    pub(super) fn opened_to_caller(&mut self, ctx: &mut Context<'_>, opens: Opens) {
        self.stage = Stage::Following;
        self.speak_to_caller(ctx, opens);
    }

    fn speak_to_caller(&mut self, ctx: &mut Context<'_>, opens: Opens) {
        let alone = self.alone(ctx);
        let is_late = self.offer.is_none();
        let caller = self.leg_mut(LegId::CALLER);
        let own = caller.media.as_mut().expect("the ports are open");
        let body = match (is_late, opens) {
            (false, _) => caller.first_answer(&alone).map(|(body, _)| body),
            (true, Opens::Answer) => Some(own.offer(&alone)),
            (true, Opens::Early) => None,
        };
        match (opens, body) {
            (Opens::Answer, Some(body)) => self.answer_alone(ctx, body, is_late),
            (Opens::Answer, None) => self.refuse_for(ctx, Failure::NoCommonCodec),
            (Opens::Early, body) => {
                if let Some(body) = body {
                    self.answer_early(ctx, body);
                    self.hear_us_early(ctx);
                }
                self.happened(ctx, Happened::Early);
            }
        }
    }

    /// What a caller who is alone is answered with: what everybody can, and where its offer has nothing of that, all that
    /// we can make sounds in.
    pub(super) fn alone(&self, ctx: &Context<'_>) -> Media {
        let codecs = &ctx.policy.settings().media.codecs;
        let plain = sayable(codecs);
        let offered = self.offer.as_ref().map_or(&[][..], |offer| &offer.media.codecs);
        let has_plain = offered
            .iter()
            .any(|codec| codec.is_speech() && plain.codecs.iter().any(|own| own.matches(codec)));
        if has_plain || offered.is_empty() {
            return plain;
        }
        let everything = read::everything(codecs);
        let ours = |codec: &Codec| can_transcode(codec) || !codec.is_speech();
        Media { codecs: everything.codecs.iter().copied().filter(ours).collect(), ..everything }
    }

    /// The caller is answered while nobody else is there.
    fn answer_alone(&mut self, ctx: &mut Context<'_>, body: bytes::Bytes, is_late: bool) {
        let Some(to) = self.invite.take() else { return };
        let max_duration = ctx.policy.settings().call.max_duration;
        let offered = self.offer.as_ref().map(|offer| offer.media.clone());
        let caller = self.leg_mut(LegId::CALLER);
        let codecs = caller.media.as_ref().map(LegMedia::agreed).unwrap_or_default();
        caller.wants = offered.map(|offered| Media { codecs, ..offered });
        caller.owes_answer = is_late;
        caller.state = LegState::Answered;
        caller.notes.answered = Some(ctx.now);
        caller.notes.status = Some(Status::OK.code());
        let cseq = caller.invite_cseq;
        self.accept(ctx, LegId::CALLER, to, cseq, body);
        self.timers.stop(Timer::Remind);
        self.notes.answered(ctx.now);
        if let Some(following) = &mut self.following {
            following.is_answered = true;
            following.ends = Some(ctx.now + max_duration);
        }
        self.set_media(ctx);
        self.listen(ctx, Side::A, Keys::Keep);
        self.tell_progress(ctx);
        if !is_late {
            self.happened(ctx, Happened::Answered);
        }
    }

    /// The caller's first word on media came with its ACK: now it hears us.
    pub(super) fn heard_late(&mut self, ctx: &mut Context<'_>) {
        if self.stage == Stage::Following {
            self.happened(ctx, Happened::Answered);
        }
    }

    /// The caller hears us before it is answered, and is not heard.
    fn hear_us_early(&mut self, ctx: &mut Context<'_>) {
        let Relay::Open(relay) = self.relay else { return };
        let endpoint = Endpoint { receives: false, ..self.leg(LegId::CALLER).endpoint() };
        ctx.effects.push_back(Effect::Media(Command::Set { relay, side: Side::A, endpoint }));
    }

    /// Makes the caller's side of the ports, where there is none yet.
    pub(super) fn make_caller_media(&mut self, ctx: &mut Context<'_>) {
        if self.leg(LegId::CALLER).media.is_some() {
            return;
        }
        let public = ctx.policy.listener(&self.leg(LegId::CALLER).dialog.flow).media_public;
        let mut media = LegMedia::new(ctx.random.next_u64(), public, self.ports[Side::A.index()]);
        if let Some(offer) = &self.offer {
            media.hear(offer.remote.clone());
        }
        self.leg_mut(LegId::CALLER).media = Some(media);
    }

    /// Sends tones to a side, after those that are on their way.
    pub(super) fn send_tones(&mut self, ctx: &mut Context<'_>, to: Side, tag: Option<u32>, tones: &Tones) {
        let Some(following) = &mut self.following else { return };
        let is_idle = following.sending.0.is_empty();
        following.sending.0.push_back(Row { to, tag, steps: tones.steps().collect() });
        if is_idle {
            self.send_next(ctx);
        }
    }

    /// The next tone or pause.
    pub(super) fn send_next(&mut self, ctx: &mut Context<'_>) {
        let row = self.following.as_mut().and_then(|following| following.sending.0.front_mut());
        let Some(Row { to, tag, steps }) = row else { return };
        let (to, tag, step) = (*to, *tag, steps.pop_front());
        let pause = match step {
            Some(Step::Pause(pause)) => pause,
            Some(Step::Tone(key)) => {
                if let (Relay::Open(relay), Some(digit)) = (self.relay, Digit::from_char(key.sign())) {
                    let duration = KEY;
                    ctx.effects.push_back(Effect::Media(Command::Digit { relay, to, digit, duration }));
                }
                KEY + GAP
            }
            None => {
                if let Some(following) = &mut self.following {
                    following.sending.0.pop_front();
                }
                self.send_next(ctx);
                if let Some(tag) = tag {
                    self.happened(ctx, Happened::Sent(tag));
                }
                return;
            }
        };
        self.timers.set(Timer::Tones, ctx.now + pause);
    }

    /// Refuses a caller who was not answered.
    pub(super) fn refuse_for(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        let reply = Reply::because(failure.cause());
        self.refuse(ctx, failure.status(), reply, super::crossing::outcome(failure));
    }
}
