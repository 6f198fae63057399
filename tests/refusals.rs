//! What those get who are not put through: one answer for every reason, silence for strangers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::ledger::Outcome;
use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// What a caller of a number hears, and when, without the fields that differ from call to call.
fn refusal(world: &World, from: &str, number: &str, dialled: &str) -> String {
    let started = world.time();
    let mut caller = world.caller(from, number, "+918000000000");
    (caller.call_id, caller.tag, caller.contact) = ("same".into(), "same".into(), "<sip:same@host>".into());
    let invite = caller
        .request("INVITE")
        .sdp(&caller.media)
        .set("Via", format!("SIP/2.0/UDP {from};branch=z9hG4bKsame"));
    caller.send(invite.to_uri(&format!("sip:{dialled}@{SWITCH}")));
    let mut heard = String::new();
    loop {
        let text = world.expect(caller.at, "an answer", |_| true);
        let own = text.to_tag().unwrap_or_default().to_owned();
        let text_without = text.to_string().replace(text.header("From"), "ECHO");
        let text_without = if own.is_empty() { text_without } else { text_without.replace(&own, "TAG") };
        heard += &format!("{:?}\n{text_without}\n", world.time() - started);
        if text.status().unwrap() >= 300 {
            let ack = caller.numbered("ACK", 1).set("To", text.header("To"));
            caller.send(ack.set("Via", format!("SIP/2.0/UDP {from};branch=z9hG4bKsame")));
            return heard;
        }
    }
}

#[test]
fn every_reason_sounds_the_same() {
    let dialled = |delay: u64, number: &str, dialled: &str| {
        let world = World::new();
        world.edit().decision_delay = Duration::from_millis(delay);
        let heard = refusal(&world, ALPHA, number, dialled);
        world.settle();
        assert_eq!(world.get().records[0].outcome, Outcome::Refused);
        assert!(world.received(BETA).is_empty());
        heard
    };
    let not_ours = dialled(0, ALICE, FOREIGN);
    assert!(not_ours.contains("SIP/2.0 404 Not Found"), "{not_ours}");
    assert_eq!(not_ours.matches("SIP/2.0 ").count(), 2, "100 and 404: {not_ours}");
    assert_eq!(not_ours.matches("Reason: Q.850;cause=1\r\n").count(), 1, "{not_ours}");
    for (why, delay, number, number_dialled) in [
        ("no mapping", 0, ALICE, IDLE),
        ("another caller", 0, "+919811100000", M1),
        ("nobody known", 0, "anonymous", M1),
        ("no number at all", 0, ALICE, "hello"),
        ("an unreadable number", 0, ALICE, "12345678901234567890"),
        ("a caller that claims to be ours", 0, M2, M1),
        ("a slower decision", 150, ALICE, IDLE),
    ] {
        assert_eq!(dialled(delay, number, number_dialled), not_ours, "{why}");
    }
    let world = World::with(&with_trunk_key("alpha", "refusals_per_second = 1"), 1);
    (0..10).for_each(|_| world.caller("127.0.0.2:5070", ALICE, FOREIGN).call());
    assert_eq!(refusal(&world, ALPHA, ALICE, M1), not_ours, "one who has been refused too often");
}

#[test]
fn the_status_is_the_trunks() {
    for status in [403, 480] {
        let world = World::with(&with_trunk_key("alpha", &format!("refuse = {status}")), 1);
        let mut caller = world.dial(FOREIGN);
        caller.expect(status);
        assert!((200..230).contains(&world.time().as_millis()));
        world.end();
    }
}

#[test]
fn emergency_numbers_and_short_codes_are_refused_at_once() {
    for dialled in ["112", "100", "108", "911", "999", "+112", "198"] {
        let world = World::new();
        let mut caller = world.dial(dialled);
        assert_eq!(caller.expect(403).cause(), Some(21));
        assert!(world.time() < Duration::from_millis(20), "{dialled} at {:?}", world.time());
        world.end();
    }
    for uri in ["urn:service:sos", "URN:service:sos.police", "tel:112", "tel:112;phone-context=+91"] {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        let invite = caller.invite().to_uri(uri);
        caller.send(invite);
        caller.expect(403);
        let record = world.end();
        assert!(record.trace.concat().contains("an emergency number was dialled"), "{:?}", record.trace);
    }
}

#[test]
fn other_services_and_other_requests_are_of_an_unknown_kind() {
    for (method, uri) in
        [("INVITE", "urn:service:sosfoo"), ("INVITE", "urn:service:so"), ("OPTIONS", "urn:service:sos")]
    {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        let request = caller.request(method).to_uri(uri);
        caller.send(request);
        world.expect(caller.at, "416", |text| text.status() == Some(416));
        world.settle();
    }
}

#[test]
fn a_number_that_only_begins_like_an_emergency_number_is_a_number() {
    for dialled in ["1124567890", "+911124567890", "01123456789", "1121"] {
        let world = World::with(&SETTINGS.replace(IDLE, "+911124567890"), 1);
        let mut caller = world.dial(dialled);
        caller.expect(if dialled == "1121" { 403 } else { 404 });
        let record = world.end();
        let trace = record.trace.concat();
        assert!(!trace.contains("emergency"), "{trace}");
        assert_eq!(trace.contains("nothing is mapped"), dialled.ends_with("1124567890"), "{trace}");
    }
}

#[test]
fn a_stranger_hears_nothing_whatever_it_sends() {
    let world = World::new();
    let mut stranger = world.caller(STRANGER, ALICE, M1);
    for method in
        ["INVITE", "OPTIONS", "BYE", "CANCEL", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "ACK", "FROB"]
    {
        let request = stranger.request(method);
        let inside = stranger.request(method).set("To", "<sip:x@127.0.0.1>;tag=guess");
        stranger.send(request);
        stranger.send(inside);
    }
    let malformed = stranger.invite().without("Call-ID");
    stranger.send(malformed);
    for rubbish in ["", "\r\n\r\n", "INVITE", "INVITE sip:x@y SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"] {
        world.send(address(STRANGER), rubbish);
    }
    world.pass(40 * SECOND);
    assert_eq!(world.received(STRANGER).len(), 0);
    world.settle();
    assert!(world.get().records.is_empty());
}

#[test]
fn a_draining_node_takes_no_calls_and_keeps_those_it_has() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    world.command(Command::Drain);
    let mut second = world.dial(M1);
    let refusal = second.expect(503);
    assert!(refusal.header("Retry-After").parse::<u8>().unwrap() <= 5);
    let mut asks = world.caller(ALPHA, ALICE, M1);
    let options = asks.request("OPTIONS");
    asks.send(options);
    asks.expect(503);
    let info = caller.request("INFO").body("application/dtmf", "1");
    caller.send(info);
    caller.expect(200);
    caller.hang_up(&mut callee);
    world.settle();
}

/// What the trunk gets for one request outside any dialog.
fn answer(change: impl Fn(Draft) -> Draft, method: &str) -> Text {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let request = change(if method == "INVITE" { caller.invite() } else { caller.request(method) });
    world.send(caller.at, request.bytes());
    let is_final = |text: &Text| text.status().is_some_and(|status| status >= 200);
    let answer = world.expect(caller.at, "an answer", is_final);
    assert!(world.received(BETA).is_empty());
    world.settle();
    answer
}

#[test]
fn requests_that_make_no_call() {
    let plain = |method: &str| answer(|draft| draft, method);
    let options = plain("OPTIONS");
    assert_eq!(options.status(), Some(200));
    assert_eq!(options.header("Accept"), "application/sdp");
    assert!(options.header("Allow").contains("INVITE"));
    for (method, status) in [
        ("MESSAGE", 405),
        ("PUBLISH", 405),
        ("SUBSCRIBE", 489),
        ("NOTIFY", 489),
        ("REFER", 603),
        ("BYE", 481),
        ("INFO", 481),
        ("UPDATE", 481),
        ("PRACK", 481),
        ("CANCEL", 481),
        ("FROB", 501),
    ] {
        let text = plain(method);
        assert_eq!(text.status(), Some(status), "{method}");
        assert_eq!(text.get("Allow").is_some(), matches!(status, 405 | 501), "{method}: {text}");
    }
}

#[test]
fn invites_that_ask_for_what_we_do_not_have() {
    let invite = |change: fn(Draft) -> Draft| answer(change, "INVITE");
    let required = invite(|draft| draft.with("Require", "100rel, frob"));
    assert_eq!((required.status(), required.get("Unsupported")), (Some(420), Some("100rel, frob")));
    for (change, status) in [
        ((|draft| draft.to_uri("sips:+918045550101@127.0.0.1")) as fn(Draft) -> Draft, 416),
        (|draft| draft.to_uri("http://127.0.0.1/"), 416),
        (|draft| draft.with("Accept", "text/plain"), 406),
        (|draft| draft.set("Max-Forwards", "0"), 483),
        (|draft| draft.body("application/vnd.etsi.cug+xml", "<cug/>"), 415),
        (|draft| draft.with("Content-Encoding", "gzip"), 415),
    ] {
        assert_eq!(invite(change).status(), Some(status));
    }
}

#[test]
fn broken_requests() {
    for (change, status) in [
        ((|draft| draft.set("CSeq", "x INVITE")) as fn(Draft) -> Draft, 400),
        (|draft| draft.set("CSeq", "1 BYE"), 400),
        (|draft| draft.with("To", "<sip:second@host>"), 400),
        (|draft| draft.with("From", "<sip:second@host>;tag=1"), 400),
        (|draft| draft.with("f", "<sip:second@host>;tag=1"), 400),
        (|draft| draft.without("Call-ID"), 400),
        (|draft| draft.set("Max-Forwards", "lots"), 400),
        (|draft| draft.with("Content-Length", "9999"), 400),
        (|draft| draft.with("Content-Length", "3").with("l", "4"), 400),
        (|draft| draft.to_uri("sip:x@127.0.0.1?Replaces=y"), 400),
        (|draft| draft.to_uri("<sip:x@127.0.0.1>"), 400),
    ] {
        let text = answer(change, "INVITE");
        assert_eq!(text.status(), Some(status), "{text}");
        assert_eq!(text.start(), "SIP/2.0 400 Bad Request", "the reason is fixed");
        assert!(text.body().is_empty() && text.get("Warning").is_none());
    }
    let version =
        answer(|draft| Draft { start: draft.start.replace("SIP/2.0", "SIP/3.0"), ..draft }, "INVITE");
    assert_eq!(version.status(), Some(505));
}

#[test]
fn a_request_that_came_by_two_ways() {
    let world = World::new();
    let mut caller = world.dial(M1);
    caller.expect(100);
    let invite = caller.invite.clone().unwrap();
    let via = invite.get("Via").unwrap().replace("z9hG4bK", "z9hG4bKagain");
    world.send(caller.at, invite.set("Via", via).bytes());
    let merged = world.expect(caller.at, "482", |text| text.status() == Some(482));
    assert!(merged.branch().contains("again"));
    let callee = world.incoming(BETA);
    let (mut caller, mut callee) = connect(caller, callee);
    caller.hang_up(&mut callee);
    world.settle();
}

#[test]
fn our_own_invite_that_comes_back() {
    let world = World::new();
    let mut caller = world.dial(M1);
    let mut callee = world.incoming(BETA);
    let invite = String::from_utf8(callee.invited.clone().unwrap().raw).unwrap();
    let via = "\r\nVia: SIP/2.0/UDP 127.0.0.3:5060;branch=z9hG4bKloop\r\nVia: ";
    let looped = invite.replacen("\r\nVia: ", via, 1).replace("Max-Forwards: 20", "Max-Forwards: 19");
    world.send(address(BETA), looped);
    let answer = world.expect(address(BETA), "482", |text| text.status() == Some(482));
    assert!(answer.branch().contains("loop"));
    assert_eq!(world.get().switch.calls(), 1);
    callee.say(486);
    caller.expect(486);
    world.settle();
}

#[test]
fn a_number_is_read_in_every_way_of_writing_it() {
    for dialled in [
        "+918045550101",
        "%2B918045550101",
        "00918045550101",
        "08045550101",
        "8045550101",
        "+91-80-4555-0101",
    ] {
        for uri in [format!("sip:{dialled}@{SWITCH};user=phone"), format!("tel:{dialled}")] {
            let is_escaped_tel = uri.starts_with("tel:%");
            let world = World::new();
            let mut caller = world.caller(ALPHA, ALICE, M1);
            let invite = caller.invite().to_uri(&uri);
            caller.send(invite);
            if is_escaped_tel {
                continue;
            }
            let mut callee = world.incoming(BETA);
            callee.say(486);
            caller.expect(486);
        }
    }
}
