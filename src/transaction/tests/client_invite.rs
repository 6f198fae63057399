//! Figure 5 of RFC 3261, as RFC 6026 section 8.4 redraws it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::transaction::ClientInvite;

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Response(u16),
    Cancelled,
}
use Event::{Cancelled, Response};

impl Machine for ClientInvite {
    type Event = Event;

    fn handle(&mut self, now: Instant, event: Event) -> String {
        match event {
            Response(code) => reaction(&self.on_response(now, status(code), "<sip:b@h>;tag=b")),
            Cancelled => {
                self.cancelled(now);
                "cancelled".into()
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn expire(&mut self, now: Instant) -> Option<Expiry> {
        self.expire(now)
    }
}

fn sent(timings: Timings, reliable: bool) -> impl FnOnce(Instant) -> ClientInvite {
    move |now| {
        let request = Bytes::from_static(b"INVITE sip:b@h SIP/2.0\r\n");
        ClientInvite::new(now, timings, reliable, super::head::sample(), request)
    }
}

/// What an INVITE does on UDP that nobody answers: timer A doubles without a cap (section 17.1.1.2).
const UNANSWERED: [(u64, &str); 7] = [
    (500, "resend INVITE"),
    (1_500, "resend INVITE"),
    (3_500, "resend INVITE"),
    (7_500, "resend INVITE"),
    (15_500, "resend INVITE"),
    (31_500, "resend INVITE"),
    (32_000, "timed out"),
];

#[test]
fn timers_on_an_unreliable_transport() {
    let rows: &[(&str, Events<Event>, Expected)] = &[
        ("A doubles, B ends it", &[], &UNANSWERED),
        (
            "a provisional response stops A and B for good",
            &[(700, Response(100))],
            &[(500, "resend INVITE"), (700, "pass")],
        ),
        (
            "each provisional response is passed",
            &[(1, Response(100)), (2, Response(180)), (3, Response(180))],
            &[(1, "pass"), (2, "pass"), (3, "pass")],
        ),
        (
            "a failure is acknowledged and D runs",
            &[(100, Response(180)), (5_000, Response(486))],
            &[(100, "pass"), (5_000, "pass, send ACK"), (37_000, "ended")],
        ),
        (
            "a failure while Calling stops A and B",
            &[(600, Response(302))],
            &[(500, "resend INVITE"), (600, "pass, send ACK"), (32_600, "ended")],
        ),
        (
            "a 2xx opens Accepted, and M ends it",
            &[(800, Response(200))],
            &[(500, "resend INVITE"), (800, "pass"), (32_800, "ended")],
        ),
        (
            "a response at the last moment counts",
            &[(32_000, Response(603))],
            &[
                (500, "resend INVITE"),
                (1_500, "resend INVITE"),
                (3_500, "resend INVITE"),
                (7_500, "resend INVITE"),
                (15_500, "resend INVITE"),
                (31_500, "resend INVITE"),
                (32_000, "pass, send ACK"),
                (64_000, "ended"),
            ],
        ),
        (
            "one after it does not",
            &[(32_001, Response(200))],
            &[
                (500, "resend INVITE"),
                (1_500, "resend INVITE"),
                (3_500, "resend INVITE"),
                (7_500, "resend INVITE"),
                (15_500, "resend INVITE"),
                (31_500, "resend INVITE"),
                (32_000, "timed out"),
                (32_001, "gone"),
            ],
        ),
    ];
    for (what, events, expected) in rows {
        assert_log(what, &play(sent(Timings::default(), false), events), expected);
    }
}

#[test]
fn late_and_repeated_responses() {
    let rows: &[(&str, Events<Event>, Expected)] = &[
        (
            "the failure again is acknowledged again, and never passed twice",
            &[(10, Response(486)), (510, Response(486)), (1_510, Response(486))],
            &[(10, "pass, send ACK"), (510, "send ACK"), (1_510, "send ACK"), (32_010, "ended")],
        ),
        (
            "so is another failure of a proxy that changed its mind",
            &[(10, Response(486)), (20, Response(603))],
            &[(10, "pass, send ACK"), (20, "send ACK"), (32_010, "ended")],
        ),
        (
            "a provisional after a failure is absorbed",
            &[(10, Response(486)), (20, Response(180))],
            &[(10, "pass, send ACK"), (20, "absorb"), (32_010, "ended")],
        ),
        (
            "a 2xx after a failure is passed, and the failure again still acknowledged",
            &[(10, Response(486)), (20, Response(200)), (30, Response(486)), (520, Response(200))],
            &[(10, "pass, send ACK"), (20, "pass"), (30, "send ACK"), (520, "pass"), (32_010, "ended")],
        ),
        (
            "each 2xx is passed: the ACK is the user's, and forks answer one by one (RFC 6026)",
            &[(10, Response(200)), (510, Response(200)), (600, Response(202))],
            &[(10, "pass"), (510, "pass"), (600, "pass"), (32_010, "ended")],
        ),
        (
            "a provisional or a failure after a 2xx is absorbed, and gets no ACK",
            &[(10, Response(200)), (20, Response(180)), (30, Response(486))],
            &[(10, "pass"), (20, "absorb"), (30, "absorb"), (32_010, "ended")],
        ),
        (
            "after timer D or M there is nothing left",
            &[(0, Response(404)), (32_001, Response(404))],
            &[(0, "pass, send ACK"), (32_000, "ended"), (32_001, "gone")],
        ),
    ];
    for (what, events, expected) in rows {
        assert_log(what, &play(sent(Timings::default(), false), events), expected);
    }
}

#[test]
fn timers_on_a_reliable_transport() {
    let rows: &[(&str, Events<Event>, Expected)] = &[
        ("no A, but B", &[], &[(32_000, "timed out")]),
        (
            "a 2xx of another branch is waited for as long as after a 2xx",
            &[(10, Response(486)), (32_000, Response(200))],
            &[(10, "pass, send ACK"), (32_000, "pass"), (32_010, "ended")],
        ),
        (
            "M is not (RFC 6026 section 8.4)",
            &[(10, Response(200)), (20, Response(200))],
            &[(10, "pass"), (20, "pass"), (32_010, "ended")],
        ),
    ];
    for (what, events, expected) in rows {
        assert_log(what, &play(sent(Timings::default(), true), events), expected);
    }
}

#[test]
fn a_cancelled_invite_gets_64_t1_for_its_final_response() {
    let rows: &[(&str, Events<Event>, Expected)] = &[
        (
            "none comes",
            &[(10, Response(180)), (9_000, Cancelled)],
            &[(10, "pass"), (9_000, "cancelled"), (41_000, "timed out")],
        ),
        (
            "another provisional is no reason to wait longer",
            &[(10, Response(180)), (20, Cancelled), (30, Response(180))],
            &[(10, "pass"), (20, "cancelled"), (30, "pass"), (32_020, "timed out")],
        ),
        (
            "487",
            &[(10, Response(180)), (20, Cancelled), (30, Response(487))],
            &[(10, "pass"), (20, "cancelled"), (30, "pass, send ACK"), (32_030, "ended")],
        ),
        (
            "the 2xx was faster",
            &[(10, Response(180)), (20, Cancelled), (30, Response(200))],
            &[(10, "pass"), (20, "cancelled"), (30, "pass"), (32_030, "ended")],
        ),
    ];
    for (what, events, expected) in rows {
        assert_log(what, &play(sent(Timings::default(), false), events), expected);
    }
}

#[test]
fn every_timer_follows_t1() {
    let resends = [100, 300, 700, 1_500, 3_100, 6_300].map(|ms| (ms, "resend INVITE"));
    let expected: Vec<_> = resends.into_iter().chain([(6_400, "timed out")]).collect();
    assert_log("A and B", &play(sent(brisk(), false), &[]), &expected);
    let log = play(sent(brisk(), false), &[(10, Response(500))]);
    assert_log("D", &log, &[(10, "pass, send ACK"), (6_410, "ended")]);
    let log = play(sent(brisk(), false), &[(10, Response(299))]);
    assert_log("M", &log, &[(10, "pass"), (6_410, "ended")]);
}

#[test]
fn a_cancel_is_allowed_between_the_first_provisional_and_the_final_response() {
    let now = start();
    let mut invite = sent(Timings::default(), false)(now);
    assert!(invite.is_pending() && !invite.is_proceeding());
    invite.on_response(now, Status::TRYING, "<sip:b@h>");
    assert!(invite.is_pending() && invite.is_proceeding());
    invite.on_response(now, Status::OK, "<sip:b@h>;tag=b");
    assert!(!invite.is_pending() && !invite.is_proceeding());
}

#[test]
fn coming_back_late_fires_one_timer_and_not_all_that_were_missed() {
    let now = start();
    let mut invite = sent(Timings::default(), false)(now);
    let late = now + Duration::from_secs(10);
    assert!(matches!(invite.expire(late), Some(Expiry::Resend(_))));
    assert_eq!(invite.expire(late), None);
    assert_eq!(invite.expire(now + Duration::from_secs(60)), Some(Expiry::TimedOut));
}
