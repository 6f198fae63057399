//! The engine as the switch's threads see it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};

use super::OpenFault;
use super::ports::Ports;
use super::sockets::Sockets;
use super::worker::{Moving, Opening, Order, Waker, Worker};
use crate::base::{Random, Side};
use crate::relay::{Command, Event, RelayId};

/// Orders that may wait for a thread; more wait in the handles.
const WAITING: usize = 1024;
/// How often it is said why calls are refused.
const TELL: Duration = Duration::from_secs(10);

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The ports to take pairs from.
    pub ports: RangeInclusive<u16>,
    /// How long a pair is to rest after use.
    pub rest: Duration,
    /// How many threads; `None` for one for every two cores, up to four: a thread relays some 200,000 packets a second,
    /// and fewer threads find more packets each time they wake.
    pub threads: Option<usize>,
}

/// Where a relay's events go. It is called on a media thread, and must not wait.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// The media threads and the pool of ports. Dropping it says good-bye on every relay and ends the threads.
#[derive(Debug)]
pub struct Engine {
    threads: Vec<Thread>,
    ports: Arc<Ports>,
}

#[derive(Debug)]
struct Thread {
    orders: Sender<Order>,
    waker: Arc<Waker>,
    joined: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system gives no thread or no descriptor.
    pub fn start(options: &Options, random: &mut Random) -> io::Result<Self> {
        let cores = || std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).min(4));
        let count = options.threads.unwrap_or_else(cores).max(1);
        let ports = Arc::new(Ports::new(&options.ports, options.rest, random));
        let mut engine = Self { threads: Vec::new(), ports };
        for index in 0..count {
            let (orders, received) = bounded(WAITING);
            let waker = Arc::new(Waker::new()?);
            let worker = Worker::new(received, Arc::clone(&waker), Arc::clone(&engine.ports), random.fork())?;
            let thread = std::thread::Builder::new().name(format!("media-{index}"));
            let joined = Some(thread.spawn(move || worker.run())?);
            engine.threads.push(Thread { orders, waker, joined });
        }
        Ok(engine)
    }

    /// A handle for one of the switch's threads; the events of the relays it opens go to `events`.
    #[must_use]
    pub fn handle(&self, events: EventSink) -> Handle {
        let line = |thread: &Thread| Line {
            orders: thread.orders.clone(),
            waker: Arc::clone(&thread.waker),
            waiting: VecDeque::new(),
        };
        let lines = self.threads.iter().map(line).collect();
        Handle { lines, ports: Arc::clone(&self.ports), events, told: None }
    }

    /// How many calls the range of ports has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ports.total() / 2
    }

    /// How many pairs of ports are free now.
    #[must_use]
    pub fn free_pairs(&self) -> usize {
        self.ports.free()
    }

    /// How often a pair had to be used again before it had rested: the range is too small for the traffic.
    #[must_use]
    pub fn unrested_pairs(&self) -> u64 {
        self.ports.tired()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for thread in &self.threads {
            thread.waker.stop();
        }
        for joined in self.threads.iter_mut().filter_map(|thread| thread.joined.take()) {
            // A thread that panicked has told so on its own.
            let _ = joined.join();
        }
    }
}

/// How one of the switch's threads speaks to the engine. No order is lost: one that finds its thread's channel full
/// waits here, and goes with the next order or the next [`Handle::flush`].
pub struct Handle {
    lines: Vec<Line>,
    ports: Arc<Ports>,
    events: EventSink,
    /// When it was last said why calls are refused.
    told: Option<Instant>,
}

impl Handle {
    /// Opens a relay between two addresses of this host, and gives its RTP ports toward side A and side B; RTCP is on
    /// the next port of each.
    ///
    /// # Errors
    /// Where ports or descriptors have run out, or an address is not this host's. Nothing was opened then.
    #[expect(clippy::disallowed_methods, reason = "the engine is an edge: it reads the clock")]
    pub fn open(
        &mut self,
        relay: RelayId,
        local: [IpAddr; 2],
        silence: Duration,
    ) -> Result<[u16; 2], OpenFault> {
        let now = Instant::now();
        let a = Sockets::bind(local[0], &self.ports, now)?;
        let b = match Sockets::bind(local[1], &self.ports, now) {
            Ok(sockets) => sockets,
            Err(fault) => {
                a.release(&self.ports, now);
                return Err(fault);
            }
        };
        let ports = [a.port, b.port];
        let events = Arc::clone(&self.events);
        self.send(relay, Order::Open(Box::new(Opening { relay, sockets: [a, b], silence, events })));
        Ok(ports)
    }

    /// Carries an order out. [`Command::Open`] is answered by the event given back, and so is a [`Command::Move`] that
    /// is refused; the others have no answer, or one that goes to the handle's sink.
    pub fn command(&mut self, command: Command) -> Option<Event> {
        let refused = match command {
            Command::Open { relay, local, silence } => match self.open(relay, local, silence) {
                Ok(ports) => return Some(Event::Opened { relay, ports }),
                Err(fault) => (relay, fault),
            },
            Command::Move { relay, side, local } => match self.move_side(relay, side, local) {
                Ok(()) => return None,
                Err(fault) => (relay, fault),
            },
            command => {
                self.send(command.relay(), Order::Command(command));
                return None;
            }
        };
        let (relay, fault) = refused;
        self.tell(&fault);
        Some(Event::Refused { relay })
    }

    /// Binds a side's other sockets.
    #[expect(clippy::disallowed_methods, reason = "the engine is an edge: it reads the clock")]
    fn move_side(&mut self, relay: RelayId, side: Side, local: IpAddr) -> Result<(), OpenFault> {
        let sockets = Sockets::bind(local, &self.ports, Instant::now())?;
        self.send(relay, Order::Move(Box::new(Moving { relay, side, sockets })));
        Ok(())
    }

    /// Says why calls are refused, once in a while.
    #[expect(clippy::disallowed_methods, reason = "the engine is an edge: it reads the clock")]
    fn tell(&mut self, fault: &OpenFault) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL) {
            self.told = Some(now);
            tracing::warn!(%fault, "a call is refused: its media find no place");
        }
    }

    /// Hands over what waits; false while some orders still have to.
    pub fn flush(&mut self) -> bool {
        // Each has its turn, whether or not one before it is full.
        self.lines.iter_mut().fold(true, |is_done, line| line.flush() & is_done)
    }

    /// Every order for a relay goes to the one thread that owns it, in order.
    fn send(&mut self, relay: RelayId, order: Order) {
        let spread = relay.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let index = usize::try_from(spread).unwrap_or(0) % self.lines.len();
        let line = &mut self.lines[index];
        line.waiting.push_back(order);
        line.flush();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// A media thread, as one of the switch's threads reaches it.
#[derive(Debug)]
struct Line {
    orders: Sender<Order>,
    waker: Arc<Waker>,
    waiting: VecDeque<Order>,
}

impl Line {
    /// Hands over what waits; false where the thread's channel became full.
    fn flush(&mut self) -> bool {
        if self.waiting.is_empty() {
            return true;
        }
        while let Some(order) = self.waiting.pop_front() {
            if let Err(TrySendError::Full(order)) = self.orders.try_send(order) {
                self.waiting.push_front(order);
                break;
            }
        }
        self.waker.wake();
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_does_not_hold_up_the_others() {
        let line = |room: usize| {
            let (orders, received) = bounded(room);
            let order = |relay| Order::Command(Command::Close { relay: RelayId(relay) });
            let waker = Arc::new(Waker::new().unwrap());
            (Line { orders, waker, waiting: [order(1), order(2)].into() }, received)
        };
        let ((full, _first), (free, second)) = (line(1), line(2));
        let ports = Arc::new(Ports::new(&(20_000..=20_099), Duration::ZERO, &mut Random::from_number(1)));
        let mut handle = Handle { lines: vec![full, free], ports, events: Arc::new(|_| ()), told: None };
        assert!(!handle.flush());
        assert_eq!(second.len(), 2);
    }

    #[test]
    fn orders_beyond_the_channel_wait_and_keep_their_order() {
        let (orders, received) = bounded(2);
        let waker = Arc::new(Waker::new().unwrap());
        let mut line = Line { orders, waker, waiting: VecDeque::new() };
        for relay in (0..5).map(RelayId) {
            line.waiting.push_back(Order::Command(Command::Close { relay }));
        }
        let mut seen = Vec::new();
        while !line.flush() || !received.is_empty() {
            for order in received.try_iter() {
                let Order::Command(command) = order else { panic!("{order:?}") };
                seen.push(command.relay().0);
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }
}
