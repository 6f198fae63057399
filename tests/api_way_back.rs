//! Calls that are placed over the API and sessions: the way back of a call, and the calls of a session's parties.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use maskline::api::NotPlaced;
use serde_json::{Value, json};
use support::asked::{create, named, with};
use support::desk::{ALL, Desk, bearer};

#[test]
fn the_way_back_of_a_placed_call_is_a_session() {
    let desk = Desk::open();
    let order = |second: &str, window: u32| {
        let body = json!({ "first": "+919876500011", "second": second, "show": "+918045550102", "return_window": window });
        desk.send("POST", "/v1/calls", &body)
    };
    let placed = order("+919876500012", 60);
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.json()["session_id"].as_str().unwrap().to_owned();
    let session = || desk.get(&format!("/v1/sessions/{id}")).json();
    assert_eq!(session()["metadata"], json!({ "way_back_of": placed.json()["id"] }));
    let expiry = || session()["expires_at"].clone();
    assert_eq!(expiry(), "2026-11-22T08:16:30.000Z");
    let back = json!({ "from": "+919876500012", "to": "+918045550102" });
    assert_eq!(desk.send("POST", "/v1/explain", &back).json()["destination"], "+919876500011");
    desk.pass(30_000);
    assert_eq!(order("+919876500012", 60).json()["session_id"], json!(id), "the same pair goes on");
    assert_eq!(expiry(), "2026-11-22T08:17:00.000Z");
    assert_eq!(order("+919876500012", 1).status, 201);
    assert_eq!(expiry(), "2026-11-22T08:17:00.000Z", "never shortened");
    let conflict = order("+919876500013", 60);
    assert_eq!((conflict.status, conflict.field()), (409, "show".into()));
    assert_eq!(order("+919876500013", 0).status, 201, "without a way back there is no conflict");
    for (more, field) in [
        (json!({ "show": "+918045550199" }), "show"),
        (json!({ "second": "+918045550101" }), "second"),
        (json!({ "second": "+4420116123" }), ""),
    ] {
        let body = json!({ "first": "+919876500015", "second": "+919876500016", "show": "+918045550102" });
        for window in [0, 60] {
            let body = with(with(body.clone(), more.clone()), json!({ "return_window": window }));
            let answer = desk.send("POST", "/v1/calls", &body);
            let expected = if field.is_empty() { 201 } else { 422 };
            assert_eq!((answer.status, answer.field()), (expected, field.into()), "{body}: {answer:?}");
        }
    }
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 6);
}

#[test]
fn a_call_that_is_not_placed_leaves_no_way_back() {
    let desk = Desk::open();
    let order = |window: u32| {
        let body = json!({ "first": "+919876500011", "second": "+919876500012", "show": "+918045550102",
            "return_window": window });
        desk.ask(
            "POST",
            "/v1/calls",
            &format!("{}Idempotency-Key: k{window}\r\n", bearer(ALL)),
            Some(&body.to_string()),
        )
    };
    let sessions = || desk.get("/v1/sessions").json()["sessions"].clone();
    *desk.calls.doubts.lock().unwrap() = Some(NotPlaced::Unavailable);
    assert_eq!((order(60).status, sessions()), (503, json!([])), "nothing was done for it");
    *desk.calls.refuses.lock().unwrap() = Some(NotPlaced::Unavailable);
    assert_eq!((order(60).status, &sessions()[0]["status"]), (503, &json!("closed")));
    // That of a call that was placed stays as that call left it.
    let sessions = || desk.get("/v1/sessions?status=active").json()["sessions"].clone();
    assert_eq!(order(60).status, 201);
    *desk.calls.refuses.lock().unwrap() = Some(NotPlaced::Unavailable);
    assert_eq!(order(600).status, 503);
    let kept = sessions()[0].clone();
    assert_eq!(
        (&kept["status"], &kept["expires_at"]),
        (&json!("active"), &json!("2026-11-22T08:16:30.000Z"))
    );
    assert_eq!(order(600).json()["session_id"], kept["id"]);
    assert_eq!(sessions()[0]["expires_at"], "2026-11-22T08:25:30.000Z");
}

#[test]
fn a_way_back_that_another_call_has_taken_up_is_not_closed() {
    let desk = Desk::open();
    let order = || {
        let body = json!({ "first": "+919876500011", "second": "+919876500012", "show": "+918045550102" });
        desk.send("POST", "/v1/calls", &body)
    };
    let (release, held) = tokio::sync::oneshot::channel();
    *desk.calls.holds.lock().unwrap() = Some(held);
    *desk.calls.refuses.lock().unwrap() = Some(NotPlaced::Unavailable);
    std::thread::scope(|scope| {
        let refused = scope.spawn(order);
        while desk.calls.holds.lock().unwrap().is_some() {
            std::thread::yield_now();
        }
        // The first has made the way back and is about to be refused.
        let second = order();
        assert_eq!(second.status, 201);
        release.send(()).unwrap();
        assert_eq!(refused.join().unwrap().status, 503);
        let session = desk.get(&format!("/v1/sessions/{}", second.json()["session_id"].as_str().unwrap()));
        assert_eq!(session.json()["status"], "active", "it is the second call's way back");
    });
}

#[test]
fn a_way_back_that_could_not_lead_both_back_is_a_conflict() {
    let desk = Desk::open();
    let order = |first: &str, second: &str, window: u32| {
        let body =
            json!({ "first": first, "second": second, "show": "+918045550101", "return_window": window });
        desk.send("POST", "/v1/calls", &body)
    };
    // A mapping that leads one of them to the other, and not back.
    for second in ["+919876500002", "+919876500003"] {
        let refused = order("+919876500001", second, 60);
        assert_eq!((refused.status, refused.field()), (409, "show".into()), "{refused:?}");
    }
    // A session by a number for each.
    assert_eq!(desk.send("POST", "/v1/sessions", &named()).status, 201);
    let refused = order("+919876500011", "+919876500012", 60);
    assert_eq!((refused.status, refused.field()), (409, "show".into()), "{refused:?}");
    assert!(refused.body.contains("or 0 for return_window"), "{refused:?}");
    assert_eq!(order("+919876500011", "+919876500012", 0).status, 201);
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 1);
}

#[test]
fn a_session_of_the_operators_own_is_the_way_back_and_stays_as_it_is() {
    let desk = Desk::open();
    let body = json!({ "first_party": "+919876500012", "second_party": "+919876500011",
        "virtual_number": "+918045550102", "session_expiry": 600 });
    let own = desk.send("POST", "/v1/sessions", &body);
    assert_eq!(own.status, 201, "{own:?}");
    let body = json!({ "first": "+919876500011", "second": "+919876500012", "show": "+918045550102" });
    let placed = desk.send("POST", "/v1/calls", &body);
    assert_eq!((placed.status, &placed.json()["session_id"]), (201, &Value::Null), "{placed:?}");
    let after = desk.get(&format!("/v1/sessions/{}", own.json()["id"].as_str().unwrap())).json();
    assert_eq!(after, own.json());
}

#[test]
fn a_session_calls_its_parties_by_their_own_numbers() {
    let desk = Desk::open();
    let session = desk.send("POST", "/v1/sessions", &named());
    let id = session.json()["id"].clone();
    let order = |first: &str| desk.send("POST", "/v1/calls", &json!({ "session_id": id, "first": first }));
    assert_eq!(order("first_party").status, 201);
    assert_eq!(order("second_party").json()["session_id"], id);
    let number = support::desk::number;
    {
        let placed = desk.calls.placed.lock().unwrap();
        assert_eq!(
            (placed[0].first.number, placed[0].first.sees),
            (number("+919876500011"), number("+918045550101"))
        );
        assert_eq!(
            (placed[0].second.number, placed[0].second.sees),
            (number("+919876500012"), number("+918045550102"))
        );
        assert_eq!((placed[1].first, placed[1].second), (placed[0].second, placed[0].first));
    }
    let half = desk.send(
        "POST",
        "/v1/sessions",
        &json!({ "first_party": "+919876500021", "virtual_number": "+918045550102" }),
    );
    let half = json!({ "session_id": half.json()["id"], "first": "first_party" });
    assert_eq!(desk.send("POST", "/v1/calls", &half).field(), "session_id");
    desk.ask("DELETE", &format!("/v1/sessions/{}", id.as_str().unwrap()), &bearer(ALL), None);
    assert_eq!(order("first_party").status, 409);
}

#[test]
fn a_session_may_call_its_first_party_at_once_and_once_only() {
    let desk = Desk::open();
    let body = with(
        named(),
        json!({ "initiate_call_to_first_party": true, "call_time_limit": 600, "ring_timeout": 20, "reference": "r" }),
    );
    let made = create(&desk, "k", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let call = made.json()["call_id"].clone();
    {
        let placed = desk.calls.placed.lock().unwrap();
        let number = support::desk::number;
        assert_eq!((json!(placed[0].id), placed[0].confirm), (call.clone(), true));
        let first = (number("+919876500011"), number("+918045550101"));
        assert_eq!((placed[0].first.number, placed[0].first.sees), first);
        assert_eq!(placed[0].second.number, number("+919876500012"));
        assert_eq!(json!(placed[0].session.unwrap().to_string()), made.json()["id"]);
        let limits = [placed[0].ring_timeout, placed[0].time_limit].map(|limit| limit.unwrap().as_secs());
        assert_eq!(limits, [20, 600], "those of the session");
    }
    for key in ["k", "another"] {
        let repeat = create(&desk, key, &body);
        assert_eq!(
            (repeat.status, &repeat.json()["call_id"]),
            (200, &call),
            "by the key, or by the reference"
        );
        assert_eq!(repeat.json()["call_problem"], Value::Null);
    }
    assert_eq!(desk.calls.placed.lock().unwrap().len(), 1);
    let plain = desk.get(&format!("/v1/sessions/{}", made.json()["id"].as_str().unwrap())).json();
    assert!(plain.get("call_id").is_none(), "{plain}");
}

#[test]
fn a_session_whose_call_is_not_placed_stands_and_says_why() {
    let desk = Desk::open();
    *desk.calls.doubts.lock().unwrap() = Some(NotPlaced::Unavailable);
    let body = with(named(), json!({ "initiate_call_to_first_party": true }));
    let made = create(&desk, "k", &body);
    assert_eq!((made.status, &made.json()["status"]), (201, &json!("active")));
    assert_eq!(
        (&made.json()["call_id"], &made.json()["call_problem"]["status"]),
        (&Value::Null, &json!(503))
    );
    let repeat = create(&desk, "k", &body);
    let problem = repeat.json()["call_problem"].clone();
    assert_eq!((repeat.status, &problem["status"]), (200, &json!(409)), "{repeat:?}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("being carried out") && !detail.contains("POST"), "it may be about to: {detail}");
    assert!(desk.calls.placed.lock().unwrap().is_empty(), "a repeat calls nobody");
    let order = json!({ "session_id": made.json()["id"], "first": "first_party" });
    assert_eq!(
        desk.send("POST", "/v1/calls", &order).status,
        201,
        "the first answer said that there is none"
    );
}
