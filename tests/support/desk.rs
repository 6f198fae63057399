//! The API over a database in memory and calls that nobody makes.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use maskline::api::{
    ApiState, Begun, Calls, Health, NotPlaced, Parts, Placing, Readiness, Tls, Tokens, router, serve,
};
use maskline::base::settings::{ApiToken, Scope, Settings};
use maskline::base::{Metrics, PhoneNumber, Random, Secret, Timestamp};
use maskline::ledger::{
    Book, CallRecord, Change, Entry, EraseFault, Eraser, Event, EventKind, Json, Outcome, Redacted, Store,
    StoredEvent,
};
use maskline::route::Index;
use maskline::session::Sessions;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

use super::memory::Memory;

/// The token with every scope.
pub(crate) const ALL: &str = "the-token-of-all-scopes";
/// The token that may only read.
pub(crate) const READ: &str = "the-token-that-reads";
/// The token that may only write.
pub(crate) const WRITE: &str = "the-token-that-writes";
/// The token that may only administer.
pub(crate) const ADMIN: &str = "the-token-that-administers";

/// The time at the start of each test: 2026-11-22T08:15:30Z.
pub(crate) const START: u64 = 1_795_335_330_000;

const SETTINGS: &str = r#"
    [numbers]
    country = "IN"
    owned = ["+918045550101", "+918045550102"]
    [[trunks]]
    name = "carrier"
    sources = ["127.0.0.2/32"]
    target = "sip:127.0.0.2:5060"
    [[mappings]]
    dialled = "+918045550101"
    caller = "+919876500001"
    destination = "+919876500002"
    show = "+918045550102"
"#;

/// A running API. Its thread ends with the test's process.
pub(crate) struct Desk {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Memory>,
    pub(crate) calls: Arc<Switchboard>,
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    state: Arc<ApiState>,
    events: broadcast::Sender<Arc<StoredEvent>>,
    time: Arc<AtomicU64>,
    runtime: Arc<Runtime>,
}

/// The calls of a test.
#[derive(Default)]
pub(crate) struct Switchboard {
    pub(crate) live: Mutex<Vec<Arc<CallRecord>>>,
    pub(crate) placed: Mutex<Vec<Placing>>,
    pub(crate) hung_up: Mutex<Vec<String>>,
    /// Why the next call is not placed, when it is to be.
    pub(crate) refuses: Mutex<Option<NotPlaced>>,
    /// Why the next call cannot be placed, before anything is done for it.
    pub(crate) doubts: Mutex<Option<NotPlaced>>,
    /// What the next call that is not placed waits for first.
    pub(crate) holds: Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
    /// Whether calls begin late, and those that have not begun.
    pub(crate) is_late: AtomicBool,
    pub(crate) to_begin: Mutex<Vec<Placing>>,
}

impl Switchboard {
    /// Lets a call begin that was placed.
    fn begin(&self, order: Placing) {
        let mut record = record(&order.id, START, Outcome::InProgress);
        record.session = order.session;
        self.live.lock().unwrap().push(record.into());
        self.placed.lock().unwrap().push(order);
    }

    /// Lets those begin that are late.
    pub(crate) fn begin_all(&self) {
        std::mem::take(&mut *self.to_begin.lock().unwrap()).into_iter().for_each(|order| self.begin(order));
    }
}

/// There is nothing beside the database.
#[derive(Debug)]
struct InDatabase(Arc<dyn Store>);

#[async_trait]
impl Eraser for InDatabase {
    async fn erase(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, EraseFault> {
        Ok(self.0.redact(party, now).await?)
    }
}

#[async_trait]
impl Calls for Switchboard {
    fn live(&self) -> Vec<Arc<CallRecord>> {
        self.live.lock().unwrap().clone()
    }

    fn call(&self, id: &str) -> Option<Arc<CallRecord>> {
        self.live().into_iter().find(|record| &*record.id == id)
    }

    fn hang_up(&self, id: &str) -> bool {
        self.hung_up.lock().unwrap().push(id.to_owned());
        self.call(id).is_some()
    }

    fn check(&self, _: &Placing) -> Result<(), NotPlaced> {
        self.doubts.lock().unwrap().take().map_or(Ok(()), Err)
    }

    async fn place(&self, order: Placing) -> Result<Begun, NotPlaced> {
        let refused = self.refuses.lock().unwrap().take();
        if let Some(fault) = refused {
            let held = self.holds.lock().unwrap().take();
            if let Some(held) = held {
                let _ = held.await;
            }
            return Err(fault);
        }
        if self.is_late.load(Ordering::SeqCst) {
            self.to_begin.lock().unwrap().push(order);
            return Ok(Begun::NotYet);
        }
        self.begin(order);
        Ok(Begun::Already)
    }

    fn is_to_begin(&self, id: &str) -> bool {
        self.to_begin.lock().unwrap().iter().any(|order| &*order.id == id)
    }
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its head, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The field of its first error.
    pub(crate) fn field(&self) -> String {
        self.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }
}

impl Desk {
    /// One with an empty database.
    pub(crate) fn open() -> Self {
        Self::open_with(8)
    }

    /// The same, with other random numbers.
    pub(crate) fn open_with(random: u64) -> Self {
        Self::open_so(None, random)
    }

    /// The same, served by TLS.
    pub(crate) fn open_behind(tls: Option<Tls>) -> Self {
        Self::open_so(tls, 8)
    }

    fn open_so(tls: Option<Tls>, random: u64) -> Self {
        let settings = Settings::parse(SETTINGS, Path::new("/nowhere/config.toml")).expect("they are right");
        let index = Arc::new(Index::new(Arc::new(settings)));
        let (store, calls) = (Arc::new(Memory::default()), Arc::new(Switchboard::default()));
        let (health, metrics) = (Health::default(), Arc::new(Metrics::default()));
        health.set(Readiness::Ready);
        let time = Arc::new(AtomicU64::new(START));
        let (events, _) = broadcast::channel::<Arc<StoredEvent>>(16);
        let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        let told = events.clone();
        let book = Arc::new(Book::new());
        let fed = Arc::clone(&book);
        let sink: maskline::ledger::ChangeSink = Arc::new(move |change| match change {
            Change::Event(event) => drop(told.send(event)),
            Change::Session(session) => fed.put(&session),
            Change::Number(number) => fed.put_number(*number),
            Change::NumberGone(number) => fed.remove_number(number),
            _ => {}
        });
        runtime.block_on(store.follow(sink)).unwrap();
        let in_force: maskline::session::InForce = {
            let index = Arc::clone(&index);
            Arc::new(move || Arc::clone(&index))
        };
        let sessions = Sessions::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&book),
            Arc::clone(&in_force),
            Random::from_number(7),
        );
        let clock = Arc::clone(&time);
        let state = Arc::new(ApiState::new(Parts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            eraser: Arc::new(InDatabase(Arc::clone(&store) as Arc<dyn Store>)),
            sessions: Arc::new(sessions),
            calls: Arc::clone(&calls) as Arc<dyn Calls>,
            book,
            in_force,
            events: events.clone(),
            tokens: tokens(),
            health: health.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst))),
            random: Random::from_number(random),
        }));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(&runtime);
        let served = router(Arc::clone(&state));
        std::thread::spawn(move || server.block_on(serve(listener, tls, served)));
        Self { address, store, calls, health, metrics, state, events, time, runtime }
    }

    /// Takes these tokens alone from now on.
    pub(crate) fn take_only(&self, tokens: &[(&str, &[Scope])]) {
        let tokens: Vec<_> = tokens.iter().map(|(text, scopes)| token(text, scopes)).collect();
        self.state.set_tokens(Tokens::new(&tokens));
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn pass(&self, millis: u64) {
        self.time.fetch_add(millis, Ordering::SeqCst);
    }

    /// Writes into the database.
    pub(crate) fn keep(&self, entries: &[Entry]) {
        self.runtime.block_on(self.store.keep(entries)).unwrap();
    }

    /// Tells readers of an event that is kept.
    pub(crate) fn tell(&self, id: u64) {
        let event = self.run(self.store.events(id - 1, 1)).unwrap().remove(0);
        self.events.send(event.into()).unwrap();
    }

    /// Does something with the database.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Asks with the token of all scopes.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &bearer(ALL), None)
    }

    /// Sends JSON with the token of all scopes.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, &bearer(ALL), Some(&body.to_string()))
    }

    /// Asks with these header lines; a body is sent as JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: Option<&str>) -> Answer {
        let kind = if body.is_some() { "Content-Type: application/json\r\n" } else { "" };
        let body = body.unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{kind}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.raw(format!("{head}{body}").as_bytes())
    }

    /// Sends these bytes and reads the answer.
    pub(crate) fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // What is left unread there may cut the connection behind the answer.
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Follows events.
    pub(crate) fn follow(&self, path: &str, headers: &str) -> Stream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").unwrap();
        let mut stream = Stream(BufReader::new(stream));
        let head = stream.until_blank();
        assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        stream
    }
}

/// An open stream of events.
pub(crate) struct Stream(BufReader<TcpStream>);

impl Stream {
    fn until_blank(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended after {lines:?}");
            match line.trim_end() {
                "" => return lines,
                line => lines.push(line.to_owned()),
            }
        }
    }

    /// The next event: its name, its id and its data.
    pub(crate) fn event(&mut self) -> (String, Option<u64>, String) {
        loop {
            // Lines that hold the size of a chunk have no colon.
            let lines = self.until_blank();
            let is_heartbeat = lines.iter().any(|line| line.starts_with(':'));
            assert!(!is_heartbeat, "nothing has come for as long as between two heartbeats");
            let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(event) = field("event: ") {
                return (
                    event,
                    field("id: ").map(|id| id.parse().unwrap()),
                    field("data: ").unwrap_or_default(),
                );
            }
        }
    }
}

/// The header line of a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn token(text: &str, scopes: &[Scope]) -> ApiToken {
    ApiToken { token: Secret::new(text.into()), scopes: scopes.to_vec() }
}

fn tokens() -> Tokens {
    Tokens::new(&[
        token(ALL, &Scope::ALL),
        token(READ, &[Scope::Read]),
        token(WRITE, &[Scope::Write]),
        token(ADMIN, &[Scope::Admin]),
    ])
}

/// A number.
pub(crate) fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

/// The record of a call from +919876500001 to +919876500002 by a pair of masking numbers.
pub(crate) fn record(id: &str, received_at: u64, outcome: Outcome) -> CallRecord {
    CallRecord {
        id: id.into(),
        received_at,
        source: "carrier".into(),
        dialled: Some(number("+918045550101")),
        caller: Some(number("+919876500001")),
        destination: Some(number("+919876500002")),
        shown: Some(number("+918045550102")),
        session: None,
        outcome,
        hung_up: None,
        status: Some(200),
        cause: 16,
        decided_ms: Some(1),
        ringing_ms: Some(20),
        answered_ms: Some(40),
        ended_ms: 60,
        billable_ms: 20,
        legs: Vec::new(),
        trace: ["+9180******01 was dialled".to_owned()].into(),
    }
}

/// An event about a call.
pub(crate) fn event(kind: EventKind, record: &CallRecord) -> Entry {
    Entry::Event(Box::new(Event {
        at: Timestamp::from_millis(START),
        kind,
        call: Some(record.id.clone()),
        session: None,
        data: Json::of(record),
        callback_url: None,
    }))
}
