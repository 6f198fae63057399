//! Nothing crosses between the two parties of an order: no token of one is in what the other gets, and what one gets
//! is the same whoever the other is.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::call::Order;
use maskline::ledger::Outcome;
use sim::aviary::{Aviary, change_by_invite, change_by_update};
use sim::play::{CALLEES, CALLERS, Play};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// An order whose masking number is no number that either party dials.
fn order(aviary: &Aviary) -> Order {
    let show = IDLE.parse().unwrap();
    Order { sees: [show; 2], confirm: true, retries: 1, pause: SECOND, ..aviary.world.order() }
}

/// The first party has confirmed and the second's telephone rings.
fn reach(aviary: &Aviary) -> (Leg, Leg) {
    aviary.world.place(order(aviary));
    let mut first = aviary.callee(Side::A);
    for status in [100, 180, 181, 199] {
        first.say(status);
    }
    first.say_with_media(183);
    first.answer();
    first.expect("ACK");
    let info = first.request("INFO").body("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n");
    first.send(info);
    first.expect(200);
    (first, aviary.callee(Side::B))
}

/// An order with all that can happen in it.
fn everything(aviary: &Aviary) {
    let (mut first, mut second) = reach(aviary);
    second.say(100);
    for method in ["INFO", "MESSAGE", "REFER", "NOTIFY", "OPTIONS", "PRACK", "FOO"] {
        let request = first.request(method);
        first.send(request);
        aviary.world.pass(SECOND);
    }
    for status in [180, 181, 199] {
        second.say(status);
    }
    second.say_with_media(183);
    second.answer();
    second.expect("ACK");
    for direction in ["sendonly", "sendrecv"] {
        let (a, b) = (first.media.clone(), second.media.clone());
        change_by_invite(&mut first, &mut second, a.direction(direction));
        change_by_update(&mut second, &mut first, b.direction(direction));
    }
    for leg in [&mut first, &mut second] {
        let info = leg.request("INFO").body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
        leg.send(info);
        aviary.world.pass(SECOND);
    }
    first.bye();
    second.expect("BYE");
    second.reply(401);
}

#[test]
fn an_order_with_all_that_can_happen_in_it() {
    let aviary = Aviary::new();
    everything(&aviary);
    aviary.check();
    let records = aviary.world.get().progress.iter().map(|(_, record)| record.outcome).collect::<Vec<_>>();
    assert_eq!(records, [Outcome::InProgress; 5]);
    for side in [Side::A, Side::B] {
        assert!(aviary.canary.of(side).len() > 200, "its fields are full of tokens");
    }
}

#[test]
fn a_product_that_leaked_would_be_seen() {
    let aviary = Aviary::new();
    aviary.leak();
    everything(&aviary);
    for side in [Side::A, Side::B] {
        let crossed = aviary.crossed_to(side).len();
        assert!(crossed > 200, "{crossed} tokens crossed to {side:?}");
    }
}

#[test]
fn every_failure_of_either_party() {
    for status in [300, 302, 305, 380, 401, 407, 422, 480, 486, 488, 500, 503, 603, 606, 608] {
        let aviary = Aviary::new();
        let (mut first, mut second) = reach(&aviary);
        second.say(status);
        second.expect("ACK");
        first.expect("BYE");
        first.reply(407);
        aviary.check();

        let aviary = Aviary::new();
        aviary.world.place(order(&aviary));
        for _ in 0..if matches!(status, 480 | 486) { 2 } else { 1 } {
            let mut first = aviary.callee(Side::A);
            first.say(status);
            first.expect("ACK");
        }
        aviary.check();
    }
}

#[test]
fn the_egress_guard_knows_the_other_partys_number_on_both_legs() {
    for (trunk, number) in [(ALPHA, BOB), (BETA, ALICE)] {
        // Of all that we write ourselves, a trunk's name is what can hold digits.
        let name = format!("gw{}.example", &number[1..]);
        let world = World::with(&SETTINGS.replace(&format!("sip:{trunk}"), &format!("sip:{name}")), 1);
        world.edit().names = [(name, vec![address(trunk)])].into();
        world.place(world.order());
        if trunk == BETA {
            let mut first = world.incoming(ALPHA);
            first.answer();
            first.expect("BYE");
            first.ok();
        }
        world.pass(70 * SECOND);
        let inner = world.get();
        assert_eq!((inner.switch.leaks(), inner.switch.calls(), inner.records.len()), (1, 0, 1), "{trunk}");
        drop(inner);
        assert_eq!(world.invites(trunk), 0, "{trunk}");
    }
}

/// What happens to an order.
type Script = fn(&Play);

const SCRIPTS: &[(&str, Script)] = &[
    ("connected, changed and hung up by the second", |play| {
        let (mut first, mut second) = bridged(play);
        for direction in ["sendonly", "sendrecv"] {
            let (a, b) = (first.media.clone().direction(direction), second.media.clone());
            play::change(&mut first, &mut second, a);
            play::change(&mut second, &mut first, b.direction(direction));
        }
        second.hang_up(&mut first);
    }),
    ("hung up by the first", |play| {
        let (mut first, mut second) = bridged(play);
        first.hang_up(&mut second);
    }),
    ("the second is busy", |play| second_says(play, play.either(486, 600))),
    ("the second is unreachable", |play| second_says(play, play.either(404, 503))),
    ("the second moved", |play| second_says(play, play.either(302, 500))),
    ("the second never answers", |play| {
        let (mut first, mut second) = ringing(play);
        second.expect("CANCEL");
        second.ok();
        second.say(487);
        first.expect("BYE");
        first.reply(play.either_of_caller(200, 401));
    }),
    ("the first gives up", |play| {
        let (mut first, mut second) = ringing(play);
        first.bye();
        second.expect("CANCEL");
        second.reply(play.either(200, 481));
        second.say(487);
    }),
];

fn ringing(play: &Play) -> (Leg, Leg) {
    let order = play.world.order_for(play.caller.number, play.callee.number);
    play.world.place(Order { confirm: true, ..order });
    let mut first = play.first();
    first.say(play.either_of_caller(180, 183));
    first.answer();
    first.expect("ACK");
    play.world.press('1');
    let mut second = play.callee();
    second.say(play.either(180, 183));
    (first, second)
}

fn bridged(play: &Play) -> (Leg, Leg) {
    let (first, mut second) = ringing(play);
    second.answer();
    second.expect("ACK");
    (first, second)
}

fn second_says(play: &Play, status: u16) {
    let (mut first, mut second) = ringing(play);
    second.say(status);
    second.expect("ACK");
    first.expect("BYE");
    first.reply(play.either_of_caller(200, 401));
}

/// What a party got, and when.
fn transcript(world: &World, at: &str) -> String {
    let inner = world.get();
    let sent = inner.wire.iter().filter(|datagram| datagram.to == address(at));
    sent.map(|datagram| format!("{:?}\n{}\n", datagram.at, String::from_utf8_lossy(&datagram.bytes)))
        .collect()
}

#[test]
fn neither_party_can_tell_who_the_other_is() {
    for (name, script) in SCRIPTS {
        let played = |caller, callee, at| {
            let play = Play::new(caller, callee, false);
            script(&play);
            play.world.settle();
            transcript(&play.world, at)
        };
        let at_first = CALLEES.map(|callee| played(CALLERS[0], callee, ALPHA));
        let at_second = CALLERS.map(|caller| played(caller, CALLEES[0], BETA));
        for [plain, odd @ ..] in [at_first, at_second] {
            assert!(plain.contains("INVITE"));
            for odd in odd {
                assert_eq!(plain, odd, "{name}");
            }
        }
    }
}
