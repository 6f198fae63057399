//! Whether the service runs, and whether it takes calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;

/// Where the service is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Readiness {
    /// Its listeners are not open yet.
    Starting,
    /// It takes calls.
    Ready,
    /// It takes no new calls, and waits for the running ones to end.
    Draining,
}

/// The state that the application sets and the API tells.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    readiness: AtomicU8,
    store_is_away: AtomicBool,
}

/// The service is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// The service takes calls.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// Always `ready`.
    #[schema(value_type = String, example = "ready")]
    status: &'static str,
    /// `ok`, or `away` while the database does not answer: calls go on, records wait in the journal.
    #[schema(value_type = String, example = "ok")]
    store: &'static str,
}

impl Health {
    /// From now on this is the state.
    pub fn set(&self, readiness: Readiness) {
        self.0.readiness.store(readiness as u8, Ordering::Release);
    }

    /// From now on the database answers, or it does not.
    pub fn set_store(&self, answers: bool) {
        self.0.store_is_away.store(!answers, Ordering::Release);
    }

    /// The state now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        match self.0.readiness.load(Ordering::Acquire) {
            1 => Readiness::Ready,
            2 => Readiness::Draining,
            _ => Readiness::Starting,
        }
    }
}

/// The service is alive: an answer is all it takes.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "healthz",
    responses((status = 200, description = "It is alive.", body = Alive)), security(())
)]
pub(super) async fn healthz() -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(Alive { status: "ok" })).into_response()
}

/// The service takes calls: 200; not yet, or no more since it drains: 503. It takes calls without its database too, from
/// what it has in memory, and `store` tells.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "readyz",
    responses(
        (status = 200, description = "Calls are taken.", body = Ready),
        (status = 503, description = "No calls are taken.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(())
)]
pub(super) async fn readyz(State(health): State<Health>) -> Response {
    let unready = |detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail).into_response();
    match health.readiness() {
        Readiness::Ready => {
            let store = if health.0.store_is_away.load(Ordering::Acquire) { "away" } else { "ok" };
            ([(CACHE_CONTROL, "no-store")], Json(Ready { status: "ready", store })).into_response()
        }
        Readiness::Starting => unready("the listeners are not open yet"),
        Readiness::Draining => unready("draining: no new calls are taken"),
    }
}
