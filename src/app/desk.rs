//! What is shared of sessions, records and events: by the shards, which decide and tell, and by the API, which asks.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use axum::Router;
use tokio::sync::broadcast;

use super::StartFault;
use super::answers::AnswersThread;
use super::calls::LiveCalls;
use super::upkeep::{Upkeep, follower, load};
use super::wiring::keep_effects;
use crate::api::{self, ApiState, Health, Parts, Tokens, tokens};
use crate::base::settings::{ApiToken, Scope, Settings};
use crate::base::{Metrics, Random, Timestamp};
use crate::hook::Callbacks;
use crate::ledger::{Book, Entry, Event, EventKind, Store};
use crate::media::Engine;
use crate::route::{Decision, Index};
use crate::session::{InForce, Sessions};
use crate::store::{self, Keeper};

/// Events that may wait for a slow reader of the stream.
const EVENTS: usize = 4096;

/// The database and all that stands between it and the calls.
pub(super) struct Desk {
    pub(super) book: Arc<Book>,
    pub(super) keeper: Keeper,
    pub(super) callbacks: Callbacks,
    pub(super) answers: AnswersThread,
    pub(super) calls: Arc<LiveCalls>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) upkeep: Upkeep,
    state: Arc<ApiState>,
    index: Arc<RwLock<Arc<Index>>>,
    /// For a token that the settings leave out.
    random: Random,
}

impl Desk {
    /// Opens the database, fills the book, and finishes what an earlier process has left.
    ///
    /// # Errors
    /// Where the database, the journal or the token cannot be had.
    pub(super) fn open(
        settings: &Settings,
        index: Arc<Index>,
        health: &Health,
        random: &mut Random,
    ) -> Result<Self, StartFault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let store = runtime.block_on(store::open(&settings.store.url))?;
        let (book, metrics) = (Arc::new(Book::new()), Arc::new(Metrics::default()));
        // Before the keeper: an event is kept with the callbacks that it is to have.
        let callbacks =
            Callbacks::start(Arc::clone(&store), &settings.webhooks, Arc::clone(&metrics), random.fork())?;
        let keeper = Keeper::start(&settings.records.path, Arc::clone(&store))?;
        let index = Arc::new(RwLock::new(index));
        let shared = Arc::clone(&index);
        let in_force: InForce =
            Arc::new(move || Arc::clone(&shared.read().unwrap_or_else(PoisonError::into_inner)));
        let calls = Arc::new(LiveCalls::new(Arc::clone(&book), Arc::clone(&in_force), health.clone()));
        let (events, _) = broadcast::channel(EVENTS);
        let sink = follower(Arc::clone(&book), Arc::clone(&calls), events.clone(), callbacks.waker());
        runtime.block_on(async {
            store.follow(sink).await?;
            load(&*store, &book, now()).await
        })?;
        tell_crashed(&keeper, &book);
        let sessions = Arc::new(sessions(&store, &book, &in_force, random));
        let state = Arc::new(ApiState::new(Parts {
            sessions: Arc::clone(&sessions),
            store: Arc::clone(&store),
            eraser: keeper.eraser(),
            calls: Arc::clone(&calls) as _,
            book: Arc::clone(&book),
            in_force,
            events,
            tokens: tokens(settings, random)?,
            health: health.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::new(now),
            random: random.fork(),
        }));
        let writer = keeper.writer();
        let decided = Arc::new(move |decision: &Decision| keep_effects(&writer, decision));
        let answers = AnswersThread::start(settings, Arc::clone(&book), decided, random.fork())?;
        let retention = settings.records.retention;
        let (kept, counted) = (Arc::clone(&book), Arc::clone(&metrics));
        let upkeep = Upkeep::new(store, kept, sessions, health.clone(), counted, retention);
        let random = random.fork();
        Ok(Self { book, keeper, callbacks, answers, calls, metrics, upkeep, state, index, random })
    }

    /// The figures that are no counts: how full the ports and the journal are.
    pub(super) fn count_room(&self, engine: &Engine) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        // A call takes two pairs, and a pair is two ports.
        let (free, all) = (engine.free_pairs() * 2, engine.capacity() * 4);
        self.metrics.ports.set(gauge(all));
        self.metrics.ports_in_use.set(gauge(all.saturating_sub(free)));
        self.metrics.store_queue.set(i64::try_from(self.keeper.backlog()).unwrap_or(i64::MAX));
    }

    /// What the API serves.
    pub(super) fn router(&self) -> Router {
        api::router(Arc::clone(&self.state))
    }

    /// Puts other settings in force.
    pub(super) fn reconfigure(&mut self, settings: &Settings, index: Arc<Index>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        self.upkeep.retention = settings.records.retention;
        self.callbacks.reconfigure(&settings.webhooks);
        self.answers.reconfigure(settings);
        match tokens(settings, &mut self.random) {
            Ok(tokens) => self.state.set_tokens(tokens),
            Err(fault) => tracing::error!(%fault, "the tokens stay as they were"),
        }
    }
}

fn sessions(store: &Arc<dyn Store>, book: &Arc<Book>, in_force: &InForce, random: &mut Random) -> Sessions {
    Sessions::new(Arc::clone(store), Arc::clone(book), Arc::clone(in_force), random.fork())
}

/// The calls that an earlier process was killed in have ended: that has not been told yet.
fn tell_crashed(keeper: &Keeper, book: &Book) {
    let writer = keeper.writer();
    for record in keeper.crashed() {
        let event = Event::of_call(now(), EventKind::CallEnded, record, book);
        writer.write(Entry::Event(Box::new(event)));
    }
}

/// The tokens of the settings, or the one of the token file, which is made where it is missing.
fn tokens(settings: &Settings, random: &mut Random) -> Result<Tokens, StartFault> {
    if !settings.api.tokens.is_empty() {
        return Ok(Tokens::new(&settings.api.tokens));
    }
    let path = &settings.api.token_file;
    let token = tokens::read_or_make(path, random).map_err(|fault| StartFault::Token(path.clone(), fault))?;
    let scopes = vec![Scope::Read, Scope::ReadNumbers, Scope::Write, Scope::Admin];
    Ok(Tokens::new(&[ApiToken { token, scopes }]))
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the edge: sessions and events go by the time of day")]
pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}
