//! What a caller hears of the callee before it answers.

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::Outcome;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// A call whose early media reach the caller, with more settings in front.
fn begun(settings: &str) -> (World, Leg, Leg) {
    let relayed = with_trunk_key("beta", "early_media = \"relay\"");
    let world = World::with(&format!("{settings}\n{relayed}"), 1);
    let mut caller = world.caller(ALPHA, ALICE, M1);
    caller.media = caller.media.formats(&["0 PCMU/8000", "8 PCMA/8000"]);
    caller.call();
    let callee = world.incoming(BETA);
    (world, caller, callee)
}

#[test]
fn early_media_are_heard_where_they_may_be() {
    let world = World::with(&with_trunk_key("beta", "early_media = \"relay\""), 1);
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.ring();
    caller.expect(180);
    callee.say_with_media(183);
    let progress = caller.expect(183);
    assert!(progress.sdp_port() > 0);
    let relay = world.relay();
    let (a, b) = (&relay.sides[Side::A.index()], &relay.sides[Side::B.index()]);
    assert!(a.sends && !a.receives, "the caller hears and is not heard");
    assert!(b.receives && !b.sends);
    callee.answer();
    let answer = caller.expect(200);
    assert_eq!(answer.body(), progress.body(), "the answer stays what it was");
    caller.ack();
    callee.expect("ACK");
    let relay = world.relay();
    assert!(relay.sides.iter().all(|side| side.sends && side.receives));
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_numbers_early_media_go_before_its_destinations() {
    let with = |number: &str, of_trunk: &str| {
        let row = format!("dialled = \"{M1}\"\n");
        let settings = with_trunk_key("beta", &format!("early_media = \"{of_trunk}\""));
        settings.replace(&row, &format!("{row}early_media = \"{number}\"\n"))
    };
    for (number, of_trunk, dialled, status) in [
        ("relay", "ringback", M1, 183),
        ("ringback", "relay", M1, 180),
        ("relay", "ringback", OPEN, 180),
        ("ringback", "relay", OPEN, 183),
    ] {
        let world = World::with(&with(number, of_trunk), 1);
        let mut caller = world.dial(dialled);
        let mut callee = world.incoming(BETA);
        callee.say_with_media(183);
        let heard = caller.expect(status);
        assert_eq!(heard.body().is_empty(), status == 180, "{number} over {of_trunk} for {dialled}");
        callee.say(486);
        caller.expect(486);
        world.end();
    }
}

#[test]
fn one_offer_has_one_answer_whatever_the_branches_of_a_fork_say() {
    let (world, mut caller, mut callee) = begun("");
    let mut fork = callee.fork();
    callee.media = callee.media.formats(&["0 PCMU/8000"]);
    fork.media = fork.media.formats(&["8 PCMA/8000"]);
    callee.say_with_media(183);
    let first = caller.expect(183);
    assert_eq!(first.sdp_codecs(), ["PCMU/8000"]);
    fork.say_with_media(183);
    assert_eq!(caller.expect(183).body(), first.body());
    fork.answer();
    let answer = caller.expect(200);
    assert_eq!((answer.body(), answer.to_tag()), (first.body(), first.to_tag()));
    fork.expect("ACK");
    caller.refute("INVITE", SECOND);
    caller.ack();
    let offer = caller.expect("INVITE");
    assert_eq!(offer.sdp_codecs(), ["PCMA/8000"], "what the callee has accepted");
    caller.media = caller.media.formats(&["8 PCMA/8000"]);
    caller.answer();
    caller.expect("ACK");
    let relay = world.relay();
    for side in &relay.sides {
        let numbers: Vec<u8> = side.formats.iter().map(|format| format.send).collect();
        assert!(side.receives && side.sends && numbers == [8], "{side:?}");
    }
    fork.refute("INVITE", SECOND);
    fork.hang_up(&mut caller);
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn a_caller_who_hears_early_media_is_reminded_of_them() {
    let (world, mut caller, mut callee) = begun("[call]\nring_timeout = \"170s\"");
    callee.say_with_media(183);
    let first = caller.expect(183);
    for _ in 0..2 {
        world.pass(55 * SECOND);
        assert_eq!(caller.expect(183).body(), first.body());
    }
    world.pass(40 * SECOND);
    caller.expect(480);
    callee.stop_ringing();
    world.end();
}
