//! What nobody thought of listing: the same script is played against two quite different people, and what the party
//! at the other end gets must be the same, byte by byte and to the microsecond. The two differ in number, address,
//! device, wording and numbering; they make the same choices.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::rc::Rc;
use std::time::Duration;

use sim::*;

/// One way of being a party.
#[derive(Clone, Copy)]
struct Person {
    number: &'static str,
    at: &'static str,
    is_odd: bool,
}

const CALLERS: [Person; 2] = [
    Person { number: ALICE, at: ALPHA, is_odd: false },
    Person { number: "+919899900011", at: "127.0.0.7:5066", is_odd: true },
];
const CALLEES: [Person; 2] = [
    Person { number: BOB, at: BETA, is_odd: false },
    Person { number: "+919700000000", at: "127.0.0.8:5068", is_odd: true },
];

/// A script, played by the caller's and the callee's person.
type Script = fn(&Play);

struct Play {
    world: World,
    caller: Person,
    callee: Person,
}

impl Play {
    fn new(caller: Person, callee: Person, early_media: bool) -> Self {
        let settings =
            if early_media { with_trunk_key("beta", "early_media = \"relay\"") } else { SETTINGS.to_owned() };
        let ip = |at: &str| address(at).ip().to_string();
        let settings = settings
            .replace(ALICE, caller.number)
            .replace(BOB, callee.number)
            .replace(&format!("{}/32", ip(ALPHA)), &format!("{}/32", ip(caller.at)))
            .replace(&format!("{}/32", ip(BETA)), &format!("{}/32", ip(callee.at)))
            .replace(&format!("sip:{ALPHA}"), &format!("sip:{}", caller.at))
            .replace(&format!("sip:{BETA}"), &format!("sip:{}", callee.at));
        Self { world: World::with(&settings, 3), caller, callee }
    }

    fn caller(&self) -> Leg {
        let Person { number, at, .. } = self.caller;
        let mut leg = self.world.caller(at, number, M1);
        self.caller.dress(&mut leg);
        leg
    }

    fn callee(&self) -> Leg {
        let mut leg = self.world.incoming(self.callee.at);
        self.callee.dress(&mut leg);
        leg
    }

    fn established(&self) -> (Leg, Leg) {
        let mut caller = self.caller();
        caller.call();
        connect(caller, self.callee())
    }

    /// Either of two statuses that mean the same.
    fn either(&self, plain: u16, odd: u16) -> u16 {
        if self.callee.is_odd { odd } else { plain }
    }
}

impl Person {
    /// Lets all that a leg says sound like this person.
    fn dress(self, leg: &mut Leg) {
        if !self.is_odd {
            return;
        }
        let uri = leg.local.trim_matches(['<', '>']).to_owned();
        if leg.invited.is_none() {
            leg.local = format!("\"Odd, \\\"O\\\" Person\" <{uri};user=phone>");
            leg.call_id = format!("{}-much-longer-than-the-other@odd.example", leg.call_id);
        }
        leg.contact = format!("\"Odd\" <sip:odd@{};ob>;+sip.instance=\"<urn:uuid:0>\";q=0.2", leg.at);
        leg.cseq += 5_000;
        leg.dress = Some(Rc::new(odd));
    }
}

/// The same message, as another device would write it.
fn odd(draft: Draft) -> Draft {
    let mut draft = draft;
    draft.start = draft.start.replace("Whatever", "Nothing like it in any language");
    let is_description = draft.get("Content-Type") == Some("application/sdp");
    let draft = draft
        .with("User-Agent", "Odd/7.7 (of 1999)")
        .with("Server", "Odd/7.7")
        .with("Organization", "The Odd Company")
        .with("X-Odd", "+919700000000")
        .with("Supported", "timer, 100rel, replaces, gruu")
        .with("Allow", "UPDATE, INFO, INVITE, ACK, BYE, CANCEL, REFER, PRACK")
        .with("P-Asserted-Identity", "\"Odd\" <sip:+919899900011@odd.example>")
        .with("Date", "Sat, 13 Nov 2010 23:29:00 GMT")
        .with("Warning", "399 odd.example \"odd\"")
        .with("Reason", "SIP;cause=600;text=\"odd\"")
        .with("Retry-After", "99999 (odd)");
    if !is_description {
        return draft;
    }
    let sdp = String::from_utf8(draft.body.clone()).unwrap();
    let sdp = sdp
        .replace("o=ua 4711", "o=odd 99999999999")
        .replace("s=-", "s=Odd talk\r\ni=odd\r\nb=AS:64")
        .replace("m=audio 40000", "m=audio 61000")
        .replace("m=audio 50000", "m=audio 62000")
        .replace(" 101\r\n", " 99\r\n")
        .replace("a=rtpmap:101 ", "a=ssrc:1 cname:odd\r\na=rtcp:61009\r\na=rtpmap:99 ")
        .replace("a=rtpmap:0 PCMU", "a=rtpmap:0 pcmu");
    draft.sdp(sdp)
}

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
];

fn change(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.reinvite(media);
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
    leg.expect(200);
    leg.ack();
}

fn failure(play: &Play, status: u16) {
    let mut caller = play.caller();
    caller.call();
    let mut callee = play.callee();
    callee.say(status);
    callee.expect("ACK");
    play.world.pass(Duration::from_secs(1));
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
    assert_ne!(seen[0], seen[1]);
}

fn compare(name: &str, seen: &[String; 2]) {
    if let Some((plain, odd)) = seen[0].lines().zip(seen[1].lines()).find(|(plain, odd)| plain != odd) {
        panic!("{name}: {plain:?} for one is {odd:?} for the other\n{}\n=====\n{}", seen[0], seen[1]);
    }
    assert_eq!(seen[0].len(), seen[1].len(), "{name}: one got more\n{}\n=====\n{}", seen[0], seen[1]);
}
