//! What both databases do alike: the SQL is the same. This folder is compiled twice, once within `sqlite` and once
//! within `postgres`; `super` says which database is meant, and how work gets to one of its connections.

mod answers;
mod callbacks;
mod calls;
mod events;
mod lists;
mod numbers;
mod prune;
mod redact;
mod sessions;
mod touch;

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Connection, Database, Db, FOR_UPDATE, SKIP_LOCKED};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{
    Answered, CallFilter, CallRecord, Callback, CallbackClaim, CallbackHost, Change, ChangeSink, Changed,
    Created, Entry, Event, GivenUp, Loaded, NewSession, Number, Page, Redacted, Session, SessionFilter,
    SessionId, Settled, Store, StoreFault, StoredEvent,
};
use crate::store::rows::{Batch, EventRow};

pub(super) use answers::{Secret, secret};
pub(super) use events::{after as events_after, last as last_event};

/// What a statement is bound with.
type Arguments = <Db as sqlx::Database>::Arguments;
/// A statement with what is bound to it.
type Query<'q> = sqlx::query::Query<'q, Db, Arguments>;

/// How often the database is looked through for a party at most: what was written meanwhile may hold its number again,
/// and a party that goes on calling has no end of it.
const ERASURES: usize = 3;
/// Loaded rows that may wait between the database and the index.
const LOADED: usize = 8;

#[async_trait]
impl Store for Database {
    async fn load(&self, now: Timestamp, sink: &mut (dyn FnMut(Loaded) + Send)) -> Result<(), StoreFault> {
        self.before_load().await?;
        let (sender, mut chunks) = mpsc::channel::<Vec<Loaded>>(LOADED);
        let reading = self.scan(move |connection| {
            Box::pin(async move {
                numbers::load(connection, &sender).await?;
                sessions::load(connection, now, &sender).await
            })
        });
        let taking = async {
            while let Some(chunk) = chunks.recv().await {
                chunk.into_iter().for_each(&mut *sink);
            }
        };
        tokio::join!(reading, taking).0
    }

    async fn follow(&self, sink: ChangeSink) -> Result<(), StoreFault> {
        self.begin_to_follow(sink).await
    }

    async fn create_session(&self, new: NewSession) -> Result<Created, StoreFault> {
        let event = EventRow::new(&new.event, self.status_url().as_deref());
        let key = new.key.as_ref().map(|(key, _)| self.secret.hide(key));
        let created =
            self.write(move |connection| Box::pin(sessions::create(connection, new, key, event))).await?;
        if created == Created::New {
            self.events_kept();
        }
        Ok(created)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreFault> {
        self.read(move |connection| Box::pin(sessions::by_id(connection, id))).await
    }

    async fn session_of(&self, reference: &str) -> Result<Option<Session>, StoreFault> {
        let reference = reference.to_owned();
        self.read(move |connection| Box::pin(sessions::by_reference(connection, reference))).await
    }

    async fn sessions(&self, filter: &SessionFilter, page: &Page) -> Result<Vec<Session>, StoreFault> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |connection| Box::pin(lists::sessions(connection, filter, page))).await
    }

    async fn change_session(
        &self,
        session: &Session,
        event: &Event,
        now: Timestamp,
    ) -> Result<Changed, StoreFault> {
        let session = session.clone();
        let event = EventRow::new(event, self.status_url().as_deref());
        let changed =
            self.write(move |connection| Box::pin(sessions::change(connection, session, event, now))).await?;
        if changed == Changed::Done {
            self.events_kept();
        }
        Ok(changed)
    }

    async fn last_numbers(
        &self,
        first: PhoneNumber,
        second: PhoneNumber,
    ) -> Result<Option<[PhoneNumber; 2]>, StoreFault> {
        self.read(move |connection| Box::pin(sessions::last_numbers(connection, first, second))).await
    }

    async fn numbers(&self) -> Result<Vec<Number>, StoreFault> {
        self.read(move |connection| Box::pin(numbers::all(connection))).await
    }

    async fn put_number(&self, number: &Number) -> Result<bool, StoreFault> {
        let number = number.clone();
        self.write(move |connection| Box::pin(numbers::put(connection, number))).await
    }

    async fn remove_number(&self, number: PhoneNumber) -> Result<bool, StoreFault> {
        self.write(move |connection| Box::pin(numbers::remove(connection, number))).await
    }

    async fn keep(&self, entries: &[Entry]) -> Result<(), StoreFault> {
        let batch = Batch::new(entries, self.status_url().as_deref());
        let has_events = !batch.events.is_empty();
        self.write(move |connection| Box::pin(keep(connection, batch))).await?;
        if has_events {
            self.events_kept();
        }
        Ok(())
    }

    async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Vec<CallRecord>, StoreFault> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |connection| Box::pin(lists::calls(connection, filter, page))).await
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreFault> {
        let id = id.to_owned();
        self.read(move |connection| Box::pin(calls::by_id(connection, id))).await
    }

    async fn events(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreFault> {
        self.read(move |connection| Box::pin(events::after(connection, after, limit))).await
    }

    fn call_back_at(&self, status_url: Option<&str>) {
        *self.status_url.lock().unwrap_or_else(PoisonError::into_inner) = status_url.map(Into::into);
    }

    async fn callback_hosts(&self) -> Result<Vec<CallbackHost>, StoreFault> {
        self.read(|connection| Box::pin(callbacks::hosts(connection))).await
    }

    async fn claim_callbacks(&self, claim: &CallbackClaim) -> Result<Vec<Callback>, StoreFault> {
        let claim = claim.clone();
        self.write(move |connection| Box::pin(callbacks::claim(connection, claim))).await
    }

    async fn settle_callback(&self, callback: &Callback, settled: Settled) -> Result<(), StoreFault> {
        let (id, lane, until) = (callback.id, callback.lane.to_vec(), callback.until);
        let given = callbacks::Given { id, lane, until };
        self.write(move |connection| Box::pin(callbacks::settle(connection, given, settled))).await
    }

    async fn give_up_callbacks(&self, before: Timestamp, upto: u64) -> Result<GivenUp, StoreFault> {
        let last = self.read(|connection| Box::pin(callbacks::last(connection))).await?;
        let (mut count, mut place) = (0, 0);
        while place < upto {
            let places = place..upto;
            let part =
                self.read(move |connection| Box::pin(callbacks::old(connection, before, places))).await?;
            place = part.place;
            for old in part.old {
                count += self.write(move |connection| Box::pin(callbacks::give_up(connection, old))).await?;
            }
        }
        Ok(GivenUp { count, last })
    }

    async fn callbacks_waiting(&self) -> Result<u64, StoreFault> {
        self.read(|connection| Box::pin(callbacks::waiting(connection))).await
    }

    async fn answer_of(&self, key: &str) -> Result<Option<Answered>, StoreFault> {
        let key = self.secret.hide(key);
        self.read(move |connection| Box::pin(async move { answers::of(connection, &key).await })).await
    }

    async fn note_answer(&self, key: &str, answered: &Answered) -> Result<bool, StoreFault> {
        let (key, answered) = (self.secret.hide(key), answered.clone());
        let note = async move |connection: &mut Connection| answers::note(connection, &key, &answered).await;
        self.write(move |connection| Box::pin(async move { note(connection).await })).await
    }

    async fn forget_answer(&self, key: &str, id: &str) -> Result<(), StoreFault> {
        let (key, id) = (self.secret.hide(key), id.to_owned());
        self.write(move |connection| Box::pin(answers::forget(connection, key, id))).await
    }

    async fn forget_answers(&self, now: Timestamp) -> Result<(), StoreFault> {
        while self.write(move |connection| Box::pin(answers::forget_old(connection, now))).await? > 0 {}
        Ok(())
    }

    async fn redact(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, StoreFault> {
        let mut sum = Redacted::default();
        self.forget_answers(now).await?;
        for _ in 0..ERASURES {
            let found = self.scan(move |connection| Box::pin(redact::find(connection, party))).await?;
            let mut changed = Redacted::default();
            for part in found.parts() {
                let status_url = self.status_url();
                let erase = async move |connection: &mut Connection| {
                    redact::erase(connection, party, now, part, status_url.as_deref()).await
                };
                let erased =
                    self.write(move |connection| Box::pin(async move { erase(connection).await })).await?;
                add(&mut changed, erased.count);
                if !erased.closed.is_empty() {
                    self.events_kept();
                }
                for session in erased.sessions {
                    self.tell(Change::Session(Box::new(session)));
                }
            }
            add(&mut sum, changed);
            if changed == Redacted::default() {
                break;
            }
        }
        self.forget_erased().await?;
        Ok(sum)
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreFault> {
        let mut sum = 0;
        for rule in prune::RULES {
            loop {
                let gone = self.write(move |connection| Box::pin(rule.apply(connection, before))).await?;
                sum += if rule.counts { gone } else { 0 };
                if gone == 0 {
                    break;
                }
            }
        }
        let mut place = Some(prune::START);
        while let Some(after) = place {
            place =
                self.write(move |connection| Box::pin(prune::channels(connection, before, after))).await?;
        }
        if sum > 0 {
            self.forget_erased().await?;
        }
        Ok(sum)
    }

    async fn check(&self) -> Result<(), StoreFault> {
        self.write(|connection| Box::pin(probe(connection))).await
    }
}

impl Database {
    /// Where every event is told by a callback.
    fn status_url(&self) -> Option<Arc<str>> {
        self.status_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Keeps a batch, all or nothing. Events come last: while they are being added no other node adds some.
async fn keep(connection: &mut Connection, batch: Batch) -> Result<(), StoreFault> {
    let mut whole = sqlx::Connection::begin(connection).await?;
    calls::keep(&mut whole, &batch.calls).await?;
    for (session, touch) in &batch.touched {
        touch::keep(&mut whole, *session, touch).await?;
    }
    events::keep(&mut whole, &batch.events).await?;
    Ok(whole.commit().await?)
}

async fn probe(connection: &mut Connection) -> Result<(), StoreFault> {
    sqlx::query("UPDATE probe SET writes = writes + 1").execute(connection).await?;
    Ok(())
}

fn add(sum: &mut Redacted, more: Redacted) {
    sum.sessions += more.sessions;
    sum.calls += more.calls;
    sum.events += more.events;
}
