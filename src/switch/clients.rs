//! The client transactions of a shard.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use super::Due;
use super::deadlines::Deadlines;
use super::servers::SPARE;
use crate::base::metrics::TransactionKind;
use crate::base::{ConnectionId, Flow, Metrics};
use crate::call::{CallKey, LegId, Purpose};
use crate::mask::guard::Guard;
use crate::sip::{Method, Response};
use crate::transaction::{ClientInvite, ClientRequest, Expiry, Reaction, RequestHead, Timings};

/// How many branches of a fork are ended; what comes of more is passed over.
const MOST_STRAYS: usize = 8;

/// One client transaction.
#[derive(Debug)]
pub(super) struct Client {
    machine: Machine,
    method: Method,
    key: (Box<str>, bool),
    pub(super) flow: Flow,
    /// The leg that it belongs to, and what for; none for a CANCEL and for what ends a stray fork.
    pub(super) owner: Option<(CallKey, LegId, Purpose)>,
    /// Its dialog's messages follow the flow, as a softphone's do.
    pub(super) follows_flow: bool,
    /// What must not be in what follows from it: a CANCEL, the ACK and the BYE of a stray fork.
    pub(super) guard: Option<Guard>,
    /// A CANCEL is to follow as soon as a provisional response is here.
    cancel_wanted: bool,
    /// The tag of the 2xx that was taken, and the ACK that it gets each time it comes.
    accepted: Option<Accepted>,
    /// The tags of other 2xx, from branches of a fork, and the ACK of each.
    strays: Vec<Accepted>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Accepted {
    tag: Box<str>,
    ack: Option<(Flow, Bytes)>,
}

#[derive(Debug)]
enum Machine {
    Invite(ClientInvite),
    Other(ClientRequest),
}

/// What a request is to be sent as.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) branch: Box<str>,
    pub(super) flow: Flow,
    pub(super) head: RequestHead,
    pub(super) bytes: Bytes,
    pub(super) owner: Option<(CallKey, LegId, Purpose)>,
    /// Its dialog's messages follow the flow.
    pub(super) follows_flow: bool,
    /// What must not be in it.
    pub(super) guard: Option<Guard>,
}

/// What a 2xx of an INVITE is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// The first: the call takes it.
    First,
    /// One that came before: its ACK once more, where there is one.
    Again(Option<(Flow, Bytes)>),
    /// Another branch of a fork answered too, or this one after another had failed.
    Stray,
}

/// The table, with the INVITE of each leg that may still be cancelled or acknowledged.
#[derive(Debug)]
pub(super) struct Clients {
    table: Slab<Client>,
    by_key: HashMap<(Box<str>, bool), usize>,
    invites: HashMap<(CallKey, LegId), usize>,
    metrics: Arc<Metrics>,
}

impl Clients {
    /// An empty table, whose transactions are counted here.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { table: Slab::new(), by_key: HashMap::new(), invites: HashMap::new(), metrics }
    }

    /// Starts a transaction with the request that is sent now.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        timings: Timings,
        outgoing: Outgoing,
        deadlines: &mut Deadlines<Due>,
    ) -> usize {
        let Outgoing { method, branch, flow, head, bytes, owner, follows_flow, guard } = outgoing;
        let reliable = flow.transport.is_reliable();
        let key = (branch, method == Method::CANCEL);
        let (machine, kind) = match method {
            Method::INVITE => {
                let invite = ClientInvite::new(now, timings, reliable, head, bytes);
                (Machine::Invite(invite), TransactionKind::InviteClient)
            }
            _ => (Machine::Other(ClientRequest::new(now, timings, reliable, bytes)), TransactionKind::Client),
        };
        self.metrics.transaction(kind);
        let slot = self.table.insert(Client {
            machine,
            method: method.clone(),
            key: key.clone(),
            flow,
            owner,
            follows_flow,
            guard,
            cancel_wanted: false,
            accepted: None,
            strays: Vec::new(),
            deadline: None,
        });
        self.by_key.insert(key, slot);
        if let (Some((call, leg, _)), Method::INVITE) = (owner, method) {
            self.invites.insert((call, leg), slot);
        }
        self.table[slot].schedule(slot, deadlines);
        slot
    }

    /// The transaction of a response (RFC 3261 section 17.1.3).
    pub(super) fn find(&self, response: &Response) -> Option<usize> {
        let branch: Box<str> = response.via().branch()?.into();
        let method = &response.cseq().method;
        let slot = *self.by_key.get(&(branch, *method == Method::CANCEL))?;
        (self.table[slot].method == *method).then_some(slot)
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Client> {
        self.table.get(slot)
    }

    /// A response came in.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        slot: usize,
        response: &Response,
        deadlines: &mut Deadlines<Due>,
    ) -> Reaction {
        let client = &mut self.table[slot];
        let reaction = match &mut client.machine {
            Machine::Invite(invite) => invite.on_response(now, response.status(), response.to().as_str()),
            Machine::Other(request) => request.on_response(now, response.status()),
        };
        client.schedule(slot, deadlines);
        reaction
    }

    /// Tells the first 2xx of an INVITE from its repetitions and from those of other branches, to which also one
    /// belongs that comes after a failure.
    pub(super) fn success(&mut self, slot: usize, response: &Response) -> Success {
        let tag = response.to().tag().unwrap_or_default();
        let client = &mut self.table[slot];
        let known = client.accepted.iter().chain(&client.strays).filter(|known| *known.tag == *tag);
        // The first may have come when its call was gone: then the ACK is a stray's.
        if let Some(known) = known.max_by_key(|known| known.ack.is_some()) {
            return Success::Again(known.ack.clone());
        }
        let is_failed = matches!(&client.machine, Machine::Invite(invite) if invite.is_failed());
        if is_failed || client.accepted.is_some() {
            let is_one_too_many = client.strays.len() >= MOST_STRAYS;
            return if is_one_too_many { Success::Again(None) } else { Success::Stray };
        }
        client.accepted = Some(Accepted { tag: tag.into(), ack: None });
        Success::First
    }

    /// Keeps the ACK of a stray 2xx.
    pub(super) fn acknowledged_stray(&mut self, slot: usize, tag: &str, flow: Flow, bytes: Bytes) {
        self.table[slot].strays.push(Accepted { tag: tag.into(), ack: Some((flow, bytes)) });
    }

    /// Keeps the ACK of a leg's INVITE for the next time its 2xx comes.
    pub(super) fn acknowledged(&mut self, call: CallKey, leg: LegId, flow: Flow, bytes: Bytes) {
        let accepted = self.invites.get(&(call, leg)).and_then(|slot| self.table[*slot].accepted.as_mut());
        if let Some(accepted) = accepted {
            accepted.ack = Some((flow, bytes));
        }
    }

    /// The head of an INVITE.
    pub(super) fn head(&self, slot: usize) -> Option<&RequestHead> {
        match &self.table.get(slot)?.machine {
            Machine::Invite(invite) => Some(invite.head()),
            Machine::Other(_) => None,
        }
    }

    /// A leg's INVITE is no longer wanted.
    pub(super) fn want_cancel(&mut self, call: CallKey, leg: LegId) -> Option<usize> {
        let slot = *self.invites.get(&(call, leg))?;
        self.table[slot].cancel_wanted = true;
        Some(slot)
    }

    /// The CANCEL that is to be sent now, once: a provisional response is here, and no final one
    /// (RFC 3261 section 9.1).
    pub(super) fn take_cancel(
        &mut self,
        now: Instant,
        slot: usize,
        deadlines: &mut Deadlines<Due>,
    ) -> Option<Outgoing> {
        let client = self.table.get_mut(slot)?;
        let Machine::Invite(invite) = &mut client.machine else { return None };
        if !client.cancel_wanted || !invite.is_proceeding() {
            return None;
        }
        client.cancel_wanted = false;
        invite.cancelled(now);
        let head = invite.head().clone();
        let bytes = head.cancel();
        let (branch, flow, guard) = (client.key.0.clone(), client.flow, client.guard.clone());
        let (method, follows_flow) = (Method::CANCEL, client.follows_flow);
        client.schedule(slot, deadlines);
        Some(Outgoing { method, branch, flow, head, bytes, owner: None, follows_flow, guard })
    }

    /// Fires what is due.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        slot: usize,
        deadlines: &mut Deadlines<Due>,
    ) -> Option<Expiry> {
        let client = self.table.get_mut(slot)?;
        let expiry = match &mut client.machine {
            Machine::Invite(invite) => invite.expire(now),
            Machine::Other(request) => request.expire(now),
        };
        client.schedule(slot, deadlines);
        expiry
    }

    /// The transactions that wait for a response on a path that is gone.
    pub(super) fn waiting_on(&self, lost: &Flow) -> Vec<usize> {
        let is_same = |connection: Option<ConnectionId>| {
            lost.connection.is_some() && connection.is_some() && connection == lost.connection
        };
        let waits = |client: &Client| match &client.machine {
            // One that rings is answered, or cancelled, over another connection.
            Machine::Invite(invite) => invite.is_pending() && !invite.is_proceeding(),
            Machine::Other(request) => request.is_pending(),
        };
        let is_lost = |flow: &Flow| {
            flow.transport == lost.transport && (is_same(flow.connection) || flow.remote == lost.remote)
        };
        let lost = self.table.iter().filter(|(_, client)| is_lost(&client.flow) && waits(client));
        lost.map(|(slot, _)| slot).collect()
    }

    /// Forgets a transaction.
    pub(super) fn remove(&mut self, slot: usize, deadlines: &mut Deadlines<Due>) -> Option<Client> {
        let mut client = self.table.try_remove(slot)?;
        self.by_key.remove(&client.key);
        if let Some((call, leg, _)) = client.owner
            && self.invites.get(&(call, leg)) == Some(&slot)
        {
            self.invites.remove(&(call, leg));
        }
        deadlines.set(Due::Client(slot), &mut client.deadline, None);
        if self.table.is_empty() && self.table.capacity() > SPARE {
            *self = Self::new(Arc::clone(&self.metrics));
        }
        Some(client)
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}

impl Client {
    fn schedule(&mut self, slot: usize, deadlines: &mut Deadlines<Due>) {
        let at = match &self.machine {
            Machine::Invite(invite) => invite.deadline(),
            Machine::Other(request) => request.deadline(),
        };
        deadlines.set(Due::Client(slot), &mut self.deadline, at);
    }
}
