//! Click-to-call where what was so when the call was placed is so no more: before a party is called it is asked again.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "support/session.rs"]
mod session;
mod sim;

use std::time::Duration;

use maskline::base::tones::CallTones;
use maskline::base::{Random, Timestamp};
use maskline::call::Order;
use maskline::ledger::{CallRecord, Number, NumberState, Outcome, Party, Session, SessionId};
use maskline::relay::Sound;
use session::plain;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// The session of an order's parties by its number, for so long.
fn session(world: &World, order: &Order, lasts: Duration) -> Session {
    let start = Timestamp::from(world.get().wall);
    let first = Party { number: Some(order.first), dials: order.sees[0] };
    let second = Party { number: Some(order.second), dials: order.sees[1] };
    let id = SessionId::new(start, &mut Random::from_number(1));
    Session { expires_at: start.after(lasts), ..plain(id, [first, second], start) }
}

/// The first party, who has pressed the key, hears the busy tone for five seconds and is hung up.
fn hears_busy(world: &World, first: &mut Leg) {
    world.pass(SECOND);
    assert_eq!(world.sound(), Some(Sound::Tone(CallTones::of("IN").busy)));
    first.refute("BYE", 3 * SECOND);
    first.expect("BYE");
    first.ok();
}

/// Something happens while an order waits: before the first party is called again, or before it presses the key.
fn meanwhile(order: &dyn Fn(&World) -> Order, happens: &dyn Fn(&World, &Order), pauses: bool) -> CallRecord {
    let world = World::new();
    let order = Order { confirm: true, retries: 2, ..order(&world) };
    let mut first = world.summon(order.clone());
    if pauses {
        first.say(486);
        first.expect("ACK");
        world.pass(5 * SECOND);
        happens(&world, &order);
    } else {
        first.answer();
        first.expect("ACK");
        world.pass(5 * SECOND);
        happens(&world, &order);
        world.press('1');
        hears_busy(&world, &mut first);
    }
    let record = world.end();
    assert_eq!((world.invites(ALPHA), world.invites(BETA)), (1, 0), "nobody is called any more");
    assert_eq!((record.outcome, record.cause), (Outcome::Refused, 21));
    assert!(record.trace.iter().all(|step| !step.contains(&ALICE[6..])), "{:?}", record.trace);
    record
}

#[test]
fn a_number_that_is_ours_no_more_is_not_shown_again() {
    let retire = |world: &World, order: &Order| {
        world.get().book.put_number(Number {
            number: order.sees[0],
            country: None,
            pool: None,
            trunk: None,
            answer: None,
            state: NumberState::Retired,
            added_at: Timestamp::default(),
        });
    };
    for pauses in [true, false] {
        let record = meanwhile(&World::order, &retire, pauses);
        assert_eq!(record.trace.last().unwrap(), "the number to be shown is not ours");
    }
}

#[test]
fn a_session_that_is_over_or_another_s_calls_nobody_again() {
    type Change = fn(Session) -> Session;
    let changes: [(Change, &str); 3] = [
        (|old| Session { closed_at: Some(old.starts_at), version: 2, ..old }, "was closed"),
        (|old| Session { expires_at: old.starts_at, version: 2, ..old }, "has expired"),
        (
            |old| Session {
                second: Party { number: Some(CUSTOMER_NUMBER.parse().unwrap()), ..old.second },
                version: 2,
                ..old
            },
            "does not lead from one party to the other",
        ),
    ];
    for (change, why) in changes {
        for pauses in [true, false] {
            let order = |world: &World| {
                let session = session(world, &world.order(), 3600 * SECOND);
                world.get().book.put(&session);
                Order { session: Some(session.id), ..world.order() }
            };
            let happens = |world: &World, order: &Order| {
                world.get().book.put(&change(session(world, order, 3600 * SECOND)));
            };
            let record = meanwhile(&order, &happens, pauses);
            assert!(record.trace[0].ends_with(why), "{:?}", record.trace);
            assert!(record.session.is_some());
        }
    }
}

#[test]
fn a_way_back_may_be_over_before_the_call_is_and_stops_it_where_it_is_closed() {
    for is_closed in [false, true] {
        let world = World::new();
        let mut kept = session(&world, &world.order(), SECOND);
        world.get().book.put(&kept);
        let order = Order { session: Some(kept.id), is_way_back: true, confirm: true, ..world.order() };
        let mut first = world.summon(order);
        world.pass(2 * SECOND);
        if is_closed {
            (kept.closed_at, kept.version) = (Some(kept.starts_at), 2);
            world.get().book.put(&kept);
        }
        first.answer();
        first.expect("ACK");
        world.press('1');
        if is_closed {
            hears_busy(&world, &mut first);
        } else {
            let mut second = world.incoming(BETA);
            second.answer();
            second.expect("ACK");
            second.hang_up(&mut first);
        }
        assert_eq!(world.end().outcome, if is_closed { Outcome::Refused } else { Outcome::Answered });
    }
}
