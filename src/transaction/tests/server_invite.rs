//! Figure 7 of RFC 3261, as RFC 6026 section 8.2 redraws it.

use std::time::Instant;

use bytes::Bytes;

use super::*;
use crate::transaction::ServerInvite;

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The user responds.
    Respond(u16),
    /// The INVITE comes again.
    Again,
    /// The ACK of a failure, in the transaction.
    Ack,
    /// The ACK of a 2xx, found by the dialog.
    DialogAck,
}
use Event::{Ack, Again, DialogAck, Respond};

impl Machine for ServerInvite {
    type Event = Event;

    fn handle(&mut self, now: Instant, event: Event) -> String {
        match event {
            Respond(code) => {
                let goes = self.respond(now, status(code), &Bytes::from(format!("{code} ")));
                if goes { "sent" } else { "not sent" }.into()
            }
            Again => match self.on_retransmission() {
                Some(bytes) => format!("resend {}", first_word(&bytes)),
                None => "absorb".into(),
            },
            Ack => {
                self.on_ack(now);
                "ack".into()
            }
            DialogAck => {
                self.on_dialog_ack();
                "ack".into()
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

fn received(timings: Timings, reliable: bool) -> impl FnOnce(Instant) -> ServerInvite {
    move |_| ServerInvite::new(timings, reliable)
}

/// G, and what repeats a 2xx: both double up to T2.
const RESENDS: [u64; 10] = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

fn unacknowledged(resend: &str) -> Vec<(u64, &str)> {
    let resends = RESENDS.into_iter().map(|ms| (ms, resend));
    [(0, "sent")].into_iter().chain(resends).chain([(32_000, "timed out")]).collect()
}

#[test]
fn proceeding_waits_without_a_timer_and_repeats_the_last_provisional() {
    let events = [(1, Again), (2, Respond(100)), (3, Again), (9, Respond(180)), (500_000, Again)];
    let expected = [(1, "absorb"), (2, "sent"), (3, "resend 100"), (9, "sent"), (500_000, "resend 180")];
    for reliable in [false, true] {
        assert_log("", &play(received(Timings::default(), reliable), &events), &expected);
    }
}

#[test]
fn a_failure_is_repeated_until_acknowledged() {
    let rows: &[(&str, bool, Events<Event>, Expected)] = &[
        ("G doubles up to T2, H gives up", false, &[(0, Respond(486))], &unacknowledged("resend 486")),
        ("on TCP there is no G, but H", true, &[(0, Respond(486))], &[(0, "sent"), (32_000, "timed out")]),
        (
            "the ACK stops G and H, and I (T4) soaks up more of them",
            false,
            &[(0, Respond(486)), (600, Ack), (700, Ack)],
            &[(0, "sent"), (500, "resend 486"), (600, "ack"), (700, "ack"), (5_600, "ended")],
        ),
        (
            "I is zero on TCP",
            true,
            &[(0, Respond(486)), (600, Ack)],
            &[(0, "sent"), (600, "ack"), (600, "ended")],
        ),
        (
            "the INVITE again gets the failure again, beside G",
            false,
            &[(0, Respond(404)), (450, Again), (600, Ack), (650, Again)],
            &[
                (0, "sent"),
                (450, "resend 404"),
                (500, "resend 404"),
                (600, "ack"),
                (650, "absorb"),
                (5_600, "ended"),
            ],
        ),
        (
            "also on TCP",
            true,
            &[(0, Respond(404)), (450, Again)],
            &[(0, "sent"), (450, "resend 404"), (32_000, "timed out")],
        ),
        ("an ACK at the last moment", false, &[(0, Respond(302)), (31_999, Ack)], &{
            let mut expected = unacknowledged("resend 302");
            expected.pop();
            expected.extend([(31_999, "ack"), (36_999, "ended")]);
            expected
        }),
    ];
    for (what, reliable, events, expected) in rows {
        assert_log(what, &play(received(Timings::default(), *reliable), events), expected);
    }
}

#[test]
fn a_2xx_is_repeated_until_its_dialog_acknowledges_it() {
    for reliable in [false, true] {
        let play = |events| play(received(Timings::default(), reliable), events);
        let log = play(&[(0, Respond(200))]);
        assert_log("on every transport (section 13.3.1.4)", &log, &unacknowledged("resend 200"));

        let log = play(&[(0, Respond(200)), (700, DialogAck), (800, DialogAck), (900, Again)]);
        let expected = [
            (0, "sent"),
            (500, "resend 200"),
            (700, "ack"),
            (800, "ack"),
            (900, "absorb"),
            (32_000, "ended"),
        ];
        assert_log("L keeps the transaction (RFC 6026)", &log, &expected);

        let log = play(&[(0, Respond(200)), (100, Again), (200, Ack), (600, DialogAck)]);
        let expected = [
            (0, "sent"),
            (100, "absorb"),
            (200, "ack"),
            (500, "resend 200"),
            (600, "ack"),
            (32_000, "ended"),
        ];
        assert_log("the INVITE again is absorbed, and a failure's ACK is none of a 2xx", &log, &expected);
    }
}

#[test]
fn a_final_response_given_twice_goes_once() {
    for (first, second) in [(486, 486), (486, 200), (200, 486), (200, 200), (486, 180), (200, 183)] {
        let log = play(received(Timings::default(), true), &[(0, Respond(first)), (1, Respond(second))]);
        assert_eq!(log[..2], [(0, "sent".into()), (1, "not sent".into())], "{first}, {second}");
    }
    let events = [(0, Respond(486)), (1, Respond(200)), (2, Again), (3, Ack), (4, Respond(500))];
    let log = play(received(Timings::default(), false), &events);
    let expected =
        [(0, "sent"), (1, "not sent"), (2, "resend 486"), (3, "ack"), (4, "not sent"), (5_003, "ended")];
    assert_log("the second leaves no trace", &log, &expected);
}

#[test]
fn an_ack_before_any_final_response_changes_nothing() {
    let log = play(
        received(Timings::default(), false),
        &[(0, Ack), (1, DialogAck), (2, Respond(200)), (3, DialogAck)],
    );
    assert_log("", &log, &[(0, "ack"), (1, "ack"), (2, "sent"), (3, "ack"), (32_002, "ended")]);
}

#[test]
fn every_timer_follows_t1_t2_and_t4() {
    let log = play(received(brisk(), false), &[(0, Respond(486)), (1_250, Ack)]);
    let expected = [
        (0, "sent"),
        (100, "resend 486"),
        (300, "resend 486"),
        (600, "resend 486"),
        (900, "resend 486"),
        (1_200, "resend 486"),
        (1_250, "ack"),
        (2_250, "ended"),
    ];
    assert_log("G and I", &log, &expected);
    let log = play(received(brisk(), true), &[(0, Respond(486))]);
    assert_log("H", &log, &[(0, "sent"), (6_400, "timed out")]);
    let log = play(received(brisk(), true), &[(0, Respond(200)), (50, DialogAck)]);
    assert_log("L", &log, &[(0, "sent"), (50, "ack"), (6_400, "ended")]);
}

#[test]
fn tells_whether_it_waits() {
    let now = start();
    for (code, is_pending) in [(183, true), (200, false), (404, false)] {
        let mut invite = received(Timings::default(), false)(now);
        assert!(invite.is_pending());
        invite.respond(now, status(code), &Bytes::new());
        assert_eq!(invite.is_pending(), is_pending, "{code}");
    }
}
