//! Callers that give up, in every state of a call, and answers that come too late or twice.

mod sim;

use std::time::Duration;

use maskline::ledger::Outcome;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// The caller gives up and hears so.
fn give_up(caller: &mut Leg) {
    caller.cancel();
    let refusal = caller.expect(487);
    assert_eq!(refusal.cseq_method(), "INVITE");
    let ok = caller.expect(200);
    assert_eq!(ok.cseq_method(), "CANCEL");
    assert_eq!(ok.to_tag(), refusal.to_tag(), "the CANCEL is answered with the INVITE's tag");
}

fn check_cancelled(world: &World) {
    let record = world.end();
    assert_eq!((record.outcome, record.status), (Outcome::Cancelled, Some(487)));
    assert_eq!((record.cause, record.billable_ms), (16, 0));
}

#[test]
fn before_the_decision() {
    let world = World::new();
    world.edit().decision_delay = SECOND;
    let mut caller = world.dial(M1);
    caller.expect(100);
    give_up(&mut caller);
    world.pass(2 * SECOND);
    assert!(world.received(BETA).is_empty());
    check_cancelled(&world);
}

#[test]
fn a_late_decision_reaches_no_other_call() {
    let world = World::new();
    world.edit().decision_delay = SECOND;
    let mut first = world.dial(M1);
    first.expect(100);
    give_up(&mut first);
    world.edit().is_undecided = true;
    let mut second = world.dial(IDLE);
    second.expect(100);
    world.pass(2 * SECOND);
    assert!(world.received(BETA).is_empty(), "the first call's decision is not the second's");
    second.expect(480);
    world.settle();
    assert_eq!(world.get().records.len(), 2);
}

#[test]
fn while_a_name_is_looked_up() {
    let world = World::with(&SETTINGS.replace("sip:127.0.0.3:5060", "sip:beta.example"), 1);
    world.edit().names.insert("beta.example".into(), vec![address(BETA)]);
    world.edit().resolution_delay = SECOND;
    let mut caller = world.dial(M1);
    caller.expect(100);
    give_up(&mut caller);
    world.pass(2 * SECOND);
    assert!(world.received(BETA).is_empty());
    check_cancelled(&world);
}

#[test]
fn while_ports_are_opened() {
    let world = World::new();
    world.edit().engine_delay = SECOND;
    let mut caller = world.dial(M1);
    caller.expect(100);
    give_up(&mut caller);
    world.pass(2 * SECOND);
    assert!(world.received(BETA).is_empty());
    check_cancelled(&world);
}

#[test]
fn before_the_callee_has_said_anything() {
    let world = World::new();
    let (mut caller, mut callee) = world.begun();
    give_up(&mut caller);
    callee.refute("CANCEL", SECOND);
    callee.ring();
    let cancel = callee.expect("CANCEL");
    let invite = callee.invited.clone().unwrap();
    for name in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(cancel.header(name), invite.header(name), "{name}");
    }
    assert_eq!((cancel.uri(), cancel.cseq()), (invite.uri(), invite.cseq()));
    callee.ok();
    callee.say(487);
    callee.expect("ACK");
    check_cancelled(&world);
}

#[test]
fn a_callee_that_never_says_anything() {
    let world = World::new();
    let (mut caller, mut callee) = world.begun();
    give_up(&mut caller);
    callee.refute("CANCEL", 40 * SECOND);
    check_cancelled(&world);
}

#[test]
fn while_it_rings() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    give_up(&mut caller);
    callee.stop_ringing();
    check_cancelled(&world);
}

#[test]
fn a_callee_that_ignores_the_cancel() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    give_up(&mut caller);
    callee.expect("CANCEL");
    callee.ok();
    callee.ring();
    callee.refute("CANCEL", 10 * SECOND);
    assert!(world.get().records.is_empty());
    check_cancelled(&world);
}

#[test]
fn an_answer_after_the_cancel_is_ended_at_once_and_billed() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    give_up(&mut caller);
    callee.expect("CANCEL");
    callee.ok();
    world.pass(SECOND);
    callee.answer();
    callee.expect("ACK");
    let bye = callee.expect("BYE");
    assert_eq!(bye.cause(), Some(26));
    callee.answer();
    callee.expect("ACK");
    callee.ok();
    let record = world.end();
    assert_eq!(record.outcome, Outcome::Cancelled);
    assert!(record.legs[1].answered_ms.is_some());
}

#[test]
fn a_cancel_that_crosses_the_answer() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    callee.answer();
    world.pass(Duration::from_millis(3));
    caller.cancel();
    caller.expect(200);
    caller.expect(200);
    caller.refute(487, SECOND);
    caller.ack();
    callee.expect("ACK");
    caller.hang_up(&mut callee);
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn a_cancel_of_nothing() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    let cancel = caller.cancel_draft();
    let via = cancel.get("Via").unwrap().replace("z9hG4bK", "z9hG4bKother");
    caller.send(cancel.set("Via", via));
    caller.expect(481);
    assert_eq!(world.stateless(ALPHA), [481], "or it would count as the repetition of a CANCEL to come");
    caller.refute(487, SECOND);
    callee.answer();
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn somebody_elses_cancel() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    let cancel = caller.cancel_draft().bytes();
    for other in [STRANGER, BETA] {
        world.send(address(other), cancel.clone());
    }
    caller.refute(487, SECOND);
    assert!(world.received(STRANGER).is_empty());
    callee.answer();
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn a_bye_before_the_answer() {
    let world = World::new();
    let (mut caller, mut callee) = world.begun();
    callee.ring();
    let ringing = caller.expect(180);
    caller.remote = ringing.header("To").into();
    caller.target = ringing.contact().into();
    let invite = caller.invite.clone();
    caller.bye();
    caller.invite = invite;
    caller.expect(200);
    caller.expect(487);
    callee.expect("CANCEL");
    callee.ok();
    callee.say(487);
    world.end();
}

#[test]
fn of_two_answers_one_wins_and_the_other_is_ended() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut first = world.incoming(BETA);
    let mut second = first.fork();
    first.ring();
    second.ring();
    second.answer();
    first.answer();
    caller.expect(200);
    caller.ack();
    second.expect("ACK");
    first.expect("ACK");
    let bye = first.expect("BYE");
    assert_eq!((bye.cause(), bye.cseq()), (Some(26), 2));
    first.ok();
    for _ in 0..3 {
        first.answer();
        first.expect("ACK");
    }
    first.refute("ACK", SECOND);
    first.refute("BYE", SECOND);
    caller.refute(200, SECOND);
    caller.hang_up(&mut second);
    let record = world.end();
    assert_eq!(record.outcome, Outcome::Answered);
}

#[test]
fn an_answer_after_a_failure() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut first = world.incoming(BETA);
    let mut second = first.fork();
    first.say(486);
    first.expect("ACK");
    caller.expect(486);
    second.answer();
    second.expect("ACK");
    assert_eq!(second.expect("BYE").cause(), Some(26));
    second.ok();
    second.answer();
    second.expect("ACK");
    second.refute("BYE", SECOND);
    first.say(486);
    first.expect("ACK");
    assert_eq!(world.end().outcome, Outcome::Busy);
}

#[test]
fn an_answer_after_a_failure_while_another_device_rings() {
    let world = World::new();
    world.phone("customer", CUSTOMER).register();
    world.phone("customer", "127.0.0.13:5064").register();
    let mut caller = world.dial(TO_CUSTOMER);
    let mut first = world.incoming(CUSTOMER);
    let mut tablet = world.incoming("127.0.0.13:5064");
    let mut second = first.fork();
    first.say(480);
    first.expect("ACK");
    second.answer();
    second.expect("ACK");
    second.expect("BYE");
    second.ok();
    caller.refute(200, SECOND);
    tablet.answer();
    caller.expect(200);
    caller.ack();
    tablet.expect("ACK");
    caller.hang_up(&mut tablet);
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn another_answer_when_all_is_over() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut first = world.incoming(BETA);
    let mut second = first.fork();
    first.answer();
    caller.expect(200);
    caller.ack();
    first.expect("ACK");
    caller.hang_up(&mut first);
    world.pass(SECOND);
    second.answer();
    second.expect("ACK");
    second.expect("BYE");
    second.ok();
    world.end();
}

#[test]
fn answers_of_forks_after_a_cancel() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut first = world.incoming(BETA);
    let mut second = first.fork();
    first.ring();
    caller.expect(180);
    give_up(&mut caller);
    first.expect("CANCEL");
    first.ok();
    for fork in [&mut first, &mut second] {
        fork.answer();
        fork.expect("ACK");
        fork.expect("BYE");
        fork.ok();
    }
    assert_eq!(world.end().outcome, Outcome::Cancelled);
}
