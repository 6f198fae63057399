//! Figure 6 of RFC 3261.

use std::time::Instant;

use bytes::Bytes;

use super::*;
use crate::transaction::ClientRequest;

impl Machine for ClientRequest {
    type Event = u16;

    fn handle(&mut self, now: Instant, code: u16) -> String {
        reaction(&self.on_response(now, status(code)))
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn expire(&mut self, now: Instant) -> Option<Expiry> {
        self.expire(now)
    }
}

fn sent(timings: Timings, reliable: bool) -> impl FnOnce(Instant) -> ClientRequest {
    move |now| ClientRequest::new(now, timings, reliable, Bytes::from_static(b"BYE sip:b@h SIP/2.0\r\n"))
}

/// Timer E: it doubles up to T2.
const RESENDS: [u64; 10] = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

#[test]
fn e_doubles_up_to_t2_and_f_ends_it() {
    let expected: Vec<_> =
        RESENDS.into_iter().map(|ms| (ms, "resend BYE")).chain([(32_000, "timed out")]).collect();
    assert_log("UDP", &play(sent(Timings::default(), false), &[]), &expected);
    let resends = [100].into_iter().chain((1..=21).map(|count| 300 * count));
    let expected: Vec<_> = resends.map(|ms| (ms, "resend BYE")).chain([(6_400, "timed out")]).collect();
    assert_log("T1 100 ms, T2 300 ms", &play(sent(brisk(), false), &[]), &expected);
    assert_log("TCP", &play(sent(Timings::default(), true), &[]), &[(32_000, "timed out")]);
}

#[test]
fn a_provisional_response_slows_e_to_t2_and_leaves_f() {
    let log = play(sent(Timings::default(), false), &[(600, 100)]);
    let resends = [1_500, 5_500, 9_500, 13_500, 17_500, 21_500, 25_500, 29_500];
    let expected: Vec<_> = [(500, "resend BYE"), (600, "pass")]
        .into_iter()
        .chain(resends.map(|ms| (ms, "resend BYE")))
        .chain([(32_000, "timed out")])
        .collect();
    assert_log("UDP", &log, &expected);
    let log = play(sent(Timings::default(), true), &[(600, 100)]);
    assert_log("TCP", &log, &[(600, "pass"), (32_000, "timed out")]);
}

#[test]
fn a_final_response_goes_once_and_k_soaks_up_the_rest() {
    let rows: &[(&str, bool, Events<u16>, Expected)] = &[
        ("K is T4 on UDP", false, &[(10, 200)], &[(10, "pass"), (5_010, "ended")]),
        ("K is zero on TCP", true, &[(10, 200)], &[(10, "pass"), (10, "ended")]),
        (
            "the final response again, another one, a late provisional",
            false,
            &[(700, 481), (800, 481), (900, 200), (1_000, 100)],
            &[
                (500, "resend BYE"),
                (700, "pass"),
                (800, "absorb"),
                (900, "absorb"),
                (1_000, "absorb"),
                (5_700, "ended"),
            ],
        ),
        (
            "after a provisional",
            false,
            &[(10, 100), (20, 408), (6_000, 408)],
            &[(10, "pass"), (20, "pass"), (5_020, "ended"), (6_000, "gone")],
        ),
    ];
    for (what, reliable, events, expected) in rows {
        assert_log(what, &play(sent(Timings::default(), *reliable), events), expected);
    }
}

#[test]
fn it_is_pending_until_its_final_response() {
    let now = start();
    let mut bye = sent(Timings::default(), false)(now);
    assert!(bye.is_pending());
    bye.on_response(now, Status::TRYING);
    assert!(bye.is_pending());
    bye.on_response(now, Status::OK);
    assert!(!bye.is_pending());
}
