//! The world of a test: one switch and all that is around it.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use maskline::base::settings::Settings;
use maskline::base::time::Anchor;
use maskline::base::{ConnectionId, Flow, Metrics, Random, Shards, Transport};
use maskline::call::{CallKey, Listener, Policy};
use maskline::ledger::{Book, CallRecord, LegRecord};
use maskline::relay::{Event, RelayId};
use maskline::route::{self, Index};
use maskline::switch::{Command, Input, Output, Registry, Switch};

use super::agenda::{Agenda, Happening};
use super::engine::{Engine, RelayState};
use super::logs::Logs;
use super::scene;
use super::service::{Service, divert};
use super::text::Text;
use super::wire::{Conditions, Datagram};

/// How long [`World::expect`] waits, in virtual time.
const PATIENCE: Duration = Duration::from_secs(40);

/// A handle of the world; every endpoint has one.
#[derive(Clone)]
pub struct World(Rc<RefCell<Inner>>);

pub struct Inner {
    pub now: Instant,
    start: Instant,
    /// The time of day at the start.
    pub wall: SystemTime,
    pub switch: Switch,
    pub engine: Engine,
    pub policy: Arc<Policy>,
    /// What the switch has counted.
    pub metrics: Arc<Metrics>,
    /// Sessions and the inventory.
    pub book: Arc<Book>,
    pub conditions: Conditions,
    /// How long a decision takes.
    pub decision_delay: Duration,
    /// How long a look-up of a name takes.
    pub resolution_delay: Duration,
    /// How long the media engine takes to answer.
    pub engine_delay: Duration,
    /// Decisions never come.
    pub is_undecided: bool,
    /// What host names lead to.
    pub names: HashMap<String, Vec<SocketAddr>>,
    /// How far calls have come, as it was told.
    pub progress: Vec<(CallKey, CallRecord)>,
    pub records: Vec<CallRecord>,
    /// All that was sent, by anyone.
    pub wire: Vec<Datagram>,
    pub inboxes: BTreeMap<SocketAddr, Vec<Text>>,
    streams: HashMap<SocketAddr, ConnectionId>,
    connections: u64,
    pub(super) agenda: Agenda,
    pub random: Random,
    count: u64,
    logs: Logs,
    /// What a faulty product would do to what it sends.
    pub fault: Option<Fault>,
    /// The operator's web service.
    pub service: Service,
}

/// A fault of the product, played by the test: (all that was sent before, the receiver, the message) to the message
/// as it leaves.
pub type Fault = Box<dyn FnMut(&[Datagram], SocketAddr, Vec<u8>) -> Vec<u8>>;

impl World {
    pub fn new() -> Self {
        Self::with(scene::SETTINGS, 1)
    }

    /// A world with other settings, and a seed for all that is random in it.
    pub fn with(settings: &str, seed: u64) -> Self {
        let logs = Logs::capture();
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        let (settings, service) = divert(settings);
        let policy = policy(&settings);
        let mut random = Random::from_number(seed);
        let registry = Arc::new(Registry::new(now, &mut random));
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let metrics = Arc::new(Metrics::default());
        let switch = Switch::new(0, policy.clone(), registry, random.fork(), Anchor::new(now, wall))
            .counted_in(Arc::clone(&metrics));
        Self(Rc::new(RefCell::new(Inner {
            now,
            start: now,
            wall,
            switch,
            metrics,
            engine: Engine::new(),
            policy,
            book: Arc::default(),
            conditions: Conditions::GOOD,
            decision_delay: Duration::ZERO,
            resolution_delay: Duration::from_millis(1),
            engine_delay: Duration::ZERO,
            is_undecided: false,
            names: HashMap::new(),
            progress: Vec::new(),
            records: Vec::new(),
            wire: Vec::new(),
            inboxes: BTreeMap::new(),
            streams: HashMap::new(),
            connections: 0,
            agenda: Agenda::default(),
            random,
            count: 0,
            logs,
            fault: None,
            service,
        })))
    }

    pub fn get(&self) -> Ref<'_, Inner> {
        self.0.borrow()
    }

    pub fn edit(&self) -> RefMut<'_, Inner> {
        self.0.borrow_mut()
    }

    /// The time since the world began.
    pub fn time(&self) -> Duration {
        self.get().time()
    }

    /// A token for an endpoint, unlike any other.
    pub fn token(&self) -> String {
        let mut inner = self.edit();
        inner.count += 1;
        format!("ua{}", inner.count)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let mut inner = self.edit();
        let until = inner.now + time;
        while inner.step(until) {}
    }

    /// Sends bytes from an endpoint to the switch.
    pub fn send(&self, from: SocketAddr, bytes: impl Into<Vec<u8>>) {
        self.edit().send(from, bytes.into());
    }

    /// The next message at an endpoint that fits; fails where none comes in time.
    pub fn expect(&self, at: SocketAddr, what: &str, fits: impl Fn(&Text) -> bool) -> Text {
        let until = self.get().now + PATIENCE;
        loop {
            if let Some(text) = self.edit().take(at, &fits) {
                return text;
            }
            if !self.edit().step(until) {
                panic!("{at} never got {what}\n{}", self.ladder());
            }
        }
    }

    /// What an endpoint has got and not read that fits.
    pub fn unread(&self, at: SocketAddr, fits: impl Fn(&Text) -> bool) -> Option<Text> {
        self.edit().take(at, &fits)
    }

    /// Every message that came to an endpoint, from the start.
    pub fn received(&self, at: &str) -> Vec<Text> {
        let at = scene::address(at);
        let inner = self.get();
        let came = inner.wire.iter().filter(|datagram| datagram.to == at && datagram.copies > 0);
        came.map(|datagram| Text::new(&datagram.bytes)).collect()
    }

    /// The switch has sent something to these alone.
    pub fn only_spoke_to(&self, known: &[&str]) {
        let inner = self.get();
        let ours = inner.policy.listeners.iter().map(|listener| listener.bind);
        let ours: Vec<SocketAddr> = ours.collect();
        for sent in inner.wire.iter().filter(|sent| ours.contains(&sent.from)) {
            let is_known = known.iter().any(|known| scene::address(known) == sent.to);
            assert!(is_known, "nobody is at {}\n{}", sent.to, inner.ladder());
        }
    }

    /// Lets an endpoint use TCP from now on.
    pub fn connect(&self, from: &str) {
        let from = scene::address(from);
        let mut inner = self.edit();
        inner.connections += 1;
        let connection = ConnectionId(inner.connections);
        inner.streams.insert(from, connection);
    }

    /// An endpoint's connection breaks.
    pub fn disconnect(&self, from: &str) {
        let from = scene::address(from);
        let mut inner = self.edit();
        let flow = inner.flow(from);
        inner.streams.remove(&from);
        inner.input(Input::FlowLost { flow });
    }

    pub fn command(&self, command: Command) {
        self.edit().input(Input::Command(command));
    }

    /// Puts other settings in force.
    pub fn reconfigure(&self, settings: &str) {
        let policy = policy(settings);
        self.edit().policy = policy.clone();
        self.command(Command::Reconfigure(policy));
    }

    /// The one relay that is open.
    pub fn relay(&self) -> RelayState {
        let inner = self.get();
        assert_eq!(inner.engine.open.len(), 1, "one relay is open");
        inner.engine.open.values().next().unwrap().clone()
    }

    /// The media engine tells something of the one relay that is open.
    pub fn tell(&self, event: impl FnOnce(RelayId) -> Event) {
        let relay = *self.get().engine.open.keys().next().expect("a relay is open");
        self.edit().input(Input::Media(event(relay)));
    }

    /// Lets all that is left come to its end, and checks that nothing remains of it.
    pub fn settle(&self) {
        self.pass(Duration::from_secs(70));
        let inner = self.get();
        assert_eq!(inner.switch.calls(), 0, "calls remain\n{}", inner.ladder());
        assert_eq!(inner.switch.transactions(), 0, "transactions remain\n{}", inner.ladder());
        assert!(inner.engine.open.is_empty(), "ports remain\n{}", inner.ladder());
        assert_eq!(inner.switch.leaks(), 0, "the egress guard found something\n{}", inner.ladder());
        assert_eq!(inner.switch.next_deadline(), None, "a deadline remains");
        inner.logs.check();
    }

    /// Settles, and gives the one record.
    pub fn end(&self) -> CallRecord {
        self.settle();
        let inner = self.get();
        assert_eq!(inner.records.len(), 1, "one record is written\n{}", inner.ladder());
        inner.records[0].clone()
    }

    pub fn logs(&self) -> String {
        self.get().logs.text()
    }

    /// Who sent what to whom, a line each.
    pub fn ladder(&self) -> String {
        self.get().ladder()
    }
}

impl Inner {
    pub fn time(&self) -> Duration {
        self.now - self.start
    }

    pub fn ladder(&self) -> String {
        let last = self.wire.len().saturating_sub(60);
        self.wire[last..].iter().map(|datagram| datagram.title() + "\n").collect()
    }

    /// Whether an endpoint uses TCP.
    pub fn is_connected(&self, at: SocketAddr) -> bool {
        self.streams.contains_key(&at)
    }

    fn flow(&self, remote: SocketAddr) -> Flow {
        let connection = self.streams.get(&remote).copied();
        let transport = if connection.is_some() { Transport::Tcp } else { Transport::Udp };
        let fits = |listener: &&Listener| {
            listener.transport == transport && listener.bind.is_ipv4() == remote.is_ipv4()
        };
        let local = self.policy.listeners.iter().find(fits).expect("a listener that it can reach").bind;
        Flow { transport, local, remote, connection }
    }

    pub fn send(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        let flow = self.flow(from);
        let ways = self.conditions.fate(&mut self.random, flow.transport);
        let at = self.time();
        let (transport, to) = (flow.transport, flow.local);
        for way in &ways {
            let input = Input::Message { flow, bytes: bytes.clone().into() };
            self.agenda.add(self.now + *way, Happening::Switch(input));
        }
        let copies = ways.len();
        self.wire.push(Datagram { at, transport, from, to, bytes, copies, is_stateless: false });
    }

    pub fn input(&mut self, input: Input) {
        self.switch.handle(self.now, input);
        self.drain();
    }

    /// Takes a message that fits out of an inbox.
    pub fn take(&mut self, at: SocketAddr, fits: impl Fn(&Text) -> bool) -> Option<Text> {
        let inbox = self.inboxes.entry(at).or_default();
        let place = inbox.iter().position(fits)?;
        Some(inbox.remove(place))
    }

    /// What the switch wants to happen next.
    pub fn next(&self) -> Option<Instant> {
        [self.agenda.next(), self.switch.next_deadline()].into_iter().flatten().min()
    }

    /// Goes on to the next thing that happens, no later than `until`; false where time is up.
    pub fn step(&mut self, until: Instant) -> bool {
        let Some(at) = self.next().filter(|at| *at <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(at);
        match self.agenda.take(self.now) {
            Some(Happening::Switch(input)) => self.switch.handle(self.now, input),
            Some(Happening::Endpoint(datagram)) => {
                self.inboxes.entry(datagram.to).or_default().push(Text::new(&datagram.bytes));
            }
            None => self.switch.advance(self.now),
        }
        self.drain();
        true
    }

    /// Does what the switch wants done.
    fn drain(&mut self) {
        while let Some(output) = self.switch.poll() {
            match output {
                Output::Send { flow, bytes } => self.deliver(flow, bytes.to_vec(), false),
                Output::Answer { flow, bytes } => self.deliver(flow, bytes.to_vec(), true),
                Output::Resolve { id, host, .. } => {
                    let addresses = self.names.get(&*host).cloned().unwrap_or_default();
                    let input = Input::Resolved { id, addresses };
                    self.agenda.add(self.now + self.resolution_delay, Happening::Switch(input));
                }
                Output::Decide { .. } | Output::Place { .. } if self.is_undecided => {}
                Output::Decide { call, id, question } => {
                    let at = (self.wall + (self.now - self.start)).into();
                    self.decide(call, id, &question, at);
                }
                Output::Dial { call, dialling } => {
                    let at = (self.wall + (self.now - self.start)).into();
                    let answer = route::dial(&self.policy.index, &self.book, at, &dialling);
                    self.agenda.add(self.now, Happening::Switch(Input::Dialled { call, answer }));
                }
                Output::Prepare { call, tag, prompts, .. } => self.prepare(call, tag, prompts),
                Output::Ask { call, asking } => self.ask(call, *asking),
                Output::Tell(asking) => self.tell(*asking),
                Output::Place { call, errand } => {
                    let at = (self.wall + (self.now - self.start)).into();
                    let answer = route::place(&self.policy.index, &self.book, at, &errand);
                    let input = Input::Placed { call, answer };
                    self.agenda.add(self.now + self.decision_delay, Happening::Switch(input));
                }
                Output::Media(command) => {
                    if let Some(event) = self.engine.handle(command) {
                        self.agenda.add(self.now + self.engine_delay, Happening::Switch(Input::Media(event)));
                    }
                }
                Output::Progress { call, record } => self.progress.push((call, *record)),
                Output::Record(record) => self.file(*record),
            }
        }
    }

    /// Keeps a record, in which every leg says how it ended, and who ended it where it was answered.
    fn file(&mut self, record: CallRecord) {
        let is_told = |leg: &LegRecord| {
            let is_over = leg.ended_ms.is_some() && leg.cause.is_some() && leg.result.is_some();
            is_over && leg.hung_up.is_some() == leg.answered_ms.is_some()
        };
        assert!(record.legs.iter().all(is_told), "{record:?}");
        self.records.push(record);
    }

    fn deliver(&mut self, flow: Flow, mut bytes: Vec<u8>, is_stateless: bool) {
        let (transport, from, to) = (flow.transport, flow.local, flow.remote);
        if let Some(fault) = &mut self.fault {
            bytes = fault(&self.wire, to, bytes);
        }
        if transport.is_reliable() && flow.connection.is_some_and(|id| self.streams.get(&to) != Some(&id)) {
            if !is_stateless {
                self.agenda.add(self.now, Happening::Switch(Input::FlowLost { flow }));
            }
            return;
        }
        let ways = self.conditions.fate(&mut self.random, transport);
        let (at, copies) = (self.time(), ways.len());
        let datagram = Datagram { at, transport, from, to, bytes, copies, is_stateless };
        for way in ways {
            self.agenda.add(self.now + way, Happening::Endpoint(datagram.clone()));
        }
        self.wire.push(datagram);
    }
}

/// Whatever a test looks at, no number may have been logged.
impl Drop for Inner {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.logs.check();
        }
    }
}

/// The settings in force, as the product reads and arranges them.
fn policy(settings: &str) -> Arc<Policy> {
    let settings = Settings::parse(settings, Path::new("test.toml")).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(|fault| format!("{fault}\n")).collect::<String>())
    });
    let listener = |listen: &maskline::base::settings::Listen| Listener {
        transport: listen.transport,
        bind: listen.address,
        public: listen.address,
        media_bind: listen.address.ip(),
        media_public: listen.address.ip(),
    };
    let listeners = settings.sip.listen.iter().map(listener).collect();
    let max_calls = settings.call.max_calls.unwrap_or(usize::MAX);
    let index = Arc::new(Index::new(Arc::new(settings)));
    Arc::new(Policy { index, listeners, shards: Shards::new(1), max_calls })
}
