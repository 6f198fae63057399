//! How each leg of a call ended, and who hung up on it, whatever became of the call.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::call::Order;
use maskline::ledger::{CallRecord, HungUp, Outcome};
use maskline::relay::Event;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
/// Another device of the customer.
const TABLET: &str = "127.0.0.13:5064";

/// How each leg ended: the caller's first.
fn legs(record: &CallRecord) -> Vec<(Outcome, Option<HungUp>)> {
    record.legs.iter().map(|leg| (leg.result.unwrap(), leg.hung_up)).collect()
}

/// The same of every leg.
fn both(result: Outcome, by: Option<HungUp>) -> Vec<(Outcome, Option<HungUp>)> {
    vec![(result, by); 2]
}

#[test]
fn whoever_hangs_up_ends_both_legs() {
    for by in [HungUp::Caller, HungUp::Callee] {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        match by {
            HungUp::Caller => caller.hang_up(&mut callee),
            _ => callee.hang_up(&mut caller),
        }
        assert_eq!(legs(&world.end()), both(Outcome::Answered, Some(by)));
    }
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.tell(|relay| Event::Silent { relay });
    for leg in [&mut caller, &mut callee] {
        leg.expect("BYE");
        leg.ok();
    }
    assert_eq!(legs(&world.end()), both(Outcome::Answered, Some(HungUp::Silence)));
}

#[test]
fn a_leg_that_goes_on_has_no_result() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let told = world.told().pop().unwrap();
    assert!(told.legs.len() == 2 && told.legs.iter().all(|leg| (leg.result, leg.hung_up) == (None, None)));
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn a_callee_that_does_not_take_the_call() {
    let rows = [
        (486, Outcome::Busy),
        (480, Outcome::NoAnswer),
        (603, Outcome::Rejected),
        (488, Outcome::NoCommonCodec),
        (503, Outcome::Unreachable),
    ];
    for (status, result) in rows {
        let world = World::new();
        let _caller = world.dial(M1);
        let mut callee = world.incoming(BETA);
        callee.say(status);
        callee.expect("ACK");
        assert_eq!(legs(&world.end()), both(result, None));
    }
}

#[test]
fn a_callee_that_does_not_answer_in_time() {
    for answers in [false, true] {
        let world = World::new();
        let (mut caller, mut callee) = world.ringing();
        world.pass(59 * SECOND);
        caller.expect(480);
        callee.expect("CANCEL");
        callee.ok();
        callee.say_with_media(if answers { 200 } else { 487 });
        callee.expect("ACK");
        if answers {
            callee.expect("BYE");
            callee.ok();
        }
        let record = world.end();
        let late = (Outcome::Cancelled, Some(HungUp::Switch));
        let callee = if answers { late } else { (Outcome::NoAnswer, None) };
        assert_eq!(legs(&record), [(Outcome::NoAnswer, None), callee]);
        assert_eq!(record.legs[1].cause, Some(if answers { 26 } else { 19 }));
    }
}

#[test]
fn a_caller_that_gives_up_cancels_both_legs() {
    for answers in [false, true] {
        let world = World::new();
        let (mut caller, mut callee) = world.ringing();
        caller.cancel();
        caller.expect(487);
        callee.expect("CANCEL");
        callee.ok();
        callee.say_with_media(if answers { 200 } else { 487 });
        callee.expect("ACK");
        if answers {
            callee.expect("BYE");
            callee.ok();
        }
        let record = world.end();
        let by = answers.then_some(HungUp::Switch);
        assert_eq!(legs(&record), [(Outcome::Cancelled, None), (Outcome::Cancelled, by)]);
        assert_eq!(record.legs[1].answered_ms.is_some(), answers, "it was answered, and is billed for that");
        assert_eq!(record.legs[1].cause, Some(26));
    }
}

#[test]
fn of_two_devices_the_one_that_is_not_needed_is_cancelled() {
    for both_answer in [false, true] {
        let world = World::new();
        world.phone("customer", CUSTOMER).register();
        world.phone("customer", TABLET).register();
        let mut caller = world.dial(TO_CUSTOMER);
        let (mut phone, mut tablet) = (world.incoming(CUSTOMER), world.incoming(TABLET));
        for device in [&mut phone, &mut tablet] {
            device.ring();
        }
        tablet.answer();
        if both_answer {
            phone.answer();
        }
        caller.expect(200);
        caller.ack();
        if both_answer {
            phone.expect("BYE");
            phone.ok();
        } else {
            phone.expect("CANCEL");
            phone.ok();
            phone.say(487);
        }
        caller.hang_up(&mut tablet);
        let won = (Outcome::Answered, Some(HungUp::Caller));
        let lost = (Outcome::Cancelled, both_answer.then_some(HungUp::Switch));
        let record = world.end();
        let mut callees = legs(&record).split_off(1);
        callees.sort_by_key(|(result, _)| *result == Outcome::Cancelled);
        assert_eq!((legs(&record)[0], &*callees), (won, &[won, lost][..]));
    }
}

#[test]
fn a_leg_that_never_was_more_than_an_invite() {
    let world = World::new();
    world.dial(IDLE).expect(404);
    assert_eq!(legs(&world.end()), [(Outcome::Refused, None)]);
    let world = World::new();
    let _caller = world.dial(M1);
    world.pass(40 * SECOND);
    assert_eq!(legs(&world.end()), both(Outcome::Unreachable, None), "nobody was there");
    let world = World::new();
    let (mut caller, mut callee) = world.answered();
    world.pass(40 * SECOND);
    for leg in [&mut caller, &mut callee] {
        leg.expect("BYE");
        leg.ok();
    }
    let (deaf, up) = (Outcome::NoAcknowledgement, Outcome::Answered);
    assert_eq!(legs(&world.end()), [deaf, up].map(|result| (result, Some(HungUp::Failure))));
}

#[test]
fn the_parties_of_an_order() {
    let world = World::new();
    let (mut first, mut second) = world.bridged(world.order());
    first.hang_up(&mut second);
    assert_eq!(legs(&world.end()), both(Outcome::Answered, Some(HungUp::Caller)));
    // Nobody pressed the key.
    let world = World::new();
    let mut first = world.summon(Order { confirm: true, ..world.order() });
    first.answer();
    first.expect("BYE");
    first.ok();
    let led_nowhere = (Outcome::Answered, Some(HungUp::Switch));
    assert_eq!(legs(&world.end()), [led_nowhere]);
    // The second was busy, which the first has heard.
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    second.say(486);
    first.expect("BYE");
    first.ok();
    assert_eq!(legs(&world.end()), [led_nowhere, (Outcome::Busy, None)]);
    // The first had enough of it.
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    first.bye();
    second.expect("CANCEL");
    second.ok();
    second.say(487);
    assert_eq!(legs(&world.end()), [(Outcome::Answered, Some(HungUp::Caller)), (Outcome::Cancelled, None)]);
}
