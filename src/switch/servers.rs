//! The server transactions of a shard.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use super::Due;
use super::deadlines::Deadlines;
use crate::base::metrics::TransactionKind;
use crate::base::{Flow, Metrics};
use crate::call::{CallKey, LegId, ServerId};
use crate::sip::via::MAGIC_COOKIE;
use crate::sip::{Echo, Method, Request, Status};
use crate::transaction::{Expiry, ServerInvite, ServerRequest, Timings};

/// One server transaction.
#[derive(Debug)]
pub(super) struct Server {
    machine: Machine,
    key: u64,
    merged: Option<u64>,
    /// Where responses go (RFC 3261 section 18.2.2, RFC 3581).
    pub(super) flow: Flow,
    /// What responses repeat, until the final one is written.
    pub(super) echo: Option<Echo>,
    /// Our tag.
    pub(super) tag: Box<str>,
    /// The leg that it belongs to.
    pub(super) owner: Option<(CallKey, LegId)>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    Other(ServerRequest),
}

/// Tables larger than this are given back when they are empty: a peak leaves nothing behind.
pub(super) const SPARE: usize = 1_024;

/// How many transactions there may be: what comes beyond them is answered without one.
pub(super) const MOST: usize = 65_536;

/// The table. Keys are hashes under a secret of the process: nobody outside can make two requests collide.
#[derive(Debug)]
pub(super) struct Servers {
    table: Slab<Server>,
    by_key: HashMap<u64, usize>,
    merged: HashMap<u64, usize>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

impl Servers {
    /// An empty table, whose transactions are counted here.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            table: Slab::new(),
            by_key: HashMap::new(),
            merged: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// The transaction that a request belongs to (RFC 3261 section 17.2.3); ACK and CANCEL find their INVITE's
    /// with `Method::INVITE`.
    pub(super) fn find(&self, request: &Request, method: &Method) -> Option<ServerId> {
        self.by_key.get(&self.key(request, method)).map(|slot| ServerId(*slot))
    }

    /// Whether a request that is not a retransmission is one that came before by another path (RFC 3261 section
    /// 8.2.2.2).
    pub(super) fn is_merged(&self, request: &Request) -> bool {
        self.merge_key(request).is_some_and(|key| self.merged.contains_key(&key))
    }

    /// Starts a transaction.
    pub(super) fn insert(
        &mut self,
        timings: Timings,
        request: &Request,
        flow: Flow,
        tag: Box<str>,
    ) -> ServerId {
        let reliable = flow.transport.is_reliable();
        let (machine, kind) = match *request.method() {
            Method::INVITE => {
                (Machine::Invite(ServerInvite::new(timings, reliable)), TransactionKind::InviteServer)
            }
            _ => (Machine::Other(ServerRequest::new(timings, reliable)), TransactionKind::Server),
        };
        self.metrics.transaction(kind);
        let echo = request.echo(flow.remote);
        // Where the connection is gone, a response goes to the port that the Via names (RFC 3261 section 18.2.2).
        let listens = SocketAddr::new(flow.remote.ip(), request.via().port().unwrap_or(5060));
        let flow = Flow { remote: if reliable { listens } else { echo.reply_to() }, ..flow };
        let key = self.key(request, request.method());
        let merged = self.merge_key(request);
        let slot = self.table.insert(Server {
            machine,
            key,
            merged,
            flow,
            echo: Some(echo),
            tag,
            owner: None,
            deadline: None,
        });
        self.by_key.insert(key, slot);
        if let Some(merged) = merged {
            self.merged.insert(merged, slot);
        }
        ServerId(slot)
    }

    pub(super) fn get(&self, id: ServerId) -> Option<&Server> {
        self.table.get(id.0)
    }

    pub(super) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.table.get_mut(id.0)
    }

    /// Whether an INVITE still waits for its final response.
    pub(super) fn is_pending_invite(&self, id: ServerId) -> bool {
        matches!(self.get(id).map(|server| &server.machine), Some(Machine::Invite(invite)) if invite.is_pending())
    }

    /// Hands a response, about to be sent, to the machine: false where it must not be sent.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        status: Status,
        bytes: &Bytes,
        deadlines: &mut Deadlines<Due>,
    ) -> bool {
        let Some(server) = self.table.get_mut(id.0) else { return false };
        let goes = match &mut server.machine {
            Machine::Invite(invite) => invite.respond(now, status, bytes),
            Machine::Other(request) => request.respond(now, status, bytes),
        };
        if goes && status.is_final() {
            server.echo = None;
        }
        server.schedule(id, deadlines);
        goes
    }

    /// A retransmission came in: what to send again.
    pub(super) fn repeat(&self, id: ServerId) -> Option<Bytes> {
        match &self.table.get(id.0)?.machine {
            Machine::Invite(invite) => invite.on_retransmission(),
            Machine::Other(request) => request.on_retransmission(),
        }
    }

    /// An ACK came for an INVITE: of its failure, or (`in_dialog`) of its 2xx.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        id: ServerId,
        in_dialog: bool,
        deadlines: &mut Deadlines<Due>,
    ) {
        let Some(server) = self.table.get_mut(id.0) else { return };
        if let Machine::Invite(invite) = &mut server.machine {
            if in_dialog {
                invite.on_dialog_ack();
            } else {
                invite.on_ack(now);
            }
        }
        server.schedule(id, deadlines);
    }

    /// Fires what is due.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        id: ServerId,
        deadlines: &mut Deadlines<Due>,
    ) -> Option<Expiry> {
        let server = self.table.get_mut(id.0)?;
        let expiry = match &mut server.machine {
            Machine::Invite(invite) => invite.expire(now),
            Machine::Other(request) => request.expire(now),
        };
        server.schedule(id, deadlines);
        expiry
    }

    /// Forgets a transaction.
    pub(super) fn remove(&mut self, id: ServerId, deadlines: &mut Deadlines<Due>) -> Option<Server> {
        let mut server = self.table.try_remove(id.0)?;
        self.by_key.remove(&server.key);
        if let Some(merged) = server.merged
            && self.merged.get(&merged) == Some(&id.0)
        {
            self.merged.remove(&merged);
        }
        deadlines.set(Due::Server(id.0), &mut server.deadline, None);
        if self.table.is_empty() && self.table.capacity() > SPARE {
            (self.table, self.by_key, self.merged) = Default::default();
        }
        Some(server)
    }

    /// Whether there are as many as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.table.len() >= MOST
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The branch, the sent-by and the method; for a client of RFC 2543, whose branch is not unique, all that the
    /// RFC names instead.
    fn key(&self, request: &Request, method: &Method) -> u64 {
        let via = request.via();
        match via
            .branch()
            .filter(|branch| branch.starts_with(MAGIC_COOKIE) && branch.len() > MAGIC_COOKIE.len())
        {
            Some(branch) => {
                self.hasher.hash_one((branch, via.host().to_string(), via.port(), method.as_str()))
            }
            None => self.hasher.hash_one((
                request.uri().as_str(),
                request.from().tag(),
                request.call_id(),
                request.cseq().number,
                via.as_str(),
                method.as_str(),
            )),
        }
    }

    fn merge_key(&self, request: &Request) -> Option<u64> {
        let tag = request.from().tag().filter(|_| request.to().tag().is_none())?;
        let cseq = request.cseq();
        Some(self.hasher.hash_one((tag, request.call_id(), cseq.number, cseq.method.as_str())))
    }
}

impl Server {
    fn schedule(&mut self, id: ServerId, deadlines: &mut Deadlines<Due>) {
        let at = match &self.machine {
            Machine::Invite(invite) => invite.deadline(),
            Machine::Other(request) => request.deadline(),
        };
        deadlines.set(Due::Server(id.0), &mut self.deadline, at);
    }
}
