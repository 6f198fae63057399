//! Click-to-call, as it ends in every other way: a party that can't be had, that hangs up or vanishes; and what crosses
//! on the way.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::tones::CallTones;
use maskline::call::Order;
use maskline::ledger::{CallRecord, HungUp, Outcome};
use maskline::relay::{Event, Sound};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

fn busy() -> Option<Sound> {
    Some(Sound::Tone(CallTones::of("IN").busy))
}

/// The first party hears the busy tone for five seconds, then it is hung up.
fn hears_busy(world: &World, first: &mut Leg) -> CallRecord {
    world.pass(SECOND);
    assert_eq!(world.sound(), busy());
    first.refute("BYE", 3 * SECOND);
    first.expect("BYE");
    first.ok();
    world.end()
}

#[test]
fn a_first_party_that_can_not_be_had() {
    let rows = [
        (486, Outcome::Busy),
        (480, Outcome::NoAnswer),
        (603, Outcome::Rejected),
        (503, Outcome::Unreachable),
        (488, Outcome::NoCommonCodec),
    ];
    for (status, outcome) in rows {
        let world = World::new();
        let mut first = world.summon(world.order());
        first.say(status);
        first.expect("ACK");
        let record = world.end();
        assert_eq!((record.outcome, record.status, record.legs.len()), (outcome, Some(status), 1));
        assert_eq!(world.invites(BETA), 0);
    }
}

#[test]
fn a_first_party_that_does_not_answer_is_cancelled() {
    let world = World::new();
    let mut first = world.summon(world.order());
    world.pass(29 * SECOND);
    assert!(first.unread("CANCEL").is_none());
    first.expect("CANCEL");
    first.ok();
    first.say(487);
    first.expect("ACK");
    assert_eq!(world.end().outcome, Outcome::NoAnswer);
}

#[test]
fn a_first_party_that_answers_as_it_is_cancelled() {
    let world = World::new();
    let mut first = world.summon(world.order());
    first.expect("CANCEL");
    first.answer();
    first.ok();
    first.expect("ACK");
    first.expect("BYE");
    first.ok();
    let record = world.end();
    assert_eq!((record.outcome, world.invites(BETA)), (Outcome::NoAnswer, 0));
}

#[test]
fn a_first_party_that_is_busy_is_called_again_a_few_times() {
    let world = World::new();
    let order = Order { retries: 2, ..world.order() };
    let mut first = world.summon(order.clone());
    first.say(486);
    first.expect("ACK");
    world.pass(9 * SECOND);
    assert_eq!(world.invites(ALPHA), 1);
    let mut again = world.incoming(ALPHA);
    again.ring();
    again.expect("CANCEL");
    again.ok();
    again.say(487);
    let mut third = world.incoming(ALPHA);
    third.answer();
    third.expect("ACK");
    let mut second = world.incoming(BETA);
    second.answer();
    second.expect("ACK");
    second.hang_up(&mut third);
    let record = world.end();
    let statuses: Vec<_> = record.legs.iter().map(|leg| leg.status).collect();
    assert_eq!(statuses, [Some(486), Some(487), Some(200), Some(200)]);
    assert_eq!((record.outcome, record.status), (Outcome::Answered, Some(200)));

    let world = World::new();
    world.place(order);
    for _ in 0..3 {
        world.incoming(ALPHA).say(486);
    }
    world.pass(60 * SECOND);
    assert_eq!((world.invites(ALPHA), world.end().outcome), (3, Outcome::Busy));
}

#[test]
fn an_answer_to_an_earlier_try_comes_too_late() {
    let world = World::new();
    let mut first = world.summon(Order { retries: 1, ..world.order() });
    first.expect("CANCEL");
    first.ok();
    let mut again = world.incoming(ALPHA);
    again.ring();
    first.answer();
    first.expect("ACK");
    first.expect("BYE");
    first.ok();
    assert_eq!(world.invites(BETA), 0, "it is the other telephone that rings");
    again.answer();
    again.expect("ACK");
    let mut second = world.incoming(BETA);
    second.answer();
    second.expect("ACK");
    second.hang_up(&mut again);
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn a_first_party_that_refuses_is_left_in_peace() {
    let world = World::new();
    let mut first = world.summon(Order { retries: 2, ..world.order() });
    first.say(603);
    first.expect("ACK");
    assert_eq!(world.end().outcome, Outcome::Rejected);
    assert_eq!(world.invites(ALPHA), 1);
}

#[test]
fn whoever_presses_no_key_is_no_answer() {
    let world = World::new();
    let mut first = world.summon(Order { confirm: true, retries: 1, ..world.order() });
    first.answer();
    first.expect("ACK");
    first.refute("BYE", 19 * SECOND);
    first.expect("BYE");
    first.ok();
    assert_eq!(world.sound(), None);
    let mut again = world.incoming(ALPHA);
    again.answer();
    again.expect("ACK");
    assert!(matches!(world.sound(), Some(Sound::Prompt(_))));
    world.press('7');
    again.expect("BYE");
    again.ok();
    let record = world.end();
    assert_eq!((record.outcome, record.legs.len()), (Outcome::Rejected, 2));
    assert!((20_000..20_100).contains(&record.legs[0].billable_ms), "{record:?}");
    assert_eq!(world.invites(BETA), 0, "a voicemail is never connected");
}

#[test]
fn a_first_party_that_hangs_up_during_the_prompt() {
    let world = World::new();
    let mut first = world.summon(Order { confirm: true, retries: 2, ..world.order() });
    first.answer();
    first.expect("ACK");
    first.bye();
    first.expect(200);
    let record = world.end();
    assert_eq!((record.outcome, world.invites(BETA)), (Outcome::Rejected, 0));
    assert_eq!(world.invites(ALPHA), 1, "it said no, and is not called again");
}

#[test]
fn a_second_party_that_can_not_be_had() {
    let rows = [
        (486, Outcome::Busy, 17),
        (480, Outcome::NoAnswer, 19),
        (603, Outcome::Rejected, 21),
        (503, Outcome::Unreachable, 27),
    ];
    for (status, outcome, cause) in rows {
        let world = World::new();
        let (mut first, mut second) = world.reach(world.order());
        second.say(status);
        second.expect("ACK");
        let record = hears_busy(&world, &mut first);
        assert_eq!((record.outcome, record.cause, record.billable_ms), (outcome, cause, 0));
        assert_eq!(record.legs[1].status, Some(status));
    }
}

#[test]
fn a_second_party_that_does_not_answer_or_too_late() {
    for answers in [false, true] {
        let world = World::new();
        let (mut first, mut second) = world.reach(world.order());
        second.expect("CANCEL");
        second.ok();
        second.say_with_media(if answers { 200 } else { 487 });
        second.expect("ACK");
        if answers {
            second.expect("BYE");
            second.ok();
        }
        assert_eq!(hears_busy(&world, &mut first).outcome, Outcome::NoAnswer);
    }
}

#[test]
fn a_first_party_that_hangs_up_while_the_second_rings() {
    for answers in [false, true] {
        let world = World::new();
        let (mut first, mut second) = world.reach(world.order());
        first.bye();
        first.expect(200);
        second.expect("CANCEL");
        second.ok();
        second.say_with_media(if answers { 200 } else { 487 });
        second.expect("ACK");
        if answers {
            second.expect("BYE");
            second.ok();
        }
        let record = world.end();
        assert_eq!((record.outcome, record.billable_ms), (Outcome::Cancelled, 0));
    }
}

#[test]
fn a_first_party_that_hangs_up_while_it_hears_the_busy_tone() {
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    second.say(486);
    second.expect("ACK");
    world.pass(SECOND);
    first.bye();
    first.expect(200);
    assert_eq!(world.end().outcome, Outcome::Busy);
}

#[test]
fn both_answer_in_the_moment_of_the_others_end() {
    // The second's answer and the first's BYE are on their way at the same time.
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    second.answer();
    first.bye();
    second.expect("ACK");
    second.expect("BYE");
    second.ok();
    first.expect(200);
    world.end();
}

#[test]
fn parties_that_vanish() {
    let wait = |world: &World, order: Order, bridged: bool| {
        let (mut first, mut second) = if bridged { world.bridged(order) } else { world.reach(order) };
        world.tell(|relay| Event::Silent { relay });
        first.expect("BYE");
        first.ok();
        second.expect(if bridged { "BYE" } else { "CANCEL" });
        second.ok();
        if !bridged {
            second.say(487);
        }
        world.end()
    };
    for (bridged, outcome) in [(true, Outcome::Answered), (false, Outcome::Unavailable)] {
        let world = World::new();
        let record = wait(&world, world.order(), bridged);
        assert_eq!((record.outcome, record.hung_up, record.cause), (outcome, Some(HungUp::Silence), 102));
    }
    // Nobody answers anything.
    let world = World::new();
    world.place(world.order());
    world.pass(120 * SECOND);
    assert_eq!(world.end().outcome, Outcome::NoAnswer);
    let world = World::new();
    let (mut first, _second) = world.reach(world.order());
    world.pass(10 * SECOND);
    first.bye();
    first.expect(200);
    world.end();
}

#[test]
fn a_second_party_whose_registration_is_gone_by_then() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    phone.register();
    let mut first = world.summon(world.order_for(ALICE, CUSTOMER_NUMBER));
    phone.register_with(&[("Contact", "*"), ("Expires", "0")]);
    first.answer();
    first.expect("ACK");
    assert_eq!(hears_busy(&world, &mut first).outcome, Outcome::Unreachable);
}
