//! A disk that takes its time to sync, while calls end.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "the keeper's threads are waited for by the real clock")]

use std::fs;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::base::settings::StoreUrl;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Eraser, Outcome};

const PATIENCE: Duration = Duration::from_secs(30);

/// A keeper whose syncs of the journal begin, and end as they are told to: well, once this is dropped.
struct Slow {
    begun: Receiver<()>,
    results: SyncSender<io::Result<()>>,
}

impl Slow {
    async fn start(folder: &Path) -> (Self, Keeper) {
        let (begin, begun) = sync_channel(0);
        let (results, result) = sync_channel(0);
        let sync_file = move |_: &File| {
            let _ = begin.send(());
            result.recv().unwrap_or(Ok(()))
        };
        let store = store(folder).await;
        let keeper = Keeper::start_syncing(&records(folder), store, Box::new(sync_file)).unwrap();
        (Self { begun, results }, keeper)
    }

    /// Waits for the next sync to begin.
    fn begins(&self) {
        self.begun.recv_timeout(PATIENCE).unwrap();
    }

    fn ends(&self, result: io::Result<()>) {
        self.results.send(result).unwrap();
    }
}

async fn store(folder: &Path) -> Arc<dyn Store> {
    crate::store::open(&StoreUrl::Sqlite(folder.join("maskline.db"))).await.unwrap()
}

fn records(folder: &Path) -> PathBuf {
    folder.join("records.jsonl")
}

fn called() -> PhoneNumber {
    "+919876500002".parse().unwrap()
}

fn ended(id: &str) -> Entry {
    Entry::Ended(Box::new(CallRecord {
        id: id.into(),
        received_at: 1_795_335_330_000,
        source: "carrier".into(),
        dialled: None,
        caller: None,
        destination: Some(called()),
        shown: None,
        session: None,
        outcome: Outcome::Answered,
        hung_up: None,
        status: Some(200),
        cause: 16,
        decided_ms: None,
        ringing_ms: None,
        answered_ms: Some(1),
        ended_ms: 2,
        billable_ms: 1,
        legs: Vec::new(),
        trace: [].into(),
    }))
}

/// Hands in an ended call, and waits until it outlives the process.
fn end_call(keeper: &Keeper, id: &str) {
    let before = keeper.written();
    keeper.writer().write(ended(id));
    eventually("it is in the journal", || keeper.written() > before);
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The text of the journal's files, one after the other.
fn journal(folder: &Path) -> String {
    let files = fs::read_dir(journal_of(&records(folder))).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some()).collect();
    files.sort_unstable();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<CallRecord>(line).unwrap().id.into()).collect()
}

/// What a start makes of a journal and a records file that were left behind.
async fn filed_after(journal: &str, filed: &str) -> Vec<String> {
    let left = tempfile::tempdir().unwrap();
    fs::create_dir(journal_of(&records(left.path()))).unwrap();
    fs::write(journal_of(&records(left.path())).join("000000000001.jsonl"), journal).unwrap();
    fs::write(records(left.path()), filed).unwrap();
    let keeper = Keeper::start(&records(left.path()), store(left.path()).await).unwrap();
    keeper.close().unwrap();
    ids(&records(left.path()))
}

async fn started() -> (TempDir, Slow, Keeper) {
    let folder = tempfile::tempdir().unwrap();
    let (slow, keeper) = Slow::start(folder.path()).await;
    (folder, slow, keeper)
}

#[tokio::test]
async fn what_is_handed_in_during_a_sync_is_in_the_journal_and_in_no_mark() {
    let (folder, slow, keeper) = started().await;
    let path = folder.path();
    end_call(&keeper, "1");
    slow.begins();
    // Once more: the first may have begun before the call ended.
    slow.ends(Ok(()));
    end_call(&keeper, "2");
    slow.begins();
    let on_disk = fs::read_to_string(records(path)).unwrap();
    assert!(on_disk.ends_with('\n') && on_disk.contains("\"1\""));
    end_call(&keeper, "3");
    assert!(!ids(&records(path)).contains(&"3".to_owned()), "the records file waits for the disk");
    let during = journal(path);
    assert_eq!(filed_after(&during, &on_disk).await, ["1", "2", "3"], "the process is killed now");

    slow.ends(Ok(()));
    slow.begins();
    let marked = journal(path);
    assert!(marked.starts_with(&during) && marked[during.len()..].contains("\"mark\""));
    let after_power_loss = filed_after(&marked, &on_disk).await;
    assert_eq!(after_power_loss, ["1", "2", "3"], "the mark says nothing of what the disk did not have");

    slow.ends(Err(io::Error::other("a bad sector")));
    slow.begins();
    assert_eq!(journal(path), marked, "no mark tells of a sync that failed");
    drop(slow);
    keeper.close().unwrap();
    assert_eq!((ids(&records(path)), journal(path).len()), (vec!["1".into(), "2".into(), "3".into()], 0));
}

#[tokio::test]
async fn a_file_that_is_moved_during_a_sync_is_left_behind_after_it() {
    let (folder, slow, keeper) = started().await;
    let moved = folder.path().join("moved");
    end_call(&keeper, "1");
    slow.begins();
    fs::rename(records(folder.path()), &moved).unwrap();
    keeper.writer().write(ended("2"));
    keeper.reopen();
    end_call(&keeper, "3");
    assert!(!records(folder.path()).exists());
    drop(slow);
    keeper.close().unwrap();
    assert_eq!((ids(&moved), ids(&records(folder.path()))), (vec!["1".into(), "2".into()], vec!["3".into()]));
}

#[tokio::test]
async fn a_party_is_erased_during_a_sync_and_calls_go_on() {
    let (folder, slow, keeper) = started().await;
    end_call(&keeper, "1");
    slow.begins();
    let eraser = keeper.eraser();
    let erasing = tokio::spawn(async move { eraser.erase(called(), Timestamp::from_millis(0)).await });
    let next = journal_of(&records(folder.path())).join("000000000002.jsonl");
    let begin = async {
        while !next.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, begin).await.expect("the journal goes on in another file");
    end_call(&keeper, "2");
    assert!(journal(folder.path()).contains("\"1\""), "the first file stays meanwhile");
    assert!(fs::read_to_string(&next).unwrap().contains("\"2\""));
    drop(slow);
    erasing.await.unwrap().unwrap();
    assert!(!journal(folder.path()).contains("\"1\""));
    keeper.close().unwrap();
    assert_eq!(ids(&records(folder.path())), ["1", "2"]);
    let text = fs::read_to_string(records(folder.path())).unwrap();
    assert!(!text.lines().next().unwrap().contains("919876500002"));
}
