//! What a leg's party asks inside its dialog.

use bytes::Bytes;

use super::crossing::hung_up_by;
use super::effect::{Effect, LegId, Purpose, ServerId};
use super::{Asked, Call, Context, Exchange, LegState};
use crate::base::{Flow, Side};
use crate::ledger::{HungUp, Outcome};
use crate::mask::read::{self, BodyFault, Heard};
use crate::mask::write::{self, Reply};
use crate::mask::{Cause, Crossing, LegMedia, Media};
use crate::route::Source;
use crate::sdp::{Codec, Direction};
use crate::sip::{Method, Name, Request, Status};

/// At most so many seconds later a side may offer again whose offer before still waits; how many is drawn at random
/// (RFC 3261 section 14.2).
const OFFER_AGAIN: u8 = 10;

impl Call {
    /// A request inside a leg's dialog, other than ACK and CANCEL, and the path it came by.
    pub fn request(&mut self, ctx: &mut Context<'_>, id: LegId, flow: Flow, request: &Request, to: ServerId) {
        let leg = self.leg_mut(id);
        if leg.dialog.admit(request).is_err() {
            return respond(ctx, to, Status::SERVER_INTERNAL_ERROR, Reply::bare());
        }
        leg.dialog.follow(flow);
        if leg.state == LegState::Ended && *request.method() != Method::BYE {
            return respond(ctx, to, Status::NO_SUCH_CALL, Reply::bare());
        }
        match *request.method() {
            Method::BYE => self.bye(ctx, id, to),
            Method::INVITE | Method::UPDATE => self.offered(ctx, id, request, to),
            Method::INFO => self.info(ctx, id, request, to),
            Method::OPTIONS => respond(ctx, to, Status::OK, write::capabilities()),
            Method::REFER => respond(ctx, to, Status::DECLINE, Reply::bare()),
            Method::NOTIFY | Method::SUBSCRIBE => respond(ctx, to, Status::BAD_EVENT, Reply::bare()),
            Method::PRACK => respond(ctx, to, Status::NO_SUCH_CALL, Reply::bare()),
            Method::Known(_) => respond(ctx, to, Status::METHOD_NOT_ALLOWED, Reply::bare()),
            Method::Other(_) => respond(ctx, to, Status::NOT_IMPLEMENTED, Reply::bare()),
        }
    }

    /// The ACK of a 2xx.
    pub fn acknowledged(&mut self, ctx: &mut Context<'_>, id: LegId, request: &Request) {
        let leg = self.leg_mut(id);
        let Some((server, cseq)) = leg.unacknowledged else { return };
        if request.cseq().number != cseq {
            return;
        }
        leg.unacknowledged = None;
        ctx.effects.push_back(Effect::Acknowledged(server));
        if let Some(cause) = leg.bye_after_ack.take() {
            leg.send(ctx, id, Purpose::Bye, |head, _| write::bye(head, cause));
            return self.settle(ctx);
        }
        if std::mem::take(&mut leg.owes_answer) {
            self.late_answer(ctx, id, request);
        } else if std::mem::take(&mut leg.is_misinformed) {
            self.correct(ctx);
        }
    }

    /// The callee's media, where the caller's early answer said others, reach the caller as an offer.
    fn correct(&mut self, ctx: &mut Context<'_>) {
        let Some(callee) = self.connected(Side::B) else { return };
        let leg = self.leg(callee);
        let remote = leg.media.as_ref().and_then(LegMedia::heard).cloned();
        let (Some(remote), Some(media)) = (remote, leg.wants.clone()) else { return };
        let heard = Heard { remote, media: media.clone() };
        self.exchange = Some(Exchange { from: Side::B, asked: None, heard, is_given_up: false });
        self.cross(ctx, callee, Crossing::Offer(media));
    }

    /// The answer that an ACK brings to the offer in our 2xx.
    fn late_answer(&mut self, ctx: &mut Context<'_>, id: LegId, request: &Request) {
        let is_first = self.leg(id).wants.is_none();
        let offered = self.leg(id).media.as_ref().and_then(LegMedia::media);
        let offered = offered.expect("a leg that owes an answer was offered something");
        let heard = read::heard(request, &ctx.policy.settings().media.codecs)
            .and_then(|heard| heard.ok_or(BodyFault::NoAudio))
            .and_then(|heard| heard.narrowed(&offered.codecs));
        if let Ok(heard) = &heard
            && offered.direction.sends()
        {
            self.leg_mut(id).holds = !heard.media.direction.receives();
        }
        match heard {
            Ok(heard) if is_first => self.first_answer(ctx, id, &offered, heard),
            Ok(heard) => {
                if !self.carry_over(ctx, id, None, heard) {
                    self.set_media(ctx);
                }
            }
            Err(_) => {
                self.leg_mut(id).notes.result.get_or_insert(Outcome::NoCommonCodec);
                self.notes.ended(ctx.now, Outcome::NoCommonCodec, Cause::Incompatible);
                self.finish(ctx, HungUp::Failure, Cause::Incompatible);
            }
        }
    }

    /// The caller's first word on media came last. Where it took less than the callee said, the callee has to know,
    /// or it speaks what the caller can't hear.
    fn first_answer(&mut self, ctx: &mut Context<'_>, id: LegId, offered: &Media, heard: Heard) {
        let took = |codec: &Codec| heard.media.codecs.iter().any(|theirs| theirs.matches(codec));
        let took_all = offered.codecs.iter().all(took);
        let is_as_offered = took_all && heard.media.direction == offered.direction.reversed();
        let media = self.leg_mut(id).hear(heard.clone());
        self.set_media(ctx);
        if !is_as_offered {
            self.exchange = Some(Exchange { from: id.side, asked: None, heard, is_given_up: false });
            self.cross(ctx, id, Crossing::Offer(media));
        }
        self.heard_late(ctx);
    }

    fn bye(&mut self, ctx: &mut Context<'_>, id: LegId, to: ServerId) {
        respond(ctx, to, Status::OK, Reply::bare());
        let leg = self.leg_mut(id);
        if id == LegId::CALLER && leg.state == LegState::Inviting {
            return self.abandon(ctx);
        }
        // The party that hangs up need not acknowledge our 2xx any more.
        leg.bye_after_ack = None;
        if let Some((server, _)) = leg.unacknowledged.take() {
            ctx.effects.push_back(Effect::Acknowledged(server));
        }
        if leg.state == LegState::Answered {
            leg.notes.hung_up.get_or_insert(hung_up_by(id.side));
            leg.note_end(ctx.now, Cause::Normal, Outcome::Answered);
            self.cross(ctx, id, Crossing::HangUp(Cause::Normal));
        }
        self.settle(ctx);
    }

    /// A re-INVITE or an UPDATE: a refresh and a move of address are answered here, a change of media crosses.
    fn offered(&mut self, ctx: &mut Context<'_>, id: LegId, request: &Request, to: ServerId) {
        let is_invite = *request.method() == Method::INVITE;
        let offer = read::heard(request, &ctx.policy.settings().media.codecs).transpose();
        let is_up = self.connected(id.side) == Some(id);
        let busy = if is_up { self.is_busy(id) } else { Some(Busy::Asked) };
        match busy.filter(|_| is_invite || offer.is_some()) {
            Some(Busy::Asked) => {
                let wait = ctx.random.next_u32() % (u32::from(OFFER_AGAIN) + 1);
                let reply = Reply { retry_after: u8::try_from(wait).ok(), ..Reply::bare() };
                return respond(ctx, to, Status::SERVER_INTERNAL_ERROR, reply);
            }
            Some(Busy::Asking) => return respond(ctx, to, Status::REQUEST_PENDING, Reply::bare()),
            None => {}
        }
        let leg = self.leg_mut(id);
        leg.dialog.refresh(request);
        leg.learn(request);
        let asked = Asked { server: to, invite: is_invite.then_some(request.cseq().number) };
        match offer {
            None => self.refreshed(ctx, id, asked),
            Some(Ok(heard)) => {
                leg.holds = !heard.media.direction.receives();
                if !self.carry_over(ctx, id, Some(asked), heard) {
                    self.answer_here(ctx, id, asked);
                }
            }
            Some(Err(BodyFault::Malformed)) => respond(ctx, to, Status::BAD_REQUEST, Reply::bare()),
            Some(Err(BodyFault::Unsupported)) => {
                let reply = Reply::bare().with(Name::Accept, "application/sdp");
                respond(ctx, to, Status::UNSUPPORTED_MEDIA_TYPE, reply);
            }
            Some(Err(BodyFault::NoAudio)) => {
                respond(ctx, to, Status::NOT_ACCEPTABLE_HERE, Reply::because(Cause::Incompatible));
            }
        }
    }

    /// A re-INVITE without an offer asks for ours; an UPDATE without one only for a sign of life.
    fn refreshed(&mut self, ctx: &mut Context<'_>, id: LegId, Asked { server, invite }: Asked) {
        let offer = invite.and_then(|cseq| Some((cseq, self.own_offer(id)?)));
        let leg = self.leg_mut(id);
        match offer {
            Some((cseq, body)) => {
                leg.owes_answer = true;
                self.accept(ctx, id, server, cseq, body);
            }
            None => respond(ctx, server, Status::OK, Reply::in_dialog(&leg.contact, None)),
        }
    }

    /// The offer for a party that asks us to make one (RFC 3261 section 14.2): what is agreed, in both directions
    /// unless the other party holds, so that a hold can be taken back this way.
    fn own_offer(&mut self, id: LegId) -> Option<Bytes> {
        let other = self.connected(id.side.other()).map(|other| self.leg(other));
        let held = other.filter(|other| other.holds).and_then(|other| other.wants.as_ref());
        let direction = held.map_or(Direction::SendRecv, |wants| wants.direction);
        let media = self.leg_mut(id).media.as_mut()?;
        let said = media.media()?;
        Some(media.offer(&Media { direction, ..said }))
    }

    /// Lets an offer cross where it changes something; otherwise its address is noted and false comes back.
    fn carry_over(&mut self, ctx: &mut Context<'_>, id: LegId, asked: Option<Asked>, heard: Heard) -> bool {
        let leg = self.leg_mut(id);
        let agreed = leg.media.as_ref().map(LegMedia::agreed).unwrap_or_default();
        let before = leg.media.as_ref().and_then(LegMedia::heard);
        if before.is_some_and(|before| !read::changes(before, &agreed, &heard)) {
            leg.hear(heard);
            return false;
        }
        let media = heard.media.clone();
        self.exchange = Some(Exchange { from: id.side, asked, heard, is_given_up: false });
        self.cross(ctx, id, Crossing::Offer(media));
        true
    }

    /// Answers a refresh, or a move of address, with what we last said.
    fn answer_here(&mut self, ctx: &mut Context<'_>, id: LegId, asked: Asked) {
        let body = self.leg_mut(id).media.as_mut().and_then(LegMedia::answer_again);
        match body {
            Some(body) => {
                self.give_answer(ctx, id, asked.server, asked.invite, body);
                self.set_media(ctx);
            }
            None => {
                respond(ctx, asked.server, Status::NOT_ACCEPTABLE_HERE, Reply::because(Cause::Incompatible))
            }
        }
    }

    /// Why a leg can't take an offer now.
    fn is_busy(&self, id: LegId) -> Option<Busy> {
        let leg = self.leg(id);
        let from_here = self.exchange.as_ref().is_some_and(|exchange| exchange.from == id.side);
        if from_here {
            Some(Busy::Asked)
        } else if leg.is_reinviting || leg.unacknowledged.is_some() || self.exchange.is_some() {
            Some(Busy::Asking)
        } else {
            None
        }
    }

    fn info(&mut self, ctx: &mut Context<'_>, id: LegId, request: &Request, to: ServerId) {
        if request.body().is_empty() {
            return respond(ctx, to, Status::OK, Reply::bare());
        }
        match read::digit(request) {
            Some((digit, duration)) => {
                respond(ctx, to, Status::OK, Reply::bare());
                let was_connected = self.is_connected();
                self.cross(ctx, id, Crossing::Digit(digit, duration));
                if was_connected {
                    self.pressed(ctx, id.side, Some(id), digit);
                }
            }
            None => {
                let reply = Reply::bare().with(Name::Accept, "application/dtmf-relay, application/dtmf");
                respond(ctx, to, Status::UNSUPPORTED_MEDIA_TYPE, reply);
            }
        }
    }

    /// Whether a leg's messages may come from a flow: its own trunk's networks, or the flow it has.
    #[must_use]
    pub fn may_speak(&self, policy: &super::Policy, id: LegId, source: std::net::IpAddr) -> bool {
        let leg = self.leg(id);
        let same_trunk = || {
            let trunk = policy.index.trunk_at(source).map(|place| &policy.index.trunk(place).name);
            matches!(leg.origin, Source::Trunk(_)) && trunk == Some(&leg.peer)
        };
        leg.is_at(source) || same_trunk()
    }
}

/// Why a leg can't take an offer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    /// An offer of its own waits for its answer, the call's first one above all: 500 (RFC 3261 section 14.2).
    Asked,
    /// One of ours is out, or the last is not acknowledged: 491.
    Asking,
}

fn respond(ctx: &mut Context<'_>, to: ServerId, status: Status, reply: Reply) {
    ctx.effects.push_back(Effect::Respond { to, status, reply });
}
