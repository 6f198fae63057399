//! Sessions and the inventory over the API: created once, listed in pages, changed, closed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use maskline::api::document;
use serde_json::{Value, json};
use support::asked::{create, named, with};
use support::desk::{ALL, Desk, READ, bearer};

/// A desk with three numbers in the pool `p`.
fn pooled() -> Desk {
    let desk = Desk::open();
    for last in 3..=5 {
        let body = json!({ "number": format!("+91804555010{last}"), "pool": "p", "trunk": "carrier" });
        let added = desk.send("POST", "/v1/numbers", &body);
        assert_eq!(added.status, 201, "{added:?}");
    }
    desk
}

#[test]
fn a_session_is_created_with_the_fields_of_the_contract() {
    let desk = Desk::open();
    let body = with(
        named(),
        json!({
            "session_expiry": 3600, "sliding_expiry": 60, "call_time_limit": 600, "ring_timeout": 30,
            "virtual_number_cooloff_period": 120, "callback_url": "https://example.com/x",
            "reference": "order-1", "metadata": { "shop": 7 }, "record": false, "pool": null,
        }),
    );
    let made = desk.send("POST", "/v1/sessions", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location").unwrap(), format!("/v1/sessions/{id}"));
    let expected = json!({
        "id": id, "status": "active",
        "first_party": "+919876500011", "second_party": "+919876500012",
        "first_party_number": "+918045550101", "second_party_number": "+918045550102", "virtual_number": null,
        "pool": null, "reference": "order-1", "metadata": { "shop": 7 }, "callback_url": "https://example.com/x",
        "created_at": "2026-11-22T08:15:30.000Z", "starts_at": "2026-11-22T08:15:30.000Z",
        "expires_at": "2026-11-22T09:15:30.000Z", "closed_at": null, "sliding_expiry": 60,
        "virtual_number_cooloff_period": 120, "call_time_limit": 600, "ring_timeout": 30, "bind_first_caller": false,
    });
    assert_eq!(made.json(), expected);
    assert_eq!(desk.get(&format!("/v1/sessions/{id}")).json(), expected);
    let redacted = desk.ask("GET", &format!("/v1/sessions/{id}"), &bearer(READ), None);
    assert_eq!(redacted.json()["first_party"], "+9198******11");
    assert!(!redacted.body.contains("98765") && !redacted.body.contains("80455"), "{redacted:?}");
    let described = serde_json::to_value(document()).unwrap()["components"]["schemas"]["Session"].clone();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&described["properties"]), fields(&expected), "as it is described");
    assert_eq!(described["required"].as_array().unwrap().len(), fields(&expected).len());
    let explained = json!({ "from": "+919876500011", "to": "+918045550101" });
    let explained = desk.send("POST", "/v1/explain", &explained).json();
    assert_eq!((&explained["session"], &explained["destination"]), (&json!(id), &json!("+919876500012")));
}

#[test]
fn a_repeat_is_answered_as_the_first_was_and_makes_nothing() {
    let desk = pooled();
    let body = json!({ "first_party": "+919876500011", "second_party": "+919876500012", "pool": "p" });
    let first = create(&desk, "k1", &body);
    let again = create(&desk, "k1", &body);
    assert_eq!((first.status, again.status), (201, 200), "{first:?} {again:?}");
    assert_eq!(first.json()["id"], again.json()["id"]);
    let other = create(&desk, "k1", &with(body.clone(), json!({ "ring_timeout": 9 })));
    assert_eq!((other.status, other.field()), (409, "Idempotency-Key".into()));
    let body = with(body, json!({ "reference": "r", "second_party": "+919876500013" }));
    assert_eq!(create(&desk, "k2", &body).status, 201);
    assert_eq!(create(&desk, "k3", &body).status, 200, "the same reference for the same two");
    let taken = create(&desk, "k4", &with(body, json!({ "second_party": "+919876500014" })));
    assert_eq!((taken.status, taken.field()), (409, "reference".into()));
    assert_eq!(desk.get("/v1/sessions").json()["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn conflicts_say_what_is_missing_or_taken() {
    let desk = pooled();
    let body = |second: u8| json!({ "first_party": "+919876500011", "second_party": format!("+9198765000{second}"), "pool": "p" });
    for second in 12..=14 {
        assert_eq!(desk.send("POST", "/v1/sessions", &body(second)).status, 201);
    }
    let exhausted = desk.send("POST", "/v1/sessions", &body(15));
    assert_eq!((exhausted.status, exhausted.field()), (409, "pool".into()));
    assert_eq!(exhausted.json()["type"], "urn:maskline:problem:pool-exhausted");
    let detail = exhausted.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("has 3") && detail.contains("need 4"), "{detail}");
    let unknown = desk.send("POST", "/v1/sessions", &with(body(15), json!({ "pool": "q" })));
    assert_eq!((unknown.status, unknown.field()), (404, "pool".into()));
    assert_eq!(desk.send("POST", "/v1/sessions", &named()).status, 201);
    let taken = desk.send("POST", "/v1/sessions", &with(named(), json!({ "second_party": "+919876500019" })));
    assert_eq!((taken.status, &taken.json()["type"]), (409, &json!("urn:maskline:problem:number-taken")));
    assert_eq!(taken.field(), "first_party_number");
    let remedy = taken.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(remedy.ends_with("name another number") && !taken.body.contains("80455"), "{taken:?}");
    for (more, field) in [
        (json!({ "second_party": "+919876500011" }), "second_party"),
        (json!({ "second_party": "+918045550101" }), "second_party"),
        (json!({ "first_party": "+91112" }), "first_party"),
        (json!({ "first_party_number": "+918045550199" }), "first_party_number"),
        (json!({ "expires_at": "2026-11-22T08:15:29Z" }), "expires_at"),
    ] {
        let refused = desk.send("POST", "/v1/sessions", &with(named(), more.clone()));
        assert_eq!((refused.status, refused.field()), (422, field.into()), "{more}: {refused:?}");
        assert!(!refused.body.contains("98765") && !refused.body.contains("80455"), "{refused:?}");
    }
}

#[test]
fn lists_have_pages_and_filters() {
    let desk = pooled();
    let mut made = Vec::new();
    for second in 20..27 {
        let body = json!({ "first_party": format!("+9198765001{second}"), "second_party": format!("+9198765000{second}"), "pool": "p" });
        made.insert(0, desk.send("POST", "/v1/sessions", &body).json()["id"].clone());
        desk.pass(if second % 2 == 0 { 0 } else { 5 });
    }
    desk.ask("DELETE", &format!("/v1/sessions/{}", made[0].as_str().unwrap()), &bearer(ALL), None);
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/v1/sessions?limit={limit}"));
        loop {
            let page = desk.get(&path).json();
            seen.extend(page["sessions"].as_array().unwrap().iter().map(|session| session["id"].clone()));
            assert!(seen.len() <= 7, "it goes on: {seen:?}");
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/sessions?limit={limit}&cursor={next}");
        }
        let (mut sorted, mut all) = (seen.clone(), made.clone());
        sorted.sort_by_key(ToString::to_string);
        all.sort_by_key(ToString::to_string);
        assert_eq!(sorted, all, "each once, in pages of {limit}");
    }
    let count =
        |query: &str| desk.get(&format!("/v1/sessions?{query}")).json()["sessions"].as_array().unwrap().len();
    assert_eq!((count("status=closed"), count("status=active"), count("status=expired")), (1, 6, 0));
    assert_eq!((count("party=+919876500022"), count("party=+919876500099")), (1, 0));
    assert_eq!((count("pool=p"), count("pool=q"), count("number=%2B918045550101")), (7, 0, 0));
}

#[test]
fn a_session_is_changed_closed_and_reopened() {
    let desk = Desk::open();
    let made = desk.send(
        "POST",
        "/v1/sessions",
        &with(named(), json!({ "ring_timeout": 30, "session_expiry": 60 })),
    );
    let path = format!("/v1/sessions/{}", made.json()["id"].as_str().unwrap());
    let changed = desk.send(
        "PATCH",
        &path,
        &json!({ "ring_timeout": null, "expires_at": null, "call_time_limit": 60 }),
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    let now = changed.json();
    assert_eq!((&now["ring_timeout"], &now["expires_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&now["call_time_limit"], &now["second_party"]), (&json!(60), &json!("+919876500012")));
    let same = desk.send("PATCH", &path, &json!({ "second_party": "+919876500011" }));
    assert_eq!((same.status, same.field()), (422, "second_party".into()));
    for _ in 0..2 {
        let closed = desk.ask("DELETE", &path, &bearer(ALL), None);
        assert_eq!((closed.status, &closed.json()["status"]), (200, &json!("closed")));
        desk.pass(1000);
    }
    assert_eq!(desk.get(&path).json()["closed_at"], "2026-11-22T08:15:30.000Z", "closed once");
    let over = desk.send("PATCH", &path, &json!({ "ring_timeout": 5 }));
    assert_eq!((over.status, over.field()), (409, "reopen".into()));
    let reopened = desk.send("PATCH", &path, &json!({ "reopen": true, "session_expiry": 10 }));
    assert_eq!((reopened.status, &reopened.json()["status"]), (200, &json!("active")));
    let (mut events, wanted) =
        (desk.follow("/v1/events?after=0", &bearer(READ)), ["created", "changed", "closed", "changed"]);
    for kind in wanted {
        let (name, _, data) = events.event();
        assert_eq!(name, format!("session.{kind}"));
        assert!(!data.contains("98765") && data.contains("\"first_party\":\"+9198******11\""), "{data}");
    }
    assert_eq!(
        desk.send("PATCH", "/v1/sessions/019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76", &json!({})).status,
        404
    );
}

#[test]
fn a_party_that_comes_in_place_of_another_gets_its_number_or_another() {
    let desk = pooled();
    let body = |second: u8| json!({ "first_party": format!("+9198765001{second}"), "second_party": format!("+9198765000{second}"), "pool": "p" });
    let [session, other] = [20, 21].map(|second| desk.send("POST", "/v1/sessions", &body(second)).json());
    let path = format!("/v1/sessions/{}", session["id"].as_str().unwrap());
    let to = |party: &str| desk.send("PATCH", &path, &json!({ "second_party": party }));
    let kept = to("+919876500022").json();
    assert_eq!(kept["second_party_number"], session["second_party_number"]);
    assert_eq!(other["second_party_number"], session["second_party_number"]);
    let drawn = to("+919876500021");
    assert_eq!(
        (drawn.status, &drawn.json()["second_party_number"]),
        (200, &json!("+918045550105")),
        "{drawn:?}"
    );
    assert_eq!(drawn.json()["first_party_number"], session["first_party_number"]);
    assert_eq!(desk.get(&path).json(), drawn.json());
    // A pool that has none for the new party.
    for second in [30, 31] {
        let body = with(body(second), json!({ "second_party": "+919876500040" }));
        assert_eq!(desk.send("POST", "/v1/sessions", &body).status, 201);
    }
    let none = to("+919876500040");
    assert_eq!((none.status, none.field()), (409, "pool".into()), "{none:?}");
    assert_eq!(none.json()["type"], "urn:maskline:problem:pool-exhausted");
    assert_eq!(desk.get(&path).json(), drawn.json(), "it stands as it was");
    // Numbers that you named are yours to change.
    let named = desk.send("POST", "/v1/sessions", &named()).json();
    let shared = json!({ "first_party": "+919876500015", "second_party": "+919876500016", "virtual_number": "+918045550102" });
    assert_eq!(desk.send("POST", "/v1/sessions", &shared).status, 201);
    let path = format!("/v1/sessions/{}", named["id"].as_str().unwrap());
    let taken = desk.send("PATCH", &path, &json!({ "second_party": "+919876500016" }));
    assert_eq!((taken.status, taken.field()), (409, "second_party_number".into()), "{taken:?}");
}

#[test]
fn a_number_is_added_drained_and_removed() {
    let desk = Desk::open();
    let body = json!({ "number": "+918045550103", "pool": "p", "trunk": "carrier" });
    let added = desk.send("POST", "/v1/numbers", &body);
    assert_eq!((added.status, &added.json()["country"]), (201, &json!("IN")), "{added:?}");
    assert_eq!(desk.send("POST", "/v1/numbers", &body).status, 200, "just so");
    let taken = desk.send("POST", "/v1/numbers", &with(body, json!({ "pool": "q" })));
    assert_eq!((taken.status, taken.field()), (409, "number".into()));
    assert_eq!(
        desk.send("POST", "/v1/numbers", &json!({ "number": "+918045550101" })).status,
        201,
        "adopted"
    );
    let unknown = desk.send("POST", "/v1/numbers", &json!({ "number": "+918045550104", "trunk": "nobody" }));
    assert_eq!((unknown.status, unknown.field()), (422, "trunk".into()));
    let path = "/v1/numbers/+918045550103";
    let session = json!({ "first_party": "+919876500011", "second_party": "+919876500012", "pool": "p", "shared_number": true });
    let session = desk.send("POST", "/v1/sessions", &session);
    assert_eq!(
        (session.status, &session.json()["virtual_number"]),
        (201, &json!("+918045550103")),
        "{session:?}"
    );
    let drained = desk.send("PATCH", path, &json!({ "state": "draining", "pool": null }));
    let in_use = desk.send("PATCH", path, &json!({ "state": "retired" }));
    assert_eq!((in_use.status, in_use.field()), (409, "state".into()));
    assert_eq!((&drained.json()["state"], &drained.json()["pool"]), (&json!("draining"), &Value::Null));
    let delete = |path: &str| desk.ask("DELETE", path, &bearer(ALL), None);
    assert_eq!(delete(path).status, 202, "in use");
    delete(&format!("/v1/sessions/{}", session.json()["id"].as_str().unwrap()));
    desk.pass(1);
    assert_eq!((delete("/v1/numbers/918045550103").status, delete(path).status), (204, 404));
}

#[test]
fn an_erased_party_reaches_nobody() {
    let desk = Desk::open();
    let id = desk.send("POST", "/v1/sessions", &named()).json()["id"].as_str().unwrap().to_owned();
    let erased = desk.send("POST", "/v1/redactions", &json!({ "party": "+919876500012" })).json();
    assert_eq!(erased["sessions"], 1);
    let session = desk.get(&format!("/v1/sessions/{id}")).json();
    assert_eq!((&session["second_party"], &session["status"]), (&Value::Null, &json!("closed")));
    let back = json!({ "from": "+919876500012", "to": "+918045550102" });
    assert_eq!(desk.send("POST", "/v1/explain", &back).json()["decision"], "refuse");
}
