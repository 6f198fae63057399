//! A desk for tests: the service that keeps sessions, over a database in memory, and calls decided from its book.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "helpers of tests, each of which uses a part"
)]

mod memory;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use maskline::base::settings::Settings;
use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{Book, Event, NumberState, Session};
use maskline::route::{self, Decision, Identity, Index, Question, Source};
use maskline::session::{Fault, Made, NewNumber, Numbers, Sessions, Wanted};

pub use memory::{Connection, Memory};

/// The moment that tests begin at, in ms since the epoch.
pub const START: u64 = 1_800_000_000_000;
pub const A: &str = "+919876500001";
pub const B: &str = "+919876500002";
pub const C: &str = "+919876500003";
/// Mapped to D for anyone by the settings.
pub const OPEN: &str = "+918045550198";
/// Mapped from A to D by the settings.
pub const MAPPED: &str = "+918045550199";
/// Owned by the settings, and mapped to nothing.
pub const SPARE: &str = "+918045550197";
pub const D: &str = "+442071838750";

pub const SETTINGS: &str = r#"
[numbers]
country = "IN"
owned = ["+918045550197", "+918045550198", "+918045550199"]
[call]
max_duration = "1h"
[[trunks]]
name = "carrier"
sources = ["10.0.0.0/8"]
target = "sip:10.0.0.1"
[[trunks]]
name = "other"
sources = ["10.1.0.0/16"]
target = "sip:10.1.0.1"
[[phones]]
username = "agent"
password = "secret"
number = "+919876500077"
[[mappings]]
dialled = "+918045550198"
destination = "+442071838750"
show = "+918045550198"
[[mappings]]
dialled = "+918045550199"
caller = "+919876500001"
destination = "+442071838750"
show = "+918045550199"
"#;

/// One node: its service, its book and its connection to the database.
pub struct Desk {
    pub sessions: Sessions,
    pub book: Arc<Book>,
    pub index: Arc<Index>,
    pub store: Arc<Connection>,
    pub events: Arc<Mutex<Vec<Event>>>,
}

impl Desk {
    /// The only node of a database, with a pool `p` of so many numbers.
    pub fn new(numbers: u64) -> Self {
        let desk = Self::on(&Arc::default(), 1);
        for number in 0..numbers {
            desk.add(pooled(number), "p");
        }
        desk
    }

    /// A node of a database.
    pub fn on(memory: &Arc<Memory>, seed: u64) -> Self {
        let settings = Settings::parse(SETTINGS, Path::new("config.toml")).unwrap();
        let index = Arc::new(Index::new(Arc::new(settings)));
        let (book, store) = (Arc::new(Book::new()), memory.connect());
        let in_force = Arc::clone(&index);
        let sessions = Sessions::new(
            store.clone(),
            Arc::clone(&book),
            Arc::new(move || Arc::clone(&in_force)),
            Random::from_number(seed),
        );
        let events = Arc::clone(&store.events);
        Self { sessions, book, index, store, events }
    }

    pub fn add(&self, number: PhoneNumber, pool: &str) {
        let new = NewNumber { pool: Some(pool.into()), ..NewNumber::named(number) };
        let (number, is_new) = now(self.sessions.add_number(new, at(0))).unwrap();
        assert!(is_new && number.state == NumberState::Active);
    }

    pub fn create(&self, wanted: Wanted, seconds: u64) -> Result<Session, Fault> {
        let made = now(self.sessions.create(wanted, None, at(seconds)))?;
        let Made { session, is_new } = made;
        assert!(is_new, "without a key or a reference nothing repeats");
        Ok(session)
    }

    pub fn decide(&self, dialled: PhoneNumber, caller: &str, seconds: u64) -> Decision {
        route::decide(&self.index, &self.book, at(seconds), &question(dialled, Some(number(caller))))
    }

    /// Who is reached and what is shown there, where the call goes through.
    #[track_caller]
    pub fn reached(&self, dialled: PhoneNumber, caller: &str, seconds: u64) -> (String, PhoneNumber) {
        match self.decide(dialled, caller, seconds) {
            Decision::Bridge(plan) => (plan.destination.reveal(), plan.show),
            other => panic!("{other:?}"),
        }
    }
}

/// The number of the pool with this place.
pub fn pooled(place: u64) -> PhoneNumber {
    number(&format!("+91804666{place:04}"))
}

pub fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

/// So many seconds after the start.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

/// A session from the pool `p` with a number for each party.
pub fn wanted(first: &str, second: Option<&str>) -> Wanted {
    let numbers = Numbers::Pool { name: "p".into(), is_shared: false };
    Wanted::new(number(first), second.map(number), numbers)
}

pub fn shared(first: &str, second: Option<&str>) -> Wanted {
    Wanted { numbers: Numbers::Pool { name: "p".into(), is_shared: true }, ..wanted(first, second) }
}

pub fn question(dialled: PhoneNumber, caller: Option<PhoneNumber>) -> Question {
    let caller = caller.map_or(Identity::Anonymous, Identity::Known);
    Question { source: Source::Trunk(0), dialled: dialled.reveal(), context: None, caller }
}

/// What a future gives that never has to wait.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing in memory has to be waited for"),
    }
}

/// What a future gives that may have to wait for other threads.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// What the session's parties dial: the first, and the second.
pub fn dials(session: &Session) -> (PhoneNumber, PhoneNumber) {
    (session.first.dials, session.second.dials)
}
