//! `/v1/sessions`.

mod asked;
mod first_call;
mod shown;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Token, may};
use super::docs::Refusals;
use super::paging::{Cursor, CursorText, Limit, next, page};
use super::problem::{Problem, kinds};
use super::read::{Id, Json, Key, Query, to_the_end};
use super::state::ApiState;
use super::values::{E164, Name};
use crate::ledger::{self, Session, SessionFilter, SessionId};
use crate::session::Fault;
use asked::{Changes, Creation};
use first_call::{SessionMade, add, first_call};
pub(super) use shown::SessionShown;
use shown::{SessionStatus, shown};

/// Create a session: from now on the two parties reach each other by its masking numbers, and nobody else does.
///
/// The same `Idempotency-Key`, or the same `reference`, never makes two: a repeat of the request gets 200 and the
/// session that it made.
///
/// With `initiate_call_to_first_party` the first party is called at once, as by `POST /v1/calls` with `session_id`, and
/// connected with the second; a repeat calls nobody.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", operation_id = "create_session",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless.",
        pattern = "^[!-~]{1,255}$")),
    request_body(content = Creation, example = json!({
        "first_party": "+919876500001", "second_party": "+919876500002", "pool": "delivery",
        "session_expiry": 3600, "reference": "order-4711"
    })),
    responses(
        (status = 201, description = "It is made, and calls go through.", body = SessionMade,
            headers(("Location" = String, description = "Its path."))),
        (status = 200, description = "The same request made it before.", body = SessionMade),
        (status = 404, description = "There is no such pool.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The pool has too few numbers (it says how many are needed), a number is taken, \
            or the key or reference belongs to another request.", body = Problem,
            content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["write"]), ("basic" = ["write"]))
)]
pub(super) async fn create(
    token: Token<{ may::WRITE }>,
    State(state): State<Arc<ApiState>>,
    Key(key): Key,
    body: Json<Creation>,
) -> Result<Response, Problem> {
    let (calls, print) = (body.value.initiates_call(), body.fingerprint);
    let (wanted, key) = (body.value.check()?, key.map(|key| (key, print)));
    let now = state.now();
    let work = async move {
        let made = state.sessions.create(wanted, key, now).await?;
        let call = if calls { Some(first_call(&state, &made, print).await) } else { None };
        Ok::<_, Fault>((made, call))
    };
    let (made, call) = to_the_end(work).await??;
    let mut body = shown(&made.session, now, token.sees_numbers);
    if let Some(call) = call {
        add(&mut body, call);
    }
    let body = axum::Json(body);
    if !made.is_new {
        return Ok(body.into_response());
    }
    let path = format!("/v1/sessions/{}", made.session.id);
    Ok((StatusCode::CREATED, [(LOCATION, path)], body).into_response())
}

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// One of the parties' real numbers.
    #[param(inline)]
    party: Option<E164>,
    /// One of the masking numbers.
    #[param(inline)]
    number: Option<E164>,
    /// Where they are in their life.
    #[param(inline)]
    status: Option<SessionStatus>,
    /// The pool that their numbers were drawn from.
    #[param(inline)]
    pool: Option<Name>,
    /// Rows of a page, 100 where left out.
    #[param(inline)]
    limit: Option<Limit>,
    /// The page after this place.
    #[param(inline)]
    cursor: Option<CursorText>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    /// The youngest first.
    #[schema(value_type = Vec<SessionShown>)]
    sessions: Vec<serde_json::Value>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// List sessions, the youngest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", operation_id = "list_sessions", params(Asked),
    responses((status = 200, description = "A page.", body = Sessions), Refusals),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn list(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Sessions>, Problem> {
    let now = state.now();
    let filter = SessionFilter {
        party: asked.party.map(|party| party.0),
        number: asked.number.map(|number| number.0),
        pool: asked.pool.map(|pool| pool.0.0),
        status: asked.status.map(|status| (status.into(), now)),
    };
    let page = page(asked.limit, asked.cursor);
    let rows = state.store.sessions(&filter, &page).await?;
    let next = next(&rows, &page, |session: &Session| Cursor::new(session.created_at, session.id));
    let sessions = rows.iter().map(|session| shown(session, now, token.sees_numbers)).collect();
    Ok(axum::Json(Sessions { sessions, next }))
}

/// Show one session.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "show_session",
    params(("id" = String, Path, description = "The session's id.", format = "uuid")),
    responses((status = 200, description = "The session.", body = SessionShown), Refusals),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn show(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let session = state.store.session(parse(&id)?).await?.ok_or_else(none)?;
    Ok(axum::Json(shown(&session, state.now(), token.sees_numbers)))
}

/// Change a session: what is left out stays, and null takes a value out. Calls that go on are not touched. A party that
/// comes in place of another dials what that one did; where that is taken for it, another number of the session's pool.
/// The answer has it.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "change_session",
    params(("id" = String, Path, description = "The session's id.", format = "uuid")),
    request_body(content = Changes, example = json!({ "session_expiry": 7200 })),
    responses(
        (status = 200, description = "The session as it is now.", body = SessionShown),
        (status = 409, description = "It is over and not reopened, a number is taken, the pool has none for a new party, \
            or others changed it at the same time.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["write"]), ("basic" = ["write"]))
)]
pub(super) async fn change(
    token: Token<{ may::WRITE }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
    body: Json<Changes>,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let (id, change, now) = (parse(&id)?, body.value.check()?, state.now());
    let session = to_the_end(async move { state.sessions.change(id, change, now).await }).await??;
    Ok(axum::Json(shown(&session, now, token.sees_numbers)))
}

/// Close a session: new calls are refused, those that go on may end by themselves. One that is closed stays as it is.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "close_session",
    params(("id" = String, Path, description = "The session's id.", format = "uuid")),
    responses((status = 200, description = "The session, closed.", body = SessionShown), Refusals),
    security(("bearer" = ["write"]), ("basic" = ["write"]))
)]
pub(super) async fn close(
    token: Token<{ may::WRITE }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let (id, now) = (parse(&id)?, state.now());
    let session = to_the_end(async move { state.sessions.close(id, now).await }).await??;
    Ok(axum::Json(shown(&session, now, token.sees_numbers)))
}

fn none() -> Problem {
    Problem::not_found("there is no such session")
}

fn parse(id: &str) -> Result<SessionId, Problem> {
    id.parse().map_err(|_| none())
}

impl From<SessionStatus> for ledger::SessionStatus {
    fn from(status: SessionStatus) -> Self {
        match status {
            SessionStatus::NotStarted => Self::NotStarted,
            SessionStatus::Active => Self::Active,
            SessionStatus::Expired => Self::Expired,
            SessionStatus::Closed => Self::Closed,
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        let conflict = || Problem::new(StatusCode::CONFLICT).detail(text.clone());
        match fault {
            Fault::Invalid { field, reason } => Problem::invalid(field, reason),
            Fault::Unfit { field, reason } => conflict().field(field, reason),
            Fault::NotFound => none(),
            Fault::PoolUnknown { .. } => {
                Problem::new(StatusCode::NOT_FOUND).field("pool", "is unknown: add numbers to it first")
            }
            Fault::PoolExhausted { .. } => conflict().of(kinds::POOL).field("pool", "has too few numbers"),
            Fault::KeyReused => conflict().of(kinds::KEY).field("Idempotency-Key", "write another"),
            Fault::ReferenceTaken(_) => {
                conflict().of(kinds::REFERENCE).field("reference", "write another, or use that session")
            }
            Fault::ChannelTaken { field, .. } => conflict().of(kinds::NUMBER).field(
                field,
                "leads that party elsewhere, by another session, one that rests, or a mapping: name another number",
            ),
            Fault::Contended => conflict().of(kinds::CHANGED),
            Fault::Over(_) => {
                conflict().field("reopen", "has to be true, with a new expiry where the old one has passed")
            }
            Fault::NumberTaken(_) => {
                conflict().field("number", "is there with another pool, trunk or answer URL: change it instead")
            }
            Fault::NumberInUse(_) => {
                conflict().field("state", "has to be draining until no session and no mapping has the number")
            }
            Fault::Unavailable(fault) => fault.into(),
        }
    }
}
