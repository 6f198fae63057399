//! How far a call has come, as it is told while it goes on; and the operator's end of one call.

mod sim;

use std::time::Duration;

use maskline::ledger::{CallRecord, HungUp, Outcome};
use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// Which moments a record shows: decided, ringing, answered.
fn moments(record: &CallRecord) -> [bool; 3] {
    [record.decided_ms, record.ringing_ms, record.answered_ms].map(|at| at.is_some())
}

/// What was told of the one call: each time the same key and id, and an outcome that is still open.
fn told(world: &World) -> Vec<CallRecord> {
    let inner = world.get();
    for (key, record) in &inner.progress {
        assert_eq!(*key, inner.progress[0].0);
        assert_eq!(record.id, inner.progress[0].1.id);
        assert_eq!((record.outcome, record.hung_up, record.cause), (Outcome::InProgress, None, 0));
    }
    inner.progress.iter().map(|(_, record)| record.clone()).collect()
}

fn hang_up(world: &World) {
    let call = world.get().progress[0].0;
    world.command(Command::HangUp { call });
}

#[test]
fn each_step_is_told_once_and_in_order() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    let records = told(&world);
    assert_eq!(records.len(), 1, "the callee is called");
    assert_eq!(moments(&records[0]), [true, false, false]);
    assert_eq!(records[0].legs.len(), 2);
    world.pass(2 * SECOND);
    for status in [180, 180, 183] {
        callee.say(status);
        caller.expect(180);
    }
    let records = told(&world);
    assert_eq!(records.len(), 2, "it rings, however often it says so");
    assert_eq!(moments(&records[1]), [true, true, false]);
    assert!((2_000..2_100).contains(&records[1].ended_ms), "so far: {:?}", records[1]);
    world.pass(3 * SECOND);
    callee.answer();
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.expect("ACK");
    let records = told(&world);
    assert_eq!(records.len(), 3);
    assert_eq!(moments(&records[2]), [true, true, true]);
    assert_eq!((records[2].status, records[2].billable_ms), (Some(200), 0));
    caller.hang_up(&mut callee);
    let record = world.end();
    assert_eq!(told(&world), records, "nothing after the record");
    assert_eq!(record.trace, records[0].trace);
    assert_eq!(record.id, records[0].id);
}

#[test]
fn an_answer_without_ringing_and_a_refusal() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
    assert_eq!(
        told(&world).iter().map(moments).collect::<Vec<_>>(),
        [[true, false, false], [true, false, true]]
    );

    let world = World::new();
    let mut caller = world.dial(IDLE);
    caller.expect(404);
    world.end();
    assert_eq!(told(&world), [], "nobody was called");
}

#[test]
fn ringing_of_a_call_that_is_over_is_not_told() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.say(100);
    world.pass(SECOND);
    caller.cancel();
    callee.expect("CANCEL");
    callee.ring();
    callee.ok();
    callee.say(487);
    caller.expect(487);
    assert_eq!(world.end().outcome, Outcome::Cancelled);
    assert_eq!(told(&world).len(), 1);
}

#[test]
fn the_first_of_several_phones_that_rings_is_told() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    let other = "127.0.0.13:5062";
    let contacts = format!("<{}>, <sip:customer@{other}>", phone.contact());
    phone.register_with(&[("Contact", &contacts), ("Expires", "600")]);
    let mut caller = world.dial(TO_CUSTOMER);
    let (mut one, mut two) = (world.incoming(CUSTOMER), world.incoming(CUSTOMER));
    one.ring();
    caller.expect(180);
    two.ring();
    caller.expect(180);
    assert_eq!(told(&world).len(), 2);
    two.answer();
    caller.expect(200);
    caller.ack();
    one.expect("CANCEL");
    one.ok();
    one.say(487);
    two.hang_up(&mut caller);
    world.end();
    assert_eq!(told(&world).len(), 3);
}

#[test]
fn the_operator_ends_a_connected_call() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.pass(5 * SECOND);
    hang_up(&world);
    for leg in [&mut caller, &mut callee] {
        let bye = leg.expect("BYE");
        assert!(bye.header("Reason").contains("cause=16"), "{bye}");
        leg.ok();
    }
    let record = world.end();
    assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Operator)));
    assert!((5_000..5_100).contains(&record.billable_ms), "{record:?}");
}

#[test]
fn the_operator_ends_a_ringing_call() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.ring();
    caller.expect(180);
    hang_up(&world);
    caller.expect(480);
    callee.expect("CANCEL");
    callee.ok();
    // A second order comes too late to do anything.
    hang_up(&world);
    callee.say(487);
    callee.expect("ACK");
    let record = world.end();
    assert_eq!(record.hung_up, Some(HungUp::Operator));
    assert_ne!(record.outcome, Outcome::Answered);
    hang_up(&world);
    assert_eq!(world.get().records.len(), 1, "the call is gone");
}

#[test]
fn the_operators_end_after_a_party_hung_up_is_not_his() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    caller.bye();
    callee.expect("BYE");
    hang_up(&world);
    callee.ok();
    caller.expect(200);
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
}

#[test]
fn transactions_and_what_is_sent_again_are_counted() {
    let world = World::new();
    let counted = |name: &str| {
        let text = world.get().metrics.render();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0, |count| count.parse().unwrap())
    };
    let begun = |kind: &str| counted(&format!("maskline_sip_transactions_total{{kind=\"{kind}\"}}"));
    let again = |direction: &str| {
        counted(&format!("maskline_sip_retransmissions_total{{direction=\"{direction}\"}}"))
    };
    let caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    assert_eq!(["invite-server", "invite-client", "server", "client"].map(begun), [1, 1, 0, 0]);
    assert_eq!(["received", "sent"].map(again), [0, 0]);
    world.pass(4 * SECOND);
    assert_eq!(again("sent"), 3, "to a callee that says nothing, after 0.5, 1.5 and 3.5 s");
    callee.say(180);
    let invite = world.get().wire[0].bytes.clone();
    world.send(caller.at, invite);
    world.pass(SECOND);
    assert_eq!(["received", "sent"].map(again), [1, 3]);
    world.command(Command::HangUpAll);
    assert_eq!(begun("client"), 1, "a CANCEL");
}
