//! The calls that go on at this node, as the API sees them, and orders to place one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use dashmap::{DashMap, DashSet};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::desk::now;
use crate::api::{Begun, Calls, Health, NotPlaced, Placing, Readiness};
use crate::call::{CallKey, Order};
use crate::ledger::{Book, CallRecord};
use crate::net::Post;
use crate::route::{self, Errand, Refusal, RefusalKind, Step};
use crate::session::InForce;
use crate::switch::{Command, Input};

/// How long a shard is waited for to begin a call that was ordered.
const BEGIN: Duration = Duration::from_secs(2);

/// Ended calls that are shown while the database is away; the older ones are in the journal alone then.
const ENDED: usize = 10_000;

/// A call that goes on, or one that has ended and is not in the store yet.
#[derive(Debug)]
struct Live {
    /// Where it goes on; `None` once it has ended.
    key: Option<CallKey>,
    record: Arc<CallRecord>,
}

/// The calls of this node, by the ids of their records.
pub(super) struct LiveCalls {
    calls: DashMap<Box<str>, Live>,
    /// The last calls that ended, the oldest first.
    ended: (Sender<Box<str>>, Receiver<Box<str>>),
    /// Those that were handed to a shard and have not begun.
    ordered: DashSet<Box<str>>,
    begun: Notify,
    shards: OnceLock<Vec<Post>>,
    /// Counts the orders, which the shards take in turn.
    orders: AtomicUsize,
    book: Arc<Book>,
    in_force: InForce,
    health: Health,
}

impl LiveCalls {
    pub(super) fn new(book: Arc<Book>, in_force: InForce, health: Health) -> Self {
        Self {
            calls: DashMap::new(),
            ended: bounded(ENDED),
            ordered: DashSet::new(),
            begun: Notify::new(),
            shards: OnceLock::new(),
            orders: AtomicUsize::new(0),
            book,
            in_force,
            health,
        }
    }

    /// The ways into the shards, in their order, before the first of them starts.
    pub(super) fn reach(&self, shards: Vec<Post>) {
        assert!(self.shards.set(shards).is_ok(), "the shards are started once");
    }

    /// How far a call has come. Gives its record as it was before.
    pub(super) fn goes_on(&self, key: CallKey, record: &Arc<CallRecord>) -> Option<Arc<CallRecord>> {
        self.show(Live { key: Some(key), record: Arc::clone(record) })
    }

    /// A call has ended; it is shown until the store has it, or [`ENDED`] others have ended since. Gives its record as
    /// it was before.
    pub(super) fn ended(&self, record: &Arc<CallRecord>) -> Option<Arc<CallRecord>> {
        let before = self.show(Live { key: None, record: Arc::clone(record) });
        let mut id = record.id.clone();
        while let Err(TrySendError::Full(again)) = self.ended.0.try_send(id) {
            id = again;
            if let Ok(oldest) = self.ended.1.try_recv() {
                self.is_kept(&oldest);
            }
        }
        before
    }

    fn show(&self, live: Live) -> Option<Arc<CallRecord>> {
        let id = live.record.id.clone();
        let before = self.calls.insert(id.clone(), live);
        self.ordered.remove(&id);
        self.begun.notify_waiters();
        before.map(|before| before.record)
    }

    /// The store has a call: it is asked there.
    pub(super) fn is_kept(&self, id: &str) {
        self.calls.remove_if(id, |_, live| live.key.is_none());
    }

    fn order(&self, placing: Placing) -> Result<Order, NotPlaced> {
        let index = (self.in_force)();
        let Placing { id, first, second, session, is_way_back, confirm, retries, retry_pause, .. } = placing;
        let (parties, sees) = ([first.number, second.number], [first.sees, second.sees]);
        let errand = Errand { parties, sees, session, is_way_back };
        let placed = route::place(&index, &self.book, now(), &errand).map_err(|refusal| invalid(&refusal))?;
        let call = &index.settings().call;
        Ok(Order {
            id,
            first: parties[0],
            second: parties[1],
            sees,
            first_target: placed.first,
            second_target: placed.second,
            session,
            is_way_back,
            ring_timeout: placing.ring_timeout.unwrap_or(call.ring_timeout),
            time_limit: placing.time_limit.unwrap_or(call.max_duration),
            index,
            confirm,
            retries,
            pause: retry_pause,
            trace: placed.trace,
        })
    }
}

/// What is wrong with an order, in the words of the step that refused it.
fn invalid(refusal: &Refusal) -> NotPlaced {
    let asked = |party: fn(&Step) -> bool| refusal.trace.iter().any(party);
    let field = match refusal.kind {
        RefusalKind::ShowNotAllowed => "show",
        _ if asked(|step| matches!(step, Step::SecondParty(_))) => "second",
        _ if asked(|step| matches!(step, Step::FirstParty(_))) => "first",
        _ => "session_id",
    };
    let reason = refusal.trace.last().map_or_else(String::new, ToString::to_string);
    NotPlaced::Invalid { field, reason: format!("cannot be called so: {reason}") }
}

#[async_trait]
impl Calls for LiveCalls {
    fn live(&self) -> Vec<Arc<CallRecord>> {
        let going_on = self.calls.iter().filter(|live| live.key.is_some());
        going_on.map(|live| Arc::clone(&live.record)).collect()
    }

    fn call(&self, id: &str) -> Option<Arc<CallRecord>> {
        self.calls.get(id).map(|live| Arc::clone(&live.record))
    }

    fn hang_up(&self, id: &str) -> bool {
        let Some(call) = self.calls.get(id).and_then(|live| live.key) else { return false };
        let shard = self.shards.get().and_then(|shards| shards.get(usize::from(call.shard)));
        let Some(shard) = shard else { return false };
        shard.input(Input::Command(Command::HangUp { call }));
        true
    }

    fn check(&self, order: &Placing) -> Result<(), NotPlaced> {
        if self.health.readiness() != Readiness::Ready {
            return Err(NotPlaced::Unavailable);
        }
        self.order(order.clone()).map(drop)
    }

    async fn place(&self, placing: Placing) -> Result<Begun, NotPlaced> {
        if self.health.readiness() != Readiness::Ready {
            return Err(NotPlaced::Unavailable);
        }
        let order = self.order(placing)?;
        let shards = self.shards.get().filter(|shards| !shards.is_empty()).ok_or(NotPlaced::Unavailable)?;
        let shard = &shards[self.orders.fetch_add(1, Ordering::Relaxed) % shards.len()];
        let id = order.id.clone();
        self.ordered.insert(id.clone());
        shard.input(Input::Command(Command::Call(Box::new(order))));
        let begun = async {
            loop {
                let begun = self.begun.notified();
                if !self.is_to_begin(&id) {
                    return;
                }
                begun.await;
            }
        };
        // A shard takes every order that it is handed, however late.
        Ok(timeout(BEGIN, begun).await.map_or(Begun::NotYet, |()| Begun::Already))
    }

    fn is_to_begin(&self, id: &str) -> bool {
        self.ordered.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::settings::Settings;
    use crate::ledger::TurnedAwayInvite;
    use crate::route::Index;

    fn record(id: usize) -> Arc<CallRecord> {
        Arc::new(CallRecord::turned_away(TurnedAwayInvite {
            id: id.to_string().into(),
            at: 0,
            source: "carrier".into(),
            dialled: None,
            caller: None,
            status: 400,
            cause: 27,
            trace: Vec::new(),
        }))
    }

    fn calls() -> LiveCalls {
        let settings = Settings::parse(include_str!("../../config.toml"), Path::new("config.toml"));
        let index = Arc::new(Index::new(Arc::new(settings.expect("the shipped file is good"))));
        LiveCalls::new(Arc::default(), Arc::new(move || Arc::clone(&index)), Health::default())
    }

    #[test]
    fn ended_calls_are_shown_until_they_are_kept_and_never_without_bound() {
        let calls = calls();
        let key = CallKey { shard: 0, slot: 0, generation: 1 };
        calls.goes_on(key, &record(0));
        assert_eq!((calls.live().len(), calls.hang_up("0")), (1, false), "there is no shard to tell");
        calls.is_kept("0");
        assert!(calls.call("0").is_some(), "it goes on");
        assert!(calls.ended(&record(0)).is_some() && calls.live().is_empty());
        assert!(calls.call("0").is_some(), "not in the store yet");
        calls.is_kept("0");
        assert!(calls.call("0").is_none());
        (1..=ENDED + 10).for_each(|id| drop(calls.ended(&record(id))));
        assert_eq!(calls.calls.len(), ENDED, "the database is away");
        assert!(calls.call("10").is_none() && calls.call("11").is_some(), "the oldest went");
    }
}
