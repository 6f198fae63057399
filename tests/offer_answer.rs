//! Which media a call starts with, and what becomes of offers and answers that can't be used.

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::Outcome;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_offer_that_goes_on_is_our_own() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    caller.media = caller.media.formats(&[
        "120 SILK/24000",
        "0 PCMU/8000",
        "111 opus/48000/2",
        "126 telephone-event/8000",
        "125 telephone-event/48000",
        "8 PCMA/8000",
    ]);
    caller.call();
    let callee = world.incoming(BETA);
    let offer = callee.invited.as_ref().unwrap();
    let events = ["telephone-event/8000", "telephone-event/48000"];
    let codecs = ["opus/48000/2", "PCMA/8000", "PCMU/8000", events[0], events[1]];
    assert_eq!(offer.sdp_codecs(), codecs, "in our order, with numbers of ours: {offer}");
    assert!(!offer.body().contains("126") && !offer.body().contains("125"), "{offer}");
    assert_eq!(offer.sdp("c="), Some("IN IP4 127.0.0.1"));
    assert_eq!(offer.sdp("s="), Some("-"));
}

#[test]
fn payload_types_are_each_legs_own() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    caller.media = caller.media.formats(&["0 PCMU/8000", "126 telephone-event/8000"]);
    caller.call();
    let mut callee = world.incoming(BETA);
    callee.media = callee.media.formats(&["0 PCMU/8000", "101 telephone-event/8000"]);
    callee.answer();
    let answer = caller.expect(200);
    assert!(answer.sdp("m=audio ").unwrap().ends_with(" 0 126"), "{answer}");
    caller.ack();
    callee.expect("ACK");
    let relay = world.relay();
    let numbers = |side: Side| -> Vec<(u8, u8)> {
        relay.sides[side.index()].formats.iter().map(|map| (map.receive, map.send)).collect()
    };
    assert_eq!(numbers(Side::A), [(0, 0), (126, 126)]);
    assert_eq!(numbers(Side::B), [(0, 0), (101, 101)]);
    assert_eq!(relay.sides[0].rtp, Some("127.0.0.2:40000".parse().unwrap()));
    assert_eq!(relay.sides[1].rtp, Some("127.0.0.3:50000".parse().unwrap()));
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn other_media_are_declined_in_their_place() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let media = caller.media.clone().line("m=video 41000 RTP/AVP 97").line("m=image 41002 udptl t38");
    caller.media = media;
    caller.call();
    let mut callee = world.incoming(BETA);
    let offer = callee.invited.clone().unwrap();
    assert!(!offer.body().contains("video") && !offer.body().contains("image"), "{offer}");
    callee.answer();
    let answer = caller.expect(200);
    let lines: Vec<_> = answer.body().split("\r\n").filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines.len(), 3, "{answer}");
    assert!(lines[1].starts_with("m=video 0 ") && lines[2].starts_with("m=image 0 "), "{answer}");
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
}

/// A call that has reached the callee, and whose INVITE had no offer.
fn begun_without_an_offer() -> (World, Leg, Leg) {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = caller.request("INVITE");
    caller.send(invite);
    let callee = world.incoming(BETA);
    (world, caller, callee)
}

#[test]
fn a_late_offer() {
    let (world, mut caller, mut callee) = begun_without_an_offer();
    let offer = callee.invited.clone().unwrap();
    assert!(offer.sdp_codecs().contains(&"opus/48000/2".to_owned()), "all that we can: {offer}");
    callee.answer();
    let offer = caller.expect(200);
    assert_eq!(offer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    callee.expect("ACK");
    let ack = caller.ack_draft().sdp(&caller.media);
    caller.send(ack);
    world.pass(SECOND);
    let relay = world.relay();
    assert!(relay.sides.iter().all(|side| side.sends && side.receives), "{relay:?}");
    callee.hang_up(&mut caller);
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn a_late_answer_that_takes_less_reaches_the_callee() {
    let (world, mut caller, mut callee) = begun_without_an_offer();
    callee.answer();
    caller.expect(200);
    callee.expect("ACK");
    let ack = caller.ack_draft().sdp(caller.media.clone().formats(&["0 PCMU/8000"]));
    caller.send(ack);
    let offer = callee.expect("INVITE");
    assert_eq!(offer.sdp_codecs(), ["PCMU/8000"], "or the callee would speak what the caller can't hear");
    callee.media = callee.media.formats(&["0 PCMU/8000"]);
    callee.answer();
    callee.expect("ACK");
    let relay = world.relay();
    assert!(relay.sides.iter().all(|side| side.formats.len() == 1 && side.receives && side.sends));
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_late_offer_that_is_never_answered() {
    let (world, mut caller, mut callee) = begun_without_an_offer();
    callee.answer();
    caller.expect(200);
    caller.ack();
    for leg in [&mut caller, &mut callee] {
        leg.expect("BYE");
        leg.ok();
    }
    assert_eq!(world.end().outcome, Outcome::NoCommonCodec);
}

#[test]
fn an_offer_with_nothing_that_we_speak() {
    for (body, status) in [
        (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 97\r\na=rtpmap:97 GSM-EFR/8000\r\n",
            488,
        ),
        (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=video 4000 RTP/AVP 97\r\n",
            488,
        ),
        (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n",
            488,
        ),
        (
            "v=0\r\no=- 1 1 IN IP4 alice.example\r\ns=-\r\nc=IN IP4 alice.example\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
            488,
        ),
        ("v=0\r\nm=audio is here\r\n", 400),
    ] {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        let invite = caller.request("INVITE").body("application/sdp", body);
        caller.send(invite);
        caller.expect(status);
        assert!(world.received(BETA).is_empty());
        world.end();
    }
}

#[test]
fn an_offer_of_a_kind_that_we_do_not_read() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = caller.request("INVITE").body("application/isup", "\u{1}\u{2}");
    caller.send(invite);
    let refusal = caller.expect(415);
    assert_eq!(refusal.header("Accept"), "application/sdp");
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = caller.invite().with("Content-Encoding", "gzip");
    caller.send(invite);
    caller.expect(415);
    world.end();
}

#[test]
fn a_host_name_for_media_is_not_looked_up_and_the_call_goes_on() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let before = world.relay().sides;
    for method in ["INVITE", "UPDATE"] {
        let named = caller.media.clone().at("alice.example", 40_000);
        let request = caller.request(method).sdp(named);
        caller.send(request);
        assert_eq!(caller.expect(488).cause(), Some(88));
    }
    callee.refute("INVITE", SECOND);
    assert_eq!(world.relay().sides, before);
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn an_answer_that_can_not_be_used() {
    type Answer = fn(Draft, Sdp) -> Draft;
    let incompatible: [Answer; 3] = [
        |draft, sdp| draft.sdp(sdp.formats(&["9 G722/8000"])),
        |draft, sdp| draft.sdp(sdp.at("127.0.0.3", 0)),
        |draft, sdp| draft.sdp(sdp.at("bob.example", 4000)),
    ];
    let broken: [Answer; 5] = [
        |draft, _| draft,
        |draft, _| draft.body("text/plain", "hello"),
        |draft, _| draft.sdp("v=0\r\nm=audio is here\r\n"),
        |draft, sdp| draft.sdp(sdp).without("Contact"),
        |draft, sdp| draft.sdp(sdp).set("Contact", "<tel:+919722293847>"),
    ];
    let incompatible = incompatible.map(|answer| (answer, 488, 88, Outcome::NoCommonCodec));
    let broken = broken.map(|answer| (answer, 480, 27, Outcome::Unreachable));
    for (answer, status, cause, outcome) in incompatible.into_iter().chain(broken) {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        caller.media = caller.media.formats(&["0 PCMU/8000"]);
        caller.call();
        let mut callee = world.incoming(BETA);
        let ok = answer(callee.response(callee.invited.as_ref().unwrap(), 200), callee.media.clone());
        callee.send(ok);
        callee.expect("ACK");
        assert_eq!(callee.expect("BYE").cause(), Some(cause));
        callee.ok();
        assert_eq!(caller.expect(status).cause(), Some(cause));
        let record = world.end();
        assert_eq!(record.outcome, outcome);
        assert!(record.legs[1].answered_ms.is_some(), "the callee's leg is billed");
    }
}

#[test]
fn an_offer_that_we_are_asked_for_takes_a_hold_back_but_not_the_others() {
    for holder in [Side::A, Side::B] {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        let (leg, other) =
            if holder == Side::A { (&mut caller, &mut callee) } else { (&mut callee, &mut caller) };
        let (talks, listens) = (leg.media.clone(), other.media.clone().direction("recvonly"));
        leg.reinvite(talks.clone().direction("sendonly"));
        other.expect("INVITE");
        let before = std::mem::replace(&mut other.media, listens);
        other.answer();
        other.expect("ACK");
        leg.expect(200);
        leg.ack();

        // The one that is held asks: what it is offered is still a hold.
        let empty = other.request("INVITE");
        other.send(empty);
        assert_eq!(other.expect(200).sdp_direction(), "sendonly", "{holder:?}");
        let ack = other.ack_draft().sdp(&other.media);
        other.send(ack);
        leg.refute("INVITE", SECOND);

        // The one that holds asks: it may talk again, and the other hears of it.
        let empty = leg.request("INVITE");
        leg.send(empty);
        assert_eq!(leg.expect(200).sdp_direction(), "sendrecv", "{holder:?}");
        let ack = leg.ack_draft().sdp(&talks);
        leg.send(ack);
        assert_eq!(other.expect("INVITE").sdp_direction(), "sendrecv");
        other.media = before;
        other.answer();
        other.expect("ACK");
        assert!(world.relay().sides.iter().all(|side| side.sends && side.receives));
        leg.hang_up(other);
        world.end();
    }
}

#[test]
fn an_answer_that_came_early_stands_where_the_200_has_none() {
    let world = World::new();
    let (mut caller, mut callee) = world.begun();
    callee.say_with_media(183);
    caller.expect(180);
    callee.say(200);
    let answer = caller.expect(200);
    assert!(answer.sdp_port() > 0);
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_packet_time_crosses() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    caller.media = caller.media.clone().line("a=ptime:30");
    caller.call();
    let mut callee = world.incoming(BETA);
    assert_eq!(callee.invited.as_ref().unwrap().sdp("a=ptime:"), Some("30"));
    callee.media = callee.media.clone().line("a=ptime:20");
    callee.answer();
    assert_eq!(caller.expect(200).sdp("a=ptime:"), Some("20"));
    caller.ack();
    callee.hang_up(&mut caller);
    world.end();
}
