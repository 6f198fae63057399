//! A running service: everything that was started, in the order it has to be stopped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle, available_parallelism};
use std::time::{Instant, SystemTime};

use axum::Router;
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::{oneshot, watch};

use super::ServeFault;
use super::capacity::Capacity;
use super::desk::{Desk, now};
use super::public;
use super::upkeep::TICK;
use super::wiring::Wiring;
use crate::api::{self, Health, Readiness, Tls};
use crate::base::settings::{Listen, Settings};
use crate::base::time::Anchor;
use crate::base::{Random, Shards};
use crate::call::{Listener, Policy};
use crate::ledger::StoreFault;
use crate::media::{self, Engine};
use crate::net::{self, Handle, ListenFault, Seat, Sockets, StreamLimits, Tally};
use crate::relay::Event;
use crate::route::Index;
use crate::store::KeeperFault;
use crate::switch::{Command, Input, Registry, Switch};

/// Cores per shard: one shard serves what a small machine can relay media for.
const CORES_PER_SHARD: usize = 4;

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFault {
    /// A SIP listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenFault),
    /// The API's listener cannot be opened.
    #[error("cannot listen on {0} for the API: {1}")]
    Api(SocketAddr, #[source] io::Error),
    /// The API's token can be neither read nor made.
    #[error("the API's token in {0}: {1}")]
    Token(PathBuf, #[source] io::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The records file or its journal cannot be kept.
    #[error(transparent)]
    Keeper(#[from] KeeperFault),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] rand::rngs::SysError),
    /// The system gives no more threads, event queues or descriptors.
    #[error("the system gives no thread or descriptor: {0}")]
    System(#[from] io::Error),
}

/// A running service.
pub struct Service {
    settings: Arc<Settings>,
    bound: Vec<Listen>,
    listeners: Vec<Listener>,
    shards: Shards,
    capacity: Capacity,
    handles: Vec<Handle>,
    tally: watch::Receiver<Tally>,
    // Held until the shards have ended.
    engine: Engine,
    desk: Desk,
    health: Health,
    api: Api,
}

/// The API's thread.
struct Api {
    address: SocketAddr,
    tls: Option<Tls>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Service {
    /// Starts everything: when it returns, calls are taken.
    ///
    /// # Errors
    /// The first part that does not start. What had been started is stopped.
    pub fn start(settings: Arc<Settings>) -> Result<Self, StartFault> {
        let mut random = os_random()?;
        let engine = Engine::start(&media_options(&settings), &mut random)?;
        let capacity = Capacity::claim(engine.capacity());
        let shards = Shards::new(shard_count());
        let (sockets, bound) = net::bind(&settings.sip.listen, usize::from(shards.count()))?;
        let api = Api::bind(settings.api.listen)?;
        let (started, health) = (Started::now(), Health::default());

        let listeners = public::listeners(&settings, &bound);
        let policy = policy(&settings, &listeners, &shards, capacity);
        let (connections, opened) = (capacity.connections(), capacity.connections() / 4);
        let limits = StreamLimits { accepted: connections - opened, opened, ..StreamLimits::default() };
        let (seats, tally) = net::seats(shards.clone(), limits);
        let desk = Desk::open(&settings, Arc::clone(&policy.index), &health, &mut random)?;
        desk.calls.reach(seats.iter().map(Seat::post).collect());
        let mut starter = Starter { policy, random, engine: &engine, desk: &desk, started };
        let registry = Arc::new(Registry::new(starter.started.monotonic, &mut starter.random));
        let mut handles = Vec::new();
        for (seat, sockets) in seats.into_iter().zip(sockets) {
            handles.push(starter.shard(seat, sockets, &registry)?);
        }
        let api = Api::start(api, &settings, desk.router())?;
        health.set(Readiness::Ready);
        let service =
            Self { settings, bound, listeners, shards, capacity, handles, tally, engine, desk, health, api };
        service.announce();
        Ok(service)
    }

    fn announce(&self) {
        for listener in &self.listeners {
            let Listener { transport, bind, public, media_public, .. } = listener;
            tracing::info!(transport = transport.token(), %bind, %public, media = %media_public, "listening");
        }
        tracing::info!(address = %self.api.address, tls = self.api.tls.is_some(), "the API listens");
        self.capacity.tell(self.settings.call.max_calls);
        tracing::info!(shards = self.shards.count(), trunks = self.settings.trunks.len(), "ready");
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The listeners as they were bound, in the settings' order.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where the API listens.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        self.api.address
    }

    /// Puts other settings in force. Running calls keep their destination and their limits of ringing and duration;
    /// what was bound at the start stays as it is.
    pub fn reconfigure(&mut self, settings: Arc<Settings>) {
        for key in fixed_keys_changed(&self.settings, &settings) {
            tracing::warn!(key, "takes effect at the next start");
        }
        self.settings = settings;
        self.listeners = public::listeners(&self.settings, &self.bound);
        let policy = policy(&self.settings, &self.listeners, &self.shards, self.capacity);
        self.desk.reconfigure(&self.settings, Arc::clone(&policy.index));
        self.api.reconfigure(&self.settings);
        self.tell(|| Command::Reconfigure(Arc::clone(&policy)));
    }

    /// Opens the records file anew, after it may have been moved away.
    pub fn reopen_records(&self) {
        self.desk.keeper.reopen();
    }

    /// Takes no new calls from now on.
    pub fn drain(&self) {
        self.health.set(Readiness::Draining);
        self.tell(|| Command::Drain);
    }

    /// Ends all calls.
    pub fn hang_up_all(&self) {
        self.tell(|| Command::HangUpAll);
    }

    fn tell(&self, command: impl Fn() -> Command) {
        self.handles.iter().for_each(|handle| handle.post().input(Input::Command(command())));
    }

    /// Keeps in step with the database and the time, until a shard has ended without having been told to. It may be
    /// dropped at any moment, so that whoever waits for it can attend to something else first.
    pub async fn run(&mut self) {
        let Self { tally, desk, engine, .. } = self;
        let upkeep = async {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                desk.count_room(engine);
                desk.upkeep.tick(now()).await;
            }
        };
        tokio::select! {
            _ = tally.wait_for(|tally| tally.ended > 0) => {}
            () = upkeep => {}
        }
    }

    /// Waits until a draining service has no calls left.
    pub async fn idle(&mut self) {
        let shards = self.handles.len();
        let _ = self.tally.wait_for(|tally| tally.draining == shards && tally.calls == 0).await;
    }

    /// Stops everything; calls that are still up are ended without waiting for anyone. The record of every call is on
    /// the disk then.
    ///
    /// # Errors
    /// Where a shard had failed, or records could not be written.
    pub fn stop(self) -> Result<(), ServeFault> {
        self.tell(|| Command::CloseAll);
        let Self { handles, engine, desk, api, .. } = self;
        let stopped: Vec<bool> = handles.into_iter().map(Handle::stop).collect();
        drop(engine);
        api.stop();
        desk.answers.stop();
        let written = desk.keeper.close();
        desk.callbacks.stop();
        if !stopped.into_iter().all(|well| well) {
            return Err(ServeFault::Failed);
        }
        Ok(written?)
    }
}

/// What all shards are started from.
struct Starter<'a> {
    policy: Arc<Policy>,
    random: Random,
    engine: &'a Engine,
    desk: &'a Desk,
    started: Started,
}

impl Starter<'_> {
    fn shard(&mut self, seat: Seat, sockets: Sockets, registry: &Arc<Registry>) -> io::Result<Handle> {
        let post = seat.post();
        let back = post.clone();
        let events = Arc::new(move |event: Event| back.input(Input::Media(event)));
        let wiring = Wiring {
            policy: Arc::clone(&self.policy),
            book: Arc::clone(&self.desk.book),
            media: self.engine.handle(events),
            keeper: self.desk.keeper.writer(),
            calls: Arc::clone(&self.desk.calls),
            answers: self.desk.answers.answers(),
            metrics: Arc::clone(&self.desk.metrics),
            post,
            has_noted: false,
        };
        let (policy, registry) = (Arc::clone(&self.policy), Arc::clone(registry));
        let anchor = Anchor::new(self.started.monotonic, self.started.wall);
        let switch = Switch::new(seat.index(), policy, registry, self.random.fork(), anchor)
            .counted_in(Arc::clone(&self.desk.metrics));
        seat.start(sockets, switch, wiring)
    }
}

/// The moment of the start, on both clocks.
struct Started {
    monotonic: Instant,
    wall: SystemTime,
}

impl Started {
    #[expect(clippy::disallowed_methods, reason = "the edge: here the process learns the time of day")]
    fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

impl Api {
    /// Takes the address; what comes in before the API is started waits.
    fn bind(address: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr), StartFault> {
        let fault = |error| StartFault::Api(address, error);
        let listener = std::net::TcpListener::bind(address).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let bound = listener.local_addr().map_err(fault)?;
        Ok((listener, bound))
    }

    fn start(
        (listener, address): (std::net::TcpListener, SocketAddr),
        settings: &Settings,
        router: Router,
    ) -> Result<Self, StartFault> {
        let tls = settings.api.tls.clone().map(Tls::new).transpose()?;
        let served = tls.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                served = api::serve(listener, served, router) => served,
                _ = stopped => Ok(()),
            }
        };
        let run = move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!(%error, "the API has ended");
            }
        };
        let thread = thread::Builder::new().name("api".into()).spawn(run)?;
        Ok(Self { address, tls, stop, thread })
    }

    /// Shows another certificate, where both the old settings and the new ones have one.
    fn reconfigure(&self, settings: &Settings) {
        if let (Some(tls), Some(pair)) = (&self.tls, &settings.api.tls) {
            tls.show(Arc::clone(pair));
        }
    }

    fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// A generator seeded by the system: the one place where randomness enters the process.
///
/// # Errors
/// Where the system gives no randomness.
pub fn os_random() -> Result<Random, StartFault> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed)?;
    Ok(Random::from_seed(seed))
}

fn shard_count() -> u8 {
    let cores = available_parallelism().map_or(1, usize::from);
    u8::try_from((cores / CORES_PER_SHARD).max(1)).unwrap_or(u8::MAX)
}

fn media_options(settings: &Settings) -> media::Options {
    let media = &settings.media;
    media::Options { ports: media.ports.clone(), rest: media.port_rest, threads: media.threads }
}

fn policy(
    settings: &Arc<Settings>,
    listeners: &[Listener],
    shards: &Shards,
    capacity: Capacity,
) -> Arc<Policy> {
    let index = Arc::new(Index::new(Arc::clone(settings)));
    let max_calls = capacity.calls(settings.call.max_calls);
    Arc::new(Policy { index, listeners: listeners.to_vec(), shards: shards.clone(), max_calls })
}

/// The keys that were changed and are read at the start only.
fn fixed_keys_changed(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let changed = [
        ("sip.listen", old.sip.listen != new.sip.listen),
        ("media.ports", old.media.ports != new.media.ports),
        ("media.port_rest", old.media.port_rest != new.media.port_rest),
        ("media.threads", old.media.threads != new.media.threads),
        ("api.listen", old.api.listen != new.api.listen),
        ("api.tls", old.api.tls.is_some() != new.api.tls.is_some()),
        ("records.path", old.records.path != new.records.path),
        ("store.url", old.store != new.store),
        ("log.format", old.log.format != new.log.format),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests;
