//! Sessions by their ids. A session has its id in it, so that pointers are all that the tables hold: with the ids beside
//! them each session would take forty bytes more.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::{Live, SHARDS};
use crate::ledger::SessionId;

/// Some of the sessions, behind a lock of their own.
type Part = HashTable<Arc<Live>>;

/// The sessions.
pub(super) struct Shelf {
    parts: Box<[RwLock<Part>]>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("sessions", &self.len()).finish()
    }
}

impl Shelf {
    pub(super) fn new() -> Self {
        Self { parts: std::iter::repeat_with(RwLock::default).take(SHARDS).collect() }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<Arc<Live>> {
        let hash = hash(id);
        read(self.part(hash)).find(hash, |live| live.id == id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| read(part).len()).sum()
    }

    /// How many there are of a kind.
    pub(super) fn count(&self, is_meant: impl Fn(&Live) -> bool) -> usize {
        self.parts.iter().map(|part| read(part).iter().filter(|live| is_meant(live)).count()).sum()
    }

    /// What is to be known of those that are meant.
    pub(super) fn pick<T>(&self, pick: impl Fn(&Live) -> Option<T>) -> Vec<T> {
        let of_part = |part| -> Vec<_> { read(part).iter().filter_map(|live| pick(live)).collect() };
        self.parts.iter().flat_map(of_part).collect()
    }

    /// Puts what follows on what stood, and nothing where nothing follows. Nobody sees the session meanwhile. Whether
    /// something follows.
    pub(super) fn replace(
        &self,
        id: SessionId,
        next: impl FnOnce(Option<&Live>) -> Option<Arc<Live>>,
    ) -> bool {
        let hash = hash(id);
        let mut part = write(self.part(hash));
        let stood = part.find_mut(hash, |live| live.id == id);
        let Some(live) = next(stood.as_deref().map(|stood| &**stood)) else { return false };
        match stood {
            Some(stood) => *stood = live,
            None => drop(part.insert_unique(hash, live, |live| self::hash(live.id))),
        }
        true
    }

    /// Takes one out that is to go. Nobody sees it meanwhile. Whether it was there and went.
    pub(super) fn remove_if(&self, id: SessionId, is_to_go: impl FnOnce(&Live) -> bool) -> bool {
        let hash = hash(id);
        let mut part = write(self.part(hash));
        let Ok(entry) = part.find_entry(hash, |live| live.id == id) else { return false };
        let goes = is_to_go(entry.get());
        if goes {
            entry.remove();
        }
        goes
    }

    fn part(&self, hash: u64) -> &RwLock<Part> {
        // The table itself goes by the lowest bits and by the highest.
        let place = (hash >> 40) % SHARDS as u64;
        &self.parts[usize::try_from(place).expect("it is less than SHARDS")]
    }
}

fn hash(id: SessionId) -> u64 {
    FxBuildHasher.hash_one(id)
}

fn read(part: &RwLock<Part>) -> RwLockReadGuard<'_, Part> {
    part.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(part: &RwLock<Part>) -> RwLockWriteGuard<'_, Part> {
    part.write().unwrap_or_else(PoisonError::into_inner)
}
