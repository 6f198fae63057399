//! Targets of a Dial that are asked whether they take the call, and what the service is told of each leg.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::{HungUp, Outcome};
use maskline::relay::{Keys, Sound};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
const CAROL: &str = "+919722293848";
const ASKS: &str = "<Response><Dial confirmSound=\"/ask\" confirmKey=\"5\" confirmTimeout=\"10\" timeout=\"30\">\
                    <Number>919722293847</Number><Number>919722293848</Number></Dial></Response>";
const ONE: &str = "<Response><Dial confirmSound=\"/ask\" confirmKey=\"5\" confirmTimeout=\"10\">\
                   <Number>919722293847</Number></Dial></Response>";
const SAYS: &str = "<Response><Speak>A call for you. Press 5.</Speak></Response>";

/// A caller, and a target that has answered and hears what is asked.
fn asked(world: &World) -> (Leg, Leg) {
    let mut caller = world.dial(IDLE);
    let mut callee = world.incoming(BETA);
    callee.ring();
    caller.expect(180);
    callee.answer();
    callee.expect("ACK");
    world.pass(SECOND / 10);
    assert!(matches!(world.relay().sounds[1], Some(Sound::Clips(_))));
    (caller, callee)
}

#[test]
fn who_presses_the_key_is_connected_and_not_before() {
    let world = World::following(&[ONE, SAYS]);
    let (mut caller, mut callee) = asked(&world);
    caller.refute(200, SECOND);
    let relay = world.relay();
    assert!(!relay.sides[0].sends && !relay.sides[0].receives, "the caller neither hears nor is heard");
    assert!(relay.sides[1].receives && relay.keys[1] == Keys::Keep);
    world.keys_by(Side::B, "1");
    caller.refute(200, SECOND);
    world.heard_out_by(Side::B);
    caller.refute(200, SECOND);
    world.keys_by(Side::B, "5");
    caller.expect(200);
    caller.ack();
    let relay = world.relay();
    assert!(relay.sides.iter().all(|side| side.sends && side.receives) && relay.sounds == [None, None]);
    assert_eq!(relay.keys, [Keys::Cross; 2]);
    world.pass(10 * SECOND);
    callee.hang_up(&mut caller);
    let record = world.end();
    assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Callee)));
    assert!((10_000..10_200).contains(&record.billable_ms), "the caller pays from the bridge on: {record:?}");
    assert_eq!(world.asked()[1].url, "http://app.example/ask");
}

#[test]
fn a_voicemail_presses_no_key_and_is_never_connected() {
    let world = World::following(&[ONE, SAYS]);
    let (mut caller, mut callee) = asked(&world);
    world.heard_out_by(Side::B);
    callee.expect("BYE");
    callee.ok();
    caller.expect(480);
    let record = world.end();
    assert_eq!(record.outcome, Outcome::NoAnswer);
    assert!((9_000..11_000).contains(&record.legs[1].billable_ms), "what the carrier bills: {record:?}");
}

#[test]
fn the_next_who_answered_is_asked_when_the_first_does_not_want() {
    let world = World::following(&[ASKS, SAYS, SAYS]);
    let mut caller = world.dial(IDLE);
    let (one, two) = (world.incoming(BETA), world.incoming(BETA));
    let (mut bob, mut carol) =
        if one.invited.as_ref().unwrap().start().contains(BOB) { (one, two) } else { (two, one) };
    bob.answer();
    bob.expect("ACK");
    carol.answer();
    carol.expect("ACK");
    world.pass(SECOND);
    assert_eq!(world.asked().len(), 2, "one at a time");
    bob.bye();
    bob.expect(200);
    world.pass(SECOND / 10);
    assert_eq!(world.asked().len(), 3);
    caller.refute(480, SECOND);
    world.keys_by(Side::B, "5");
    caller.expect(200);
    caller.ack();
    world.pass(SECOND);
    caller.hang_up(&mut carol);
    let record = world.end();
    assert_eq!(record.destination.unwrap().reveal(), CAROL);
}

#[test]
fn who_answered_too_is_hung_up_when_another_takes_the_call() {
    let world = World::following(&[ASKS, SAYS]);
    let mut caller = world.dial(IDLE);
    let (mut one, mut two) = (world.incoming(BETA), world.incoming(BETA));
    one.answer();
    one.expect("ACK");
    two.answer();
    two.expect("ACK");
    world.pass(SECOND);
    world.keys_by(Side::B, "5");
    two.expect("BYE");
    two.ok();
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut one);
    world.end();
}

#[test]
fn a_caller_who_gives_up_meanwhile_ends_it_for_all() {
    let world = World::following(&[ASKS, SAYS]);
    let mut caller = world.dial(IDLE);
    let (mut one, mut two) = (world.incoming(BETA), world.incoming(BETA));
    two.ring();
    one.answer();
    one.expect("ACK");
    world.pass(SECOND);
    caller.cancel();
    caller.expect(200);
    caller.expect(487);
    one.expect("BYE");
    one.ok();
    two.expect("CANCEL");
    two.ok();
    two.say(487);
    two.expect("ACK");
    assert_eq!(world.end().outcome, Outcome::Cancelled);
}

#[test]
fn time_is_up_for_those_who_ring_and_not_for_the_one_who_is_asked() {
    let long = ASKS.replace("confirmTimeout=\"10\" timeout=\"30\"", "confirmTimeout=\"60\" timeout=\"5\"");
    let world = World::following(&[&long, SAYS]);
    let mut caller = world.dial(IDLE);
    let (mut one, mut two) = (world.incoming(BETA), world.incoming(BETA));
    one.answer();
    one.expect("ACK");
    two.ring();
    two.expect("CANCEL");
    two.ok();
    two.say(487);
    two.expect("ACK");
    caller.refute(480, 5 * SECOND);
    world.keys_by(Side::B, "5");
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut one);
    world.end();
}

#[test]
fn a_sound_alone_is_heard_out() {
    let whisper = ONE.replace(" confirmKey=\"5\"", "");
    let world = World::following(&[&whisper, SAYS]);
    let (mut caller, mut callee) = asked(&world);
    caller.refute(200, SECOND);
    world.heard_out_by(Side::B);
    caller.expect(200);
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
    // What can't be had is not waited for.
    let world = World::following(&[&whisper]);
    let mut caller = world.dial(IDLE);
    let mut callee = world.incoming(BETA);
    callee.answer();
    callee.expect("ACK");
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn an_answered_caller_hears_ringing_while_the_target_is_asked() {
    let both = ONE.replace("<Response>", "<Response><Speak>Hello</Speak>");
    let world = World::following(&[&both, SAYS]);
    let mut caller = world.dial(IDLE);
    caller.expect(200);
    caller.ack();
    world.heard_out();
    let mut callee = world.incoming(BETA);
    callee.answer();
    callee.expect("ACK");
    world.pass(SECOND / 10);
    let relay = world.relay();
    assert!(matches!(relay.sounds, [Some(Sound::Tone(_)), Some(Sound::Clips(_))]), "{relay:?}");
    assert!(
        relay.sides.iter().all(|side| side.receives && side.is_apart),
        "neither hears the other: {relay:?}"
    );
    // Whatever the caller asks for meanwhile, it stays so.
    caller.update(caller.media.clone().at("198.51.100.7", 45_000));
    caller.expect(200);
    assert!(world.relay().sides.iter().all(|side| side.is_apart));
    world.keys_by(Side::B, "5");
    let relay = world.relay();
    let are_joined = relay.sides.iter().all(|side| side.sends && side.receives && !side.is_apart);
    assert!(are_joined && relay.sounds == [None, None]);
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn keys_count_again_after_a_target_that_did_not_take_the_call() {
    let first = ONE.replace("<Response>", "<Response><Speak>Hello</Speak>").replace(
        "</Response>",
        "<Gather action=\"/pin\" numDigits=\"1\"><Speak>Another?</Speak></Gather></Response>",
    );
    let world = World::following(&[&first, SAYS, "<Response><Hangup/></Response>"]);
    let mut caller = world.dial(IDLE);
    caller.expect(200);
    caller.ack();
    world.heard_out();
    let mut callee = world.incoming(BETA);
    callee.answer();
    callee.expect("ACK");
    callee.expect("BYE");
    callee.ok();
    let side = &world.relay().sides[0];
    assert!(side.receives && side.sends && side.is_apart, "{side:?}");
    world.keys("7");
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.asked().last().unwrap().get("Digits"), Some("7"));
    world.end();
}

#[test]
fn a_key_of_one_who_waits_is_not_that_of_the_one_who_is_asked() {
    let world = World::following(&[ASKS, SAYS]);
    let mut caller = world.dial(IDLE);
    let (mut one, mut two) = (world.incoming(BETA), world.incoming(BETA));
    one.answer();
    one.expect("ACK");
    two.answer();
    two.expect("ACK");
    world.pass(SECOND);
    let press = |leg: &mut Leg| {
        let info = leg.request("INFO").body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
        leg.send(info);
        leg.expect(200);
    };
    press(&mut two);
    caller.refute(200, SECOND);
    press(&mut one);
    two.expect("BYE");
    two.ok();
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut one);
    world.end();
}

#[test]
fn what_comes_late_for_one_target_is_not_for_the_next() {
    let whisper = ASKS.replace(" confirmKey=\"5\"", "");
    let world = World::following(&[&whisper, SAYS, SAYS]);
    world.edit().service.preparation = 3 * SECOND;
    let mut caller = world.dial(IDLE);
    let (mut one, mut two) = (world.incoming(BETA), world.incoming(BETA));
    one.answer();
    one.expect("ACK");
    two.answer();
    two.expect("ACK");
    world.pass(2 * SECOND);
    one.bye();
    one.expect(200);
    world.pass(2 * SECOND);
    assert_eq!(world.relay().sounds[1], None, "what was prepared for the first");
    world.pass(2 * SECOND);
    world.heard_out_by(Side::B);
    caller.expect(200);
    caller.ack();
    caller.hang_up(&mut two);
    world.end();
}

#[test]
fn music_is_heard_again_and_again_until_somebody_answers() {
    let dial = "<Response><Speak>Hello</Speak><Dial dialMusic=\"/music\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[dial, "<Response><Play>/a.mp3</Play></Response>"]);
    let mut caller = world.dial(IDLE);
    caller.expect(200);
    caller.ack();
    world.heard_out();
    let mut callee = world.incoming(BETA);
    for _ in 0..3 {
        assert!(matches!(world.sound(), Some(Sound::Clips(_))));
        world.heard_out();
    }
    callee.answer();
    callee.expect("ACK");
    world.pass(SECOND / 10);
    assert_eq!(world.sound(), None);
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn real_ringing_is_what_the_target_sends() {
    let dial = "<Response><Dial dialMusic=\"real\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[dial]);
    let mut caller = world.dial(IDLE);
    let mut callee = world.incoming(BETA);
    callee.say_with_media(183);
    caller.expect(183);
    callee.say(486);
    caller.expect(486);
    world.end();
}

#[test]
fn the_service_is_told_of_each_leg_and_of_rows_of_keys() {
    let dial = "<Response><Dial callbackUrl=\"/leg\" digitsMatch=\"9*,11\" digitsMatchBLeg=\"7\">\
                <Number>112</Number><Number sendDigits=\"1w2\">919722293847</Number></Dial></Response>";
    let world = World::following(&[dial]);
    let caller = world.dial(IDLE);
    let (mut caller, mut callee) = connect(caller, world.incoming(BETA));
    assert_eq!(world.relay().keys, [Keys::Tell; 2]);
    world.pass(2 * SECOND);
    let sent: Vec<_> = world.relay().digits.iter().map(|(to, digit, _)| (*to, digit.to_char())).collect();
    assert_eq!(sent, [(Side::B, '1'), (Side::B, '2')], "what belongs to the target");
    world.keys("9*");
    world.keys_by(Side::B, "17");
    callee.hang_up(&mut caller);
    world.end();
    let told: Vec<(String, Option<String>)> = world.asked()[1..]
        .iter()
        .inspect(|asked| assert!(asked.is_told && asked.url.ends_with("/leg")))
        .map(|asked| {
            (asked.get("DialAction").unwrap().to_owned(), asked.get("DialDigitsMatch").map(str::to_owned))
        })
        .collect();
    let plain = |step: &str| (step.to_owned(), None);
    let row = |row: &str| ("digits".to_owned(), Some(row.to_owned()));
    assert_eq!(told, [plain("answer"), plain("connected"), row("9*"), row("7"), plain("hangup")]);
    let first = &world.asked()[1];
    let about = ["DialBLegFrom", "DialBLegTo", "DialBLegPosition"].map(|name| first.get(name).unwrap());
    assert_eq!(about, [&IDLE[1..], &BOB[1..], "2"]);
}
