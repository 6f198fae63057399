//! The ways in which an established call ends, each with one record.

mod sim;

use std::time::Duration;

use maskline::ledger::{HungUp, Outcome};
use maskline::relay::Event;
use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// Both sides are told that it is over.
fn both_hear_bye(caller: &mut Leg, callee: &mut Leg) -> [Text; 2] {
    let [a, b] = [caller, callee].map(|leg| {
        let bye = leg.expect("BYE");
        leg.ok();
        bye
    });
    [a, b]
}

/// One side asks to hold the other, which is asked in turn.
fn hold(leg: &mut Leg, other: &mut Leg) {
    let held = leg.media.clone().direction("sendonly");
    leg.reinvite(held);
    other.expect("INVITE");
}

#[test]
fn both_hang_up_at_once() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    caller.bye();
    callee.bye();
    for leg in [&mut caller, &mut callee] {
        leg.expect(200);
    }
    let _ = callee.unread("BYE");
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
}

#[test]
fn the_callee_hangs_up_before_the_caller_has_acknowledged() {
    let world = World::new();
    let (mut caller, mut callee) = world.answered();
    callee.bye();
    callee.expect(200);
    caller.refute("BYE", Duration::from_millis(300));
    caller.ack();
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.end().hung_up, Some(HungUp::Callee));
}

#[test]
fn the_callee_hangs_up_and_the_caller_never_acknowledges() {
    let world = World::new();
    let (mut caller, mut callee) = world.answered();
    callee.bye();
    callee.expect(200);
    world.pass(31 * SECOND);
    assert!(caller.unread("BYE").is_none());
    caller.expect("BYE");
    caller.ok();
    let record = world.end();
    assert_eq!((record.hung_up, record.outcome), (Some(HungUp::Callee), Outcome::Answered));
}

#[test]
fn both_hang_up_and_nobody_acknowledges() {
    let world = World::new();
    let (mut caller, mut callee) = world.answered();
    callee.bye();
    callee.expect(200);
    caller.bye();
    caller.expect(200);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.get().records.len(), 1, "nothing more is to come");
    caller.refute("BYE", SECOND);
    assert_eq!(world.end().hung_up, Some(HungUp::Callee));
}

#[test]
fn the_caller_hangs_up_without_acknowledging() {
    let world = World::new();
    let (mut caller, mut callee) = world.answered();
    caller.bye();
    caller.expect(200);
    callee.expect("BYE");
    callee.ok();
    world.pass(SECOND);
    while caller.unread(200).is_some() {}
    caller.refute(200, 10 * SECOND);
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
}

#[test]
fn a_party_that_never_answers_the_bye() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    caller.bye();
    caller.expect(200);
    callee.expect("BYE");
    world.pass(Duration::from_millis(2));
    assert_eq!(world.get().records.len(), 1, "the record does not wait for it");
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
    let byes = world.received(BETA).iter().filter(|text| text.method() == Some("BYE")).count();
    assert_eq!(byes, 11, "timer E: 0, 0.5, 1.5, 3.5 s, and each 4 s up to 31.5 s");
}

#[test]
fn a_party_that_refuses_the_bye() {
    for status in [401, 407, 481, 500, 603] {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        caller.bye();
        caller.expect(200);
        callee.expect("BYE");
        callee.reply(status);
        world.end();
    }
}

#[test]
fn silence() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.tell(|relay| Event::Silent { relay });
    let byes = both_hear_bye(&mut caller, &mut callee);
    assert!(byes.iter().all(|bye| bye.cause() == Some(102)));
    let record = world.end();
    assert_eq!((record.hung_up, record.cause), (Some(HungUp::Silence), 102));
}

#[test]
fn the_longest_duration() {
    let world = World::with(&with_table("[call]\nmax_duration = \"10m\""), 1);
    let (mut caller, mut callee) = world.established();
    world.pass(599 * SECOND);
    assert!(caller.unread("BYE").is_none());
    both_hear_bye(&mut caller, &mut callee);
    let record = world.end();
    assert_eq!(record.hung_up, Some(HungUp::MaxDuration));
    assert!((600_000..600_100).contains(&record.billable_ms));
}

#[test]
fn a_dialog_that_is_gone_at_its_end() {
    for status in [481, 408] {
        for is_caller in [true, false] {
            let world = World::new();
            let (mut caller, mut callee) = world.established();
            let (leg, other) =
                if is_caller { (&mut callee, &mut caller) } else { (&mut caller, &mut callee) };
            hold(leg, other);
            other.say(status);
            other.expect("ACK");
            leg.expect(487);
            both_hear_bye(leg, other);
            assert_eq!(world.end().hung_up, Some(HungUp::Failure));
        }
    }
}

#[test]
fn a_party_that_has_vanished() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    hold(&mut caller, &mut callee);
    world.pass(33 * SECOND);
    caller.expect(487);
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.end().hung_up, Some(HungUp::Failure));
}

#[test]
fn a_party_that_takes_an_offer_and_never_answers_it() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    hold(&mut caller, &mut callee);
    callee.say(100);
    callee.expect("CANCEL");
    assert!((32 * SECOND..33 * SECOND).contains(&world.time()));
    callee.ok();
    world.pass(33 * SECOND);
    caller.expect(487);
    caller.expect("BYE");
    caller.ok();
    callee.expect("BYE");
    callee.ok();
    world.end();
}

#[test]
fn a_caller_that_gives_its_offer_up() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    hold(&mut caller, &mut callee);
    callee.say(100);
    world.pass(SECOND);
    caller.cancel();
    caller.expect(200);
    callee.expect("CANCEL");
    callee.ok();
    callee.say(487);
    caller.expect(487);
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives), "nothing has changed");
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn an_offer_that_is_given_up_and_taken_all_the_same() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    hold(&mut caller, &mut callee);
    caller.cancel();
    caller.expect(200);
    callee.media = callee.media.clone().direction("recvonly");
    callee.answer();
    callee.expect("ACK");
    assert_eq!(caller.expect(200).sdp_direction(), "recvonly");
    caller.ack();
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn a_hang_up_while_media_change() {
    for is_caller in [true, false] {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        let held = caller.media.clone().direction("sendonly");
        caller.reinvite(held);
        callee.expect("INVITE");
        if is_caller {
            caller.bye();
            caller.expect(200);
            caller.expect(487);
            callee.expect("BYE");
            callee.ok();
        } else {
            callee.bye();
            callee.expect(200);
            caller.expect(487);
            caller.expect("BYE");
            caller.ok();
        }
        callee.say(487);
        world.end();
    }
}

#[test]
fn an_accepted_change_after_the_hang_up() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    hold(&mut caller, &mut callee);
    caller.bye();
    callee.expect("BYE");
    callee.answer();
    callee.expect("ACK");
    callee.ok();
    world.end();
}

#[test]
fn the_operator_ends_every_call() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let mut ringing = world.caller(BETA, BOB, M2);
    ringing.call();
    let mut second = world.incoming(ALPHA);
    second.ring();
    ringing.expect(180);
    world.command(Command::HangUpAll);
    both_hear_bye(&mut caller, &mut callee);
    ringing.expect(480);
    second.expect("CANCEL");
    second.ok();
    second.say(487);
    world.settle();
    assert_eq!(world.get().records.len(), 2);
    assert!(world.get().records.iter().any(|record| record.hung_up == Some(HungUp::Operator)));
}

#[test]
fn a_stop_writes_every_record_without_waiting_for_anyone() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let mut mute = world.caller(BETA, BOB, M2);
    mute.call();
    let mut second = world.incoming(ALPHA);
    second.ring();
    mute.expect(180);
    world.command(Command::HangUpAll);
    both_hear_bye(&mut caller, &mut callee);
    mute.expect(480);
    second.expect("CANCEL");
    world.command(Command::CloseAll);
    assert_eq!(world.get().records.len(), 2, "the callee that never answers its CANCEL is not waited for");
    second.ok();
    second.say(487);
    world.settle();
    assert_eq!(world.get().records.len(), 2, "no record is written twice");
}

#[test]
fn an_engine_that_says_nothing_does_not_hold_the_record_back() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.edit().engine.is_mute = true;
    caller.hang_up(&mut callee);
    assert!(world.get().records.is_empty());
    world.pass(3 * SECOND);
    assert_eq!(world.get().records.len(), 1);
    world.end();
}

#[test]
fn other_settings_leave_running_calls_alone() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let begin = SETTINGS.find("[[mappings]]").unwrap();
    world.reconfigure(&SETTINGS[..begin]);
    let (a, b) = (caller.media.clone(), callee.media.clone());
    caller.reinvite(a.direction("sendonly"));
    callee.expect("INVITE");
    callee.media = b.direction("recvonly");
    callee.answer();
    caller.expect(200);
    caller.ack();
    world.dial(M1).expect(404);
    caller.hang_up(&mut callee);
    world.settle();
    assert_eq!(world.get().records.len(), 2);
}
