//! `/v1/events`: what happens, as it happens, as server-sent events.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use utoipa::IntoParams;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::auth::{self, Token, may};
use super::docs::Refusals;
use super::problem::Problem;
use super::read::Query;
use super::redact::redact;
use super::state::ApiState;
use super::tokens::Tokens;
use super::values::{Meaning, Text};
use crate::base::Secret;
use crate::base::settings::Scope;
use crate::ledger::{Json, StoredEvent};

/// Between two comments on a stream where nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are read from the store at a time.
const ROWS: u32 = 500;
/// How soon a client that was cut off may come back.
const RETRY: Duration = Duration::from_secs(2);

/// The greatest id: JSON keeps whole numbers exact up to here, and no database comes so far.
const GREATEST: usize = (1 << 53) - 1;

/// The id of an event, or 0, which is before them all.
#[derive(Debug, Clone, Copy)]
struct EventId(u64);

/// The same, in a query.
type EventIdText = Text<EventId>;

impl Meaning for EventId {
    const NAME: &'static str = "EventId";
    const WRITE: &'static str = "the id of an event";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let is_whole = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|&id: &u64| is_whole && id <= GREATEST as u64);
        id.map(Self).ok_or_else(|| "is no id of an event: write that of the last one that came, or 0".into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(0_usize))
            .maximum(Some(GREATEST))
            .examples([4711])
    }
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Everything after the event with this id; 0: everything there is. Left out, what happens from now on. It says where
    /// to begin: a client that comes back sends `Last-Event-ID` besides, which goes before it.
    #[param(inline)]
    after: Option<EventIdText>,
}

/// Follow what happens, as server-sent events.
///
/// Each has an `id`, an `event` (`call.started`, `call.ringing`, `call.answered`, `call.ended`, `session.created`,
/// `session.changed`, `session.closed`, `session.expired`) and, as `data`, a JSON object: `id`, `type`, `at`, `call`, `session`, and `data`,
/// the call record or the session as it stood; callbacks have the same. A client that comes back with `Last-Event-ID`, as browsers do by themselves, gets
/// everything since, without a gap and without a repeat. Where the event with that id is no longer kept, or never was,
/// the stream begins with an `event: gap` that says so, and goes on with what is kept behind it, or with what happens from
/// now on. One that reads too slowly is cut off after an `event: end`, and may come back so; one whose token is withdrawn
/// is cut off too.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "follow_events",
    params(Asked, ("Last-Event-ID" = Option<u64>, Header,
        description = "The id of the last event that came: everything after it. It goes before `after`.")),
    responses(
        (status = 200, description = "The stream.", body = String, content_type = "text/event-stream"),
        Refusals,
    ),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn stream(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A browser that comes back sends the query that it began with, and the header.
    let after = last_event_id(&headers)?.or(asked.after.map(|Text(after)| after)).map(|EventId(id)| id);
    let place = Arc::clone(&state.streams).try_acquire_owned().map_err(|_| {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS).retry_after(5);
        problem.detail("too many event streams are open: close one")
    })?;
    state.metrics.event_streams.inc();
    let mut tokens = state.watch_tokens();
    // They may have changed since the request was let in.
    tokens.mark_changed();
    let reader = Reader {
        live: state.events.subscribe(),
        stage: match after {
            None => Stage::Live,
            Some(0) => Stage::Stored,
            Some(_) => Stage::Back,
        },
        last: after.unwrap_or_default(),
        ready: Vec::new().into_iter(),
        sees_numbers: token.sees_numbers,
        token: Secret::new(auth::token(&headers).unwrap_or_default()),
        tokens,
        state,
        _place: place,
    };
    let stream = Sse::new(told(reader)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([(CACHE_CONTROL, "no-store")], stream).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<EventId>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = EventId::read(value.to_str().unwrap_or_default());
    id.map(Some).map_err(|wrong| Problem::invalid("Last-Event-ID", wrong))
}

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Come back, and not looked after what it missed.
    Back,
    /// Reading what is kept.
    Stored,
    /// Hearing what happens.
    Live,
    /// Told that it is over.
    Over,
}

/// One client.
struct Reader {
    state: Arc<ApiState>,
    live: broadcast::Receiver<Arc<StoredEvent>>,
    stage: Stage,
    /// The id of the last event that was told.
    last: u64,
    /// Read from the store and not told yet.
    ready: std::vec::IntoIter<StoredEvent>,
    /// What it came with, and the tokens that are taken.
    token: Secret,
    tokens: watch::Receiver<Arc<Tokens>>,
    sees_numbers: bool,
    _place: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.state.metrics.event_streams.dec();
    }
}

fn told(reader: Reader) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    })
}

impl Reader {
    /// The next event, as it is sent; none where the stream is over.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            let has_changed = self.stage != Stage::Over && self.tokens.has_changed().unwrap_or_default();
            if has_changed && !self.may_read() {
                return Some(self.end("the token is no longer taken"));
            }
            if let Some(event) = self.ready.next() {
                self.last = event.id;
                return Some(self.written(&event));
            }
            match self.stage {
                Stage::Back => match self.state.store.events(self.last - 1, 1).await {
                    Ok(next) if next.first().is_some_and(|event| event.id == self.last) => {
                        self.stage = Stage::Stored;
                    }
                    Ok(next) => return Some(self.gap(next.is_empty())),
                    Err(_) => return Some(self.end("the database does not answer")),
                },
                Stage::Stored => {
                    // Listening begins before the store is read: what is kept meanwhile is heard twice and told once.
                    self.live = self.state.events.subscribe();
                    match self.state.store.events(self.last, ROWS).await {
                        Ok(events) if events.is_empty() => self.stage = Stage::Live,
                        Ok(events) => self.ready = events.into_iter(),
                        Err(_) => return Some(self.end("the database does not answer")),
                    }
                }
                Stage::Live => tokio::select! {
                    biased;
                    // Looked at above.
                    _ = self.tokens.changed() => self.tokens.mark_changed(),
                    heard = self.live.recv() => match heard {
                        Ok(event) if event.id > self.last => {
                            self.last = event.id;
                            return Some(self.written(&event));
                        }
                        Ok(_) => {}
                        // It has lagged behind: the sender lives as long as the state.
                        Err(_) => return Some(self.end("read too slowly")),
                    },
                },
                Stage::Over => return None,
            }
        }
    }

    /// Whether its token is still taken and may read; and what it may see, which may have changed.
    fn may_read(&mut self) -> bool {
        let scopes = self.tokens.borrow_and_update().check(self.token.reveal());
        self.sees_numbers = scopes.is_some_and(|scopes| scopes.has(Scope::ReadNumbers));
        scopes.is_some_and(|scopes| scopes.has(Scope::Read))
    }

    /// Tells a client that comes back from an event that is not kept, so that there may be more that it missed. Where
    /// nothing behind it is kept either, it hears what happens from now on: whatever id that has.
    fn gap(&mut self, is_ahead: bool) -> sse::Event {
        let (stage, last, what) = match is_ahead {
            true => {
                (Stage::Live, 0, "nothing is kept from the event that you name on: what happens now follows")
            }
            false => {
                (Stage::Stored, self.last, "the event that you name is no longer kept: what is kept follows")
            }
        };
        (self.stage, self.last) = (stage, last);
        sse::Event::default().event("gap").data(what)
    }

    /// The last words: the client may come back with the id of the last event that it got.
    fn end(&mut self, why: &'static str) -> sse::Event {
        self.stage = Stage::Over;
        self.ready = Vec::new().into_iter();
        sse::Event::default().event("end").retry(RETRY).data(why)
    }

    fn written(&self, stored: &StoredEvent) -> sse::Event {
        let data = stored.told();
        let data = if self.sees_numbers { data.to_string() } else { without_numbers(&data) };
        sse::Event::default().id(stored.id.to_string()).event(stored.event.kind.as_str()).data(data)
    }
}

fn without_numbers(told: &Json) -> String {
    let mut tree = told.tree();
    redact(&mut tree);
    tree.to_string()
}
