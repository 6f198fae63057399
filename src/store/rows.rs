//! What is written into the database's columns, for either database.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::base::link::link_host;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallRecord, Entry, Event, Outcome, SessionId, StoreFault};
use crate::store::spelling::runs;

/// Digits of the shortest number.
const SHORTEST_NUMBER: usize = 7;

/// A number in a column.
pub(super) fn digits(number: PhoneNumber) -> i64 {
    i64::try_from(number.as_u64()).expect("an E.164 number has 15 digits at most")
}

/// A caller in a channel: 0 is anyone.
pub(super) fn caller(number: Option<PhoneNumber>) -> i64 {
    number.map_or(0, digits)
}

/// A moment in a column.
pub(super) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).expect("a timestamp is at most that of the year 9999")
}

/// A session's id in a column.
pub(super) fn bytes(id: SessionId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

/// An outcome in a column: as in JSON.
pub(super) fn outcome(outcome: Outcome) -> String {
    json(&outcome).trim_matches('"').to_owned()
}

/// A body.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the ledger's types have nothing that JSON cannot say")
}

/// What a body says.
pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, StoreFault> {
    serde_json::from_str(body).map_err(|error| StoreFault::Unreadable(error.to_string()))
}

/// The row of a call.
pub(super) struct CallRow {
    pub(super) id: Box<str>,
    pub(super) received_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) caller: Option<i64>,
    pub(super) destination: Option<i64>,
    pub(super) dialled: Option<i64>,
    pub(super) shown: Option<i64>,
    pub(super) session: Option<Vec<u8>>,
    pub(super) outcome: String,
    pub(super) body: String,
}

impl CallRow {
    pub(super) fn new(record: &CallRecord, has_ended: bool) -> Self {
        let received_at = Timestamp::from_millis(record.received_at);
        let ended_at = Timestamp::from_millis(record.received_at.saturating_add(record.ended_ms));
        Self {
            id: record.id.clone(),
            received_at: millis(received_at),
            ended_at: has_ended.then(|| millis(ended_at)),
            caller: record.caller.map(digits),
            destination: record.destination.map(digits),
            dialled: record.dialled.map(digits),
            shown: record.shown.map(digits),
            session: record.session.map(bytes),
            outcome: outcome(record.outcome),
            body: json(record),
        }
    }
}

/// The row of an event; its place is given by the database.
pub(super) struct EventRow {
    /// The same for the same event only, so that none is kept twice, nor comes back once its numbers are erased: it is
    /// without them.
    pub(super) digest: Vec<u8>,
    pub(super) at: i64,
    pub(super) body: String,
    /// Where it is told by callbacks.
    pub(super) lanes: Vec<LaneRow>,
}

impl EventRow {
    pub(super) fn new(event: &Event, status_url: Option<&str>) -> Self {
        let body = json(event);
        let digest = digest(event, &body);
        let own = event.callback_url.as_deref();
        let urls = own.into_iter().chain(status_url.filter(|url| own != Some(url)));
        let lanes = urls.map(|url| LaneRow::new(event, url)).collect();
        Self { digest, at: millis(event.at), body, lanes }
    }
}

/// What an event is known by: all of it, but for digits, one after the other or with separators between them, that are
/// as many as a number has, from which a digest would
/// tell which number it was.
fn digest(event: &Event, body: &str) -> Vec<u8> {
    let mut digest = Sha256::new().chain_update(event.at.as_millis().to_le_bytes());
    digest.update(event.call.as_deref().unwrap_or_default());
    digest.update(event.session.map(bytes).unwrap_or_default());
    let mut rest = body;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let runs = runs(rest, start);
        let end = runs.last().map_or(rest.len(), |run| run.end);
        let digits: usize = runs.iter().map(ExactSizeIterator::len).sum();
        digest.update(&rest[..start]);
        digest.update(if digits < SHORTEST_NUMBER { &rest[start..end] } else { "" });
        rest = &rest[end..];
    }
    digest.update(rest);
    digest.finalize()[..16].to_vec()
}

/// The row of a lane: the callbacks to one URL about one call, or where there is none, about one session.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneRow {
    /// The same for the same lane only.
    pub(super) lane: Vec<u8>,
    pub(super) url: String,
    pub(super) host: String,
}

impl LaneRow {
    fn new(event: &Event, url: &str) -> Self {
        let mut digest = Sha256::new().chain_update(url);
        match (&event.call, event.session) {
            (Some(call), _) => digest.update([b"\0call\0", call.as_bytes()].concat()),
            (None, Some(session)) => {
                digest.update([b"\0session\0", session.0.as_bytes().as_slice()].concat())
            }
            (None, None) => {}
        }
        Self { lane: digest.finalize()[..16].to_vec(), url: url.to_owned(), host: link_host(url).into() }
    }
}

/// What calls did to a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Touch {
    /// Its expiry, at least, by each version of it that calls went by.
    pub(super) expires_at: BTreeMap<u32, Timestamp>,
    /// Its second party.
    pub(super) second: Option<PhoneNumber>,
}

/// Entries, gathered for few statements: the last of each call, and all that calls did to each session.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) calls: Vec<CallRow>,
    /// In the order of their ids, in which every node takes them.
    pub(super) touched: BTreeMap<SessionId, Touch>,
    pub(super) events: Vec<EventRow>,
}

impl Batch {
    /// `status_url`: where every event is told by a callback.
    pub(super) fn new(entries: &[Entry], status_url: Option<&str>) -> Self {
        let mut batch = Self::default();
        let mut calls: HashMap<&str, (&CallRecord, bool)> = HashMap::new();
        for entry in entries {
            match entry {
                Entry::Running(record) => {
                    let call = calls.entry(&record.id).or_insert((record, false));
                    if !call.1 {
                        call.0 = record;
                    }
                }
                Entry::Ended(record) => {
                    let call = calls.entry(&record.id).or_insert((record, true));
                    if !call.1 {
                        *call = (record, true);
                    }
                }
                Entry::Extended { session, expires_at, version } => {
                    let touch = batch.touched.entry(*session).or_default();
                    let latest = touch.expires_at.entry(*version).or_default();
                    *latest = (*latest).max(*expires_at);
                }
                Entry::Bound { session, caller } => {
                    batch.touched.entry(*session).or_default().second.get_or_insert(*caller);
                }
                Entry::Event(event) => batch.events.push(EventRow::new(event, status_url)),
            }
        }
        batch.calls =
            calls.into_values().map(|(record, has_ended)| CallRow::new(record, has_ended)).collect();
        // Two nodes that keep the same calls take them in one order.
        batch.calls.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        batch
    }
}
