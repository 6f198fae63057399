//! `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use super::auth::{Token, may};
use super::docs::Refusals;
use super::limits::{METRICS, prefers};
use super::state::ApiState;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is counted, for Prometheus. No label holds a number.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "metrics",
    responses(
        (status = 200, description = "Every metric, in OpenMetrics 1.0.", body = String,
            content_type = "application/openmetrics-text"),
        Refusals,
    ),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn metrics(
    _: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let kind = if prefers(&headers, "text/plain", METRICS) { PLAIN } else { OPENMETRICS };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], state.metrics.render())
}
