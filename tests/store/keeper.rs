//! What calls leave behind on its way: the journal, the records file, the database.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use maskline::ledger::{CallFilter, CallRecord, Entry, EventKind, HungUp, Outcome, Store};
use maskline::store::{Keeper, KeeperFault};

use crate::database::Database;
use crate::make::{at, call, event, page, running};

pub(crate) fn ended(record: &CallRecord) -> Entry {
    Entry::Ended(Box::new(record.clone()))
}

pub(crate) fn records(database: &Database) -> PathBuf {
    database.path().with_file_name("records.jsonl")
}

/// The journal's files, those that other processes would find.
pub(crate) fn journal(database: &Database) -> Vec<PathBuf> {
    let folder = database.path().with_file_name("records.jsonl.journal");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    found.sort_unstable();
    found
}

pub(crate) fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<CallRecord>(line).unwrap().id.into()).collect()
}

#[expect(clippy::disallowed_methods, reason = "the keeper's threads are waited for")]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(5));
    }
}

pub(crate) async fn stored(store: &dyn Store) -> Vec<String> {
    let calls = store.calls(&CallFilter::default(), &page(100_000)).await.unwrap();
    calls.iter().rev().map(|call| call.id.to_string()).collect()
}

#[tokio::test]
async fn every_record_is_a_line_of_a_private_file_and_a_row() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let writer = keeper.writer();
    let wanted: Vec<_> = (0..3000).map(|count| format!("call-{count:04}")).collect();
    for id in &wanted {
        writer.write(Entry::Running(Box::new(running(id, 1))));
        writer.write(ended(&call(id, 1)));
        writer.write(Entry::Event(Box::new(event(&call(id, 1), EventKind::CallEnded))));
    }
    keeper.close().unwrap();
    assert_eq!(ids(&records(&database)), wanted);
    assert_eq!(stored(&*store).await, wanted);
    assert_eq!(store.events(0, 10_000).await.unwrap().len(), 3000);
    let text = fs::read_to_string(records(&database)).unwrap();
    assert!(text.contains("+919876500001"), "numbers are whole");
    let left = journal(&database);
    assert!(left.iter().all(|path| fs::metadata(path).unwrap().len() == 0), "nothing is left in the journal");
    for path in left.iter().chain([&records(&database)]) {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_moved_file_is_left_behind_on_reopening() {
    let database = Database::sqlite();
    let keeper = Keeper::start(&records(&database), database.open().await).unwrap();
    let moved = records(&database).with_extension("old");
    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is filed", || fs::metadata(records(&database)).unwrap().len() > 0);
    fs::rename(records(&database), &moved).unwrap();
    keeper.reopen();
    keeper.writer().write(ended(&call("2", 1)));
    keeper.close().unwrap();
    assert_eq!(ids(&moved), ["1"]);
    assert_eq!(ids(&records(&database)), ["2"]);
}

#[tokio::test]
async fn a_folder_that_is_missing_or_another_s_is_named() {
    let database = Database::sqlite();
    let store = database.open().await;
    let fault = Keeper::start(Path::new("/no/such/folder/records.jsonl"), Arc::clone(&store)).unwrap_err();
    assert!(fault.to_string().contains("create /no/such/folder"), "{fault}");
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let fault = Keeper::start(&records(&database), store).unwrap_err();
    assert!(matches!(fault, KeeperFault::Locked(_)), "{fault}");
    keeper.close().unwrap();
}

#[tokio::test]
async fn what_the_database_does_not_take_waits_in_the_journal() {
    let database = Database::sqlite();
    let store = database.open().await;
    database.run("ALTER TABLE calls RENAME TO elsewhere").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is journaled", || keeper.written() == 1);
    assert_eq!(keeper.backlog(), 1);
    eventually("it is filed", || ids(&records(&database)) == ["1"]);
    database.run("ALTER TABLE elsewhere RENAME TO calls").await;
    eventually("the database takes it", || keeper.backlog() == 0);
    assert_eq!(stored(&*store).await, ["1"]);

    database.run("ALTER TABLE calls RENAME TO elsewhere").await;
    keeper.writer().write(ended(&call("2", 2)));
    keeper.close().unwrap();
    database.run("ALTER TABLE elsewhere RENAME TO calls").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    assert_eq!(keeper.written(), 1, "only what the database lacks");
    eventually("the next start brings it", || keeper.backlog() == 0);
    keeper.close().unwrap();
    assert_eq!(stored(&*store).await, ["1", "2"]);
    assert_eq!(ids(&records(&database)), ["1", "2"]);
}

#[tokio::test]
async fn an_entry_that_the_database_cannot_hold_holds_up_no_other() {
    let database = Database::sqlite();
    let store = database.open().await;
    database.run("CREATE UNIQUE INDEX cannot ON calls (received_at)").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    for record in [call("1", 1), call("2", 1), call("3", 3)] {
        keeper.writer().write(ended(&record));
    }
    keeper.close().unwrap();
    assert_eq!(stored(&*store).await, ["1", "3"]);
    let refused = records(&database).with_file_name("records.jsonl.journal").join("refused.json");
    let refused: Entry = serde_json::from_str(&fs::read_to_string(refused).unwrap()).unwrap();
    assert!(matches!(refused, Entry::Ended(record) if &*record.id == "2"));
    assert_eq!(ids(&records(&database)), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_call_that_nobody_ended_is_ended_at_the_next_start() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let mut ringing = running("b", 2);
    ringing.answered_ms = None;
    keeper.writer().write(Entry::Running(Box::new(running("a", 1))));
    keeper.writer().write(Entry::Running(Box::new(ringing)));
    // It ends ten seconds after the third began: the process was alive then.
    keeper.writer().write(ended(&call("c", 3)));
    keeper.close().unwrap();
    assert_eq!(ids(&records(&database)), ["c"]);
    // As a killed process leaves it: without what tells when it was closed.
    let path = journal(&database).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("{\"mark\""));
    fs::write(&path, lines.collect::<String>()).unwrap();

    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let [a, b] = keeper.crashed() else { panic!("{:?}", keeper.crashed()) };
    assert_eq!(
        (a.outcome, a.hung_up, a.ended_ms, a.billable_ms),
        (Outcome::Answered, Some(HungUp::Crash), 12_000, 9000)
    );
    assert_eq!(
        (b.outcome, b.hung_up, b.ended_ms, b.billable_ms),
        (Outcome::Cancelled, Some(HungUp::Crash), 11_000, 0)
    );
    let (a, b) = (a.clone(), b.clone());
    keeper.close().unwrap();
    assert_eq!((store.call("a").await.unwrap(), store.call("b").await.unwrap()), (Some(a), Some(b)));
    assert_eq!(ids(&records(&database)), ["c", "a", "b"]);
    let keeper = Keeper::start(&records(&database), store).unwrap();
    assert!(keeper.crashed().is_empty() && keeper.written() == 0);
    keeper.close().unwrap();
    assert_eq!(ids(&records(&database)).len(), 3);
}

#[tokio::test]
async fn the_journal_goes_on_in_other_files_and_keeps_the_calls_that_go_on() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let first = journal(&database);
    keeper.writer().write(Entry::Running(Box::new(running("long", 1))));
    let padded =
        |count: u32| CallRecord { trace: ["step".repeat(500)].into(), ..call(&format!("call-{count}"), 2) };
    for count in 0..6000 {
        keeper.writer().write(ended(&padded(count)));
    }
    eventually("the first file is not needed any more", || !first[0].exists());
    eventually("all are written, each counted once", || keeper.written() >= 6001);
    assert_eq!(keeper.written(), 6001);
    keeper.close().unwrap();
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    assert_eq!(keeper.crashed().iter().map(|call| &*call.id).collect::<Vec<_>>(), ["long"]);
    keeper.close().unwrap();
    assert_eq!((stored(&*store).await.len(), ids(&records(&database)).len()), (6001, 6001));
}

/// A killed process leaves a journal: these calls, after a mark where there is one.
fn leave(database: &Database, mark: Option<u64>, calls: &[CallRecord], torn: &str) {
    let folder = database.path().with_file_name("records.jsonl.journal");
    fs::create_dir(&folder).unwrap();
    let mut text = String::new();
    if let Some(inode) = mark {
        let kept = serde_json::json!({ "segment": 1, "offset": 0 });
        let mark =
            serde_json::json!({ "mark": { "at": at(0), "kept": kept, "filed": kept, "inode": inode } });
        text.push_str(&format!("{mark}\n"));
    }
    for call in calls {
        text.push_str(&format!("{}\n", serde_json::json!({ "entry": ended(call) })));
    }
    text.push_str(torn);
    fs::write(folder.join("000000000001.jsonl"), text).unwrap();
}

fn lines(calls: &[CallRecord]) -> String {
    calls.iter().map(|call| serde_json::to_string(call).unwrap() + "\n").collect()
}

#[tokio::test]
async fn a_line_that_was_cut_short_is_written_whole() {
    let database = Database::sqlite();
    let calls = [call("1", 1), call("2", 2), call("3", 3)];
    leave(&database, None, &calls, "{\"entry\":{\"ended\":{\"id\":\"4");
    let whole = lines(&calls[..2]);
    fs::write(records(&database), &whole[..whole.len() - 20]).unwrap();
    let store = database.open().await;
    Keeper::start(&records(&database), Arc::clone(&store)).unwrap().close().unwrap();
    assert_eq!(ids(&records(&database)), ["1", "2", "3"]);
    assert_eq!(stored(&*store).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_torn_line_that_is_not_ours_is_ended() {
    let database = Database::sqlite();
    fs::write(records(&database), "{\"id\":\"old\"}\n{\"id\":\"to").unwrap();
    let keeper = Keeper::start(&records(&database), database.open().await).unwrap();
    keeper.writer().write(ended(&call("new", 1)));
    keeper.close().unwrap();
    let text = fs::read_to_string(records(&database)).unwrap();
    assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("{\"id\":\"new\"")), "{text}");
}

#[tokio::test]
async fn what_went_into_a_file_that_was_moved_is_not_filed_again() {
    let database = Database::sqlite();
    let calls = [call("1", 1), call("2", 2)];
    let moved = records(&database).with_extension("moved");
    fs::write(&moved, lines(&calls[..1])).unwrap();
    leave(&database, Some(fs::metadata(&moved).unwrap().ino()), &calls, "");
    let store = database.open().await;
    Keeper::start(&records(&database), Arc::clone(&store)).unwrap().close().unwrap();
    assert_eq!(ids(&records(&database)), ["2"]);
    assert_eq!(stored(&*store).await, ["1", "2"]);
}

#[tokio::test]
async fn what_a_long_backlog_lacks_is_counted() {
    let database = Database::sqlite();
    let store = database.open().await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    for count in 0..2345 {
        keeper.writer().write(ended(&call(&format!("kept-{count}"), 1)));
    }
    // So that the journal's files stay.
    keeper.writer().write(Entry::Running(Box::new(running("long", 1))));
    eventually("the database takes them", || keeper.written() == 2346 && keeper.backlog() == 0);
    database.run("ALTER TABLE calls RENAME TO elsewhere").await;
    for count in 0..1700 {
        keeper.writer().write(ended(&call(&format!("left-{count}"), 2)));
    }
    keeper.close().unwrap();
    database.run("ALTER TABLE elsewhere RENAME TO calls").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    assert_eq!(keeper.written(), 1700 + 1, "and the end of the one that was cut short");
    eventually("the database takes the rest", || keeper.backlog() == 0);
    keeper.close().unwrap();
    assert_eq!((stored(&*store).await.len(), ids(&records(&database)).len()), (4046, 4046));
}

#[tokio::test]
async fn an_entry_is_refused_once_however_often_it_is_tried() {
    let database = Database::sqlite();
    let store = database.open().await;
    // The first cannot be held, and while the table of sessions is away no batch with a session can be kept.
    database.run("CREATE UNIQUE INDEX cannot ON calls (received_at)").await;
    store.keep(&[ended(&call("1", 1))]).await.unwrap();
    database.run("ALTER TABLE events RENAME TO elsewhere").await;
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    let event = Entry::Event(Box::new(event(&call("3", 3), EventKind::CallEnded)));
    keeper.writer().write(ended(&call("2", 1)));
    keeper.writer().write(event);
    let refused = records(&database).with_file_name("records.jsonl.journal").join("refused.json");
    let lines = || fs::read_to_string(&refused).map_or(0, |text| text.lines().count());
    eventually("it is refused", || lines() > 0);
    // Its batch is tried again twice at least.
    sleep(Duration::from_millis(2500));
    keeper.close().unwrap();
    // A killed process may have left half of it.
    let text = fs::read_to_string(&refused).unwrap();
    fs::write(&refused, text.clone() + &text[..text.len() / 2]).unwrap();
    let keeper = Keeper::start(&records(&database), Arc::clone(&store)).unwrap();
    keeper.writer().write(ended(&call("4", 1)));
    database.run("ALTER TABLE elsewhere RENAME TO events").await;
    eventually("the rest is kept", || keeper.backlog() == 0);
    keeper.close().unwrap();
    let refused = fs::read_to_string(&refused).unwrap();
    let ids = refused.lines().map(|line| match serde_json::from_str(line).unwrap() {
        Entry::Ended(record) => record.id.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["2", "4"]);
}
