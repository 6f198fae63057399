//! Nothing crosses: a token of its own stands in every field of every message of one party, and is looked for in
//! every byte that the other party gets, in what is logged, and in the record outside the fields meant for numbers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use sim::canary::{Canary, Token, Value, report, search};
use sim::*;

/// A world whose parties are full of tokens.
struct Aviary {
    world: World,
    canary: Canary,
}

impl Aviary {
    fn new() -> Self {
        Self::with(SETTINGS)
    }

    fn with(settings: &str) -> Self {
        let canary = Canary::default();
        for (side, number, at) in [(Side::A, ALICE, ALPHA), (Side::B, BOB, BETA)] {
            canary.own(side, "real number", Value::Number(number[1..].into()));
            let ip = address(at).ip().to_string();
            canary.own(side, "address", Value::Verbatim(format!("{ip}:")));
            canary.own(side, "address in SDP", Value::Verbatim(format!("IP4 {ip}\r")));
        }
        canary.own(Side::A, "number dialled", Value::Number(M1[1..].into()));
        Self { world: World::with(settings, 7), canary }
    }

    fn caller(&self) -> Leg {
        let mut caller = self.world.caller(ALPHA, ALICE, M1);
        let canary = &self.canary;
        let word = |field: &str| canary.word(Side::A, field);
        self.canary.dress(Side::A, &mut caller);
        caller.extra = vec![(
            "P-Asserted-Identity".into(),
            format!("\"{}\" <sip:{ALICE}@{}.example;{}>", word("PAI name"), word("PAI host"), word("PAI")),
        )];
        let number = canary.number(Side::A, "Request-URI rn");
        caller.target = format!(
            "sip:{M1};npdi;rn={number};cic={}@{SWITCH};user=phone;tgrp={};otg={};cpc={};oli={};verstat={}",
            word("Request-URI cic"),
            word("Request-URI tgrp"),
            word("Request-URI otg"),
            word("Request-URI cpc"),
            word("Request-URI oli"),
            word("Request-URI verstat"),
        );
        caller
    }

    fn callee(&self) -> Leg {
        let mut callee = self.world.incoming(BETA);
        self.canary.dress(Side::B, &mut callee);
        callee.extra = vec![(
            "P-Asserted-Identity".into(),
            format!(
                "\"{}\" <sip:{}@{}.example>",
                self.canary.word(Side::B, "PAI name"),
                self.canary.number(Side::B, "PAI number"),
                self.canary.word(Side::B, "PAI host"),
            ),
        )];
        callee
    }

    fn established(&self) -> (Leg, Leg) {
        let mut caller = self.caller();
        caller.call();
        let callee = self.callee();
        connect(caller, callee)
    }

    /// What the switch sent to a side.
    fn sent_to(&self, side: Side) -> Vec<u8> {
        let inner = self.world.get();
        let is_at = |at: std::net::SocketAddr| {
            at != address(SWITCH) && [ALPHA, AGENT].map(address).contains(&at) == (side == Side::A)
        };
        let sent = inner.wire.iter().filter(|datagram| is_at(datagram.to));
        sent.flat_map(|datagram| [&datagram.bytes[..], b"\0\0"].concat()).collect()
    }

    fn found(&self) -> String {
        let mut text = String::new();
        for side in [Side::A, Side::B] {
            let others: Vec<Token> = self.canary.of(side.other());
            text += &report(&search(&self.sent_to(side), &others), &others);
        }
        let tokens = self.canary.tokens();
        text += &report(&search(self.world.logs().as_bytes(), &tokens), &tokens);
        // Names of phones and trunks are the operator's own, and stand in the record.
        for record in &self.world.get().records {
            let mut record = serde_json::to_value(record).unwrap();
            for declared in ["dialled", "caller", "destination", "shown"] {
                record.as_object_mut().unwrap().remove(declared).unwrap();
            }
            let mut tokens = tokens.clone();
            tokens.retain(|token| token.field != "phone's name");
            text += &report(&search(record.to_string().as_bytes(), &tokens), &tokens);
        }
        text
    }

    /// Ends what is left, and looks for every token.
    fn check(&self) {
        self.world.settle();
        let found = self.found();
        assert!(found.is_empty(), "tokens crossed:\n{found}");
        assert!(!self.world.get().records.is_empty(), "the call left a record");
    }
}

#[test]
fn a_call_with_all_that_can_happen_in_it() {
    let aviary = Aviary::new();
    let mut caller = aviary.caller();
    caller.call();
    let mut callee = aviary.callee();
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
    for method in ["INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "OPTIONS", "PUBLISH", "PRACK", "FOO"] {
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

/// One side asks for other media by INVITE, and the other takes part in it as it is asked to.
fn change_by_invite(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.reinvite(media);
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
    leg.expect(200);
    leg.ack();
}

fn change_by_update(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.update(media);
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
    leg.expect(200);
}

#[test]
fn late_offer() {
    let aviary = Aviary::new();
    let mut caller = aviary.caller();
    let invite = caller.request("INVITE");
    caller.send(invite);
    let callee = aviary.callee();
    let mut callee = callee;
    callee.answer();
    caller.expect(200);
    let ack = caller.ack_draft().sdp(&caller.media);
    caller.send(ack);
    callee.expect("ACK");
    caller.hang_up(&mut callee);
    aviary.check();
}

#[test]
fn early_media_that_is_let_through() {
    let aviary = Aviary::with(&with_trunk_key("beta", "early_media = \"relay\""));
    let mut caller = aviary.caller();
    caller.call();
    let mut callee = aviary.callee();
    callee.say_with_media(183);
    caller.expect(183);
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.hang_up(&mut caller);
    aviary.check();
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
    let (mut caller, mut callee) = connect(caller, aviary.callee());
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
        let mut caller = aviary.caller();
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
        let mut caller = aviary.caller();
        caller.call();
        let mut callee = aviary.callee();
        callee.say(status);
        callee.expect("ACK");
        aviary.check();
    }
}

#[test]
fn offers_that_are_not_taken() {
    for status in [302, 400, 401, 407, 415, 422, 480, 488, 491, 500, 603, 606] {
        let aviary = Aviary::new();
        let (mut caller, mut callee) = aviary.established();
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

#[test]
fn cancelled_calls() {
    for ends in [487, 200, 603] {
        let aviary = Aviary::new();
        let mut caller = aviary.caller();
        caller.call();
        let mut callee = aviary.callee();
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

#[test]
fn a_callee_that_says_nothing_and_one_that_only_rings() {
    for rings in [false, true] {
        let aviary = Aviary::new();
        let mut caller = aviary.caller();
        caller.call();
        let mut callee = aviary.callee();
        if rings {
            callee.ring();
        }
        aviary.world.pass(Duration::from_secs(100));
        caller.expect(480);
        aviary.check();
    }
}
