//! A database in memory, with the semantics of a real one.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use maskline::base::link::link_host;
use maskline::base::{PhoneNumber, Timestamp};
use maskline::ledger::{
    Answered, CallFilter, CallRecord, Callback, CallbackClaim, CallbackHost, Change, ChangeSink, Changed,
    Created, Entry, Event, GivenUp, Loaded, NewSession, Number, Outcome, Page, Redacted, Session,
    SessionFilter, SessionId, Settled, Store, StoreFault, StoredEvent,
};

/// The database.
#[derive(Default)]
pub(crate) struct Memory {
    rows: Mutex<Rows>,
    is_away: AtomicBool,
}

#[derive(Default)]
struct Rows {
    sessions: Vec<Session>,
    keys: BTreeMap<Box<str>, ([u8; 32], SessionId)>,
    numbers: BTreeMap<PhoneNumber, Number>,
    calls: BTreeMap<Box<str>, CallRecord>,
    events: Vec<StoredEvent>,
    status_url: Option<Box<str>>,
    /// Each with the moment at which it is due.
    callbacks: Vec<(Callback, Timestamp)>,
    answers: BTreeMap<Box<str>, Answered>,
    sink: Option<ChangeSink>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// Whether it answers from now on.
    pub(crate) fn go_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Lets the events up to this one go, as when their time is over.
    pub(crate) fn forget_events(&self, last: u64) {
        self.rows.lock().unwrap().events.retain(|event| event.id > last);
    }

    fn rows(&self) -> Result<MutexGuard<'_, Rows>, StoreFault> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(StoreFault::Unavailable("connection refused".into()));
        }
        Ok(self.rows.lock().unwrap())
    }
}

/// The younger half of what is older than the page before, the youngest first.
fn paged<T: Clone>(mut rows: Vec<T>, page: &Page, key: impl Fn(&T) -> (Timestamp, String)) -> Vec<T> {
    if let Some((at, id)) = &page.after {
        rows.retain(|row| key(row) < (*at, id.to_string()));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
    rows.truncate(page.limit as usize);
    rows
}

impl Rows {
    /// Keeps an event with its callbacks, and tells of it.
    fn keep_event(&mut self, event: &Event) {
        let stored = StoredEvent { id: self.events.len() as u64 + 1, event: event.clone() };
        self.events.push(stored.clone());
        self.call_back(&stored);
        if let Some(sink) = &self.sink {
            sink(Change::Event(stored.into()));
        }
    }

    /// Puts an event's callbacks behind those that wait.
    fn call_back(&mut self, event: &StoredEvent) {
        let own = event.event.callback_url.clone();
        let also = self.status_url.clone().filter(|url| own.as_ref() != Some(url));
        for url in own.into_iter().chain(also) {
            let id = self.callbacks.last().map_or(1, |(last, _)| last.id + 1);
            let session = || event.event.session.map(|session| session.to_string().into());
            let about: Box<str> = event.event.call.clone().or_else(session).unwrap_or_default();
            let lane = format!("{url} {about}").into_bytes().into();
            let (until, event) = (Timestamp::default(), event.clone());
            self.callbacks.push((Callback { id, lane, url, tries: 0, until, event }, Timestamp::default()));
        }
    }

    /// Those that are the first of their lanes.
    fn first_callbacks(&mut self) -> impl Iterator<Item = &mut (Callback, Timestamp)> {
        let mut lanes = std::collections::BTreeSet::new();
        self.callbacks.iter_mut().filter(move |(callback, _)| lanes.insert(callback.lane.clone()))
    }

    /// The (number, caller) of a session that another one holds still.
    fn taken(&self, session: &Session, now: Timestamp) -> Option<(PhoneNumber, Option<PhoneNumber>)> {
        let others = || self.sessions.iter().filter(|other| other.id != session.id && other.free_at() > now);
        session
            .channels()
            .into_iter()
            .find(|channel| others().any(|other| other.channels().contains(channel)))
    }
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, now: Timestamp, sink: &mut (dyn FnMut(Loaded) + Send)) -> Result<(), StoreFault> {
        let rows = self.rows()?;
        rows.numbers.values().for_each(|number| sink(Loaded::Number(Box::new(number.clone()))));
        let sessions = rows.sessions.iter().filter(|session| session.free_at() > now);
        sessions.for_each(|session| sink(Loaded::Session(Box::new(session.clone()))));
        Ok(())
    }

    async fn follow(&self, sink: ChangeSink) -> Result<(), StoreFault> {
        self.rows()?.sink = Some(sink);
        Ok(())
    }

    async fn create_session(&self, new: NewSession) -> Result<Created, StoreFault> {
        let mut rows = self.rows()?;
        let find = |rows: &Rows, id| rows.sessions.iter().find(|session| session.id == id).cloned().unwrap();
        if let Some((key, body)) = &new.key
            && let Some((earlier, id)) = rows.keys.get(key)
        {
            let repeat = || Created::Repeat(Box::new(find(&rows, *id)));
            return Ok(if earlier == body { repeat() } else { Created::KeyReused });
        }
        if let Some(reference) = &new.session.reference {
            let found = rows.sessions.iter().find(|session| session.reference.as_ref() == Some(reference));
            if let Some(found) = found {
                return Ok(Created::ReferenceTaken(Box::new(found.clone())));
            }
        }
        if let Some((number, caller)) = rows.taken(&new.session, new.now) {
            return Ok(Created::ChannelTaken(number, caller));
        }
        if let Some((key, body)) = new.key {
            rows.keys.insert(key, (body, new.session.id));
        }
        rows.sessions.push(new.session);
        rows.keep_event(&new.event);
        Ok(Created::New)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreFault> {
        Ok(self.rows()?.sessions.iter().find(|session| session.id == id).cloned())
    }

    async fn session_of(&self, reference: &str) -> Result<Option<Session>, StoreFault> {
        let rows = self.rows()?;
        Ok(rows.sessions.iter().find(|session| session.reference.as_deref() == Some(reference)).cloned())
    }

    async fn sessions(&self, filter: &SessionFilter, page: &Page) -> Result<Vec<Session>, StoreFault> {
        let is_asked = |session: &&Session| {
            let sides = [session.first, session.second];
            filter.party.is_none_or(|party| sides.iter().any(|side| side.number == Some(party)))
                && filter.number.is_none_or(|number| sides.iter().any(|side| side.dials == number))
                && filter.pool.as_ref().is_none_or(|pool| session.pool.as_deref() == Some(pool))
                && filter.status.is_none_or(|(status, at)| session.status(at) == status)
        };
        let found = self.rows()?.sessions.iter().filter(is_asked).cloned().collect();
        Ok(paged(found, page, |session: &Session| (session.created_at, session.id.to_string())))
    }

    async fn change_session(
        &self,
        session: &Session,
        event: &Event,
        now: Timestamp,
    ) -> Result<Changed, StoreFault> {
        let mut rows = self.rows()?;
        if let Some((number, caller)) = rows.taken(session, now) {
            return Ok(Changed::ChannelTaken(number, caller));
        }
        let found = rows.sessions.iter_mut().find(|old| old.id == session.id);
        match found.filter(|old| old.version + 1 == session.version) {
            Some(old) => *old = session.clone(),
            None => return Ok(Changed::Stale),
        }
        rows.keep_event(event);
        Ok(Changed::Done)
    }

    async fn last_numbers(
        &self,
        first: PhoneNumber,
        second: PhoneNumber,
    ) -> Result<Option<[PhoneNumber; 2]>, StoreFault> {
        let rows = self.rows()?;
        let pair = (Some(first), Some(second));
        let mut theirs =
            rows.sessions.iter().filter(|session| (session.first.number, session.second.number) == pair);
        Ok(theirs.next_back().map(|session| [session.first.dials, session.second.dials]))
    }

    async fn numbers(&self) -> Result<Vec<Number>, StoreFault> {
        Ok(self.rows()?.numbers.values().cloned().collect())
    }

    async fn put_number(&self, number: &Number) -> Result<bool, StoreFault> {
        Ok(self.rows()?.numbers.insert(number.number, number.clone()).is_none())
    }

    async fn remove_number(&self, number: PhoneNumber) -> Result<bool, StoreFault> {
        Ok(self.rows()?.numbers.remove(&number).is_some())
    }

    async fn keep(&self, entries: &[Entry]) -> Result<(), StoreFault> {
        let mut rows = self.rows()?;
        for entry in entries {
            match entry {
                Entry::Running(record) => {
                    rows.calls.entry(record.id.clone()).or_insert_with(|| *record.clone());
                }
                Entry::Ended(record) => {
                    let kept = rows.calls.entry(record.id.clone()).or_insert_with(|| *record.clone());
                    if kept.outcome == Outcome::InProgress {
                        *kept = *record.clone();
                    }
                }
                Entry::Event(event) => rows.keep_event(event),
                _ => {}
            }
        }
        Ok(())
    }

    async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Vec<CallRecord>, StoreFault> {
        let at = |record: &CallRecord| Timestamp::from_millis(record.received_at);
        let is_asked = |record: &&CallRecord| {
            filter.party.is_none_or(|party| [record.caller, record.destination].contains(&Some(party)))
                && filter.number.is_none_or(|number| [record.dialled, record.shown].contains(&Some(number)))
                && filter.session.is_none_or(|session| record.session == Some(session))
                && filter.received.as_ref().is_none_or(|range| range.contains(&at(record)))
                && filter.outcome.is_none_or(|outcome| record.outcome == outcome)
        };
        let found = self.rows()?.calls.values().filter(is_asked).cloned().collect();
        Ok(paged(found, page, |record: &CallRecord| (at(record), record.id.to_string())))
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreFault> {
        Ok(self.rows()?.calls.get(id).cloned())
    }

    async fn events(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreFault> {
        let rows = self.rows()?;
        Ok(rows.events.iter().filter(|event| event.id > after).take(limit as usize).cloned().collect())
    }

    fn call_back_at(&self, status_url: Option<&str>) {
        self.rows.lock().unwrap().status_url = status_url.map(Into::into);
    }

    async fn callback_hosts(&self) -> Result<Vec<CallbackHost>, StoreFault> {
        let mut hosts = BTreeMap::new();
        for (callback, due_at) in self.rows()?.first_callbacks() {
            let first = hosts.entry(link_host(&callback.url)).or_insert(*due_at);
            *first = (*first).min(*due_at);
        }
        Ok(hosts.into_iter().map(|(host, due_at)| CallbackHost { host, due_at }).collect())
    }

    async fn claim_callbacks(&self, claim: &CallbackClaim) -> Result<Vec<Callback>, StoreFault> {
        let mut rows = self.rows()?;
        let is_due = |(callback, due_at): &&mut (Callback, Timestamp)| {
            *due_at <= claim.now && link_host(&callback.url) == claim.host
        };
        let give = |(callback, due_at): &mut (Callback, Timestamp)| {
            (callback.tries, callback.until, *due_at) = (callback.tries + 1, claim.until, claim.until);
            callback.clone()
        };
        Ok(rows.first_callbacks().filter(is_due).take(claim.limit as usize).map(give).collect())
    }

    async fn settle_callback(&self, callback: &Callback, settled: Settled) -> Result<(), StoreFault> {
        let mut rows = self.rows()?;
        match settled {
            Settled::Over(_) => rows.callbacks.retain(|(kept, _)| kept.id != callback.id),
            Settled::Again(at) => rows
                .callbacks
                .iter_mut()
                .filter(|(kept, due_at)| kept.id == callback.id && *due_at == callback.until)
                .for_each(|(_, due_at)| *due_at = at),
        }
        Ok(())
    }

    async fn give_up_callbacks(&self, _: Timestamp, _: u64) -> Result<GivenUp, StoreFault> {
        Ok(GivenUp::default())
    }

    async fn callbacks_waiting(&self) -> Result<u64, StoreFault> {
        Ok(self.rows()?.callbacks.len() as u64)
    }

    async fn answer_of(&self, key: &str) -> Result<Option<Answered>, StoreFault> {
        let rows = self.rows()?;
        let of_session = || {
            let (body, id) = rows.keys.get(key)?;
            Some(Answered { body: *body, id: id.to_string().into(), at: Timestamp::default() })
        };
        Ok(rows.answers.get(key).cloned().or_else(of_session))
    }

    async fn note_answer(&self, key: &str, answered: &Answered) -> Result<bool, StoreFault> {
        let mut rows = self.rows()?;
        if rows.answers.contains_key(key) {
            return Ok(false);
        }
        rows.answers.insert(key.into(), answered.clone());
        Ok(true)
    }

    async fn forget_answer(&self, key: &str, id: &str) -> Result<(), StoreFault> {
        let mut rows = self.rows()?;
        if rows.answers.get(key).is_some_and(|answered| &*answered.id == id) {
            rows.answers.remove(key);
        }
        Ok(())
    }

    async fn redact(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, StoreFault> {
        let mut rows = self.rows()?;
        let mut redacted = Redacted::default();
        let mut erased = Vec::new();
        for session in &mut rows.sessions {
            let mut sides = [&mut session.first.number, &mut session.second.number];
            if sides.iter().any(|number| **number == Some(party)) {
                sides.iter_mut().filter(|number| ***number == Some(party)).for_each(|number| **number = None);
                session.closed_at.get_or_insert(now);
                session.cooloff = 0;
                redacted.sessions += 1;
                erased.push(session.clone());
            }
        }
        for record in rows.calls.values_mut() {
            let mut sides = [&mut record.caller, &mut record.destination];
            if sides.iter().any(|number| **number == Some(party)) {
                sides.iter_mut().filter(|number| ***number == Some(party)).for_each(|number| **number = None);
                redacted.calls += 1;
            }
        }
        if let Some(sink) = &rows.sink {
            erased.into_iter().for_each(|session| sink(Change::Session(Box::new(session))));
        }
        Ok(redacted)
    }

    async fn forget_answers(&self, _: Timestamp) -> Result<(), StoreFault> {
        self.rows().map(drop)
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreFault> {
        let mut rows = self.rows()?;
        let count = rows.sessions.len();
        rows.sessions.retain(|session| session.free_at() >= before);
        Ok((count - rows.sessions.len()) as u64)
    }

    async fn check(&self) -> Result<(), StoreFault> {
        self.rows().map(drop)
    }
}
