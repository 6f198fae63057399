//! Taking a party's number out of what is kept.

use serde::Serialize;
use serde_json::Value;

use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallRecord, Entry, Event, Json, Session};
use crate::store::spelling::Spelling;

/// What stands where a number stood within a text.
const ERASED: &str = "[erased]";

/// Erases a party from a session, which is over then, cool-off and all. False where it is not in there.
pub(super) fn session(session: &mut Session, party: PhoneNumber, now: Timestamp) -> bool {
    let mut is_changed = number(&mut session.first.number, party) | number(&mut session.second.number, party);
    if is_changed {
        let end = session.free_at().min(now);
        session.closed_at = Some(session.closed_at.unwrap_or(end).min(end));
        session.cooloff = 0;
    }
    let former = session.former.len();
    session.former.retain(|former| former.party.number != Some(party));
    is_changed |= session.former.len() < former;
    // Of references there is one of each: two that were erased would be the same.
    is_changed |= session.reference.take_if(|reference| text(reference, party)).is_some();
    is_changed |= session.callback_url.as_mut().is_some_and(|url| text(url, party));
    if let Some(metadata) = &mut session.metadata {
        is_changed |= object(metadata, party);
    }
    session.version += u32::from(is_changed);
    is_changed
}

/// Erases a party from a call record. False where it is not in there.
pub(super) fn record(record: &mut CallRecord, party: PhoneNumber) -> bool {
    let fields = [&mut record.dialled, &mut record.caller, &mut record.destination, &mut record.shown];
    let mut is_changed =
        fields.into_iter().fold(false, |is_changed, field| is_changed | number(field, party));
    is_changed |= text(&mut record.source, party);
    for leg in &mut record.legs {
        is_changed |= text(&mut leg.peer, party);
    }
    if is_changed {
        // The steps have it redacted, which is more than nothing.
        let redacted = party.to_string();
        record.trace = record.trace.iter().map(|step| step.replace(&redacted, ERASED)).collect();
    }
    is_changed
}

/// Erases a party from an event. False where it is not in there.
pub(super) fn event(event: &mut Event, party: PhoneNumber) -> bool {
    let mut data = event.data.tree();
    let is_changed = value(&mut data, party);
    if is_changed {
        redacted(&mut data, &party.to_string());
        event.data = Json::of(&data);
    }
    is_changed | event.callback_url.as_mut().is_some_and(|url| text(url, party))
}

/// A line of the records file without a party. `None` where it is not in there.
pub(super) fn record_line(line: &[u8], party: PhoneNumber) -> Option<Vec<u8>> {
    let text = candidate(line, party)?;
    match serde_json::from_slice::<CallRecord>(line) {
        Ok(mut call) => record(&mut call, party).then(|| self::line(&call)),
        Err(_) => foreign(text, party),
    }
}

/// A line that is an entry, without a party. `None` where it is not in there.
pub(super) fn entry_line(line: &[u8], party: PhoneNumber) -> Option<Vec<u8>> {
    let text = candidate(line, party)?;
    let Ok(mut entry) = serde_json::from_slice::<Entry>(line) else { return foreign(text, party) };
    let is_changed = match &mut entry {
        Entry::Running(call) | Entry::Ended(call) => record(call, party),
        Entry::Event(told) => event(told, party),
        Entry::Extended { .. } => false,
        // It says nothing without its number, and is left for whoever reads it.
        Entry::Bound { .. } => return foreign(text, party),
    };
    is_changed.then(|| self::line(&entry))
}

/// A body in the database that this version cannot read, without a party. `None` where it is not in there.
pub(super) fn foreign_body(body: &str, party: PhoneNumber) -> Option<String> {
    let Ok(mut tree) = serde_json::from_str(body) else {
        let mut body = body.into();
        return text(&mut body, party).then(|| body.into());
    };
    value(&mut tree, party).then(|| tree.to_string())
}

/// A line that may have a party's digits somewhere, as text.
fn candidate(line: &[u8], party: PhoneNumber) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    Spelling::of(party).may_be_in(&text).then(|| text.into_owned())
}

/// A line that is not what it should be.
fn foreign(line: String, party: PhoneNumber) -> Option<Vec<u8>> {
    let mut line = line.into_boxed_str();
    text(&mut line, party).then(|| line.into_boxed_bytes().into())
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("the ledger's types have nothing that JSON cannot say");
    line.push(b'\n');
    line
}

/// Whether a URL has a party in it.
pub(super) fn is_in(url: &str, party: PhoneNumber) -> bool {
    text(&mut url.into(), party)
}

fn number(field: &mut Option<PhoneNumber>, party: PhoneNumber) -> bool {
    field.take_if(|number| *number == party).is_some()
}

/// The number as a whole is nothing then, within a text it is [`ERASED`].
fn value(value: &mut Value, party: PhoneNumber) -> bool {
    match value {
        Value::String(whole) if *whole == party.reveal() => {
            *value = Value::Null;
            true
        }
        Value::Number(whole) if whole.as_u64().is_some_and(|number| Spelling::of(party).is(number)) => {
            *value = Value::Null;
            true
        }
        Value::String(part) => {
            let mut boxed = std::mem::take(part).into_boxed_str();
            let is_changed = text(&mut boxed, party);
            *part = boxed.into();
            is_changed
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, item| changed | self::value(item, party))
        }
        Value::Object(fields) => object(fields, party),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn object(fields: &mut serde_json::Map<String, Value>, party: PhoneNumber) -> bool {
    let mut is_changed = false;
    for (key, mut field) in std::mem::take(fields) {
        let mut key = key.into_boxed_str();
        is_changed |= text(&mut key, party) | value(&mut field, party);
        fields.insert(key.into(), field);
    }
    is_changed
}

/// Takes the number out of a text, however it is written there.
fn text(whole: &mut Box<str>, party: PhoneNumber) -> bool {
    let replaced = Spelling::of(party).replaced(whole, ERASED);
    let is_changed = replaced.is_some();
    if let Some(replaced) = replaced {
        *whole = replaced.into();
    }
    is_changed
}

/// Takes the redacted form of the number out of every text.
fn redacted(value: &mut Value, form: &str) {
    match value {
        Value::String(text) => *text = text.replace(form, ERASED),
        Value::Array(items) => items.iter_mut().for_each(|item| redacted(item, form)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redacted(field, form)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_leaves_every_text_and_no_other_number_does() {
        let party: PhoneNumber = "+919876500002".parse().unwrap();
        let mut data = serde_json::json!({
            "caller": "+919876500002", "other": "+9198765000021", "bare": 919_876_500_002_u64,
            "metadata": { "call 919876500002": ["tel:+919876500002;x", "00919876500002", "10919876500002"] },
            "trace": ["dialled +9198******02"],
        });
        assert!(value(&mut data, party));
        redacted(&mut data, &party.to_string());
        let wanted = serde_json::json!({
            "caller": null, "other": "+9198765000021", "bare": null,
            "metadata": { "call [erased]": ["tel:[erased];x", "[erased]", "10919876500002"] },
            "trace": ["dialled [erased]"],
        });
        assert_eq!(data, wanted);
        assert!(!value(&mut data, party), "once is enough");
    }
}
