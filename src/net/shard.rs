//! The shard's thread: hears its sockets, its inbox and its timer, feeds the machine, and does what it puts out.

mod outputs;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::backlog::Backlog;
use super::clock::{Clock, now};
use super::listen::Sockets;
use super::outbox::Outbox;
use super::post::{Inbox, Post, Posts, Signal};
use super::resolve::{Families, Resolver};
use super::streams::{StreamLimits, Streams};
use super::tally::{Share, Tally};
use super::udp::UdpPort;
use super::{Machine, Services, stream};
use crate::base::{Flow, Shards, Transport};
use crate::switch::{Command, Input};

/// Messages taken from one socket or queue before the machine's outputs are seen to.
const BATCH: usize = 64;
/// The largest datagram.
const DATAGRAM: usize = 64 * 1024;
/// How long the last messages may take to leave when a shard ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// When to come back for orders that the media engine could not take yet.
const BEHIND: Duration = Duration::from_millis(5);
/// How long the timer sleeps when nothing is due.
const FAR: Duration = Duration::from_secs(3600);

/// A shard that is not running yet. It can be reached already, so that what runs beside it can be set up first.
#[derive(Debug)]
pub struct Seat {
    index: u8,
    inbox: Inbox,
    streams: Arc<Streams>,
    share: Share,
}

/// Prepares all shards of the process, and what tells how they fare.
#[must_use]
pub fn seats(shards: Shards, limits: StreamLimits) -> (Vec<Seat>, watch::Receiver<Tally>) {
    let (tally, watched) = watch::channel(Tally::default());
    let tally = Arc::new(tally);
    let (posts, inboxes): (Vec<_>, Vec<_>) = (0..shards.count()).map(|_| Post::new()).unzip();
    let streams = Arc::new(Streams::new(limits, Posts::new(shards, posts)));
    let seat = |(index, inbox)| {
        let share = Share::new(Arc::clone(&tally));
        Seat { index, inbox, streams: Arc::clone(&streams), share }
    };
    ((0..).zip(inboxes).map(seat).collect(), watched)
}

/// A running shard.
#[derive(Debug)]
pub struct Handle {
    post: Post,
    thread: thread::JoinHandle<()>,
}

impl Handle {
    /// The way into the shard.
    #[must_use]
    pub fn post(&self) -> &Post {
        &self.post
    }

    /// Ends the shard, after what waits to be written has been; false where it had ended by a fault of its own.
    #[must_use]
    pub fn stop(self) -> bool {
        self.post.stop();
        self.thread.join().is_ok()
    }
}

impl Seat {
    /// Which shard it is, counted from 0.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The way into the shard.
    #[must_use]
    pub fn post(&self) -> Post {
        self.streams.posts.get(self.index).clone()
    }

    /// Starts the shard's thread.
    ///
    /// # Errors
    /// Where the system gives no thread, or no event queue for the sockets.
    pub fn start<M: Machine, S: Services>(
        self,
        sockets: Sockets,
        machine: M,
        services: S,
    ) -> io::Result<Handle> {
        let post = self.post();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_name(format!("resolver-{}", self.index))
            .build()?;
        let shard = {
            let _runtime = runtime.enter();
            Shard::new(self, sockets, machine, services)?
        };
        let name = format!("shard-{}", shard.index);
        let run = move || {
            runtime.block_on(shard.run());
            // A look-up that still hangs in the system's resolver must not hold up the end.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name).spawn(run)?;
        Ok(Handle { post, thread })
    }
}

struct Shard<M, S> {
    index: u8,
    machine: M,
    services: S,
    udp: Vec<UdpPort>,
    inbox: Inbox,
    streams: Arc<Streams>,
    families: [Families; 2],
    resolver: Resolver,
    buffer: Box<[u8]>,
    share: Share,
    backlog: Backlog,
    outbox: Outbox,
    clock: Clock,
    /// Orders to the media engine wait.
    is_behind: bool,
}

impl<M: Machine, S: Services> Shard<M, S> {
    /// Hands the sockets to the current thread's runtime.
    fn new(seat: Seat, sockets: Sockets, machine: M, services: S) -> io::Result<Self> {
        let Seat { index, inbox, streams, share } = seat;
        let udp = sockets.udp.into_iter().map(UdpPort::new).collect::<io::Result<Vec<_>>>()?;
        let mut families = [Families::default(); 2];
        udp.iter().for_each(|port| families[0].add(port.local()));
        for listener in sockets.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let local = listener.local_addr()?;
            families[1].add(local);
            stream::spawn(stream::accept(listener, local, Arc::clone(&streams), index));
        }
        let buffer = vec![0; DATAGRAM].into_boxed_slice();
        let (backlog, outbox, is_behind) = (Backlog::default(), Outbox::default(), false);
        Ok(Self {
            index,
            machine,
            services,
            udp,
            inbox,
            streams,
            families,
            resolver: Resolver::default(),
            buffer,
            share,
            backlog,
            outbox,
            clock: Clock::new(),
            is_behind,
        })
    }

    async fn run(mut self) {
        let mut sleep = pin!(tokio::time::sleep(FAR));
        let mut asleep_until = None;
        loop {
            let due = self.due();
            if due != asleep_until {
                sleep.as_mut().reset(due.unwrap_or_else(|| now() + FAR).into());
                asleep_until = due;
            }
            let udp = &mut self.udp;
            let heard = poll_fn(|context| {
                let ready =
                    udp.iter_mut().fold(false, |ready, port| port.poll_ready(context).is_ready() | ready);
                if ready { Poll::Ready(()) } else { Poll::Pending }
            });
            tokio::select! {
                biased;
                Some(signal) = self.inbox.control.recv() => {
                    if !self.obey(now(), signal) {
                        break;
                    }
                }
                () = heard => {}
                Some((flow, bytes)) = self.inbox.messages.recv() => {
                    self.machine.handle(now(), Input::Message { flow, bytes });
                }
                () = &mut sleep, if asleep_until.is_some() => asleep_until = None,
            }
            if !self.turn() {
                break;
            }
        }
        self.let_out().await;
        let _ = tokio::time::timeout(FAREWELL, self.streams.emptied(self.index)).await;
    }

    /// The last messages leave as those before.
    async fn let_out(&mut self) {
        while let Some(due) = self.outbox.deadline() {
            if let Ok(Some(Signal::Kept(is_so))) =
                tokio::time::timeout_at(due.into(), self.inbox.control.recv()).await
            {
                self.outbox.answer(is_so);
            }
            self.execute(now());
        }
    }

    /// One turn: all that is there goes in, orders before messages; all that follows comes out. False when the
    /// shard is to end.
    fn turn(&mut self) -> bool {
        let now = now();
        if let Some(wall) = self.clock.tell(now) {
            self.machine.handle(now, Input::Clock(wall));
        }
        let goes_on = self.take_orders(now);
        let is_emptied = self.take_messages(now) & self.receive(now);
        if let Some(is_behind) = self.backlog.note(now, is_emptied) {
            self.machine.handle(now, Input::Behind(is_behind));
        }
        if self.machine.next_deadline().is_some_and(|due| due <= now) {
            self.machine.advance(now);
        }
        self.execute(now);
        self.is_behind = !self.services.flush();
        self.share.tell(self.machine.calls());
        goes_on
    }

    /// When to wake up even if nothing is heard.
    fn due(&self) -> Option<Instant> {
        let behind = self.is_behind.then(|| now() + BEHIND);
        let dues = [self.machine.next_deadline(), self.outbox.deadline(), behind, Some(self.clock.due())];
        dues.into_iter().flatten().min()
    }

    /// Takes one signal. False when the shard is to end.
    fn obey(&mut self, now: Instant, signal: Signal) -> bool {
        let input = match signal {
            Signal::Input(input) => input,
            Signal::Kept(is_so) => {
                self.outbox.answer(is_so);
                return true;
            }
            Signal::Stop => return false,
        };
        match &input {
            Input::Command(Command::Reconfigure(policy)) => {
                let policy = Arc::clone(policy);
                // What was asked under the old settings is answered under them.
                self.execute(now);
                self.services.reconfigure(&policy);
            }
            Input::Command(Command::Drain) => self.share.drain(),
            _ => {}
        }
        self.machine.handle(now, input);
        true
    }

    /// Takes what the UDP sockets hold. False where that is more than a turn takes in.
    fn receive(&mut self, now: Instant) -> bool {
        let mut is_emptied = true;
        for port in &self.udp {
            let mut taken = 0;
            while taken < BATCH {
                let Some((bytes, remote)) = port.receive(&mut self.buffer) else { break };
                taken += 1;
                let flow = Flow { transport: Transport::Udp, local: port.local(), remote, connection: None };
                let owner = self.streams.posts.owner(&bytes, self.index);
                if owner == self.index {
                    self.machine.handle(now, Input::Message { flow, bytes });
                } else {
                    self.streams.posts.offer(owner, flow, bytes);
                }
            }
            is_emptied &= taken < BATCH;
        }
        is_emptied
    }

    /// Takes the orders of the other threads. False when the shard is to end.
    fn take_orders(&mut self, now: Instant) -> bool {
        while let Ok(signal) = self.inbox.control.try_recv() {
            if !self.obey(now, signal) {
                return false;
            }
        }
        true
    }

    /// Takes the messages that the other threads left. False where those are more than a turn takes in.
    fn take_messages(&mut self, now: Instant) -> bool {
        for _ in 0..BATCH {
            let Ok((flow, bytes)) = self.inbox.messages.try_recv() else { return true };
            self.machine.handle(now, Input::Message { flow, bytes });
        }
        false
    }
}
