//! Requests inside a dialog: digits, order, whose they are, and methods that are not for this product.

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::relay::{Digit, Event};
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

fn end(world: &World, mut leg: Leg, mut other: Leg) {
    leg.hang_up(&mut other);
    world.end();
}

/// An established call in which the callee takes digits by INFO alone.
fn without_events(allow: &str) -> (World, Leg, Leg) {
    let world = World::new();
    let caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.media = callee.media.formats(&["0 PCMU/8000"]);
    callee.extra = vec![("Allow".into(), allow.into())];
    let (caller, callee) = connect(caller, callee);
    (world, caller, callee)
}

#[test]
fn digits_by_info_become_events() {
    let (world, mut caller, mut callee) = {
        let world = World::new();
        let (caller, callee) = world.established();
        (world, caller, callee)
    };
    let bodies = [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160),
        ("application/dtmf-relay", "signal = * \nduration = 90", '*', 90),
        ("application/dtmf-relay", "Signal=11", '#', 250),
        ("application/dtmf", "d", 'D', 250),
        ("application/dtmf-relay;charset=utf-8", "Signal=0\r\nDuration=1\r\n", '0', 40),
        ("application/dtmf-relay", "Signal=9\r\nDuration=999999\r\n", '9', 5_000),
    ];
    for (leg, to) in [(&mut caller, Side::B), (&mut callee, Side::A)] {
        let before = world.relay().digits.len();
        for (content_type, body, ..) in bodies {
            let info = leg.request("INFO").body(content_type, body);
            leg.send(info);
            leg.expect(200);
        }
        let heard = world.relay().digits[before..].to_vec();
        let expected = bodies
            .map(|(_, _, key, millis)| (to, Digit::from_char(key).unwrap(), Duration::from_millis(millis)));
        assert_eq!(heard, expected);
    }
    end(&world, caller, callee);
}

#[test]
fn digits_reach_a_party_without_events_by_info() {
    for allow in ["INVITE, ACK, BYE, INFO", "INVITE,INFO"] {
        let (world, mut caller, mut callee) = without_events(allow);
        world.tell(|relay| Event::Digit {
            relay,
            from: Side::A,
            digit: Digit::from_char('7').unwrap(),
            duration: Duration::from_millis(120),
        });
        let info = callee.expect("INFO");
        assert_eq!(info.header("Content-Type"), "application/dtmf-relay");
        assert_eq!(info.body(), "Signal=7\r\nDuration=120\r\n");
        callee.ok();
        let info = caller.request("INFO").body("application/dtmf", "3");
        caller.send(info);
        caller.expect(200);
        assert!(callee.expect("INFO").body().starts_with("Signal=3\r\n"));
        callee.reply(415);
        end(&world, caller, callee);
    }
}

#[test]
fn a_party_may_say_later_that_it_takes_no_digits() {
    for by_response in [false, true] {
        let (world, mut caller, mut callee) = without_events("INVITE, ACK, BYE, INFO");
        callee.extra = vec![("Allow".into(), "INVITE, ACK, BYE".into())];
        if by_response {
            let held = caller.media.clone().direction("sendonly");
            caller.reinvite(held);
            callee.expect("INVITE");
            callee.answer();
            caller.expect(200);
            caller.ack();
        } else {
            let media = callee.media.clone();
            callee.reinvite(media);
            callee.expect(200);
            callee.ack();
        }
        let info = caller.request("INFO").body("application/dtmf", "3");
        caller.send(info);
        caller.expect(200);
        callee.refute("INFO", SECOND);
        end(&world, caller, callee);
    }
}

#[test]
fn digits_are_lost_on_a_party_that_takes_none() {
    let (world, mut caller, mut callee) = without_events("INVITE, ACK, BYE, CANCEL");
    let info = caller.request("INFO").body("application/dtmf", "3");
    caller.send(info);
    caller.expect(200);
    callee.refute("INFO", SECOND);
    end(&world, caller, callee);
}

#[test]
fn infos_that_are_no_digits() {
    let world = World::new();
    let (mut caller, callee) = world.established();
    let info = caller.request("INFO");
    caller.send(info);
    caller.expect(200);
    for (content_type, body) in [
        ("application/sscs", "tone=5"),
        ("application/dtmf-relay", "Signal=55\r\n"),
        ("application/dtmf-relay", "Signal=E\r\n"),
        ("application/dtmf-relay", ""),
        ("application/dtmf", "hello"),
        ("application/dtmf", "\u{664}"),
    ] {
        let info = caller.request("INFO").body(content_type, body);
        let is_empty = info.body.is_empty();
        caller.send(info);
        caller.expect(if is_empty { 200 } else { 415 });
    }
    assert!(world.relay().digits.is_empty());
    end(&world, caller, callee);
}

#[test]
fn a_request_out_of_order() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    for leg in [&mut caller, &mut callee] {
        let options = leg.request("OPTIONS");
        leg.send(options);
        leg.expect(200);
        for number in [leg.cseq, leg.cseq - 1] {
            let late = leg.numbered("OPTIONS", number);
            leg.send(late);
            leg.expect(500);
        }
        leg.cseq += 1_000;
        let gap = leg.request("OPTIONS");
        leg.send(gap);
        leg.expect(200);
    }
    end(&world, caller, callee);
}

#[test]
fn a_repeated_request_gets_its_answer_again() {
    let world = World::new();
    let (mut caller, callee) = world.established();
    let info = caller.request("INFO").body("application/dtmf", "3");
    for _ in 0..3 {
        caller.send(info.clone());
        caller.expect(200);
    }
    assert_eq!(world.relay().digits.len(), 1);
    end(&world, caller, callee);
}

#[test]
fn a_request_that_belongs_to_no_dialog() {
    let world = World::new();
    let (mut caller, callee) = world.established();
    let wrong: [fn(Draft) -> Draft; 3] = [
        |draft| draft.set("Call-ID", "other"),
        |draft| {
            let from = draft.get("From").unwrap().replace(";tag=", ";tag=x");
            draft.set("From", from)
        },
        |draft| {
            let to = draft.get("To").unwrap().replace(";tag=", ";tag=x");
            draft.set("To", to)
        },
    ];
    for method in ["BYE", "INVITE", "INFO", "UPDATE", "OPTIONS", "NOTIFY"] {
        for spoil in wrong {
            let request = spoil(caller.request(method));
            let via = request.get("Via").unwrap().to_owned();
            caller.send(request);
            let answer = world.expect(caller.at, "481", |text| text.header("Via").starts_with(&via));
            let answer = match answer.status() {
                Some(100) => world.expect(caller.at, "481", |text| text.header("Via").starts_with(&via)),
                _ => answer,
            };
            assert_eq!(answer.status(), Some(481), "{method}: {answer}");
        }
    }
    world.pass(SECOND);
    assert_eq!(world.get().switch.calls(), 1, "the call goes on");
    end(&world, caller, callee);
}

#[test]
fn a_stranger_that_knows_all_ids() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let bye = caller.request("BYE").bytes();
    for at in [STRANGER, BETA, AGENT] {
        world.send(address(at), bye.clone());
    }
    callee.refute("BYE", SECOND);
    assert!(world.received(STRANGER).is_empty(), "a stranger hears nothing");
    end(&world, caller, callee);
}

#[test]
fn another_server_of_the_same_trunk_may_speak() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    callee.at = address("127.0.0.4:5070");
    callee.bye();
    callee.expect(200);
    caller.expect("BYE");
    caller.ok();
    world.end();
}

#[test]
fn methods_that_are_not_for_us() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    for leg in [&mut caller, &mut callee] {
        for (method, status) in [
            ("MESSAGE", 405),
            ("PUBLISH", 405),
            ("REGISTER", 405),
            ("REFER", 603),
            ("NOTIFY", 489),
            ("SUBSCRIBE", 489),
            ("PRACK", 481),
            ("FROB", 501),
            ("OPTIONS", 200),
        ] {
            let request = leg.request(method);
            leg.send(request);
            let answer = leg.expect(status);
            if [405, 501, 200].contains(&status) {
                assert!(answer.header("Allow").contains("INVITE"), "{answer}");
            }
        }
    }
    end(&world, caller, callee);
}

#[test]
fn what_we_can_not_do_is_named() {
    let world = World::new();
    let (mut caller, callee) = world.established();
    let media = caller.media.clone().direction("sendonly");
    let invite = caller.request("INVITE").sdp(media).with("Require", "replaces, frob");
    caller.send(invite);
    assert_eq!(caller.expect(420).header("Unsupported"), "replaces, frob");
    let broken = caller.request("INVITE").sdp("v=0\r\nm=audio is here\r\n");
    caller.send(broken);
    caller.expect(400);
    let strange = caller.request("UPDATE").body("application/isup", "\u{1}");
    caller.send(strange);
    caller.expect(415);
    end(&world, caller, callee);
}

#[test]
fn a_body_that_need_not_be_understood_is_as_good_as_none() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    for leg in [&mut caller, &mut callee] {
        for method in ["UPDATE", "INVITE"] {
            let request = leg.request(method).body("application/isup", "\u{1}");
            leg.send(request.with("Content-Disposition", "signal ; Handling = optional"));
            let answer = leg.expect(200);
            if method == "UPDATE" {
                assert_eq!(answer.body(), "");
                continue;
            }
            assert!(answer.sdp_port() > 0, "our offer: {answer}");
            let ack = leg.ack_draft().sdp(&leg.media);
            leg.send(ack);
        }
    }
    world.pass(SECOND);
    assert!(caller.unread("INVITE").is_none() && callee.unread("INVITE").is_none());
    end(&world, caller, callee);
}

#[test]
fn when_to_offer_again_is_left_to_chance() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    let media = caller.media.clone();
    caller.update(media.clone().direction("sendonly"));
    callee.expect("INVITE");
    let waits: std::collections::BTreeSet<u8> = (0..300)
        .map(|_| {
            caller.update(media.clone().direction("inactive"));
            caller.expect(500).header("Retry-After").parse().unwrap()
        })
        .collect();
    assert!(waits.iter().copied().eq(0..=10), "RFC 3261 section 14.2: {waits:?}");
    callee.media = callee.media.clone().direction("recvonly");
    callee.answer();
    caller.expect(200);
    end(&world, caller, callee);
}

#[test]
fn a_party_that_moves_is_reached_at_its_new_contact() {
    for method in ["INVITE", "UPDATE"] {
        let world = World::new();
        let (mut caller, mut callee) = world.established();
        callee.contact = "<sip:moved@127.0.0.4:5077>".into();
        let request = callee.request(method).sdp(callee.media.clone());
        callee.send(request);
        callee.expect(200);
        if method == "INVITE" {
            callee.ack();
        }
        caller.bye();
        caller.expect(200);
        callee.at = address("127.0.0.4:5077");
        let bye = callee.expect("BYE");
        assert_eq!(bye.uri(), "sip:moved@127.0.0.4:5077");
        callee.ok();
        world.end();
    }
}

#[test]
fn a_route_set_is_followed() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    callee.extra = vec![("Record-Route".into(), "<sip:inner.example;lr>, <sip:127.0.0.4:5099;lr>".into())];
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.extra.clear();
    callee.at = address("127.0.0.4:5099");
    callee.expect("ACK");
    caller.bye();
    let bye = callee.expect("BYE");
    let routes: Vec<_> = bye.all("Route").collect();
    assert_eq!(routes, ["<sip:127.0.0.4:5099;lr>", "<sip:inner.example;lr>"], "from our end: {bye}");
    callee.ok();
    world.end();
}

#[test]
fn a_response_that_names_another_method_is_nobodys() {
    let world = World::new();
    let caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    for status in [180, 486, 200] {
        let cseq = callee.invited.as_ref().unwrap().cseq();
        let odd =
            callee.response(callee.invited.as_ref().unwrap(), status).set("CSeq", format!("{cseq} BYE"));
        callee.send(odd);
    }
    callee.refute("ACK", SECOND);
    let heard: Vec<_> = world.received(ALPHA).iter().filter_map(Text::status).collect();
    assert_eq!(heard, [100]);
    let (mut caller, mut callee) = connect(caller, callee);
    caller.hang_up(&mut callee);
    world.end();
}
