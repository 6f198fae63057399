//! A whole service whose journal takes nothing for a while, as where the system waits for the disk. What its files have
//! then is what a kill of the process would leave.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "the service's threads are waited for by the real clock")]

#[path = "../../../tests/support/agent.rs"]
#[allow(dead_code, reason = "a test uses its part of it")]
mod agent;
#[path = "../../../tests/support/carrier.rs"]
#[allow(dead_code, reason = "a test uses its part of it")]
mod carrier;
#[path = "../../../tests/support/subnet.rs"]
#[allow(dead_code, reason = "a test uses its part of it")]
mod subnet;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use agent::Agent;
use carrier::{OPEN, SETTINGS};
use subnet::Subnet;

/// So many place calls at a time, and rest after each.
const CALLERS: usize = 4;
const REST: Duration = Duration::from_millis(10);
/// Rounds at most until enough of them could tell something.
const ROUNDS: usize = 200;
/// How long the journal takes nothing: less than messages wait for it.
const PAUSE: Duration = Duration::from_millis(80);

struct Scene {
    service: Service,
    folder: TempDir,
    subnet: Subnet,
}

impl Scene {
    fn start() -> Self {
        let (folder, subnet) = (tempfile::tempdir().unwrap(), Subnet::new());
        let text = format!("{SETTINGS}[store]\nurl = \"sqlite:maskline.db\"\n");
        let settings = Settings::parse(&subnet.rewrite(&text), &folder.path().join("config.toml"));
        let service = Service::start(Arc::new(settings.unwrap())).unwrap();
        Self { service, folder, subnet }
    }

    /// Messages that have not waited for the journal.
    fn overtaken(&self) -> u64 {
        self.service.desk.metrics.overtaken.get()
    }

    /// Somebody at the carrier; at the SIP port, or at any.
    fn agent(&self, host: u8, port: Option<u16>) -> Agent {
        let port = port.unwrap_or(self.subnet.port);
        Agent::bind((self.subnet.host(host), port).into())
    }

    /// What a kill would leave.
    fn left(&self) -> String {
        let records = self.folder.path().join("records.jsonl");
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let journal = fs::read_dir(self.folder.path().join("records.jsonl.journal")).unwrap();
        let mut left: String = journal.map(|entry| read(&entry.unwrap().path())).collect();
        // What leaves the journal is there before.
        left += &read(&records);
        left
    }
}

#[test]
fn a_kill_forgets_no_call_that_was_seen_to_end() {
    let scene = Scene::start();
    let (over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let hung_up = Mutex::new(BTreeSet::new());
    let callee = scene.agent(3, None);
    thread::spawn(move || carrier::answer(&callee));
    scope(|scope| {
        for _ in 0..CALLERS {
            let (caller, at) = (scene.agent(2, Some(0)), scene.subnet.switch());
            let (over, count, hung_up) = (&over, &count, &hung_up);
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    let number = format!("+9198{:08}", 10_000_000 + count.fetch_add(1, Ordering::Relaxed));
                    let is_over = || over.load(Ordering::Acquire);
                    if carrier::call(at, &caller, &number, Duration::ZERO, &is_over).is_some() {
                        hung_up.lock().unwrap().insert(number);
                    }
                    sleep(REST);
                }
            });
        }
        let (mut looks, mut rounds) = (0, 0);
        while looks < 10 {
            rounds += 1;
            over.fetch_or(rounds > ROUNDS, Ordering::AcqRel);
            assert!(rounds <= ROUNDS, "the disk is too slow to tell: {looks} looks in {ROUNDS} rounds");
            hung_up.lock().unwrap().clear();
            let overtaken = scene.overtaken();
            sleep(PAUSE);
            let hangs = scene.service.desk.keeper.hang();
            sleep(PAUSE);
            let (seen, left) = (hung_up.lock().unwrap().clone(), scene.left());
            // Where this test itself was held up for longer than messages wait, that says nothing.
            if scene.overtaken() == overtaken {
                looks += 1;
                let forgotten: Vec<_> =
                    seen.iter().filter(|number| !left.contains(number.as_str())).collect();
                over.fetch_or(!forgotten.is_empty() || seen.is_empty(), Ordering::AcqRel);
                assert!(forgotten.is_empty() && !seen.is_empty(), "of {}: {forgotten:?}", seen.len());
            }
            drop(hangs);
        }
        over.store(true, Ordering::Release);
    });
    scene.service.stop().unwrap();
}

#[test]
fn calls_go_on_where_the_disk_hangs() {
    let scene = Scene::start();
    let (caller, callee) = (scene.agent(2, None), scene.agent(3, None));
    let hangs = scene.service.desk.keeper.hang();
    let before = scene.left();
    for _ in 0..3 {
        agent::place_call(scene.subnet.switch(), &caller, &callee, "+919876500001", OPEN);
    }
    assert_eq!(scene.left(), before);
    assert!(scene.overtaken() > 10, "{}", scene.overtaken());
    drop(hangs);
    scene.service.stop().unwrap();
}
