//! Looking up host names, off the shard's thread: once for all who ask meanwhile, and for some seconds after.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Post, stream};
use crate::switch::Input;

/// How long a look-up may take: well within a caller's patience for a first response.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long an answer is used: short beside the time for which names are published, long beside the time between calls.
const KEEP: Duration = Duration::from_secs(5);
/// The port of a name that comes without one (RFC 3263 section 4.2).
const SIP: u16 = 5060;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// Which kinds of address a transport's listeners can reach.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Families {
    /// Counts a listener's address.
    pub(super) fn add(&mut self, listener: SocketAddr) {
        if listener.is_ipv4() { self.v4 = true } else { self.v6 = true }
    }

    fn reach(self, address: &SocketAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }
}

/// The names that a shard asks for: those of its settings, so that there are few.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<Book>>);

/// Who waits for a name.
#[derive(Debug)]
pub(super) struct Asker {
    /// Comes back in [`Input::Resolved`].
    pub(super) id: u64,
    /// What it can reach.
    pub(super) families: Families,
    /// Where it is told.
    pub(super) post: Post,
}

/// A host name and a port.
type Name = (Arc<str>, u16);

/// What is known of the names, and who waits for those that are being looked up.
#[derive(Debug)]
struct Book<W = Asker>(HashMap<Name, Entry<W>>);

#[derive(Debug)]
enum Entry<W> {
    Asked(Vec<W>),
    Known(Arc<[SocketAddr]>, Instant),
}

/// What becomes of a question.
#[derive(Debug, PartialEq, Eq)]
enum Next<W> {
    /// It is answered now.
    Answer(W, Arc<[SocketAddr]>),
    /// The name has to be looked up.
    LookUp,
    /// It is being looked up.
    Wait,
}

impl<W> Default for Book<W> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<W> Book<W> {
    fn ask(&mut self, now: Instant, name: &Name, asker: W) -> Next<W> {
        match self.0.get_mut(name) {
            Some(Entry::Known(addresses, until)) if *until > now => {
                Next::Answer(asker, Arc::clone(addresses))
            }
            Some(Entry::Asked(askers)) => {
                askers.push(asker);
                Next::Wait
            }
            Some(Entry::Known(..)) | None => {
                self.0.insert(name.clone(), Entry::Asked(vec![asker]));
                Next::LookUp
            }
        }
    }

    /// Keeps the answer, unless it is none; those who waited for it come back.
    fn found(&mut self, now: Instant, name: &Name, addresses: &Arc<[SocketAddr]>) -> Vec<W> {
        let asked = match addresses.is_empty() {
            true => self.0.remove(name),
            false => self.0.insert(name.clone(), Entry::Known(Arc::clone(addresses), now + KEEP)),
        };
        if let Some(Entry::Asked(askers)) = asked { askers } else { Vec::new() }
    }
}

impl Resolver {
    /// Looks up the A and AAAA records of a host, in the system's order of preference (RFC 6724). The answer reaches
    /// the shard as [`Input::Resolved`], empty where there is none in time.
    pub(super) fn ask(&self, now: Instant, host: Arc<str>, port: Option<u16>, asker: Asker) {
        let name = (host, port.unwrap_or(SIP));
        match self.with(|book| book.ask(now, &name, asker)) {
            Next::Answer(asker, addresses) => asker.tell(&addresses),
            Next::Wait => {}
            Next::LookUp => self.clone().look_up(name),
        }
    }

    fn look_up(self, name: Name) {
        stream::spawn(async move {
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((&*name.0, name.1))).await;
            let addresses: Arc<[SocketAddr]> = match found {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(_)) | Err(_) => Arc::default(),
            };
            let now = tokio::time::Instant::now().into_std();
            let askers = self.with(|book| book.found(now, &name, &addresses));
            askers.iter().for_each(|asker| asker.tell(&addresses));
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Asker {
    fn tell(&self, found: &[SocketAddr]) {
        let reached = found.iter().filter(|address| self.families.reach(address));
        let mut addresses: Vec<SocketAddr> = reached.take(ADDRESSES).copied().collect();
        addresses.dedup();
        if addresses.is_empty() {
            tracing::debug!("a host name has no address that a listener can reach");
        }
        self.post.input(Input::Resolved { id: self.id, addresses });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
    fn a_name_is_looked_up_once_for_all_who_ask_and_kept_for_some_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let [name, other]: [Name; 2] = [("one.example".into(), 5060), ("one.example".into(), 5070)];
        let found: Arc<[SocketAddr]> = [([192, 0, 2, 1], 5060).into()].into();
        let mut book = Book::default();
        assert_eq!(book.ask(at(0), &name, 1), Next::LookUp);
        assert_eq!((book.ask(at(1), &name, 2), book.ask(at(1), &other, 3)), (Next::Wait, Next::LookUp));
        assert_eq!(book.found(at(100), &name, &found), [1, 2]);
        assert_eq!(book.ask(at(5_099), &name, 4), Next::Answer(4, Arc::clone(&found)));
        assert_eq!(book.ask(at(5_100), &name, 5), Next::LookUp);
        assert_eq!(book.found(at(5_200), &name, &Arc::default()), [5]);
        assert_eq!(book.ask(at(5_201), &name, 6), Next::LookUp, "that there is none is not kept");
    }
}
