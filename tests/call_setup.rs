//! From the INVITE to the answer, or to the reason why there is none.

mod sim;

use sim::*;

#[test]
fn a_call_is_set_up_and_ended_by_the_caller() {
    let world = World::new();
    let mut caller = world.dial(M1);
    caller.expect(100);
    let mut callee = world.incoming(BETA);
    callee.ring();
    let ringing = caller.expect(180);
    assert_eq!(ringing.body(), "", "ringing is without media");
    callee.answer();
    let answer = caller.expect(200);
    assert!(answer.body().contains("m=audio"));
    caller.ack();
    callee.expect("ACK");
    caller.hang_up(&mut callee);
    let record = world.end();
    assert_eq!(record.status, Some(200));
}
