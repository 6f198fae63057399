//! Nothing crosses by the paths beside the plain call either: what comes outside any dialog, before the answer, from
//! several phones at once, over TCP, too late, twice or broken. The tokens and the search are those of the canary.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::relay::{Digit, Event};
use sim::aviary::{Aviary, change_by_invite, change_by_update};
use sim::*;

const SIDES: [Side; 2] = [Side::A, Side::B];
const SECOND: Duration = Duration::from_secs(1);
/// Every method that there is, and one that is not.
const METHODS: [&str; 15] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
    "FOO",
];

/// What one leg does to a call while it goes on, the other looking on.
fn in_a_call(script: impl Fn(&Aviary, &mut Leg, &mut Leg)) {
    for from in SIDES {
        for acts in SIDES {
            let aviary = Aviary::new();
            let (mut caller, mut callee) = aviary.established(from);
            if acts == from {
                script(&aviary, &mut caller, &mut callee);
            } else {
                script(&aviary, &mut callee, &mut caller);
            }
            aviary.check();
        }
    }
}

/// Whatever a party sends, with a body of ISUP, and of other kinds in turn.
fn everything(aviary: &Aviary, leg: &mut Leg, methods: &[&str]) {
    let side = Aviary::side_of(leg);
    let kinds = ["application/dtmf-relay", "text/plain", "message/sipfrag", "application/sdp"];
    for (method, kind) in methods.iter().zip(kinds.into_iter().cycle()) {
        let text = aviary.canary.word(side, "a body");
        let number = aviary.canary.number(side, "a body");
        let body = format!("Signal=5\r\nDuration=160\r\n{text}: {number}\r\n");
        for is_bare in [true, false] {
            let request = leg.request(method);
            leg.send(if is_bare { request } else { request.body(kind, &body) });
            aviary.world.pass(SECOND / 10);
        }
    }
}

#[test]
fn whatever_is_sent_in_a_dialog() {
    let methods: Vec<&str> =
        METHODS.into_iter().filter(|method| !["BYE", "CANCEL", "INVITE"].contains(method)).collect();
    in_a_call(|aviary, leg, other| {
        everything(aviary, leg, &methods);
        aviary.world.pass(5 * SECOND);
        leg.hang_up(other);
    });
}

/// Every method from where a leg's party is, each a dialog of its own: without To tag, but for what would be a call,
/// and with one that nobody knows.
fn strays(aviary: &Aviary, side: Side) {
    for tag in ["", "foreign To tag"] {
        for method in METHODS.into_iter().filter(|method| *method != "INVITE" || !tag.is_empty()) {
            let mut stray = aviary.caller(side);
            if !tag.is_empty() {
                stray.remote += &format!(";tag={}", aviary.canary.word(side, tag));
            }
            let request = stray.request(method);
            stray.send(request);
            aviary.world.pass(SECOND);
        }
    }
}

#[test]
fn whatever_is_sent_outside_any_dialog() {
    in_a_call(|aviary, leg, other| {
        strays(aviary, Aviary::side_of(leg));
        other.refute("BYE", SECOND);
        leg.hang_up(other);
    });
}

/// The control of these paths: a product that copies what one side says to the other is caught for every method, in
/// the dialog and outside of it, and for every response.
#[test]
fn a_leak_by_any_path_is_caught() {
    for from in SIDES {
        let aviary = Aviary::new();
        aviary.leak();
        let (mut caller, mut callee) = aviary.call(from);
        for status in [100, 180, 181, 182, 183, 199] {
            callee.say(status);
        }
        callee.answer();
        caller.expect(200);
        caller.ack();
        callee.expect("ACK");
        let methods: Vec<&str> =
            METHODS.into_iter().filter(|method| !["BYE", "CANCEL", "INVITE"].contains(method)).collect();
        for [leg, other] in [[0, 1], [1, 0]] {
            let mut legs = [&mut caller, &mut callee];
            let [leg, other] = legs.get_disjoint_mut([leg, other]).unwrap();
            everything(&aviary, leg, &methods);
            strays(&aviary, Aviary::side_of(leg));
            let media = leg.media.clone();
            change_by_invite(leg, other, media.direction("sendonly"));
        }
        caller.hang_up(&mut callee);
        for (leg, statuses) in [(&caller, 0), (&callee, 7)] {
            let side = Aviary::side_of(leg);
            let crossed = aviary.crossed_to(side.other());
            let caught =
                |label: &str| crossed.iter().any(|token| token.field == format!("{label} Unheard-Of"));
            // What follows the last message to the other side is copied no more.
            let methods = METHODS.into_iter().filter(|method| *method != "BYE");
            let missed: Vec<&str> = methods.filter(|method| !caught(method)).collect();
            assert!(missed.is_empty(), "{missed:?} of {side:?}");
            let responses = ["100", "180", "181", "182", "183", "199", "200"].into_iter().take(statuses);
            let missed: Vec<&str> =
                responses.filter(|status| !caught(&format!("{status} to INVITE"))).collect();
            assert!(missed.is_empty(), "{missed:?} of {side:?}");
        }
    }
}

#[test]
fn whatever_is_sent_before_the_answer() {
    for from in SIDES {
        let aviary = Aviary::new();
        let (mut caller, mut callee) = aviary.call(from);
        callee.ring();
        caller.remote = caller.expect(180).header("To").to_owned();
        for leg in [&mut caller, &mut callee] {
            everything(
                &aviary,
                leg,
                &["UPDATE", "PRACK", "INFO", "MESSAGE", "NOTIFY", "REFER", "OPTIONS", "FOO"],
            );
        }
        callee.say_with_media(183);
        callee.answer();
        caller.expect(200);
        caller.ack();
        callee.expect("ACK");
        caller.hang_up(&mut callee);
        aviary.check();
    }
}

/// A call that the callee's phones answer one after the other: the first is taken, the second ended.
#[test]
fn forked_calls() {
    for from in SIDES {
        let aviary = Aviary::new();
        let (mut caller, mut callee) = aviary.call(from);
        let mut fork = callee.fork();
        aviary.canary.dress(from.other(), &mut fork);
        callee.ring();
        fork.say_with_media(183);
        caller.expect(180);
        fork.answer();
        fork.expect("ACK");
        callee.answer();
        callee.expect("ACK");
        callee.expect("BYE");
        callee.ok();
        caller.expect(200);
        caller.ack();
        fork.answer();
        fork.hang_up(&mut caller);
        aviary.check();
    }
}

#[test]
fn legs_over_tcp() {
    for [a_is_on_tcp, b_is_on_tcp] in [[true, false], [false, true], [true, true]] {
        let mut settings = SETTINGS.to_owned();
        for (on_tcp, target) in [(a_is_on_tcp, "sip:127.0.0.2:5060"), (b_is_on_tcp, "sip:127.0.0.3:5060")] {
            if on_tcp {
                settings = settings.replace(target, &format!("{target};transport=tcp"));
            }
        }
        for from in SIDES {
            let aviary = Aviary::with(&settings);
            for (on_tcp, at) in [(a_is_on_tcp, ALPHA), (b_is_on_tcp, BETA)] {
                if on_tcp {
                    aviary.world.connect(at);
                }
            }
            let (mut caller, mut callee) = aviary.established(from);
            let (a, b) = (caller.media.clone(), callee.media.clone());
            change_by_invite(&mut caller, &mut callee, a.direction("sendonly"));
            change_by_update(&mut callee, &mut caller, b.direction("sendonly"));
            everything(&aviary, &mut caller, &["INFO", "MESSAGE"]);
            callee.hang_up(&mut caller);
            let inner = aviary.world.get();
            let has_tcp = inner.wire.iter().any(|sent| sent.transport == maskline::base::Transport::Tcp);
            assert!(has_tcp, "some of it went over TCP");
            drop(inner);
            aviary.check();
        }
    }
}

#[test]
fn refreshes_and_moves_are_answered_here() {
    in_a_call(|_, leg, other| {
        let media = leg.media.clone();
        leg.reinvite(media.clone());
        leg.expect(200);
        leg.ack();
        leg.update(media.clone());
        leg.expect(200);
        let update = leg.request("UPDATE");
        leg.send(update);
        leg.expect(200);
        leg.reinvite(media.at("198.51.100.77", 41_000));
        leg.expect(200);
        leg.ack();
        other.refute("INVITE", SECOND);
        leg.hang_up(other);
    });
}

#[test]
fn offers_that_come_late_or_are_no_audio() {
    in_a_call(|_, leg, other| {
        let invite = leg.request("INVITE");
        leg.send(invite);
        leg.expect(200);
        leg.media = leg.media.clone().formats(&["8 PCMA/8000"]);
        let ack = leg.ack_draft().sdp(&leg.media);
        leg.send(ack);
        if other.is_invited() {
            other.answer();
            other.expect("ACK");
        }
        let fax = leg.media.to_string().replace("m=audio", "m=image").replace("RTP/AVP", "udptl t38");
        let invite = leg.request("INVITE").sdp(fax);
        leg.send(invite);
        leg.expect(488);
        let broken = leg.request("INVITE").sdp("no description at all\r\n");
        leg.send(broken);
        leg.expect(400);
        leg.hang_up(other);
    });
}

#[test]
fn offers_that_meet_are_given_up_or_never_answered() {
    in_a_call(|aviary, leg, other| {
        let (mine, theirs) = (leg.media.clone(), other.media.clone());
        leg.reinvite(mine.clone().direction("sendonly"));
        other.reinvite(theirs.direction("sendonly"));
        aviary.world.pass(SECOND);
        while other.is_invited() {
            other.say(491);
        }
        while leg.is_invited() {
            leg.say(491);
        }
        aviary.world.pass(5 * SECOND);
        leg.reinvite(mine.clone().formats(&["8 PCMA/8000"]));
        if other.is_invited() {
            other.ring();
            leg.cancel();
            other.expect("CANCEL");
            other.ok();
            other.say(487);
        }
        aviary.world.pass(5 * SECOND);
        leg.reinvite(mine);
        aviary.world.pass(40 * SECOND);
        leg.bye();
        aviary.world.pass(SECOND);
    });
}

#[test]
fn digits_by_info_to_a_party_without_events() {
    for from in SIDES {
        let aviary = Aviary::new();
        let (caller, mut callee) = aviary.call(from);
        callee.media = callee.media.formats(&["0 PCMU/8000"]);
        let (mut caller, mut callee) = connect(caller, callee);
        let digit = Digit::from_char('7').unwrap();
        let duration = Duration::from_millis(120);
        aviary.world.tell(|relay| Event::Digit { relay, from: Side::A, digit, duration });
        callee.expect("INFO");
        callee.ok();
        everything(&aviary, &mut caller, &["INFO"]);
        callee.expect("INFO");
        callee.reply(415);
        caller.hang_up(&mut callee);
        aviary.check();
    }
}

#[test]
fn calls_that_end_by_themselves() {
    for from in SIDES {
        for how in 0..4 {
            let aviary = Aviary::new();
            let (mut caller, mut callee) = aviary.call(from);
            callee.answer();
            caller.expect(200);
            if how != 0 {
                caller.ack();
            }
            match how {
                0 => aviary.world.pass(40 * SECOND),
                1 => aviary.world.tell(|relay| Event::Silent { relay }),
                2 => aviary.world.pass(Duration::from_secs(4 * 3600)),
                _ => aviary.world.command(maskline::switch::Command::HangUpAll),
            }
            callee.expect("BYE");
            callee.reply(407);
            caller.expect("BYE");
            if how == 1 {
                caller.reply(500);
            }
            aviary.check();
        }
    }
}

#[test]
fn calls_that_are_refused() {
    let to = |dialled: &'static str| move |draft: Draft| draft.to_uri(&format!("sip:{dialled}@{SWITCH}"));
    let changes: Vec<Box<dyn Fn(Draft) -> Draft>> = vec![
        Box::new(to(IDLE)),
        Box::new(to(FOREIGN)),
        Box::new(to(M2)),
        Box::new(to("112")),
        Box::new(|draft: Draft| draft.with("Require", "100rel, unheard-of")),
        Box::new(|draft: Draft| draft.set("Max-Forwards", "0")),
        Box::new(|draft: Draft| draft.to_uri("http://x.example")),
        Box::new(|draft: Draft| draft.without("Max-Forwards").set("Accept", "text/plain")),
        Box::new(|draft: Draft| draft.set("CSeq", "nonsense")),
        Box::new(|draft: Draft| draft.set("From", "\"open <sip:x>")),
        Box::new(|draft: Draft| draft.with("Call-ID", "another")),
        Box::new(|draft: Draft| draft.set("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>")),
    ];
    for change in changes {
        let aviary = Aviary::new();
        let mut caller = aviary.caller(Side::A);
        let invite = caller.invite();
        let invite = aviary.canary.dressed(Side::A, invite);
        aviary.world.send(caller.at, change(invite).bytes());
        aviary.world.pass(20 * SECOND);
        let (mut caller, mut callee) = aviary.established(Side::A);
        callee.hang_up(&mut caller);
        aviary.check();
    }
}

/// Messages of a call that are broken, and answers that nobody waits for.
#[test]
fn broken_messages_and_answers_to_nothing() {
    in_a_call(|aviary, leg, other| {
        let side = Aviary::side_of(leg);
        for (name, value) in
            [("Via", "x"), ("CSeq", "9 BYE"), ("From", "<"), ("Max-Forwards", "-1"), ("Contact", "<sip:")]
        {
            let request = aviary.canary.dressed(side, leg.request("INFO")).set(name, value);
            aviary.world.send(leg.at, request.bytes());
            aviary.world.pass(SECOND);
        }
        let asked = other.request("OPTIONS");
        let asked = Text::new(&asked.bytes());
        for status in [180, 200, 302, 407, 486] {
            let response = leg.response(&asked, status);
            leg.send(response);
            aviary.world.pass(SECOND);
        }
        leg.hang_up(other);
    });
}

/// A web service that says the same as the settings changes nothing that a party can see.
#[test]
fn the_same_through_a_web_service() {
    sim::service::through(&[
        whatever_is_sent_in_a_dialog,
        whatever_is_sent_outside_any_dialog,
        a_leak_by_any_path_is_caught,
        whatever_is_sent_before_the_answer,
        forked_calls,
        legs_over_tcp,
        refreshes_and_moves_are_answered_here,
        offers_that_come_late_or_are_no_audio,
        offers_that_meet_are_given_up_or_never_answered,
        digits_by_info_to_a_party_without_events,
        calls_that_end_by_themselves,
        calls_that_are_refused,
        broken_messages_and_answers_to_nothing,
    ]);
}
