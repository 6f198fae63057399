//! The book: every session that a call may meet and every masking number, in memory, fed from the store. Calls are
//! decided from it and nothing else; whoever creates sessions reserves their numbers in it.
//!
//! Locks are taken in one order: a hold, a session, its former channels, a channel, a count. None is held across an await.

mod inventory;
mod live;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rustc_hash::FxBuildHasher;

use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Former, Number, NumberState, Session, SessionId, SessionStatus};
use inventory::Inventory;
use shelf::Shelf;

pub use live::Live;

/// What leads into a session: the number dialled, and the caller; `None`: whoever is the second party. At any moment
/// a channel has one session at most that is open or in its cool-off.
pub type Channel = (PhoneNumber, Option<PhoneNumber>);

type Table<K, V> = DashMap<K, V, FxBuildHasher>;

/// Parts of a table, each behind a lock of its own.
const SHARDS: usize = 256;

/// The shared in-memory index.
#[derive(Debug)]
pub struct Book {
    sessions: Shelf,
    channels: Table<Channel, Arc<Live>>,
    /// What changes took from sessions, where anything rests or is not yet forgotten.
    former: Table<SessionId, Vec<Former>>,
    /// How many channels have each number.
    uses: Table<PhoneNumber, u32>,
    /// Channels of sessions that are being made or changed.
    held: Table<Channel, SessionId>,
    inventory: RwLock<Inventory>,
}

/// Two channels that are kept for a session until it is put, or is not to be.
#[derive(Debug)]
#[must_use]
pub struct Hold<'b> {
    book: &'b Book,
    channels: [Option<Channel>; 2],
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        for channel in self.channels.into_iter().flatten() {
            self.book.held.remove(&channel);
        }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// How long a session stays after its numbers are free again, so that a late caller is told from a stranger in
    /// the operator's trace.
    pub const KEPT: Duration = Duration::from_secs(24 * 3600);

    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sessions: Shelf::new(),
            channels: table(),
            former: table(),
            uses: table(),
            held: table(),
            inventory: RwLock::default(),
        }
    }

    /// Puts a session, or a later version of it. An older version changes nothing.
    pub fn put(&self, session: &Session) {
        self.replace(session.id, Some(session), |stood| match stood {
            Some(stood) => Live::from(session).after(stood),
            None => Some(session.into()),
        });
    }

    /// A session by its id.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Arc<Live>> {
        self.sessions.get(id)
    }

    /// The session that has this caller on this number: open, or over and not yet forgotten.
    #[must_use]
    pub fn pair(&self, dialled: PhoneNumber, caller: PhoneNumber) -> Option<Arc<Live>> {
        self.leads(&(dialled, Some(caller)))
    }

    /// The session whose second party nobody knows yet, on the number that this party will dial.
    #[must_use]
    pub fn half_known(&self, dialled: PhoneNumber) -> Option<Arc<Live>> {
        self.leads(&(dialled, None))
    }

    /// Whether any session has the number dialled.
    #[must_use]
    pub fn has_sessions(&self, dialled: PhoneNumber) -> bool {
        self.uses.contains_key(&dialled)
    }

    /// How many sessions it holds, those included that are over and not yet forgotten.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions have not ended at this moment: those that take calls, and those whose start lies ahead.
    #[must_use]
    pub fn open_sessions(&self, at: Timestamp) -> usize {
        let is_open =
            |live: &Live| matches!(live.status(at), SessionStatus::Active | SessionStatus::NotStarted);
        self.sessions.count(is_open)
    }

    /// Holds the channels of a session that it does not have yet, or no longer for itself; calls do not see them.
    ///
    /// # Errors
    /// The first channel that another session has or is about to have.
    pub fn reserve(&self, session: &Session, now: Timestamp) -> Result<Hold<'_>, Channel> {
        let mut hold = Hold { book: self, channels: [None; 2] };
        for (place, channel) in session.channels().into_iter().enumerate() {
            if self.leads(&channel).is_some_and(|live| live.id == session.id && live.free_at > now) {
                continue;
            }
            let Entry::Vacant(vacant) = self.held.entry(channel) else { return Err(channel) };
            if self.is_taken(&channel, now) {
                return Err(channel);
            }
            vacant.insert(session.id);
            hold.channels[place] = Some(channel);
        }
        Ok(hold)
    }

    /// Whether a session could have this channel.
    #[must_use]
    pub fn is_free(&self, channel: Channel, now: Timestamp) -> bool {
        // A session is put before its hold ends: asked in this order, it is seen at one place at least.
        !self.held.contains_key(&channel) && !self.is_taken(&channel, now)
    }

    /// Whether no session has this channel, though one may be about to.
    #[must_use]
    pub fn is_nobodys(&self, channel: Channel, now: Timestamp) -> bool {
        !self.is_taken(&channel, now)
    }

    /// The sessions that expired after the first of these and at or before the second, in that order: each by its
    /// expiry and its id. Looks at every session: some 50 ms among a million.
    #[must_use]
    pub fn expired(&self, after: (Timestamp, SessionId), until: Timestamp) -> Vec<(Timestamp, SessionId)> {
        let is_due =
            |live: &Live| !live.is_closed && live.expires_at <= until && (live.expires_at, live.id) > after;
        let mut due = self.sessions.pick(|live| is_due(live).then_some((live.expires_at, live.id)));
        due.sort_unstable();
        due
    }

    /// Moves a session's expiry, where that is later. A session that was closed stays so.
    pub fn extend(&self, id: SessionId, expires_at: Timestamp) -> bool {
        self.replace(id, None, |stood| stood?.extended(expires_at))
    }

    /// Makes a caller the second party of a session that has none. Of two callers at the same time, one.
    pub fn bind(&self, id: SessionId, caller: PhoneNumber, now: Timestamp) -> bool {
        let Some(number) = self.session(id).map(|live| live.second.dials) else { return false };
        let channel = (number, Some(caller));
        // Held until the session has it, so that nobody reserves it meanwhile.
        let Entry::Vacant(_hold) = self.held.entry(channel) else { return false };
        let bound = |stood: &Live| stood.bound(caller).filter(|bound| bound.second.dials == number);
        !self.is_taken(&channel, now) && self.replace(id, None, |stood| bound(stood?))
    }

    /// Forgets the sessions whose numbers have been free for [`Book::KEPT`]. How many.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let is_past = |free_at: Timestamp| free_at.after(Self::KEPT) <= now;
        let is_due = |live: &Live| is_past(live.free_at);
        let forget = |live: &Live| {
            let goes = is_due(live);
            if goes {
                live.channels().into_iter().for_each(|channel| self.release(channel, live.id));
            }
            goes
        };
        self.former.retain(|id, former| {
            for past in former.extract_if(.., |former| is_past(former.free_at)) {
                self.release_if(past.channel(), |live| live.id == *id && is_due(live));
            }
            !former.is_empty()
        });
        let due = self.sessions.pick(|live| is_due(live).then_some(live.id)).into_iter();
        due.filter(|id| self.sessions.remove_if(*id, forget)).count()
    }

    fn leads(&self, channel: &Channel) -> Option<Arc<Live>> {
        self.channels.get(channel).map(|live| Arc::clone(&live))
    }

    fn is_taken(&self, channel: &Channel, now: Timestamp) -> bool {
        self.channels.get(channel).is_some_and(|live| live.free_at > now)
    }

    /// Puts what follows on what stood in place of it, with its channels, and where it is another version, with its
    /// former ones. False where nothing follows.
    fn replace(
        &self,
        id: SessionId,
        version: Option<&Session>,
        next: impl FnOnce(Option<&Live>) -> Option<Live>,
    ) -> bool {
        self.sessions.replace(id, |stood| {
            let live = Arc::new(next(stood)?);
            let channels = live.channels();
            channels.iter().for_each(|channel| self.lead(*channel, &live));
            let [resting, rested] = version.map(|session| self.rest(session, channels)).unwrap_or_default();
            let before = stood.into_iter().flat_map(Live::channels).chain(rested);
            before
                .filter(|channel| !channels.contains(channel) && !resting.contains(channel))
                .for_each(|channel| self.release(channel, id));
            Some(live)
        })
    }

    /// Lets the former channels of a session that it has not again lead nowhere but to its past. Those, and those
    /// that were so before.
    fn rest(&self, session: &Session, own: [Channel; 2]) -> [Vec<Channel>; 2] {
        let mut resting = session.former.clone();
        resting.retain(|former| !own.contains(&former.channel()));
        for former in &resting {
            self.lead(former.channel(), &Arc::new(Live::resting(session, former)));
        }
        let channels = |former: &[Former]| former.iter().map(Former::channel).collect();
        let rest = channels(&resting);
        let before = match resting.is_empty() {
            true => self.former.remove(&session.id).map(|(_, before)| before),
            false => self.former.insert(session.id, resting),
        };
        [rest, channels(&before.unwrap_or_default())]
    }

    /// Lets a channel lead into a session, unless another one has it by right.
    fn lead(&self, channel: Channel, live: &Arc<Live>) {
        match self.channels.entry(channel) {
            Entry::Occupied(mut entry) => {
                if entry.get().id == live.id || live.displaces(entry.get()) {
                    entry.insert(Arc::clone(live));
                }
            }
            Entry::Vacant(entry) => {
                let _channel = entry.insert(Arc::clone(live));
                *self.uses.entry(channel.0).or_default() += 1;
            }
        }
    }

    /// Takes a channel away from a session that has it.
    fn release(&self, channel: Channel, id: SessionId) {
        self.release_if(channel, |live| live.id == id);
    }

    /// Takes a channel away from what it leads to, where that is meant.
    fn release_if(&self, channel: Channel, is_meant: impl FnOnce(&Live) -> bool) {
        if self.channels.remove_if(&channel, |_, live| is_meant(live)).is_none() {
            return;
        }
        if let Entry::Occupied(mut count) = self.uses.entry(channel.0) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The masking numbers.
impl Book {
    /// Puts a number, or what it is now.
    pub fn put_number(&self, number: Number) {
        self.write().put(number);
    }

    /// Takes a number out.
    pub fn remove_number(&self, number: PhoneNumber) {
        self.write().remove(number);
    }

    /// A number of the inventory.
    #[must_use]
    pub fn number(&self, number: PhoneNumber) -> Option<Arc<Number>> {
        self.read().number(number).cloned()
    }

    /// Where a number of the inventory is in its life.
    #[must_use]
    pub fn state(&self, number: PhoneNumber) -> Option<NumberState> {
        self.read().number(number).map(|number| number.state)
    }

    /// The active numbers of a pool, in an order that is the same everywhere; `None`: no number has this pool.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<Arc<[Arc<Number>]>> {
        self.read().pool(name)
    }

    /// Whether any number is rented on this trunk.
    #[must_use]
    pub fn is_on_trunk(&self, trunk: &str) -> bool {
        self.read().is_on_trunk(trunk)
    }

    /// Whether a session has the number that is open, in its cool-off, or being made. Looks at every channel, where
    /// any has the number: some 100 ms among a million sessions.
    #[must_use]
    pub fn is_used(&self, number: PhoneNumber, now: Timestamp) -> bool {
        self.held.iter().any(|held| held.key().0 == number)
            || self.has_sessions(number)
                && self.channels.iter().any(|entry| entry.key().0 == number && entry.free_at > now)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inventory> {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inventory> {
        self.inventory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn table<K: Eq + std::hash::Hash, V>() -> Table<K, V> {
    DashMap::with_capacity_and_hasher_and_shard_amount(0, FxBuildHasher, SHARDS)
}
