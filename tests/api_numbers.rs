//! The masking numbers over the API: those of the inventory and of the settings file, in pages.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use maskline::ledger::{Number, NumberState, Store};
use serde_json::json;
use support::desk::{ALL, Desk, READ, START, bearer, number};

#[test]
fn numbers_are_listed_with_those_of_the_settings() {
    let desk = Desk::open();
    let inventoried = Number {
        number: number("+918045550101"),
        country: Some("IN".into()),
        pool: Some("delivery".into()),
        trunk: None,
        answer: None,
        state: NumberState::Draining,
        added_at: maskline::base::Timestamp::from_millis(START),
    };
    desk.run(desk.store.put_number(&inventoried)).unwrap();
    let numbers = desk.get("/v1/numbers").json();
    assert_eq!(
        numbers,
        json!({ "numbers": [
            { "number": "+918045550101", "country": "IN", "pool": "delivery", "trunk": null, "state": "draining",
              "added_at": "2026-11-22T08:15:30.000Z" },
            { "number": "+918045550102", "country": null, "pool": null, "trunk": null, "state": "active",
              "added_at": null },
        ], "next": null })
    );
    let listed = |path: &str, token| desk.ask("GET", path, &bearer(token), None).json()["numbers"].clone();
    assert_eq!(listed("/v1/numbers?pool=delivery", READ)[0]["number"], "+9180******01");
    assert_eq!(listed("/v1/numbers?state=active", ALL).as_array().unwrap().len(), 1);
    assert_eq!(listed("/v1/numbers?pool=other", ALL), json!([]));
}

#[test]
fn numbers_have_pages_that_hide_what_the_token_may_not_see() {
    let desk = Desk::open();
    for last in (3..9).rev() {
        let body = json!({ "number": format!("+91804555010{last}"), "pool": "p" });
        assert_eq!(desk.send("POST", "/v1/numbers", &body).status, 201);
    }
    for (token, limit) in [(ALL, 1), (ALL, 3), (ALL, 8), (ALL, 100), (READ, 1), (READ, 3), (READ, 8)] {
        let (mut seen, mut path) = (Vec::new(), format!("/v1/numbers?limit={limit}"));
        loop {
            let page = desk.ask("GET", &path, &bearer(token), None);
            assert!(token == ALL || !page.body.contains("80455"), "{page:?}");
            let page = page.json();
            let rows = page["numbers"].as_array().unwrap();
            assert!(rows.len() <= limit && !rows.is_empty(), "{page}");
            seen.extend(rows.iter().map(|row| row["number"].as_str().unwrap().to_owned()));
            assert!(seen.len() <= 8, "it goes on: {seen:?}");
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/numbers?limit={limit}&cursor={next}");
        }
        let write = |last| number(&format!("+91804555010{last}"));
        let expected: Vec<String> = match token {
            ALL => (1..9).map(|last| write(last).reveal()).collect(),
            _ => (1..9).map(|last| write(last).to_string()).collect(),
        };
        assert_eq!(seen, expected, "in pages of {limit}, in the order of the numbers");
    }
    // Whoever removes what each page shows misses nothing.
    let first = desk.get("/v1/numbers?limit=2&pool=p").json();
    desk.ask("DELETE", "/v1/numbers/+918045550103", &bearer(ALL), None);
    let second = desk.get(&format!("/v1/numbers?limit=2&pool=p&cursor={}", first["next"].as_str().unwrap()));
    assert_eq!(second.json()["numbers"][0]["number"], "+918045550105");
}

#[test]
fn a_cursor_tells_no_number_and_nobody_else_can_make_one() {
    let desk = Desk::open();
    let add = |number: &str| {
        let body = json!({ "number": number, "pool": "p" });
        assert_eq!(desk.send("POST", "/v1/numbers", &body).status, 201);
    };
    (3..8).for_each(|last| add(&format!("+91804555010{last}")));
    for token in [READ, ALL] {
        let list = |query: &str| desk.ask("GET", &format!("/v1/numbers?{query}"), &bearer(token), None);
        for probe in ["918045550104", "%2B918045550104", "after-2", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let refused = list(&format!("cursor={probe}"));
            assert_eq!((refused.status, &*refused.field()), (422, "cursor"), "{probe}");
        }
    }
    let first = desk.get("/v1/numbers?limit=2&pool=p").json();
    let next = first["next"].as_str().unwrap();
    assert!(!next.contains("5550"), "{next}");
    // Others come in before and behind the place, and the number at the place goes.
    add("+918045550100");
    add("+918045550109");
    desk.ask("DELETE", "/v1/numbers/+918045550104", &bearer(ALL), None);
    for (token, from) in [(ALL, "+918045550105"), (READ, "+9180******05")] {
        let page = desk.ask("GET", &format!("/v1/numbers?pool=p&cursor={next}"), &bearer(token), None).json();
        assert_eq!(page["numbers"][0]["number"], from, "neither a gap nor a repeat");
        assert_eq!(page["numbers"].as_array().unwrap().len(), 4);
    }
    // Another run of the service has another key.
    let other = Desk::open_with(9).get(&format!("/v1/numbers?cursor={next}"));
    assert!(other.status == 422 && other.body.contains("begin again without it"), "{other:?}");
}

#[test]
fn one_of_the_settings_has_to_be_adopted_before_it_is_changed() {
    let desk = Desk::open();
    let drain =
        |number: &str| desk.send("PATCH", &format!("/v1/numbers/{number}"), &json!({ "state": "draining" }));
    let refused = drain("+918045550101");
    assert!(refused.status == 404 && refused.body.contains("adopt it first"), "{refused:?}");
    let refused = desk.ask("DELETE", "/v1/numbers/+918045550101", &bearer(ALL), None);
    assert!(refused.status == 404 && refused.body.contains("adopt it first"), "{refused:?}");
    let unknown = drain("+918045550177");
    assert!(unknown.status == 404 && unknown.body.contains("no such number in the inventory"), "{unknown:?}");
}
