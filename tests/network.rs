//! Calls over networks that lose, repeat, delay and reorder: whatever happens, each call ends with one record, nothing
//! is left of it, and both sides know that it is over.

mod sim;

use std::time::Duration;

use maskline::base::Random;
use maskline::ledger::Outcome;
use sim::*;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A network by a seed: from a good one to one that loses every fifth datagram.
fn conditions(random: &mut Random) -> Conditions {
    let mut up_to = |most: u32| random.next_u32() % (most + 1);
    let least = up_to(50);
    Conditions {
        loss: up_to(20),
        duplicates: up_to(15),
        delay: [MILLI * least, MILLI * (least + up_to(700))],
    }
}

/// What a party does, by a seed.
fn plan(random: &mut Random) -> Plan {
    let mut pick = |most: u32| random.next_u32() % most;
    let answer = if pick(4) > 0 { 200 } else { [486, 480, 503, 603, 302][pick(5) as usize] };
    let talks = (pick(3) > 0).then(|| MILLI * pick(20_000));
    let holds = (pick(3) == 0).then(|| MILLI * pick(8_000));
    Plan { answer, rings: MILLI * pick(15_000), patience: MILLI * (500 + pick(25_000)), talks, holds }
}

/// Plays one call by a seed to its end, and checks what is left.
fn play(seed: u64) {
    let world = World::with(SETTINGS, seed);
    let mut random = Random::from_number(seed ^ 0x5eed);
    world.edit().conditions = conditions(&mut random);
    let now = world.get().now;
    let caller_plan = Plan { talks: Some(25 * SECOND), ..plan(&mut random) };
    let callee_plan = plan(&mut random);
    let mut crowd = vec![Robot::caller(world.caller(ALPHA, ALICE, M1), caller_plan, now)];
    let newcomer = |world: &World, text: &Text| {
        let is_new = text.method() == Some("INVITE") && text.to_tag().is_none();
        let leg = is_new.then(|| Leg::invited(world, address(BETA), text.clone()))?;
        let now = world.get().now;
        Some(Robot::callee(leg, callee_plan, now))
    };
    world.run(&mut crowd, 240 * SECOND, newcomer);
    check(&world, &crowd, seed);
}

fn check(world: &World, crowd: &[Robot], seed: u64) {
    let inner = world.get();
    let ladder = || format!("seed {seed}, {:?}\n{}", inner.conditions, inner.ladder());
    assert_eq!(inner.switch.calls(), 0, "calls remain: {}", ladder());
    assert_eq!(inner.switch.transactions(), 0, "transactions remain: {}", ladder());
    assert!(inner.engine.open.is_empty(), "ports remain: {}", ladder());
    assert_eq!(inner.switch.next_deadline(), None, "a deadline remains: {}", ladder());
    assert_eq!(inner.switch.leaks(), 0, "{}", ladder());
    world.check_records();
    assert_eq!(inner.records.len(), inner.arrived(), "one record: {}", ladder());
    for robot in crowd {
        assert_eq!(robot.state, State::Over, "a side does not know that it is over: {}", ladder());
    }
    let Some(record) = inner.records.first() else { return };
    if let Some(callee) = crowd.get(1)
        && record.outcome == Outcome::Answered
    {
        assert_eq!(callee.final_status, Some(200), "{}", ladder());
        assert!(record.billable_ms <= record.ended_ms);
    }
    if crowd[0].final_status == Some(200) {
        let was_connected = [Outcome::Answered, Outcome::NoAcknowledgement].contains(&record.outcome);
        assert!(was_connected, "{:?}: {}", record.outcome, ladder());
    }
}

#[test]
fn calls_over_bad_networks_end_and_leave_nothing() {
    for seed in 0..500 {
        play(seed);
    }
}

#[test]
fn many_calls_at_once_over_a_bad_network() {
    let world = World::with(SETTINGS, 99);
    world.edit().conditions = Conditions { loss: 10, duplicates: 10, delay: [5 * MILLI, 300 * MILLI] };
    let mut random = Random::from_number(99);
    let mut crowd = Vec::new();
    let count = 60;
    let seeds = std::cell::Cell::new(0);
    let newcomer = |world: &World, text: &Text| {
        let is_new = text.method() == Some("INVITE") && text.to_tag().is_none();
        let leg = is_new.then(|| Leg::invited(world, address(BETA), text.clone()))?;
        seeds.set(seeds.get() + 1);
        let now = world.get().now;
        Some(Robot::callee(leg, plan(&mut Random::from_number(seeds.get())), now))
    };
    for _ in 0..count {
        let now = world.get().now;
        let plan = Plan { talks: Some(20 * SECOND), ..plan(&mut random) };
        crowd.push(Robot::caller(world.caller(ALPHA, ALICE, M1), plan, now));
        world.run(&mut crowd, 200 * MILLI, newcomer);
    }
    world.run(&mut crowd, 240 * SECOND, newcomer);
    let inner = world.get();
    assert_eq!((inner.switch.calls(), inner.switch.transactions()), (0, 0));
    world.check_records();
    // Each INVITE goes out up to seven times: at this loss one of ten million calls never reaches the switch.
    assert_eq!((inner.arrived(), inner.records.len()), (count, count));
    assert!(crowd.iter().all(|robot| robot.state == State::Over));
}
