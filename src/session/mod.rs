//! Floor 5: the life of sessions and masking numbers: what the operator may ask for, drawing numbers, and keeping
//! the store and the book in step.
//!
//! A session is held in the book, then committed in the store, then put into the book: so calls never meet one that
//! could still fail, and no two get the same (number dialled, caller). Each method has to run to its end: one that is
//! dropped half-way may leave the book behind the store until the next start.

mod change;
mod create;
mod draw;
mod expire;
mod fault;
mod inventory;
mod rules;
mod turns;
mod view;
mod wanted;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::base::{PhoneNumber, Random, Timestamp};
use crate::ledger::{Book, Channel, Event, EventKind, Hold, Json, Number, Session, SessionId, Store};
use crate::route::{Index, Ours};

use rules::Rules;
use turns::Turns;

pub use fault::Fault;
pub use rules::LONGEST_REFERENCE;
pub use view::View;
pub use wanted::{Change, Expires, NewNumber, NumberChange, Numbers, Wanted};

/// The settings in force.
pub type InForce = Arc<dyn Fn() -> Arc<Index> + Send + Sync>;

/// A request's `Idempotency-Key`, and a fingerprint of its body.
pub type Key = (Box<str>, [u8; 32]);

/// Creates, changes and closes sessions, and keeps the inventory. Shared by everything that does.
pub struct Sessions {
    store: Arc<dyn Store>,
    book: Arc<Book>,
    in_force: InForce,
    random: Mutex<Random>,
    keys: Turns,
    references: Turns,
    /// Rings when channels are no longer held.
    let_go: Notify,
}

/// Channels that are held for a session; when they are let go, whoever waits for some hears of it.
struct Held<'a> {
    _hold: Hold<'a>,
    _ring: Ring<'a>,
}

/// Rings when it is dropped.
struct Ring<'a>(&'a Notify);

impl Drop for Ring<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// A session that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The session.
    pub session: Session,
    /// False where the same request made it before.
    pub is_new: bool,
}

/// What became of a number that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// It is in use: it is drained now, and can be removed when nothing has it any more.
    Draining(Number),
}

impl Sessions {
    /// The service over a store and the book that is fed from it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, book: Arc<Book>, in_force: InForce, random: Random) -> Self {
        Self {
            store,
            book,
            in_force,
            random: Mutex::new(random),
            keys: Turns::default(),
            references: Turns::default(),
            let_go: Notify::new(),
        }
    }

    /// Creates a session, once for a key or a reference: when this returns it is durable, and calls go through it.
    ///
    /// # Errors
    /// Where it cannot be had; nothing is kept of it then.
    pub async fn create(&self, wanted: Wanted, key: Option<Key>, now: Timestamp) -> Result<Made, Fault> {
        // One at a time for a key and for a reference: a repeat would else stand in the way of the first. Always in this
        // order, so that none waits for another in a circle.
        let _by_key = match &key {
            Some((key, _)) => Some(self.keys.turn(key).await),
            None => None,
        };
        let _by_reference = match &wanted.reference {
            Some(reference) => Some(self.references.turn(reference).await),
            None => None,
        };
        let made = match self.make(&wanted, key.as_ref(), now).await {
            Err(fault) if !matches!(fault, Fault::Unavailable(_) | Fault::KeyReused) => {
                let before = self.made_before(&wanted, key.as_ref()).await?;
                Made { session: before.ok_or(fault)?, is_new: false }
            }
            made => made?,
        };
        if !made.is_new {
            // Whoever repeats a request may not have heard of a commit, and the book neither.
            self.book.put(&made.session);
        }
        Ok(made)
    }

    /// Whether a number may be a party: one that may be called, and none of ours.
    ///
    /// # Errors
    /// Where it may not be; `field` is what the fault names.
    pub fn check_party(&self, field: &'static str, number: PhoneNumber) -> Result<(), Fault> {
        let index = (self.in_force)();
        Rules { ours: Ours { index: &index, book: &self.book }, now: Timestamp::default() }
            .party(field, number)
    }

    /// Changes a session. A party that comes in place of another keeps the number of its side, or where that is taken for
    /// it, gets another of the session's pool.
    ///
    /// # Errors
    /// Where it cannot be changed so; it stands as it was then.
    pub async fn change(&self, id: SessionId, change: Change, now: Timestamp) -> Result<Session, Fault> {
        self.amend(id, &change, now).await
    }

    /// Closes a session: its calls go on, new ones are refused. One that is closed stays as it is.
    ///
    /// # Errors
    /// Where there is none, or the store does not answer.
    pub async fn close(&self, id: SessionId, now: Timestamp) -> Result<Session, Fault> {
        self.end(id, None, now).await
    }

    /// Closes a session where it still is this version, so that nobody else has changed or claimed it.
    ///
    /// # Errors
    /// As of [`Sessions::close`], and where it is another version.
    pub async fn close_version(&self, id: SessionId, version: u32, now: Timestamp) -> Result<Session, Fault> {
        self.end(id, Some(version), now).await
    }

    /// Adds a number to the inventory, or takes back one that was retired. False where it stood there just so.
    ///
    /// # Errors
    /// Where it can be no masking number of ours, or is in the inventory with another pool or trunk.
    pub async fn add_number(&self, new: NewNumber, now: Timestamp) -> Result<(Number, bool), Fault> {
        self.add(new, now).await
    }

    /// Changes a number of the inventory.
    ///
    /// # Errors
    /// Where there is none, or it would be retired while in use.
    pub async fn change_number(
        &self,
        number: PhoneNumber,
        change: NumberChange,
        now: Timestamp,
    ) -> Result<Number, Fault> {
        self.amend_number(number, change, now).await
    }

    /// Takes a number out of the inventory, or drains it while sessions or mappings have it.
    ///
    /// # Errors
    /// Where there is none, or the store does not answer.
    pub async fn remove_number(&self, number: PhoneNumber, now: Timestamp) -> Result<Removed, Fault> {
        self.remove(number, now).await
    }

    /// Holds the channels of a session, or says which of them another has.
    fn hold(&self, session: &Session, now: Timestamp) -> Result<Held<'_>, Channel> {
        // Bound first: also what was half held and let go of is heard.
        let ring = Ring(&self.let_go);
        Ok(Held { _hold: self.book.reserve(session, now)?, _ring: ring })
    }

    fn fresh_id(&self, now: Timestamp) -> SessionId {
        SessionId::new(now, &mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is told of a session; it is kept together with the session as it is then.
#[must_use]
pub fn event(kind: EventKind, session: &Session, now: Timestamp) -> Event {
    Event {
        at: now,
        kind,
        call: None,
        session: Some(session.id),
        data: Json::of(&View::new(session, now, PhoneNumber::reveal)),
        callback_url: session.callback_url.clone(),
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
