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
