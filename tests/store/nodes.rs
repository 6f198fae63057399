//! Nodes of a fleet hear of each other, also after the database was away.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use maskline::ledger::{Change, Entry, EventKind, Session, SessionId, StoreFault};

use crate::database::Database;
use crate::events::{follow, next, next_event};
use crate::make::{at, call, create, event, mask, number, of_session, party, session};
use crate::numbers::asking;
use crate::wire::Wire;

/// The next session told. A number that was changed just before following began may be told as well, and of each session
/// its event is.
fn next_session(told: &mpsc::Receiver<Change>) -> Session {
    loop {
        match next(told) {
            Change::Session(session) => return *session,
            Change::Number(_) | Change::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// What is told next besides events.
fn next_change(told: &mpsc::Receiver<Change>) -> Change {
    loop {
        match next(told) {
            Change::Event(_) => {}
            change => return change,
        }
    }
}

#[tokio::test]
async fn what_one_node_does_the_other_hears() {
    let Some(database) = Database::postgres().await else { return };
    let (one, other) = (database.open().await, database.open().await);
    let (at_one, at_other) = (follow(&*one).await, follow(&*other).await);
    let made = session((1, 1), (None, 2));
    create(&*one, &made).await;
    assert_eq!(next_session(&at_other), made);
    one.keep(&[Entry::Bound { session: made.id, caller: party(2) }]).await.unwrap();
    assert_eq!(next_session(&at_other).second.number, Some(party(2)));
    let created = next_event(&at_one);
    assert_eq!(created.event, of_session(&made, EventKind::SessionCreated));
    one.put_number(&number(1, "delivery")).await.unwrap();
    assert!(matches!(next_change(&at_other), Change::Number(told) if *told == number(1, "delivery")));
    one.put_number(&asking(1)).await.unwrap();
    assert!(matches!(next_change(&at_other), Change::Number(told) if *told == asking(1)));
    one.remove_number(mask(1)).await.unwrap();
    assert!(matches!(next_change(&at_other), Change::NumberGone(gone) if gone == mask(1)));
    let ended = call("a", 1);
    one.keep(&[Entry::Event(Box::new(event(&ended, EventKind::CallEnded)))]).await.unwrap();
    let (here, there) = (next_event(&at_one), next_event(&at_other));
    assert_eq!(
        here, there,
        "an event is told everywhere, and of what it does itself a node hears nothing else"
    );
    other.redact(party(1), at(9)).await.unwrap();
    assert_eq!(next_session(&at_one).first.number, None);
    assert_eq!(next_session(&at_other).first.number, None, "what an erasure closed is told here too");
}

#[tokio::test]
async fn what_happens_between_loading_and_following_is_told() {
    let Some(database) = Database::postgres().await else { return };
    let (one, other) = (database.open().await, database.open().await);
    other.load(at(0), &mut |_| panic!("nothing is there yet")).await.unwrap();
    let made = session((1, 1), (None, 2));
    create(&*one, &made).await;
    let told = follow(&*other).await;
    assert_eq!(next_session(&told), made);
}

#[tokio::test]
async fn what_was_changed_while_the_database_was_away_is_told_when_it_is_back() {
    let Some(database) = Database::postgres().await else { return };
    let wire = Wire::new(&database);
    let near = database.open().await;
    near.put_number(&number(7, "delivery")).await.unwrap();
    let far = wire.open().await;
    let told = follow(&*far).await;
    let before = session((1, 1), (Some(2), 2));
    create(&*near, &before).await;
    assert_eq!(next_session(&told).id, before.id);

    wire.cut();
    let fault = far.session(before.id).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    far.check().await.unwrap_err();
    let during = session((3, 3), (Some(4), 4));
    create(&*near, &during).await;
    near.remove_number(mask(7)).await.unwrap();
    near.keep(&[Entry::Event(Box::new(event(&call("a", 1), EventKind::CallEnded)))]).await.unwrap();
    wire.mend();

    // What it may have heard already is told again; what it missed comes for certain.
    let mut missed: (Option<SessionId>, bool, bool) = (None, false, false);
    while missed != (Some(during.id), true, true) {
        match next(&told) {
            Change::Session(session) if session.id == during.id => missed.0 = Some(session.id),
            Change::NumberGone(gone) => missed.1 = gone == mask(7),
            Change::Event(told) => missed.2 |= told.event.kind == EventKind::CallEnded,
            _ => {}
        }
    }
    far.check().await.unwrap();
    let after = session((5, 5), (Some(6), 6));
    create(&*near, &after).await;
    while next_session(&told).id != after.id {}
}

#[tokio::test]
async fn a_listening_connection_that_is_ended_is_replaced() {
    let Some(database) = Database::postgres().await else { return };
    let (near, far) = (database.open().await, database.open().await);
    let told = follow(&*far).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' \
               AND datname = current_database()";
    database.run(end).await;
    let made = session((1, 1), (Some(2), 2));
    create(&*near, &made).await;
    while next_session(&told).id != made.id {}
}

/// The wire carries nothing more on the connections that there are, and nobody says so; new ones go through.
#[tokio::test]
async fn a_listening_connection_that_has_fallen_silent_is_replaced() {
    let Some(database) = Database::postgres().await else { return };
    let wire = Wire::new(&database);
    let (near, far) = (database.open().await, wire.open().await);
    let told = follow(&*far).await;
    let before = session((1, 1), (Some(2), 2));
    create(&*near, &before).await;
    while next_session(&told).id != before.id {}
    wire.silence();
    let during = session((3, 3), (Some(4), 4));
    create(&*near, &during).await;
    wire.mend();
    while next_session(&told).id != during.id {}
    far.check().await.unwrap();
}

#[tokio::test]
async fn nobody_waits_long_for_a_server_that_has_fallen_silent() {
    let Some(database) = Database::postgres().await else { return };
    let wire = Wire::new(&database);
    let far = wire.open().await;
    let made = session((1, 1), (Some(2), 2));
    create(&*far, &made).await;
    let hold = database.hold("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await;
    // More of them than there are connections.
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (far, id) = (far.clone(), made.id);
        reads.spawn(async move { far.session(id).await });
    }
    let under_way = "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while database.count(under_way).await < 10 {}
    wire.silence();
    let start = Instant::now();
    for read in reads.join_all().await {
        let fault = read.unwrap_err();
        assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    }
    far.check().await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    drop(hold);
    wire.mend();
    assert_eq!(far.session(made.id).await.unwrap(), Some(made));
    far.check().await.unwrap();
}

#[tokio::test]
async fn nobody_waits_long_for_a_table_that_another_holds() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.open().await;
    let made = session((1, 1), (Some(2), 2));
    create(&*store, &made).await;
    let hold = database.hold("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await;
    let start = Instant::now();
    let change = Session { version: 2, ..made.clone() };
    let event = of_session(&change, EventKind::SessionChanged);
    let (read, changed) = tokio::join!(store.session(made.id), store.change_session(&change, &event, at(1)));
    for fault in [read.unwrap_err(), changed.unwrap_err()] {
        assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    drop(hold);
    assert_eq!(store.session(made.id).await.unwrap(), Some(made));
}
