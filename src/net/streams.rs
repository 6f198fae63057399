//! The table of stream connections, shared by all shards: who may open how many, which one leads to a peer, and who
//! has to hear that one is lost.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Notify, mpsc};

use super::post::Posts;
use super::stream;
use crate::base::{ConnectionId, Flow};
use crate::switch::Input;

/// What bounds the memory and the descriptors that peers can hold by streams.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Connections at a time that peers opened, in all.
    pub accepted: usize,
    /// Connections at a time that we opened, in all. They are counted apart, so that nobody out there can keep us from
    /// reaching a trunk.
    pub opened: usize,
    /// Connections at a time that one source may open: an IPv4 address, or an IPv6 network of 64 bits.
    pub per_source: usize,
    /// How long a peer may take to complete a message that it began, and its first one.
    pub message: Duration,
    /// How long a connection may last on which we have had nothing to say but to challenge or to refuse a stranger.
    pub unanswered: Duration,
    /// How long any other connection may be quiet.
    pub idle: Duration,
    /// How long a peer may take to read one message of ours.
    pub write: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// Bytes that may wait for a peer to read, with what it takes to keep each message.
    pub queue: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            accepted: 3072,
            opened: 1024,
            per_source: 64,
            message: Duration::from_secs(10),
            unanswered: Duration::from_secs(60),
            idle: Duration::from_secs(30 * 60),
            write: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            queue: 512 * 1024,
        }
    }
}

/// Our listener and the peer: what a connection can be found by.
type Path = (SocketAddr, SocketAddr);

/// What all threads share of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The flow of the messages that come in on it.
    pub(super) flow: Flow,
    /// The shard whose thread reads and writes it.
    pub(super) shard: u8,
    /// Tells the connection's task to close it at once.
    pub(super) close: Notify,
    queue: mpsc::UnboundedSender<Bytes>,
    queued: AtomicUsize,
    emptied: Notify,
    used_by_id: AtomicBool,
    used_by_path: AtomicBool,
}

impl Connection {
    /// Puts bytes in line for the peer; a peer that lets too many wait loses the connection.
    pub(super) fn enqueue(&self, bytes: Bytes, limit: usize) -> bool {
        let weight = weight(&bytes);
        if self.queued.fetch_add(weight, Ordering::Relaxed) + weight > limit {
            self.close.notify_one();
            return false;
        }
        self.queue.send(bytes).is_ok()
    }

    /// Counts bytes that have left.
    pub(super) fn written(&self, bytes: &Bytes) {
        let weight = weight(bytes);
        if self.queued.fetch_sub(weight, Ordering::Relaxed) == weight {
            self.emptied.notify_waiters();
        }
    }

    /// Whether we have ever had anything to say on it that was not for just anybody.
    pub(super) fn is_used(&self) -> bool {
        self.used_by_id.load(Ordering::Acquire) || self.used_by_path.load(Ordering::Acquire)
    }

    async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.queued.load(Ordering::Relaxed) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// What bytes that wait take in memory.
fn weight(bytes: &Bytes) -> usize {
    bytes.len() + size_of::<Bytes>()
}

/// All connections of the process.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) limits: StreamLimits,
    pub(super) posts: Posts,
    next_id: AtomicU64,
    accepted: AtomicUsize,
    opened: AtomicUsize,
    per_source: DashMap<IpAddr, usize>,
    by_id: DashMap<ConnectionId, Arc<Connection>>,
    by_path: DashMap<Path, Arc<Connection>>,
}

/// A connection's place in the table. Dropping it, for whatever reason, takes the connection out and tells the
/// shards that a flow is lost on which anything was sent.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) streams: Arc<Streams>,
    pub(super) connection: Arc<Connection>,
    pub(super) queue: mpsc::UnboundedReceiver<Bytes>,
    /// The source that the connection counts for, if the peer opened it.
    source: Option<IpAddr>,
}

impl Streams {
    pub(super) fn new(limits: StreamLimits, posts: Posts) -> Self {
        Self {
            limits,
            posts,
            next_id: AtomicU64::new(1),
            accepted: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            per_source: DashMap::new(),
            by_id: DashMap::new(),
            by_path: DashMap::new(),
        }
    }

    /// Lets in a connection that a peer opened; `None` where it or all have too many.
    pub(super) fn admit(self: &Arc<Self>, flow: Flow, shard: u8) -> Option<Ticket> {
        let source = source_of(flow.remote.ip());
        {
            let mut count = self.per_source.entry(source).or_insert(0);
            if *count >= self.limits.per_source {
                return None;
            }
            *count += 1;
        }
        let Some(ticket) = self.register(flow, shard, Some(source)) else {
            self.release(source);
            return None;
        };
        self.by_path.insert(path(&flow), Arc::clone(&ticket.connection));
        Some(ticket)
    }

    /// Sends on the flow's connection, or the standing one to its peer, or a new one.
    ///
    /// # Errors
    /// Where the connection is gone, its peer does not read, or none can be opened any more.
    pub(super) fn send(self: &Arc<Self>, flow: &Flow, bytes: Bytes, shard: u8) -> Result<(), FlowGone> {
        let connection = match flow.connection {
            Some(id) => self.by_id.get(&id).map(|found| Arc::clone(&found)),
            None => None,
        };
        let is_there = connection.is_some();
        // A connection that is gone is replaced by a new one to the address (RFC 3261 sections 18.1.1 and 18.2.2).
        let connection = connection.map_or_else(|| self.standing(flow, shard), Ok)?;
        let used = if is_there { &connection.used_by_id } else { &connection.used_by_path };
        used.store(true, Ordering::Release);
        if connection.enqueue(bytes, self.limits.queue) { Ok(()) } else { Err(FlowGone) }
    }

    /// Sends on the flow's connection, where it is still there; the connection is none the more used for it.
    pub(super) fn answer(&self, flow: &Flow, bytes: Bytes) {
        if let Some(connection) = flow.connection.and_then(|id| self.by_id.get(&id)) {
            connection.enqueue(bytes, self.limits.queue);
        }
    }

    /// The standing connection to a peer; where there is none, one that this thread now opens.
    fn standing(self: &Arc<Self>, flow: &Flow, shard: u8) -> Result<Arc<Connection>, FlowGone> {
        match self.by_path.entry(path(flow)) {
            Entry::Occupied(entry) => Ok(Arc::clone(entry.get())),
            Entry::Vacant(entry) => {
                let ticket = self.register(*flow, shard, None).ok_or(FlowGone)?;
                let connection = Arc::clone(&ticket.connection);
                entry.insert(Arc::clone(&connection));
                stream::open(ticket);
                Ok(connection)
            }
        }
    }

    fn register(self: &Arc<Self>, flow: Flow, shard: u8, source: Option<IpAddr>) -> Option<Ticket> {
        let (open, most) = self.places(source.is_some());
        if open.fetch_add(1, Ordering::Relaxed) >= most {
            open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (sender, queue) = mpsc::unbounded_channel();
        let connection = Arc::new(Connection {
            flow: Flow { connection: Some(id), ..flow },
            shard,
            close: Notify::new(),
            queue: sender,
            queued: AtomicUsize::new(0),
            emptied: Notify::new(),
            used_by_id: AtomicBool::new(false),
            used_by_path: AtomicBool::new(false),
        });
        self.by_id.insert(id, Arc::clone(&connection));
        Some(Ticket { streams: Arc::clone(self), connection, queue, source })
    }

    /// How many connections of a kind are open, and may be.
    fn places(&self, is_accepted: bool) -> (&AtomicUsize, usize) {
        match is_accepted {
            true => (&self.accepted, self.limits.accepted),
            false => (&self.opened, self.limits.opened),
        }
    }

    fn release(&self, source: IpAddr) {
        if let Entry::Occupied(mut entry) = self.per_source.entry(source) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    /// Waits until nothing waits to be written by a shard's connections.
    pub(super) async fn emptied(&self, shard: u8) {
        let mine: Vec<_> = self
            .by_id
            .iter()
            .filter(|connection| connection.shard == shard)
            .map(|connection| Arc::clone(&connection))
            .collect();
        for connection in mine {
            connection.emptied().await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.close();
        let Flow { connection: Some(id), .. } = self.connection.flow else { return };
        self.streams.by_id.remove(&id);
        let mine = |_: &Path, standing: &Arc<Connection>| Arc::ptr_eq(standing, &self.connection);
        self.streams.by_path.remove_if(&path(&self.connection.flow), mine);
        self.streams.places(self.source.is_some()).0.fetch_sub(1, Ordering::Relaxed);
        if let Some(source) = self.source {
            self.streams.release(source);
        }
        let by_path = Flow { connection: None, ..self.connection.flow };
        for (used, flow) in
            [(&self.connection.used_by_id, self.connection.flow), (&self.connection.used_by_path, by_path)]
        {
            if used.load(Ordering::Acquire) {
                self.streams.posts.all().for_each(|post| post.input(Input::FlowLost { flow }));
            }
        }
    }
}

/// A flow that nothing can be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FlowGone;

fn path(flow: &Flow) -> Path {
    (flow.local, flow.remote)
}

/// What counts as one source: whoever has one IPv6 address has its network.
fn source_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Shards, Transport};
    use crate::net::post::{Inbox, Post, Signal};

    fn table(limits: StreamLimits) -> (Arc<Streams>, Inbox) {
        let (post, inbox) = Post::new();
        (Arc::new(Streams::new(limits, Posts::new(Shards::new(1), vec![post]))), inbox)
    }

    fn flow(remote: &str) -> Flow {
        let local = ([127, 0, 0, 1], 5060).into();
        Flow { transport: Transport::Tcp, local, remote: remote.parse().unwrap(), connection: None }
    }

    fn lost(inbox: &mut Inbox) -> Vec<Option<ConnectionId>> {
        let mut lost = Vec::new();
        while let Ok(signal) = inbox.control.try_recv() {
            if let Signal::Input(Input::FlowLost { flow }) = signal {
                lost.push(flow.connection);
            }
        }
        lost
    }

    #[test]
    fn one_source_cannot_take_every_place() {
        let (streams, _inbox) =
            table(StreamLimits { per_source: 2, accepted: 4, opened: 1, ..StreamLimits::default() });
        let mut held: Vec<_> =
            (1..=2).map(|port| streams.admit(flow(&format!("192.0.2.1:{port}")), 0).unwrap()).collect();
        assert!(streams.admit(flow("192.0.2.1:3"), 0).is_none());
        held.push(streams.admit(flow("[2001:db8::1]:1"), 0).unwrap());
        held.push(streams.admit(flow("[2001:db8::ffff]:1"), 0).unwrap());
        assert!(streams.admit(flow("[2001:db8:0:1::1]:1"), 0).is_none(), "all places are taken");
        let ours = streams.register(flow("192.0.2.9:5060"), 0, None).expect("ours are counted apart");
        assert!(streams.register(flow("192.0.2.9:5061"), 0, None).is_none(), "and bounded too");
        drop(ours);
        held.clear();
        assert!(streams.per_source.is_empty() && streams.by_id.is_empty() && streams.by_path.is_empty());
        assert!(streams.admit(flow("192.0.2.1:3"), 0).is_some());
    }

    #[test]
    fn a_loss_is_told_for_the_flows_that_were_used() {
        let (streams, mut inbox) = table(StreamLimits::default());
        drop(streams.admit(flow("192.0.2.1:1"), 0).unwrap());
        assert_eq!(lost(&mut inbox), [], "nothing was ever sent on it");

        let ticket = streams.admit(flow("192.0.2.1:1"), 0).unwrap();
        let by_id = Flow { connection: ticket.connection.flow.connection, ..flow("192.0.2.1:1") };
        streams.answer(&by_id, Bytes::from_static(b"x"));
        assert!(!ticket.connection.is_used() && !ticket.queue.is_empty(), "an answer is no use");
        drop(ticket);
        streams.answer(&by_id, Bytes::from_static(b"x"));
        assert!(streams.by_id.is_empty(), "and opens no other connection");
        assert_eq!(lost(&mut inbox), []);

        let ticket = streams.admit(flow("192.0.2.1:1"), 0).unwrap();
        let id = ticket.connection.flow.connection;
        assert_eq!(
            streams.send(&Flow { connection: id, ..flow("192.0.2.1:1") }, Bytes::from_static(b"x"), 0),
            Ok(())
        );
        assert_eq!(
            streams.send(&flow("192.0.2.1:1"), Bytes::from_static(b"x"), 0),
            Ok(()),
            "the standing one"
        );
        drop(ticket);
        assert_eq!(lost(&mut inbox), [id, None]);
    }

    #[test]
    fn what_was_for_a_lost_connection_goes_by_another_to_the_same_place() {
        let (streams, mut inbox) = table(StreamLimits::default());
        let ticket = streams.admit(flow("192.0.2.1:1"), 0).unwrap();
        let gone = Flow { connection: ticket.connection.flow.connection, ..flow("192.0.2.1:1") };
        drop(ticket);
        let other = streams.admit(flow("192.0.2.1:1"), 0).unwrap();
        assert_eq!(streams.send(&gone, Bytes::from_static(b"x"), 0), Ok(()));
        drop(other);
        assert_eq!(lost(&mut inbox), [None], "it was sent by the path");
    }

    #[test]
    fn a_peer_that_does_not_read_cannot_hold_memory() {
        let (streams, _inbox) = table(StreamLimits { queue: 1_000, ..StreamLimits::default() });
        let taken = |bytes: &'static [u8]| {
            let _ticket = streams.admit(flow("192.0.2.1:1"), 0).unwrap();
            let send = || streams.send(&flow("192.0.2.1:1"), Bytes::from_static(bytes), 0);
            (0..1_000).take_while(|_| send().is_ok()).count()
        };
        assert_eq!((taken(&[b'x'; 500]), taken(b"\r\n")), (1, 1_000 / (2 + size_of::<Bytes>())));
    }
}
