//! The time that the switch adds to a message: one thread is caller and callee, so that one clock sees both ends.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::agent::Agent;
use crate::support::instance::Instance;

/// From the start of one call to the start of the next: 100 calls a second.
const PACE: Duration = Duration::from_millis(10);

/// The times of many messages.
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl Times {
    /// The median and the 99th percentile, in words.
    pub(crate) fn summary(&self) -> String {
        let [median, last] = self.percentiles();
        format!("{median:.2} / {last:.2} ms")
    }

    /// The median and the 99th percentile, in ms.
    pub(crate) fn percentiles(&self) -> [f64; 2] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        [50, 99].map(|percent| sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1000.0)
    }
}

/// What was measured.
pub(crate) struct Added {
    /// INVITE from the caller until the callee has one.
    pub(crate) invite: Times,
    /// 200 from the callee until the caller has one.
    pub(crate) answer: Times,
}

/// Places so many calls, one after the other.
pub(crate) fn measure(instance: &Instance, calls: usize) -> Added {
    let (caller, callee) = (Agent::bind(instance.subnet.at(2)), Agent::bind(instance.subnet.at(3)));
    let switch = instance.subnet.switch();
    let mut added = Added { invite: Times(Vec::new()), answer: Times(Vec::new()) };
    let start = Instant::now();
    for call in 0..calls {
        let due = PACE * u32::try_from(call).expect("a few thousand calls");
        sleep(due.saturating_sub(start.elapsed()));

        let invite = caller.invite(switch, "+919876500001", "+918045550101");
        let sent = Instant::now();
        caller.send(switch, &invite);
        let (offered, from) = callee.expect("INVITE sip:");
        added.invite.0.push(sent.elapsed());

        callee.send(from, callee.answer(&offered, "180 Ringing"));
        caller.expect("SIP/2.0 180");
        let answer = callee.answer(&offered, "200 OK");
        let sent = Instant::now();
        callee.send(from, answer);
        let (ok, _) = caller.expect("SIP/2.0 200");
        added.answer.0.push(sent.elapsed());

        caller.send(switch, caller.within(&invite, &ok, "ACK"));
        callee.expect("ACK sip:");
        caller.send(switch, caller.within(&invite, &ok, "BYE"));
        let (bye, from) = callee.expect("BYE sip:");
        callee.send(from, callee.answer(&bye, "200 OK"));
        caller.expect("SIP/2.0 200");
    }
    added
}
