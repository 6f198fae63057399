//! What is served at which path.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::post;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Token, may};
use super::docs::{General, pages};
use super::health::{self, Health};
use super::limits::{Places, bound, count, negotiate};
use super::problem::Problem;
use super::state::ApiState;
use super::{calls, events, explain, metrics, numbers, redactions, sessions};

/// Bytes of a body.
const BODY: usize = 64 * 1024;

impl FromRef<Arc<ApiState>> for Health {
    fn from_ref(state: &Arc<ApiState>) -> Self {
        state.health.clone()
    }
}

/// What is served and described.
pub(super) fn described() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::with_openapi(General::openapi())
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(sessions::show, sessions::change, sessions::close))
        .routes(routes!(calls::place, calls::list))
        .routes(routes!(calls::show, calls::hang_up))
        .routes(routes!(numbers::list, numbers::add))
        .routes(routes!(numbers::change, numbers::remove))
        .routes(routes!(explain::explain))
        .routes(routes!(events::stream))
        .routes(routes!(redactions::redact))
        .routes(routes!(metrics::metrics))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// Everything. `/healthz`, `/readyz`, `/openapi.json` and `/docs` need no token.
pub fn router(state: Arc<ApiState>) -> Router {
    let (router, document) = described().split_for_parts();
    router
        .merge(later())
        .merge(pages(document))
        .fallback(unknown)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(negotiate))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(Places::default(), bound))
        .layer(from_fn_with_state(Arc::clone(&state), count))
        .with_state(state)
}

/// What later versions do with a call that goes on.
fn later() -> Router<Arc<ApiState>> {
    ["transfer", "record", "play", "dtmf"].into_iter().fold(Router::new(), |router, action| {
        router.route(&format!("/v1/calls/{{id}}/{action}"), post(not_yet))
    })
}

async fn not_yet(_: Token<{ may::WRITE }>) -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED).detail(
        "transfer, record, play and dtmf are not served in this version: a call can be hung up by DELETE",
    )
}

async fn unknown() -> Problem {
    Problem::not_found("there is nothing at this path: /docs tells what there is")
}

async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
        .detail("the path has no such method: /docs tells which it has")
}
