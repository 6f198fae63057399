//! Whether the service runs, and whether it takes calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

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
#[derive(Debug, Clone)]
pub struct Health(Arc<AtomicU8>);

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(Readiness::Starting as u8)))
    }
}

impl Health {
    /// From now on this is the state.
    pub fn set(&self, readiness: Readiness) {
        self.0.store(readiness as u8, Ordering::Release);
    }

    /// The state now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        match self.0.load(Ordering::Acquire) {
            1 => Readiness::Ready,
            2 => Readiness::Draining,
            _ => Readiness::Starting,
        }
    }
}

/// `GET /healthz`: an answer is all it takes.
pub(super) async fn healthz() -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(json!({ "status": "ok" }))).into_response()
}

/// `GET /readyz`: 200 while calls are taken, else 503.
pub(super) async fn readyz(State(health): State<Health>) -> Response {
    let unready = |detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail).into_response();
    match health.readiness() {
        Readiness::Ready => {
            ([(CACHE_CONTROL, "no-store")], Json(json!({ "status": "ready" }))).into_response()
        }
        Readiness::Starting => unready("the listeners are not open yet"),
        Readiness::Draining => unready("draining: no new calls are taken"),
    }
}
