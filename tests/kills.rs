//! The whole service killed (SIGKILL) at any moment under load, again and again in one folder: what it had said yes to is
//! there afterwards, once.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::agent::{Agent, status};
use support::api::Api;
use support::database::make_postgres;
use support::instance::Instance;

/// For each database.
const KILLS: u64 = 30;
/// Callers at a time. With calls of [`TALK`], they place fifty calls a second.
const CALLERS: usize = 20;
/// How long a call lasts: longer than the disk takes to sync what the journal has, so that its start is there when it
/// ends.
const TALK: Duration = Duration::from_millis(400);

/// A trunk whose calls come from 127.0.0.2 and go to 127.0.0.3, one number that anyone may call, and two for sessions.
const SETTINGS: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
[media]
ports = "20000-20399"
[api]
listen = "127.0.0.1:8080"
[numbers]
country = "IN"
owned = ["+918045550101", "+918045550102", "+918045550103"]
[[trunks]]
name = "carrier"
sources = ["127.0.0.2/32", "127.0.0.3/32"]
target = "sip:127.0.0.3:5060;transport=udp"
[[mappings]]
dialled = "+918045550103"
destination = "+919876500002"
show = "+918045550103"
"#;

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
    spawn(move || answer(&callee));
    let told = Told::default();
    let mut seen = 0;
    for run in 0..KILLS {
        told.is_dead.store(false, Ordering::Release);
        let (api, at) = (switch.api(), switch.subnet.switch());
        scope(|scope| {
            for _ in 0..CALLERS {
                let caller = Agent::bind(SocketAddr::new(switch.subnet.host(2), 0));
                let told = &told;
                scope.spawn(move || while call(at, &caller, told).is_some() {});
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
fn call(at: SocketAddr, caller: &Agent, told: &Told) -> Option<()> {
    let number = told.next_number();
    let invite = caller.invite(at, &number, "+918045550103");
    let ok = ask(at, caller, told, &invite)?;
    caller.send(at, caller.within(&invite, &ok, "ACK"));
    sleep(TALK);
    ask(at, caller, told, &caller.within(&invite, &ok, "BYE"))?;
    add(&told.hung_up, number);
    Some(())
}

/// Sends a request, and waits for its 200.
fn ask(at: SocketAddr, caller: &Agent, told: &Told, request: &str) -> Option<String> {
    let (_, method) = support::agent::header(request, "CSeq")?.split_once(' ')?;
    let deadline = Instant::now() + Duration::from_secs(20);
    caller.send(at, request);
    while !told.is_dead() {
        assert!(Instant::now() < deadline, "no answer to {request}");
        let Some((message, _)) = caller.receive(Duration::from_millis(50)) else { continue };
        let is_answer = support::agent::header(&message, "CSeq").is_some_and(|cseq| cseq.ends_with(method));
        match status(&message) {
            Some(200) if is_answer => return Some(message),
            Some(300..) if is_answer => panic!("a call is refused: {message}"),
            _ => {}
        }
    }
    None
}

/// Answers every call, and every end of one. It ends with the process.
fn answer(callee: &Agent) {
    loop {
        let Some((request, from)) = callee.receive(Duration::from_secs(60)) else { continue };
        if request.starts_with("INVITE ") {
            callee.send(from, callee.answer(&request, "180 Ringing"));
        }
        if !request.starts_with("ACK ") && !request.starts_with("SIP/2.0 ") {
            callee.send(from, callee.answer(&request, "200 OK"));
        }
    }
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
    let crashed = kept.values().filter(|record| record["hung_up"] == "crash").count();
    assert!(crashed as u64 > KILLS, "{crashed} calls went on when it was killed");
    eprintln!("{} sessions, {} calls hung up, {crashed} cut short", sessions.len(), hung_up.len());
}
