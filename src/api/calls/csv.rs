//! Call records as a table (RFC 4180).

use serde_json::Value;

/// The columns: fields of a record by their names in JSON. Legs and traces are left to JSON.
const COLUMNS: [&str; 17] = [
    "id",
    "received_at",
    "source",
    "dialled",
    "caller",
    "destination",
    "shown",
    "session",
    "outcome",
    "hung_up",
    "status",
    "cause",
    "decided_ms",
    "ringing_ms",
    "answered_ms",
    "ended_ms",
    "billable_ms",
];

/// The table, with a head.
pub(super) fn table(records: &[Value]) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for record in records {
        let cells: Vec<String> = COLUMNS.iter().map(|column| cell(&record[column])).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One cell; null is empty.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_would_break_a_cell_is_quoted() {
        let record =
            json!({ "id": "a,b", "source": "the \"main\"\r\ntrunk", "caller": "+919876500001", "cause": 16 });
        let text = table(&[record]);
        let (head, row) = text.split_once("\r\n").unwrap();
        assert!(head.starts_with("id,received_at,source,") && head.ends_with(",billable_ms"));
        assert_eq!(row, "\"a,b\",,\"the \"\"main\"\"\r\ntrunk\",,+919876500001,,,,,,,16,,,,,\r\n");
        assert_eq!(table(&[]).matches("\r\n").count(), 1);
    }
}
