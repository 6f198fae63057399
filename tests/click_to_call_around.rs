//! Click-to-call and what is around it: telephones, names, settings, limits, the operator, a bad network.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::call::Order;
use maskline::ledger::{HungUp, Outcome};
use maskline::relay::Event;
use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_time_limit_never_beyond_that_of_the_settings() {
    for (limit, lasts) in [(90, 90), (7_200, 120)] {
        let world = World::with(&with_table("[call]\nmax_duration = \"120s\""), 1);
        let order = Order { time_limit: limit * SECOND, ..world.order() };
        let (mut first, mut second) = world.bridged(order);
        world.pass(Duration::from_secs(lasts - 1));
        assert!(first.unread("BYE").is_none());
        for leg in [&mut first, &mut second] {
            leg.expect("BYE");
            leg.ok();
        }
        assert_eq!(world.end().hung_up, Some(HungUp::MaxDuration));
    }
}

#[test]
fn telephones_of_the_first_party_all_ring() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    let contacts = format!("<{}>, <sip:customer@127.0.0.13:5062>", phone.contact());
    phone.register_with(&[("Contact", &contacts), ("Expires", "600")]);
    world.place(world.order_for(CUSTOMER_NUMBER, BOB));
    let (mut one, mut two) = (world.incoming(CUSTOMER), world.incoming(CUSTOMER));
    one.ring();
    two.answer();
    two.expect("ACK");
    one.expect("CANCEL");
    one.ok();
    one.say(487);
    let mut second = world.incoming(BETA);
    second.answer();
    second.expect("ACK");
    two.hang_up(&mut second);
    let record = world.end();
    assert_eq!((record.outcome, record.legs.len()), (Outcome::Answered, 3));
}

#[test]
fn nobody_is_called_where_one_is_not_registered() {
    for (first, second) in [(CUSTOMER_NUMBER, BOB), (ALICE, CUSTOMER_NUMBER)] {
        let world = World::new();
        world.place(world.order_for(first, second));
        let record = world.end();
        assert_eq!((record.outcome, record.legs.len(), record.cause), (Outcome::Unreachable, 0, 27));
        assert_eq!((world.invites(ALPHA), world.invites(BETA)), (0, 0));
    }
}

#[test]
fn trunks_with_names_are_looked_up_each_time() {
    let settings = SETTINGS
        .replace("sip:127.0.0.2:5060", "sip:alpha.example:5060")
        .replace("sip:127.0.0.3:5060", "sip:beta.example:5060");
    let world = World::with(&settings, 1);
    let name = |name: &str, at: &str| (name.to_owned(), vec![address(at)]);
    world.edit().names = [name("alpha.example", ALPHA), name("beta.example", BETA)].into();
    let (mut first, mut second) = world.bridged(world.order());
    first.hang_up(&mut second);
    world.end();

    let world = World::with(&settings, 1);
    world.edit().names = [name("alpha.example", ALPHA)].into();
    world.place(world.order());
    assert_eq!((world.end().outcome, world.invites(ALPHA)), (Outcome::Unreachable, 0));
}

#[test]
fn settings_that_change_on_the_way_do_not_send_it_elsewhere() {
    let world = World::new();
    let mut first = world.summon(world.order());
    // Another trunk comes first, so that alpha has the place now that beta had.
    let gamma =
        "[[trunks]]\nname = \"gamma\"\nsources = [\"127.0.0.9/32\"]\ntarget = \"sip:127.0.0.9:5060\"\n";
    world.reconfigure(&SETTINGS.replacen(
        "[[trunks]]",
        &format!("{gamma}prefixes = [\"+44\"]\n[[trunks]]"),
        1,
    ));
    first.answer();
    let mut second = world.incoming(BETA);
    second.answer();
    second.expect("ACK");
    second.bye();
    second.expect(200);
    first.expect("BYE");
    first.ok();
    world.end();
}

#[test]
fn a_node_that_takes_no_calls_takes_no_orders() {
    let world = World::new();
    world.command(Command::Drain);
    world.place(world.order());
    let world = {
        assert_eq!((world.end().outcome, world.invites(ALPHA)), (Outcome::Unavailable, 0));
        World::new()
    };
    world.edit().engine.is_full = true;
    world.place(world.order());
    let record = world.end();
    assert_eq!((record.outcome, record.cause, world.invites(ALPHA)), (Outcome::Unavailable, 34, 0));
}

/// How far an order has come before something happens to it.
const MOMENTS: usize = 7;

/// Brings an order so far, and gives who is on the line or rings.
fn bring(world: &World, moment: usize) -> Vec<Leg> {
    let order = Order { confirm: moment == 2, retries: 1, ..world.order() };
    match moment {
        0 => {
            world.place(order);
            vec![world.incoming(ALPHA)]
        }
        1 => vec![world.summon(order)],
        2 => {
            let mut first = world.summon(order);
            first.answer();
            first.expect("ACK");
            vec![first]
        }
        3 => {
            let mut first = world.summon(order);
            first.say(486);
            first.expect("ACK");
            vec![]
        }
        4 | 5 => {
            let (first, mut second) = world.reach(order);
            if moment == 5 {
                second.say(486);
                second.expect("ACK");
                world.pass(SECOND);
                return vec![first];
            }
            vec![first, second]
        }
        _ => {
            let (first, second) = world.bridged(order);
            vec![first, second]
        }
    }
}

/// Lets legs end as they are told to.
fn take_the_end(world: &World, legs: &mut [Leg]) {
    for _ in 0..3 {
        world.pass(SECOND);
        for leg in &mut *legs {
            if leg.unread("BYE").is_some() {
                leg.ok();
            }
            if leg.unread("CANCEL").is_some() {
                leg.ok();
                leg.say(487);
            }
        }
    }
}

#[test]
fn the_operator_hangs_up_at_any_moment() {
    for moment in 0..MOMENTS {
        let world = World::new();
        let mut legs = bring(&world, moment);
        if moment == 0 {
            legs[0].say(100);
        }
        world.operator_hangs_up();
        take_the_end(&world, &mut legs);
        let record = world.end();
        assert_eq!(record.hung_up, Some(HungUp::Operator), "moment {moment}");
        let connected = moment + 1 == MOMENTS;
        let outcome = if connected { Outcome::Answered } else { Outcome::Cancelled };
        assert_eq!(record.outcome, outcome, "moment {moment}");
        assert!(record.legs.iter().all(|leg| leg.ended_ms.is_some()), "{record:?}");
        assert_eq!(world.invites(ALPHA), 1, "moment {moment}: it is not called again");
    }
}

#[test]
fn the_process_stops_at_any_moment() {
    for moment in 0..MOMENTS {
        let world = World::new();
        let mut legs = bring(&world, moment);
        world.command(Command::CloseAll);
        assert_eq!(world.get().records.len(), 1, "moment {moment}: the record does not wait");
        take_the_end(&world, &mut legs);
        world.end();
    }
}

#[test]
fn a_drain_lets_orders_come_to_their_end() {
    let world = World::new();
    let mut first = world.summon(world.order());
    world.command(Command::Drain);
    first.answer();
    let mut second = world.incoming(BETA);
    second.answer();
    second.expect("ACK");
    world.command(Command::HangUpAll);
    take_the_end(&world, &mut [first, second]);
    assert_eq!(world.end().hung_up, Some(HungUp::Operator));
}

#[test]
fn a_network_that_loses_and_parties_that_do_what_they_like() {
    let mut outcomes = Vec::new();
    for seed in 0..150_u64 {
        let world = World::with(SETTINGS, seed);
        let mut draw = maskline::base::Random::from_number(seed);
        let mut below = |most: u64| draw.next_u64() % most;
        world.edit().conditions = Conditions {
            loss: 15,
            duplicates: 15,
            delay: [Duration::from_millis(5), Duration::from_millis(200)],
        };
        let plan = |below: &mut dyn FnMut(u64) -> u64| Plan {
            answer: [200, 200, 200, 486, 603][below(5) as usize],
            rings: Duration::from_millis(below(35_000)),
            patience: Duration::from_secs(1_000),
            talks: (below(2) == 0).then(|| Duration::from_millis(below(40_000))),
            holds: (below(3) == 0).then(|| Duration::from_millis(below(20_000))),
        };
        let plans: Vec<Plan> = (0..4).map(|_| plan(&mut below)).collect();
        let (confirm, retries) = (below(3) == 0, u8::try_from(below(3)).unwrap());
        world.place(Order { confirm, retries, ..world.order() });
        let mut crowd = Vec::new();
        let newcomer = |world: &World, text: &Text| {
            let is_first = text.uri().contains(ALICE);
            let at = address(if is_first { ALPHA } else { BETA });
            let is_invite = text.method() == Some("INVITE") && text.to_tag().is_none();
            let plan = plans[(text.call_id().len() + usize::from(is_first)) % plans.len()];
            let now = world.get().now;
            is_invite.then(|| Robot::callee(Leg::invited(world, at, text.clone()), plan, now))
        };
        let act = below(60_000);
        world.run(&mut crowd, Duration::from_millis(act), newcomer);
        let is_open = !world.get().engine.open.is_empty();
        match below(4) {
            0 if is_open => world.press('1'),
            1 if !world.get().progress.is_empty() => world.operator_hangs_up(),
            2 if is_open => world.tell(|relay| Event::Silent { relay }),
            _ => {}
        }
        world.run(&mut crowd, Duration::from_secs(1_000), newcomer);
        let inner = world.get();
        let ladder = world.ladder();
        assert_eq!((inner.records.len(), inner.switch.calls()), (1, 0), "seed {seed}\n{ladder}");
        assert_eq!((inner.switch.leaks(), inner.engine.open.len()), (0, 0), "seed {seed}\n{ladder}");
        assert_eq!(inner.switch.transactions(), 0, "seed {seed}\n{ladder}");
        assert!(crowd.iter().all(|robot| robot.state == State::Over), "seed {seed}\n{ladder}");
        outcomes.push(inner.records[0].outcome);
    }
    for outcome in
        [Outcome::Answered, Outcome::Busy, Outcome::NoAnswer, Outcome::Rejected, Outcome::Cancelled]
    {
        let count = outcomes.iter().filter(|seen| **seen == outcome).count();
        assert!(count >= 5, "{outcome:?} came {count} times");
    }
}
