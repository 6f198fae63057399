use maskline::ledger::{CallFilter, CallRecord, Changed, Created, Entry, NewSession, Outcome, Page, Session};

use crate::database::Database;
use crate::make::{at, call, change, create, mask, new, page, party, running, session};

fn ended(record: &CallRecord) -> Entry {
    Entry::Ended(Box::new(record.clone()))
}

pub(crate) async fn a_call_is_kept_once_and_its_end_stays(database: Database) {
    let store = database.open().await;
    let (going_on, over) = (running("a", 1), call("a", 1));
    let mut ringing = going_on.clone();
    ringing.answered_ms = None;
    store.keep(&[Entry::Running(Box::new(ringing))]).await.unwrap();
    store.keep(&[Entry::Running(Box::new(going_on.clone()))]).await.unwrap();
    assert_eq!(store.call("a").await.unwrap(), Some(going_on.clone()));
    store.keep(&[ended(&over)]).await.unwrap();
    let mut other = over.clone();
    other.cause = 99;
    // All of it comes again, in every way that a replay may bring it.
    store.keep(&[Entry::Running(Box::new(going_on.clone())), ended(&other)]).await.unwrap();
    store.keep(&[Entry::Running(Box::new(going_on))]).await.unwrap();
    assert_eq!(store.call("a").await.unwrap(), Some(over.clone()));
    assert_eq!(store.call("b").await.unwrap(), None);
    assert_eq!(store.calls(&CallFilter::default(), &page(10)).await.unwrap(), [over]);
    store.keep(&[]).await.unwrap();
}

pub(crate) async fn filters_tell_calls_apart(database: Database) {
    let store = database.open().await;
    let id = session((1, 1), (Some(2), 2)).id;
    let a = CallRecord { session: Some(id), ..call("a", 1) };
    let b = CallRecord { outcome: Outcome::NoAnswer, caller: Some(party(3)), ..call("b", 2) };
    let c = CallRecord {
        dialled: Some(mask(3)),
        destination: Some(party(3)),
        shown: Some(mask(1)),
        ..call("c", 3)
    };
    let d = CallRecord { caller: None, destination: None, shown: None, dialled: None, ..call("d", 4) };
    store.keep(&[&a, &b, &c, &d].map(ended)).await.unwrap();
    store.keep(&[Entry::Running(Box::new(running("e", 5)))]).await.unwrap();
    let found = async |filter: CallFilter| {
        let calls = store.calls(&filter, &page(10)).await.unwrap();
        calls.iter().map(|call| &*call.id).collect::<Vec<_>>().concat()
    };
    let all = CallFilter::default;
    assert_eq!(found(all()).await, "edcba", "the youngest first");
    assert_eq!(found(CallFilter { party: Some(party(3)), ..all() }).await, "cb");
    assert_eq!(found(CallFilter { number: Some(mask(1)), ..all() }).await, "ecba");
    assert_eq!(found(CallFilter { number: Some(mask(3)), ..all() }).await, "c");
    assert_eq!(found(CallFilter { session: Some(id), ..all() }).await, "a");
    assert_eq!(found(CallFilter { received: Some(at(2)..at(4)), ..all() }).await, "cb");
    assert_eq!(found(CallFilter { outcome: Some(Outcome::NoAnswer), ..all() }).await, "b");
    assert_eq!(found(CallFilter { outcome: Some(Outcome::InProgress), ..all() }).await, "e");
    let both = CallFilter { party: Some(party(3)), outcome: Some(Outcome::Answered), ..all() };
    assert_eq!(found(both).await, "c");
}

pub(crate) async fn pages_of_calls_stay_as_they_are(database: Database) {
    let store = database.open().await;
    let calls: Vec<_> = (0..9).map(|count| call(&format!("call-{count}"), count / 4)).collect();
    store.keep(&calls.iter().map(ended).collect::<Vec<_>>()).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let part = store.calls(&CallFilter::default(), &Page { after, limit: 4 }).await.unwrap();
        let Some(last) = part.last() else { break };
        after = Some((maskline::base::Timestamp::from_millis(last.received_at), last.id.clone()));
        seen.extend(part.iter().map(|call| call.id.to_string()));
        store.keep(&[ended(&call(&format!("new-{}", seen.len()), 100))]).await.unwrap();
    }
    let wanted: Vec<_> = (0..9).rev().map(|count| format!("call-{count}")).collect();
    assert_eq!(seen, wanted);
}

pub(crate) async fn calls_move_the_expiry_and_bind_a_caller(database: Database) {
    let store = database.open().await;
    let half = Session { bind_first_caller: true, ..session((1, 1), (None, 2)) };
    create(&*store, &half).await;
    let entries = [
        Entry::Extended { session: half.id, expires_at: at(5000), version: 1 },
        Entry::Extended { session: half.id, expires_at: at(4000), version: 1 },
        Entry::Bound { session: half.id, caller: party(2) },
        Entry::Bound { session: half.id, caller: party(3) },
    ];
    store.keep(&entries).await.unwrap();
    let now = store.session(half.id).await.unwrap().unwrap();
    assert_eq!((now.expires_at, now.second.number), (at(5000), Some(party(2))));
    assert_eq!(now.version, 2, "who read it before has to read it again");
    store.keep(&entries).await.unwrap();
    assert_eq!(store.session(half.id).await.unwrap(), Some(now.clone()), "what is kept changes nothing");
    create(&*store, &session((4, 4), (None, 2))).await;
    let taken = store.create_session(new(&session((5, 5), (Some(2), 2)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(2), Some(party(2))));
    let late = NewSession { now: at(4500), ..new(&session((1, 1), (None, 9))) };
    let taken = store.create_session(late).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(1), Some(party(1))), "its channels last as long");
}

/// A call that was decided before a node heard of the operator's change, and is kept after it.
pub(crate) async fn a_call_does_not_take_back_the_operators_expiry(database: Database) {
    let store = database.open().await;
    let first = Session { sliding_expiry: Some(60), ..session((1, 1), (Some(2), 2)) };
    create(&*store, &first).await;
    let extended = |seconds, version| Entry::Extended { session: first.id, expires_at: at(seconds), version };
    store.keep(&[extended(5000, 1)]).await.unwrap();
    let touched = store.session(first.id).await.unwrap().unwrap();
    assert_eq!((touched.expires_at, touched.version), (at(5000), 2));
    // What calls did to it is no reason to leave out another call's.
    store.keep(&[extended(6000, 1)]).await.unwrap();
    let touched = store.session(first.id).await.unwrap().unwrap();
    assert_eq!((touched.expires_at, touched.version), (at(6000), 3));
    let shorter = Session { expires_at: at(100), version: 4, expiry_version: 4, ..touched };
    assert_eq!(change(&*store, &shorter, at(50)).await, Changed::Done);
    store.keep(&[extended(7000, 1), extended(8000, 3)]).await.unwrap();
    assert_eq!(
        store.session(first.id).await.unwrap(),
        Some(shorter.clone()),
        "its call went by an older one"
    );
    store.keep(&[extended(7000, 1), extended(110, 4), extended(120, 5)]).await.unwrap();
    let after = store.session(first.id).await.unwrap().unwrap();
    assert_eq!((after.expires_at, after.version), (at(120), 5), "who has heard of it moves it on");
    let other = Session { call_time_limit: None, version: 6, ..after };
    assert_eq!(change(&*store, &other, at(60)).await, Changed::Done);
    store.keep(&[extended(130, 4)]).await.unwrap();
    let after = store.session(first.id).await.unwrap().unwrap();
    assert_eq!(after.expires_at, at(130), "another change is none of the expiry");
}

pub(crate) async fn what_comes_late_takes_no_channel(database: Database) {
    let store = database.open().await;
    let over = Session { expires_at: at(10), cooloff: 0, ..session((1, 1), (Some(2), 2)) };
    create(&*store, &over).await;
    let next = session((1, 1), (Some(3), 3));
    assert_eq!(store.create_session(NewSession { now: at(10), ..new(&next) }).await.unwrap(), Created::New);
    store.keep(&[Entry::Extended { session: over.id, expires_at: at(9000), version: 1 }]).await.unwrap();
    assert_eq!(store.session(over.id).await.unwrap(), Some(over.clone()));
    let closed = Session { closed_at: Some(at(20)), version: 2, ..next.clone() };
    assert_eq!(change(&*store, &closed, at(20)).await, Changed::Done);
    store.keep(&[Entry::Extended { session: next.id, expires_at: at(9000), version: 1 }]).await.unwrap();
    assert_eq!(store.session(next.id).await.unwrap(), Some(closed), "what is closed stays closed");
    let unknown = session((8, 8), (None, 9)).id;
    store.keep(&[Entry::Bound { session: unknown, caller: party(2) }]).await.unwrap();
}

pub(crate) async fn a_batch_is_kept_whole_or_not_at_all(database: Database) {
    let store = database.open().await;
    // Nothing that the types allow is refused by the tables, so a table is taken away.
    database.run("ALTER TABLE events RENAME TO elsewhere").await;
    let record = call("a", 1);
    let event = Entry::Event(Box::new(crate::make::event(&record, maskline::ledger::EventKind::CallEnded)));
    store.keep(&[ended(&record), event.clone()]).await.unwrap_err();
    assert_eq!(store.call("a").await.unwrap(), None);
    database.run("ALTER TABLE elsewhere RENAME TO events").await;
    store.keep(&[ended(&record), event]).await.unwrap();
    assert_eq!(store.call("a").await.unwrap(), Some(record));
}
