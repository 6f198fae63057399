//! Calls from and to registered softphones.

mod sim;

use std::time::Duration;

use maskline::ledger::Outcome;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
/// Another device of the customer.
const TABLET: &str = "127.0.0.13:5064";

#[test]
fn a_phone_is_its_configured_number_whatever_it_claims() {
    let settings = SETTINGS.replace(ALICE, AGENT_NUMBER);
    let world = World::with(&settings, 1);
    let mut phone = world.phone("agent", AGENT);
    phone.register();
    let mut caller = phone.dial(M1);
    let callee = world.incoming(BETA);
    assert_eq!(leg::user_of(callee.invited.as_ref().unwrap().header("From")), M2);
    caller.expect(100);
    let (mut caller, mut callee) = connect(caller, callee);
    caller.hang_up(&mut callee);
    let record = world.end();
    assert_eq!(record.caller.unwrap().reveal(), AGENT_NUMBER);
    assert_eq!(&*record.source, "agent");
}

#[test]
fn nobody_registered() {
    let world = World::new();
    let mut caller = world.dial(TO_CUSTOMER);
    assert_eq!(caller.expect(480).cause(), Some(27));
    let record = world.end();
    assert_eq!(record.outcome, Outcome::Unreachable);
    assert_eq!(record.legs.len(), 1);
}

#[test]
fn a_registered_phone_is_called_and_sees_the_masking_number() {
    let world = World::new();
    world.phone("customer", CUSTOMER).register();
    let caller = world.dial(TO_CUSTOMER);
    let callee = world.incoming(CUSTOMER);
    let invite = callee.invited.clone().unwrap();
    assert_eq!(invite.uri(), "sip:customer@127.0.0.12:5062");
    assert_eq!(leg::user_of(invite.header("From")), M2);
    let (mut caller, mut callee) = connect(caller, callee);
    callee.hang_up(&mut caller);
    assert_eq!(&*world.end().legs[1].peer, "customer");
}

#[test]
fn a_phone_behind_a_nat_is_reached_where_it_registered_from() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    phone.register_with(&[("Contact", "<sip:customer@192.168.7.7:5099>")]);
    let caller = world.dial(TO_CUSTOMER);
    let mut callee = world.incoming(CUSTOMER);
    assert_eq!(callee.invited.as_ref().unwrap().uri(), "sip:customer@192.168.7.7:5099");
    callee.contact = "<sip:customer@192.168.7.7:5099>".into();
    let (mut caller, mut callee) = connect(caller, callee);
    caller.hang_up(&mut callee);
    world.end();
}

/// A call to a customer with a phone and a tablet.
fn two_devices(world: &World) -> (Leg, Leg, Leg) {
    world.phone("customer", CUSTOMER).register();
    world.phone("customer", TABLET).register();
    let caller = world.dial(TO_CUSTOMER);
    (caller, world.incoming(CUSTOMER), world.incoming(TABLET))
}

#[test]
fn all_devices_ring_and_the_losers_are_cancelled() {
    let world = World::new();
    let (mut caller, mut phone, mut tablet) = two_devices(&world);
    phone.ring();
    tablet.ring();
    caller.expect(180);
    tablet.answer();
    caller.expect(200);
    caller.ack();
    tablet.expect("ACK");
    phone.expect("CANCEL");
    phone.ok();
    phone.say(487);
    phone.expect("ACK");
    caller.hang_up(&mut tablet);
    let record = world.end();
    assert_eq!(record.legs.len(), 3);
    let lost = record.legs.iter().find(|leg| leg.status == Some(487)).unwrap();
    assert_eq!(lost.cause, Some(26));
}

#[test]
fn two_devices_answer_at_once() {
    let world = World::new();
    let (mut caller, mut phone, mut tablet) = two_devices(&world);
    phone.ring();
    tablet.ring();
    phone.answer();
    tablet.answer();
    caller.expect(200);
    caller.ack();
    phone.expect("ACK");
    tablet.expect("ACK");
    assert_eq!(tablet.expect("BYE").cause(), Some(26));
    tablet.ok();
    caller.hang_up(&mut phone);
    world.end();
}

#[test]
fn one_device_is_busy_and_the_other_answers() {
    let world = World::new();
    let (mut caller, mut phone, mut tablet) = two_devices(&world);
    phone.say(486);
    phone.expect("ACK");
    caller.refute(486, SECOND);
    tablet.answer();
    caller.expect(200);
    caller.ack();
    tablet.expect("ACK");
    caller.hang_up(&mut tablet);
    world.end();
}

#[test]
fn the_most_telling_failure_is_told() {
    for (statuses, told) in [([480, 486], 486), ([603, 404], 480), ([404, 488], 488), ([404, 500], 480)] {
        let world = World::new();
        let (mut caller, mut phone, mut tablet) = two_devices(&world);
        phone.say(statuses[0]);
        tablet.say(statuses[1]);
        caller.expect(told);
        world.end();
    }
}

#[test]
fn a_caller_that_gives_up_stops_all_devices() {
    let world = World::new();
    let (mut caller, mut phone, mut tablet) = two_devices(&world);
    phone.ring();
    tablet.ring();
    caller.expect(180);
    caller.cancel();
    for device in [&mut phone, &mut tablet] {
        device.expect("CANCEL");
        device.ok();
        device.say(487);
    }
    caller.expect(487);
    world.end();
}

#[test]
fn a_phone_over_tcp_that_loses_its_connection() {
    let world = World::new();
    world.connect(CUSTOMER);
    world.phone("customer", CUSTOMER).register();
    let mut caller = world.dial(TO_CUSTOMER);
    world.incoming(CUSTOMER);
    world.disconnect(CUSTOMER);
    assert_eq!(caller.expect(480).cause(), Some(27));
    assert!(world.time() < SECOND, "at once");
    let mut caller = world.dial(TO_CUSTOMER);
    caller.expect(480);
    world.settle();
    assert_eq!(world.get().records.len(), 2);
    let invites = world.received(CUSTOMER).iter().filter(|text| text.method() == Some("INVITE")).count();
    assert_eq!(invites, 1, "its contact went with its connection");
}

#[test]
fn a_contact_that_holds_the_callers_digits_is_no_oracle() {
    for guess in ["9811152637", "9811152638"] {
        let world = World::new();
        let mut phone = world.phone("customer", CUSTOMER);
        phone.register_with(&[("Contact", &format!("<sip:{guess}@{CUSTOMER}>"))]);
        let caller = world.dial(TO_CUSTOMER);
        let callee = world.incoming(CUSTOMER);
        let (mut caller, mut callee) = connect(caller, callee);
        caller.hang_up(&mut callee);
        world.end();
    }
}

#[test]
fn a_stopped_message_ends_the_call_on_both_sides() {
    let settings = SETTINGS.replace("sip:127.0.0.3:5060", &format!("sip:gateway-{}.example", &ALICE[3..]));
    let world = World::with(&settings, 1);
    let host = format!("gateway-{}.example", &ALICE[3..]);
    world.edit().names.insert(host, vec![address(BETA)]);
    let mut caller = world.dial(M1);
    caller.expect(480);
    world.pass(70 * SECOND);
    assert!(world.received(BETA).is_empty(), "what holds the caller's digits does not leave");
    let inner = world.get();
    assert_eq!(inner.switch.leaks(), 1);
    assert_eq!((inner.switch.calls(), inner.switch.transactions()), (0, 0));
    assert_eq!(inner.records.len(), 1);
}
