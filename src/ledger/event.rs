//! What is told to the operator's systems, by server-sent events and by callbacks.

use serde::{Deserialize, Serialize};

use super::{Book, CallRecord, Json, SessionId};
use crate::base::Timestamp;

/// Something that happened to a call or a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What, as in `call.answered`.
    pub kind: EventKind,
    /// The call that it is about.
    pub call: Option<Box<str>>,
    /// The session that it is about.
    pub session: Option<SessionId>,
    /// The call record as it stands, or the session: the JSON that the API shows.
    pub data: Json,
    /// Where a callback goes as well.
    pub callback_url: Option<Box<str>>,
}

impl Event {
    /// What happens to a call; it is told where its session wants it told.
    #[must_use]
    pub fn of_call(at: Timestamp, kind: EventKind, record: &CallRecord, book: &Book) -> Self {
        let live = record.session.and_then(|session| book.session(session));
        let callback_url = live.and_then(|live| live.callback_url.as_deref().map(Into::into));
        let (call, session, data) = (Some(record.id.clone()), record.session, Json::of(record));
        Self { at, kind, call, session, data, callback_url }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EventKind {
    /// A call was decided, and the callee is being called.
    #[serde(rename = "call.started")]
    CallStarted,
    /// The callee is being alerted.
    #[serde(rename = "call.ringing")]
    CallRinging,
    /// The parties are connected.
    #[serde(rename = "call.answered")]
    CallAnswered,
    /// A call is over, refused ones included; its record is final.
    #[serde(rename = "call.ended")]
    CallEnded,
    /// A session was created.
    #[serde(rename = "session.created")]
    SessionCreated,
    /// A session was changed, reopened or bound to a caller.
    #[serde(rename = "session.changed")]
    SessionChanged,
    /// A session was closed.
    #[serde(rename = "session.closed")]
    SessionClosed,
    /// A session has expired.
    #[serde(rename = "session.expired")]
    SessionExpired,
}

impl EventKind {
    /// As in JSON and in server-sent events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::CallStarted => "call.started",
            EventKind::CallRinging => "call.ringing",
            EventKind::CallAnswered => "call.answered",
            EventKind::CallEnded => "call.ended",
            EventKind::SessionCreated => "session.created",
            EventKind::SessionChanged => "session.changed",
            EventKind::SessionClosed => "session.closed",
            EventKind::SessionExpired => "session.expired",
        }
    }
}

/// An event as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its place in the store's order, from 1; resuming starts after one.
    pub id: u64,
    /// What happened.
    pub event: Event,
}

impl StoredEvent {
    /// As it is told, by server-sent events and by callbacks.
    #[must_use]
    pub fn told(&self) -> Json {
        let Event { at, kind, call, session, data, .. } = &self.event;
        Json::of(&Told { id: self.id, kind: *kind, at: *at, call: call.as_deref(), session: *session, data })
    }
}

/// The shape of what is told.
#[derive(Serialize)]
struct Told<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: EventKind,
    at: Timestamp,
    call: Option<&'a str>,
    session: Option<SessionId>,
    data: &'a Json,
}
