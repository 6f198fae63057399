//! A node above its load mark: new calls go elsewhere, and those it has go on.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::ledger::Outcome;
use maskline::switch::Input;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// Asks the switch by OPTIONS, and gives the status.
fn options(world: &World) -> u16 {
    let mut asks = world.caller(ALPHA, ALICE, M1);
    let options = asks.request("OPTIONS");
    asks.send(options);
    let is_final = |text: &Text| text.status().is_some_and(|status| status >= 200);
    world.expect(asks.at, "an answer", is_final).status().unwrap()
}

/// A new call is turned away, at once and with nothing done for it.
fn is_refused(world: &World) {
    let started = world.time();
    let (calls, sent) = (world.get().switch.calls(), world.received(BETA).len());
    let mut caller = world.dial(M1);
    let refusal = caller.expect(503);
    assert!((1..=5).contains(&refusal.header("Retry-After").parse::<u8>().unwrap()));
    assert_eq!(refusal.cause(), Some(34));
    assert!(world.time() - started < Duration::from_millis(50));
    assert_eq!((world.get().switch.calls(), world.received(BETA).len()), (calls, sent));
    assert!(caller.unread(100).is_none(), "there is nothing to wait for");
    assert_eq!(options(world), 503);
    let inner = world.get();
    let record = inner.records.last().unwrap();
    assert_eq!((record.outcome, record.status), (Outcome::Refused, Some(503)));
    assert!(record.dialled.is_some() && record.caller.is_some());
}

#[test]
fn no_more_calls_than_the_settings_say() {
    let settings = |calls: usize| with_table(&format!("[call]\nmax_calls = {calls}"));
    let world = World::with(&settings(2), 1);
    let (mut first, mut first_callee) = world.established();
    assert_eq!(options(&world), 200);
    let second = world.dial(M1);
    let second_callee = world.incoming(BETA);
    is_refused(&world);
    let (mut second, mut second_callee) = connect(second, second_callee);
    let info = first.request("INFO").body("application/dtmf", "1");
    first.send(info);
    first.expect(200);
    is_refused(&world);
    first.hang_up(&mut first_callee);
    world.pass(SECOND);
    assert_eq!(options(&world), 200);
    let (mut third, mut third_callee) = world.established();
    is_refused(&world);
    world.reconfigure(&settings(3));
    let (mut fourth, mut fourth_callee) = world.established();
    is_refused(&world);
    for (caller, callee) in [
        (&mut second, &mut second_callee),
        (&mut third, &mut third_callee),
        (&mut fourth, &mut fourth_callee),
    ] {
        caller.hang_up(callee);
    }
    world.settle();
    let logs = world.logs();
    assert!(logs.contains("above its load mark") && logs.contains("requests=8"), "{logs}");
    assert_eq!(world.get().records.len(), 8);
}

#[test]
fn calls_that_lead_nowhere_keep_no_others_out() {
    let world = World::with(&with_table("[call]\nmax_calls = 1"), 1);
    let refused: Vec<Leg> = (0..20).map(|_| world.dial(FOREIGN)).collect();
    let (mut caller, mut callee) = world.established();
    refused.into_iter().for_each(|mut caller| drop(caller.expect(404)));
    is_refused(&world);
    caller.hang_up(&mut callee);
    world.settle();
}

#[test]
fn a_node_that_is_behind_catches_up_first() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.edit().input(Input::Behind(true));
    is_refused(&world);
    let info = caller.request("INFO").body("application/dtmf", "1");
    caller.send(info);
    caller.expect(200);
    world.edit().input(Input::Behind(false));
    assert_eq!(options(&world), 200);
    let (mut second, mut second_callee) = world.established();
    second.hang_up(&mut second_callee);
    callee.hang_up(&mut caller);
    world.settle();
}

#[test]
fn strangers_learn_nothing_of_the_load() {
    let world = World::new();
    world.edit().input(Input::Behind(true));
    let mut stranger = world.caller(STRANGER, ALICE, M1);
    for method in ["INVITE", "OPTIONS"] {
        let request = stranger.request(method);
        stranger.send(request);
    }
    let mut phone = world.phone("agent", AGENT);
    phone.register();
    let mut leg = phone.dial(M1);
    leg.expect(503);
    world.settle();
    assert!(world.received(STRANGER).is_empty());
    assert_eq!(world.get().records.len(), 1, "the phone's");
}
