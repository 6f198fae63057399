//! INVITEs of trunks and phones that are answered before there is a call, and the records that they leave.

mod sim;

use std::time::Duration;

use maskline::base::PhoneNumber;
use maskline::ledger::{CallRecord, Outcome};
use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

fn whole(number: Option<PhoneNumber>) -> Option<String> {
    number.map(PhoneNumber::reveal)
}

/// What is wrong with an INVITE, the status it gets, and what its record says of it.
type Row = (fn(Draft) -> Draft, u16, &'static str);

/// The record of an INVITE of the first party that is sent three times and answered with this status.
fn turned_away(change: impl Fn(Draft) -> Draft, status: u16) -> CallRecord {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let invite = change(caller.invite());
    for _ in 0..3 {
        world.send(caller.at, invite.bytes());
        world.expect(caller.at, "the refusal", |text| text.status() == Some(status));
        world.pass(SECOND);
    }
    assert!(world.received(BETA).is_empty());
    let record = world.end();
    assert_eq!((record.outcome, record.status), (Outcome::Refused, Some(status)), "{record:?}");
    assert_eq!((&*record.source, record.billable_ms, record.hung_up), ("alpha", 0, None));
    let [leg] = &record.legs[..] else { panic!("the caller's leg alone") };
    assert_eq!((&*leg.peer, leg.status, leg.started_at), ("alpha", Some(status), record.received_at));
    assert!(record.received_at >= 1_800_000_000_000);
    let trace = record.trace.join("\n");
    assert!(!logs::has_number(&trace), "{trace}");
    record
}

#[test]
fn what_cannot_be_served_leaves_one_record_with_its_numbers() {
    let rows: [Row; 8] = [
        (|draft| draft.with("Require", "100rel"), 420, "requires an extension"),
        (|draft| draft.with("Accept", "text/plain"), 406, "types it accepts"),
        (|draft| draft.set("Max-Forwards", "0"), 483, "Max-Forwards is used up"),
        (|draft| draft.to_uri("sips:+918045550101@127.0.0.1"), 416, "neither sip: nor tel:"),
        (|draft| draft.body("application/vnd.etsi.cug+xml", "<cug/>"), 415, "not understood"),
        (|draft| draft.sdp("v=1\r\n"), 400, "session description is malformed"),
        (|draft| draft.to_uri("http://127.0.0.1/"), 416, "neither sip: nor tel:"),
        (|draft| draft.to_uri("sip:112@127.0.0.1").with("Require", "100rel"), 420, "requires an extension"),
    ];
    for (place, (change, status, why)) in rows.into_iter().enumerate() {
        let record = turned_away(change, status);
        assert_eq!(whole(record.caller).as_deref(), Some(ALICE), "{why}");
        assert_eq!(whole(record.dialled).as_deref(), (place < 6).then_some(M1), "{why}");
        assert!(record.trace[0].contains("trunk alpha"), "{:?}", record.trace);
        assert!(record.trace.last().unwrap().contains(why), "{:?}", record.trace);
    }
}

#[test]
fn what_cannot_be_read_leaves_one_record_without_numbers() {
    let rows: [Row; 4] = [
        (|draft| draft.set("CSeq", "x INVITE"), 400, "turned away with 400: CSeq is malformed"),
        (|draft| draft.with("To", "<sip:second@host>"), 400, "turned away with 400: To is repeated"),
        (|draft| draft.without("Call-ID"), 400, "turned away with 400: Call-ID is missing"),
        (
            |draft| Draft { start: draft.start.replace("SIP/2.0", "SIP/3.0"), ..draft },
            505,
            "turned away with 505: the SIP version is not 2.0",
        ),
    ];
    for (change, status, why) in rows {
        let record = turned_away(change, status);
        assert_eq!((record.caller, record.dialled), (None, None), "{why}");
        assert_eq!(*record.trace, ["the call comes from trunk alpha", why]);
    }
}

#[test]
fn what_cannot_be_read_is_remembered_as_long_as_it_may_come_again() {
    let world = World::new();
    let broken = world.caller(ALPHA, ALICE, M1).invite().without("Call-ID").bytes();
    for (wait, records) in [(31, 1), (2, 1), (1, 2)] {
        world.send(address(ALPHA), broken.clone());
        world.pass(wait * SECOND);
        assert_eq!(world.get().records.len(), records);
    }
    assert_eq!(world.stateless(ALPHA), [400; 3]);
    world.settle();
}

#[test]
fn a_second_copy_and_a_loop_leave_records_of_their_own() {
    let world = World::new();
    let mut caller = world.dial(M1);
    caller.expect(100);
    let invite = caller.invite.clone().unwrap();
    let via = invite.get("Via").unwrap().replace("z9hG4bK", "z9hG4bKagain");
    world.send(caller.at, invite.set("Via", via).bytes());
    world.expect(caller.at, "482", |text| text.status() == Some(482));
    let mut callee = world.incoming(BETA);
    let sent = String::from_utf8(callee.invited.clone().unwrap().raw).unwrap();
    let via = "\r\nVia: SIP/2.0/UDP 127.0.0.3:5060;branch=z9hG4bKloop\r\nVia: ";
    world.send(address(BETA), sent.replacen("\r\nVia: ", via, 1));
    world.expect(address(BETA), "482", |text| text.status() == Some(482));
    callee.say(486);
    caller.expect(486);
    world.settle();
    let inner = world.get();
    let told: Vec<_> = inner.records.iter().map(|record| (&*record.source, record.status)).collect();
    assert_eq!(told, [("alpha", Some(482)), ("beta", Some(482)), ("alpha", Some(486))]);
}

#[test]
fn a_draining_node_records_whom_it_turns_away() {
    let world = World::new();
    world.command(Command::Drain);
    let mut waits = [false; 6];
    for _ in 0..40 {
        let mut caller = world.dial(M1);
        let refusal = caller.expect(503);
        waits[refusal.header("Retry-After").parse::<usize>().unwrap()] = true;
    }
    assert_eq!(waits, [false, true, true, true, true, true], "from 1 to 5 s, at random");
    let mut asks = world.caller(ALPHA, ALICE, M1);
    let options = asks.request("OPTIONS");
    asks.send(options);
    asks.expect(503);
    world.settle();
    let inner = world.get();
    assert_eq!(inner.records.len(), 40, "OPTIONS leaves none");
    let record = &inner.records[0];
    assert_eq!((record.outcome, record.status, record.cause), (Outcome::Refused, Some(503), 34));
    assert_eq!((whole(record.dialled).as_deref(), whole(record.caller).as_deref()), (Some(M1), Some(ALICE)));
    assert!(record.trace.last().unwrap().ends_with("the node is draining"));
}

#[test]
fn a_phone_leaves_a_record_once_it_has_proved_to_be_one() {
    let world = World::new();
    let mut phone = world.phone("agent", AGENT);
    phone.register();
    let mut leg = phone.leg(M1);
    leg.extra = vec![("Require".into(), "frob".into())];
    phone.call(&mut leg);
    leg.expect(420);
    let broken = phone.leg(M1).invite().without("Call-ID");
    world.send(phone.at, broken.bytes());
    world.expect(phone.at, "400", |text| text.status() == Some(400));
    let mut nobody = phone.leg(M1);
    nobody.call();
    nobody.expect(401);
    let record = world.end();
    assert_eq!((&*record.source, record.status), ("agent", Some(420)));
    assert_eq!(whole(record.caller).as_deref(), Some(AGENT_NUMBER));
}

#[test]
fn only_an_invite_that_opens_a_call_leaves_a_record() {
    let world = World::new();
    let (mut caller, mut callee) = world.established();
    for change in [|draft: Draft| draft.with("Require", "frob"), |draft: Draft| draft.set("CSeq", "x INVITE")]
    {
        let inside = change(caller.request("INVITE"));
        world.send(caller.at, inside.bytes());
        world.pass(SECOND);
    }
    let elsewhere = caller.request("INVITE").set("To", "<sip:x@127.0.0.1>;tag=guess");
    world.send(caller.at, elsewhere.bytes());
    let broken = world.caller(ALPHA, ALICE, M1).request("MESSAGE").without("Call-ID");
    world.send(caller.at, broken.bytes());
    let required = world.caller(ALPHA, ALICE, M1).request("OPTIONS").with("Require", "frob");
    world.send(caller.at, required.bytes());
    world.pass(SECOND);
    callee.hang_up(&mut caller);
    assert_eq!(world.end().status, Some(200), "that of the call alone");
}

#[test]
fn a_flood_leaves_some_records_and_one_line() {
    let world = World::new();
    let flood = |from: &str, count: usize, change: fn(Draft) -> Draft| {
        for _ in 0..count {
            let invite = change(world.caller(from, ALICE, M1).invite());
            world.send(address(from), invite.bytes());
        }
        world.pass(Duration::from_millis(100));
    };
    flood(ALPHA, 300, |draft| draft.set("CSeq", "x INVITE"));
    flood(ALPHA, 200, |draft| draft.set("Max-Forwards", "0"));
    let recorded = world.get().records.len();
    assert!((100..=103).contains(&recorded), "{recorded}");
    flood(BETA, 50, |draft| draft.set("CSeq", "x INVITE"));
    assert_eq!(world.get().records.len() - recorded, 50, "another trunk's are its own");
    let refused = world.received(ALPHA).iter().filter(|text| text.status().is_some()).count();
    assert!(refused >= 500, "all are answered: {refused}");
    world.pass(2 * SECOND);
    flood(ALPHA, 50, |draft| draft.without("Call-ID"));
    let later = world.get().records.len() - recorded - 50;
    assert!((20..=25).contains(&later), "ten for each second: {later}");
    world.settle();
    let left_out = 550 - recorded - later;
    let logs = world.logs();
    let lines: Vec<_> = logs.lines().filter(|line| line.contains("too fast")).collect();
    assert!(
        matches!(lines[..], [line] if line.contains(&format!("source=alpha invites={left_out}"))),
        "{lines:?}"
    );
}
