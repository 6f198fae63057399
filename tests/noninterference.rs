//! What nobody thought of listing: the same script is played against two quite different people, and what the party
//! at the other end gets must be the same, byte by byte and to the microsecond. The two differ in number, address,
//! device, wording and numbering; they make the same choices.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::relay::Event;
use sim::play::{CALLEES, CALLERS, Play, change, failure};
use sim::*;

/// A script, played by the caller's and the callee's person.
type Script = fn(&Play);

const SCRIPTS: &[(&str, Script)] = &[
    ("answered, and hung up by the callee", |play| {
        let (mut caller, mut callee) = play.established();
        callee.hang_up(&mut caller);
    }),
    ("answered, and hung up by the caller", |play| {
        let (mut caller, mut callee) = play.established();
        caller.hang_up(&mut callee);
    }),
    ("held, resumed and changed from both sides", |play| {
        let (mut caller, mut callee) = play.established();
        for direction in ["sendonly", "inactive", "sendrecv"] {
            let (a, b) = (caller.media.clone().direction(direction), callee.media.clone());
            change(&mut caller, &mut callee, a);
            change(&mut callee, &mut caller, b.direction(direction));
        }
        let media = callee.media.clone().formats(&["8 PCMA/8000", "101 telephone-event/8000"]);
        change(&mut callee, &mut caller, media);
        caller.hang_up(&mut callee);
    }),
    ("ringing", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.say(play.either(180, 181));
        callee.say(play.either(180, 182));
        caller.expect(180);
        callee.say_with_media(play.either(183, 180));
        play.world.pass(Duration::from_secs(70));
        caller.expect(480);
    }),
    ("busy", |play| failure(play, play.either(486, 600))),
    ("refused", |play| failure(play, play.either(603, 403))),
    ("unreachable", |play| failure(play, play.either(404, 503))),
    ("moved", |play| failure(play, play.either(302, 500))),
    ("no answer", |play| failure(play, play.either(480, 408))),
    ("no codec", |play| failure(play, play.either(488, 606))),
    ("cancelled", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.ring();
        caller.expect(180);
        caller.cancel();
        callee.expect("CANCEL");
        callee.ok();
        callee.say(487);
        caller.expect(487);
    }),
    ("late offer", |play| {
        let mut caller = play.caller();
        let invite = caller.request("INVITE");
        caller.send(invite);
        let mut callee = play.callee();
        callee.answer();
        caller.expect(200);
        let ack = caller.ack_draft().sdp(&caller.media);
        caller.send(ack);
        callee.hang_up(&mut caller);
    }),
    ("what is not taken", |play| {
        let (mut caller, mut callee) = play.established();
        for method in ["MESSAGE", "REFER", "NOTIFY", "OPTIONS"] {
            let request = callee.request(method).with("Refer-To", "<sip:odd@odd.example>");
            callee.send(request);
            play.world.pass(Duration::from_secs(1));
        }
        let media = caller.media.clone().direction("sendonly");
        caller.reinvite(media);
        callee.expect("INVITE");
        callee.say(play.either(488, 500));
        caller.expect(488);
        caller.bye();
        callee.expect("BYE");
        callee.reply(play.either(200, 481));
    }),
    ("a dialog that is lost", |play| {
        let (mut caller, mut callee) = play.established();
        let media = caller.media.clone().direction("sendonly");
        caller.reinvite(media);
        callee.expect("INVITE");
        callee.say(play.either(481, 408));
        caller.expect("BYE");
        caller.ok();
    }),
    ("refreshed and moved", |play| {
        let (mut caller, mut callee) = play.established();
        for (leg, ip) in [(&mut caller, "198.51.100.7"), (&mut callee, "198.51.100.8")] {
            let media = leg.media.clone();
            leg.update(media.clone());
            leg.expect(200);
            let update = leg.request("UPDATE");
            leg.send(update);
            leg.expect(200);
            leg.reinvite(media.at(ip, 45_000));
            leg.expect(200);
            leg.ack();
        }
        callee.hang_up(&mut caller);
    }),
    ("changed by UPDATE, by an offer that comes late, and to fax", |play| {
        let (mut caller, mut callee) = play.established();
        for [leg, other] in [[0, 1], [1, 0]] {
            let mut legs = [&mut caller, &mut callee];
            let [leg, other] = legs.get_disjoint_mut([leg, other]).unwrap();
            leg.update(leg.media.clone().direction("sendonly"));
            take_part(other);
            leg.expect(200);
            let invite = leg.request("INVITE");
            leg.send(invite);
            leg.expect(200);
            leg.media = leg.media.clone().direction("sendrecv");
            let ack = leg.ack_draft().sdp(&leg.media);
            leg.send(ack);
            take_part(other);
            let fax = leg.media.to_string().replace("m=audio", "m=image").replace("RTP/AVP", "udptl t38");
            let invite = leg.request("INVITE").sdp(fax);
            leg.send(invite);
            leg.expect(488);
        }
        caller.hang_up(&mut callee);
    }),
    ("both ask at once, and one gives up", |play| {
        let (mut caller, mut callee) = play.established();
        caller.reinvite(caller.media.clone().direction("sendonly"));
        callee.reinvite(callee.media.clone().direction("sendonly"));
        callee.expect("INVITE");
        callee.say(491);
        caller.expect(491);
        callee.expect(491);
        play.pass(5);
        callee.reinvite(callee.media.clone().direction("inactive"));
        caller.expect("INVITE");
        caller.ring();
        callee.cancel();
        caller.expect("CANCEL");
        caller.ok();
        caller.say(play.either_of_caller(487, 486));
        play.pass(2);
        caller.hang_up(&mut callee);
    }),
    ("requests before the answer", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.say(play.either(180, 183));
        caller.remote = caller.expect(180).header("To").to_owned();
        for leg in [&mut caller, &mut callee] {
            noise(play, leg);
        }
        let (mut caller, mut callee) = connect(caller, callee);
        callee.hang_up(&mut caller);
    }),
    ("requests outside any dialog", |play| {
        let (mut caller, mut callee) = play.established();
        for mut stray in [play.caller(), play.dials(play.callee, M2)] {
            noise(play, &mut stray);
            stray.remote += ";tag=nobody";
            noise(play, &mut stray);
        }
        callee.hang_up(&mut caller);
    }),
    ("digits by INFO", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.media = callee.media.formats(&["0 PCMU/8000"]);
        callee.extra = vec![("Allow".into(), "INFO".into())];
        let (mut caller, mut callee) = connect(caller, callee);
        for leg in [&mut caller, &mut callee] {
            let info = leg.request("INFO").body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
            leg.send(info);
            leg.expect(200);
        }
        callee.expect("INFO");
        callee.reply(play.either(200, 415));
        caller.hang_up(&mut callee);
    }),
    ("forked", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        let mut fork = callee.fork();
        fork.tag += "-fork";
        callee.ring();
        fork.say(play.either(180, 183));
        fork.answer();
        fork.expect("ACK");
        callee.answer();
        callee.expect("BYE");
        callee.reply(play.either(200, 481));
        caller.expect(200);
        caller.ack();
        fork.hang_up(&mut caller);
    }),
    ("answered too late", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.ring();
        caller.expect(180);
        caller.cancel();
        caller.expect(487);
        callee.expect("CANCEL");
        callee.ok();
        callee.answer();
        callee.expect("BYE");
        callee.reply(play.either(200, 407));
    }),
    ("what the caller does not take", |play| {
        let (mut caller, mut callee) = play.established();
        callee.reinvite(callee.media.clone().direction("sendonly"));
        caller.expect("INVITE");
        caller.say(play.either_of_caller(488, 422));
        callee.expect(488);
        callee.bye();
        caller.expect("BYE");
        caller.reply(play.either_of_caller(200, 401));
    }),
    ("silent", |play| {
        let (mut caller, mut callee) = play.established();
        play.world.tell(|relay| Event::Silent { relay });
        caller.expect("BYE");
        caller.reply(play.either_of_caller(200, 500));
        callee.expect("BYE");
        callee.reply(play.either(200, 500));
    }),
    ("never acknowledged", |play| {
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.answer();
        play.pass(40);
    }),
];

/// Requests that are answered here.
fn noise(play: &Play, leg: &mut Leg) {
    for method in
        ["UPDATE", "INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH", "PRACK", "OPTIONS", "FOO"]
    {
        let request = leg.request(method).body("text/plain", leg.at.to_string());
        leg.send(request);
        play.pass(1);
    }
}

fn take_part(other: &mut Leg) {
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
}

/// What a party got, and when.
fn transcript(world: &World, at: &str) -> String {
    let inner = world.get();
    let sent = inner.wire.iter().filter(|datagram| datagram.to == address(at));
    sent.map(|datagram| format!("{:?}\n{}\n", datagram.at, String::from_utf8_lossy(&datagram.bytes)))
        .collect()
}

#[test]
fn a_caller_cannot_tell_callees_apart() {
    for (name, script) in SCRIPTS {
        let seen = CALLEES.map(|callee| {
            let play = Play::new(CALLERS[0], callee, false);
            script(&play);
            play.world.settle();
            transcript(&play.world, ALPHA)
        });
        assert!(!seen[0].is_empty());
        compare(name, &seen);
    }
}

#[test]
fn a_callee_cannot_tell_callers_apart() {
    for (name, script) in SCRIPTS {
        let seen = CALLERS.map(|caller| {
            let play = Play::new(caller, CALLEES[0], false);
            script(&play);
            play.world.settle();
            transcript(&play.world, BETA)
        });
        assert!(!seen[0].is_empty());
        compare(name, &seen);
    }
}

#[test]
fn early_media_that_is_let_through_tells_nothing_more() {
    let seen = CALLEES.map(|callee| {
        let play = Play::new(CALLERS[0], callee, true);
        let mut caller = play.caller();
        caller.call();
        let mut callee = play.callee();
        callee.say_with_media(play.either(183, 180));
        caller.expect(183);
        callee.answer();
        caller.expect(200);
        caller.ack();
        callee.hang_up(&mut caller);
        play.world.settle();
        transcript(&play.world, ALPHA)
    });
    compare("early media", &seen);
}

/// The comparison's own control: a product that tells how long the other leg's message was is caught.
#[test]
fn even_a_length_that_crosses_is_seen() {
    let seen = CALLEES.map(|callee| {
        let play = Play::new(CALLERS[0], callee, false);
        let from = address(callee.at);
        play.world.edit().fault = Some(Box::new(move |sent, to, bytes| {
            let other = sent.iter().rev().find(|datagram| datagram.from == from);
            let Some(other) = other.filter(|_| to == address(ALPHA)) else { return bytes };
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let line = format!("X-Length: {}\r\n", other.bytes.len());
            [&bytes[..end], line.as_bytes(), &bytes[end..]].concat()
        }));
        SCRIPTS[0].1(&play);
        transcript(&play.world, ALPHA)
    });
    assert!(seen[0] != seen[1] && seen[0] != seen[2] && seen[1] != seen[2]);
}

fn compare(name: &str, seen: &[String; 3]) {
    let [plain, odd @ ..] = seen;
    for odd in odd {
        if let Some((plain, odd)) = plain.lines().zip(odd.lines()).find(|(plain, odd)| plain != odd) {
            panic!("{name}: {plain:?} for one is {odd:?} for the other\n{}\n=====\n{}", seen[0], odd);
        }
        assert_eq!(plain.len(), odd.len(), "{name}: one got more\n{plain}\n=====\n{odd}");
    }
}

/// A web service that says the same as the settings changes nothing that a party can see.
#[test]
fn the_same_through_a_web_service() {
    sim::service::through(&[
        a_caller_cannot_tell_callees_apart,
        a_callee_cannot_tell_callers_apart,
        early_media_that_is_let_through_tells_nothing_more,
        even_a_length_that_crosses_is_seen,
    ]);
}
