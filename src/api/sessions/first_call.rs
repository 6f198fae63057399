//! The call that is placed together with a session (`initiate_call_to_first_party`).

use std::sync::Arc;

use axum::http::StatusCode;
use utoipa::ToSchema;

use super::shown::SessionShown;
use crate::api::calls::{Checked, key_of, place_once};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::session::Made;

/// A session that was made.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the description of a session and a `FirstCall`")]
pub(in crate::api) struct SessionMade {
    #[serde(flatten)]
    session: SessionShown,
    /// With `initiate_call_to_first_party`: the id of the call, as in `/v1/calls/{id}`; null where none is known.
    call_id: Option<String>,
    /// With `initiate_call_to_first_party`: why there is no call. With 201 the session stands, and `POST /v1/calls` with
    /// its id may be tried. With 200, to a repeat, the call may be about to be placed: ask again before anybody is called.
    call_problem: Option<Problem>,
}

/// The call of a session, or why there is none.
pub(super) type FirstCall = Result<Box<str>, Problem>;

/// Calls the first party of a session that is new, and then the second. For one that was made before, tells of the call
/// that was placed then, and calls nobody; nor does it have anybody else call, since the request that made the session may
/// be about to.
pub(super) async fn first_call(state: &Arc<ApiState>, made: &Made, body: [u8; 32]) -> FirstCall {
    let id = made.session.id;
    let key = format!("session {id}");
    if made.is_new {
        let order = Checked::to_first_party(id);
        let placed = place_once(Arc::clone(state), order, Some((key.into(), body))).await?;
        return Ok(placed.0.id);
    }
    let answered = state.store.answer_of(&key_of(&key)).await?;
    answered.map(|answered| answered.id).ok_or_else(|| {
        let detail = format!(
            "the request that made the session is being carried out, or placed no call and was told why: ask again in a \
             second, and look for a call of the session by GET /v1/calls?session={id}"
        );
        Problem::new(StatusCode::CONFLICT).detail(detail)
    })
}

/// Adds it to the session that is shown.
pub(super) fn add(shown: &mut serde_json::Value, call: FirstCall) {
    let (id, problem) = match call {
        Ok(id) => (Some(id), None),
        Err(problem) => (None, Some(problem)),
    };
    shown["call_id"] = serde_json::json!(id);
    shown["call_problem"] = serde_json::json!(problem);
}
