//! A database in memory, shared by the nodes of a fleet: what it promises is what [`Store`] asks, and each node hears
//! of the others' changes when the test lets it.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use maskline::base::{PhoneNumber, Timestamp};
use maskline::ledger::{
    Answered, Book, CallFilter, CallRecord, Callback, CallbackClaim, CallbackHost, ChangeSink, Changed,
    Channel, Created, Entry, Event, GivenUp, Loaded, NewSession, Number, Page, Redacted, Session,
    SessionFilter, SessionId, Settled, Store, StoreFault, StoredEvent,
};

/// The database.
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Tables>,
    is_away: AtomicBool,
}

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<SessionId, Session>,
    channels: HashMap<Channel, (SessionId, Timestamp)>,
    keys: HashMap<Box<str>, Answered>,
    numbers: BTreeMap<PhoneNumber, Number>,
    /// What each node has not heard yet.
    untold: Vec<Vec<Session>>,
}

/// One node's connection.
#[derive(Debug)]
pub struct Connection {
    memory: Arc<Memory>,
    node: usize,
    /// What it has told of sessions.
    pub events: Arc<Mutex<Vec<Event>>>,
}

impl Memory {
    pub fn connect(self: &Arc<Self>) -> Arc<Connection> {
        let mut tables = self.tables();
        tables.untold.push(Vec::new());
        Arc::new(Connection {
            memory: Arc::clone(self),
            node: tables.untold.len() - 1,
            events: Arc::default(),
        })
    }

    pub fn sessions(&self) -> Vec<Session> {
        self.tables().sessions.values().cloned().collect()
    }

    /// From now on it does not answer, or does again.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, SeqCst);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }
}

impl Connection {
    /// Lets the node hear what the others have changed.
    pub fn tell(&self, book: &Book) {
        let untold = take(&mut self.memory.tables().untold[self.node]);
        untold.iter().for_each(|session| book.put(session));
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreFault> {
        if self.memory.is_away.load(SeqCst) {
            return Err(StoreFault::Unavailable("it is away".into()));
        }
        Ok(self.memory.tables())
    }
}

impl Tables {
    /// The first channel of a session that another one has.
    fn taken(&self, session: &Session, now: Timestamp) -> Option<Channel> {
        let is_taken = |channel: &Channel| {
            let has = self.channels.get(channel).filter(|(id, _)| *id != session.id);
            has.is_some_and(|(_, free_at)| *free_at > now)
        };
        session.channels().into_iter().find(is_taken)
    }

    fn put(&mut self, session: &Session, node: usize) {
        self.channels.retain(|_, (id, _)| *id != session.id);
        let former = session.former.iter().map(|former| (former.channel(), (session.id, former.free_at)));
        let own = session.channels().map(|channel| (channel, (session.id, session.free_at())));
        self.channels.extend(former.chain(own));
        self.sessions.insert(session.id, session.clone());
        let others = self.untold.iter_mut().enumerate().filter(|(other, _)| *other != node);
        others.for_each(|(_, untold)| untold.push(session.clone()));
    }
}

#[async_trait]
impl Store for Connection {
    async fn load(&self, now: Timestamp, sink: &mut (dyn FnMut(Loaded) + Send)) -> Result<(), StoreFault> {
        let tables = self.tables()?;
        tables.numbers.values().for_each(|number| sink(Loaded::Number(Box::new(number.clone()))));
        let live = tables.sessions.values().filter(|session| session.rests_until() > now);
        live.for_each(|session| sink(Loaded::Session(Box::new(session.clone()))));
        Ok(())
    }

    async fn create_session(&self, new: NewSession) -> Result<Created, StoreFault> {
        let mut tables = self.tables()?;
        let NewSession { session, event, key, now } = new;
        if let Some(answered) = key.as_ref().and_then(|(key, _)| tables.keys.get(key)) {
            let made = tables.sessions[&answered.id.parse().unwrap()].clone();
            let is_same = key.is_some_and(|(_, body)| body == answered.body);
            return Ok(if is_same { Created::Repeat(Box::new(made)) } else { Created::KeyReused });
        }
        let same = |stood: &&Session| stood.reference.is_some() && stood.reference == session.reference;
        if let Some(stood) = tables.sessions.values().find(same) {
            return Ok(Created::ReferenceTaken(Box::new(stood.clone())));
        }
        if let Some((number, party)) = tables.taken(&session, now) {
            return Ok(Created::ChannelTaken(number, party));
        }
        if let Some((key, body)) = key {
            tables.keys.insert(key, Answered { body, id: session.id.to_string().into(), at: now });
        }
        tables.put(&session, self.node);
        self.events.lock().unwrap().push(event);
        Ok(Created::New)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreFault> {
        Ok(self.tables()?.sessions.get(&id).cloned())
    }

    async fn session_of(&self, reference: &str) -> Result<Option<Session>, StoreFault> {
        let tables = self.tables()?;
        Ok(tables.sessions.values().find(|session| session.reference.as_deref() == Some(reference)).cloned())
    }

    async fn sessions(&self, filter: &SessionFilter, page: &Page) -> Result<Vec<Session>, StoreFault> {
        let tables = self.tables()?;
        let fits = |session: &&Session| {
            let parties = [session.first.number, session.second.number];
            filter.party.is_none_or(|party| parties.contains(&Some(party)))
                && filter.status.is_none_or(|(status, at)| session.status(at) == status)
        };
        let found = tables.sessions.values().rev().filter(fits).take(page.limit as usize);
        Ok(found.cloned().collect())
    }

    async fn change_session(
        &self,
        session: &Session,
        event: &Event,
        now: Timestamp,
    ) -> Result<Changed, StoreFault> {
        let mut tables = self.tables()?;
        let stood = tables.sessions.get(&session.id);
        if stood.is_none_or(|stood| stood.version + 1 != session.version) {
            return Ok(Changed::Stale);
        }
        match tables.taken(session, now).filter(|_| session.free_at() > now) {
            Some((number, party)) => Ok(Changed::ChannelTaken(number, party)),
            None => {
                tables.put(session, self.node);
                self.events.lock().unwrap().push(event.clone());
                Ok(Changed::Done)
            }
        }
    }

    async fn last_numbers(
        &self,
        first: PhoneNumber,
        second: PhoneNumber,
    ) -> Result<Option<[PhoneNumber; 2]>, StoreFault> {
        let tables = self.tables()?;
        let numbers = tables.sessions.values().rev().find_map(|session| {
            let parties = (session.first.number, session.second.number);
            let dials = [session.first.dials, session.second.dials];
            let is_same = parties == (Some(first), Some(second));
            let is_turned = parties == (Some(second), Some(first));
            if is_same { Some(dials) } else { is_turned.then_some([dials[1], dials[0]]) }
        });
        Ok(numbers)
    }

    async fn put_number(&self, number: &Number) -> Result<bool, StoreFault> {
        Ok(self.tables()?.numbers.insert(number.number, number.clone()).is_none())
    }

    async fn remove_number(&self, number: PhoneNumber) -> Result<bool, StoreFault> {
        Ok(self.tables()?.numbers.remove(&number).is_some())
    }

    async fn answer_of(&self, key: &str) -> Result<Option<Answered>, StoreFault> {
        Ok(self.tables()?.keys.get(key).cloned())
    }

    async fn numbers(&self) -> Result<Vec<Number>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn follow(&self, _: ChangeSink) -> Result<(), StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn keep(&self, entries: &[Entry]) -> Result<(), StoreFault> {
        let mut tables = self.tables()?;
        for entry in entries {
            let (id, expires_at, second) = match entry {
                Entry::Extended { session, expires_at, version } => {
                    let is_known = *version >= tables.sessions[session].expiry_version;
                    (session, is_known.then_some(*expires_at), None)
                }
                Entry::Bound { session, caller } => (session, None, Some(*caller)),
                Entry::Event(event) => {
                    self.events.lock().unwrap().push(Event::clone(event));
                    continue;
                }
                entry => panic!("{entry:?} is no matter of sessions"),
            };
            let mut session = tables.sessions[id].clone();
            session.expires_at = session.expires_at.max(expires_at.unwrap_or_default());
            session.second.number = session.second.number.or(second);
            if session != tables.sessions[id] && session.closed_at.is_none() {
                session.version += 1;
                tables.put(&session, self.node);
            }
        }
        Ok(())
    }

    async fn calls(&self, _: &CallFilter, _: &Page) -> Result<Vec<CallRecord>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn call(&self, _: &str) -> Result<Option<CallRecord>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn events(&self, _: u64, _: u32) -> Result<Vec<StoredEvent>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    fn call_back_at(&self, _: Option<&str>) {
        unreachable!("not asked by what is tested here")
    }

    async fn callback_hosts(&self) -> Result<Vec<CallbackHost>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn claim_callbacks(&self, _: &CallbackClaim) -> Result<Vec<Callback>, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn settle_callback(&self, _: &Callback, _: Settled) -> Result<(), StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn give_up_callbacks(&self, _: Timestamp, _: u64) -> Result<GivenUp, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn callbacks_waiting(&self) -> Result<u64, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn note_answer(&self, _: &str, _: &Answered) -> Result<bool, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn forget_answer(&self, _: &str, _: &str) -> Result<(), StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn redact(&self, _: PhoneNumber, _: Timestamp) -> Result<Redacted, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn forget_answers(&self, _: Timestamp) -> Result<(), StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn prune(&self, _: Timestamp) -> Result<u64, StoreFault> {
        unreachable!("not asked by what is tested here")
    }

    async fn check(&self) -> Result<(), StoreFault> {
        unreachable!("not asked by what is tested here")
    }
}
