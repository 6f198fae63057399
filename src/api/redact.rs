//! Numbers in JSON, hidden from those who may not see them.

use serde_json::{Map, Value};

use crate::base::{PhoneNumber, hide_runs};

/// The operator's own texts, and names that the operator gave (a phone may be named by its number): in them numbers may
/// stand in any form.
const FREE: [&str; 6] = ["metadata", "reference", "callback_url", "source", "peer", "trace"];

/// Hides every number: a text that is one is redacted as everywhere; in the operator's own texts every long run of
/// digits is hidden but for its last two.
pub(super) fn redact(value: &mut Value) {
    walk(value, false);
}

fn walk(value: &mut Value, is_free: bool) {
    match value {
        Value::String(text) => hide(text, is_free),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, is_free)),
        Value::Object(entries) => {
            *entries = std::mem::take(entries)
                .into_iter()
                .map(|(key, value)| entry(key, value, is_free))
                .collect::<Map<_, _>>();
        }
        Value::Number(number) if is_free => {
            let mut text = number.to_string();
            hide(&mut text, true);
            if text.contains('*') {
                *value = Value::String(text);
            }
        }
        _ => {}
    }
}

fn entry(mut key: String, mut value: Value, is_free: bool) -> (String, Value) {
    walk(&mut value, is_free || FREE.contains(&key.as_str()));
    hide(&mut key, is_free);
    (key, value)
}

fn hide(text: &mut String, is_free: bool) {
    if let Ok(number) = text.parse::<PhoneNumber>() {
        *text = number.to_string();
    } else if is_free {
        *text = hide_runs(text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_phone_that_is_named_by_its_number_is_hidden_too() {
        let mut value = json!({
            "source": "919876500091", "legs": [{ "peer": "+919876500091" }, { "peer": "pbx-9876500092" }],
            "trace": ["the call comes from phone 919876500091", "+9180******01 was dialled"],
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "source": "**********91", "legs": [{ "peer": "+9198******91" }, { "peer": "pbx-********92" }],
                "trace": ["the call comes from phone **********91", "+9180******01 was dialled"],
            })
        );
    }

    #[test]
    fn numbers_are_hidden_wherever_they_stand_and_nothing_else_is() {
        let mut value = json!({
            "id": "018f4e6a-0000-7000-8000-123456789012", "received_at": 1_795_335_330_250_u64,
            "caller": "+919876500001", "legs": [{ "peer": "carrier", "number": "+919876500002" }],
            "reference": "order 9876500001", "callback_url": "https://example.com/98765-00001",
            "metadata": { "+919876500001": [9_876_500_001_u64, "call 98765 00001", 4711], "note": "room 12" },
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "id": "018f4e6a-0000-7000-8000-123456789012", "received_at": 1_795_335_330_250_u64,
                "caller": "+9198******01", "legs": [{ "peer": "carrier", "number": "+9198******02" }],
                "reference": "order ********01", "callback_url": "https://example.com/*****-***01",
                "metadata": { "+9198******01": ["********01", "call ***** ***01", 4711], "note": "room 12" },
            })
        );
    }
}
