//! From the caller's INVITE to the INVITEs toward the callee.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::effect::{CallKey, Effect, LegId, Purpose, ServerId};
use super::leg::branch;
use super::record::Notes;
use super::summons::sayable;
use super::{Call, Context, Leg, Relay, Stage, Timer, Timers};
use crate::base::settings::EarlyMedia;
use crate::base::{Flow, Side};
use crate::dialog::Dialog;
use crate::ledger::Outcome;
use crate::mask::guard::Guard;
use crate::mask::read::{self, BodyFault};
use crate::mask::write::{self, Reply};
use crate::mask::{Asserted, Cause, Failure, LegMedia, Media};
use crate::relay::{Command, Keys};
use crate::route::{self, Decision, Identity, Question, Refusal, RefusalKind, Source, Treatment};
use crate::sip::{Name, Request, Status};

/// How long after its INVITE a caller gets the uniform refusal, whatever the reason: long enough for every
/// decision from the index to be over.
const UNIFORM_DELAY: Duration = Duration::from_millis(200);
/// A decision that takes longer is a web service's: the caller hears ringing while it is waited for.
const ALERT: Duration = Duration::from_secs(1);
/// How long the engine may take to give ports, if the time for the decision is not over before.
pub(super) const OPEN_WAIT: Duration = Duration::from_secs(2);
/// How often what a ringing caller last heard is repeated (RFC 3261 section 13.3.1.1).
pub(super) const REMIND: Duration = Duration::from_secs(60);
/// What B's Max-Forwards is held to, so that it tells little of the caller's distance.
const MAX_FORWARDS: u8 = 20;

/// An INVITE that is to become a call.
pub struct Invitation<'a> {
    /// The call's key.
    pub key: CallKey,
    /// The INVITE.
    pub request: &'a Request,
    /// Its transaction.
    pub server: ServerId,
    /// Where it came in.
    pub flow: Flow,
    /// Whom it came from.
    pub source: Source,
    /// That one's name in the record.
    pub peer: Arc<str>,
    /// The status of the uniform refusal toward it.
    pub refuse: Status,
    /// Where its media may come from, besides the addresses it signals.
    pub media_sources: Vec<IpNet>,
    /// What is to be decided.
    pub question: Box<Question>,
}

/// One place where the callee is to be tried.
#[derive(Debug)]
pub struct Destination {
    /// The Request-URI.
    pub uri: Box<str>,
    /// The value of To.
    pub to: Box<str>,
    /// The path.
    pub flow: Flow,
    /// The trunk or phone.
    pub origin: Source,
    /// Its name in the record.
    pub peer: Arc<str>,
    /// The caller ID as it wants it written.
    pub shown: Asserted,
    /// What its caller hears while it rings.
    pub early_media: EarlyMedia,
    /// Where its media may come from, besides the addresses it signals.
    pub media_sources: Vec<IpNet>,
    /// Which of a document's targets it is, in their order; 0 for all other calls.
    pub way: usize,
}

impl Call {
    /// A call, from its INVITE: asks for the decision, or refuses an offer that can't be relayed.
    pub fn invited(ctx: &mut Context<'_>, invitation: Invitation<'_>) -> Self {
        let Invitation { key, request, server, flow, source, peer, refuse, media_sources, question } =
            invitation;
        let tag: Box<str> = ctx.random.token(16).into();
        ctx.effects.push_back(Effect::Follow { leg: LegId::CALLER, tag: tag.clone() });
        let mut dialog = Dialog::uas(request, flow, tag);
        dialog.follows_flow = matches!(source, Source::Phone(_));
        let contact = ctx.policy.contact(&flow, &ctx.random.token(12));
        let mut caller = Leg::new(ctx.now, source, peer, dialog, contact);
        caller.learn(request);
        caller.invite_cseq = request.cseq().number;
        caller.media_sources = media_sources;
        let hops = request.max_forwards().unwrap_or(70).saturating_sub(1).min(MAX_FORWARDS);
        let mut call = Self {
            key,
            stage: Stage::Deciding,
            legs: [vec![caller], Vec::new()],
            parties: [Some(LegId::CALLER), None],
            invite: Some(server),
            offer: None,
            refuse,
            plan: None,
            order: None,
            following: None,
            ports: [0; 2],
            keys: [Keys::Cross; 2],
            local: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); 2],
            destinations: Vec::new(),
            failure: None,
            exchange: None,
            relay: Relay::None,
            timers: Timers::default(),
            notes: Notes::new(ctx, hops),
        };
        if let Identity::Known(number) = question.caller {
            call.notes.caller = Some(number);
        }
        match read::heard(request, &ctx.policy.settings().media.codecs) {
            Ok(offer) => {
                call.offer = offer;
                call.timers.set(Timer::Decide, ctx.now + ctx.policy.settings().call.decide);
                call.timers.set(Timer::Alert, ctx.now + ALERT);
                ctx.effects.push_back(Effect::Decide { id: call.notes.id().into(), question });
            }
            Err(fault) => {
                call.notes.undecided(route::introduce(&ctx.policy.index, &question), fault);
                call.refuse_body(ctx, fault);
            }
        }
        call
    }

    /// Refuses an INVITE whose body is no offer that could be relayed.
    fn refuse_body(&mut self, ctx: &mut Context<'_>, fault: BodyFault) {
        match fault {
            BodyFault::NoAudio => self.fail(ctx, Failure::NoCommonCodec),
            BodyFault::Malformed => self.refuse(ctx, Status::BAD_REQUEST, Reply::bare(), Outcome::Refused),
            BodyFault::Unsupported => {
                let reply = Reply::bare().with(Name::Accept, "application/sdp");
                self.refuse(ctx, Status::UNSUPPORTED_MEDIA_TYPE, reply, Outcome::Refused);
            }
        }
    }

    /// The decision. `destinations` are where its plan leads, in order of choice; none for a refusal, or where
    /// nobody is registered.
    pub fn decided(&mut self, ctx: &mut Context<'_>, decision: Decision, destinations: Vec<Destination>) {
        if self.stage != Stage::Deciding {
            return;
        }
        self.timers.stop(Timer::Decide);
        self.timers.stop(Timer::Alert);
        self.notes.decided(ctx.now, &decision);
        match decision {
            Decision::Refuse(refusal) => self.refused(ctx, &refusal),
            Decision::Follow(program) => self.follow(ctx, *program),
            // Nobody has asked: as if nothing were mapped.
            Decision::Ask(_) => self.refused(ctx, &Refusal::new(RefusalKind::NoMapping)),
            Decision::Bridge(plan) => {
                let caller = self.leg_mut(LegId::CALLER);
                caller.guard = Guard::new(plan.destination, &[plan.dialled, plan.show]);
                let from = caller.dialog.flow;
                self.plan = Some(Box::new(plan));
                let Some(first) = destinations.first() else { return self.fail(ctx, Failure::Unreachable) };
                let local = [from, first.flow].map(|flow| ctx.policy.listener(&flow).media_bind);
                self.destinations = destinations;
                self.open(ctx, local);
            }
        }
    }

    /// It was to be bridged, but by now this node has as many calls as it may: the caller is to try again after so many
    /// seconds.
    pub fn crowded_out(&mut self, ctx: &mut Context<'_>, decision: &Decision, retry_after: u8) {
        self.timers.stop(Timer::Decide);
        self.notes.decided(ctx.now, decision);
        let reply = Reply { retry_after: Some(retry_after), ..Reply::because(Cause::NoCircuit) };
        self.refuse(ctx, Status::SERVICE_UNAVAILABLE, reply, Outcome::Refused);
    }

    fn refused(&mut self, ctx: &mut Context<'_>, refusal: &Refusal) {
        match refusal.kind.treatment() {
            Treatment::Uniform => {
                self.stage = Stage::Refusing;
                self.timers.set(Timer::Refuse, self.notes.received() + UNIFORM_DELAY);
            }
            Treatment::Special => {
                self.refuse(ctx, Status::FORBIDDEN, Reply::because(Cause::Rejected), Outcome::Refused);
            }
            Treatment::Unreachable => self.fail(ctx, Failure::Unreachable),
            Treatment::Busy => self.fail(ctx, Failure::Busy),
        }
    }

    /// The time of the uniform refusal has come.
    pub(super) fn refuse_uniformly(&mut self, ctx: &mut Context<'_>) {
        self.refuse(ctx, self.refuse, Reply::because(Cause::Unallocated), Outcome::Refused);
    }

    /// Asks for ports at two addresses of ours.
    pub(super) fn open(&mut self, ctx: &mut Context<'_>, local: [IpAddr; 2]) {
        let relay = self.key.relay();
        let silence = ctx.policy.settings().call.silence;
        self.stage = Stage::Opening;
        self.relay = Relay::Opening(relay);
        self.local = local;
        let soon = ctx.now + OPEN_WAIT;
        let budget = self.notes.received() + ctx.policy.settings().call.decide;
        self.timers.set(Timer::Open, if self.following.is_some() { soon } else { budget.min(soon) });
        ctx.effects.push_back(Effect::Media(Command::Open { relay, local, silence }));
    }

    /// The ports are there: calls every destination at once.
    pub(super) fn opened(&mut self, ctx: &mut Context<'_>, ports: [u16; 2]) {
        self.timers.stop(Timer::Open);
        self.ports = ports;
        if self.order.is_some() {
            return self.opened_for_order(ctx);
        }
        self.make_caller_media(ctx);
        if let Some(opens) = self.following.as_mut().and_then(|following| following.opens.take()) {
            return self.opened_to_caller(ctx, opens);
        }
        if self.following.is_some() {
            return self.call_targets(ctx);
        }
        self.stage = Stage::Calling;
        for destination in std::mem::take(&mut self.destinations) {
            self.attempt(ctx, Side::B, destination, ports[Side::B.index()]);
        }
        let plan = self.plan.as_ref().expect("ports are asked for by a plan");
        self.timers.set(Timer::Ring, ctx.now + plan.ring_timeout);
        self.tell_progress(ctx);
    }

    /// Sends one INVITE toward the party of a side.
    pub(super) fn attempt(&mut self, ctx: &mut Context<'_>, side: Side, destination: Destination, port: u16) {
        let Destination { uri, to, flow, origin, peer, shown, early_media, media_sources, way } = destination;
        let wanted = self.wanted(ctx, side);
        let mut media = LegMedia::new(ctx.random.next_u64(), ctx.policy.listener(&flow).media_public, port);
        let offer = media.offer(&wanted);

        let tag: Box<str> = ctx.random.token(16).into();
        let call_id = ctx.policy.shards.mint(ctx.random, self.key.shard);
        let mut dialog = Dialog::uac(call_id, shown.from.clone(), tag.clone(), to, uri, flow);
        dialog.follows_flow = matches!(origin, Source::Phone(_));
        let contact = ctx.policy.contact(&flow, &ctx.random.token(12));
        let mut leg = Leg::new(ctx.now, origin, peer, dialog, contact);
        leg.media = Some(media);
        leg.media_sources = media_sources;
        leg.early_media = early_media;
        leg.way = way;
        let guard = self.guard(side, way);
        leg.guard = match origin {
            Source::Phone(_) => guard.map(Guard::sparing_target),
            Source::Trunk(_) => guard,
        };

        let id = LegId::new(side, self.legs[side.index()].len());
        ctx.effects.push_back(Effect::Follow { leg: id, tag });
        let branch = branch(ctx);
        let mut head = leg.dialog.request(ctx.policy.via(&flow, &branch));
        head.max_forwards = self.notes.hops;
        leg.invite_cseq = head.cseq;
        let bytes = write::invite(&head, &leg.contact, &shown, &offer);
        self.legs[side.index()].push(leg);
        ctx.effects.push_back(Effect::Request {
            leg: id,
            purpose: Purpose::Invite,
            flow,
            branch,
            head,
            bytes,
        });
    }

    /// The media that the party of a side is offered: the callee gets the crossing of the caller's offer.
    fn wanted(&self, ctx: &Context<'_>, side: Side) -> Media {
        let codecs = &ctx.policy.settings().media.codecs;
        match (side, &self.offer) {
            (Side::A, _) => sayable(codecs),
            (Side::B, Some(offer)) => offer.media.clone(),
            (Side::B, None) => read::everything(codecs),
        }
    }

    /// What keeps the other party's number out of the messages of an attempt.
    fn guard(&self, side: Side, way: usize) -> Option<Guard> {
        let dial = self.following.as_ref().and_then(|following| following.dial.as_ref());
        let target = dial.and_then(|dial| Some(&dial.plans.get(way)?.1));
        let (plan, caller) = (target.or(self.plan.as_deref())?, self.notes.caller?);
        match side {
            Side::A => Guard::new(plan.destination, &[caller, plan.show]),
            Side::B => Guard::new(caller, &[plan.destination, plan.show]),
        }
    }

    /// Tells the caller once more that the callee is alerted, with its early media where it has heard those.
    pub(super) fn remind(&mut self, ctx: &mut Context<'_>) {
        match self.leg_mut(LegId::CALLER).media.as_mut().and_then(LegMedia::answer_again) {
            Some(body) => self.answer_early(ctx, body),
            None => self.ring(ctx),
        }
    }

    /// Tells the caller that the callee is alerted, and again as long as it rings.
    pub(super) fn ring(&mut self, ctx: &mut Context<'_>) {
        if let Some(to) = self.invite {
            let reply = Reply::in_dialog(&self.leg(LegId::CALLER).contact, None);
            ctx.effects.push_back(Effect::Respond { to, status: Status::RINGING, reply });
            self.timers.set(Timer::Remind, ctx.now + REMIND);
        }
    }
}
