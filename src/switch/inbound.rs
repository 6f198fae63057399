//! Messages that come in, up to the call they are for.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;

use super::local::{self, Objection};
use super::source::Speaker;
use super::{Output, Switch};
use crate::base::Flow;
use crate::base::metrics::Direction;
use crate::call::{Call, CallKey, Invitation, Leg, LegId, ServerId};
use crate::mask::write::{self, Reply};
use crate::route::{self, Claims, Identity, Question, Source, Written};
use crate::sip::{Address, Echo, Malformed, Message, Method, Name, Request, Scheme, Status, Uri};

impl Switch {
    /// One message, as it came in.
    pub(super) fn message(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.incoming(now, flow, &request),
            Ok(Message::Response(response)) => self.response(now, &flow, &response),
            Err(malformed) => self.malformed(now, flow, &malformed),
        }
    }

    /// A trunk, or a phone, hears what is wrong with its request, without any state; others hear nothing.
    fn malformed(&mut self, now: Instant, flow: Flow, malformed: &Malformed) {
        if !self.is_acquainted(now, &flow) {
            return;
        }
        if let Some(echo) = malformed.echo(flow.remote) {
            if echo.to_tag().is_none() {
                self.record_unread(now, &flow, malformed);
            }
            self.answer_statelessly(flow, &echo, malformed.fault.status(), &Reply::bare());
        }
    }

    /// Answers without keeping anything: whoever sends a flood, under however many names, fills no table and draws no
    /// retransmissions (RFC 3261 section 8.2.7).
    pub(super) fn answer_statelessly(&mut self, flow: Flow, echo: &Echo, status: Status, reply: &Reply) {
        let tag = self.random.token(16);
        let bytes = write::response(status, echo, &tag, reply);
        let remote = if flow.transport.is_reliable() { flow.remote } else { echo.reply_to() };
        self.outputs.push_back(Output::Answer { flow: Flow { remote, ..flow }, bytes });
    }

    fn incoming(&mut self, now: Instant, flow: Flow, request: &Request) {
        match *request.method() {
            Method::ACK => self.ack(now, flow, request),
            _ => match self.servers.find(request, request.method()) {
                Some(server) => {
                    self.metrics.again(Direction::Received);
                    let again =
                        self.servers.repeat(server).zip(self.servers.get(server).map(|server| server.flow));
                    if let Some((bytes, flow)) = again {
                        self.send(flow, bytes);
                    }
                }
                None if *request.method() == Method::CANCEL => self.cancel(now, flow, request),
                None if request.to().tag().is_some() => self.within_dialog(now, flow, request),
                None => self.outside_dialog(now, flow, request),
            },
        }
    }

    /// The leg whose dialog a request is in: its three ids match, and it comes from where the leg's party is.
    fn leg_of(&self, now: Instant, flow: &Flow, request: &Request) -> Option<(CallKey, LegId)> {
        let (key, leg) = *self.legs.get(request.to().tag()?)?;
        let call = self.call(key)?;
        let dialog = &call.leg(leg).dialog;
        let matches = dialog.matches(request.call_id(), request.from().tag());
        let source = flow.remote.ip();
        let may_speak = || call.may_speak(&self.policy, leg, source);
        (matches && (may_speak() || self.has_moved(now, call.leg(leg), source))).then_some((key, leg))
    }

    /// Whether the softphone of a leg has registered from this address: it has changed networks.
    fn has_moved(&self, now: Instant, leg: &Leg, source: IpAddr) -> bool {
        let is_there = |binding: &super::Binding| binding.flow.remote.ip() == source;
        matches!(leg.origin, Source::Phone(_)) && self.registry.contacts(now, &leg.peer).iter().any(is_there)
    }

    fn ack(&mut self, now: Instant, flow: Flow, request: &Request) {
        if let Some(server) = self.servers.find(request, &Method::INVITE) {
            self.servers.acknowledge(now, server, false, &mut self.deadlines);
        }
        if let Some((key, leg)) = self.leg_of(now, &flow, request) {
            self.with_call(now, key, |call, ctx| call.acknowledged(ctx, leg, request));
        }
    }

    /// A CANCEL: from where the INVITE came, or it is nobody's (RFC 3261 section 9.2).
    fn cancel(&mut self, now: Instant, flow: Flow, request: &Request) {
        let invite = self.servers.find(request, &Method::INVITE);
        let invite = invite.filter(|invite| {
            self.servers.get(*invite).is_some_and(|server| server.flow.remote.ip() == flow.remote.ip())
        });
        let Some(invite) = invite else {
            // Without a transaction: it would take the caller's own CANCEL, of the same branch, for its repetition.
            if self.is_acquainted(now, &flow) {
                self.answer_statelessly(
                    flow,
                    &request.echo(flow.remote),
                    Status::NO_SUCH_CALL,
                    &Reply::bare(),
                );
            }
            return;
        };
        let server = self.servers.get(invite).expect("it was found in the table just now");
        let (tag, owner) = (server.tag.clone(), server.owner);
        let to = self.servers.insert(self.policy.timings(), request, flow, tag);
        self.respond(now, to, Status::OK, &Reply::bare(), None);
        if let Some((key, _)) = owner.filter(|_| self.servers.is_pending_invite(invite)) {
            self.with_call(now, key, |call, ctx| call.cancelled(ctx, invite));
        }
    }

    fn within_dialog(&mut self, now: Instant, flow: Flow, request: &Request) {
        let Some((key, leg)) = self.leg_of(now, &flow, request) else {
            if self.is_acquainted(now, &flow) {
                self.refuse(now, flow, request, Status::NO_SUCH_CALL, &Reply::bare());
            }
            return;
        };
        if self.servers.is_full() && *request.method() != Method::BYE {
            let reply = Reply { retry_after: Some(self.retry_after()), ..Reply::bare() };
            let echo = request.echo(flow.remote);
            return self.answer_statelessly(flow, &echo, Status::SERVER_INTERNAL_ERROR, &reply);
        }
        let Some(call) = self.call(key) else { return };
        let tag = call.leg(leg).dialog.local_tag.clone();
        let to = self.servers.insert(self.policy.timings(), request, flow, tag);
        if let Some(server) = self.servers.get_mut(to) {
            server.owner = Some((key, leg));
        }
        if let Some(Objection { status, reply, .. }) = local::examine(request) {
            return self.respond(now, to, status, &reply, None);
        }
        if *request.method() == Method::INVITE {
            self.respond(now, to, Status::TRYING, &Reply::bare(), None);
        }
        self.with_call(now, key, |call, ctx| call.request(ctx, leg, flow, request, to));
    }

    fn outside_dialog(&mut self, now: Instant, flow: Flow, request: &Request) {
        let source = match self.speaker(now, request, &flow) {
            Speaker::Known(source) => source,
            Speaker::Challenged { stale } => {
                if let Some((status, reply)) = self.challenge(now, &flow, stale) {
                    self.answer_statelessly(flow, &request.echo(flow.remote), status, &reply);
                }
                return;
            }
            Speaker::Unknown => return,
        };
        if let Some(objection) = self.objection(now, request) {
            return self.turn_away(now, flow, request, source, &objection);
        }
        match (request.method(), source) {
            (&Method::INVITE, source) => self.invite(now, flow, request, source),
            (&Method::REGISTER, Source::Phone(phone)) => {
                let to = self.server(request, flow);
                self.register(now, request, flow, phone, to);
            }
            (method, _) => {
                let (status, reply) = local::answer(method);
                self.refuse(now, flow, request, status, &reply);
            }
        }
    }

    /// What stands against a request outside any dialog.
    fn objection(&mut self, now: Instant, request: &Request) -> Option<Objection> {
        let is_full = self.servers.is_full();
        let opens = is_full || matches!(*request.method(), Method::INVITE | Method::OPTIONS);
        local::examine(request)
            .or_else(|| (self.servers.is_merged(request) || self.is_own(request)).then(Objection::again))
            .or_else(|| if opens { self.unavailable(now) } else { None })
    }

    /// A new call.
    fn invite(&mut self, now: Instant, flow: Flow, request: &Request, source: Source) {
        let server = self.server(request, flow);
        self.respond(now, server, Status::TRYING, &Reply::bare(), None);
        let key = self.reserve();
        let policy = self.policy.clone();
        let (peer, refuse, media_sources) = match source {
            Source::Trunk(place) => {
                let trunk = policy.index.trunk(place);
                (trunk.name.clone(), Status::new(trunk.refuse), trunk.media_sources.clone())
            }
            Source::Phone(place) => (policy.index.phone(place).username.clone(), None, Vec::new()),
        };
        let question = Box::new(self.question(source, request));
        let invitation = Invitation {
            key,
            request,
            server,
            flow,
            source,
            peer,
            refuse: refuse.unwrap_or(Status::NOT_FOUND),
            media_sources,
            question,
        };
        let call = Box::new(Call::invited(&mut self.context(now), invitation));
        if let Some(server) = self.servers.get_mut(server) {
            server.owner = Some((key, LegId::CALLER));
            server.tag = call.leg(LegId::CALLER).dialog.local_tag.clone();
        }
        self.put_back(now, key, call);
    }

    /// What is known of a call before it is decided.
    pub(super) fn question(&self, source: Source, request: &Request) -> Question {
        let (dialled, context) = match request.uri().scheme() {
            Scheme::Other => (request.uri().as_str().to_owned(), None),
            _ => number(request.uri()),
        };
        Question { source, dialled, context, caller: self.caller(source, request) }
    }

    /// Who calls: the phone's number, or what the trunk's headers say as far as they are trusted. A value that can't
    /// be read counts as one without a number, so that no other header is asked in its place.
    fn caller(&self, source: Source, request: &Request) -> Identity {
        let place = match source {
            Source::Phone(place) => return Identity::Known(self.policy.index.phone(place).number),
            Source::Trunk(place) => place,
        };
        let read = |value: Result<Address, _>| value.map(|value| number(value.uri())).unwrap_or_default();
        let named = |name| -> Vec<_> { request.addresses(name).map(read).collect() };
        let (asserted, remote_party) = (named(Name::PAssertedIdentity), named(Name::RemotePartyId));
        let from = number(request.from().uri());
        let asserted: Vec<Written<'_>> = asserted.iter().map(written).collect();
        let remote_party: Vec<Written<'_>> = remote_party.iter().map(written).collect();
        let claims = Claims { asserted: &asserted, remote_party: &remote_party, from: written(&from) };
        route::identity(&self.policy.index, place, &claims)
    }

    /// Whether an INVITE is one that we sent ourselves and that came back: its From tag is ours.
    fn is_own(&self, request: &Request) -> bool {
        let tag = request.from().tag().unwrap_or_default();
        *request.method() == Method::INVITE && self.legs.contains_key(tag)
    }

    /// A transaction for a request outside any dialog.
    fn server(&mut self, request: &Request, flow: Flow) -> ServerId {
        let tag = self.random.token(16).into();
        self.servers.insert(self.policy.timings(), request, flow, tag)
    }

    /// Answers a request outside any call; where there are too many, without a transaction.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &Request,
        status: Status,
        reply: &Reply,
    ) {
        if self.servers.is_full() {
            return self.answer_statelessly(flow, &request.echo(flow.remote), status, reply);
        }
        let to = self.server(request, flow);
        self.respond(now, to, status, reply, None);
    }
}

/// The user part of a URI and its phone-context.
fn number(uri: &Uri) -> (String, Option<String>) {
    let context = uri.param("phone-context").flatten().map(str::to_owned);
    (uri.user().unwrap_or_default().into_owned(), context)
}

fn written((user, context): &(String, Option<String>)) -> Written<'_> {
    Written { user, context: context.as_deref() }
}
