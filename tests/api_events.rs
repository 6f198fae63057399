//! Following events: replay and what happens now, without a gap and without a repeat.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use maskline::base::settings::Scope;
use maskline::ledger::{Entry, EventKind, Outcome};
use serde_json::Value;
use support::desk::{ALL, Desk, READ, START, WRITE, bearer, event, record};

/// An event about the call with this number.
fn about(call: usize) -> Entry {
    event(EventKind::CallAnswered, &record(&format!("call{call}"), START, Outcome::InProgress))
}

/// Reads so many events, whose ids must follow each other from one on.
fn expect(stream: &mut support::desk::Stream, from: u64, count: u64) {
    for id in from..from + count {
        let (name, found, data) = stream.event();
        assert_eq!((&*name, found), ("call.answered", Some(id)), "{data}");
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(data["call"], format!("call{id}"));
    }
}

#[test]
fn a_reader_that_comes_back_misses_nothing_and_hears_nothing_twice() {
    let desk = Desk::open();
    let keep = |ids: std::ops::RangeInclusive<usize>| ids.for_each(|id| desk.keep(&[about(id)]));
    keep(1..=3);
    let mut from_now = desk.follow("/v1/events", &bearer(ALL));
    let mut all = desk.follow("/v1/events?after=0", &bearer(ALL));
    expect(&mut all, 1, 3);
    keep(4..=5);
    expect(&mut all, 4, 2);
    expect(&mut from_now, 4, 2);
    drop(all);
    keep(6..=8);
    let mut back = desk.follow("/v1/events", &(bearer(ALL) + "Last-Event-ID: 5\r\n"));
    expect(&mut back, 6, 3);
    keep(9..=9);
    expect(&mut back, 9, 1);
    // A browser comes back with the query that it began with.
    let mut browser = desk.follow("/v1/events?after=2", &(bearer(ALL) + "Last-Event-ID: 7\r\n"));
    expect(&mut browser, 8, 2);
}

#[test]
fn one_that_comes_back_from_what_is_not_kept_is_told_so() {
    let desk = Desk::open();
    desk.keep(&[about(1), about(2), about(3)]);
    // Ahead of all there is, as after another database was put in place.
    for after in ["4", "4294967296", "9007199254740991"] {
        let mut ahead = desk.follow(&format!("/v1/events?after={after}"), &bearer(ALL));
        let (name, id, why) = ahead.event();
        assert_eq!((&*name, id), ("gap", None));
        assert!(why.contains("what happens now follows"), "{why}");
        let next = 4 + usize::from(after.len() > 1) + usize::from(after.len() > 10);
        desk.keep(&[about(next)]);
        expect(&mut ahead, next as u64, 1);
    }
    // Behind what is kept.
    desk.store.forget_events(4);
    let mut behind = desk.follow("/v1/events", &(bearer(ALL) + "Last-Event-ID: 2\r\n"));
    let (name, _, why) = behind.event();
    assert!(name == "gap" && why.contains("what is kept follows"), "{why}");
    expect(&mut behind, 5, 2);
    for wrong in ["", "-1", "+1", "1.5", "9007199254740992", "99999999999999999999"] {
        let refused = desk.get(&format!("/v1/events?after={wrong}"));
        assert_eq!((refused.status, &*refused.field()), (422, "after"), "{wrong}");
    }
}

/// The same with far more to say.
fn at_length(call: usize) -> Entry {
    let mut long = record(&format!("call{call}"), START, Outcome::InProgress);
    long.trace = ["a step".repeat(2000)].into();
    event(EventKind::CallAnswered, &long)
}

#[test]
fn a_long_past_is_told_while_more_happens() {
    let desk = Desk::open();
    // 18 MB, which no socket holds: the reader is in the past when more happens than the live channel holds.
    let past: Vec<Entry> = (1..=1500).map(at_length).collect();
    desk.keep(&past);
    let mut reader = desk.follow("/v1/events?after=0", &bearer(ALL));
    expect(&mut reader, 1, 1);
    (1501..=1600).for_each(|id| desk.keep(&[about(id)]));
    expect(&mut reader, 2, 1599);
}

#[test]
fn what_was_read_already_is_not_told_again() {
    let desk = Desk::open();
    desk.keep(&[about(1), about(2)]);
    let mut reader = desk.follow("/v1/events?after=0", &bearer(ALL));
    expect(&mut reader, 1, 2);
    // Kept before the reader read, and told of after it had.
    desk.tell(2);
    desk.keep(&[about(3)]);
    expect(&mut reader, 3, 1);
}

#[test]
fn one_that_lags_behind_is_cut_off_and_may_come_back() {
    let desk = Desk::open();
    let mut reader = desk.follow("/v1/events?after=0", &bearer(ALL));
    desk.keep(&[about(1)]);
    expect(&mut reader, 1, 1);
    // 18 MB, which no socket holds, and nobody reads meanwhile: far more waits than the 16 that the channel holds.
    (2..=1500).for_each(|id| desk.keep(&[at_length(id)]));
    let (mut last, mut end) = (1, None);
    while end.is_none() {
        match reader.event() {
            (name, Some(id), _) => {
                assert_eq!((&*name, id), ("call.answered", last + 1));
                last = id;
            }
            (name, None, why) => end = Some((name, why)),
        }
    }
    assert_eq!(end, Some(("end".into(), "read too slowly".into())));
    let mut back = desk.follow("/v1/events", &format!("{}Last-Event-ID: {last}\r\n", bearer(ALL)));
    expect(&mut back, last + 1, 1500 - last);
}

#[test]
fn numbers_are_hidden_from_those_who_may_not_see_them() {
    let desk = Desk::open();
    desk.keep(&[about(1)]);
    let (_, _, whole) = desk.follow("/v1/events?after=0", &bearer(ALL)).event();
    assert!(whole.contains("+919876500001"), "{whole}");
    let (_, _, redacted) = desk.follow("/v1/events?after=0", &bearer(READ)).event();
    assert!(redacted.contains("+9198******01") && !redacted.contains("98765"), "{redacted}");
    // A phone that is named by its number, in the stream, in JSON and in a table.
    let mut named = record("named", START, Outcome::Answered);
    named.source = "919876500091".into();
    named.trace = ["the call comes from phone 919876500091".to_owned()].into();
    desk.keep(&[event(EventKind::CallEnded, &named), Entry::Ended(Box::new(named))]);
    let told = desk.follow("/v1/events?after=1", &bearer(READ)).event().2;
    let table = desk.ask("GET", "/v1/calls", &(bearer(READ) + "Accept: text/csv\r\n"), None).body;
    let shown = desk.ask("GET", "/v1/calls/named", &bearer(READ), None).body;
    for text in [told, table, shown] {
        assert!(text.contains("**********91") && !text.contains("98765"), "{text}");
    }
    assert!(desk.get("/v1/calls/named").body.contains("phone 919876500091"), "whoever may see numbers does");
}

#[test]
fn streams_are_counted_and_bounded() {
    let desk = Desk::open();
    let open: Vec<_> = (0..64).map(|_| desk.follow("/v1/events", &bearer(ALL))).collect();
    assert_eq!(desk.metrics.event_streams.get(), 64);
    let refused = desk.get("/v1/events");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")));
    drop(open);
    let mut tries = 0;
    while desk.metrics.event_streams.get() > 0 {
        tries += 1;
        assert!(tries < 1000, "streams whose clients are gone end");
        desk.get("/healthz");
    }
    desk.follow("/v1/events", &bearer(ALL));
}

#[test]
fn a_stream_ends_with_a_word_when_the_database_goes_away() {
    let desk = Desk::open();
    desk.store.go_away(true);
    let (name, id, why) = desk.follow("/v1/events?after=0", &bearer(ALL)).event();
    assert_eq!((&*name, id, &*why), ("end", None, "the database does not answer"));
}

#[test]
fn a_token_that_is_withdrawn_ends_its_streams() {
    let desk = Desk::open();
    let mut withdrawn = desk.follow("/v1/events", &bearer(READ));
    let mut stays = desk.follow("/v1/events", &bearer(ALL));
    desk.keep(&[about(1)]);
    expect(&mut withdrawn, 1, 1);
    desk.take_only(&[(ALL, &Scope::ALL)]);
    let (name, _, why) = withdrawn.event();
    assert_eq!((&*name, &*why), ("end", "the token is no longer taken"));
    desk.keep(&[about(2)]);
    expect(&mut stays, 1, 2);
    // One that may still read, and no longer sees numbers.
    desk.take_only(&[(ALL, &[Scope::Read])]);
    desk.keep(&[about(3)]);
    let (_, _, redacted) = stays.event();
    assert!(redacted.contains("+9198******01") && !redacted.contains("98765"), "{redacted}");
    // In the midst of what is kept, more of it is not told either.
    desk.keep(&(4..=1500).map(at_length).collect::<Vec<_>>());
    let mut past = desk.follow("/v1/events?after=3", &bearer(ALL));
    expect(&mut past, 4, 1);
    desk.take_only(&[(WRITE, &[Scope::Write])]);
    let mut told = 1;
    while past.event().0 != "end" {
        told += 1;
    }
    assert!(told < 1400, "{told} were told");
}
