use std::collections::HashSet;

use maskline::base::PhoneNumber;
use maskline::ledger::{
    Changed, Created, EventKind, Loaded, NewSession, Page, Session, SessionFilter, SessionStatus,
};

use crate::database::Database;
use crate::events::{follow, next_event};
use crate::make::{at, change, create, mask, new, number, of_session, page, party, session};

pub(crate) async fn a_session_is_kept_whole(database: Database) {
    let store = database.open().await;
    let mut wanted = session((1, 1), (Some(2), 2));
    wanted.reference = Some("order-7".into());
    wanted.metadata =
        serde_json::json!({ "ride": { "id": 7, "é": [1.5, null, "\u{0}"] } }).as_object().cloned();
    wanted.callback_url = Some("https://example.com/calls".into());
    create(&*store, &wanted).await;
    assert_eq!(store.session(wanted.id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.session_of("order-7").await.unwrap(), Some(wanted));
    assert_eq!(store.session_of("order-8").await.unwrap(), None);
    assert_eq!(store.session(session((1, 1), (None, 2)).id).await.unwrap(), None);
}

pub(crate) async fn a_request_that_comes_twice_makes_one(database: Database) {
    let store = database.open().await;
    let key = |body: u8| Some((Box::from("key-1"), [body; 32]));
    let first = session((1, 1), (Some(2), 2));
    let made = store.create_session(NewSession { key: key(1), ..new(&first) }).await.unwrap();
    assert_eq!(made, Created::New);
    let again = NewSession { key: key(1), ..new(&session((1, 1), (Some(2), 2))) };
    assert_eq!(store.create_session(again).await.unwrap(), Created::Repeat(Box::new(first.clone())));
    let other = NewSession { key: key(2), ..new(&session((3, 3), (Some(4), 4))) };
    assert_eq!(store.create_session(other).await.unwrap(), Created::KeyReused);
    let same = store.create_session(new(&first)).await.unwrap();
    assert_eq!(
        same,
        Created::Repeat(Box::new(first)),
        "an answer was lost, and the same session comes again"
    );
    assert_eq!(store.sessions(&SessionFilter::default(), &page(10)).await.unwrap().len(), 1);
}

pub(crate) async fn a_reference_is_unique(database: Database) {
    let store = database.open().await;
    let mut first = session((1, 1), (Some(2), 2));
    first.reference = Some("order-7".into());
    create(&*store, &first).await;
    let mut second = session((3, 3), (Some(4), 4));
    second.reference = Some("order-7".into());
    let taken = store.create_session(new(&second)).await.unwrap();
    assert_eq!(taken, Created::ReferenceTaken(Box::new(first)));
    second.reference = None;
    create(&*store, &second).await;
}

pub(crate) async fn a_channel_has_one_session_at_a_time(database: Database) {
    let store = database.open().await;
    let first = session((1, 1), (Some(2), 2));
    create(&*store, &first).await;
    let taken = store.create_session(new(&session((1, 1), (Some(3), 3)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(1), Some(party(1))));
    let taken = store.create_session(new(&session((4, 4), (Some(2), 2)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(2), Some(party(2))));
    create(&*store, &session((2, 1), (Some(1), 2))).await;
    create(&*store, &session((5, 5), (None, 6))).await;
    let taken = store.create_session(new(&session((7, 5), (None, 6)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(6), None), "one open half-known session for a number");
    let next = session((1, 1), (Some(3), 3));
    for (now, wanted) in
        [(first.free_at().before(std::time::Duration::from_millis(1)), false), (first.free_at(), true)]
    {
        let made = store.create_session(NewSession { now, ..new(&next) }).await.unwrap();
        assert_eq!(made == Created::New, wanted, "the cool-off ends at its moment: {made:?}");
    }
    assert_eq!(store.session(first.id).await.unwrap(), Some(first), "the old one stays on record");
}

pub(crate) async fn a_conflict_leaves_nothing_behind(database: Database) {
    let store = database.open().await;
    create(&*store, &session((1, 1), (Some(2), 2))).await;
    let mut refused = session((3, 3), (Some(2), 2));
    refused.reference = Some("order-9".into());
    let key = Some((Box::from("key-9"), [9; 32]));
    let taken = store.create_session(NewSession { key, ..new(&refused) }).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(2), Some(party(2))));
    assert_eq!(store.session(refused.id).await.unwrap(), None);
    assert_eq!(store.session_of("order-9").await.unwrap(), None);
    assert_eq!(store.answer_of("key-9").await.unwrap(), None);
    create(&*store, &session((3, 3), (Some(9), 9))).await;
}

pub(crate) async fn a_change_is_made_to_what_was_read(database: Database) {
    let store = database.open().await;
    let old = session((1, 1), (Some(2), 2));
    assert_eq!(change(&*store, &old, at(0)).await, Changed::Stale, "there is none");
    create(&*store, &old).await;
    let new = Session { expires_at: at(7200), version: 2, ..old.clone() };
    assert_eq!(change(&*store, &new, at(0)).await, Changed::Done);
    assert_eq!(change(&*store, &new, at(0)).await, Changed::Stale, "another came first");
    let skipping = Session { version: 4, ..old.clone() };
    assert_eq!(change(&*store, &skipping, at(0)).await, Changed::Stale);
    assert_eq!(store.session(old.id).await.unwrap(), Some(new));
}

pub(crate) async fn a_change_moves_the_channels(database: Database) {
    let store = database.open().await;
    let old = session((1, 1), (Some(2), 2));
    let other = session((3, 3), (Some(4), 4));
    create(&*store, &old).await;
    create(&*store, &other).await;
    let mut onto = Session { version: 2, ..old.clone() };
    onto.second.number = Some(party(4));
    onto.second.dials = mask(4);
    let taken = change(&*store, &onto, at(0)).await;
    assert_eq!(taken, Changed::ChannelTaken(mask(4), Some(party(4))));
    assert_eq!(store.session(old.id).await.unwrap(), Some(old.clone()), "nothing was changed");
    let mut moved = Session { version: 2, ..old.clone() };
    moved.second.number = Some(party(5));
    assert_eq!(change(&*store, &moved, at(0)).await, Changed::Done);
    create(&*store, &session((6, 6), (Some(2), 2))).await;
    let taken = store.create_session(new(&session((7, 7), (Some(5), 2)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(2), Some(party(5))));
    let taken = store.create_session(new(&session((1, 1), (Some(8), 8)))).await.unwrap();
    assert_eq!(taken, Created::ChannelTaken(mask(1), Some(party(1))), "the other side is as it was");
}

pub(crate) async fn what_a_change_gives_up_rests(database: Database) {
    let store = database.open().await;
    let mut old = session((1, 1), (Some(2), 2));
    old.expires_at = at(100);
    create(&*store, &old).await;
    let mut moved = Session { version: 2, cooloff: 600, ..old.clone() };
    (moved.second.number, moved.first.dials) = (Some(party(5)), mask(7));
    moved.rest(&old, at(10));
    moved.cooloff = 0;
    assert_eq!(change(&*store, &moved, at(10)).await, Changed::Done);
    assert_eq!(store.session(old.id).await.unwrap(), Some(moved.clone()));
    let closed = Session { closed_at: Some(at(20)), version: 3, ..moved.clone() };
    assert_eq!(
        change(&*store, &closed, at(20)).await,
        Changed::Done,
        "what rests does not end with the session"
    );
    let again = |first, second, now| NewSession { now, ..new(&session(first, second)) };
    let first = store.create_session(again((1, 1), (Some(8), 8), at(609))).await.unwrap();
    assert_eq!(first, Created::ChannelTaken(mask(1), Some(party(1))));
    let second = store.create_session(again((8, 8), (Some(2), 2), at(609))).await.unwrap();
    assert_eq!(second, Created::ChannelTaken(mask(2), Some(party(2))));
    let mut loaded = Vec::new();
    let mut take = |row| match row {
        Loaded::Session(session) => loaded.push(*session),
        Loaded::Number(_) => {}
    };
    store.load(at(609), &mut take).await.unwrap();
    assert_eq!(loaded, [closed], "whoever starts knows what rests");
    store.prune(at(609)).await.unwrap();
    assert!(store.session(old.id).await.unwrap().is_some());
    let first = store.create_session(again((1, 1), (Some(2), 2), at(610))).await.unwrap();
    assert_eq!(first, Created::New);
}

/// An erased party stands nowhere, also where it was a party before, and what it dialled is anyone's.
pub(crate) async fn a_former_party_is_erased_too(database: Database) {
    let store = database.open().await;
    let old = session((1, 1), (Some(2), 2));
    create(&*store, &old).await;
    let mut moved = Session { version: 2, ..old.clone() };
    moved.second.number = Some(party(5));
    moved.rest(&old, at(10));
    assert_eq!(change(&*store, &moved, at(10)).await, Changed::Done);
    assert_eq!(store.redact(party(2), at(20)).await.unwrap().sessions, 1);
    let now = store.session(old.id).await.unwrap().unwrap();
    assert_eq!((now.former.len(), now.closed_at, now.second.number), (0, None, Some(party(5))));
    assert_eq!(database.count("channels").await, 2);
    create(&*store, &session((8, 8), (Some(2), 2))).await;
}

pub(crate) async fn a_session_over_lets_go_and_may_come_back(database: Database) {
    let store = database.open().await;
    let open = session((1, 1), (Some(2), 2));
    create(&*store, &open).await;
    let closed = Session { closed_at: Some(at(10)), cooloff: 0, version: 2, ..open.clone() };
    assert_eq!(change(&*store, &closed, at(10)).await, Changed::Done);
    let back = Session { closed_at: None, version: 3, ..closed.clone() };
    assert_eq!(change(&*store, &back, at(20)).await, Changed::Done, "nobody else has them yet");
    let closed = Session { closed_at: Some(at(30)), version: 4, ..back };
    assert_eq!(change(&*store, &closed, at(30)).await, Changed::Done);
    let next = NewSession { now: at(30), ..new(&session((1, 1), (Some(3), 3))) };
    assert_eq!(store.create_session(next).await.unwrap(), Created::New);
    let back = Session { closed_at: None, version: 5, ..closed.clone() };
    let taken = change(&*store, &back, at(40)).await;
    assert_eq!(taken, Changed::ChannelTaken(mask(1), Some(party(1))));
    let noted = Session { callback_url: Some("http://a/".into()), version: 5, ..closed };
    assert_eq!(change(&*store, &noted, at(40)).await, Changed::Done, "it takes no channel");
}

/// Whoever has the session has its event and its callback, and nothing tells of what is not there.
pub(crate) async fn a_session_and_its_event_are_kept_together(database: Database) {
    let store = database.open().await;
    store.call_back_at(Some("http://all.example/"));
    let told = follow(&*store).await;
    let made = Session { callback_url: Some("http://own.example/".into()), ..session((1, 1), (Some(2), 2)) };
    create(&*store, &made).await;
    let again = store.create_session(new(&made)).await.unwrap();
    assert_eq!(again, Created::Repeat(Box::new(made.clone())));
    let taken = store.create_session(new(&session((1, 1), (Some(3), 3)))).await.unwrap();
    assert!(matches!(taken, Created::ChannelTaken(..)));
    let changed = Session { expires_at: at(7200), version: 2, ..made.clone() };
    assert_eq!(change(&*store, &changed, at(0)).await, Changed::Done);
    assert_eq!(change(&*store, &changed, at(0)).await, Changed::Stale);
    let events = store.events(0, 9).await.unwrap();
    let kept: Vec<_> = events.iter().map(|stored| stored.event.clone()).collect();
    let wanted =
        [of_session(&made, EventKind::SessionCreated), of_session(&changed, EventKind::SessionChanged)];
    assert_eq!(kept, wanted);
    assert_eq!(store.callbacks_waiting().await.unwrap(), 4, "at its own URL, and where all are told");
    for event in &events {
        assert_eq!(*next_event(&told), *event);
    }
}

pub(crate) async fn the_last_numbers_of_a_pair_are_found(database: Database) {
    let store = database.open().await;
    assert_eq!(store.last_numbers(party(1), party(2)).await.unwrap(), None);
    create(&*store, &session((1, 1), (Some(2), 2))).await;
    create(&*store, &session((1, 3), (Some(2), 4))).await;
    create(&*store, &session((1, 5), (Some(9), 6))).await;
    assert_eq!(store.last_numbers(party(1), party(2)).await.unwrap(), Some([mask(3), mask(4)]));
    assert_eq!(store.last_numbers(party(2), party(1)).await.unwrap(), Some([mask(4), mask(3)]));
}

pub(crate) async fn filters_tell_sessions_apart(database: Database) {
    let store = database.open().await;
    let active = session((1, 1), (Some(2), 2));
    let expired = Session { expires_at: at(1), ..session((2, 3), (Some(3), 4)) };
    let ahead = Session { starts_at: at(500), ..session((4, 1), (Some(5), 3)) };
    let closed = Session { closed_at: Some(at(5)), pool: None, ..session((1, 5), (None, 6)) };
    for session in [&active, &expired, &ahead, &closed] {
        create(&*store, session).await;
    }
    let found = async |filter: SessionFilter| {
        let sessions = store.sessions(&filter, &page(10)).await.unwrap();
        sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    let all = [closed.id, ahead.id, expired.id, active.id];
    assert_eq!(found(SessionFilter::default()).await, all, "the youngest first");
    let by =
        |party_number: u64| SessionFilter { party: Some(party(party_number)), ..SessionFilter::default() };
    assert_eq!(found(by(2)).await, [expired.id, active.id]);
    let on = |digits: u64| SessionFilter { number: Some(mask(digits)), ..SessionFilter::default() };
    assert_eq!(found(on(3)).await, [ahead.id, expired.id]);
    let pool =
        SessionFilter { pool: Some("delivery".into()), party: Some(party(1)), ..SessionFilter::default() };
    assert_eq!(found(pool).await, [active.id]);
    for (status, wanted) in [
        (SessionStatus::Active, active.id),
        (SessionStatus::Expired, expired.id),
        (SessionStatus::NotStarted, ahead.id),
        (SessionStatus::Closed, closed.id),
    ] {
        let filter = SessionFilter { status: Some((status, at(10))), ..SessionFilter::default() };
        assert_eq!(found(filter).await, [wanted], "{status:?}");
    }
}

pub(crate) async fn pages_of_sessions_stay_as_they_are(database: Database) {
    let store = database.open().await;
    let mut wanted = Vec::new();
    for count in 0..7 {
        // Some of one millisecond: the id tells them apart.
        let session = Session { created_at: at(count / 3), ..session((count, count), (None, 100 + count)) };
        create(&*store, &session).await;
        wanted.push((session.created_at, session.id));
    }
    wanted.sort_unstable();
    wanted.reverse();
    let mut seen: Vec<_> = Vec::new();
    let mut after = None;
    loop {
        let page = Page { after, limit: 2 };
        let part = store.sessions(&SessionFilter::default(), &page).await.unwrap();
        let Some(last) = part.last() else { break };
        after = Some((last.created_at, last.id.to_string().into()));
        seen.extend(part.iter().map(|session| (session.created_at, session.id)));
        let count = 20 + seen.len() as u64;
        create(&*store, &Session { created_at: at(9), ..session((count, count), (None, 100 + count)) }).await;
    }
    assert_eq!(seen, wanted);
}

pub(crate) async fn the_index_loads_what_is_not_free(database: Database) {
    let store = database.open().await;
    let active = session((1, 1), (Some(2), 2));
    let cooling = Session { closed_at: Some(at(1)), ..session((3, 3), (None, 4)) };
    let free = Session { expires_at: at(1), cooloff: 0, ..session((5, 5), (None, 6)) };
    let forever = Session { expires_at: maskline::base::Timestamp::MAX, ..session((7, 7), (None, 8)) };
    for session in [&active, &cooling, &free, &forever] {
        create(&*store, session).await;
    }
    store.put_number(&number(1, "delivery")).await.unwrap();
    let mut loaded = HashSet::new();
    let mut numbers = Vec::new();
    let mut take = |row| match row {
        Loaded::Session(session) => assert!(loaded.insert(session.id), "once"),
        Loaded::Number(number) => numbers.push(number.number),
    };
    store.load(at(1), &mut take).await.unwrap();
    assert_eq!(loaded, HashSet::from([active.id, cooling.id, forever.id]));
    assert_eq!(numbers, [mask(1)]);
}

/// A hundred creations for one party out of one pool, through two nodes: as Sessions does it, each tries numbers until
/// one is free.
pub(crate) async fn a_hundred_at_once_get_no_channel_twice(database: Database) {
    let nodes = [database.open().await, database.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for count in 0..100_u64 {
        let store = nodes[usize::from(count % 2 == 1)].clone();
        tasks.spawn(async move {
            for tried in 0..60 {
                let wanted = session((1, tried), (Some(1000 + count), 60 + tried));
                match store.create_session(new(&wanted)).await.unwrap() {
                    Created::New => return Some(wanted.first.dials),
                    Created::ChannelTaken(dialled, caller) => {
                        assert_eq!((dialled, caller), (mask(tried), Some(party(1))));
                    }
                    other => panic!("{other:?}"),
                }
            }
            None
        });
    }
    let got: Vec<PhoneNumber> = tasks.join_all().await.into_iter().flatten().collect();
    let different: HashSet<_> = got.iter().collect();
    assert_eq!((got.len(), different.len()), (60, 60), "each number once, and forty got none");
    assert_eq!(database.count("sessions").await, 60);
    assert_eq!(database.count("channels").await, 120);
}
