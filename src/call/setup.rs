//! From the caller's INVITE to the INVITEs toward the callee.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::effect::{CallKey, Effect, LegId, Purpose, ServerId};
use super::leg::branch;
use super::record::Notes;
use super::{Call, Context, Leg, Relay, Stage, Timer, Timers};
use crate::base::settings::EarlyMedia;
use crate::base::{Flow, Side};
use crate::dialog::Dialog;
use crate::ledger::Outcome;
use crate::mask::guard::Guard;
use crate::mask::read::{self, BodyFault};
use crate::mask::write::{self, Reply};
use crate::mask::{Asserted, Cause, Failure, LegMedia};
use crate::relay::Command;
use crate::route::{self, Decision, Identity, Question, Refusal, Source, Treatment};
use crate::sip::{Name, Request, Status};

/// How long after its INVITE a caller gets the uniform refusal, whatever the reason: long enough for every
/// decision from the index to be over.
const UNIFORM_DELAY: Duration = Duration::from_millis(200);
/// How long the engine may take to give ports, if the time for the decision is not over before.
const OPEN_WAIT: Duration = Duration::from_secs(2);
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
}

impl Call {
    /// A call, from its INVITE: asks for the decision, or refuses an offer that can't be relayed.
    pub fn invited(ctx: &mut Context<'_>, invitation: Invitation<'_>) -> Self {
        let Invitation { key, request, server, flow, source, peer, refuse, media_sources, question } =
            invitation;
        let tag: Box<str> = ctx.random.token(16).into();
        ctx.effects.push_back(Effect::Follow { leg: LegId::Caller, tag: tag.clone() });
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
            caller,
            attempts: Vec::new(),
            answered: None,
            invite: Some(server),
            offer: None,
            refuse,
            plan: None,
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
                ctx.effects.push_back(Effect::Decide(question));
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
        self.notes.decided(ctx.now, &decision);
        match decision {
            Decision::Refuse(refusal) => self.refused(ctx, &refusal),
            Decision::Bridge(plan) => {
                self.caller.guard = Guard::new(plan.destination, &[plan.dialled, plan.show]);
                self.plan = Some(Box::new(plan));
                match destinations.is_empty() {
                    true => self.fail(ctx, Failure::Unreachable),
                    false => self.open(ctx, destinations),
                }
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

    /// Asks for ports.
    fn open(&mut self, ctx: &mut Context<'_>, destinations: Vec<Destination>) {
        let bind = |flow: &Flow| ctx.policy.listener(flow).media_bind;
        let local = [bind(&self.caller.dialog.flow), bind(&destinations[0].flow)];
        let relay = self.key.relay();
        let silence = ctx.policy.settings().call.silence;
        self.destinations = destinations;
        self.stage = Stage::Opening;
        self.relay = Relay::Opening(relay);
        let budget = self.notes.received() + ctx.policy.settings().call.decide;
        self.timers.set(Timer::Open, budget.min(ctx.now + OPEN_WAIT));
        ctx.effects.push_back(Effect::Media(Command::Open { relay, local, silence }));
    }

    /// The ports are there: calls every destination at once.
    pub(super) fn opened(&mut self, ctx: &mut Context<'_>, ports: [u16; 2]) {
        let public = |flow: &Flow| ctx.policy.listener(flow).media_public;
        let mut media =
            LegMedia::new(ctx.random.next_u64(), public(&self.caller.dialog.flow), ports[Side::A.index()]);
        if let Some(offer) = &self.offer {
            media.hear(offer.remote.clone());
        }
        self.caller.media = Some(media);
        self.stage = Stage::Calling;
        self.timers.stop(Timer::Open);
        for destination in std::mem::take(&mut self.destinations) {
            self.attempt(ctx, destination, ports[Side::B.index()]);
        }
        let plan = self.plan.as_ref().expect("ports are asked for by a plan");
        self.timers.set(Timer::Ring, ctx.now + plan.ring_timeout);
    }

    /// Sends one INVITE toward the callee, built from the crossing of the caller's offer.
    fn attempt(&mut self, ctx: &mut Context<'_>, destination: Destination, port: u16) {
        let Destination { uri, to, flow, origin, peer, shown, early_media, media_sources } = destination;
        let codecs = &ctx.policy.settings().media.codecs;
        let wanted =
            self.offer.as_ref().map_or_else(|| read::everything(codecs), |offer| offer.media.clone());
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
        let guard = self.notes.caller.and_then(|caller| Guard::new(caller, &self.numbers_at_callee()));
        leg.guard = match origin {
            Source::Phone(_) => guard.map(Guard::sparing_target),
            Source::Trunk(_) => guard,
        };

        let id = LegId::attempt(self.attempts.len());
        ctx.effects.push_back(Effect::Follow { leg: id, tag });
        let branch = branch(ctx);
        let mut head = leg.dialog.request(ctx.policy.via(&flow, &branch));
        head.max_forwards = self.notes.hops;
        leg.invite_cseq = head.cseq;
        let bytes = write::invite(&head, &leg.contact, &shown, &offer);
        self.attempts.push(leg);
        ctx.effects.push_back(Effect::Request {
            leg: id,
            purpose: Purpose::Invite,
            flow,
            branch,
            head,
            bytes,
        });
    }

    /// The numbers that the callee is meant to see: its own, and the one shown.
    fn numbers_at_callee(&self) -> Vec<crate::base::PhoneNumber> {
        self.plan.iter().flat_map(|plan| [plan.destination, plan.show]).collect()
    }

    /// Tells the caller once more that the callee is alerted, with its early media where it has heard those.
    pub(super) fn remind(&mut self, ctx: &mut Context<'_>) {
        match self.caller.media.as_mut().and_then(LegMedia::answer_again) {
            Some(body) => self.tell_progress(ctx, body),
            None => self.ring(ctx),
        }
    }

    /// Tells the caller that the callee is alerted, and again as long as it rings.
    pub(super) fn ring(&mut self, ctx: &mut Context<'_>) {
        if let Some(to) = self.invite {
            let reply = Reply::in_dialog(&self.caller.contact, None);
            ctx.effects.push_back(Effect::Respond { to, status: Status::RINGING, reply });
            self.timers.set(Timer::Remind, ctx.now + REMIND);
        }
    }
}
