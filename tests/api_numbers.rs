//! The masking numbers over the API: those of the inventory and of the settings file, in pages.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use maskline::ledger::{Number, NumberState, Store};
use serde_json::{Value, json};
use support::desk::{ALL, Answer, Desk, READ, START, bearer, number};

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
            { "number": "+918045550101", "country": "IN", "pool": "delivery", "trunk": null,
              "answer_url": null, "answer_method": null, "state": "draining", "added_at": "2026-11-22T08:15:30.000Z" },
            { "number": "+918045550102", "country": null, "pool": null, "trunk": null,
              "answer_url": null, "answer_method": null, "state": "active", "added_at": null },
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

#[test]
fn a_number_gets_an_answer_url_keeps_it_and_loses_it() {
    let desk = Desk::open();
    const RENTED: &str = "+918045550103";
    const URL: &str = "https://app.example/answer?line=8045550103";
    let add = |body: &Value| desk.send("POST", "/v1/numbers", body);
    let change = |body: &Value| desk.send("PATCH", &format!("/v1/numbers/{RENTED}"), body);
    let asks = |answer: &Answer| {
        let shown = answer.json();
        (shown["answer_url"].clone(), shown["answer_method"].clone())
    };
    let wanted = json!({ "number": RENTED, "pool": "p", "answer_url": URL });
    let added = add(&wanted);
    assert_eq!((added.status, asks(&added)), (201, (URL.into(), "POST".into())), "{added:?}");
    // Just so again, and otherwise.
    assert_eq!(add(&wanted).status, 200);
    for other in [
        json!({ "number": RENTED, "pool": "p" }),
        json!({ "number": RENTED, "pool": "p", "answer_url": "https://elsewhere.example/" }),
        json!({ "number": RENTED, "pool": "p", "answer_url": URL, "answer_method": "GET" }),
    ] {
        let taken = add(&other);
        assert_eq!((taken.status, &*taken.field()), (409, "number"), "{other}: {taken:?}");
    }
    // What is asked now is told without a call, and by nobody who may not see numbers.
    let explained =
        desk.send("POST", "/v1/explain", &json!({ "from": "+919876500001", "to": RENTED })).json();
    assert_eq!(explained["decision"], "ask", "{explained}");
    let listed = desk.ask("GET", "/v1/numbers?pool=p", &bearer(READ), None);
    assert_eq!(listed.json()["numbers"][0]["answer_url"], "https://app.example/answer?line=********03");
    // What a change does not name stays.
    let step = |body: Value| asks(&change(&body));
    assert_eq!(step(json!({ "answer_method": "GET" })), (URL.into(), "GET".into()));
    assert_eq!(step(json!({ "pool": "q" })), (URL.into(), "GET".into()));
    assert_eq!(
        step(json!({ "answer_url": "https://a.example/" })),
        ("https://a.example/".into(), "GET".into())
    );
    assert_eq!(
        step(json!({ "answer_url": "https://a.example/", "answer_method": "POST" })),
        ("https://a.example/".into(), "POST".into())
    );
    assert_eq!(
        desk.run(desk.store.numbers()).unwrap()[0].answer.as_ref().unwrap().url,
        "https://a.example/".into()
    );
    assert_eq!(step(json!({ "answer_url": null })), (Value::Null, Value::Null));
    let explained =
        desk.send("POST", "/v1/explain", &json!({ "from": "+919876500001", "to": RENTED })).json();
    assert_eq!(explained["decision"], "refuse", "{explained}");
    // How nothing is asked cannot be said.
    for refused in [
        change(&json!({ "answer_method": "GET" })),
        change(&json!({ "answer_url": null, "answer_method": "GET" })),
        add(&json!({ "number": "+918045550104", "answer_method": "GET" })),
    ] {
        assert_eq!((refused.status, &*refused.field()), (422, "answer_method"), "{refused:?}");
    }
    assert_eq!(desk.get("/v1/numbers?pool=q").json()["numbers"].as_array().unwrap().len(), 1);
}
