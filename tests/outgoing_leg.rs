//! What the callee's side gets to see of a call: the masking number where its trunk wants it, and nothing that the
//! caller wrote.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use sim::*;

#[test]
fn the_callee_sees_the_masking_number() {
    let world = World::new();
    world.dial(M1);
    let callee = world.incoming(BETA);
    let invite = callee.invited.as_ref().unwrap();
    assert_eq!(invite.uri(), format!("sip:{BOB}@127.0.0.3:5060"));
    assert_eq!(leg::user_of(invite.header("From")), M2);
    assert_eq!(leg::user_of(invite.header("P-Asserted-Identity")), M2);
    assert_eq!(invite.header("Max-Forwards"), "20");
}

#[test]
fn hops_are_counted_on() {
    for (received, sent) in [("70", "20"), ("21", "20"), ("20", "19"), ("5", "4"), ("1", "0")] {
        let world = World::new();
        let mut caller = world.caller(ALPHA, ALICE, M1);
        let invite = caller.invite().set("Max-Forwards", received);
        caller.send(invite);
        let invite = world.incoming(BETA).invited.unwrap();
        assert_eq!(invite.header("Max-Forwards"), sent);
    }
}

#[test]
fn the_masking_number_stands_where_the_trunk_wants_it() {
    for (key, header) in [
        ("identity_out = \"pai\"", Some("P-Asserted-Identity")),
        ("identity_out = \"rpid\"", Some("Remote-Party-ID")),
        ("identity_out = \"from\"", None),
    ] {
        let world = World::with(&with_trunk_key("beta", key), 1);
        world.dial(M1);
        let invite = world.incoming(BETA).invited.unwrap();
        assert_eq!(leg::user_of(invite.header("From")), M2);
        for name in ["P-Asserted-Identity", "Remote-Party-ID"] {
            assert_eq!(invite.get(name).map(leg::user_of), (header == Some(name)).then_some(M2), "{key}");
        }
    }
    let world = World::with(&with_trunk_key("beta", "format_out = \"national\""), 1);
    world.dial(M1);
    let invite = world.incoming(BETA).invited.unwrap();
    assert_eq!(invite.uri(), format!("sip:0{}@127.0.0.3:5060", &BOB[3..]));
    assert_eq!(leg::user_of(invite.header("From")), format!("0{}", &M2[3..]));
}

#[test]
fn nothing_that_a_caller_writes_steers_its_call() {
    let world = World::new();
    let mut caller = world.caller(ALPHA, ALICE, M1);
    let uri = format!("sip:{M1};rn=+919700000001;npdi@{SWITCH};maddr=127.0.0.66;transport=tcp;method=BYE");
    let invite = caller.invite().to_uri(&uri).with("Route", "<sip:127.0.0.66;lr>");
    caller.send(invite.with("Path", "<sip:127.0.0.66;lr>").with("P-Charge-Info", "<sip:+919700000001@x>"));
    let callee = world.incoming(BETA);
    assert_eq!(callee.invited.as_ref().unwrap().uri(), format!("sip:{BOB}@127.0.0.3:5060"));
    let (mut caller, mut callee) = connect(caller, callee);
    caller.hang_up(&mut callee);
    world.only_spoke_to(&[ALPHA, BETA]);
    world.end();
}
