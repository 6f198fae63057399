//! The API as a client meets it: who may use it, what it says of a bad request, what it describes of itself;
//! explanations and erasure.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;

use maskline::api::{Readiness, document};
use maskline::ledger::{Entry, Outcome};
use serde_json::{Value, json};
use support::desk::{ADMIN, ALL, Desk, READ, START, WRITE, bearer, record};

/// Every operation that needs a token, with the scope that it needs.
const OPERATIONS: [(&str, &str, &str); 15] = [
    ("POST", "/v1/sessions", "write"),
    ("GET", "/v1/sessions", "read"),
    ("GET", "/v1/sessions/x", "read"),
    ("PATCH", "/v1/sessions/x", "write"),
    ("DELETE", "/v1/sessions/x", "write"),
    ("POST", "/v1/calls", "write"),
    ("GET", "/v1/calls", "read"),
    ("GET", "/v1/calls/x", "read"),
    ("DELETE", "/v1/calls/x", "write"),
    ("GET", "/v1/numbers", "read"),
    ("POST", "/v1/numbers", "admin"),
    ("PATCH", "/v1/numbers/x", "admin"),
    ("DELETE", "/v1/numbers/x", "admin"),
    ("POST", "/v1/explain", "read"),
    ("POST", "/v1/redactions", "admin"),
];

#[test]
fn each_operation_asks_for_a_token_and_for_its_scope() {
    let desk = Desk::open();
    let others = [("GET", "/v1/events", "read"), ("GET", "/metrics", "read")];
    for (method, path, scope) in OPERATIONS.into_iter().chain(others) {
        for wrong in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic OndyaW5n\r\n"] {
            let answer = desk.ask(method, path, wrong, Some("{}"));
            assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.header("www-authenticate").unwrap().starts_with("bearer"), "{answer:?}");
        }
        for (token, has) in [(READ, "read"), (WRITE, "write"), (ADMIN, "admin")] {
            if has == scope && path == "/v1/events" {
                continue;
            }
            let answer = desk.ask(method, path, &bearer(token), Some("{}"));
            assert_eq!(answer.status == 403, has != scope, "{method} {path} with {has}: {answer:?}");
            if answer.status == 403 {
                let detail = answer.json()["detail"].as_str().unwrap().to_owned();
                assert!(detail.contains(&format!("the scope {scope}:")), "{detail}");
            }
        }
    }
    // "anyone:the-token-of-all-scopes"
    let basic = "Authorization: Basic YW55b25lOnRoZS10b2tlbi1vZi1hbGwtc2NvcGVz\r\n";
    assert_eq!(desk.ask("GET", "/v1/sessions", basic, None).status, 200);
}

#[test]
fn what_needs_no_token_is_open() {
    let desk = Desk::open();
    let open = |path| desk.ask("GET", path, "", None);
    assert_eq!(open("/healthz").json(), json!({ "status": "ok" }));
    assert_eq!(open("/readyz").json(), json!({ "status": "ready", "store": "ok" }));
    desk.health.set_store(false);
    assert_eq!(open("/readyz").json(), json!({ "status": "ready", "store": "away" }), "calls go on");
    for readiness in [Readiness::Draining, Readiness::Starting] {
        desk.health.set(readiness);
        assert_eq!(open("/readyz").status, 503);
        assert_eq!(open("/readyz").header("content-type"), Some("application/problem+json"));
        assert_eq!(open("/healthz").status, 200, "alive all the while");
    }
    let page = open("/docs/");
    assert!(page.status == 200 && page.body.contains("swagger-ui"), "{page:?}");
    assert!(!page.body.contains("//"), "everything that the page loads is here: {}", page.body);
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert!(!open("/docs/swagger-initializer.js").body.contains("://"));
    assert_eq!(open("/docs").header("location"), Some("/docs/"));
}

#[test]
fn what_is_described_is_what_is_served() {
    let desk = Desk::open();
    let served = desk.ask("GET", "/openapi.json", "", None).json();
    assert_eq!(served, serde_json::to_value(document()).unwrap());
    assert_eq!(served["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    let mut described = BTreeSet::new();
    for (path, item) in served["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.replace("{id}", "x").replace("{e164}", "x")));
            for words in ["summary", "operationId", "tags", "responses"] {
                assert!(!operation[words].is_null(), "{method} {path} has no {words}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
            }
        }
    }
    let wanted: BTreeSet<_> = OPERATIONS
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .chain([("GET", "/v1/events"), ("GET", "/metrics"), ("GET", "/healthz"), ("GET", "/readyz")])
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, wanted);
    for (name, schema) in served["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let text = property.to_string();
            assert!(
                text.contains("description") || text.contains("$ref"),
                "{name}.{field} says nothing of itself"
            );
        }
    }
}

/// A request that is wrong in one way, and what is said of it: status, field, and words of the remedy.
fn refused(desk: &Desk, method: &str, path: &str, body: &str, status: u16, field: &str, words: &str) {
    let answer = desk.ask(method, path, &bearer(ALL), Some(body));
    assert_eq!(answer.status, status, "{body}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{body}");
    assert_eq!(answer.field(), field, "{body}: {answer:?}");
    assert!(answer.body.contains(words), "{body}: {answer:?}");
    for foreign in ["98765", "80455", "evil"] {
        assert!(!answer.body.contains(foreign), "{body} is repeated: {answer:?}");
    }
}

#[test]
fn a_bad_field_is_named_with_the_remedy_and_never_repeated() {
    let desk = Desk::open();
    let session = |body: &str, field: &str, words: &str| {
        refused(&desk, "POST", "/v1/sessions", body, 422, field, words);
    };
    let with = |more: &str| format!(r#"{{"first_party":"+919876500001","pool":"p",{more}}}"#);
    session("{}", "first_party", "is missing");
    session(r#"{"first_party":"+919876500001"}"#, "pool", "write pool, virtual_number");
    session(&with(r#""colour":"evil""#), "colour", "is not known here");
    session(&with(r#""+919876500003":"evil""#), "(a field)", "is not known here");
    session(&with(r#""first_party":"+919876500003""#), "first_party", "stands twice");
    session(&with(r#""second_party":919876500002"#), "second_party", "is a number: write a number in quotes");
    session(&with(r#""second_party":"919876500002""#), "second_party", "does not begin with +");
    session(&with(r#""second_party":"+91 98765 00002""#), "second_party", "other than digits");
    session(&with(r#""second_party":"+٩١٩٨٧٦٥٠٠٠٠٢""#), "second_party", "other than digits");
    session(&with(r#""second_party":"+919876500002;ext=1""#), "second_party", "other than digits");
    session(&with(r#""second_party":"112""#), "second_party", "emergency number or a short code");
    session(&with(r#""second_party":["+919876500002"]"#), "second_party", "is a list");
    session(
        &with(r#""session_expiry":"3600""#),
        "session_expiry",
        "is a text: write a whole number from 0 to",
    );
    session(&with(r#""session_expiry":-1"#), "session_expiry", "write a whole number from 0 to");
    session(&with(r#""session_expiry":1.5"#), "session_expiry", "write a whole number from 0 to");
    session(&with(r#""session_expiry":99999999999"#), "session_expiry", "from 0 to 315360000");
    session(
        &with(r#""session_expiry":1,"expires_at":"2027-01-01T00:00:00Z""#),
        "expires_at",
        "one of the two",
    );
    session(&with(r#""expires_at":"tomorrow""#), "expires_at", "2026-11-22T08:15:30Z");
    session(&with(r#""ring_timeout":0"#), "ring_timeout", "from 1 to 600");
    session(&with(r#""geomatch":"yes""#), "geomatch", "a boolean");
    session(
        &with(r#""initiate_call_to_first_party":true"#),
        "initiate_call_to_first_party",
        "needs second_party",
    );
    session(&with(r#""virtual_number":"+918045550101""#), "pool", "and no other of them");
    session(&with(r#""callback_url":"ftp://evil/""#), "callback_url", "http://");
    session(&with(r#""callback_url":"https://user:evil@host/""#), "callback_url", "without a user");
    session(&with("\"reference\":\"a\\u0000evil\""), "reference", "no control characters");
    let long = "x".repeat(maskline::session::LONGEST_REFERENCE + 1);
    session(&with(&format!(r#""reference":"{long}""#)), "reference", "1 to 128 characters");
    session(&with(r#""metadata":"evil""#), "metadata", "a JSON object");
    session(&with(&format!(r#""metadata":{{"a":"{}"}}"#, "x".repeat(9000))), "metadata", "8192 bytes");
    session(&with(r#""pool":"a b""#).replacen(r#""pool":"p","#, "", 1), "pool", "is no name");
    for field in ["record", "generate_pin"] {
        session(&with(&format!(r#""{field}":true"#)), field, "not served in this version");
        session(&with(&format!(r#""{field}":{{"evil":1}}"#)), field, "not served in this version");
    }
    session(&with(r#""first_party_play_url":"https://evil/""#), "first_party_play_url", "not served");
    let all = desk.send(
        "POST",
        "/v1/sessions",
        &json!({ "first_party": "+919876500001", "record": true, "pin_retry": 3 }),
    );
    assert_eq!(all.json()["errors"].as_array().unwrap().len(), 3, "every field at once: {all:?}");
    refused(&desk, "PATCH", "/v1/sessions/x", r#"{"reopen":1}"#, 422, "reopen", "a boolean");
    refused(
        &desk,
        "POST",
        "/v1/numbers",
        r#"{"number":"+918045550103","answer_url":"ftp://evil/"}"#,
        422,
        "answer_url",
        "is no URL to call",
    );
    refused(
        &desk,
        "POST",
        "/v1/numbers",
        r#"{"number":"+918045550103","answer_url":"http://a/","answer_method":"evil"}"#,
        422,
        "answer_method",
        "POST, GET",
    );
    refused(
        &desk,
        "PATCH",
        "/v1/numbers/+918045550103",
        r#"{"state":"evil"}"#,
        422,
        "state",
        "active, draining, retired",
    );
    refused(&desk, "POST", "/v1/explain", r#"{"from":"evil","to":"1"}"#, 422, "from", "begin with +");
    refused(&desk, "POST", "/v1/redactions", r#"{"party":null}"#, 422, "party", "null");
}

#[test]
fn a_bad_query_or_header_is_named_too() {
    let desk = Desk::open();
    for (path, field) in [
        ("/v1/sessions?colour=evil", "colour"),
        ("/v1/sessions?party=9876500001", "party"),
        ("/v1/sessions?party=%2B919876500001&party=%2B919876500002", "party"),
        ("/v1/sessions?status=evil", "status"),
        ("/v1/sessions?limit=0", "limit"),
        ("/v1/sessions?limit=1001", "limit"),
        ("/v1/sessions?limit=evil", "limit"),
        ("/v1/sessions?cursor=evil", "cursor"),
        ("/v1/calls?result=evil", "result"),
        ("/v1/calls?session=evil", "session"),
        ("/v1/calls?since=evil", "since"),
        ("/v1/calls?since=2026-11-23T00:00:00Z&until=2026-11-22T00:00:00Z", "until"),
        ("/v1/events?after=-1", "after"),
        ("/v1/numbers?state=evil", "state"),
        ("/v1/numbers?limit=0", "limit"),
        ("/v1/numbers?cursor=after-+7", "cursor"),
        ("/v1/numbers?cursor=%2B918045550101", "cursor"),
    ] {
        refused(&desk, "GET", path, "", 422, field, if field == "colour" { "take it out" } else { "write" });
    }
    let with = |header: &str| desk.ask("GET", "/v1/events", &(bearer(ALL) + header), None);
    assert_eq!(with("Last-Event-ID: evil\r\n").field(), "Last-Event-ID");
    for key in ["", " ", "a b", &"x".repeat(256)] {
        let headers = format!("{}Idempotency-Key: {key}\r\n", bearer(ALL));
        let answer = desk.ask("POST", "/v1/calls", &headers, Some("{}"));
        assert_eq!((answer.status, answer.field()), (400, "Idempotency-Key".to_owned()), "{key:?}");
    }
    for good in ["/v1/sessions?party=+919876500001", "/v1/calls?since=2026-11-22T13:45:30+05:30&limit=1000"] {
        assert_eq!(desk.get(good).status, 200, "a plus stands for itself: {good}");
    }
}

#[test]
fn what_is_no_request_gets_its_status() {
    let desk = Desk::open();
    let ask = |method: &str, path: &str, headers: &str, body: Option<&str>| {
        let answer = desk.ask(method, path, &(bearer(ALL) + headers), body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert!(!answer.body.contains("98765"), "{answer:?}");
        answer
    };
    for action in ["transfer", "record", "play", "dtmf"] {
        assert_eq!(desk.ask("POST", &format!("/v1/calls/x/{action}"), "", None).status, 401, "{action}");
    }
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/+919876500001", 404),
        ("GET", "/v1/sessions/+919876500001", 404),
        ("GET", "/v1/sessions/%FF", 404),
        ("GET", "/v1/sessions/019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76", 404),
        ("GET", "/v1/calls/%2B919876500001", 404),
        ("DELETE", "/v1/calls/nobody", 404),
        ("PUT", "/v1/sessions", 405),
        ("POST", "/readyz", 405),
        ("POST", "/v1/calls/x/transfer", 501),
        ("POST", "/v1/calls/x/dtmf", 501),
        ("POST", "/v1/calls/x/whistle", 404),
    ] {
        assert_eq!(ask(method, path, "", None).status, status, "{method} {path}");
    }
    assert_eq!(ask("PUT", "/v1/sessions", "", None).header("allow"), Some("post,get,head"));
    for body in ["", "{", "[1,]", "{\"a\":1}}", "\u{feff}{}", "{\"a\":1e999}", &"[".repeat(500)] {
        let answer = ask("POST", "/v1/explain", "", Some(body));
        assert!(answer.status == 400 && answer.body.contains("line"), "{body:?}: {answer:?}");
    }
    for body in ["[]", "7", "null", "\"x\""] {
        assert!(ask("POST", "/v1/explain", "", Some(body)).body.contains("JSON object"), "{body}");
    }
    let long = format!("{{\"from\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(ask("POST", "/v1/explain", "", Some(&long)).status, 413);
    let plain = desk.raw(
        format!("POST /v1/explain HTTP/1.1\r\nHost: x\r\n{}Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}", bearer(ALL))
            .as_bytes(),
    );
    assert_eq!(plain.status, 415);
    for (path, accept) in [
        ("/v1/sessions", "text/csv"),
        ("/v1/sessions", "application/xml"),
        ("/v1/calls", "text/html"),
        ("/v1/events", "application/json"),
        ("/metrics", "image/png"),
    ] {
        let answer = ask("GET", path, &format!("Accept: {accept}\r\n"), None);
        assert_eq!(answer.status, 406, "{path} {accept}");
    }
    let headers: String = (0..80).map(|at| format!("X-{at}: x\r\n")).collect();
    assert_eq!(desk.ask("GET", "/healthz", &headers, None).status, 431);
}

#[test]
fn the_database_away_is_told_as_503_and_nothing_of_what_it_said() {
    let desk = Desk::open();
    desk.store.go_away(true);
    for path in
        ["/v1/sessions", "/v1/calls", "/v1/numbers", "/v1/sessions/019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76"]
    {
        let answer = desk.get(path);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}: {answer:?}");
        assert!(!answer.body.contains("refused"), "{answer:?}");
    }
    assert_eq!(desk.get("/metrics").status, 200);
}

#[test]
fn metrics_count_answers_by_route_and_hold_no_number() {
    let desk = Desk::open();
    desk.get("/v1/calls/+919876500001");
    desk.get("/+919876500001");
    desk.ask("BREW", "/v1/calls", "", None);
    let answer = desk.get("/metrics");
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        r#"maskline_http_requests_total{method="GET",route="/v1/calls/{id}",status="404"} 1"#,
        r#"maskline_http_requests_total{method="GET",route="unknown",status="404"} 1"#,
        r#"maskline_http_requests_total{method="OTHER",route="/v1/calls",status="405"} 1"#,
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}\n{}", answer.body);
    }
    assert!(!answer.body.contains("98765"));
    let plain = desk.ask("GET", "/metrics", &(bearer(ALL) + "Accept: text/plain\r\n"), None);
    assert!(plain.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
}

#[test]
fn an_explanation_is_the_decision_and_its_steps() {
    let desk = Desk::open();
    let asked = json!({ "from": "+919876500001", "to": "+918045550101" });
    let bridged = desk.send("POST", "/v1/explain", &asked).json();
    assert_eq!((&bridged["decision"], &bridged["reason"]), (&json!("bridge"), &Value::Null));
    assert_eq!(
        (&bridged["destination"], &bridged["shown"]),
        (&json!("+919876500002"), &json!("+918045550102"))
    );
    assert_eq!((&bridged["by"], &bridged["ring_timeout"]), (&json!(["trunk carrier"]), &json!(60)));
    assert!(
        bridged["trace"].as_array().unwrap().len() > 3 && !bridged["trace"].to_string().contains("98765")
    );
    let redacted = desk.ask("POST", "/v1/explain", &bearer(READ), Some(&asked.to_string()));
    assert_eq!(redacted.json()["destination"], "+9198******02");
    for (from, to, reason) in [
        ("+919876500003", "+918045550101", "caller-not-allowed"),
        ("anonymous", "+918045550102", "no-mapping"),
        ("+919876500001", "+918045550109", "not-ours"),
        ("+919876500001", "112", "emergency"),
    ] {
        let refused = desk.send("POST", "/v1/explain", &json!({ "from": from, "to": to })).json();
        assert_eq!(
            (&refused["decision"], &refused["reason"]),
            (&json!("refuse"), &json!(reason)),
            "{from} {to}"
        );
        assert_eq!(refused["destination"], Value::Null);
    }
}

#[test]
fn an_erased_party_is_gone() {
    let desk = Desk::open();
    desk.keep(&[Entry::Ended(Box::new(record("one", START, Outcome::Answered)))]);
    let erased = desk.send("POST", "/v1/redactions", &json!({ "party": "+919876500002" }));
    assert_eq!((erased.status, erased.json()), (200, json!({ "sessions": 0, "calls": 1, "events": 0 })));
    let record = desk.get("/v1/calls/one").json();
    assert_eq!((&record["destination"], &record["caller"]), (&Value::Null, &json!("+919876500001")));
}

#[test]
fn a_client_that_sends_nothing_keeps_nobody_waiting() {
    let desk = Desk::open();
    let silent: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(desk.address).unwrap()).collect();
    assert_eq!(desk.get("/v1/sessions").status, 200);
    drop(silent);
}
