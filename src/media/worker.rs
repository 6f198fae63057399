//! One media thread: it waits on the sockets of its relays, on the orders of the switch, and on time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use rustc_hash::FxHashMap;
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::{read, write};
use slab::Slab;

use super::engine::EventSink;
use super::ports::Ports;
use super::sockets::Sockets;
use crate::base::{Random, Side};
use crate::relay::{Command, Event, OWN, Port, Relay, RelayId, Transmit};

/// Socket events taken at once.
const EVENTS: usize = 256;
/// Orders taken at once, so that packets do not wait for long behind a burst of calls.
const ORDERS: usize = 64;
/// The longest datagram there is.
const DATAGRAM: usize = 65_536;
/// Tables larger than this are given back when they are empty: a peak leaves nothing behind.
const SPARE: usize = 1_024;
/// The token of the eventfd.
const WAKE: u64 = u64::MAX;

/// What a media thread is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    Open(Box<Opening>),
    Move(Box<Moving>),
    Command(Command),
}

/// Other sockets for a side of a relay, already bound.
#[derive(Debug)]
pub(super) struct Moving {
    pub(super) relay: RelayId,
    pub(super) side: Side,
    pub(super) sockets: Sockets,
}

/// A relay to open, with its sockets already bound.
pub(super) struct Opening {
    pub(super) relay: RelayId,
    pub(super) sockets: [Sockets; 2],
    pub(super) silence: Duration,
    pub(super) events: EventSink,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("relay", &self.relay).finish_non_exhaustive()
    }
}

/// Wakes a thread that waits, and lets one be that does not.
#[derive(Debug)]
pub(super) struct Waker {
    bell: OwnedFd,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { bell, asleep: AtomicBool::new(false), stopped: AtomicBool::new(false) })
    }

    /// To be called after an order was put into the channel. The fences here and in [`Waker::sleeps`] see to it that
    /// either the thread sees the order or this sees the thread asleep.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::Relaxed) {
            // The counter of an eventfd cannot overflow by ones.
            let _ = write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// The thread is about to wait, unless there is an order after this.
    fn sleeps(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    fn awakes(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// A relay with its sockets.
struct Session {
    relay: Relay,
    sockets: [Sockets; 2],
    events: EventSink,
    /// When the thread's timers will look after it.
    scheduled: Option<Instant>,
}

/// One media thread.
pub(super) struct Worker {
    epoll: OwnedFd,
    waker: Arc<Waker>,
    orders: Receiver<Order>,
    ports: Arc<Ports>,
    random: Random,
    sessions: Slab<Session>,
    keys: FxHashMap<RelayId, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    datagram: Box<[u8]>,
}

impl Worker {
    pub(super) fn new(
        orders: Receiver<Order>,
        waker: Arc<Waker>,
        ports: Arc<Ports>,
        random: Random,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &waker.bell, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            waker,
            orders,
            ports,
            random,
            sessions: Slab::new(),
            keys: FxHashMap::default(),
            timers: BinaryHeap::new(),
            datagram: vec![0; DATAGRAM].into_boxed_slice(),
        })
    }

    /// Runs until the engine stops. Orders are carried out after all packets of a turn, so that no event of a turn is
    /// taken for one of a relay opened in it.
    #[expect(clippy::disallowed_methods, reason = "the engine is an edge: it reads the clock")]
    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        let mut now = Instant::now();
        while !self.waker.stopped.load(Ordering::Relaxed) {
            let wait = self.wait(now);
            // Interrupted by a signal: the turn goes on without packets.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref());
            self.waker.awakes();
            now = Instant::now();
            for event in events.drain(..) {
                match event.data.u64() {
                    WAKE => drop(read(&self.waker.bell, &mut [0; 8])),
                    token => self.receive(now, token),
                }
            }
            self.take_orders(now, ORDERS);
            self.tick(now);
        }
        self.take_orders(now, usize::MAX);
        self.close_all(now);
    }

    fn take_orders(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            let Ok(order) = self.orders.try_recv() else { return };
            self.carry_out(now, order);
        }
    }

    /// How long to wait: until the first timer, or not at all where an order is there.
    fn wait(&self, now: Instant) -> Option<Timespec> {
        self.waker.sleeps();
        if !self.orders.is_empty() || self.waker.stopped.load(Ordering::Relaxed) {
            return Some(Timespec { tv_sec: 0, tv_nsec: 0 });
        }
        let Reverse((first, _)) = self.timers.peek()?;
        Timespec::try_from(first.saturating_duration_since(now)).ok()
    }

    /// One packet. A socket that has more is told of again by the next wait.
    fn receive(&mut self, now: Instant, token: u64) {
        let (key, side, port) = from_token(token);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let socket = session.sockets[side.index()].get(port);
        // An error is no packet: none there after all, or word of one of ours that found nobody.
        let Ok((length, source)) = socket.recv_from(&mut self.datagram) else { return };
        let datagram = &mut self.datagram[..length];
        match port {
            Port::Rtp => {
                if let Some(packet) = session.relay.rtp(now, side, source, datagram) {
                    let other = session.sockets[side.other().index()].get(Port::Rtp);
                    // A packet that cannot be sent is lost, as any may be.
                    let _ = other.send_to(packet.bytes, packet.to);
                }
            }
            Port::Rtcp => session.relay.rtcp(now, side, source, datagram),
        }
        // Speech that is coded anew is due at once: no timer is set for it.
        if session.relay.deadline().is_some_and(|deadline| deadline <= now) {
            session.send_due(now, &mut self.random);
        }
        self.settle(key);
    }

    /// Tells the switch what the relay has to tell, and sees to its timer.
    #[inline]
    fn settle(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        while let Some(event) = session.relay.poll_event() {
            (session.events)(event);
        }
        let Some(deadline) = session.relay.deadline() else { return };
        if session.scheduled.is_none_or(|scheduled| deadline < scheduled) {
            session.scheduled = Some(deadline);
            self.timers.push(Reverse((deadline, key)));
        }
    }

    /// Looks after the relays whose time has come. An entry that is no longer its relay's is passed over.
    fn tick(&mut self, now: Instant) {
        while let Some(Reverse((due, key))) = self.timers.peek().copied()
            && due <= now
        {
            self.timers.pop();
            let Some(session) = self.sessions.get_mut(key).filter(|session| session.scheduled == Some(due))
            else {
                continue;
            };
            session.scheduled = None;
            session.send_due(now, &mut self.random);
            self.settle(key);
        }
    }

    fn carry_out(&mut self, now: Instant, order: Order) {
        let command = match order {
            Order::Open(opening) => return self.open(now, *opening),
            Order::Move(moving) => return self.move_side(now, *moving),
            Order::Command(command) => command,
        };
        let Some(&key) = self.keys.get(&command.relay()) else { return };
        let relay = &mut self.sessions[key].relay;
        match command {
            Command::Open { .. } | Command::Move { .. } => {}
            Command::Set { side, endpoint, .. } => relay.set(now, side, endpoint, &mut self.random),
            Command::Silence { after, .. } => relay.limit_silence(after),
            Command::Digit { to, digit, duration, .. } => relay.play(now, to, digit, duration),
            Command::Play { to, what, .. } => relay.sound(now, to, what),
            Command::Stop { to, .. } => relay.stop(to),
            Command::Listen { from, keys, .. } => relay.listen(from, keys),
            Command::Close { relay } => return self.close(now, relay),
        }
        self.settle(key);
    }

    fn open(&mut self, now: Instant, opening: Opening) {
        let Opening { relay: id, sockets, silence, events } = opening;
        let relay = Relay::new(id, now, silence, &mut self.random);
        let key = self.sessions.insert(Session { relay, sockets, events, scheduled: None });
        self.keys.insert(id, key);
        for side in [Side::A, Side::B] {
            self.watch(key, side);
        }
    }

    /// Listens on the sockets of a side.
    fn watch(&self, key: usize, side: Side) {
        for port in [Port::Rtp, Port::Rtcp] {
            let socket = self.sessions[key].sockets[side.index()].get(port);
            let data = epoll::EventData::new_u64(token(key, side, port));
            // Only memory could be lacking: such a socket stays silent, and the silence ends the call.
            let _ = epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN);
        }
    }

    /// Gives a side other sockets. Those of a relay that is gone go back.
    fn move_side(&mut self, now: Instant, moving: Moving) {
        let Moving { relay, side, sockets } = moving;
        let Some(&key) = self.keys.get(&relay) else { return sockets.release(&self.ports, now) };
        let session = &mut self.sessions[key];
        let left = std::mem::replace(&mut session.sockets[side.index()], sockets);
        left.release(&self.ports, now);
        session.relay.moved(side);
        let ports = [session.sockets[0].port, session.sockets[1].port];
        (session.events)(Event::Opened { relay, ports });
        self.watch(key, side);
        self.settle(key);
    }

    fn close(&mut self, now: Instant, id: RelayId) {
        let Some(key) = self.keys.remove(&id) else { return };
        let mut session = self.sessions.remove(key);
        let mut buffer = [0; OWN];
        for side in [Side::A, Side::B] {
            if let Some(transmit) = session.relay.goodbye(now, side, &mut buffer) {
                session.transmit(transmit, &buffer);
            }
        }
        let Session { relay, sockets, events, .. } = session;
        for sockets in sockets {
            sockets.release(&self.ports, now);
        }
        events(Event::Closed { relay: id, quality: relay.quality() });
        if self.sessions.is_empty() && self.sessions.capacity() > SPARE {
            (self.sessions, self.keys, self.timers) = Default::default();
        }
    }

    fn close_all(&mut self, now: Instant) {
        let open: Vec<_> = self.keys.keys().copied().collect();
        for relay in open {
            self.close(now, relay);
        }
    }
}

impl Session {
    fn send_due(&mut self, now: Instant, random: &mut Random) {
        let mut buffer = [0; OWN];
        while let Some(transmit) = self.relay.due(now, random, &mut buffer) {
            self.transmit(transmit, &buffer);
        }
    }

    fn transmit(&self, transmit: Transmit, buffer: &[u8]) {
        let Transmit { side, port, to, length } = transmit;
        // A packet that cannot be sent is lost, as any may be.
        let _ = self.sockets[side.index()].get(port).send_to(&buffer[..length], to);
    }
}

/// The token of a socket: the key of its session, and two bits for which of the four it is.
fn token(key: usize, side: Side, port: Port) -> u64 {
    (key as u64) << 2 | (side.index() as u64) << 1 | u64::from(port == Port::Rtcp)
}

fn from_token(token: u64) -> (usize, Side, Port) {
    let side = if token & 2 == 0 { Side::A } else { Side::B };
    let port = if token & 1 == 0 { Port::Rtp } else { Port::Rtcp };
    (usize::try_from(token >> 2).unwrap_or(usize::MAX), side, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_each_socket() {
        for key in [0, 1, 12345] {
            for side in [Side::A, Side::B] {
                for port in [Port::Rtp, Port::Rtcp] {
                    assert_eq!(from_token(token(key, side, port)), (key, side, port));
                }
            }
        }
    }
}
