//! Which masking numbers lead anywhere can be found out no faster than the rate of refusals allows.

mod sim;

use std::time::Duration;

use maskline::ledger::Outcome;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
/// Somebody else behind the trunk alpha.
const CAROL: &str = "+919811100000";

/// A world whose trunk alpha allows each caller two refusals a second, and so twenty at once.
fn world() -> World {
    World::with(&with_trunk_key("alpha", "refusals_per_second = 2"), 1)
}

fn call(world: &World, number: &str, dialled: &str) -> Leg {
    let mut caller = world.caller(ALPHA, number, dialled);
    caller.call();
    caller
}

/// A caller is refused so many times, all in the same moment.
fn refused(world: &World, number: &str, times: usize) {
    refused_with(world, number, times, &[]);
}

/// The same, and right behind that it is refused for these too.
fn refused_with(world: &World, number: &str, times: usize, dialled: &[&str]) {
    let started = world.time();
    let dialled = std::iter::repeat_n(&FOREIGN, times).chain(dialled);
    let mut calls: Vec<Leg> = dialled.map(|dialled| call(world, number, dialled)).collect();
    for caller in &mut calls {
        caller.expect(404);
        assert!(caller.unread(180).is_none() && caller.unread(183).is_none());
    }
    let took = (world.time() - started).as_millis();
    assert!((200..=215).contains(&took), "the uniform refusal after its time: {took} ms");
}

/// The call goes through: the callee's end of it is turned down.
fn goes_through(world: &World, mut caller: Leg) {
    world.incoming(BETA).say(486);
    caller.expect(486);
}

#[test]
fn a_caller_who_was_refused_too_often_is_refused_whatever_it_dials() {
    let world = world();
    refused(&world, ALICE, 19);
    goes_through(&world, call(&world, ALICE, M1));
    let invites = world.received(BETA).len();
    refused_with(&world, ALICE, 3, &[M1, OPEN, TO_CUSTOMER, IDLE]);
    assert_eq!(world.received(BETA).len(), invites, "the callee hears of nothing");
    {
        let inner = world.get();
        let last =
            inner.records.iter().rfind(|record| record.dialled.is_some_and(|dialled| dialled.reveal() == M1));
        let last = last.expect("the refused call leaves its record");
        assert_eq!((last.outcome, last.status, last.destination), (Outcome::Refused, Some(404), None));
        assert!(last.trace.last().is_some_and(|step| step.contains("refused too often")), "{:?}", last.trace);
    }
    world.pass(2 * SECOND);
    goes_through(&world, call(&world, ALICE, M1));
    world.settle();
    assert!(world.logs().contains("try one number after another"));
}

#[test]
fn others_behind_the_same_trunk_are_not_touched() {
    let world = world();
    refused_with(&world, ALICE, 40, &[M1]);
    refused(&world, "anonymous", 5);
    goes_through(&world, call(&world, CAROL, OPEN));
    goes_through(&world, call(&world, "anonymous", OPEN));
    refused_with(&world, "anonymous", 30, &[IDLE]);
    goes_through(&world, call(&world, "anonymous", OPEN));
    let mut of_beta = world.caller(BETA, BOB, M2);
    of_beta.call();
    let mut callee = world.incoming(ALPHA);
    callee.say(486);
    of_beta.expect(486);
    world.settle();
}

#[test]
fn callers_without_a_number_are_held_together_to_twenty_times_the_rate() {
    let world = world();
    refused(&world, "anonymous", 399);
    goes_through(&world, call(&world, "anonymous", OPEN));
    refused_with(&world, "anonymous", 60, &[OPEN]);
    goes_through(&world, call(&world, CAROL, OPEN));
    world.pass(SECOND);
    goes_through(&world, call(&world, "anonymous", OPEN));
    world.settle();
}

#[test]
fn calls_that_go_through_cost_nothing() {
    let world = world();
    for _ in 0..60 {
        goes_through(&world, call(&world, ALICE, M1));
    }
    refused(&world, ALICE, 19);
    goes_through(&world, call(&world, ALICE, M1));
    world.settle();
}

#[test]
fn emergency_numbers_keep_their_own_treatment() {
    let world = world();
    refused(&world, ALICE, 25);
    let started = world.time();
    call(&world, ALICE, "112").expect(403);
    assert!(world.time() - started < Duration::from_millis(20));
    world.settle();
}

#[test]
fn a_phone_is_held_to_the_same() {
    let settings = SETTINGS.replace(ALICE, AGENT_NUMBER);
    let world = World::with(&settings, 1);
    let mut phone = world.phone("agent", AGENT);
    phone.register();
    let mut first = phone.leg(FOREIGN);
    first.call();
    let challenge = first.expect(401);
    let challenge = challenge.header("WWW-Authenticate");
    let (realm, nonce) = (phone::quoted(challenge, "realm"), phone::quoted(challenge, "nonce"));
    let dial = |(count, dialled): (u32, &str)| {
        let mut leg = phone.leg(dialled);
        let proof = phone.answer(realm, nonce, count, "INVITE", &leg.target);
        let invite = leg.invite().with("Authorization", proof);
        leg.send(invite);
        leg
    };
    let numbers = std::iter::repeat_n(FOREIGN, 99).chain([M1, FOREIGN, M1]);
    let mut calls: Vec<Leg> = (1..).zip(numbers).map(dial).collect();
    goes_through(&world, calls.remove(99));
    calls.iter_mut().for_each(|caller| drop(caller.expect(404)));
    world.pass(SECOND);
    goes_through(&world, phone.dial(M1));
    world.settle();
}
