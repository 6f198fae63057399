//! `GET /v1/calls`: calls that go on and records of those that are over, in one list.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::placed::SessionText;
use super::shown::{CallResult, CallShown, shown};
use crate::api::auth::{Token, may};
use crate::api::docs::Refusals;
use crate::api::limits::{CSV, prefers};
use crate::api::paging::{Cursor, CursorText, Limit, next, page};
use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::state::ApiState;
use crate::api::values::{E164, Moment, Text};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{CallFilter, CallRecord, Outcome, Page};

use super::csv::table;

/// Where the cursor of the next page stands beside a table.
const NEXT: HeaderName = HeaderName::from_static("maskline-next");

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Asked {
    /// The caller's or the destination's real number.
    #[param(inline)]
    party: Option<E164>,
    /// The masking number dialled or shown.
    #[param(inline)]
    number: Option<E164>,
    /// The session's id.
    #[param(inline)]
    session: Option<SessionText>,
    /// Received at this moment or later.
    #[param(inline)]
    since: Option<Moment>,
    /// Received before this moment.
    #[param(inline)]
    until: Option<Moment>,
    /// How they ended; `in-progress` for those that go on.
    #[param(inline)]
    result: Option<CallResult>,
    /// Rows of a page, 100 where left out.
    #[param(inline)]
    limit: Option<Limit>,
    /// The page after this place.
    #[param(inline)]
    cursor: Option<CursorText>,
}

/// A page of calls.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calls)]
pub(in crate::api) struct Listed {
    /// The youngest first.
    #[schema(value_type = Vec<CallShown>)]
    calls: Vec<serde_json::Value>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// List calls, those that go on and those that are over, the youngest first. With `Accept: text/csv` as a table.
#[utoipa::path(
    get, path = "/v1/calls", tag = "calls", operation_id = "list_calls", params(Asked),
    responses(
        (status = 200, description = "A page. Beside a table its cursor stands in the header Maskline-Next.",
            content((Listed = "application/json"), (String = "text/csv"))),
        Refusals,
    ),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(in crate::api) async fn list(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cursor = asked.cursor.as_ref().map(|Text(cursor)| cursor.clone());
    let page = page(asked.limit, asked.cursor.clone());
    let filter = asked.filter()?;
    let stored = state.store.calls(&filter, &page).await?;
    let records = merged(state.calls.live(), stored, &filter, cursor.as_ref(), &page);
    let next = next(&records, &page, |record| Cursor::new(received(record), &record.id));
    let calls: Vec<_> = records.iter().map(|record| shown(record, token.sees_numbers)).collect();
    if !prefers(&headers, CSV, "application/json") {
        return Ok(axum::Json(Listed { calls, next }).into_response());
    }
    let kind = [(CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
    let next = next.map(|next| [(NEXT, next)]);
    Ok((kind, next.map(axum::response::AppendHeaders), table(&calls)).into_response())
}

impl Asked {
    fn filter(&self) -> Result<CallFilter, Problem> {
        let received = match (self.since, self.until) {
            (None, None) => None,
            (since, until) => {
                let since = since.map_or(Timestamp::default(), |at| at.0);
                let until = until.map_or(Timestamp::MAX, |at| at.0);
                if until < since {
                    return Err(Problem::invalid("until", "lies before since: write a later time"));
                }
                Some(since..until)
            }
        };
        Ok(CallFilter {
            party: self.party.map(|party| party.0),
            number: self.number.map(|number| number.0),
            session: self.session.map(|session| session.0),
            received,
            outcome: self.result.map(Outcome::from),
        })
    }
}

fn received(record: &CallRecord) -> Timestamp {
    Timestamp::from_millis(record.received_at)
}

/// One page of both lists. A call that has ended meanwhile may be in both: the ended record counts.
fn merged(
    live: Vec<Arc<CallRecord>>,
    stored: Vec<CallRecord>,
    filter: &CallFilter,
    cursor: Option<&Cursor>,
    page: &Page,
) -> Vec<Arc<CallRecord>> {
    let is_over = |record: &&CallRecord| record.outcome != Outcome::InProgress;
    let over: HashSet<Box<str>> = stored.iter().filter(is_over).map(|record| record.id.clone()).collect();
    let mut all: Vec<_> = live
        .into_iter()
        .filter(|record| !over.contains(&record.id) && matches(record, filter))
        .filter(|record| cursor.is_none_or(|cursor| cursor.is_before(received(record), &record.id)))
        .collect();
    let going_on: HashSet<Box<str>> = all.iter().map(|record| record.id.clone()).collect();
    all.extend(stored.into_iter().filter(|record| !going_on.contains(&record.id)).map(Arc::new));
    all.sort_unstable_by(|a, b| (b.received_at, &b.id).cmp(&(a.received_at, &a.id)));
    all.truncate(page.limit as usize);
    all
}

/// Whether a call that goes on is asked for, as the store judges those it has.
fn matches(record: &CallRecord, filter: &CallFilter) -> bool {
    let one_of = |wanted: Option<PhoneNumber>, numbers: [_; 2]| {
        wanted.is_none_or(|number| numbers.contains(&Some(number)))
    };
    one_of(filter.party, [record.caller, record.destination])
        && one_of(filter.number, [record.dialled, record.shown])
        && filter.session.is_none_or(|session| record.session == Some(session))
        && filter.received.as_ref().is_none_or(|range| range.contains(&received(record)))
        && filter.outcome.is_none_or(|outcome| record.outcome == outcome)
}
