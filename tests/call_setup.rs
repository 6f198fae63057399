//! From the INVITE to the answer, or to the reason why there is none.

mod sim;

use std::time::Duration;

use maskline::ledger::{HungUp, Outcome};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_call_is_set_up_and_ended_by_the_caller() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let trying = caller.expect(100);
    assert_eq!(trying.to_tag(), None, "a 100 has no tag");
    let mut callee = world.incoming(BETA);
    callee.ring();
    let ringing = caller.expect(180);
    assert_eq!(ringing.body(), "", "ringing is without media");
    callee.answer();
    let answer = caller.expect(200);
    assert_eq!(answer.to_tag(), ringing.to_tag());
    assert_eq!(answer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    caller.ack();
    callee.expect("ACK");
    world.pass(30 * SECOND);
    caller.hang_up(&mut callee);
    let record = world.end();
    assert_eq!((record.status, record.outcome), (Some(200), Outcome::Answered));
    assert_eq!((record.hung_up, record.cause), (Some(HungUp::Caller), 16));
    assert!((30_000..30_100).contains(&record.billable_ms), "{record:?}");
    let number = |number: Option<maskline::base::PhoneNumber>| number.unwrap().reveal();
    assert_eq!(number(record.caller), ALICE);
    assert_eq!(number(record.dialled), M1);
    assert_eq!(number(record.destination), BOB);
    assert_eq!(number(record.shown), M2);
    assert_eq!(record.legs.len(), 2);
    assert_eq!((&*record.legs[0].peer, &*record.legs[1].peer), ("alpha", "beta"));
}

#[test]
fn an_answer_that_came_through_somebody_else() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    let ringing = callee.response(callee.invited.as_ref().unwrap(), 180);
    callee.send(ringing.with("Via", "SIP/2.0/UDP 127.0.0.3;branch=z9hG4bKx"));
    caller.refute(180, SECOND);
    callee.say(486);
    caller.expect(486);
    world.end();
}

#[test]
fn a_caller_of_rfc_2543_without_tag_and_branch() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let old = |draft: Draft| {
        let from = draft.get("From").unwrap().split(';').next().unwrap().to_owned();
        draft.set("From", from).set("Via", format!("SIP/2.0/UDP {ALPHA}"))
    };
    let invite = old(caller.invite());
    caller.send(invite.clone());
    caller.send(invite.clone());
    let mut callee = world.incoming(BETA);
    callee.answer();
    let is_answer = |text: &Text| text.status() == Some(200);
    let answer = world.expect(caller.at, "200", is_answer);
    caller.remote = answer.header("To").into();
    caller.target = answer.contact().into();
    let ack = old(caller.ack_draft());
    caller.send(ack);
    callee.expect("ACK");
    let bye = old(caller.request("BYE"));
    caller.send(bye);
    callee.expect("BYE");
    callee.ok();
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
    let invites = world.received(BETA).iter().filter(|text| text.method() == Some("INVITE")).count();
    assert_eq!(invites, 1, "a repetition is known without a branch too");
}

#[test]
fn the_callee_hangs_up() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    callee.hang_up(&mut caller);
    assert_eq!(world.end().hung_up, Some(HungUp::Callee));
}

#[test]
fn whatever_the_callee_sends_before_it_answers_is_ringing_without_media() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.say(100);
    caller.refute(180, SECOND);
    for status in [180, 181, 182, 183, 199] {
        callee.say_with_media(status);
        let ringing = caller.expect(180);
        assert_eq!(ringing.body(), "");
    }
    assert_eq!(world.relay().sets, 0, "nobody hears anything yet");
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_ringing_caller_is_reminded() {
    let settings = with_table("[call]\nring_timeout = \"170s\"");
    let world = World::with(&settings, 1);
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.ring();
    for _ in 0..3 {
        caller.expect(180);
        world.pass(55 * SECOND);
    }
    caller.expect(480);
    callee.expect("CANCEL");
    callee.ok();
    callee.say(487);
    world.end();
}

#[test]
fn no_answer_in_time() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.ring();
    caller.expect(180);
    world.pass(59 * SECOND);
    assert!(caller.unread(480).is_none());
    let refusal = caller.expect(480);
    assert_eq!(refusal.cause(), Some(19));
    callee.expect("CANCEL");
    callee.ok();
    callee.say(487);
    callee.expect("ACK");
    let record = world.end();
    assert_eq!((record.outcome, record.cause), (Outcome::NoAnswer, 19));
}

#[test]
fn a_callee_that_is_not_there() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let refusal = caller.expect(480);
    assert!((32 * SECOND..33 * SECOND).contains(&world.time()), "after 64 T1");
    assert_eq!(refusal.cause(), Some(27));
    let tries = world.received(BETA).len();
    assert_eq!(tries, 7, "at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s");
    assert_eq!(world.end().outcome, Outcome::Unreachable);
}

#[test]
fn failures_become_what_a_caller_may_learn() {
    let table: &[(&[u16], u16, u8, Outcome)] = &[
        (&[486, 600], 486, 17, Outcome::Busy),
        (&[408, 480, 487], 480, 19, Outcome::NoAnswer),
        (&[401, 403, 407, 603, 607, 608], 480, 21, Outcome::Rejected),
        (&[415, 488, 606], 488, 88, Outcome::NoCommonCodec),
        (&[300, 302, 380, 400, 404, 410, 482, 484, 500, 503, 504, 604, 699], 480, 27, Outcome::Unreachable),
    ];
    for (statuses, to_caller, cause, outcome) in table {
        for status in *statuses {
            let world = World::new();
            let mut caller = world.dial(M1);
            let mut callee = world.incoming(BETA);
            callee.say(*status);
            callee.expect("ACK");
            let refusal = caller.expect(*to_caller);
            assert_eq!(refusal.cause(), Some(*cause), "for {status}");
            assert!(!refusal.start().contains("Whatever"));
            let record = world.end();
            assert_eq!(record.outcome, *outcome, "for {status}");
            assert_eq!((record.cause, record.status), (*cause, Some(*to_caller)));
            assert_eq!(record.legs[1].status, Some(*status));
            world.only_spoke_to(&[ALPHA, BETA]);
        }
    }
}

#[test]
fn no_ports() {
    let world = World::new();
    world.edit().engine.is_full = true;
    let mut caller = world.dial(M1);
    let refusal = caller.expect(503);
    assert!(refusal.header("Retry-After").parse::<u8>().unwrap() <= 5);
    assert_eq!(refusal.cause(), Some(34));
    assert!(world.received(BETA).is_empty());
    assert_eq!(world.end().outcome, Outcome::Unavailable);
}

#[test]
fn ports_that_come_too_late() {
    // Two seconds after they were asked for, or when the time for the decision is over.
    for (decided, refused) in [(0, 2_000), (5_000, 6_000)] {
        let world = World::new();
        world.edit().decision_delay = Duration::from_millis(decided);
        world.edit().engine_delay = 20 * SECOND;
        let mut caller = world.dial(M1);
        let refusal = caller.expect(503);
        assert!((refused..refused + 100).contains(&world.time().as_millis()), "{:?}", world.time());
        assert!(refusal.header("Retry-After").parse::<u8>().unwrap() <= 5);
        assert_eq!(refusal.cause(), Some(34));
        assert_eq!((world.get().records.len(), world.get().switch.calls()), (1, 0), "nothing waits for them");
        assert_eq!(world.end().outcome, Outcome::Unavailable, "and they are given back");
    }
}

#[test]
fn a_caller_that_gives_up_does_not_wait_for_ports_that_never_come() {
    let world = World::new();
    world.edit().engine_delay = 20 * SECOND;
    let mut caller = world.dial(M1);
    caller.expect(100);
    caller.cancel();
    caller.expect(487);
    world.pass(3 * SECOND);
    assert_eq!((world.get().records.len(), world.get().switch.calls()), (1, 0));
    assert_eq!(world.end().outcome, Outcome::Cancelled);
}

#[test]
fn a_decision_that_never_comes() {
    let world = World::new();
    world.edit().is_undecided = true;
    let mut caller = world.dial(M1);
    assert_eq!(caller.expect(480).cause(), Some(27));
    assert!((6 * SECOND..7 * SECOND).contains(&world.time()));
    world.end();
}

#[test]
fn a_trunk_with_a_name() {
    let settings = SETTINGS.replace("sip:127.0.0.3:5060", "sip:beta.example");
    for addresses in [vec![address(BETA)], Vec::new()] {
        let world = World::with(&settings, 1);
        let is_known = !addresses.is_empty();
        world.edit().names.insert("beta.example".into(), addresses);
        let mut caller = world.dial(M1);
        if is_known {
            let callee = world.incoming(BETA);
            assert_eq!(callee.invited.as_ref().unwrap().uri(), format!("sip:{BOB}@beta.example"));
            let (mut caller, mut callee) = connect(caller, callee);
            caller.hang_up(&mut callee);
        } else {
            assert_eq!(caller.expect(480).cause(), Some(27));
        }
        world.end();
    }
}

#[test]
fn the_answer_is_repeated_until_it_is_acknowledged() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.answer();
    for _ in 0..4 {
        caller.expect(200);
    }
    assert!((3 * SECOND..5 * SECOND).contains(&world.time()), "after 0, 0.5, 1.5 and 3.5 s");
    let invite = caller.invite.clone().unwrap();
    caller.send(invite);
    caller.refute(200, SECOND);
    caller.ack();
    world.pass(SECOND);
    caller.refute(200, 40 * SECOND);
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn an_answer_that_nobody_acknowledges_ends_the_call() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.answer();
    caller.expect(200);
    callee.expect("ACK");
    world.pass(31 * SECOND);
    assert!(callee.unread("BYE").is_none());
    callee.expect("BYE");
    callee.ok();
    caller.expect("BYE");
    caller.ok();
    let record = world.end();
    assert_eq!(record.outcome, Outcome::NoAcknowledgement);
    assert_eq!(record.hung_up, Some(HungUp::Failure));
    assert!(record.billable_ms >= 31_000, "the callee was connected");
}

#[test]
fn a_callees_answer_that_comes_again_is_acknowledged_again() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    callee.answer();
    callee.expect("ACK");
    caller.refute(200, SECOND);
    caller.hang_up(&mut callee);
    callee.answer();
    callee.expect("ACK");
    assert!(callee.unread("BYE").is_none());
    world.end();
}

#[test]
fn a_repeated_invite_is_one_call_and_gets_the_last_response() {
    let world = World::new();
    let mut caller = world.dial(M1);
    caller.expect(100);
    let invite = caller.invite.clone().unwrap();
    caller.send(invite.clone());
    caller.expect(100);
    let mut callee = world.incoming(BETA);
    callee.ring();
    caller.expect(180);
    caller.send(invite);
    caller.expect(180);
    assert_eq!(world.received(BETA).len(), 1);
    callee.say(486);
    caller.expect(486);
    world.end();
}

#[test]
fn a_call_over_tcp() {
    let world = World::new();
    world.connect(ALPHA);
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = caller.invite();
    let via = invite.get("Via").unwrap().replace("/UDP", "/TCP");
    caller.send(invite.set("Via", via));
    let callee = world.incoming(BETA);
    let (mut caller, mut callee) = connect(caller, callee);
    world.pass(10 * SECOND);
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn a_trusted_header_that_can_not_be_read_names_nobody() {
    for value in ["<sip:", "\"Alice <sip:x@h>", "<sip:@>"] {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        let invite = caller.invite().with("P-Asserted-Identity", value);
        caller.send(invite);
        caller.expect(404);
        assert_eq!(world.end().caller, None, "From is not asked in its place: {value}");
    }
}
