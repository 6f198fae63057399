//! A target of a Dial that has answered, and is to hear something or press a key before it is connected: so that no
//! voicemail is, and nobody hears the caller by chance.

use super::effect::{AskedFor, Asking, Effect, LegId};
use super::{Call, Context, LegState, Relay, Stage, Timer};
use crate::base::Side;
use crate::ledger::HungUp;
use crate::mask::{Cause, Failure, Media};
use crate::relay::{Command, Endpoint, Keys, Sound};
use crate::voice::{Event, Key, LegStep, Method};

/// Targets that have answered and are not connected yet.
#[derive(Debug, Default)]
pub(super) struct Screening {
    /// The one that is being asked, and the media that it took.
    now: Option<(LegId, Media)>,
    /// What is asked and played for it has this number.
    serial: u32,
    /// Those that answered meanwhile, in order.
    waiting: Vec<(LegId, Media)>,
}

impl Screening {
    pub(super) fn is_going_on(&self) -> bool {
        self.now.is_some()
    }

    /// Whether that is about the one who is being asked now.
    fn is_about(&self, serial: u32) -> bool {
        self.now.is_some() && self.serial == serial
    }

    /// All of them, who are no longer wanted.
    pub(super) fn take(&mut self) -> impl Iterator<Item = LegId> + use<> {
        let waiting = std::mem::take(&mut self.waiting);
        self.now.take().into_iter().chain(waiting).map(|(leg, _)| leg)
    }
}

impl Call {
    /// A target has answered: it is connected, or first asked whether it takes the call.
    pub(super) fn target_took(&mut self, ctx: &mut Context<'_>, leg: LegId, media: Media) {
        self.tell_leg(ctx, leg, LegStep::Answer);
        match self.dialogue() {
            Some(dial) if dial.dial.confirm_sound.is_some() => {
                dial.screening.waiting.push((leg, media));
                self.screen_next(ctx);
            }
            _ => self.connect(ctx, leg, &media),
        }
    }

    fn screening(&mut self) -> Option<&mut Screening> {
        self.dialogue().map(|dial| &mut dial.screening)
    }

    /// Asks the next of those who have answered, where nobody is being asked.
    fn screen_next(&mut self, ctx: &mut Context<'_>) {
        let Some(screening) = self.screening().filter(|screening| screening.now.is_none()) else { return };
        if screening.waiting.is_empty() {
            return;
        }
        let (leg, media) = screening.waiting.remove(0);
        screening.now = Some((leg, media));
        self.hear_target_alone(ctx, leg);
        let serial = self.next_serial();
        let Some(dial) = self.dialogue() else { return };
        dial.screening.serial = serial;
        let (link, timeout) = (dial.dial.confirm_sound.clone(), dial.dial.confirm_timeout);
        self.timers.set(Timer::Screen, ctx.now + timeout);
        let Some(link) = link else { return };
        let event = Event::DialLeg(self.leg_told(leg, LegStep::Answer));
        let asking = self.asking(link, Method::default(), event);
        ctx.effects.push_back(Effect::Ask(Box::new(Asking {
            purpose: AskedFor::Screen(serial),
            is_optional: true,
            ..asking
        })));
    }

    /// The target and we hear each other; neither it nor the caller hears the other.
    fn hear_target_alone(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        let Relay::Open(relay) = self.relay else { return };
        let target = Endpoint { is_apart: true, ..self.leg(leg).endpoint() };
        if let Some(caller) = self.connected(Side::A) {
            let endpoint = Endpoint { is_apart: true, ..self.leg(caller).endpoint() };
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side: Side::A, endpoint }));
        }
        // Whoever was asked before was somebody else.
        for endpoint in [Endpoint::default(), target] {
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side: Side::B, endpoint }));
        }
        self.listen(ctx, Side::B, Keys::Keep);
    }

    /// What the target is to hear. Where there is nothing, it is as if it had heard it.
    pub(super) fn screen_with(&mut self, ctx: &mut Context<'_>, serial: u32, sound: Option<Sound>) {
        if self.screening().is_none_or(|screening| !screening.is_about(serial)) {
            return;
        }
        match (self.relay, sound) {
            (Relay::Open(relay), Some(what)) => {
                ctx.effects.push_back(Effect::Media(Command::Play { relay, to: Side::B, what }));
            }
            _ => self.screen_heard(ctx, serial),
        }
    }

    /// The target has heard it: without a key to press, that is all.
    pub(super) fn screen_heard(&mut self, ctx: &mut Context<'_>, serial: u32) {
        let Some(dial) = self.dialogue().filter(|dial| dial.screening.is_about(serial)) else { return };
        if dial.dial.confirm_key.is_none() {
            self.screen_passed(ctx);
        }
    }

    /// The target pressed a key.
    pub(super) fn screen_key(&mut self, ctx: &mut Context<'_>, by: Option<LegId>, key: Key) {
        let Some(dial) = self.dialogue() else { return };
        let Some((asked, _)) = &dial.screening.now else { return };
        if by.is_none_or(|by| by == *asked) && dial.dial.confirm_key == Some(key) {
            self.screen_passed(ctx);
        }
    }

    fn screen_passed(&mut self, ctx: &mut Context<'_>) {
        let Some((leg, media)) = self.screening().and_then(|screening| screening.now.take()) else { return };
        self.end_screening(ctx);
        for other in self.screening().map(Screening::take).into_iter().flatten() {
            self.leg_mut(other).hang_up(ctx, other, Cause::NotSelected, HungUp::Switch);
        }
        self.connect(ctx, leg, &media);
    }

    fn end_screening(&mut self, ctx: &mut Context<'_>) {
        self.timers.stop(Timer::Screen);
        self.listen(ctx, Side::B, Keys::Cross);
        if let Relay::Open(relay) = self.relay {
            ctx.effects.push_back(Effect::Media(Command::Stop { relay, to: Side::B }));
        }
    }

    /// The target pressed no key in time: it is as if it had not answered, and the next one is asked.
    pub(super) fn screen_failed(&mut self, ctx: &mut Context<'_>) {
        let Some((leg, _)) = self.screening().and_then(|screening| screening.now.take()) else { return };
        self.leg_mut(leg).hang_up(ctx, leg, Cause::NoAnswer, HungUp::Switch);
        self.screened_out(ctx, leg);
    }

    /// A target that had answered hung up before it was connected.
    pub(super) fn target_left(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        let Some(screening) = self.screening() else { return };
        screening.waiting.retain(|(waiting, _)| *waiting != leg);
        if screening.now.take_if(|(now, _)| *now == leg).is_some() {
            self.screened_out(ctx, leg);
        }
    }

    fn screened_out(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        self.end_screening(ctx);
        self.screen_next(ctx);
        self.attempt_over(ctx, leg, Failure::NoAnswer);
    }

    /// Nobody else answered in time: those who have are asked still.
    pub(super) fn rung_long_enough(&mut self, ctx: &mut Context<'_>) {
        if self.stage == Stage::Calling && self.screening().is_some_and(|screening| screening.is_going_on()) {
            return self.give_up_attempts(ctx, Cause::NoAnswer);
        }
        self.fail(ctx, Failure::NoAnswer);
    }

    /// Whether a target may still be connected.
    pub(super) fn is_hopeful(&mut self, side: Side) -> bool {
        let is_ringing = self.legs[side.index()].iter().any(|leg| leg.state == LegState::Inviting);
        is_ringing || self.screening().is_some_and(|screening| screening.is_going_on())
    }
}
