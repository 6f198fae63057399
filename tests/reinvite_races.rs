//! Changes of media that meet each other, get lost, or are answered with nonsense: the call goes on as it was, or ends.

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::HungUp;
use maskline::relay::{Digit, Event};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

fn end(world: &World, mut leg: Leg, mut other: Leg) {
    leg.hang_up(&mut other);
    world.end();
}

#[test]
fn a_refresh_while_the_others_offer_is_on_its_way() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let held = caller.media.clone().direction("sendonly");
    caller.update(held);
    callee.expect("INVITE");
    for leg in [&mut caller, &mut callee] {
        let refresh = leg.request("UPDATE");
        leg.send(refresh);
        assert_eq!(leg.expect(200).body(), "");
    }
    callee.media = callee.media.clone().direction("recvonly");
    callee.answer();
    callee.expect("ACK");
    assert_eq!(caller.expect(200).sdp_direction(), "recvonly");
    end(&world, caller, callee);
}

#[test]
fn an_offer_before_the_caller_has_acknowledged() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.answer();
    callee.expect("ACK");
    let held = callee.media.clone().direction("sendonly");
    callee.reinvite(held.clone());
    callee.expect(491);
    caller.expect(200);
    caller.ack();
    world.pass(SECOND);
    callee.reinvite(held);
    assert_eq!(caller.expect("INVITE").sdp_direction(), "sendonly");
    caller.media = caller.media.clone().direction("recvonly");
    caller.answer();
    callee.expect(200);
    callee.ack();
    end(&world, caller, callee);
}

#[test]
fn a_second_offer_before_the_first_is_answered() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let media = caller.media.clone();
    caller.update(media.clone().direction("sendonly"));
    callee.expect("INVITE");
    caller.update(media.direction("inactive"));
    let refusal = caller.expect(500);
    assert!(refusal.header("Retry-After").parse::<u8>().unwrap() <= 10, "RFC 3311 section 5.2");
    callee.media = callee.media.clone().direction("recvonly");
    callee.answer();
    caller.expect(200);
    end(&world, caller, callee);
}

#[test]
fn an_offer_of_an_ack_that_meets_another_is_made_again() {
    for side in [Side::A, Side::B] {
        let world = World::new();
        let (caller, callee) = world.established();
        let (mut leg, mut other) = if side == Side::A { (caller, callee) } else { (callee, caller) };
        let invite = leg.request("INVITE");
        leg.send(invite);
        leg.expect(200);
        let ack = leg.ack_draft().sdp(leg.media.clone().direction("sendonly"));
        leg.send(ack);
        let first = other.expect("INVITE");
        other.say(491);
        other.expect("ACK");
        let asked = world.time();
        let again = other.expect("INVITE");
        let waited = world.time() - asked;
        // We chose the Call-ID of leg B, the caller that of leg A (RFC 3261 section 14.1).
        let range = if side == Side::A { 2_100..4_100 } else { 0..2_100 };
        assert!(range.contains(&waited.as_millis()), "{side:?} {waited:?}");
        assert_eq!(again.sdp_direction(), "sendonly");
        assert!(again.sdp_version() >= first.sdp_version());
        other.media = other.media.clone().direction("recvonly");
        other.answer();
        other.expect("ACK");
        assert!(!world.relay().sides[side.index()].sends);
        end(&world, leg, other);
    }
}

#[test]
fn an_accepted_change_that_nobody_acknowledges_ends_the_call() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let media = caller.media.clone();
    caller.reinvite(media);
    caller.expect(200);
    world.pass(31 * SECOND);
    assert!(callee.unread("BYE").is_none());
    for leg in [&mut caller, &mut callee] {
        leg.expect("BYE");
        leg.ok();
    }
    assert_eq!(world.end().hung_up, Some(HungUp::Failure));
}

#[test]
fn a_late_answer_that_never_comes_leaves_the_call_or_ends_it() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let invite = caller.request("INVITE");
    caller.send(invite);
    caller.expect(200);
    caller.ack();
    world.pass(SECOND);
    match callee.unread("BYE") {
        Some(_) => {
            callee.ok();
            caller.expect("BYE");
            caller.ok();
        }
        None => caller.hang_up(&mut callee),
    }
    world.end();
}

#[test]
fn an_answer_that_makes_no_sense() {
    type Answer = fn(Draft, Sdp) -> Draft;
    let answers: [Answer; 4] = [
        |draft, _| draft,
        |draft, sdp| draft.sdp(sdp.formats(&["9 G722/8000"])),
        |draft, _| draft.sdp("v=0\r\nm=audio is here\r\n"),
        |draft, _| draft.body("text/plain", "hello"),
    ];
    for answer in answers {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        let before = world.relay().sides;
        let held = caller.media.clone().direction("sendonly");
        caller.reinvite(held);
        callee.expect("INVITE");
        let ok = answer(callee.response(callee.invited.as_ref().unwrap(), 200), callee.media.clone());
        callee.send(ok);
        callee.expect("ACK");
        caller.expect(488);
        assert_eq!(world.relay().sides, before);
        let media = callee.media.clone();
        callee.reinvite(media);
        assert_eq!(callee.expect(200).sdp_direction(), "sendrecv", "what was agreed before");
        callee.ack();
        assert_eq!(world.relay().sides, before);
        end(&world, caller, callee);
    }
}

#[test]
fn an_acknowledgement_that_is_an_earlier_ones() {
    let world = World::new();
    let (mut caller, callee) = world.established();
    let early = caller.numbered("ACK", 1);
    let media = caller.media.clone();
    caller.reinvite(media);
    caller.expect(200);
    caller.send(early);
    caller.expect(200);
    caller.ack();
    world.pass(SECOND);
    while caller.unread(200).is_some() {}
    caller.refute(200, 10 * SECOND);
    end(&world, caller, callee);
}

#[test]
fn a_party_that_moves_in_its_answer() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let held = caller.media.clone().direction("sendonly");
    caller.reinvite(held);
    callee.expect("INVITE");
    callee.contact = "<sip:moved@127.0.0.3:5099>".into();
    callee.media = callee.media.clone().direction("recvonly");
    callee.answer();
    callee.at = address("127.0.0.3:5099");
    assert_eq!(callee.expect("ACK").uri(), "sip:moved@127.0.0.3:5099");
    caller.expect(200);
    caller.ack();
    end(&world, caller, callee);
}

#[test]
fn an_answer_that_claims_more_than_was_offered() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let held = caller.media.clone().direction("inactive");
    caller.reinvite(held);
    callee.expect("INVITE");
    callee.answer();
    callee.expect("ACK");
    assert_eq!(caller.expect(200).sdp_direction(), "inactive");
    caller.ack();
    end(&world, caller, callee);
}

#[test]
fn a_digit_that_finds_its_dialog_gone_ends_the_call() {
    for status in [481, 408, 500] {
        let world = World::new();
        let caller = world.dial(M1);
        let mut callee = world.incoming(BETA);
        callee.media = callee.media.formats(&["0 PCMU/8000"]);
        let (mut caller, mut callee) = connect(caller, callee);
        world.tell(|relay| Event::Digit {
            relay,
            from: Side::A,
            digit: Digit::from_char('7').unwrap(),
            duration: Duration::from_millis(120),
        });
        callee.expect("INFO");
        callee.reply(status);
        if status == 500 {
            caller.refute("BYE", SECOND);
            end(&world, caller, callee);
            continue;
        }
        for leg in [&mut caller, &mut callee] {
            leg.expect("BYE");
            leg.ok();
        }
        assert_eq!(world.end().hung_up, Some(HungUp::Failure));
    }
}

#[test]
fn an_update_before_the_answer_changes_nothing() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.ring();
    let ringing = caller.expect(180);
    let (remote, target) = (caller.remote.clone(), caller.target.clone());
    caller.remote = ringing.header("To").into();
    caller.target = ringing.contact().into();
    let media = caller.media.clone().direction("sendonly");
    let update = caller.request("UPDATE").sdp(media);
    caller.send(update);
    assert!(caller.expect(500).get("Retry-After").is_some());
    (caller.remote, caller.target) = (remote, target);
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.expect("ACK");
    end(&world, caller, callee);
}

#[test]
fn hold_from_both_sides() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let (a, b) = (caller.media.clone(), callee.media.clone());
    caller.reinvite(a.clone().direction("sendonly"));
    callee.expect("INVITE");
    callee.media = b.clone().direction("recvonly");
    callee.answer();
    callee.expect("ACK");
    caller.expect(200);
    caller.ack();
    callee.reinvite(b.clone().direction("inactive"));
    assert_eq!(caller.expect("INVITE").sdp_direction(), "inactive");
    caller.media = a.clone().direction("inactive");
    caller.answer();
    caller.expect("ACK");
    callee.expect(200);
    callee.ack();
    assert!(world.relay().sides.iter().all(|side| !side.sends && !side.receives));
    caller.reinvite(a);
    callee.expect("INVITE");
    callee.media = b;
    callee.answer();
    callee.expect("ACK");
    assert_eq!(caller.expect(200).sdp_direction(), "sendrecv");
    caller.ack();
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives));
    end(&world, caller, callee);
}

#[test]
fn an_update_is_answered_before_its_sender_gives_it_up() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let (talks, sent) = (caller.media.clone(), world.time());
    caller.update(talks.clone().direction("sendonly"));
    callee.expect("INVITE");
    callee.say(180);
    world.pass(15 * SECOND);
    assert!(callee.unread("CANCEL").is_none());
    callee.stop_ringing();
    let refusal = world.expect(caller.at, "an answer", |text| {
        text.cseq_method() == "UPDATE" && text.status().is_some_and(|status| status >= 300)
    });
    assert!(world.time() - sent < 20 * SECOND, "{refusal}");
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives), "all is as before");
    caller.media = talks;
    end(&world, caller, callee);
}
