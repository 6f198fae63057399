//! Callbacks on their way, with the time as an argument.

use std::time::Duration;

use maskline::base::Timestamp;
use maskline::ledger::{
    Callback, CallbackClaim, CallbackHost, Entry, Event, EventKind, Redacted, Settled, Store,
};

use crate::database::Database;
use crate::make::{at, call, event, party, session};

/// An event that is told somewhere. It is old, whatever the clock says.
fn told(id: &str, kind: EventKind, url: &str) -> Entry {
    told_at(0, id, kind, url)
}

/// The same, some seconds later.
fn told_at(seconds: u64, id: &str, kind: EventKind, url: &str) -> Entry {
    let (at, callback_url) = (early(seconds), Some(url.into()));
    Entry::Event(Box::new(Event { at, callback_url, ..event(&call(id, 1), kind) }))
}

fn early(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + seconds * 1000)
}

/// What is due at a host at a moment, for ten seconds.
async fn claim(store: &dyn Store, host: &str, limit: u32, seconds: u64) -> Vec<Callback> {
    let claim = CallbackClaim { host: host.into(), limit, now: at(seconds), until: at(seconds + 10) };
    let mut claimed = store.claim_callbacks(&claim).await.unwrap();
    claimed.sort_by_key(|callback| callback.id);
    claimed
}

fn seen(claimed: &[Callback]) -> Vec<(&str, &'static str, u32)> {
    let seen = |callback: &Callback| {
        let event = &callback.event.event;
        let id = match event.call.as_deref() {
            Some("a") => "a",
            Some("b") => "b",
            Some(_) => "other",
            None => "none",
        };
        (id, event.kind.as_str(), callback.tries)
    };
    claimed.iter().map(seen).collect()
}

pub(crate) async fn callbacks_of_one_call_are_given_out_one_after_the_other(database: Database) {
    let store = database.open().await;
    let url = "https://one.example/x?y";
    let entries = [
        told("a", EventKind::CallStarted, url),
        told("b", EventKind::CallStarted, url),
        told("a", EventKind::CallRinging, url),
        told("a", EventKind::CallStarted, "http://two.example:81/"),
        Entry::Event(Box::new(event(&call("c", 1), EventKind::CallStarted))),
    ];
    store.keep(&entries).await.unwrap();
    // None is kept twice, whoever brings it again.
    store.keep(&entries).await.unwrap();
    store.keep(&[told("a", EventKind::CallAnswered, url)]).await.unwrap();
    assert_eq!(store.callbacks_waiting().await.unwrap(), 5);
    let hosts = |one, two| {
        let host = |host: &str, due_at| CallbackHost { host: host.into(), due_at };
        [host("one.example", one), host("two.example:81", two)]
    };
    let zero = early(0);
    assert_eq!(store.callback_hosts().await.unwrap(), hosts(zero, zero));

    let first = claim(&*store, "one.example", 9, 0).await;
    assert_eq!(seen(&first), [("a", "call.started", 1), ("b", "call.started", 1)]);
    assert_eq!((&*first[0].url, first[0].until), (url, at(10)));
    assert_eq!(store.events(first[0].event.id - 1, 1).await.unwrap(), [first[0].event.clone()]);
    assert_eq!(store.callback_hosts().await.unwrap(), hosts(at(10), zero));
    assert_eq!(claim(&*store, "one.example", 9, 9).await, [], "they are given out");

    store.settle_callback(&first[0], Settled::Again(at(20))).await.unwrap();
    store.settle_callback(&first[1], Settled::Over(at(3))).await.unwrap();
    assert_eq!(store.callback_hosts().await.unwrap(), hosts(at(20), zero));
    assert_eq!(claim(&*store, "one.example", 9, 19).await, []);
    let again = claim(&*store, "one.example", 9, 20).await;
    assert_eq!(seen(&again), [("a", "call.started", 2)]);
    store.settle_callback(&again[0], Settled::Over(at(21))).await.unwrap();
    let next = claim(&*store, "one.example", 9, 21).await;
    assert_eq!(seen(&next), [("a", "call.ringing", 1)]);
    store.settle_callback(&next[0], Settled::Over(at(22))).await.unwrap();
    let last = claim(&*store, "one.example", 9, 22).await;
    assert_eq!(seen(&last), [("a", "call.answered", 1)]);
    store.settle_callback(&last[0], Settled::Over(at(23))).await.unwrap();
    assert_eq!(store.callback_hosts().await.unwrap(), hosts(zero, zero)[1..]);
    assert_eq!(store.callbacks_waiting().await.unwrap(), 1);
    assert_eq!(database.count("callback_lanes").await, 1);
}

pub(crate) async fn a_callback_that_nobody_settles_is_given_out_again(database: Database) {
    let url = "http://a.example/";
    {
        let store = database.open().await;
        store
            .keep(&[told("a", EventKind::CallStarted, url), told("a", EventKind::CallEnded, url)])
            .await
            .unwrap();
        assert_eq!(claim(&*store, "a.example", 9, 0).await.len(), 1);
    }
    let store = database.open().await;
    assert_eq!(claim(&*store, "a.example", 9, 9).await, []);
    let again = claim(&*store, "a.example", 9, 10).await;
    assert_eq!(seen(&again), [("a", "call.started", 2)]);
    // The one who had it first comes late: its failure changes nothing, its delivery counts.
    let late = Callback { until: at(10), tries: 1, ..again[0].clone() };
    store.settle_callback(&late, Settled::Again(at(500))).await.unwrap();
    assert_eq!(claim(&*store, "a.example", 9, 19).await, []);
    store.settle_callback(&late, Settled::Over(at(12))).await.unwrap();
    assert_eq!(claim(&*store, "a.example", 9, 19).await, [], "the lane is another's still");
    store.settle_callback(&again[0], Settled::Over(at(13))).await.unwrap();
    assert_eq!(seen(&claim(&*store, "a.example", 9, 13).await), [("a", "call.ended", 1)]);
}

pub(crate) async fn whoever_has_waited_longest_comes_first(database: Database) {
    let store = database.open().await;
    let url = "http://a.example/";
    let next = async |seconds| {
        let claim = CallbackClaim {
            host: "a.example".into(),
            limit: 1,
            now: early(seconds),
            until: early(seconds + 10),
        };
        store.claim_callbacks(&claim).await.unwrap()
    };
    let entries = [
        told_at(2, "b", EventKind::CallStarted, url),
        told_at(0, "a", EventKind::CallStarted, url),
        told_at(1, "a", EventKind::CallRinging, url),
        told_at(9, "other", EventKind::CallStarted, url),
    ];
    store.keep(&entries).await.unwrap();
    let first = next(20).await;
    assert_eq!(seen(&first), [("a", "call.started", 1)]);
    store.settle_callback(&first[0], Settled::Over(early(20))).await.unwrap();
    let second = next(20).await;
    assert_eq!(seen(&second), [("a", "call.ringing", 1)], "a lane that has begun, for its event is older");
    store.settle_callback(&second[0], Settled::Again(early(5))).await.unwrap();
    assert_eq!(seen(&next(20).await), [("b", "call.started", 1)]);
    assert_eq!(seen(&next(20).await), [("a", "call.ringing", 2)], "due again before another's event");
    assert_eq!(seen(&next(20).await), [("other", "call.started", 1)]);
}

pub(crate) async fn what_is_too_old_is_given_up_whether_it_was_tried_or_not(database: Database) {
    let store = database.open().await;
    let url = "http://a.example/";
    let old = (0..250).map(|count| told(&format!("old-{count}"), EventKind::CallStarted, url));
    let entries: Vec<_> = old
        .chain([
            told_at(0, "a", EventKind::CallStarted, url),
            told_at(60, "a", EventKind::CallEnded, url),
            told_at(60, "b", EventKind::CallStarted, url),
            told_at(0, "other", EventKind::CallStarted, url),
        ])
        .collect();
    store.keep(&entries[..253]).await.unwrap();
    let first = store.give_up_callbacks(early(60), 0).await.unwrap();
    assert_eq!((first.count, store.callbacks_waiting().await.unwrap()), (0, 253), "they may be tried first");
    store.keep(&entries[253..]).await.unwrap();
    let second = store.give_up_callbacks(early(60), first.last).await.unwrap();
    assert_eq!((second.count, second.last - first.last), (251, 1));
    assert_eq!(database.count("callback_lanes").await, 3, "there is no lane without callbacks");
    // Removed past the store, as by an earlier version.
    database.run("DELETE FROM events WHERE body LIKE '%\"other\"%'").await;
    assert_eq!(store.give_up_callbacks(early(0), second.last).await.unwrap().count, 1);
    let left = claim(&*store, "a.example", 9, 0).await;
    assert_eq!(seen(&left), [("a", "call.ended", 1), ("b", "call.started", 1)]);
}

pub(crate) async fn two_nodes_never_have_the_same_callback(database: Database) {
    let nodes = [database.open().await, database.open().await];
    let names: Vec<String> = (0..60).map(|count| format!("call-{count}")).collect();
    let kinds = [EventKind::CallStarted, EventKind::CallRinging, EventKind::CallEnded];
    for kind in kinds {
        let entries: Vec<_> = names.iter().map(|name| told(name, kind, "http://a.example/")).collect();
        nodes[0].keep(&entries).await.unwrap();
    }
    // Each has some of them at the same time as the other, whichever of the two is faster then.
    let at_first = [claim(&*nodes[0], "a.example", 7, 0).await, claim(&*nodes[1], "a.example", 7, 0).await];
    assert_eq!(at_first.each_ref().map(Vec::len), [7, 7]);
    let work = async |node: &dyn Store, mut claimed: Vec<Callback>| {
        let mut had = Vec::new();
        while !claimed.is_empty() || node.callbacks_waiting().await.unwrap() > 0 {
            for callback in claimed {
                had.push(callback.id);
                node.settle_callback(&callback, Settled::Over(at(0))).await.unwrap();
            }
            claimed = claim(node, "a.example", 7, 0).await;
        }
        had
    };
    let [first, second] = at_first;
    let (one, other) = tokio::join!(work(&*nodes[0], first), work(&*nodes[1], second));
    let mut all: Vec<_> = one.iter().chain(&other).copied().collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!((all.len(), one.len() + other.len()), (180, 180));
    assert_eq!(database.count("callback_lanes").await, 0);
}

pub(crate) async fn every_event_is_told_at_the_status_url_as_well(database: Database) {
    let store = database.open().await;
    store.call_back_at(Some("http://all.example/"));
    let of_session = Event {
        call: None,
        session: Some(session((1, 1), (None, 2)).id),
        ..event(&call("a", 1), EventKind::SessionCreated)
    };
    let entries = [
        Entry::Event(Box::new(event(&call("b", 1), EventKind::CallStarted))),
        told("a", EventKind::CallStarted, "http://own.example/"),
        told("a", EventKind::CallEnded, "http://all.example/"),
        Entry::Event(Box::new(of_session)),
    ];
    store.keep(&entries).await.unwrap();
    assert_eq!(store.callbacks_waiting().await.unwrap(), 5, "one for each URL and event");
    let all = claim(&*store, "all.example", 9, 9).await;
    let wanted = [("b", "call.started", 1), ("a", "call.started", 1), ("none", "session.created", 1)];
    assert_eq!(seen(&all), wanted);
    store.call_back_at(None);
    store.keep(&[Entry::Event(Box::new(event(&call("b", 1), EventKind::CallEnded)))]).await.unwrap();
    assert_eq!(store.callbacks_waiting().await.unwrap(), 5);
}

/// As a newer version may have written it: its callback is given up, and the next of its lane comes.
pub(crate) async fn one_that_cannot_be_read_holds_up_no_other(database: Database) {
    let store = database.open().await;
    let entries = [
        told("a", EventKind::CallStarted, "http://a.example/"),
        told("b", EventKind::CallStarted, "http://a.example/"),
        told("a", EventKind::CallEnded, "http://a.example/"),
        told("other", EventKind::CallStarted, "http://a.example/"),
    ];
    store.keep(&entries).await.unwrap();
    let ids: Vec<u64> = store.events(0, 9).await.unwrap().iter().map(|stored| stored.id).collect();
    let unreadable = format!("UPDATE events SET body = '{{}}' WHERE id IN ({}, {})", ids[0], ids[3]);
    database.run(&unreadable).await;
    let claimed = claim(&*store, "a.example", 9, 0).await;
    assert_eq!(seen(&claimed), [("b", "call.started", 1), ("a", "call.ended", 1)]);
    assert_eq!((database.count("callbacks").await, database.count("callback_lanes").await), (2, 2));
}

pub(crate) async fn what_is_erased_or_removed_is_not_told(database: Database) {
    let store = database.open().await;
    let entries = [
        told("a", EventKind::CallStarted, "http://a.example/?who=919876500001"),
        told("b", EventKind::CallStarted, "http://a.example/?who=9198765000019"),
    ];
    store.keep(&entries).await.unwrap();
    assert_ne!(store.redact(party(1), at(1)).await.unwrap(), Redacted::default());
    let left = claim(&*store, "a.example", 9, 0).await;
    assert_eq!(seen(&left), [("b", "call.started", 1)]);
    assert!(!left[0].event.told().to_string().contains("919876500001\""), "{}", left[0].event.told());
    assert_eq!(store.callbacks_waiting().await.unwrap(), 1);

    store.settle_callback(&left[0], Settled::Again(at(5))).await.unwrap();
    let later = at(1).after(Duration::from_millis(1));
    store.prune(later).await.unwrap();
    let waiting = claim(&*store, "a.example", 9, 5).await;
    assert_eq!(seen(&waiting), [("b", "call.started", 2)], "what has still to be told stays");
    store.settle_callback(&waiting[0], Settled::Over(at(6))).await.unwrap();
    assert_eq!(store.prune(later).await.unwrap(), 1);
    assert_eq!((database.count("callbacks").await, database.count("callback_lanes").await), (0, 0));
}

pub(crate) async fn a_database_without_callbacks_is_brought_to_this_version(database: Database) {
    database.make_version(1).await;
    database.run("INSERT INTO channels VALUES (1, 2, '', 3)").await;
    let store = database.open().await;
    assert_eq!(database.count("channels").await, 1, "what it has stays");
    store.keep(&[told("a", EventKind::CallStarted, "http://a.example/")]).await.unwrap();
    assert_eq!(claim(&*store, "a.example", 9, 0).await.len(), 1);
}
