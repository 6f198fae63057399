//! Answers as people read them.

use serde_json::Value;

use crate::base::Timestamp;

/// A column: its head, and what stands in it.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// Rows under heads, each column as wide as its widest cell.
pub(super) fn table(rows: &[Value], columns: &[Column]) -> String {
    let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let cells = |row| columns.iter().map(|(_, cell)| clean(&cell(row))).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

/// Every field of an object on a line of its own; what is null is left out.
pub(super) fn fields(object: &Value) -> String {
    let entries = object.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let entries: Vec<(String, String)> = entries.map(|(key, value)| (clean(key), text(value))).collect();
    let width = entries.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    entries.iter().map(|(key, value)| format!("{key:<width$}  {}\n", clean(value))).collect()
}

/// A value without the quotes of JSON; a dash for null.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Milliseconds since the epoch as a time.
pub(super) fn time(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), |millis| Timestamp::from_millis(millis).to_string())
}

/// Milliseconds as minutes and seconds.
pub(super) fn duration(value: &Value) -> String {
    value.as_u64().map_or_else(
        || "-".to_owned(),
        |millis| {
            let seconds = millis / 1000;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        },
    )
}

/// Without what a terminal would act on.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [json!({ "a": "x", "b": 1 }), json!({ "a": null, "b": "long\u{1b}[31m" })];
        let columns: [Column; 2] = [("FIRST", |row| text(&row["a"])), ("B", |row| text(&row["b"]))];
        assert_eq!(table(&rows, &columns), "FIRST  B\nx      1\n-      long\u{fffd}[31m\n");
        assert_eq!(fields(&json!({ "id": "x", "gone": null, "longer": [1] })), "id      x\nlonger  [1]\n");
        assert_eq!(
            (duration(&json!(61_500)), time(&json!(0))),
            ("1:01".into(), "1970-01-01T00:00:00.000Z".into())
        );
    }
}
