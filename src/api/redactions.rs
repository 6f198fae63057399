//! `/v1/redactions`.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Token, may};
use super::docs::Refusals;
use super::problem::Problem;
use super::read::{Json, to_the_end};
use super::state::ApiState;
use super::values::{E164, Text};
use crate::ledger::{EraseFault, Redacted};

/// Whom to erase.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRedaction)]
pub(super) struct Asked {
    /// The party's real number.
    party: E164,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Redaction {
    /// Sessions that no longer hold the number.
    sessions: u64,
    /// Call records that no longer hold it.
    calls: u64,
    /// Events that no longer hold it.
    events: u64,
}

/// Erase a party: its sessions are closed, and its number leaves sessions, call records, events and `records.jsonl` for
/// good.
///
/// The answer comes when all is done; a large `records.jsonl` takes its time. Where it is an error, ask again: what was
/// done stays done. A call that goes on now leaves its record when it ends: erase again then. What you moved away of
/// `records.jsonl` is yours to erase, and other nodes have files of their own: ask each.
#[utoipa::path(
    post, path = "/v1/redactions", tag = "redactions", operation_id = "redact",
    request_body(content = Asked, example = json!({ "party": "+919876500002" })),
    responses((status = 200, description = "It is erased.", body = Redaction), Refusals),
    security(("bearer" = ["admin"]), ("basic" = ["admin"]))
)]
pub(super) async fn redact(
    _: Token<{ may::ADMIN }>,
    State(state): State<Arc<ApiState>>,
    body: Json<Asked>,
) -> Result<axum::Json<Redaction>, Problem> {
    let Text(party) = body.value.party;
    let now = state.now();
    let redacted = to_the_end(async move { state.eraser.erase(party, now).await }).await??;
    let Redacted { sessions, calls, events } = redacted;
    Ok(axum::Json(Redaction { sessions, calls, events }))
}

impl From<EraseFault> for Problem {
    fn from(fault: EraseFault) -> Self {
        match fault {
            EraseFault::Store(fault) => fault.into(),
            EraseFault::Behind(entries) => Self::unavailable(format!(
                "nothing is erased: {entries} records and events wait for the database: try again once it has them"
            )),
            EraseFault::Files(error) => {
                tracing::error!(%error, "a party is not erased: the records file and the journal cannot be written anew");
                Self::unavailable("the records file cannot be written anew: see the log, and try again")
            }
        }
    }
}
