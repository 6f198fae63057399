//! Whole calls by sessions: who rings and what is shown, and that a caller cannot hear why a call is refused.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/session.rs"]
mod session;
mod sim;

use std::time::Duration;

use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{Outcome, Party, Session, SessionId};
use session::plain;
use sim::*;

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

/// Alice reaches Bob by the number that is mapped to nothing, and Bob reaches her by M1, for an hour from the start.
fn session(world: &World) -> Session {
    let start = Timestamp::from(world.get().wall);
    let first = Party { number: Some(number(ALICE)), dials: number(IDLE) };
    let second = Party { number: Some(number(BOB)), dials: number(M1) };
    let id = SessionId::new(start, &mut Random::from_number(1));
    Session { call_time_limit: Some(20), ..plain(id, [first, second], start) }
}

#[test]
fn a_call_goes_through_by_a_session_and_ends_at_its_limit() {
    let world = World::new();
    let session = session(&world);
    world.get().book.put(&session);
    let caller = world.dial(IDLE);
    let callee = world.incoming(BETA);
    let invite = callee.invited.clone().unwrap();
    assert_eq!(leg::user_of(invite.header("From")), M1);
    let _parties = connect(caller, callee);
    let record = world.end();
    assert_eq!((record.outcome, record.billable_ms / 1000), (Outcome::Answered, 20));
    assert_eq!((record.destination, record.shown), (Some(number(BOB)), Some(number(M1))));
    assert_eq!(
        record.session,
        Some(session.id),
        "so that it is found by it, and told where it wants its events"
    );
}

#[test]
fn what_is_wrong_with_a_session_cannot_be_heard() {
    let heard = |put: &dyn Fn(&World)| {
        let world = World::new();
        put(&world);
        let started = world.time();
        let mut caller = world.dial(IDLE);
        caller.expect(404);
        let ended = world.time();
        world.settle();
        let record = world.get().records[0].clone();
        assert_eq!(record.outcome, Outcome::Refused);
        assert!(world.received(BETA).is_empty());
        let statuses: Vec<_> = world.received(ALPHA).iter().map(|text| text.status()).collect();
        (statuses, ended - started, record.trace.last().unwrap().clone())
    };
    let (statuses, delay, unknown) = heard(&|_| {});
    assert!(unknown.contains("nothing is mapped"), "{unknown}");
    type Change = fn(Session) -> Session;
    let changes: [(Change, &str); 4] = [
        (|old| Session { starts_at: old.starts_at.after(Duration::from_secs(3600)), ..old }, "has not begun"),
        (|old| Session { expires_at: old.starts_at, ..old }, "has expired"),
        (|old| Session { closed_at: Some(old.starts_at), ..old }, "was closed"),
        (|old| Session { second: Party { number: None, ..old.second }, ..old }, "is not known yet"),
    ];
    for (change, why) in changes {
        let (others, other_delay, told) = heard(&|world| world.get().book.put(&change(session(world))));
        assert!(told.contains(why), "{told}");
        assert_eq!((&others, other_delay), (&statuses, delay), "{why}");
    }
}
