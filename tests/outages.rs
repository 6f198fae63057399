//! The service while something that it needs is away: its database, or the web service that is told of calls.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

#[path = "outages/proxy.rs"]
mod proxy;
mod support;
#[path = "hook/web.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "a test uses its part of it, and may fail so")]
mod web;

use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs};

use proxy::Proxy;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use support::agent::{Agent, Established, establish, hang_up, place_call};
use support::api::{Api, Events};
use support::carrier::{OPEN, SETTINGS};
use support::database::{make_postgres, runtime};
use support::instance::Instance;
use web::{Answer, Request, Web};

/// Who calls, and what it dials by its session.
const CALLER: &str = "+919876500001";
const BY_SESSION: &str = "+918045550101";

const CALL: [&str; 4] = ["call.started", "call.ringing", "call.answered", "call.ended"];

/// A running service, and the carrier on both sides of it.
struct Scene {
    switch: Instance,
    api: Api,
    at: SocketAddr,
    caller: Agent,
    callee: Agent,
}

impl Scene {
    fn start(settings: &str) -> Self {
        // Statements hold constants that look like numbers, and no parameters.
        let switch = Instance::start_logging(settings, "trace,sqlx=info");
        let (api, at) = (switch.api(), switch.subnet.switch());
        let [caller, callee] = [2, 3].map(|host| Agent::bind(switch.subnet.at(host)));
        Self { switch, api, at, caller, callee }
    }

    fn create_session(&self, callback_url: Option<&str>) -> Value {
        self.api.create("/v1/sessions", &session("order-1", CALLER, callback_url))
    }

    fn place(&self, dialled: &str) {
        place_call(self.at, &self.caller, &self.callee, CALLER, dialled);
    }

    fn establish(&self, dialled: &str) -> Established {
        establish(self.at, &self.caller, &self.callee, CALLER, dialled)
    }

    fn hang_up(&self, call: &Established) {
        hang_up(self.at, &self.caller, &self.callee, call);
    }

    fn wait_for_store(&self, is: &str) {
        self.api.wait_until(&format!("the database is {is}"), |api| api.get("/readyz")["store"] == is);
    }
}

fn session(reference: &str, first: &str, callback_url: Option<&str>) -> Value {
    let second = if first == CALLER { "+919876500002" } else { "+919876500004" };
    json!({
        "first_party": first, "second_party": second, "first_party_number": BY_SESSION,
        "second_party_number": "+918045550102", "reference": reference, "callback_url": callback_url,
    })
}

#[test]
fn calls_go_on_while_postgresql_cannot_be_reached() {
    let url = make_postgres();
    let (who, place) = url.rsplit_once('@').expect("a URL with a user");
    let (server, name) = place.split_once('/').expect("a URL with a database");
    let server = server.to_socket_addrs().expect("a host and a port").find(SocketAddr::is_ipv4);
    let proxy = Proxy::start(server.expect("the server is at 127.0.0.1"));
    let url = format!("{who}@localhost:{}/{name}", proxy.address.port());
    calls_go_on_without(&url, || proxy.cut(), |()| proxy.mend());
}

#[test]
fn calls_go_on_while_the_file_takes_no_writes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("maskline.db");
    let runtime = runtime();
    let run = |connection: &mut SqliteConnection, sql: &'static str| {
        runtime.block_on(sqlx::raw_sql(sql).execute(connection)).expect("the file is a database");
    };
    let lock = || {
        let url = format!("sqlite:{}", path.display());
        let mut other = runtime.block_on(SqliteConnection::connect(&url)).expect("it is there");
        run(&mut other, "PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE");
        other
    };
    calls_go_on_without(&format!("sqlite:{}", path.display()), lock, |mut other| run(&mut other, "ROLLBACK"));
}

/// What holds for every database that is away for a while.
fn calls_go_on_without<Cut>(url: &str, cut: impl FnOnce() -> Cut, mend: impl FnOnce(Cut)) {
    let scene = Scene::start(&format!("{SETTINGS}[store]\nurl = \"{url}\"\n"));
    let stream = scene.api.events(0);
    scene.create_session(None);
    scene.place(BY_SESSION);
    scene.api.wait_until("all is kept", |api| api.metric("maskline_store_queue") == 0.0);
    let going_on = scene.establish(BY_SESSION);
    let cut = cut();

    scene.hang_up(&going_on);
    scene.place(BY_SESSION);
    scene.place(OPEN);
    let filed = scene.switch.wait_for_records(4);
    let wanted = session("order-2", "+919876500003", None);
    let (status, problem) = scene.api.ask("POST", "/v1/sessions", Some(&wanted));
    assert_eq!((status, &problem["status"]), (503, &json!(503)), "{problem:#}");
    scene.wait_for_store("away");
    assert_eq!(
        (scene.api.metric("maskline_store_up"), scene.api.get("/readyz")["status"].as_str()),
        (0.0, Some("ready"))
    );
    assert!(scene.api.metric("maskline_store_queue") > 0.0);
    for record in &filed[1..] {
        let id = record["id"].as_str().expect("a string");
        assert_eq!(&scene.api.get(&format!("/v1/calls/{id}")), record, "told from memory");
    }
    scene.place(BY_SESSION);
    mend(cut);

    scene.wait_for_store("ok");
    scene.api.wait_until("all is kept", |api| api.metric("maskline_store_queue") == 0.0);
    assert_eq!(scene.api.metric("maskline_store_up"), 1.0);
    let mut kept = scene.api.list("/v1/calls", "calls");
    kept.reverse();
    assert_eq!(kept, scene.switch.wait_for_records(5), "each once, in both");
    assert_eq!(scene.api.create("/v1/sessions", &wanted)["status"], "active");

    // The one that listened all the time has heard what one hears who comes now.
    let new = scene.api.events(0);
    assert_eq!(told_of_calls(&stream), told_of_calls(&new));
    scene.switch.stop();
}

/// All that was told of five calls and two new sessions, nothing twice, and each call's in order.
fn told_of_calls(stream: &Events) -> Vec<Value> {
    let events: Vec<Value> = (0..5 * CALL.len() + 2).map(|_| stream.next()).collect();
    assert!(events.is_sorted_by(|one, next| one["id"].as_u64() < next["id"].as_u64()), "{events:#?}");
    let mut of_call: HashMap<&str, Vec<&str>> = HashMap::new();
    for event in &events {
        let call = event["call"].as_str().unwrap_or("a session");
        of_call.entry(call).or_default().push(event["type"].as_str().expect("a string"));
    }
    assert_eq!(of_call.remove("a session"), Some(vec!["session.created"; 2]));
    assert_eq!(of_call.len(), 5);
    assert!(of_call.values().all(|kinds| *kinds == CALL), "{of_call:#?}");
    assert!(stream.unread().is_empty());
    events
}

#[test]
fn a_web_service_that_fails_is_told_again_and_in_order() {
    let fails = |request: &Request, tries: usize| match (request.json["type"].as_str(), tries) {
        (Some("call.started"), 1) => Answer::Close,
        (Some("call.answered"), 1) => Answer::Status(503),
        _ => Answer::Status(204),
    };
    let [of_all, of_session] = [(); 2].map(|()| Web::start(fails));
    let [all_url, session_url] =
        [&of_all, &of_session].map(|web| format!("http://localhost:{}/told?by=maskline", web.port()));
    let webhooks = format!("status_url = \"{all_url}\"\nsecret = \"s\"\nallow_private_webhooks = true\n");
    let scene = Scene::start(&format!("{SETTINGS}[webhooks]\n{webhooks}"));
    let id = scene.create_session(Some(&session_url))["id"].as_str().expect("a string").to_owned();
    scene.place(BY_SESSION);
    scene.place(OPEN);
    let records = scene.switch.wait_for_records(2);
    let (status, closed) = scene.api.ask("DELETE", &format!("/v1/sessions/{id}"), None);
    assert_eq!((status, &closed["status"]), (200, &json!("closed")));
    // Two events of the session, and four of each call of which two had to be sent again.
    of_all.wait(2 + 2 * 6);
    of_session.wait(2 + 6);
    scene.api.wait_until("nothing waits", |api| api.metric("maskline_callback_queue") == 0.0);

    let [by_session, by_mapping] = [0, 1].map(|place| records[place]["id"].as_str().expect("a string"));
    for (web, call) in [(&of_all, by_session), (&of_all, by_mapping), (&of_session, by_session)] {
        assert_eq!(taken(web, "call", call), CALL);
    }
    for web in [&of_all, &of_session] {
        let mut changes = taken(web, "session", &id);
        changes.retain(|kind| kind.starts_with("session"));
        assert_eq!(changes, ["session.created", "session.closed"]);
    }
    assert!(taken(&of_session, "call", by_mapping).is_empty(), "it is none of the session's");
    for web in [&of_all, &of_session] {
        assert!(web.seen().iter().all(|request| request.signed_at("s").is_some()));
    }
    scene.switch.stop();
}

/// The types of what was taken about a call or a session, in order.
fn taken(web: &Web, about: &str, id: &str) -> Vec<String> {
    let seen = web.seen();
    let taken = seen.iter().filter(|request| request.json[about] == id && request.is_taken);
    taken.map(|request| request.json["type"].as_str().expect("a string").to_owned()).collect()
}
