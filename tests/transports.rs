//! Legs over IPv4, IPv6 and TCP, and connections that break.

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::HungUp;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
/// The trunk beta on IPv6.
const BETA6: &str = "[::1]:5070";

fn settings6() -> String {
    SETTINGS
        .replace("\"tcp:127.0.0.1:5060\"", "\"tcp:127.0.0.1:5060\", \"udp:[::2]:5060\"")
        .replace("127.0.0.3/32", "::1/128")
        .replace("sip:127.0.0.3:5060", "sip:[::1]:5070")
        .replace("demo-password", "other-password")
}

#[test]
fn a_caller_on_ipv4_and_a_callee_on_ipv6() {
    let world = World::with(&settings6(), 1);
    let caller = world.dial(M1);
    let callee = world.incoming(BETA6);
    let invite = callee.invited.clone().unwrap();
    assert_eq!(invite.uri(), format!("sip:{BOB}@[::1]:5070"));
    assert!(invite.header("Via").starts_with("SIP/2.0/UDP [::2]:5060;"), "{invite}");
    assert_eq!(invite.sdp("c="), Some("IN IP6 ::2"));
    assert!(invite.contact().ends_with("@[::2]:5060"));
    let (mut caller, mut callee) = connect(caller, callee);
    let relay = world.relay();
    assert!(relay.sides[Side::A.index()].rtp.unwrap().is_ipv4());
    assert!(relay.sides[Side::B.index()].rtp.unwrap().is_ipv6());
    let held = callee.media.clone().direction("sendonly");
    callee.reinvite(held);
    assert_eq!(caller.expect("INVITE").sdp("c="), Some("IN IP4 127.0.0.1"));
    caller.media = caller.media.clone().direction("recvonly");
    caller.answer();
    callee.expect(200);
    callee.ack();
    caller.hang_up(&mut callee);
    world.end();
}

#[test]
fn a_caller_on_ipv6_and_a_callee_on_ipv4() {
    let world = World::with(&settings6(), 1);
    let mut caller = world.caller(BETA6, BOB, M2);
    caller.target = format!("sip:{M2}@[::2]:5060");
    caller.call();
    let callee = world.incoming(ALPHA);
    assert_eq!(callee.invited.as_ref().unwrap().sdp("c="), Some("IN IP4 127.0.0.1"));
    let (mut caller, mut callee) = connect(caller, callee);
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_phone_whose_connection_breaks_in_mid_call() {
    let world = World::new();
    world.connect(CUSTOMER);
    world.phone("customer", CUSTOMER).register();
    let caller = world.dial(TO_CUSTOMER);
    let callee = world.incoming(CUSTOMER);
    let (mut caller, callee) = connect(caller, callee);
    world.disconnect(CUSTOMER);
    world.pass(10 * SECOND);
    assert!(caller.unread("BYE").is_none(), "it may come back");
    caller.bye();
    caller.expect(200);
    world.pass(SECOND);
    let record = world.end();
    assert_eq!(record.hung_up, Some(HungUp::Caller));
    drop(callee);
}

#[test]
fn a_phone_that_comes_back_by_another_connection() {
    let world = World::new();
    world.connect(CUSTOMER);
    world.phone("customer", CUSTOMER).register();
    let caller = world.dial(TO_CUSTOMER);
    let callee = world.incoming(CUSTOMER);
    let (mut caller, mut callee) = connect(caller, callee);
    world.disconnect(CUSTOMER);
    world.connect(CUSTOMER);
    let held = callee.media.clone().direction("sendonly");
    callee.reinvite(held);
    caller.expect("INVITE");
    caller.media = caller.media.clone().direction("recvonly");
    caller.answer();
    callee.expect(200);
    callee.ack();
    caller.bye();
    caller.expect(200);
    callee.expect("BYE");
    callee.ok();
    world.end();
}

#[test]
fn a_phone_that_changes_networks_registers_and_talks_on() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    phone.register();
    let caller = world.dial(TO_CUSTOMER);
    let callee = world.incoming(CUSTOMER);
    let (mut caller, mut callee) = connect(caller, callee);
    callee.at = address("127.0.0.14:5090");
    let early = callee.request("OPTIONS");
    callee.send(early);
    callee.refute(200, SECOND);
    phone.at = callee.at;
    phone.register();
    callee.media = Sdp::new("127.0.0.14", 52_000);
    callee.call();
    callee.expect(200);
    callee.ack();
    caller.refute("INVITE", SECOND);
    assert_eq!(world.relay().sides[Side::B.index()].rtp, Some("127.0.0.14:52000".parse().unwrap()));
    caller.bye();
    caller.expect(200);
    callee.expect("BYE");
    callee.ok();
    world.end();
}
