//! A Dial of a document: its targets are found, all of them ring, and the first who answers is connected.

use std::net::IpAddr;

use super::effect::{AskedFor, Asking, Effect, LegId, Purpose};
use super::record::Notes;
use super::screening::Screening;
use super::setup::OPEN_WAIT;
use super::{Call, Context, Destination, Relay, Stage, Timer};
use crate::base::Side;
use crate::base::settings::EarlyMedia;
use crate::base::tones::CallTones;
use crate::ledger::HungUp;
use crate::mask::guard::Guard;
use crate::mask::{Cause, Failure, write};
use crate::relay::{Command, Endpoint, Keys, RelayId, Sound};
use crate::route::{Dialled, Dialling, Plan, Refusal, Treatment};
use crate::script::{DialEnd, Happened, Rows};
use crate::sdp::Direction;
use crate::sip::Status;
use crate::voice::{Dial, DialMusic, DialStatus, Event, Method};

/// A Dial that goes on.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) dial: Box<Dial>,
    /// How its targets are reached, each with its place in the document.
    pub(super) plans: Vec<(u8, Plan)>,
    /// How many of the plans have been looked for.
    looked_for: usize,
    /// It rang somewhere.
    rang: bool,
    /// The leg that was connected.
    pub(super) taken: Option<LegId>,
    /// Those who have answered and are not connected yet.
    pub(super) screening: Screening,
    /// Keys that are waited for, of the caller and of the called party.
    pub(super) rows: [Rows; 2],
    /// The music that the caller hears while they ring.
    music: Option<Sound>,
    /// What is asked and looked for in this Dial has this number.
    serial: u32,
    /// The address of ours that the ports toward its targets move to.
    moves_to: Option<IpAddr>,
}

/// Legs of one side at most, over all Dials of a call.
const LEGS: usize = 200;

impl Dialogue {
    /// Whether a side's keys mean something to it.
    pub(super) fn hears_keys(&self, side: Side) -> bool {
        match side {
            Side::A => self.dial.hangup_on_star || !self.dial.digits_match.is_empty(),
            Side::B => !self.dial.digits_match_b_leg.is_empty(),
        }
    }

    /// How it ends where the caller is gone.
    pub(super) fn cut_off(self: Box<Self>, notes: &Notes) -> DialEnd {
        let status = if self.taken.is_some() { DialStatus::Completed } else { DialStatus::Cancel };
        self.end(status, Cause::Normal, notes)
    }

    fn end(&self, status: DialStatus, cause: Cause, notes: &Notes) -> DialEnd {
        DialEnd {
            status,
            rang: self.rang,
            cause: cause.value(),
            a_leg: notes.id().into(),
            b_leg: self.taken.map(|leg| notes.leg_id(leg)),
        }
    }
}

impl Call {
    /// A document connects the caller: asks how its targets are reached.
    pub(super) fn dial(&mut self, ctx: &mut Context<'_>, dial: Box<Dial>) {
        let serial = self.next_serial();
        let Some(following) = &mut self.following else { return };
        let asked = Dialling { dialled: following.dialled, caller: following.caller, dial: (*dial).clone() };
        let rows = [&dial.digits_match, &dial.digits_match_b_leg].map(|rows| Rows::new(rows.clone()));
        following.dial = Some(Box::new(Dialogue {
            dial,
            plans: Vec::new(),
            looked_for: 0,
            rang: false,
            taken: None,
            screening: Screening::default(),
            rows,
            music: None,
            serial,
            moves_to: None,
        }));
        self.failure = None;
        self.destinations.clear();
        ctx.effects.push_back(Effect::Dial(Box::new(asked)));
    }

    /// How the targets are reached, or why none may be called.
    pub fn dialled(&mut self, ctx: &mut Context<'_>, answer: Result<Dialled, Refusal>) {
        let steps = match &answer {
            Ok(dialled) => &dialled.trace,
            Err(refusal) => &refusal.trace,
        };
        steps.iter().for_each(|step| self.notes.add(step.to_string()));
        if self.stage != Stage::Following {
            return;
        }
        match answer {
            Ok(Dialled { plans, .. }) => {
                let Some(dial) = self.dialogue() else { return };
                dial.plans = plans;
                self.look_for_next(ctx);
            }
            Err(refusal) => {
                let failure = match refusal.kind.treatment() {
                    Treatment::Special => Failure::Rejected,
                    Treatment::Busy => Failure::Busy,
                    Treatment::Uniform | Treatment::Unreachable => Failure::Unreachable,
                };
                self.dial_failed(ctx, failure);
            }
        }
    }

    pub(super) fn dialogue(&mut self) -> Option<&mut Dialogue> {
        self.following.as_mut()?.dial.as_deref_mut()
    }

    /// Asks where the next target is, or calls all that were found.
    fn look_for_next(&mut self, ctx: &mut Context<'_>) {
        let next = self.dialogue().and_then(|dial| dial.plans.get(dial.looked_for));
        match next.map(|(_, plan)| Box::new(plan.clone())) {
            Some(plan) => {
                let index = ctx.policy.index.clone();
                let serial = self.dialogue().map_or(0, |dial| dial.serial);
                ctx.effects.push_back(Effect::Locate { side: Side::B, serial, plan, index });
            }
            None if self.destinations.is_empty() => self.dial_failed(ctx, Failure::Unreachable),
            None => self.call_found(ctx),
        }
    }

    /// Where one of the targets is; nowhere, where it is not registered or its trunk has no address.
    pub(super) fn target_located(
        &mut self,
        ctx: &mut Context<'_>,
        serial: u32,
        destinations: Vec<Destination>,
    ) {
        let is_looking = self.stage == Stage::Following;
        let Some(dial) = self.dialogue().filter(|dial| is_looking && dial.serial == serial) else { return };
        let way = dial.looked_for;
        dial.looked_for += 1;
        let is_real = dial.dial.music == Some(DialMusic::Real);
        self.destinations.extend(destinations.into_iter().map(|found| {
            let early_media = if is_real { EarlyMedia::Relay } else { found.early_media };
            Destination { way, early_media, ..found }
        }));
        self.look_for_next(ctx);
    }

    /// Calls everybody who was found, all at once.
    fn call_found(&mut self, ctx: &mut Context<'_>) {
        if self.legs[Side::B.index()].len() + self.destinations.len() > LEGS {
            self.notes.add("nobody else is called: this call has called too many".to_owned());
            self.destinations.clear();
            return self.dial_failed(ctx, Failure::Unreachable);
        }
        let Some(dial) = self.dialogue() else { return };
        let plan = dial.plans.first().map(|(_, plan)| Box::new(plan.clone()));
        self.plan = plan;
        self.guard_caller();
        let local = |flow| ctx.policy.listener(flow).media_bind;
        let from = local(&self.leg(LegId::CALLER).dialog.flow);
        let to = local(&self.destinations[0].flow);
        match self.relay {
            Relay::Open(relay) if to != self.local[Side::B.index()] => self.move_ports(ctx, relay, to),
            Relay::Open(_) => self.call_targets(ctx),
            _ => self.open(ctx, [from, to]),
        }
    }

    /// The targets are reached from another address of ours than the last ones: the ports toward them go there.
    fn move_ports(&mut self, ctx: &mut Context<'_>, relay: RelayId, local: IpAddr) {
        let side = Side::B;
        self.stage = Stage::Opening;
        if let Some(dial) = self.dialogue() {
            dial.moves_to = Some(local);
        }
        self.timers.set(Timer::Open, ctx.now + OPEN_WAIT);
        ctx.effects.push_back(Effect::Media(Command::Move { relay, side, local }));
    }

    /// The caller must not see any of those who are called.
    fn guard_caller(&mut self) {
        let Some(dial) = self.dialogue() else { return };
        let hidden: Vec<_> = dial.plans.iter().map(|(_, plan)| plan.destination).collect();
        let shown: Vec<_> = dial.plans.iter().flat_map(|(_, plan)| [plan.dialled, plan.show]).collect();
        self.leg_mut(LegId::CALLER).guard = Guard::against(&hidden, &shown);
    }

    /// The ports are open already: the targets ring, and a caller who was answered hears that.
    pub(super) fn call_targets(&mut self, ctx: &mut Context<'_>) {
        if let Some(local) = self.dialogue().and_then(|dial| dial.moves_to.take()) {
            self.local[Side::B.index()] = local;
        }
        self.stage = Stage::Calling;
        if self.invite.is_none() {
            self.offer = self.connected(Side::A).and_then(|id| self.said_by(id));
            self.hear_ringing(ctx);
        }
        let port = self.ports[Side::B.index()];
        for destination in std::mem::take(&mut self.destinations) {
            self.attempt(ctx, Side::B, destination, port);
        }
        let ring_timeout = self.plan.as_ref().map(|plan| plan.ring_timeout).unwrap_or_default();
        self.timers.set(Timer::Ring, ctx.now + ring_timeout);
        self.tell_progress(ctx);
    }

    /// What an answered caller hears while the targets ring: ringing, until there is music, or early media of theirs.
    fn hear_ringing(&mut self, ctx: &mut Context<'_>) {
        let tones = CallTones::of(&ctx.policy.settings().numbers.country);
        self.play(ctx, Sound::Tone(tones.ringback));
        let music = self.dialogue().and_then(|dial| dial.dial.music.clone());
        if let Some(DialMusic::Link(link)) = music {
            let asking = self.asking(link, Method::default(), Event::Redirect);
            let purpose = AskedFor::Music(self.dialogue().map_or(0, |dial| dial.serial));
            let asking = Asking { purpose, is_optional: true, ..asking };
            ctx.effects.push_back(Effect::Ask(Box::new(asking)));
        }
    }

    /// The music is there: it is heard while the targets ring.
    pub(super) fn hear_music(&mut self, ctx: &mut Context<'_>, serial: u32, sound: Option<Sound>) {
        let is_calling = self.stage == Stage::Calling;
        let dial = self.dialogue().filter(|dial| is_calling && dial.serial == serial);
        if let (Some(dial), Some(sound)) = (dial, sound) {
            dial.music = Some(sound.clone());
            self.play(ctx, sound);
        }
    }

    /// The music has come to its end: it begins again.
    pub(super) fn music_over(&mut self, ctx: &mut Context<'_>, serial: u32) {
        let music = self.dialogue().and_then(|dial| dial.music.clone());
        self.hear_music(ctx, serial, music);
    }

    /// A target rings.
    pub(super) fn target_rings(&mut self) {
        if let Some(dial) = self.dialogue() {
            dial.rang = true;
        }
    }

    /// A target answered: the call goes by its plan from here.
    pub(super) fn target_answered(&mut self, id: LegId) {
        let way = self.leg(id).way;
        let Some(dial) = self.dialogue() else { return };
        dial.taken = Some(id);
        let plan = dial.plans.get(way).map(|(_, plan)| Box::new(plan.clone()));
        self.plan = plan.or_else(|| self.plan.take());
    }

    /// Nobody could be had.
    pub(super) fn dial_failed(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        let status = match failure {
            Failure::Busy => DialStatus::Busy,
            Failure::NoAnswer => DialStatus::NoAnswer,
            Failure::Rejected | Failure::NoCommonCodec | Failure::Unreachable => DialStatus::Failed,
        };
        if let Some(following) = &mut self.following {
            following.failure = Some(failure);
        }
        self.dial_over(ctx, status, failure.cause());
    }

    /// Ends whom the caller is connected with, or who rings, and not the caller.
    pub(super) fn end_dial(&mut self, ctx: &mut Context<'_>, cause: Cause) {
        let Some(dial) = self.dialogue() else { return };
        let status = if dial.taken.is_some() { DialStatus::Completed } else { DialStatus::Cancel };
        if let Some(callee) = self.connected(Side::B) {
            let by = if cause == Cause::Timer { HungUp::MaxDuration } else { HungUp::Caller };
            self.leg_mut(callee).hang_up(ctx, callee, cause, by);
            if let Some(following) = self.following.as_mut().filter(|_| by == HungUp::MaxDuration) {
                following.left = Some((by, cause));
            }
        }
        self.dial_over(ctx, status, cause);
    }

    /// A Dial is over: the caller is alone again, and the document goes on.
    pub(super) fn dial_over(&mut self, ctx: &mut Context<'_>, status: DialStatus, cause: Cause) {
        self.tell_leg_end(ctx);
        let Some(mut dial) = self.following.as_mut().and_then(|following| following.dial.take()) else {
            return;
        };
        self.decline(ctx, Status::REQUEST_TERMINATED);
        self.give_up_attempts(ctx, cause);
        if let Some(following) = &mut self.following {
            following.sending.drop_to(Side::B);
        }
        for leg in dial.screening.take() {
            self.leg_mut(leg).hang_up(ctx, leg, cause, HungUp::Switch);
        }
        for timer in
            [Timer::Screen, Timer::Ring, Timer::MaxDuration, Timer::Remind, Timer::Offer, Timer::Glare]
        {
            self.timers.stop(timer);
        }
        self.parties[Side::B.index()] = None;
        self.stage = Stage::Following;
        if let Relay::Open(relay) = self.relay {
            self.hush(ctx);
            self.listen(ctx, Side::A, Keys::Keep);
            self.listen(ctx, Side::B, Keys::Cross);
            let (side, endpoint) = (Side::B, Endpoint::default());
            ctx.effects.push_back(Effect::Media(Command::Set { relay, side, endpoint }));
        }
        self.set_media(ctx);
        self.take_back_hold(ctx);
        let end = dial.end(status, cause, &self.notes);
        self.happened(ctx, Happened::Dialled(end));
    }

    /// A party that is gone held the caller, who is to hear and be heard again.
    fn take_back_hold(&mut self, ctx: &mut Context<'_>) {
        let alone = self.alone(ctx);
        let Some(id) = self.connected(Side::A) else { return };
        let leg = self.leg_mut(id);
        let Some(media) = &mut leg.media else { return };
        let is_held = media.media().is_some_and(|said| said.direction != Direction::SendRecv);
        if !is_held || leg.holds || leg.is_reinviting || leg.unacknowledged.is_some() {
            return;
        }
        let offer = media.offer(&alone);
        leg.send(ctx, id, Purpose::Reinvite, |head, contact| write::reinvite(head, contact, &offer));
    }

    /// The party that was called hung up, or was lost: the caller goes on alone, where it was there before.
    pub(super) fn callee_gone(&mut self, ctx: &mut Context<'_>, by: HungUp, cause: Cause) {
        if let Some(following) = &mut self.following {
            following.left = Some((by, cause));
            return self.dial_over(ctx, DialStatus::Completed, cause);
        }
        self.finish(ctx, by, cause);
    }
}
