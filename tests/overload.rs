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
    let of_before = world.get().switch.transactions();
    let again = caller.invite.clone().unwrap();
    let records = world.get().records.len();
    caller.send(again);
    caller.expect(503);
    assert_eq!(world.get().switch.transactions(), of_before, "a flood keeps nothing");
    assert!(world.stateless(ALPHA).ends_with(&[503; 2]));
    assert_eq!(world.get().records.len(), records, "nor does it leave a record each time");
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
    assert!(logs.contains("above its load mark") && logs.contains("requests=12"), "{logs}");
    assert_eq!(world.get().records.len(), 8);
}

/// Of so many calls at one moment as many go through as may.
fn burst(settings: &str, host: Option<(&str, Duration)>) {
    let world = World::with(settings, 1);
    if let Some((name, delay)) = host {
        world.edit().names.insert(name.into(), vec![address(BETA)]);
        world.edit().resolution_delay = delay;
    }
    let mut callers: Vec<Leg> = (0..60).map(|_| world.dial(M1)).collect();
    world.pass(Duration::from_millis(450));
    let invited = |text: &&Text| text.method() == Some("INVITE");
    let reached: std::collections::HashSet<String> =
        world.received(BETA).iter().filter(invited).map(|text| text.call_id().to_owned()).collect();
    assert_eq!((reached.len(), world.get().engine.open.len()), (5, 5));
    let refused = callers.iter_mut().filter_map(|caller| caller.unread(503));
    let refused: Vec<Text> = refused.inspect(|text| assert!(text.get("Retry-After").is_some())).collect();
    assert_eq!(refused.len(), 55);
    assert_eq!(options(&world), 503);
    (0..5).for_each(|_| world.incoming(BETA).say(486));
    world.pass(Duration::from_millis(100));
    assert_eq!(callers.iter_mut().filter_map(|caller| caller.unread(486)).count(), 5);
    assert_eq!(options(&world), 200, "all places are free again");
    world.settle();
    let inner = world.get();
    let of = |status| inner.records.iter().filter(|record| record.status == Some(status)).count();
    assert_eq!((of(503), of(486)), (55, 5));
}

#[test]
fn calls_of_one_moment_are_no_more_than_the_settings_say() {
    let settings = with_table("[call]\nmax_calls = 5");
    burst(&settings, None);
    let named = settings.replace("sip:127.0.0.3:5060", "sip:beta.example");
    burst(&named, Some(("beta.example", Duration::from_millis(300))));
}

#[test]
fn a_caller_who_gives_up_while_a_name_is_looked_up_gives_its_place_back() {
    let settings = with_table("[call]\nmax_calls = 1").replace("sip:127.0.0.3:5060", "sip:beta.example");
    let world = World::with(&settings, 1);
    world.edit().resolution_delay = SECOND;
    let mut caller = world.dial(M1);
    caller.expect(100);
    world.pass(Duration::from_millis(100));
    assert_eq!(options(&world), 503);
    caller.cancel();
    caller.expect(487);
    assert_eq!(options(&world), 200);
    world.settle();
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
