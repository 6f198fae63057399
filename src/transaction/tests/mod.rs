//! The machines in virtual time: tables of what comes in when, and of what the machine does when.

mod client_invite;
mod client_request;
mod head;
mod server_invite;
mod server_request;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Expiry, Reaction, Timings};
use crate::sip::Status;

/// A machine under test: events of its own kind go in, and a word for what it did comes out.
trait Machine {
    type Event: Copy;

    fn handle(&mut self, now: Instant, event: Self::Event) -> String;
    fn deadline(&self) -> Option<Instant>;
    fn expire(&mut self, now: Instant) -> Option<Expiry>;
}

/// Milliseconds since the start, and what the machine did then.
type Log = Vec<(u64, String)>;
/// What comes in, with the ms since the start.
type Events<'a, E> = &'a [(u64, E)];
/// The log that is expected.
type Expected<'a> = &'a [(u64, &'a str)];

/// Longer than any timer: a machine that is still there then waits for good.
const LONG: u64 = 600_000;

/// Plays events and timers in the order of their times, which are ms since the start; what comes in at the very
/// moment of a timer comes before it. A timer must be due when it says, and not before.
fn play<M: Machine>(make: impl FnOnce(Instant) -> M, events: Events<M::Event>) -> Log {
    let start = start();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let since = |now: Instant| u64::try_from((now - start).as_millis()).unwrap();
    let mut machine = Some(make(start));
    let (mut events, mut log) = (events.iter().peekable(), Log::new());
    loop {
        let timer = machine.as_ref().and_then(Machine::deadline).filter(|timer| *timer <= at(LONG));
        let event = events.next_if(|(ms, _)| timer.is_none_or(|timer| at(*ms) <= timer));
        let Some(running) = &mut machine else {
            log.extend(event.map(|(ms, _)| (*ms, "gone".into())));
            if event.is_none() { return log } else { continue }
        };
        match (event, timer) {
            (Some((ms, event)), _) => log.push((*ms, running.handle(at(*ms), *event))),
            (None, Some(now)) => {
                let early = now.checked_sub(Duration::from_nanos(1)).unwrap();
                assert_eq!(running.expire(early), None, "before its time");
                let expiry = running.expire(now).expect("a timer that is due");
                log.push((since(now), word(&expiry)));
                if matches!(expiry, Expiry::Resend(_)) {
                    assert!(running.deadline() > Some(now), "a timer must move on");
                } else {
                    machine = None;
                }
            }
            (None, None) => return log,
        }
    }
}

/// Some moment: virtual time goes on from it.
#[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
fn start() -> Instant {
    Instant::now()
}

fn word(expiry: &Expiry) -> String {
    match expiry {
        Expiry::Resend(bytes) => format!("resend {}", first_word(bytes)),
        Expiry::TimedOut => "timed out".into(),
        Expiry::Ended => "ended".into(),
    }
}

fn reaction(reaction: &Reaction) -> String {
    match (reaction.pass, &reaction.send) {
        (true, None) => "pass".into(),
        (true, Some(bytes)) => format!("pass, send {}", first_word(bytes)),
        (false, Some(bytes)) => format!("send {}", first_word(bytes)),
        (false, None) => "absorb".into(),
    }
}

fn first_word(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap().split(' ').next().unwrap()
}

fn status(code: u16) -> Status {
    Status::new(code).unwrap()
}

#[track_caller]
fn assert_log(what: &str, log: &Log, expected: Expected) {
    let log: Vec<(u64, &str)> = log.iter().map(|(ms, word)| (*ms, word.as_str())).collect();
    assert_eq!(log, expected, "{what}");
}

/// The default timers, and another set: T1 100 ms, T2 300 ms, T4 1 s.
fn brisk() -> Timings {
    Timings { t1: Duration::from_millis(100), t2: Duration::from_millis(300), t4: Duration::from_secs(1) }
}

#[test]
fn the_default_timers_are_those_of_table_4() {
    let timings = Timings::default();
    let millis = [timings.t1, timings.t2, timings.t4, timings.timeout()].map(|timer| timer.as_millis());
    assert_eq!(millis, [500, 4_000, 5_000, 32_000]);
}
