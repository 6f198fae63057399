//! What becomes of the answers that a call did not wait for: of other branches of a fork, of calls that are gone, and
//! of branches that had failed.

mod sim;

use std::time::Duration;

use maskline::switch::Command;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_answer_that_comes_after_its_call_is_acknowledged_each_time_and_ended_once() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    world.command(Command::CloseAll);
    caller.expect(480);
    callee.expect("CANCEL");
    callee.ok();
    callee.answer();
    callee.expect("ACK");
    callee.expect("BYE");
    callee.ok();
    for _ in 0..3 {
        callee.answer();
        callee.expect("ACK");
    }
    callee.refute("BYE", SECOND);
    world.end();
}

#[test]
fn of_more_branches_than_a_fork_can_have_the_rest_is_passed_over() {
    let world = World::new();
    let (mut caller, mut callee) = world.ringing();
    let mut forks: Vec<Leg> = (0..12).map(|_| callee.fork()).collect();
    callee.answer();
    callee.expect("ACK");
    caller.expect(200);
    caller.ack();
    for _ in 0..3 {
        forks.iter_mut().for_each(Leg::answer);
        world.pass(SECOND);
    }
    let mut count = |method| -> Vec<usize> {
        let unread = |fork: &mut Leg| std::iter::from_fn(|| fork.unread(method)).count();
        forks.iter_mut().map(unread).collect()
    };
    assert_eq!(count("ACK"), [3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0]);
    assert!(count("BYE").iter().skip(8).all(|byes| *byes == 0));
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_softphones_other_branch_is_ended_where_its_requests_come_from() {
    let world = World::new();
    world.phone("customer", CUSTOMER).register();
    let mut caller = world.dial(TO_CUSTOMER);
    let mut callee = world.incoming(CUSTOMER);
    let mut fork = callee.fork();
    // Behind a NAT, the address of its Contact leads nowhere.
    for leg in [&mut callee, &mut fork] {
        leg.contact = "<sip:customer@192.168.1.7:5062>".into();
    }
    callee.answer();
    callee.expect("ACK");
    caller.expect(200);
    caller.ack();
    fork.answer();
    fork.expect("ACK");
    fork.expect("BYE");
    fork.ok();
    callee.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_branch_that_answers_after_another_failed_is_ended_over_tcp_too() {
    let settings = SETTINGS.replace("sip:127.0.0.3:5060", "sip:127.0.0.3:5060;transport=tcp");
    let world = World::with(&settings, 1);
    world.connect(BETA);
    let (mut caller, mut callee) = world.ringing();
    let mut fork = callee.fork();
    callee.say(486);
    callee.expect("ACK");
    caller.expect(486);
    world.pass(SECOND);
    fork.answer();
    fork.expect("ACK");
    fork.expect("BYE");
    fork.ok();
    world.end();
}
