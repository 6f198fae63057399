//! What may change while two parties talk: who is held, what is spoken, where it is sent.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// How a party asks for other media.
#[derive(Debug, Clone, Copy)]
enum By {
    Invite,
    Update,
}

const WAYS: [(Side, By); 4] =
    [(Side::A, By::Invite), (Side::A, By::Update), (Side::B, By::Invite), (Side::B, By::Update)];

/// An established call, and the one who asks first.
fn talk(side: Side) -> (World, Leg, Leg) {
    let world = World::new();
    let (caller, callee) = world.established();
    match side {
        Side::A => (world, caller, callee),
        Side::B => (world, callee, caller),
    }
}

fn ask(leg: &mut Leg, by: By, media: Sdp) {
    match by {
        By::Invite => leg.reinvite(media),
        By::Update => leg.update(media),
    }
}

/// The answer to what was asked, acknowledged where that is due.
fn answered(leg: &mut Leg, by: By) -> Text {
    let answer = leg.expect(200);
    if let By::Invite = by {
        leg.ack();
    }
    answer
}

/// Asks for other media, which the other side gets to hear of and accepts; gives its offer and the answer.
fn change(leg: &mut Leg, other: &mut Leg, by: By, media: Sdp, accept: Sdp) -> (Text, Text) {
    ask(leg, by, media);
    let offer = other.expect("INVITE");
    other.media = accept;
    other.answer();
    other.expect("ACK");
    (offer, answered(leg, by))
}

fn end(world: &World, mut leg: Leg, mut other: Leg) {
    assert!(leg.unread("BYE").is_none() && other.unread("BYE").is_none());
    leg.hang_up(&mut other);
    world.end();
}

#[test]
fn hold_and_resume() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let before = world.relay();
        assert_eq!(before.silence, 300 * SECOND);
        let (mine, theirs) = (leg.media.clone(), other.media.clone());
        let (offer, answer) = change(
            &mut leg,
            &mut other,
            by,
            mine.clone().direction("sendonly"),
            theirs.clone().direction("recvonly"),
        );
        assert_eq!(
            (offer.sdp_direction(), answer.sdp_direction()),
            ("sendonly", "recvonly"),
            "{side:?} {by:?}"
        );
        let held = world.relay();
        let (a, b) = (&held.sides[side.index()], &held.sides[side.other().index()]);
        assert!(a.receives && !a.sends && b.sends && !b.receives, "{side:?} {by:?}: {held:?}");
        assert_eq!(held.silence, 3600 * SECOND, "a held call may be silent for longer");
        let (offer, answer) = change(&mut leg, &mut other, by, mine, theirs);
        assert_eq!((offer.sdp_direction(), answer.sdp_direction()), ("sendrecv", "sendrecv"));
        let resumed = world.relay();
        assert!(resumed.sides.iter().all(|side| side.sends && side.receives));
        assert_eq!(resumed.silence, 300 * SECOND);
        end(&world, leg, other);
    }
}

#[test]
fn hold_the_old_way() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let held = leg.media.clone().at("0.0.0.0", leg.media.port);
        let theirs = other.media.clone().direction("recvonly");
        let (offer, answer) = change(&mut leg, &mut other, by, held, theirs);
        assert_eq!((offer.sdp_direction(), answer.sdp_direction()), ("sendonly", "recvonly"));
        assert_eq!(world.relay().sides[side.index()].rtp, None);
        end(&world, leg, other);
    }
}

#[test]
fn another_codec() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let mine = leg.media.clone().formats(&["9 G722/8000", "8 PCMA/8000", "101 telephone-event/8000"]);
        let theirs = other.media.clone().formats(&["9 G722/8000", "101 telephone-event/8000"]);
        let (offer, answer) = change(&mut leg, &mut other, by, mine, theirs);
        assert_eq!(offer.sdp_codecs(), ["G722/8000", "PCMA/8000", "telephone-event/8000"]);
        assert_eq!(answer.sdp_codecs(), ["G722/8000", "telephone-event/8000"]);
        let formats = world.relay().sides.map(|side| side.formats.len());
        assert_eq!(formats, [2, 2]);
        end(&world, leg, other);
    }
}

#[test]
fn a_refresh_is_answered_here_with_the_same_description() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let said = match side {
            Side::A => world.received(ALPHA).into_iter().rfind(|text| text.sdp("o=").is_some()).unwrap(),
            Side::B => world.received(BETA).into_iter().rfind(|text| text.sdp("o=").is_some()).unwrap(),
        };
        for _ in 0..2 {
            let media = leg.media.clone();
            ask(&mut leg, by, media);
            let answer = answered(&mut leg, by);
            assert_eq!(answer.sdp_version(), said.sdp_version(), "{side:?} {by:?}");
            assert_eq!(answer.sdp("o="), said.sdp("o="));
        }
        other.refute("INVITE", SECOND);
        end(&world, leg, other);
    }
}

#[test]
fn a_move_of_address_is_answered_here() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let moved = leg.media.clone().at("198.51.100.77", 46_000);
        ask(&mut leg, by, moved);
        answered(&mut leg, by);
        other.refute("INVITE", SECOND);
        let relay = world.relay();
        assert_eq!(relay.sides[side.index()].rtp, Some("198.51.100.77:46000".parse().unwrap()));
        end(&world, leg, other);
    }
}

#[test]
fn an_update_without_an_offer_is_answered_here() {
    for side in [Side::A, Side::B] {
        let (world, mut leg, mut other) = talk(side);
        let update = leg.request("UPDATE");
        leg.send(update);
        assert_eq!(leg.expect(200).body(), "");
        other.refute("INVITE", SECOND);
        end(&world, leg, other);
    }
}

#[test]
fn a_reinvite_without_an_offer_gets_ours() {
    for side in [Side::A, Side::B] {
        let (world, mut leg, mut other) = talk(side);
        let invite = leg.request("INVITE");
        leg.send(invite);
        let offer = leg.expect(200);
        assert!(offer.sdp_port() > 0);
        let ack = leg.ack_draft().sdp(&leg.media);
        leg.send(ack);
        other.refute("INVITE", SECOND);
        end(&world, leg, other);
    }
}

#[test]
fn a_change_in_the_ack_of_a_late_offer_goes_on() {
    for side in [Side::A, Side::B] {
        let (world, mut leg, mut other) = talk(side);
        let invite = leg.request("INVITE");
        leg.send(invite);
        leg.expect(200);
        let ack = leg.ack_draft().sdp(leg.media.clone().direction("sendonly"));
        leg.send(ack);
        let offer = other.expect("INVITE");
        assert_eq!(offer.sdp_direction(), "sendonly", "{side:?}");
        other.media = other.media.clone().direction("recvonly");
        other.answer();
        other.expect("ACK");
        let relay = world.relay();
        assert!(!relay.sides[side.index()].sends && relay.sides[side.index()].receives, "{relay:?}");
        end(&world, leg, other);
    }
}

#[test]
fn fax_is_refused_and_the_call_goes_on() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let fax = format!(
            "v=0\r\no=ua 1 9 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=image 46000 udptl t38\r\n",
            leg.at.ip()
        );
        let before = world.relay();
        let request = match by {
            By::Invite => leg.request("INVITE"),
            By::Update => leg.request("UPDATE"),
        };
        leg.send(request.sdp(fax));
        leg.expect(488);
        other.refute("INVITE", SECOND);
        assert_eq!(world.relay().sides, before.sides);
        end(&world, leg, other);
    }
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    for (side, by) in WAYS {
        for status in [488, 415, 500, 603] {
            let (world, mut leg, mut other) = talk(side);
            let before = world.relay().sides;
            let mine = leg.media.clone();
            ask(&mut leg, by, mine.clone().formats(&["18 G729/8000"]).direction("inactive"));
            other.expect("INVITE");
            other.say(status);
            other.expect("ACK");
            leg.expect(488);
            assert_eq!(world.relay().sides, before, "{side:?} {by:?} {status}");
            let version = last_said(&world, &other);
            ask(&mut leg, by, mine.clone());
            answered(&mut leg, by);
            other.refute("INVITE", SECOND);
            assert_eq!(world.relay().sides, before, "{side:?} {by:?} {status}: after a refresh");
            let theirs = other.media.clone();
            other.reinvite(theirs);
            let answer = other.expect(200);
            other.ack();
            assert_eq!(answer.sdp_codecs().len(), 3, "what was agreed before: {answer}");
            assert_eq!(answer.sdp_direction(), "sendrecv");
            assert!(answer.sdp_version() <= version);
            leg.refute("INVITE", SECOND);
            let (offer, _) = change(
                &mut leg,
                &mut other,
                by,
                mine.direction("sendonly"),
                Sdp::new("127.0.0.9", 52_000).direction("recvonly"),
            );
            assert!(offer.sdp_version() > version, "a version is never used for two descriptions");
            end(&world, leg, other);
        }
    }
}

/// The version of the last description that a leg was sent.
fn last_said(world: &World, leg: &Leg) -> u64 {
    let all = world.received(&leg.at.to_string());
    all.iter().rfind(|text| text.sdp("o=").is_some()).unwrap().sdp_version()
}

#[test]
fn both_ask_at_once() {
    for by in [By::Invite, By::Update] {
        let (world, mut caller, mut callee) = talk(Side::A);
        let (a, b) = (caller.media.clone(), callee.media.clone());
        ask(&mut caller, by, a.clone().direction("sendonly"));
        ask(&mut callee, by, b.clone().direction("sendonly"));
        // Each side's own offer meets ours for the other: the later one is told to wait.
        let mut told = 0;
        world.pass(SECOND);
        for leg in [&mut caller, &mut callee] {
            told += usize::from(leg.unread(491).is_some());
        }
        assert_eq!(told, 1, "{}", world.ladder());
        for leg in [&mut caller, &mut callee] {
            if leg.is_invited() {
                leg.media = leg.media.clone().direction("recvonly");
                leg.answer();
                leg.expect("ACK");
            }
        }
        world.pass(SECOND);
        for leg in [&mut caller, &mut callee] {
            if let (Some(_), By::Invite) = (leg.unread(200), by) {
                leg.ack();
            }
        }
        end(&world, caller, callee);
    }
}

#[test]
fn a_callee_that_is_asking_itself_says_491() {
    for (side, by) in WAYS {
        let (world, mut leg, mut other) = talk(side);
        let (mine, theirs) = (leg.media.clone(), other.media.clone());
        ask(&mut leg, by, mine.clone().direction("sendonly"));
        other.expect("INVITE");
        other.say(491);
        other.expect("ACK");
        leg.expect(491);
        let before = world.relay().sides;
        assert!(before.iter().all(|side| side.sends && side.receives));
        change(&mut leg, &mut other, by, mine.direction("sendonly"), theirs.direction("recvonly"));
        end(&world, leg, other);
    }
}
