use std::sync::{Arc, mpsc};
use std::time::Duration;

use maskline::ledger::{Answered, Change, Entry, EventKind, Store, StoredEvent};

use crate::database::Database;
use crate::make::{at, call, event};

fn entry(id: &str, kind: EventKind) -> Entry {
    Entry::Event(Box::new(event(&call(id, 1), kind)))
}

pub(crate) async fn each_is_kept_once_in_order(database: Database) {
    let store = database.open().await;
    let all = [
        entry("a", EventKind::CallStarted),
        entry("b", EventKind::CallStarted),
        entry("a", EventKind::CallAnswered),
        entry("a", EventKind::CallEnded),
    ];
    store.keep(&all[..2]).await.unwrap();
    store.keep(&all).await.unwrap();
    store.keep(&[all[3].clone(), all[3].clone()]).await.unwrap();
    let events = store.events(0, 10).await.unwrap();
    let told: Vec<_> =
        events.iter().map(|stored| (stored.event.call.as_deref().unwrap(), stored.event.kind)).collect();
    let wanted = [
        ("a", EventKind::CallStarted),
        ("b", EventKind::CallStarted),
        ("a", EventKind::CallAnswered),
        ("a", EventKind::CallEnded),
    ];
    assert_eq!(told, wanted);
    assert!(events.is_sorted_by_key(|stored| stored.id) && events[0].id >= 1);
    assert_eq!(events[0].event, event(&call("a", 1), EventKind::CallStarted));
    assert_eq!(store.events(events[1].id, 1).await.unwrap(), events[2..3]);
    assert_eq!(store.events(events[3].id, 10).await.unwrap(), []);
}

/// Follows a store; what it tells comes out here.
pub(crate) async fn follow(store: &dyn Store) -> mpsc::Receiver<Change> {
    let (sender, told) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let tell = move |change| {
        let _ = sender.lock().unwrap().send(change);
    };
    store.follow(Arc::new(tell)).await.unwrap();
    told
}

/// What is told next, within a few seconds.
pub(crate) fn next(told: &mpsc::Receiver<Change>) -> Change {
    told.recv_timeout(Duration::from_secs(20)).expect("a change is told")
}

pub(crate) fn next_event(told: &mpsc::Receiver<Change>) -> Arc<StoredEvent> {
    match next(told) {
        Change::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn each_is_told_once_it_is_kept(database: Database) {
    let store = database.open().await;
    store.keep(&[entry("before", EventKind::CallStarted)]).await.unwrap();
    let told = follow(&*store).await;
    let ids: Vec<String> = (0..50).map(|count| format!("call-{count}")).collect();
    for part in ids.chunks(7) {
        let entries: Vec<_> = part.iter().map(|id| entry(id, EventKind::CallStarted)).collect();
        store.keep(&entries).await.unwrap();
        store.keep(&entries).await.unwrap();
    }
    let events: Vec<_> = ids.iter().map(|_| next_event(&told)).collect();
    assert_eq!(events.iter().map(|told| told.event.call.as_deref().unwrap()).collect::<Vec<_>>(), ids);
    let kept = store.events(events[0].id - 1, 100).await.unwrap();
    assert!(kept.iter().eq(events.iter().map(|told| &**told)), "as they can be read");
}

/// As a newer version may have written it.
pub(crate) async fn one_that_cannot_be_read_is_passed_over(database: Database) {
    let store = database.open().await;
    let told = follow(&*store).await;
    let some: Vec<_> = ["a", "b", "c", "d"].map(|id| entry(id, EventKind::CallStarted)).into();
    store.keep(&some).await.unwrap();
    let ids: Vec<u64> = some.iter().map(|_| next_event(&told).id).collect();
    for id in &ids[1..3] {
        database
            .run(&format!("UPDATE events SET body = '{{\"kind\":\"call.teleported\"}}' WHERE id = {id}"))
            .await;
    }
    let read = |events: Vec<StoredEvent>| events.iter().map(|stored| stored.id).collect::<Vec<_>>();
    assert_eq!(read(store.events(0, 9).await.unwrap()), [ids[0], ids[3]]);
    assert_eq!(read(store.events(ids[0], 1).await.unwrap()), [ids[3]], "a page of none would be the end");
    database.run("UPDATE events SET body = '{}'").await;
    assert!(read(store.events(0, 2).await.unwrap()).is_empty());
    // Whoever follows hears of what comes after.
    store.keep(&[entry("e", EventKind::CallStarted)]).await.unwrap();
    assert_eq!(next_event(&told).event.call.as_deref(), Some("e"));
    let again = database.open().await;
    let told = follow(&*again).await;
    again.keep(&[entry("f", EventKind::CallStarted)]).await.unwrap();
    assert_eq!(next_event(&told).event.call.as_deref(), Some("f"));
}

pub(crate) async fn answers_are_noted_once(database: Database) {
    let store = database.open().await;
    let answered = Answered { body: [7; 32], id: "call-1".into(), at: at(1) };
    assert_eq!(store.answer_of("key").await.unwrap(), None);
    assert!(store.note_answer("key", &answered).await.unwrap());
    let other = Answered { body: [8; 32], id: "call-2".into(), at: at(2) };
    assert!(!store.note_answer("key", &other).await.unwrap());
    assert_eq!(store.answer_of("key").await.unwrap(), Some(answered.clone()));
    store.forget_answer("key", "call-2").await.unwrap();
    assert_eq!(store.answer_of("key").await.unwrap(), Some(answered), "that of another request stays");
    store.forget_answer("key", "call-1").await.unwrap();
    assert_eq!(store.answer_of("key").await.unwrap(), None);
    assert!(store.note_answer("key", &other).await.unwrap(), "the key is free again");
}
