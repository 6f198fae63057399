//! Disks that are full for a while. The kernel lets no file of a process grow beyond a limit: a process of its own for
//! each test.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use maskline::base::settings::StoreUrl;
use maskline::ledger::{CallRecord, Created, Entry, EraseFault, Eraser, Store, StoreFault};
use maskline::store::Keeper;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::keeper::{ended, eventually, ids, stored};
use crate::make::{at, call, create, new, party, running, session};

const FOLDER: &str = "MASKLINE_FULL_DISK";
/// Bytes of a records file that is larger than all other files.
const LARGE: usize = 8_000_000;

/// Runs one of these tests as a process of its own, in a folder of its own.
fn alone(test: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"full::$1\" --nocapture"]).arg(own).arg(test);
    let output = child.env(FOLDER, folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("all is well"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}

/// The folder, in such a process.
fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

async fn start(folder: &Path) -> (Arc<dyn Store>, Keeper) {
    let store = maskline::store::open(&StoreUrl::Sqlite(folder.join("maskline.db"))).await.unwrap();
    let keeper = Keeper::start(&records(folder), Arc::clone(&store)).unwrap();
    (store, keeper)
}

fn records(folder: &Path) -> PathBuf {
    folder.join("records.jsonl")
}

/// The last file of the journal.
fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("records.jsonl.journal")).unwrap();
    files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some()).max().unwrap()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn limit(resource: Resource, to: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    setrlimit(resource, Rlimit { current: to.or(maximum), maximum }).unwrap();
}

/// A line that is not ours, and fills the records file.
fn fill(folder: &Path) {
    fs::write(records(folder), format!("{{\"id\":\"{}\"}}\n", "x".repeat(LARGE))).unwrap();
}

/// The records in a file that was filled.
fn ids_after_filling(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1);
    lines.map(|line| serde_json::from_str::<CallRecord>(line).unwrap().id.into()).collect()
}

#[test]
fn a_full_disk_holds_up_nobody_and_loses_nothing() {
    alone("with_a_full_disk");
}

#[tokio::test]
async fn with_a_full_disk() {
    let Some(folder) = folder() else { return };
    let (store, keeper) = start(&folder).await;
    let before = session((1, 1), (Some(2), 2));
    create(&*store, &before).await;
    keeper.writer().write(ended(&call("1", 1)));
    eventually("all is kept", || keeper.written() == 1 && keeper.backlog() == 0);

    limit(Resource::Fsize, Some(0));
    let during = session((3, 3), (Some(4), 4));
    let fault = store.create_session(new(&during)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    store.check().await.unwrap_err();
    assert_eq!(store.session(before.id).await.unwrap(), Some(before), "it still reads");
    assert_eq!(store.session(during.id).await.unwrap(), None);
    keeper.writer().write(ended(&call("2", 2)));
    sleep(Duration::from_millis(500));
    assert_eq!(keeper.written(), 1, "it waits in memory");

    limit(Resource::Fsize, None);
    eventually("it is written", || keeper.written() == 2 && keeper.backlog() == 0);
    assert_eq!(store.create_session(new(&during)).await.unwrap(), Created::New);
    store.check().await.unwrap();
    keeper.close().unwrap();
    assert_eq!(stored(&*store).await, ["1", "2"]);
    assert_eq!(ids(&records(&folder)), ["1", "2"]);
    println!("all is well");
}

#[test]
fn a_line_of_the_journal_is_ended_once_there_is_room() {
    alone("with_a_journal_that_is_full");
}

#[tokio::test]
async fn with_a_journal_that_is_full() {
    let Some(folder) = folder() else { return };
    let (store, keeper) = start(&folder).await;
    // These are in the journal alone.
    for count in 0..100 {
        keeper.writer().write(Entry::Running(Box::new(running(&format!("r{count}"), 1))));
    }
    keeper.writer().write(ended(&call("1", 1)));
    eventually("all is kept", || keeper.written() == 101 && keeper.backlog() == 0);
    let end = length(&journal(&folder)) + 300;
    limit(Resource::Fsize, Some(end));
    for id in ["2", "3"] {
        keeper.writer().write(ended(&call(id, 2)));
    }
    eventually("half a line is taken", || length(&journal(&folder)) == end);
    sleep(Duration::from_millis(300));
    assert_eq!((keeper.written(), ids(&records(&folder))), (101, vec!["1".to_owned()]));
    limit(Resource::Fsize, None);
    eventually("all is written", || keeper.written() == 103 && keeper.backlog() == 0);
    keeper.close().unwrap();
    assert_eq!(ids(&records(&folder)), ["1", "2", "3"]);
    let kept = stored(&*store).await;
    assert!(kept.len() == 103 && kept.ends_with(&["2".to_owned(), "3".to_owned()]), "{kept:?}");
    println!("all is well");
}

#[test]
fn a_records_file_that_is_full_gets_each_record_once() {
    let folder = alone("with_a_records_file_that_is_full");
    assert_eq!(ids_after_filling(&records(folder.path())), ["1", "2", "3"]);
}

#[tokio::test]
async fn with_a_records_file_that_is_full() {
    let Some(folder) = folder() else { return };
    fill(&folder);
    let (store, keeper) = start(&folder).await;
    take_half(&folder, &*store, &keeper).await;
    limit(Resource::Fsize, None);
    keeper.writer().write(ended(&call("3", 3)));
    keeper.close().unwrap();
    println!("all is well");
}

/// The records file takes the first record and half of the second.
async fn take_half(folder: &Path, store: &dyn Store, keeper: &Keeper) {
    let line = serde_json::to_string(&call("1", 1)).unwrap().len() as u64;
    let end = length(&records(folder)) + line * 3 / 2;
    limit(Resource::Fsize, Some(end));
    for id in ["1", "2"] {
        keeper.writer().write(ended(&call(id, 1)));
    }
    eventually("half a line is taken", || length(&records(folder)) == end);
    eventually("the database takes all", || keeper.written() == 2 && keeper.backlog() == 0);
    assert_eq!(stored(store).await, ["1", "2"]);
}

#[tokio::test]
async fn a_process_that_is_killed_beside_a_full_disk_has_left_each_record_once() {
    let folder = alone("killed_with_a_records_file_that_is_full");
    let text = fs::read_to_string(records(folder.path())).unwrap();
    assert!(!text.ends_with('\n'), "a line is cut short");
    let (store, keeper) = start(folder.path()).await;
    keeper.writer().write(ended(&call("3", 3)));
    keeper.close().unwrap();
    assert_eq!(ids_after_filling(&records(folder.path())), ["1", "2", "3"]);
    assert_eq!(stored(&*store).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn killed_with_a_records_file_that_is_full() {
    let Some(folder) = folder() else { return };
    fill(&folder);
    let (store, keeper) = start(&folder).await;
    take_half(&folder, &*store, &keeper).await;
    println!("all is well");
    std::process::exit(0);
}

#[test]
fn a_line_that_was_begun_in_a_moved_file_is_ended_there() {
    let folder = alone("with_a_full_records_file_that_is_moved");
    assert_eq!(ids_after_filling(&folder.path().join("moved.jsonl")), ["1", "2"]);
    assert_eq!(ids(&records(folder.path())), ["3"]);
}

#[tokio::test]
async fn with_a_full_records_file_that_is_moved() {
    let Some(folder) = folder() else { return };
    fill(&folder);
    let (store, keeper) = start(&folder).await;
    take_half(&folder, &*store, &keeper).await;
    fs::rename(records(&folder), folder.join("moved.jsonl")).unwrap();
    keeper.reopen();
    sleep(Duration::from_millis(300));
    assert!(!records(&folder).exists(), "what has no room belongs to the old file");
    limit(Resource::Fsize, None);
    eventually("it goes on in a new file", || records(&folder).exists());
    keeper.writer().write(ended(&call("3", 3)));
    keeper.close().unwrap();
    println!("all is well");
}

#[test]
fn a_party_is_erased_once_there_is_room() {
    let folder = alone("erased_with_a_full_disk");
    assert_eq!(ids_after_filling(&records(folder.path())), ["1", "2"]);
    assert!(!fs::read_to_string(records(folder.path())).unwrap().contains("919876500002"));
    assert!(!folder.path().join("records.jsonl.erasing").exists());
}

#[tokio::test]
async fn erased_with_a_full_disk() {
    let Some(folder) = folder() else { return };
    fill(&folder);
    let (_store, keeper) = start(&folder).await;
    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is kept", || keeper.written() == 1 && keeper.backlog() == 0);
    limit(Resource::Fsize, Some(LARGE as u64 - 100));
    let fault = keeper.eraser().erase(party(2), at(9)).await.unwrap_err();
    assert!(matches!(fault, EraseFault::Files(_)), "{fault}");
    assert!(!folder.join("records.jsonl.erasing").exists(), "it takes no room meanwhile");
    keeper.writer().write(ended(&call("2", 2)));
    limit(Resource::Fsize, None);
    keeper.eraser().erase(party(2), at(9)).await.unwrap();
    keeper.close().unwrap();
    println!("all is well");
}

#[test]
fn the_journal_goes_on_in_another_file_at_the_next_try() {
    alone("without_descriptors");
}

#[tokio::test]
async fn without_descriptors() {
    let Some(folder) = folder() else { return };
    let (store, keeper) = start(&folder).await;
    keeper.writer().write(ended(&call("1", 1)));
    eventually("it is kept", || keeper.written() == 1 && keeper.backlog() == 0);
    let first = journal(&folder);
    // One for the new file, none for its folder.
    let free = File::open("/dev/null").unwrap().as_raw_fd();
    limit(Resource::Nofile, Some(u64::try_from(free).unwrap() + 1));
    let fault = keeper.eraser().erase(party(9), at(9)).await.unwrap_err();
    assert!(matches!(fault, EraseFault::Files(_)), "{fault}");
    limit(Resource::Nofile, None);
    assert_eq!(journal(&folder), first, "the file that was begun is gone");
    keeper.eraser().erase(party(9), at(9)).await.unwrap();
    assert!(journal(&folder) > first && !first.exists());
    keeper.writer().write(ended(&call("2", 2)));
    keeper.close().unwrap();
    assert_eq!(stored(&*store).await, ["1", "2"]);
    println!("all is well");
}
