//! Calls over the API: listing those that go on and those that are over, tables, hanging up, and placing calls.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::sync::atomic::Ordering;

use maskline::api::{NotPlaced, Readiness, document};
use maskline::ledger::{Entry, LegRecord, MediaRecord, Outcome};
use serde_json::{Value, json};
use support::desk::{ALL, Answer, Desk, READ, START, bearer, number, record};

/// The ids of a list.
fn ids(answer: &Answer) -> Vec<String> {
    let calls = answer.json()["calls"].clone();
    calls.as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
}

fn ended(id: &str, received_at: u64) -> Entry {
    Entry::Ended(Box::new(record(id, received_at, Outcome::Answered)))
}

fn going_on(desk: &Desk, id: &str, received_at: u64) {
    desk.calls.live.lock().unwrap().push(record(id, received_at, Outcome::InProgress).into());
}

#[test]
fn one_list_has_the_calls_that_go_on_and_those_that_are_over() {
    let desk = Desk::open();
    desk.keep(&[ended("a", START), ended("c", START + 2), ended("e", START + 4), ended("f", START + 4)]);
    going_on(&desk, "b", START + 1);
    going_on(&desk, "d", START + 3);
    // Ended a moment ago, and not forgotten yet; and one whose beginning alone is kept.
    going_on(&desk, "c", START + 2);
    desk.keep(&[Entry::Running(Box::new(record("d", START + 3, Outcome::InProgress)))]);
    let all = desk.get("/v1/calls");
    assert_eq!(ids(&all), ["f", "e", "d", "c", "b", "a"], "the youngest first, each once");
    assert_eq!(all.json()["calls"][3]["outcome"], "answered", "the final record counts");
    for limit in [1, 2, 4, 5, 6] {
        let (mut seen, mut path) = (Vec::new(), format!("/v1/calls?limit={limit}"));
        loop {
            let page = desk.get(&path);
            assert!(ids(&page).len() <= limit);
            seen.extend(ids(&page));
            assert!(seen.len() <= 6, "it goes on: {seen:?}");
            let Value::String(next) = page.json()["next"].clone() else { break };
            path = format!("/v1/calls?limit={limit}&cursor={next}");
        }
        assert_eq!(seen, ["f", "e", "d", "c", "b", "a"], "in pages of {limit}");
    }
}

#[test]
fn filters_hold_for_both_kinds() {
    let desk = Desk::open();
    desk.keep(&[ended("over", START), Entry::Ended(Box::new(record("busy", START + 9, Outcome::Busy)))]);
    going_on(&desk, "live", START + 5);
    let mut stranger = record("other", START + 1, Outcome::InProgress);
    (stranger.caller, stranger.dialled) = (Some(number("+919876500009")), Some(number("+918045550109")));
    desk.calls.live.lock().unwrap().push(stranger.into());
    for (query, expected) in [
        ("party=+919876500009", &["other"][..]),
        ("party=+919876500001", &["busy", "live", "over"]),
        ("number=%2B918045550109", &["other"]),
        ("number=+918045550102", &["busy", "live", "other", "over"]),
        ("result=in-progress", &["live", "other"]),
        ("result=busy", &["busy"]),
        ("since=2026-11-22T08:15:30.005Z", &["busy", "live"]),
        ("until=2026-11-22T08:15:30.005Z", &["other", "over"]),
        ("since=2026-11-22T08:15:30.001Z&until=2026-11-22T08:15:30.009Z", &["live", "other"]),
        ("session=019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76", &[]),
    ] {
        assert_eq!(ids(&desk.get(&format!("/v1/calls?{query}"))), expected, "{query}");
    }
}

#[test]
fn numbers_are_whole_for_those_who_may_see_them() {
    let desk = Desk::open();
    desk.keep(&[ended("a", START)]);
    let whole = desk.get("/v1/calls/a").json();
    assert_eq!((&whole["caller"], &whole["shown"]), (&json!("+919876500001"), &json!("+918045550102")));
    let redacted = desk.ask("GET", "/v1/calls/a", &bearer(READ), None);
    assert_eq!(redacted.json()["destination"], "+9198******02");
    for path in ["/v1/calls/a", "/v1/calls"] {
        for accept in ["application/json", "text/csv"] {
            let headers = format!("{}Accept: {accept}\r\n", bearer(READ));
            let answer = desk.ask("GET", path, &headers, None);
            assert!(!answer.body.contains("98765") && !answer.body.contains("80455"), "{answer:?}");
        }
    }
}

#[test]
fn a_table_has_a_row_for_each_call_and_goes_on_by_its_header() {
    let desk = Desk::open();
    let mut odd = record("odd", START + 1, Outcome::NoAnswer);
    odd.source = "the \"old\", bad\r\ntrunk".into();
    desk.keep(&[ended("a", START), Entry::Ended(Box::new(odd))]);
    let get = |path: &str| desk.ask("GET", path, &format!("{}Accept: text/csv\r\n", bearer(ALL)), None);
    let all = get("/v1/calls");
    assert_eq!(all.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(
        all.body,
        "id,received_at,source,dialled,caller,destination,shown,session,outcome,hung_up,status,cause,decided_ms,\
         ringing_ms,answered_ms,ended_ms,billable_ms\r\n\
         odd,1795335330001,\"the \"\"old\"\", bad\r\ntrunk\",+918045550101,+919876500001,+919876500002,+918045550102,,\
         no-answer,,200,16,1,20,40,60,20\r\n\
         a,1795335330000,carrier,+918045550101,+919876500001,+919876500002,+918045550102,,answered,,200,16,1,20,40,\
         60,20\r\n"
    );
    let first = get("/v1/calls?limit=1");
    let next = first.header("maskline-next").unwrap();
    let second = get(&format!("/v1/calls?limit=1&cursor={next}"));
    assert!(first.body.contains("\r\nodd,") && second.body.contains("\r\na,"), "{first:?} {second:?}");
    assert_eq!(get("/v1/calls").header("maskline-next"), None);
}

#[test]
fn hanging_up_asks_the_switch_and_leaves_what_is_over() {
    let desk = Desk::open();
    desk.keep(&[ended("over", START)]);
    going_on(&desk, "live", START);
    let delete = |id: &str| desk.ask("DELETE", &format!("/v1/calls/{id}"), &bearer(ALL), None);
    let hung_up = delete("live");
    assert_eq!((hung_up.status, &hung_up.json()["outcome"]), (202, &json!("in-progress")));
    let over = delete("over");
    assert_eq!((over.status, &over.json()["outcome"]), (200, &json!("answered")));
    assert_eq!(delete("nobody").status, 404);
    assert_eq!(*desk.calls.hung_up.lock().unwrap(), ["live", "over", "nobody"]);
    desk.keep(&[Entry::Running(Box::new(record("elsewhere", START, Outcome::InProgress)))]);
    let elsewhere = delete("elsewhere");
    assert_eq!(elsewhere.status, 409, "it is not over, and another node has it: {elsewhere:?}");
    assert!(elsewhere.body.contains("to the node that has it"), "{elsewhere:?}");
}

fn order() -> Value {
    json!({ "first": "+919876500001", "second": "+919876500002", "show": "+918045550101", "return_window": 0 })
}

fn place(desk: &Desk, key: &str, body: &Value) -> Answer {
    let key = if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
    desk.ask("POST", "/v1/calls", &(bearer(ALL) + &key), Some(&body.to_string()))
}

#[test]
fn a_call_is_placed_once_for_each_key() {
    let desk = Desk::open();
    let placed = place(&desk, "k1", &order());
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(placed.json(), json!({ "id": id, "status": "in-progress", "session_id": null }));
    assert_eq!(placed.header("location").unwrap(), format!("/v1/calls/{id}"));
    let repeat = place(
        &desk,
        "k1",
        &json!({ "return_window": 0, "show": "+918045550101", "second": "+919876500002", "first": "+919876500001" }),
    );
    assert_eq!(
        (repeat.status, repeat.json()["id"].as_str().unwrap()),
        (200, &*id),
        "whatever the order of the fields"
    );
    desk.calls.live.lock().unwrap().clear();
    desk.keep(&[Entry::Ended(Box::new(record(&id, START, Outcome::Busy)))]);
    assert_eq!(place(&desk, "k1", &order()).json()["status"], "busy", "the repeat tells what became of it");
    let mut other = order();
    other["second"] = json!("+919876500003");
    let reused = place(&desk, "k1", &other);
    assert_eq!((reused.status, reused.field()), (409, "Idempotency-Key".into()));
    assert_eq!(reused.json()["type"], "urn:maskline:problem:key-reused");
    assert_eq!(place(&desk, "k2", &order()).status, 201);
    assert_eq!(place(&desk, "", &order()).status, 201);
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 3);
}

#[test]
fn an_order_says_who_sees_what_and_for_how_long() {
    let desk = Desk::open();
    let mut body = order();
    body["confirm"] = json!(false);
    body["ring_timeout"] = json!(20);
    body["time_limit"] = json!(600);
    assert_eq!(place(&desk, "", &body).status, 201);
    assert_eq!(place(&desk, "", &order()).status, 201);
    let placed = desk.calls.placed.lock().unwrap();
    let [set, plain] = &placed[..] else { panic!("two orders") };
    assert_eq!((set.first.number, set.first.sees), (number("+919876500001"), number("+918045550101")));
    assert_eq!((set.second.number, set.second.sees), (number("+919876500002"), number("+918045550101")));
    assert!(!set.confirm && plain.confirm, "a key is asked for unless said otherwise");
    assert_eq!(set.ring_timeout.map(|time| time.as_secs()), Some(20));
    assert_eq!((set.time_limit.map(|time| time.as_secs()), plain.time_limit), (Some(600), None));
    assert!(set.id.len() >= 16 && set.id != plain.id);
}

#[test]
fn an_order_that_does_not_fit_together_calls_nobody() {
    let desk = Desk::open();
    let id = "019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76";
    let with = |more: Value| {
        let mut body = order();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, status, fields) in [
        (json!({}), 422, &["first"][..]),
        (json!({ "first": "+919876500001" }), 422, &["second", "show"]),
        (json!({ "first": "first_party" }), 422, &["session_id", "second", "show"]),
        (with(json!({ "second": "+919876500001" })), 422, &["second"]),
        (with(json!({ "second": "+19002345678" })), 422, &["second"]),
        (with(json!({ "first": "+19002345678" })), 422, &["first"]),
        (with(json!({ "show": "+919876500002" })), 422, &["show"]),
        (with(json!({ "show": "112" })), 422, &["show"]),
        (with(json!({ "answer_url": "http://127.0.0.1/" })), 422, &["answer_url"]),
        (with(json!({ "confirm": "no" })), 422, &["confirm"]),
        (with(json!({ "return_window": -1 })), 422, &["return_window"]),
        (with(json!({ "session_id": id })), 422, &["second", "show", "return_window", "first"]),
        (json!({ "session_id": id, "first": "third_party" }), 422, &["first"]),
        (json!({ "session_id": "+919876500001", "first": "first_party" }), 422, &["session_id"]),
        (json!({ "session_id": id, "first": "first_party" }), 404, &[]),
    ] {
        let answer = place(&desk, "", &body);
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!((answer.status, &named[..]), (status, fields), "{body}: {answer:?}");
        assert!(!answer.body.contains("98765"), "{answer:?}");
    }
    assert!(desk.calls.placed.lock().unwrap().is_empty());
}

#[test]
fn what_the_switch_refuses_is_told_by_the_field_of_the_order() {
    let desk = Desk::open();
    let reason = "is not ours: write a number of the inventory".to_owned();
    *desk.calls.refuses.lock().unwrap() = Some(NotPlaced::Invalid { field: "show", reason });
    let refused = place(&desk, "", &order());
    assert_eq!((refused.status, refused.field()), (422, "show".into()));
    *desk.calls.refuses.lock().unwrap() = Some(NotPlaced::Unavailable);
    let full = place(&desk, "k", &order());
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    assert_eq!(place(&desk, "k", &order()).status, 201, "nobody was called, and the key is free again");
    assert_eq!(place(&desk, "k", &order()).status, 200);
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 1);
    desk.health.set(Readiness::Draining);
    assert_eq!(place(&desk, "k3", &order()).status, 503);
    desk.health.set(Readiness::Ready);
    assert_eq!(place(&desk, "k3", &order()).status, 201, "what was turned away at the door may come again");
}

#[test]
fn a_call_that_begins_late_is_told_by_its_id_and_never_placed_again() {
    let desk = Desk::open();
    desk.calls.is_late.store(true, Ordering::SeqCst);
    let late = place(&desk, "k", &order());
    let id = late.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((late.status, late.header("location").unwrap()), (202, &*format!("/v1/calls/{id}")));
    let repeat = place(&desk, "k", &order());
    assert_eq!((repeat.status, &repeat.json()["id"]), (202, &json!(id)));
    desk.calls.begin_all();
    let repeat = place(&desk, "k", &order());
    assert_eq!((repeat.status, repeat.json()["id"].as_str()), (200, Some(&*id)));
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 1);
    // Neither begun nor to begin: a node that was killed in between, or one where it is going on.
    desk.calls.live.lock().unwrap().clear();
    let unknown = place(&desk, "k", &order());
    assert_eq!((unknown.status, unknown.header("retry-after")), (409, Some("1")));
    assert!(unknown.json()["detail"].as_str().unwrap().contains(&id), "{unknown:?}");
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 1, "nobody is called again");
}

/// The description of a record, and the record.
#[test]
fn a_record_is_written_as_it_is_described() {
    let mut full = record("a", START, Outcome::Answered);
    full.legs.push(LegRecord {
        peer: "carrier".into(),
        started_at: START,
        ringing_ms: None,
        answered_ms: None,
        ended_ms: None,
        result: None,
        hung_up: None,
        status: None,
        cause: None,
        billable_ms: 0,
        media: Some(MediaRecord {
            packets_received: 0,
            packets_sent: 0,
            octets_received: 0,
            octets_sent: 0,
            packets_lost: 0,
            remote_lost: None,
            jitter_ms: 0.0,
            round_trip_ms: None,
            mos: None,
            dropped: 0,
            codec: None,
        }),
    });
    let written = serde_json::to_value(full).unwrap();
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    let parts = [("Call", &written), ("Leg", &written["legs"][0]), ("Media", &written["legs"][0]["media"])];
    for (name, value) in parts {
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&schemas[name]["properties"]), fields(value), "{name}");
        assert_eq!(schemas[name]["required"].as_array().unwrap().len(), fields(value).len(), "{name}");
    }
}
