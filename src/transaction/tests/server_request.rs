//! Figure 8 of RFC 3261.

use std::time::Instant;

use bytes::Bytes;

use super::*;
use crate::transaction::ServerRequest;

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The user responds.
    Respond(u16),
    /// The request comes again.
    Again,
}
use Event::{Again, Respond};

impl Machine for ServerRequest {
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
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn expire(&mut self, now: Instant) -> Option<Expiry> {
        ServerRequest::expire(self, now)
    }
}

#[test]
fn timer_j_and_repetitions() {
    let rows: &[(&str, bool, Events<Event>, Expected)] = &[
        (
            "Trying absorbs, and waits for good",
            false,
            &[(1, Again), (400_000, Again)],
            &[(1, "absorb"), (400_000, "absorb")],
        ),
        (
            "Proceeding repeats the provisional, and waits too",
            false,
            &[(1, Respond(100)), (2, Again), (400_000, Again)],
            &[(1, "sent"), (2, "resend 100"), (400_000, "resend 100")],
        ),
        (
            "Completed repeats the final response when asked, never by itself; J ends it",
            false,
            &[(1, Respond(200)), (501, Again), (32_001, Again), (32_002, Again)],
            &[(1, "sent"), (501, "resend 200"), (32_001, "resend 200"), (32_001, "ended"), (32_002, "gone")],
        ),
        (
            "J is zero on TCP",
            true,
            &[(1, Respond(100)), (2, Respond(481))],
            &[(1, "sent"), (2, "sent"), (2, "ended")],
        ),
        (
            "a final response given twice goes once",
            false,
            &[(1, Respond(200)), (2, Respond(200)), (3, Respond(500)), (4, Respond(100)), (5, Again)],
            &[
                (1, "sent"),
                (2, "not sent"),
                (3, "not sent"),
                (4, "not sent"),
                (5, "resend 200"),
                (32_001, "ended"),
            ],
        ),
    ];
    for (what, reliable, events, expected) in rows {
        let log = play(|_| ServerRequest::new(Timings::default(), *reliable), events);
        assert_log(what, &log, expected);
    }
    let log = play(|_| ServerRequest::new(brisk(), false), &[(0, Respond(405))]);
    assert_log("J follows T1", &log, &[(0, "sent"), (6_400, "ended")]);
}
