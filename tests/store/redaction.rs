use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use maskline::base::Timestamp;
use maskline::ledger::{
    Answered, CallRecord, Change, Entry, EventKind, LegRecord, Redacted, Session, SessionFilter,
    SessionStatus,
};

use crate::database::Database;
use crate::events::{follow, next};
use crate::make::{at, call, create, event, party, running, session};

pub(crate) async fn a_party_leaves_everything(database: Database) {
    let store = database.open().await;
    let mut open = session((1, 1), (Some(2), 2));
    open.reference = Some("ride of +919876500002".into());
    open.metadata =
        serde_json::json!({ "driver": "+919876500002", "note": "call 919876500002" }).as_object().cloned();
    open.callback_url = Some("http://a/?who=919876500002".into());
    let over = Session { closed_at: Some(at(1)), ..session((2, 3), (Some(3), 4)) };
    let other = session((1, 5), (Some(3), 6));
    for session in [&open, &over, &other] {
        create(&*store, session).await;
    }
    let mut record = call("a", 1);
    record.trace = [format!("it goes to {}", party(2))].into();
    record.legs.push(LegRecord {
        peer: "919876500002".into(),
        started_at: 1,
        ringing_ms: None,
        answered_ms: None,
        ended_ms: None,
        result: None,
        hung_up: None,
        status: None,
        cause: None,
        billable_ms: 0,
        media: None,
    });
    let mut going_on = running("b", 2);
    going_on.caller = Some(party(2));
    let elsewhere = maskline::ledger::CallRecord { destination: Some(party(3)), ..call("c", 3) };
    let told = event(&record, EventKind::CallEnded);
    store
        .keep(&[
            Entry::Ended(Box::new(record)),
            Entry::Running(Box::new(going_on)),
            Entry::Ended(Box::new(elsewhere.clone())),
            Entry::Event(Box::new(told)),
        ])
        .await
        .unwrap();
    let changes = follow(&*store).await;
    let redacted = store.redact(party(2), at(100)).await.unwrap();
    assert_eq!(
        redacted,
        Redacted { sessions: 2, calls: 2, events: 2 },
        "the call's, and that of the session's URL"
    );

    for rows in [
        "sessions WHERE body LIKE '%919876500002%' OR first = 919876500002 OR second = 919876500002",
        "sessions WHERE reference LIKE '%919876500002%'",
        "calls WHERE body LIKE '%919876500002%' OR body LIKE '%+9198******02%'",
        "calls WHERE caller = 919876500002 OR destination = 919876500002",
        "events WHERE body LIKE '%919876500002%' OR body LIKE '%+9198******02%'",
        "channels WHERE caller = 919876500002",
    ] {
        assert_eq!(database.count(rows).await, 0, "{rows}");
    }
    let now = store.session(open.id).await.unwrap().unwrap();
    assert_eq!((now.first.number, now.second.number), (Some(party(1)), None));
    assert_eq!((now.status(at(100)), now.free_at(), now.version), (SessionStatus::Closed, at(100), 2));
    assert_eq!(now.reference, None, "it is unique, and would not be");
    assert_eq!(store.call("c").await.unwrap(), Some(elsewhere), "others stay as they are");
    assert_eq!(store.session(other.id).await.unwrap(), Some(other));
    create(&*store, &session((1, 1), (Some(2), 2))).await;

    // What was changed just before following began may be told as well.
    let mut told = HashSet::new();
    while told.len() < 2 {
        let Change::Session(session) = next(&changes) else { continue };
        if session.first.number.is_none() || session.second.number.is_none() {
            assert!(told.insert(session.id));
        }
    }
    assert_eq!(told, HashSet::from([open.id, over.id]), "the index hears of it");
    let again = store.redact(party(9), at(100)).await.unwrap();
    assert_eq!(again, Redacted::default());
}

pub(crate) async fn a_party_may_be_erased_again_and_again(database: Database) {
    let store = database.open().await;
    for count in 1..4 {
        let mut with = session((count, count), (Some(9), 9 + count));
        with.reference = Some("ride of +919876500002".into());
        create(&*store, &with).await;
        let one = Redacted { sessions: 1, calls: 0, events: 0 };
        assert_eq!(store.redact(party(2), at(100)).await.unwrap(), one);
    }
}

pub(crate) async fn a_number_is_erased_however_it_is_written(database: Database) {
    let store = database.open().await;
    for (count, written) in (1..).zip([
        "0 98765 00002",
        "09876500002",
        "9876500002",
        "+91-9876500002",
        "00919876500002",
        "098765) 000.02",
        "+91 98765/00002",
        "98765_00002",
        "98765,00002",
    ]) {
        let mut of_party = session((10 + count, count), (None, 20 + count));
        of_party.reference = Some(format!("ride of {written}").into());
        of_party.metadata = serde_json::json!({ "note": written }).as_object().cloned();
        of_party.callback_url = Some(format!("http://a/{}", written.replace(' ', "%20")).into());
        create(&*store, &of_party).await;
        let one = Redacted { sessions: 1, calls: 0, events: 1 };
        assert_eq!(store.redact(party(2), at(100)).await.unwrap(), one, "{written}");
        let left = store.session(of_party.id).await.unwrap().unwrap();
        assert_eq!(left.reference, None, "{written}");
        assert_eq!(
            left.metadata,
            serde_json::json!({ "note": "[erased]" }).as_object().cloned(),
            "{written}"
        );
        assert!(left.callback_url.is_some_and(|url| url.ends_with("[erased]")), "{written}");
        assert_eq!(database.count("callback_lanes").await, 0, "{written}");
    }
}

/// Whoever follows a session hears of its end, and nothing of who was erased.
pub(crate) async fn a_session_that_is_closed_by_erasing_is_told(database: Database) {
    let store = database.open().await;
    store.call_back_at(Some("http://a.example/"));
    let with_party = |place| session((place, place), (Some(2), place + 10));
    let open = with_party(1);
    let closed = Session { closed_at: Some(at(1)), ..with_party(3) };
    let expired = Session { expires_at: at(100), ..with_party(4) };
    let noted = Session { reference: Some("ride of 919876500002".into()), ..session((5, 5), (Some(6), 15)) };
    for session in [&open, &closed, &expired, &noted] {
        create(&*store, session).await;
    }
    let (before, told) = (store.events(0, 9).await.unwrap().len() as u64, follow(&*store).await);
    assert_eq!(store.redact(party(2), at(100)).await.unwrap().sessions, 4);
    let events = store.events(before, 9).await.unwrap();
    let [stored] = &events[..] else { panic!("one of them was open: {events:?}") };
    let event = &stored.event;
    assert_eq!((event.kind, event.session, event.at), (EventKind::SessionClosed, Some(open.id), at(100)));
    let data = event.data.tree();
    assert_eq!((&data["status"], &data["second_party"]), (&"closed".into(), &serde_json::Value::Null));
    assert_eq!(data["first_party"], party(1).reveal());
    let heard = std::iter::repeat_with(|| next(&told)).find_map(|change| match change {
        Change::Event(stored) => Some(stored),
        _ => None,
    });
    assert_eq!(heard.as_ref(), Some(&Arc::new(stored.clone())));
    assert_eq!(database.count("events WHERE body LIKE '%919876500002%'").await, 0);
    assert_eq!(store.callbacks_waiting().await.unwrap(), 5, "four were created");

    store.redact(party(2), at(101)).await.unwrap();
    assert_eq!(store.events(before, 9).await.unwrap().len(), 1, "once");
}

/// A key may be a number, and from a digest of a request its numbers can be guessed.
pub(crate) async fn keys_tell_nothing_and_are_forgotten(database: Database) {
    let store = database.open().await;
    let answered = |id: &str, seconds| Answered { body: [7; 32], id: id.into(), at: at(seconds) };
    let week = 7 * 24 * 3600;
    assert!(store.note_answer("+919876500002", &answered("a", 0)).await.unwrap());
    let hex = |column| {
        if database.is_postgres() {
            format!("encode({column}, 'hex')")
        } else {
            format!("lower(hex({column}))")
        }
    };
    let (key, body) = (hex("key"), hex("body"));
    let plain = format!("answers WHERE {key} LIKE '%39313938373635%' OR {body} LIKE '%07070707%'");
    assert_eq!((database.count("answers").await, database.count(&plain).await), (1, 0));
    assert_eq!(database.count(&format!("answers WHERE length({key}) = 64 AND length({body}) = 64")).await, 1);
    assert_eq!(database.open().await.answer_of("+919876500002").await.unwrap(), Some(answered("a", 0)));

    assert!(store.note_answer("b", &answered("b", week)).await.unwrap());
    assert!(store.answer_of("+919876500002").await.unwrap().is_some(), "it is kept for a week");
    assert!(store.note_answer("c", &answered("c", week + 1)).await.unwrap());
    assert!(store.answer_of("+919876500002").await.unwrap().is_none());
    store.redact(party(2), at(2 * week + 1)).await.unwrap();
    assert_eq!(database.count("answers").await, 1);
    assert!(store.answer_of("c").await.unwrap().is_some());
}

/// Another version may have written it, or a hand.
pub(crate) async fn a_row_that_cannot_be_read_is_erased_as_text(database: Database) {
    let store = database.open().await;
    let of_party = session((1, 1), (Some(2), 2));
    create(&*store, &of_party).await;
    let told = event(&call("a", 1), EventKind::CallEnded);
    let entries = ["a", "b"].map(|id| Entry::Ended(Box::new(call(id, 1))));
    store.keep(&entries).await.unwrap();
    store.keep(&[Entry::Event(Box::new(told))]).await.unwrap();
    for damage in [
        "UPDATE sessions SET body = replace(body, '\"version\":', '\"versions\":')",
        "UPDATE events SET body = replace(body, '\"kind\":', '\"sort\":')",
        "UPDATE calls SET body = 'torn +919876500002' WHERE id = 'a'",
    ] {
        database.run(damage).await;
    }
    let redacted = store.redact(party(2), at(100)).await.unwrap();
    assert_eq!(redacted, Redacted { sessions: 1, calls: 2, events: 1 });
    for table in ["sessions", "calls", "events"] {
        assert_eq!(database.count(&format!("{table} WHERE body LIKE '%919876500002%'")).await, 0, "{table}");
    }
    assert_eq!(database.count("sessions WHERE second = 919876500002").await, 0);
    assert_eq!(database.count("calls WHERE destination = 919876500002").await, 0);
    assert_eq!(database.count("channels WHERE caller = 919876500002").await, 0);
    assert_eq!(database.count("calls WHERE body = 'torn [erased]'").await, 1);
    assert_eq!(database.count("sessions WHERE body LIKE '%919876500001%'").await, 1, "others stay");
    assert_eq!(store.redact(party(2), at(100)).await.unwrap(), Redacted::default());
}

/// Nor does the file, or the log beside it, while it is open.
#[tokio::test]
async fn the_file_keeps_nothing_of_a_party() {
    let database = Database::sqlite();
    let store = database.open().await;
    let holding = || {
        let log = database.path().with_extension("db-wal");
        let bytes = [database.path(), log].map(|path| std::fs::read(path).unwrap()).concat();
        let digits = bytes.windows(12).filter(|part| part == b"919876500002").count();
        // As an integer in a column or an index.
        let number = &919_876_500_002_u64.to_be_bytes()[2..];
        digits + bytes.windows(6).filter(|part| *part == number).count()
    };
    for count in 1..120 {
        let mut of_party = session((1000 + count, count), (Some(2), 1000 + count));
        let note = "x".repeat(usize::try_from(count % 7).unwrap() * 1500);
        of_party.metadata =
            serde_json::json!({ "note": note, "driver": "+919876500002" }).as_object().cloned();
        create(&*store, &of_party).await;
        let records = [count, 1000 - count].map(|id| running(&format!("{id}"), id));
        store.keep(&records.map(|record| Entry::Running(Box::new(record)))).await.unwrap();
    }
    for count in (1..120).rev() {
        let ended = call(&format!("{count}"), count);
        let told = Entry::Event(Box::new(event(&ended, EventKind::CallEnded)));
        store.keep(&[Entry::Ended(Box::new(ended)), told]).await.unwrap();
    }
    assert!(holding() > 500);
    store.redact(party(2), at(100)).await.unwrap();
    assert_eq!(holding(), 0);
    assert!(store.call("119").await.unwrap().is_some());
}

/// A node ends a call while another erases its party.
#[tokio::test]
async fn an_end_that_is_being_kept_is_not_undone() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.open().await;
    store.keep(&[Entry::Running(Box::new(running("a", 1)))]).await.unwrap();
    let ended = call("a", 1);
    let body = serde_json::to_string(&ended).unwrap();
    let keep = format!("UPDATE calls SET ended_at = 5, outcome = 'answered', body = '{body}' WHERE id = 'a'");
    let mut keeping = database.hold(&keep).await;
    let erasing = {
        let store = store.clone();
        tokio::spawn(async move { store.redact(party(2), at(100)).await })
    };
    let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while database.count(waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut keeping).await.unwrap();
    assert_eq!(erasing.await.unwrap().unwrap(), Redacted { sessions: 0, calls: 1, events: 0 });
    let kept = store.call("a").await.unwrap().unwrap();
    let trace = kept.trace.clone();
    assert_eq!(kept, CallRecord { destination: None, trace, ..ended });
}

/// A journal brings what the database had already.
pub(crate) async fn what_is_brought_again_stays_erased(database: Database) {
    let store = database.open().await;
    let (one, other) =
        (call("a", 1), maskline::ledger::CallRecord { caller: Some(party(3)), ..call("a", 1) });
    let entries: Vec<_> = [&one, &other]
        .into_iter()
        .flat_map(|record| {
            let told = [EventKind::CallStarted, EventKind::CallEnded].map(|kind| event(record, kind));
            told.map(|event| Entry::Event(Box::new(event)))
        })
        .chain([Entry::Ended(Box::new(one.clone()))])
        .collect();
    store.keep(&entries[..2]).await.unwrap();
    store.keep(&entries[4..]).await.unwrap();
    assert_eq!(store.redact(party(2), at(100)).await.unwrap(), Redacted { sessions: 0, calls: 1, events: 2 });
    let erased = store.events(0, 9).await.unwrap();
    store.keep(&entries).await.unwrap();
    assert_eq!(store.events(0, 9).await.unwrap(), erased);
    assert_eq!(database.count("calls WHERE body LIKE '%919876500002%'").await, 0);
    let digests = if database.is_postgres() { "encode(digest, 'hex')" } else { "hex(digest)" };
    assert_eq!(database.count(&format!("events WHERE length({digests}) = 32")).await, 2);
    assert_eq!(entries.len(), 5);
}

pub(crate) async fn what_is_over_for_long_is_removed(database: Database) {
    let store = database.open().await;
    let old = Session { expires_at: at(100), cooloff: 50, ..session((1, 1), (Some(2), 2)) };
    let young = Session { expires_at: at(200), ..session((3, 3), (Some(4), 4)) };
    create(&*store, &old).await;
    create(&*store, &young).await;
    let calls: Vec<_> = (0..1500).map(|count| call(&format!("old-{count}"), 100)).collect();
    let mut entries: Vec<_> = calls.iter().map(|record| Entry::Ended(Box::new(record.clone()))).collect();
    entries.push(Entry::Event(Box::new(event(&calls[0], EventKind::CallEnded))));
    // It was received before, and ended after.
    entries.push(Entry::Ended(Box::new(call("young", 145))));
    store.keep(&entries).await.unwrap();
    let edge = at(150);
    assert_eq!(
        store.prune(edge).await.unwrap(),
        1500 + 1 + 2,
        "calls, and events of one and of the sessions' creation; the session's numbers are free at that moment, not before"
    );
    let one_later = edge.after(std::time::Duration::from_millis(1));
    assert_eq!(store.prune(one_later).await.unwrap(), 1);
    assert_eq!(store.prune(one_later).await.unwrap(), 0);
    let left = store.sessions(&SessionFilter::default(), &crate::make::page(9)).await.unwrap();
    assert_eq!(left, [young]);
    assert!(store.call("young").await.unwrap().is_some());
    assert_eq!(store.events(0, 9).await.unwrap(), []);
    assert_eq!(database.count("channels").await, 2);
}

/// More channels than are looked at together, every third of them free.
pub(crate) async fn channels_that_are_free_for_long_are_removed(database: Database) {
    let store = database.open().await;
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)";
    let free_at = "CASE WHEN n % 3 = 0 THEN 1000 ELSE 3000 END";
    let session = if database.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
    let channels = format!("SELECT n / 7, n, {session}, {free_at} FROM n");
    let columns = "channels (dialled, caller, session, free_at)";
    let insert = match database.is_postgres() {
        true => format!("{numbers} INSERT INTO {columns} {channels}"),
        false => format!("INSERT INTO {columns} {numbers} {channels}"),
    };
    database.run(&insert).await;
    for (before, left) in [(1000, 3000), (1001, 2000), (3001, 0)] {
        store.prune(Timestamp::from_millis(before)).await.unwrap();
        assert_eq!(database.count("channels").await, left);
    }
}
