//! Nothing crosses: a token of its own stands in every field of every message of one party, and is looked for in
//! every byte that the other party gets, in what is logged, and in the record outside the fields meant for numbers.
//! Each call is made both ways: by the first party and by the second.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use sim::aviary::{Aviary, change_by_invite, change_by_update};
use sim::canary::Value;
use sim::text::after;
use sim::*;

const SIDES: [Side; 2] = [Side::A, Side::B];
const TRUNKS: [&str; 2] = ["alpha", "beta"];

#[test]
fn a_call_with_all_that_can_happen_in_it() {
    for from in SIDES {
        let aviary = Aviary::new();
        let (mut caller, mut callee) = aviary.call(from);
        callee.say(100);
        for status in [180, 181, 182, 199] {
            callee.say(status);
            caller.expect(180);
        }
        callee.say_with_media(183);
        caller.expect(180);
        callee.answer();
        caller.expect(200);
        caller.ack();
        callee.expect("ACK");
        for direction in ["sendonly", "inactive", "sendrecv"] {
            let (a, b) = (caller.media.clone(), callee.media.clone());
            change_by_invite(&mut caller, &mut callee, a.direction(direction));
            change_by_update(&mut callee, &mut caller, b.direction(direction));
        }
        let (a, b) = (caller.media.clone(), callee.media.clone());
        change_by_update(&mut caller, &mut callee, a.formats(&["8 PCMA/8000", "97 telephone-event/8000"]));
        change_by_invite(&mut callee, &mut caller, b.formats(&["9 G722/8000", "8 PCMA/8000"]));
        for method in
            ["INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "OPTIONS", "PUBLISH", "PRACK", "FOO"]
        {
            for leg in [&mut caller, &mut callee] {
                let request = leg.request(method);
                leg.send(request);
                aviary.world.pass(Duration::from_secs(1));
            }
        }
        for leg in [&mut caller, &mut callee] {
            let info = leg.request("INFO").body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
            leg.send(info);
            leg.expect(200);
        }
        callee.hang_up(&mut caller);
        aviary.check();
    }
}

/// A number dialled as a tel URI with all that may stand behind it, and a URI that carries headers.
#[test]
fn other_uris() {
    for from in SIDES {
        let aviary = Aviary::new();
        let mut caller = aviary.caller(from);
        let sip = caller.target.clone();
        let (number, word) = (aviary.canary.number(from, "tel URI"), aviary.canary.word(from, "tel URI"));
        caller.target = format!("{sip}?Subject={word}&Diversion=%3Ctel:{number}%3E");
        caller.call();
        caller.expect(400);
        let dialled = after(&sip, "sip:").unwrap();
        caller.target =
            format!("tel:{dialled};isub={word};ext=77;phone-context={word}.example;rn={number};{word}");
        caller.call();
        let (mut caller, mut callee) = connect(caller, aviary.callee(from.other()));
        callee.hang_up(&mut caller);
        aviary.check();
    }
}

#[test]
fn late_offer() {
    for from in SIDES {
        let aviary = Aviary::new();
        let mut caller = aviary.caller(from);
        let invite = caller.request("INVITE");
        caller.send(invite);
        let mut callee = aviary.callee(from.other());
        callee.answer();
        caller.expect(200);
        let ack = caller.ack_draft().sdp(&caller.media);
        caller.send(ack);
        callee.expect("ACK");
        caller.hang_up(&mut callee);
        aviary.check();
    }
}

#[test]
fn early_media_that_is_let_through() {
    for from in SIDES {
        let aviary = Aviary::with(&with_trunk_key(TRUNKS[from.other().index()], "early_media = \"relay\""));
        let (mut caller, mut callee) = aviary.call(from);
        callee.say_with_media(183);
        caller.expect(183);
        callee.answer();
        caller.expect(200);
        caller.ack();
        callee.hang_up(&mut caller);
        aviary.check();
    }
}

#[test]
fn a_softphone_calls() {
    let settings = SETTINGS.replace("\"agent\"", "\"fieldagent\"");
    let aviary = Aviary::with(&settings);
    let (world, canary) = (&aviary.world, &aviary.canary);
    canary.own(Side::A, "phone's number", Value::Number(AGENT_NUMBER[1..].into()));
    canary.own(Side::A, "phone's name", Value::Word("fieldagent".into()));
    let mut phone = world.phone("fieldagent", AGENT);
    phone.password = "agent-demo-password".into();
    let word = |field: &str| canary.word(Side::A, field);
    let contact = format!("<sip:{}@{AGENT};ob>;+sip.instance=\"{}\"", word("REGISTER"), word("instance"));
    phone.register_with(&[("Contact", &contact), ("User-Agent", &word("REGISTER User-Agent"))]);
    let mut caller = phone.leg(OPEN);
    canary.dress(Side::A, &mut caller);
    caller.local = format!("\"{}\" <sip:fieldagent@127.0.0.1;x={}>", word("From name"), word("From x"));
    phone.call(&mut caller);
    let (mut caller, mut callee) = connect(caller, aviary.callee(Side::B));
    let media = caller.media.clone();
    change_by_invite(&mut caller, &mut callee, media.direction("sendonly"));
    callee.hang_up(&mut caller);
    aviary.check();
}

#[test]
fn a_softphone_is_called() {
    let settings = SETTINGS.replace("\"customer\"", "\"fieldcustomer\"");
    let aviary = Aviary::with(&settings);
    let (world, canary) = (&aviary.world, &aviary.canary);
    canary.own(Side::B, "phone's number", Value::Number(CUSTOMER_NUMBER[1..].into()));
    canary.own(Side::B, "phone's name", Value::Word("fieldcustomer".into()));
    let mut phone = world.phone("fieldcustomer", CUSTOMER);
    phone.password = "customer-demo-password".into();
    let word = |field: &str| canary.word(Side::B, field);
    let contact = format!("<sip:{}@{CUSTOMER};ob>;+sip.instance=\"{}\"", word("REGISTER"), word("instance"));
    phone.register_with(&[("Contact", &contact), ("User-Agent", &word("REGISTER User-Agent"))]);
    for status in [200, 486, 302] {
        let mut caller = aviary.caller(Side::A);
        caller.target = caller.target.replace(M1, TO_CUSTOMER);
        caller.call();
        let mut callee = world.incoming(CUSTOMER);
        canary.dress(Side::B, &mut callee);
        callee.ring();
        if status == 200 {
            let (mut caller, mut callee) = connect(caller, callee);
            let media = callee.media.clone();
            change_by_update(&mut callee, &mut caller, media.direction("sendonly"));
            caller.hang_up(&mut callee);
        } else {
            callee.say(status);
            callee.expect("ACK");
        }
    }
    aviary.check();
}

#[test]
fn every_failure() {
    for status in [
        300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 407, 408, 410, 413, 415, 420, 421, 422, 423, 424,
        428, 429, 433, 436, 437, 438, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500,
        501, 503, 504, 513, 580, 600, 603, 604, 606, 607, 608, 699,
    ] {
        let aviary = Aviary::new();
        let (_caller, mut callee) = aviary.call(SIDES[usize::from(status % 2)]);
        callee.say(status);
        callee.expect("ACK");
        aviary.check();
    }
}

#[test]
fn offers_that_are_not_taken() {
    for from in SIDES {
        for status in [302, 400, 401, 407, 415, 422, 480, 488, 491, 500, 603, 606] {
            let aviary = Aviary::new();
            let (mut caller, mut callee) = aviary.established(from);
            let media = caller.media.clone().direction("sendonly");
            caller.reinvite(media);
            callee.expect("INVITE");
            callee.say(status);
            aviary.world.pass(Duration::from_secs(5));
            let media = callee.media.clone().formats(&["8 PCMA/8000"]);
            callee.update(media);
            caller.expect("INVITE");
            caller.say(status);
            aviary.world.pass(Duration::from_secs(5));
            caller.bye();
            callee.expect("BYE");
            callee.reply(401);
            aviary.check();
        }
    }
}

#[test]
fn cancelled_calls() {
    for from in SIDES {
        for ends in [487, 200, 603] {
            let aviary = Aviary::new();
            let (mut caller, mut callee) = aviary.call(from);
            callee.ring();
            caller.expect(180);
            caller.cancel();
            caller.expect(487);
            callee.expect("CANCEL");
            callee.ok();
            if ends == 200 {
                callee.answer();
                callee.expect("BYE");
                callee.ok();
            } else {
                callee.say(ends);
            }
            aviary.check();
        }
    }
}

#[test]
fn a_callee_that_says_nothing_and_one_that_only_rings() {
    for from in SIDES {
        for rings in [false, true] {
            let aviary = Aviary::new();
            let (mut caller, mut callee) = aviary.call(from);
            if rings {
                callee.ring();
            }
            aviary.world.pass(Duration::from_secs(100));
            caller.expect(480);
            aviary.check();
        }
    }
}

/// A web service that says the same as the settings changes nothing that a party can see.
#[test]
fn the_same_through_a_web_service() {
    sim::service::through(&[
        a_call_with_all_that_can_happen_in_it,
        other_uris,
        late_offer,
        early_media_that_is_let_through,
        a_softphone_calls,
        a_softphone_is_called,
        every_failure,
        offers_that_are_not_taken,
        cancelled_calls,
        a_callee_that_says_nothing_and_one_that_only_rings,
    ]);
}
