//! What the suite keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{
    CallRecord, Changed, Created, Event, EventKind, Json, NewSession, Number, NumberState, Outcome, Page,
    Party, Session, SessionId, Store,
};

use crate::session::plain;

/// The moment at which the tests' sessions are made.
pub(crate) const NOW: u64 = 1_795_335_330_000;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(NOW + seconds * 1000)
}

/// A party.
pub(crate) fn party(number: u64) -> PhoneNumber {
    format!("+91987650{number:04}").parse().unwrap()
}

/// A masking number.
pub(crate) fn mask(number: u64) -> PhoneNumber {
    format!("+91804555{number:04}").parse().unwrap()
}

/// A session of an hour between two parties, each of whom dials a number.
pub(crate) fn session(first: (u64, u64), second: (Option<u64>, u64)) -> Session {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&count.to_le_bytes());
    let created_at = Timestamp::from_millis(NOW + count);
    let id = SessionId::new(created_at, &mut Random::from_seed(seed));
    let first = Party { number: Some(party(first.0)), dials: mask(first.1) };
    let second = Party { number: second.0.map(party), dials: mask(second.1) };
    Session {
        pool: Some(Arc::from("delivery")),
        created_at,
        cooloff: 60,
        call_time_limit: Some(600),
        ..plain(id, [first, second], at(0))
    }
}

pub(crate) fn new(session: &Session) -> NewSession {
    let event = of_session(session, EventKind::SessionCreated);
    NewSession { session: session.clone(), event, key: None, now: at(0) }
}

/// What is told of a session.
pub(crate) fn of_session(session: &Session, kind: EventKind) -> Event {
    Event {
        at: at(0),
        kind,
        call: None,
        session: Some(session.id),
        data: Json::of(&session.version),
        callback_url: session.callback_url.clone(),
    }
}

pub(crate) async fn change(store: &dyn Store, session: &Session, now: Timestamp) -> Changed {
    let event = of_session(session, EventKind::SessionChanged);
    store.change_session(session, &event, now).await.unwrap()
}

pub(crate) async fn create(store: &dyn Store, session: &Session) {
    assert_eq!(store.create_session(new(session)).await.unwrap(), Created::New);
}

/// A call from party 1 to party 2, received so many seconds after the start, that has ended.
pub(crate) fn call(id: &str, seconds: u64) -> CallRecord {
    CallRecord {
        id: id.into(),
        received_at: at(seconds).as_millis(),
        source: "carrier".into(),
        dialled: Some(mask(1)),
        caller: Some(party(1)),
        destination: Some(party(2)),
        shown: Some(mask(2)),
        session: None,
        outcome: Outcome::Answered,
        hung_up: None,
        status: Some(200),
        cause: 16,
        decided_ms: Some(1),
        ringing_ms: Some(500),
        answered_ms: Some(3000),
        ended_ms: 10_000,
        billable_ms: 7000,
        legs: Vec::new(),
        trace: [format!("the caller {} is a party", party(1))].into(),
    }
}

pub(crate) fn running(id: &str, seconds: u64) -> CallRecord {
    CallRecord { outcome: Outcome::InProgress, ended_ms: 3000, billable_ms: 0, ..call(id, seconds) }
}

pub(crate) fn event(call: &CallRecord, kind: EventKind) -> Event {
    Event {
        at: Timestamp::from_millis(call.received_at),
        kind,
        call: Some(call.id.clone()),
        session: call.session,
        data: Json::of(call),
        callback_url: None,
    }
}

pub(crate) fn number(digits: u64, pool: &str) -> Number {
    Number {
        number: mask(digits),
        country: Some("IN".into()),
        pool: Some(Arc::from(pool)),
        trunk: None,
        answer: None,
        state: NumberState::Active,
        added_at: at(0),
    }
}

pub(crate) fn page(limit: u32) -> Page {
    Page { after: None, limit }
}
