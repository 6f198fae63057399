//! What tests of the API ask of sessions.

use serde_json::{Value, json};

use super::desk::{ALL, Answer, Desk, bearer};

/// A session of two parties, each with a number of its own.
pub(crate) fn named() -> Value {
    json!({
        "first_party": "+919876500011", "second_party": "+919876500012",
        "first_party_number": "+918045550101", "second_party_number": "+918045550102",
    })
}

/// The same with more, or with other values.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    let fields = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

/// Asks for a session by a key.
pub(crate) fn create(desk: &Desk, key: &str, body: &Value) -> Answer {
    let headers = format!("{}Idempotency-Key: {key}\r\n", bearer(ALL));
    desk.ask("POST", "/v1/sessions", &headers, Some(&body.to_string()))
}
