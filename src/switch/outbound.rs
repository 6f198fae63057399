//! What a call wants done, turned into transactions and outputs.

use std::time::Instant;

use bytes::Bytes;

use super::clients::Outgoing;
use super::{Output, Stopped, Switch};
use crate::base::Flow;
use crate::call::{Call, CallKey, Effect, Purpose, ServerId};
use crate::mask::guard::Guard;
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
                    let method = match purpose {
                        Purpose::Invite | Purpose::Reinvite => Method::INVITE,
                        Purpose::Bye => Method::BYE,
                        Purpose::Digit => Method::INFO,
                    };
                    let owner = Some((key, leg, purpose));
                    let leg_of_it = call.leg(leg);
                    let (follows_flow, guard) = (leg_of_it.dialog.follows_flow, leg_of_it.guard.clone());
                    let outgoing = Outgoing { method, branch, flow, head, bytes, owner, follows_flow, guard };
                    if !self.request(now, outgoing) {
                        stopped.push(Some((leg, purpose)));
                    }
                }
                Effect::Acknowledge { leg, flow, bytes } => {
                    if self.send_guarded(call.leg(leg).guard.as_ref(), flow, bytes.clone(), false) {
                        self.clients.acknowledged(key, leg, flow, bytes);
                    } else {
                        stopped.push(None);
                    }
                }
                Effect::Cancel(leg) => {
                    if let Some(slot) = self.clients.want_cancel(key, leg) {
                        self.cancel_if_due(now, slot);
                    }
                }
                Effect::Follow { leg, tag } => {
                    self.legs.insert(tag, (key, leg));
                }
                Effect::Place(errand) => self.outputs.push_back(Output::Place { call: key, errand }),
                Effect::Locate { side, serial, plan, index } => {
                    self.locate(now, key, (side, serial), *plan, index);
                }
                Effect::Decide { id, question } => {
                    self.outputs.push_back(Output::Decide { call: key, id, question });
                }
                Effect::Dial(dialling) => self.outputs.push_back(Output::Dial { call: key, dialling }),
                Effect::Prepare { tag, prompts, beep } => {
                    self.outputs.push_back(Output::Prepare { call: key, tag, prompts, beep });
                }
                Effect::Ask(asking) => self.outputs.push_back(Output::Ask { call: key, asking }),
                Effect::Tell(asking) => self.outputs.push_back(Output::Tell(asking)),
                Effect::Media(command) => self.outputs.push_back(Output::Media(command)),
                Effect::Progress(record) => {
                    self.outputs.push_back(Output::Progress { call: key, record });
                }
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
            && self.is_leak(call.leg(leg).guard.as_ref(), &bytes, false)
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

    /// Sends a request in a transaction of its own; false where the guard did not let it out.
    pub(super) fn request(&mut self, now: Instant, outgoing: Outgoing) -> bool {
        let opens = matches!(outgoing.owner, Some((.., Purpose::Invite)));
        let is_out = self.send_guarded(outgoing.guard.as_ref(), outgoing.flow, outgoing.bytes.clone(), opens);
        if is_out {
            self.clients.insert(now, self.policy.timings(), outgoing, &mut self.deadlines);
        }
        is_out
    }

    /// Sends the CANCEL of an INVITE where one is wanted and allowed.
    pub(super) fn cancel_if_due(&mut self, now: Instant, slot: usize) {
        if let Some(cancel) = self.clients.take_cancel(now, slot, &mut self.deadlines) {
            self.request(now, cancel);
        }
    }

    /// Sends a request of a leg, whose guard looks at it first; false where it did not let it out.
    pub(super) fn send_guarded(
        &mut self,
        guard: Option<&Guard>,
        flow: Flow,
        bytes: Bytes,
        opens: bool,
    ) -> bool {
        let is_leak = self.is_leak(guard, &bytes, opens);
        if !is_leak {
            self.send(flow, bytes);
        }
        !is_leak
    }

    /// Sends what the guard has seen, or what is no leg's.
    pub(super) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }

    /// The last look at a message of a leg. A hit is counted, and the call's legs are ended.
    fn is_leak(&mut self, guard: Option<&Guard>, bytes: &[u8], opens: bool) -> bool {
        let found = guard.is_some_and(|guard| guard.finds(bytes, opens));
        if found {
            self.leaks += 1;
            self.metrics.guarded.inc();
            tracing::error!(leaks = self.leaks, "the egress guard stopped a message; both legs are ended");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::base::settings::Settings;
    use crate::base::time::Anchor;
    use crate::base::{Random, Shards, Transport};
    use crate::call::Policy;
    use crate::dialog::Dialog;
    use crate::route::Index;
    use crate::switch::Registry;

    fn switch(now: Instant) -> Switch {
        let settings = Settings::parse(include_str!("../../config.toml"), Path::new("config.toml"));
        let index = Arc::new(Index::new(Arc::new(settings.expect("the shipped file is good"))));
        let policy = Policy { index, listeners: Vec::new(), shards: Shards::new(1), max_calls: usize::MAX };
        let mut random = Random::from_number(1);
        let registry = Arc::new(Registry::new(now, &mut random));
        Switch::new(0, Arc::new(policy), registry, random, Anchor::new(now, SystemTime::UNIX_EPOCH))
    }

    /// What ends a stray fork has no call behind it: its guard comes along.
    #[test]
    fn the_guard_looks_at_requests_of_no_call_too() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        let now = Instant::now();
        let mut switch = switch(now);
        let local = ([127, 0, 0, 1], 5060).into();
        let flow = Flow { transport: Transport::Udp, local, remote: local, connection: None };
        let mut dialog = Dialog::uac(
            "c".into(),
            "<sip:a@h>".into(),
            "t".into(),
            "<sip:b@h>".into(),
            "sip:b@h".into(),
            flow,
        );
        let head = dialog.request("SIP/2.0/UDP h;branch=z9hG4bKb".into());
        let guard = Guard::new("+919876500002".parse().unwrap(), &[]);
        let mut asks = |text: &str| {
            let bytes = Bytes::from(format!("BYE sip:b@h SIP/2.0\r\nReason: {text}\r\n\r\n"));
            let (head, guard) = (head.clone(), guard.clone());
            let (method, branch) = (Method::BYE, text.into());
            let outgoing =
                Outgoing { method, branch, flow, head, bytes, owner: None, follows_flow: false, guard };
            switch.request(now, outgoing) && matches!(switch.poll(), Some(Output::Send { .. }))
        };
        assert!(asks("Q.850;cause=26"));
        assert!(!asks("SIP;text=9876500002"));
        assert!(switch.poll().is_none(), "nothing of it has left");
        assert_eq!((switch.leaks(), switch.transactions()), (1, 1));
    }
}
