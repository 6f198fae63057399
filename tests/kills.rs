//! The whole service killed (SIGKILL) at any moment under load, again and again in one folder: what it had said yes to is
//! there afterwards, once.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use serde_json::{Value, json};
use support::agent::Agent;
use support::api::Api;
use support::carrier::{self, SETTINGS};
use support::database::make_postgres;
use support::instance::Instance;

/// For each database.
const KILLS: u64 = 30;
/// Callers at a time, of each kind.
const CALLERS: usize = 10;
/// How long the calls of the first kind last, one after the other: some go on at any moment.
const LONG: Duration = Duration::from_millis(400);
/// Those of the second kind are shorter than the disk takes to sync what the journal has, while which it may take no more;
/// their callers rest after each.
const SHORT: Duration = Duration::from_millis(2);
const REST: Duration = Duration::from_millis(100);

/// What the service has said yes to, and whether it lives.
#[derive(Default)]
struct Told {
    is_dead: AtomicBool,
    /// Counts callers and parties, each of whom has a number of its own.
    people: AtomicU64,
    /// The numbers of the callers whose BYE was answered.
    hung_up: Mutex<BTreeSet<String>>,
    /// The ids of the sessions that were answered with 201.
    sessions: Mutex<BTreeSet<String>>,
}

impl Told {
    fn next_number(&self) -> String {
        format!("+9198{:08}", 10_000_000 + self.people.fetch_add(1, Ordering::Relaxed))
    }

    fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Acquire)
    }
}

fn add(to: &Mutex<BTreeSet<String>>, what: String) {
    to.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
}

fn all(of: &Mutex<BTreeSet<String>>) -> BTreeSet<String> {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[test]
fn what_was_said_yes_to_outlives_a_kill_of_the_service_on_a_file() {
    outlives_kills("sqlite:maskline.db");
}

#[test]
fn what_was_said_yes_to_outlives_a_kill_of_the_service_on_a_server() {
    outlives_kills(&make_postgres());
}

fn outlives_kills(url: &str) {
    let settings = format!("{SETTINGS}[store]\nurl = \"{url}\"\n");
    let mut switch = Instance::start_logging(&settings, "info");
    let callee = Agent::bind(switch.subnet.at(3));
    spawn(move || carrier::answer(&callee));
    let told = Told::default();
    let mut seen = 0;
    for run in 0..KILLS {
        told.is_dead.store(false, Ordering::Release);
        let (api, at) = (switch.api(), switch.subnet.switch());
        scope(|scope| {
            for kind in [(LONG, Duration::ZERO), (SHORT, REST)].repeat(CALLERS) {
                let caller = Agent::bind(SocketAddr::new(switch.subnet.host(2), 0));
                let told = &told;
                scope.spawn(move || while call(at, &caller, kind, told).is_some() {});
            }
            scope.spawn(|| while create_session(&api, &told).is_some() {});
            // From the first calls' set-up to beyond the first syncs and marks.
            sleep(Duration::from_millis(30 + run * 97 % 900));
            switch.kill();
            told.is_dead.store(true, Ordering::Release);
        });
        switch.start_again();
        let sessions = all(&told.sessions);
        // What is younger than the last start; the others are looked at in the end.
        for id in sessions.iter().rev().take(sessions.len() - seen) {
            assert_eq!(switch.api().get(&format!("/v1/sessions/{id}"))["id"], **id);
        }
        seen = sessions.len();
    }
    look(&switch, &told);
    switch.stop();
}

/// Creates a session of two people; `None` once the service is dead.
fn create_session(api: &Api, told: &Told) -> Option<()> {
    let body = json!({
        "first_party": told.next_number(), "second_party": told.next_number(),
        "first_party_number": "+918045550101", "second_party_number": "+918045550102",
    });
    match api.try_ask("POST", "/v1/sessions", Some(&body)) {
        Ok((status, body)) => {
            assert_eq!(status, 201, "{body}");
            let session: Value = body.parse().expect("JSON");
            add(&told.sessions, session["id"].as_str().expect("a string").to_owned());
        }
        Err(_) if told.is_dead() => return None,
        // Killed, and not said so yet.
        Err(_) => sleep(Duration::from_millis(1)),
    }
    Some(())
}

/// A whole call by somebody who never called before; `None` once the service is dead.
fn call(at: SocketAddr, caller: &Agent, (talk, rest): (Duration, Duration), told: &Told) -> Option<()> {
    let number = told.next_number();
    carrier::call(at, caller, &number, talk, &|| told.is_dead())?;
    add(&told.hung_up, number);
    sleep(rest);
    Some(())
}

/// All that was said yes to is there, once, and in the file as in the answers.
fn look(switch: &Instance, told: &Told) {
    let (api, sessions, hung_up) = (switch.api(), all(&told.sessions), all(&told.hung_up));
    assert!(
        sessions.len() > 100 && hung_up.len() > 60,
        "there was some load: {} and {}",
        sessions.len(),
        hung_up.len()
    );
    api.wait_until("all is kept", |api| api.metric("maskline_store_queue") == 0.0);

    let kept = api.list("/v1/sessions", "sessions");
    let ids: BTreeSet<String> =
        kept.iter().map(|row| row["id"].as_str().expect("a string").to_owned()).collect();
    assert_eq!(ids.len(), kept.len(), "a session is there twice");
    let missing: Vec<_> = sessions.difference(&ids).collect();
    assert!(missing.is_empty(), "sessions that were answered with 201: {missing:?}");

    let by_id = |records: Vec<Value>| {
        let count = records.len();
        let by_id: HashMap<String, Value> = records
            .into_iter()
            .map(|record| (record["id"].as_str().expect("a string").to_owned(), record))
            .collect();
        assert_eq!(by_id.len(), count, "a call is there twice");
        by_id
    };
    let (filed, kept) = (by_id(switch.records()), by_id(api.list("/v1/calls", "calls")));
    assert!(filed == kept, "{} in the file, {} in the answers", filed.len(), kept.len());
    let mut calls: HashMap<&str, usize> = HashMap::new();
    for record in kept.values() {
        *calls.entry(record["caller"].as_str().expect("a number")).or_default() += 1;
        assert!(
            ["answered", "cancelled", "unavailable"].contains(&record["outcome"].as_str().expect("a string")),
            "{record:#}"
        );
    }
    let wrong: Vec<_> = hung_up.iter().filter(|caller| calls.get(caller.as_str()) != Some(&1)).collect();
    assert!(wrong.is_empty(), "calls whose BYE was answered: {wrong:?}");
    let was_told = |record: &&Value| hung_up.contains(record["caller"].as_str().expect("a number"));
    for record in kept.values().filter(was_told) {
        assert_eq!(record["outcome"], "answered", "{record:#}");
    }
    let crashed: Vec<_> = kept.values().filter(|record| record["hung_up"] == "crash").collect();
    for record in kept.values() {
        let by = record["hung_up"].as_str().expect("somebody has ended each");
        assert!(["caller", "crash"].contains(&by), "{record:#}");
    }
    for record in &crashed {
        assert_eq!(record["cause"], 41, "{record:#}");
    }
    let crashed = crashed.len();
    assert!(crashed as u64 > KILLS, "{crashed} calls went on when it was killed");
    eprintln!("{} sessions, {} calls hung up, {crashed} cut short", sessions.len(), hung_up.len());
}
