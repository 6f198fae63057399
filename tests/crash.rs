//! Killed at any moment, under load and while a party is being erased, the process has kept every session that it
//! acknowledged and every record that was in the journal, none twice: in the database and in the records file.
//!
//! Each test runs this binary again as the victim, fifty times on one folder, and kills it (SIGKILL) after a while that
//! is different each time.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "real processes and servers are waited for by the real clock")]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use maskline::base::settings::StoreUrl;
use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{
    CallFilter, CallRecord, Created, Entry, Eraser, Event, EventKind, HungUp, Json, NewSession, Outcome,
    Page, Party, Session, SessionFilter, SessionId, Store,
};
use maskline::store::Keeper;

/// Names the folder of the victim.
const VICTIM: &str = "MASKLINE_CRASH_VICTIM";
const KILLS: u64 = 50;
/// The party that is erased all the time.
const ERASED: u64 = 999_999_999;
/// Creations that the victim has going at a time.
const CREATORS: u64 = 8;

fn number(digits: u64) -> PhoneNumber {
    PhoneNumber::from_digits(&(910_000_000_000 + digits).to_string()).unwrap()
}

fn session(run: u64, count: u64) -> Session {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&run.to_le_bytes());
    seed[8..16].copy_from_slice(&count.to_le_bytes());
    let now = Timestamp::from_millis(1_795_335_330_000 + run * 100_000 + count);
    let party =
        |side| Party { number: Some(number(run * 1_000_000 + count * 2 + side)), dials: number(side) };
    Session {
        id: SessionId::new(now, &mut Random::from_seed(seed)),
        first: party(0),
        second: party(1),
        pool: None,
        reference: Some(format!("order-{run}-{count}").into()),
        metadata: None,
        callback_url: None,
        created_at: now,
        starts_at: now,
        expires_at: Timestamp::MAX,
        sliding_expiry: None,
        cooloff: 0,
        closed_at: None,
        call_time_limit: None,
        ring_timeout: None,
        bind_first_caller: false,
        version: 1,
        expiry_version: 0,
        former: Vec::new(),
    }
}

/// What is told of a new session.
fn created(session: &Session) -> Event {
    Event {
        at: session.created_at,
        kind: EventKind::SessionCreated,
        call: None,
        session: Some(session.id),
        data: Json::of(&session.reference),
        callback_url: None,
    }
}

fn record(id: &str, outcome: Outcome) -> Box<CallRecord> {
    Box::new(CallRecord {
        id: id.into(),
        received_at: 1_795_335_330_000,
        source: "carrier".into(),
        dialled: Some(number(1)),
        caller: Some(number(2)),
        destination: Some(number(if id.ends_with(['0', '2', '4', '6', '8']) { ERASED } else { 3 })),
        shown: Some(number(4)),
        session: None,
        outcome,
        hung_up: (outcome == Outcome::Answered).then_some(HungUp::Callee),
        status: Some(200),
        cause: 16,
        decided_ms: Some(1),
        ringing_ms: Some(2),
        answered_ms: Some(3),
        ended_ms: 1000,
        billable_ms: 997,
        legs: Vec::new(),
        // So that lines are cut in their midst.
        trace: ["a step of the decision".repeat(20)].into(),
    })
}

fn event(id: &str) -> Entry {
    Entry::Event(Box::new(Event {
        at: Timestamp::from_millis(1_795_335_330_000),
        kind: EventKind::CallEnded,
        call: Some(id.into()),
        session: None,
        data: Json::of(&[number(ERASED).reveal()]),
        callback_url: None,
    }))
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    maskline::store::open(&StoreUrl::Sqlite(folder.join("maskline.db"))).await.unwrap()
}

/// What the victim is about.
#[derive(Clone, Copy, PartialEq)]
enum Task {
    /// It creates sessions and ends calls as fast as it can.
    Load,
    /// It ends some calls, and erases a party of theirs all the time.
    Erase,
}

/// What is killed: it says of each session and each call when it is kept.
#[test]
fn victim() {
    let Ok(folder) = std::env::var(VICTIM) else { return };
    let (task, folder) = folder.split_once('|').unwrap();
    let task = if task == "erase" { Task::Erase } else { Task::Load };
    let (folder, run) = folder.split_once('|').unwrap();
    let (folder, run) = (Path::new(folder), run.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(folder).await;
        let keeper = Keeper::start(&folder.join("records.jsonl"), Arc::clone(&store)).unwrap();
        say(&format!("crashed {}", keeper.crashed().len()));
        let mut tasks = tokio::task::JoinSet::new();
        for creator in (0..CREATORS).filter(|_| task == Task::Load) {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                for count in 0.. {
                    let session = session(run, creator + count * CREATORS);
                    let new =
                        NewSession { now: session.created_at, key: None, event: created(&session), session };
                    let reference = new.session.reference.clone().unwrap();
                    assert_eq!(store.create_session(new).await.unwrap(), Created::New);
                    say(&format!("session {reference}"));
                }
            });
        }
        let (eraser, handed_in) = (keeper.eraser(), Arc::new(AtomicU64::new(0)));
        if task == Task::Erase {
            let handed_in = Arc::clone(&handed_in);
            tasks.spawn(async move {
                let mut said = 0;
                loop {
                    let before = handed_in.load(Ordering::Relaxed);
                    eraser.erase(number(ERASED), Timestamp::from_millis(0)).await.unwrap();
                    // What was handed in before is in the database.
                    for call in said..before {
                        say(&format!("call {call}"));
                    }
                    said = before;
                    say("erased");
                }
            });
        }
        tasks.spawn(calls(keeper, task, run, handed_in));
        tasks.join_all().await;
    });
}

/// Ends calls, twenty between two pauses, and under load says which of them are in the journal.
async fn calls(keeper: Keeper, task: Task, run: u64, handed_in: Arc<AtomicU64>) {
    let pause = Duration::from_millis(if task == Task::Load { 1 } else { 50 });
    let writer = keeper.writer();
    let start = keeper.written();
    let mut said = 0;
    for count in 0.. {
        let id = format!("call-{run}-{count}");
        writer.write(Entry::Running(record(&id, Outcome::InProgress)));
        writer.write(Entry::Ended(record(&id, Outcome::Answered)));
        writer.write(event(&id));
        // One in ten is still going on when the process is killed.
        if count % 10 == 0 {
            writer.write(Entry::Running(record(&format!("running-{run}-{count}"), Outcome::InProgress)));
        } else {
            writer.write(event(&format!("other-{id}")));
        }
        handed_in.store(count + 1, Ordering::Relaxed);
        while task == Task::Load && said < (keeper.written() - start) / 4 {
            say(&format!("call {said}"));
            said += 1;
        }
        if count % 20 == 0 {
            tokio::time::sleep(pause).await;
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    // One write, so that no line is cut.
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn start(folder: &Path, task: Task, run: u64) -> Child {
    let task = if task == Task::Erase { "erase" } else { "load" };
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture", "--test-threads=1"])
        .env(VICTIM, format!("{task}|{}|{run}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the victims said to have kept.
#[derive(Default)]
struct Acknowledged {
    sessions: HashSet<String>,
    calls: HashSet<String>,
    crashed: usize,
    erased: usize,
}

impl Acknowledged {
    fn hear(&mut self, run: u64, said: &str) {
        for line in said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.split_once(' ') {
                Some(("session", reference)) => drop(self.sessions.insert(reference.to_owned())),
                Some(("call", count)) => drop(self.calls.insert(format!("call-{run}-{count}"))),
                Some(("crashed", count)) => self.crashed += count.parse::<usize>().unwrap(),
                None if line == "erased" => self.erased += 1,
                _ => panic!("the victim ended by itself: {line}"),
            }
        }
    }
}

#[test]
fn what_is_acknowledged_outlives_a_kill() {
    let kept = kill_and_look(Task::Load);
    assert!(kept.sessions.len() > 1000 && kept.calls.len() > 1000, "there was some load");
}

#[test]
fn what_is_acknowledged_outlives_a_kill_while_a_party_is_erased() {
    let kept = kill_and_look(Task::Erase);
    assert!(kept.erased > 10 && kept.calls.len() > 100, "{} times, {} calls", kept.erased, kept.calls.len());
}

fn kill_and_look(task: Task) -> Acknowledged {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Acknowledged::default();
    for run in 0..KILLS {
        let mut child = start(folder.path(), task, run);
        let mut out = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        kept.hear(run, &first);
        // Every other time not within the first erasures, however long those take.
        let mut said = String::new();
        while task == Task::Erase && run % 2 == 1 && said.matches("erased").count() < 2 {
            assert!(out.read_line(&mut said).unwrap() > 0, "the victim ended by itself: {said}");
        }
        let reader = std::thread::spawn(move || {
            out.read_to_string(&mut said).unwrap();
            said
        });
        // From the midst of the first batch to beyond the first syncs and marks.
        std::thread::sleep(Duration::from_millis(10 + run * 37 % 250));
        child.kill().unwrap();
        child.wait().unwrap();
        kept.hear(run, &reader.join().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(look(folder.path(), &kept));
    kept
}

/// Starts once more, and looks at all that is there.
async fn look(folder: &Path, kept: &Acknowledged) {
    let store = open(folder).await;
    let keeper = Keeper::start(&folder.join("records.jsonl"), Arc::clone(&store)).unwrap();
    keeper.eraser().erase(number(ERASED), Timestamp::from_millis(0)).await.unwrap();
    keeper.close().unwrap();

    let sessions = all_sessions(&*store).await;
    let missing: Vec<_> = kept.sessions.difference(&sessions).collect();
    assert!(missing.is_empty(), "sessions that were acknowledged: {missing:?}");

    let calls = all_calls(&*store).await;
    let missing: Vec<_> = kept.calls.iter().filter(|id| !calls.contains_key(*id)).collect();
    assert!(missing.is_empty(), "calls that were acknowledged: {missing:?}");
    assert!(calls.values().all(|call| call.outcome == Outcome::Answered), "every call has ended");
    let crashed = calls.values().filter(|call| call.hung_up == Some(HungUp::Crash)).count();
    assert!(crashed > KILLS as usize && crashed >= kept.crashed, "{crashed} of {}", kept.crashed);

    let text = std::fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert!(!text.contains("910999999999"), "the party is erased");
    let mut filed = HashMap::new();
    for line in text.lines() {
        let record: CallRecord = serde_json::from_str(line).expect("every line is a record");
        assert!(filed.insert(record.id.to_string(), record).is_none(), "a call is filed twice");
    }
    let (in_file, in_database) = (filed.len(), calls.len());
    assert!(filed == calls, "{in_file} in the file, {in_database} in the database");

    let (mut events, mut created) = (HashSet::new(), HashSet::new());
    let mut after = 0;
    loop {
        let part = store.events(after, 5000).await.unwrap();
        let Some(last) = part.last() else { break };
        after = last.id;
        for stored in part {
            assert!(!stored.event.data.to_string().contains("910999999999"), "the party is erased");
            let is_new = match stored.event.call {
                Some(call) => events.insert(call),
                None => created.insert(stored.event.data.tree().as_str().unwrap().to_owned()),
            };
            assert!(is_new, "an event is there twice");
        }
    }
    let missing = kept.calls.iter().filter(|id| !events.contains(id.as_str())).count();
    assert_eq!(missing, 0, "events of calls that were acknowledged");
    assert!(created == sessions, "each session has its event, and there is no other");
    let left: Vec<_> = std::fs::read_dir(folder.join("records.jsonl.journal")).unwrap().flatten().collect();
    let left: u64 = left.iter().map(|entry| entry.metadata().unwrap().len()).sum();
    assert_eq!(left, 0, "the journal is empty once all is kept");
}

async fn all_sessions(store: &dyn Store) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut after = None;
    loop {
        let part = store.sessions(&SessionFilter::default(), &Page { after, limit: 5000 }).await.unwrap();
        let Some(last) = part.last() else { return found };
        after = Some((last.created_at, last.id.to_string().into()));
        for session in part {
            assert!(found.insert(session.reference.unwrap().into()), "a session is there twice");
        }
    }
}

async fn all_calls(store: &dyn Store) -> HashMap<String, CallRecord> {
    let mut found = HashMap::new();
    let mut after = None;
    loop {
        let part = store.calls(&CallFilter::default(), &Page { after, limit: 5000 }).await.unwrap();
        let Some(last) = part.last() else { return found };
        after = Some((Timestamp::from_millis(last.received_at), last.id.clone()));
        for call in part {
            assert!(found.insert(call.id.to_string(), call).is_none(), "a call is there twice");
        }
    }
}
