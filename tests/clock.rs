//! The time of day is set while calls go on.

mod sim;

use std::time::{Duration, SystemTime};

use maskline::base::Timestamp;
use maskline::ledger::CallRecord;
use maskline::switch::Input;
use sim::*;

const HOUR: Duration = Duration::from_secs(3600);
/// What a message takes at most, in milliseconds.
const WIRE: u64 = 20;
const TALK: Duration = Duration::from_secs(10);

/// The time of day as it would be had nobody set it.
fn unset(world: &World) -> SystemTime {
    world.get().wall + world.time()
}

fn is_at(record: &CallRecord, time: SystemTime) {
    let (received, sent) = (record.received_at, Timestamp::from(time).as_millis());
    assert!((sent..sent + WIRE).contains(&received), "{sent}: {record:?}");
    assert_eq!(record.legs[0].started_at, record.received_at);
    let mut legs = record.legs.iter();
    assert!(legs.all(|leg| (received..received + 1000).contains(&leg.started_at)), "{record:?}");
}

fn hang_up(caller: &mut Leg, callee: &mut Leg) {
    caller.bye();
    caller.expect(200);
    callee.expect("BYE");
    callee.ok();
}

/// A call goes by the time of day of its beginning and lasts as long as it lasts; the next one, and an INVITE that is
/// turned away, go by the new time.
fn set(change: impl Fn(SystemTime) -> SystemTime) {
    let world = World::new();
    world.pass(TALK);
    let began = unset(&world);
    let (mut caller, mut callee) = world.established();
    world.pass(TALK);
    let now = change(unset(&world));
    world.edit().input(Input::Clock(now));
    world.pass(TALK);
    hang_up(&mut caller, &mut callee);
    world.settle();
    let first = world.get().records[0].clone();
    is_at(&first, began);
    let talked = first.ended_ms - first.answered_ms.expect("it was answered");
    assert!((20_000..21_000).contains(&talked), "{first:?}");

    let began = change(unset(&world));
    let (mut caller, mut callee) = world.established();
    hang_up(&mut caller, &mut callee);
    world.settle();
    is_at(&world.get().records[1], began);

    let began = change(unset(&world));
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = caller.invite().with("Require", "100rel");
    world.send(caller.at, invite.bytes());
    world.settle();
    is_at(&world.get().records[2], began);
}

#[test]
fn records_go_by_the_time_of_day_when_it_is_set_forward() {
    set(|time| time + HOUR);
}

#[test]
fn records_go_by_the_time_of_day_when_it_is_set_back() {
    set(|time| time - HOUR);
}
