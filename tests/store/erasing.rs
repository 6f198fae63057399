//! Erasing a party from what stands beside the database: the records file, the journal, what was refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use maskline::ledger::{CallRecord, Entry, EraseFault, Eraser, EventKind, Redacted};
use maskline::store::Keeper;

use crate::database::Database;
use crate::keeper::{ended, eventually, ids, records, stored};
use crate::make::{at, call, event, party, running};

const DIGITS: &str = "919876500002";

/// Files beside the database that have the party's digits.
fn holding(database: &Database) -> Vec<String> {
    let folder = records(database).with_file_name("records.jsonl.journal");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.chain([records(database)]).filter(|path| path.exists());
    let holding = files.filter(|path| fs::read_to_string(path).unwrap().contains(DIGITS));
    holding.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn other(id: &str) -> CallRecord {
    CallRecord { destination: Some(party(3)), ..call(id, 4) }
}

#[tokio::test]
async fn a_party_leaves_the_files_and_does_not_come_back() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    for record in [call("1", 1), other("2"), call("3", 3)] {
        keeper.writer().write(ended(&record));
        keeper.writer().write(Entry::Event(Box::new(event(&record, EventKind::CallEnded))));
    }
    keeper.writer().write(Entry::Running(Box::new(CallRecord { destination: None, ..running("4", 4) })));
    eventually("it is filed", || {
        fs::read_to_string(records(&database)).is_ok_and(|text| text.contains("\"3\""))
    });
    assert_eq!(holding(&database).len(), 2);
    let before = fs::read_to_string(records(&database)).unwrap();
    let eraser = keeper.eraser();
    let redacted = eraser.erase(party(2), at(100)).await.unwrap();
    assert_eq!(redacted, Redacted { sessions: 0, calls: 2, events: 2 });
    assert_eq!(holding(&database), [""; 0]);
    let after = fs::read_to_string(records(&database)).unwrap();
    assert_eq!(after.lines().nth(1), before.lines().nth(1), "others stay as they are");
    assert_eq!(fs::metadata(records(&database)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(eraser.erase(party(2), at(100)).await.unwrap(), Redacted::default());

    keeper.writer().write(ended(&other("5")));
    keeper.close().unwrap();
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    keeper.close().unwrap();
    assert_eq!(ids(&records(&database)), ["1", "2", "3", "5", "4"], "the fourth was cut short");
    assert_eq!(stored(&*store).await, ["1", "3", "2", "4", "5"]);
    assert_eq!(holding(&database), [""; 0]);
    assert_eq!(database.count("calls WHERE body LIKE '%919876500002%'").await, 0);
    assert_eq!(database.count("events WHERE body LIKE '%919876500002%'").await, 0);
    assert_eq!(database.count("events").await, 3);
}

#[tokio::test]
async fn nothing_is_erased_before_the_database_has_all() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is kept", || keeper.written() == 1 && keeper.backlog() == 0);
    database.run("ALTER TABLE probe RENAME TO nowhere").await;
    let fault = keeper.eraser().erase(party(2), at(100)).await.unwrap_err();
    assert!(matches!(fault, EraseFault::Store(_)), "{fault}");
    database.run("ALTER TABLE nowhere RENAME TO probe").await;

    database.run("ALTER TABLE events RENAME TO elsewhere").await;
    keeper.writer().write(Entry::Event(Box::new(event(&call("1", 1), EventKind::CallEnded))));
    let fault = keeper.eraser().erase(party(2), at(100)).await.unwrap_err();
    assert!(matches!(fault, EraseFault::Behind(1)), "{fault}");
    assert_eq!(database.count("calls WHERE body LIKE '%919876500002%'").await, 1);
    assert!(holding(&database).contains(&"records.jsonl".to_owned()));
    database.run("ALTER TABLE elsewhere RENAME TO events").await;
    let redacted = keeper.eraser().erase(party(2), at(100)).await.unwrap();
    assert_eq!(redacted, Redacted { sessions: 0, calls: 1, events: 1 });
    assert_eq!(holding(&database), [""; 0]);
    keeper.close().unwrap();
}

#[tokio::test]
async fn what_was_refused_is_erased_too() {
    let database = Database::sqlite();
    let store = database.open().await;
    database.run("CREATE UNIQUE INDEX cannot ON calls (received_at)").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    for record in [call("1", 1), call("2", 1), CallRecord { destination: None, ..call("3", 1) }] {
        keeper.writer().write(ended(&record));
    }
    let refused = records(&database).with_file_name("records.jsonl.journal").join("refused.json");
    eventually("two are refused", || {
        fs::read_to_string(&refused).is_ok_and(|text| text.lines().count() == 2)
    });
    assert!(holding(&database).contains(&"refused.json".to_owned()));
    keeper.eraser().erase(party(2), at(100)).await.unwrap();
    assert_eq!(holding(&database), [""; 0]);
    keeper.writer().write(ended(&CallRecord { destination: None, ..call("4", 1) }));
    keeper.close().unwrap();
    let refused = fs::read_to_string(&refused).unwrap();
    let ids = refused.lines().map(|line| match serde_json::from_str(line).unwrap() {
        Entry::Ended(record) => record.id.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["2", "3", "4"]);
}

#[tokio::test]
async fn lines_that_are_not_ours_and_files_that_are_moved() {
    let database = Database::sqlite();
    fs::write(records(&database), format!("{{\"id\":\"old\",\"to\":\"+{DIGITS}\"}}\n{{\"id\":\"{DIGITS}"))
        .unwrap();
    fs::write(records(&database).with_extension("jsonl.erasing"), "what a killed process has left").unwrap();
    let keeper = Keeper::start(&records(&database), database.open().await).unwrap();
    assert!(!records(&database).with_extension("jsonl.erasing").exists());
    keeper.eraser().erase(party(2), at(100)).await.unwrap();
    let text = fs::read_to_string(records(&database)).unwrap();
    assert_eq!(text, "{\"id\":\"old\",\"to\":\"[erased]\"}\n{\"id\":\"[erased]\n");

    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is filed", || fs::read_to_string(records(&database)).unwrap().lines().count() == 3);
    // logrotate has moved it and made another, and has not told yet.
    let moved = records(&database).with_extension("moved");
    fs::rename(records(&database), &moved).unwrap();
    fs::write(records(&database), "").unwrap();
    let fault = keeper.eraser().erase(party(2), at(100)).await.unwrap_err();
    assert!(matches!(fault, EraseFault::Files(_)), "{fault}");
    keeper.reopen();
    keeper.writer().write(ended(&call("2", 2)));
    keeper.eraser().erase(party(2), at(100)).await.unwrap();
    keeper.close().unwrap();
    assert!(fs::read_to_string(&moved).unwrap().contains(DIGITS), "what was moved is the operator's");
    assert_eq!(ids(&records(&database)), ["2"]);
    assert_eq!(holding(&database), [""; 0]);
}
