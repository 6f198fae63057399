//! What a call wants done, turned into transactions and outputs.

use std::time::Instant;

use bytes::Bytes;

use super::clients::Outgoing;
use super::{Output, Stopped, Switch};
use crate::base::Flow;
use crate::call::{Call, CallKey, Effect, Purpose, ServerId};
use crate::mask::write::{self, Reply};
use crate::sip::{Method, Status};

impl Switch {
    /// Carries out the effects of one event of a call; gives what the guard stopped, which is as if it had been sent
    /// and had got no answer.
    pub(super) fn carry_out(&mut self, now: Instant, key: CallKey, call: &Call) -> Vec<Stopped> {
        let mut stopped = Vec::new();
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Respond { to, status, reply } => {
                    let leaks = self.leaks;
                    self.respond(now, to, status, &reply, Some(call));
                    stopped.extend((self.leaks > leaks).then_some(None));
                }
                Effect::Acknowledged(server) => {
                    self.servers.acknowledge(now, server, true, &mut self.deadlines);
                }
                Effect::Request { leg, purpose, flow, branch, head, bytes } => {
                    let opens = purpose == Purpose::Invite;
                    if self.is_leak(call, leg, &bytes, opens) {
                        stopped.push(Some((leg, purpose)));
                        continue;
                    }
                    let method = match purpose {
                        Purpose::Invite | Purpose::Reinvite => Method::INVITE,
                        Purpose::Bye => Method::BYE,
                        Purpose::Digit => Method::INFO,
                    };
                    let owner = Some((key, leg, purpose));
                    self.request(now, Outgoing { method, branch, flow, head, bytes, owner });
                }
                Effect::Acknowledge { leg, flow, bytes } => {
                    self.clients.acknowledged(key, leg, flow, bytes.clone());
                    self.send(flow, bytes);
                }
                Effect::Cancel(leg) => {
                    if let Some(slot) = self.clients.want_cancel(key, leg) {
                        self.cancel_if_due(now, slot);
                    }
                }
                Effect::Follow { leg, tag } => {
                    self.legs.insert(tag, (key, leg));
                }
                Effect::Decide(question) => self.outputs.push_back(Output::Decide { call: key, question }),
                Effect::Media(command) => self.outputs.push_back(Output::Media(command)),
                Effect::Record(record) => self.outputs.push_back(Output::Record(record)),
            }
        }
        stopped
    }

    /// Answers a request; where it belongs to a call, the guard looks at the answer first.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        to: ServerId,
        status: Status,
        reply: &Reply,
        call: Option<&Call>,
    ) {
        let Some(server) = self.servers.get(to) else { return };
        let Some(echo) = &server.echo else { return };
        let (flow, owner) = (server.flow, server.owner);
        let mut status = status;
        let mut bytes = write::response(status, echo, &server.tag, reply);
        if let (Some(call), Some((_, leg))) = (call, owner)
            && self.is_leak(call, leg, &bytes, false)
        {
            let Some(echo) = self.servers.get(to).and_then(|server| server.echo.as_ref()) else { return };
            status = Status::SERVER_INTERNAL_ERROR;
            let tag = &call.leg(leg).dialog.local_tag;
            bytes = write::response(status, echo, tag, &Reply::bare());
        }
        if self.servers.respond(now, to, status, &bytes, &mut self.deadlines) {
            self.send(flow, bytes);
        }
    }

    /// Sends a request in a transaction of its own.
    pub(super) fn request(&mut self, now: Instant, outgoing: Outgoing) {
        let (flow, bytes) = (outgoing.flow, outgoing.bytes.clone());
        self.clients.insert(now, self.policy.timings(), outgoing, &mut self.deadlines);
        self.send(flow, bytes);
    }

    /// Sends the CANCEL of an INVITE where one is wanted and allowed.
    pub(super) fn cancel_if_due(&mut self, now: Instant, slot: usize) {
        if let Some(cancel) = self.clients.take_cancel(now, slot, &mut self.deadlines) {
            self.request(now, cancel);
        }
    }

    pub(super) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }

    /// The last look at a message of a leg. A hit is counted, and the call's legs are ended.
    fn is_leak(&mut self, call: &Call, leg: crate::call::LegId, bytes: &[u8], opens: bool) -> bool {
        let found = call.leg(leg).guard.as_ref().is_some_and(|guard| guard.finds(bytes, opens));
        if found {
            self.leaks += 1;
            tracing::error!(leaks = self.leaks, "the egress guard stopped a message; both legs are ended");
        }
        found
    }
}
