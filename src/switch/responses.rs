//! Responses, time-outs and lost paths of what we asked.

use std::time::Instant;

use super::Switch;
use super::clients::{Outgoing, Success};
use crate::base::Flow;
use crate::base::metrics::Direction;
use crate::call::{Call, ServerId};
use crate::dialog::Dialog;
use crate::mask::{Cause, write};
use crate::sip::via::branch;
use crate::sip::{Method, Response};
use crate::transaction::Expiry;

impl Switch {
    /// A response: to the transaction it belongs to, or nowhere.
    pub(super) fn response(&mut self, now: Instant, flow: &Flow, response: &Response) {
        if response.via_count() != 1 {
            return;
        }
        let Some(slot) = self.clients.find(response).filter(|slot| self.may_answer(*slot, flow)) else {
            return;
        };
        let reaction = self.clients.respond(now, slot, response, &mut self.deadlines);
        let Some(client) = self.clients.get(slot) else { return };
        let owner = client.owner;
        if let Some(bytes) = reaction.send {
            self.send(client.flow, bytes);
        }
        if !reaction.pass {
            return;
        }
        self.cancel_if_due(now, slot);
        if response.status().is_success() && response.cseq().method == Method::INVITE {
            match self.clients.success(slot, response) {
                Success::First => {}
                Success::Again(ack) => {
                    if let Some((flow, bytes)) = ack {
                        self.send(flow, bytes);
                    }
                    return;
                }
                Success::Stray => return self.end_stray(now, slot, response),
            }
            if owner.is_none_or(|(key, ..)| self.call(key).is_none()) {
                return self.end_stray(now, slot, response);
            }
        }
        if let Some((key, leg, purpose)) = owner {
            self.with_call(now, key, |call, ctx| call.response(ctx, leg, purpose, response));
        }
    }

    /// Whether a response to a request may come from here: from where the request went, or from where else the same
    /// trunk is (clusters answer from siblings).
    fn may_answer(&self, slot: usize, flow: &Flow) -> bool {
        let Some(client) = self.clients.get(slot) else { return false };
        let (asked, source) = (client.flow.remote.ip(), flow.remote.ip());
        let index = &self.policy.index;
        let is_sibling = || index.trunk_at(source).is_some_and(|trunk| index.trunk_at(asked) == Some(trunk));
        let is_leg = || {
            let leg = client.owner.and_then(|(key, leg, _)| Some((self.call(key)?, leg)));
            leg.is_some_and(|(call, leg)| call.may_speak(&self.policy, leg, source))
        };
        asked == source || is_sibling() || is_leg()
    }

    /// Another branch of a forked INVITE answered too, or after it had failed, or the call is gone: that dialog is
    /// acknowledged and ended (RFC 3261 section 13.2.2.4).
    fn end_stray(&mut self, now: Instant, slot: usize, response: &Response) {
        let (Some(client), Some(head)) = (self.clients.get(slot), self.clients.head(slot)) else { return };
        let (owner, guard, cseq) = (client.owner, client.guard.clone(), head.cseq);
        let follows_flow = client.follows_flow;
        let Some(mut dialog) = Dialog::fork(head, response, client.flow, follows_flow) else { return };
        let flow = dialog.next_hop();
        let (ack_branch, branch) = (branch(&mut self.random), branch(&mut self.random));
        let ack = write::ack(&dialog.ack(self.policy.via(&flow, &ack_branch), cseq));
        let head = dialog.request(self.policy.via(&flow, &branch));
        let bytes = write::bye(&head, Cause::NotSelected);
        let is_out = self.send_guarded(guard.as_ref(), flow, ack.clone(), false) && {
            let tag = response.to().tag().unwrap_or_default();
            self.clients.acknowledged_stray(slot, tag, flow, ack);
            let method = Method::BYE;
            let bye = Outgoing { method, branch, flow, head, bytes, owner: None, follows_flow, guard };
            self.request(now, bye)
        };
        if let Some((key, ..)) = owner.filter(|_| !is_out) {
            self.with_call(now, key, Call::leaked);
        }
    }

    pub(super) fn client_due(&mut self, now: Instant, slot: usize) {
        match self.clients.expire(now, slot, &mut self.deadlines) {
            Some(Expiry::Resend(bytes)) => {
                let flow = self.clients.get(slot).map(|client| client.flow);
                if let Some(flow) = flow {
                    self.metrics.again(Direction::Sent);
                    self.send(flow, bytes);
                }
            }
            Some(Expiry::TimedOut) => self.client_failed(now, slot),
            Some(Expiry::Ended) => {
                self.clients.remove(slot, &mut self.deadlines);
            }
            None => {}
        }
    }

    pub(super) fn server_due(&mut self, now: Instant, slot: usize) {
        let id = ServerId(slot);
        match self.servers.expire(now, id, &mut self.deadlines) {
            Some(Expiry::Resend(bytes)) => {
                if let Some(server) = self.servers.get(id) {
                    self.metrics.again(Direction::Sent);
                    self.send(server.flow, bytes);
                }
            }
            Some(Expiry::TimedOut) => {
                if let Some((key, _)) =
                    self.servers.remove(id, &mut self.deadlines).and_then(|server| server.owner)
                {
                    self.with_call(now, key, |call, ctx| call.unacknowledged(ctx, id));
                }
            }
            Some(Expiry::Ended) => {
                self.servers.remove(id, &mut self.deadlines);
            }
            None => {}
        }
    }

    /// A request got no answer, or could not be sent.
    fn client_failed(&mut self, now: Instant, slot: usize) {
        let owner = self.clients.remove(slot, &mut self.deadlines).and_then(|client| client.owner);
        if let Some((key, leg, purpose)) = owner {
            self.with_call(now, key, |call, ctx| call.unanswered(ctx, leg, purpose));
        }
    }

    /// A connection is gone: what waits for an answer on it has failed (RFC 3261 section 8.1.3.1), and whoever
    /// registered by it can't be reached.
    pub(super) fn flow_lost(&mut self, now: Instant, flow: &Flow) {
        self.registry.lost(flow);
        for slot in self.clients.waiting_on(flow) {
            self.client_failed(now, slot);
        }
    }
}
