//! `/v1/calls`.

mod csv;
mod listed;
mod placed;
mod placing;
mod shown;
mod way_back;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use super::auth::{Token, may};
use super::docs::Refusals;
use super::problem::Problem;
use super::read::{Id, Json, Key, to_the_end};
use super::state::ApiState;
use crate::ledger::CallRecord;
pub(super) use listed::{__path_list, list};
pub(super) use placed::Checked;
use placed::{Order, Placed};
pub(super) use placing::{Stands, key_of, place as place_once};
use shown::{CallShown, shown};

/// Place a call (click-to-call): the first party is called from the masking number, and once it has answered, the
/// second, who sees the masking number too; then the two are connected.
///
/// Without a session the way back is kept for `return_window`: a party that calls the number back reaches the other. It
/// is a session of its own, which can be listed and closed; its metadata has `way_back_of`, the id of the call. A later
/// call of the same two by the same number makes it last longer where it wants that. Where a session of your own or
/// mappings lead each of the two to the other already, they are the way back as long as they last, and stay as they are.
/// Where the number leads only one of them to the other, or to somebody else, that is a 409.
///
/// A repeat with the same `Idempotency-Key` never calls again. A request that is refused leaves nothing behind: its key
/// may be used again.
#[utoipa::path(
    post, path = "/v1/calls", tag = "calls", operation_id = "place_call",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless.",
        pattern = "^[!-~]{1,255}$")),
    request_body(content = Order, examples(
        ("numbers" = (summary = "Two numbers", value = json!({
            "first": "+919876500001", "second": "+919876500002", "show": "+918045550101"
        }))),
        ("session" = (summary = "The parties of a session", value = json!({
            "session_id": "019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76", "first": "second_party"
        })))
    )),
    responses(
        (status = 201, description = "The first party is being called.", body = Placed,
            headers(("Location" = String, description = "Its path."))),
        (status = 200, description = "The same request placed it before; its status now.", body = Placed),
        (status = 202, description = "It is handed over, and begins late: ask for it by its id.", body = Placed,
            headers(("Location" = String, description = "Its path."))),
        (status = 404, description = "There is no such session.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "The session is over, the number leads one of the two to somebody \
            else, or only one of them to the other, the key came with \
            another request, or the same request is being carried out.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["write"]), ("basic" = ["write"]))
)]
pub(super) async fn place(
    _: Token<{ may::WRITE }>,
    State(state): State<Arc<ApiState>>,
    Key(key): Key,
    body: Json<Order>,
) -> Result<Response, Problem> {
    let order = body.value.check()?;
    let key = key.map(|key| (key, body.fingerprint));
    let (placed, stands) = to_the_end(place_once(state, order, key)).await??;
    let status = match stands {
        Stands::Begun => StatusCode::CREATED,
        Stands::Ordered => StatusCode::ACCEPTED,
        Stands::Before => return Ok(axum::Json(placed).into_response()),
    };
    let path = format!("/v1/calls/{}", placed.id);
    Ok((status, [(LOCATION, path)], axum::Json(placed)).into_response())
}

/// Show one call, going on or over.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "calls", operation_id = "show_call",
    params(("id" = String, Path, description = "The call's id.")),
    responses((status = 200, description = "Its record, as it stands.", body = CallShown), Refusals),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn show(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let record = find(&state, &id).await?.ok_or_else(none)?;
    Ok(axum::Json(shown(&record, token.sees_numbers)))
}

/// Hang up a call, whatever it is doing. One that is over stays as it is. Where several nodes share a database, ask the
/// node that has the call.
#[utoipa::path(
    delete, path = "/v1/calls/{id}", tag = "calls", operation_id = "hang_up_call",
    params(("id" = String, Path, description = "The call's id.")),
    responses(
        (status = 202, description = "It is being ended; its record as it stands.", body = CallShown),
        (status = 200, description = "It was over; its record.", body = CallShown),
        (status = 409, description = "It goes on at another node, or that node ended with it: ask that one.",
            body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["write"]), ("basic" = ["write"]))
)]
pub(super) async fn hang_up(
    token: Token<{ may::WRITE }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let is_ending = state.calls.hang_up(&id);
    let record = find(&state, &id).await?.ok_or_else(none)?;
    if !is_ending && record.is_going_on() {
        return Err(elsewhere());
    }
    let status = if is_ending { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, axum::Json(shown(&record, token.sees_numbers))).into_response())
}

/// The record of a call: of one that goes on first, since the store may hold an earlier state of it.
async fn find(state: &ApiState, id: &str) -> Result<Option<Arc<CallRecord>>, Problem> {
    if let Some(record) = state.calls.call(id) {
        return Ok(Some(record));
    }
    if !is_id(id) {
        return Ok(None);
    }
    Ok(state.store.call(id).await?.map(Arc::new))
}

/// Whether a text can be the id of a call: what else stands there is no question for the database.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The call was not over when it was last written down, and is none of this node's.
fn elsewhere() -> Problem {
    Problem::new(StatusCode::CONFLICT).detail(
        "the call does not go on at this node: send the request to the node that has it. Where that node was killed, the \
         record is completed when it starts again",
    )
}

fn none() -> Problem {
    Problem::not_found("there is no such call")
}
