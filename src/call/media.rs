//! The call's relay: what the media engine is told, and what it tells.

use std::time::Duration;

use super::effect::{Effect, LegId};
use super::{Call, Context, LegState, Relay, Stage, Timer};
use crate::base::Side;
use crate::ledger::{HungUp, Outcome};
use crate::mask::write::Reply;
use crate::mask::{Cause, Crossing, Failure, LegMedia};
use crate::relay::{Command, Endpoint, Event, Keys};
use crate::sip::Status;

/// How long the engine may take to tell what a relay was like; then the record does without.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What a caller is told where this node has no port.
const RETRY_AFTER: u8 = 5;

impl Call {
    /// An event of the call's relay.
    pub fn media(&mut self, ctx: &mut Context<'_>, event: Event) {
        match event {
            Event::Opened { relay, ports } => {
                self.relay = Relay::Open(relay);
                match self.stage {
                    Stage::Opening => self.opened(ctx, ports),
                    Stage::Ending | Stage::Over => self.close_relay(ctx),
                    // Those toward a called party have moved, too late for it.
                    _ if self.following.is_some() => self.ports = ports,
                    _ => self.close_relay(ctx),
                }
            }
            Event::Refused { .. } => self.give_up_ports(ctx),
            Event::Digit { from, digit, duration, .. } => {
                if let Some(leg) = self.connected(from).filter(|_| !self.was_told(from)) {
                    self.cross(ctx, leg, Crossing::Digit(digit, duration));
                }
            }
            Event::Key { from, digit, .. } => self.pressed(ctx, from, None, digit),
            Event::Played { tag, .. } => self.played(ctx, tag),
            Event::Silent { .. } => self.finish(ctx, HungUp::Silence, Cause::Timer),
            Event::Closed { quality, .. } => {
                self.relay = Relay::Closed;
                self.notes.quality = Some(quality);
                self.timers.stop(Timer::MediaClose);
                self.settle(ctx);
            }
        }
    }

    /// Both sides of the relay as signalling has them now.
    pub(super) fn set_media(&mut self, ctx: &mut Context<'_>) {
        let Relay::Open(relay) = self.relay else { return };
        let mut is_held = false;
        // Until somebody is connected, nobody but the script hears a caller who is alone with it.
        let is_apart = self.following.is_some() && self.stage != Stage::Connected;
        for side in [Side::A, Side::B] {
            let Some(id) = self.connected(side) else { continue };
            let leg = self.leg(id);
            is_held |= leg.media.as_ref().is_some_and(LegMedia::is_held);
            let endpoint = Endpoint { is_apart, ..leg.endpoint() };
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side, endpoint }));
        }
        let limits = &ctx.policy.settings().call;
        let after = if is_held { limits.hold } else { limits.silence };
        ctx.effects.push_back(Effect::Media(Command::Silence { relay, after }));
    }

    /// The caller hears the callee before it answers, and not the other way round.
    pub(super) fn listen_early(&mut self, ctx: &mut Context<'_>, from: LegId) {
        let Relay::Open(relay) = self.relay else { return };
        let Some(caller) = self.party(Side::A) else { return };
        let is_answered = caller.state == LegState::Answered && self.following.is_some();
        let caller = Endpoint { is_apart: true, ..caller.endpoint() };
        let caller = Endpoint { receives: caller.receives && is_answered, ..caller };
        let callee = Endpoint { sends: false, ..self.leg(from).endpoint() };
        for (side, endpoint) in [(Side::A, caller), (Side::B, callee)] {
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side, endpoint }));
        }
    }

    /// Whether the end of a key says nothing new: the script was told when it began, and the other side hears it.
    fn was_told(&self, from: Side) -> bool {
        let is_heard = || self.connected(from.other()).is_none_or(|other| self.leg(other).takes_events());
        self.keys[from.index()] != Keys::Cross && is_heard()
    }

    /// What becomes of the keys of a side from now on.
    pub(super) fn listen(&mut self, ctx: &mut Context<'_>, from: Side, keys: Keys) {
        let Relay::Open(relay) = self.relay else { return };
        if std::mem::replace(&mut self.keys[from.index()], keys) != keys {
            ctx.effects.push_back(Effect::Media(Command::Listen { relay, from, keys }));
        }
    }

    /// Gives the ports back, at once or when they are told.
    pub(super) fn close_relay(&mut self, ctx: &mut Context<'_>) {
        match self.relay {
            Relay::Open(relay) => {
                self.relay = Relay::Closing(relay);
                ctx.effects.push_back(Effect::Media(Command::Close { relay }));
            }
            Relay::Opening(_) => {}
            Relay::None | Relay::Closing(_) | Relay::Closed => return,
        }
        self.timers.set(Timer::MediaClose, ctx.now + CLOSE_WAIT);
    }

    /// The engine has no ports, or does not answer: the call ends. Ports that it still gives are closed.
    pub(super) fn give_up_ports(&mut self, ctx: &mut Context<'_>) {
        if matches!(self.relay, Relay::Open(_)) {
            // Those toward the caller are there.
            return self.dial_failed(ctx, Failure::Unreachable);
        }
        self.relay = Relay::None;
        let reply = Reply { retry_after: Some(RETRY_AFTER), ..Reply::because(Cause::NoCircuit) };
        self.refuse(ctx, Status::SERVICE_UNAVAILABLE, reply, Outcome::Unavailable);
        self.settle(ctx);
    }

    /// The engine has not told how the relay was.
    pub(super) fn give_up_media(&mut self, ctx: &mut Context<'_>) {
        self.relay = Relay::Closed;
        self.settle(ctx);
    }
}
