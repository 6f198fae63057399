//! What holds for every request: how long it may take, how many there may be, what it may ask for, and how it is
//! counted.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::problem::Problem;
use super::state::ApiState;

/// How long an answer may take to begin, the reading of the body included.
const ANSWER: Duration = Duration::from_secs(30);
/// Requests at a time.
const AT_ONCE: usize = 256;

/// How many requests are served at a time.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Turns away what is too much, and ends what takes too long. Whether the service is well is told under load too.
pub(super) async fn bound(
    State(places): State<Places>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if let Some("/healthz" | "/readyz") = route.as_ref().map(MatchedPath::as_str) {
        return next.run(request).await;
    }
    let Ok(_place) = places.0.try_acquire() else {
        return Problem::unavailable("too many requests at a time: try again in a second").into_response();
    };
    match timeout(ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("the answer took too long: try again later").into_response(),
    }
}

/// Counts each answer by its route's template.
pub(super) async fn count(
    State(state): State<Arc<ApiState>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (method, started) = (name(request.method()), Instant::now());
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    state.metrics.answered(method, route, response.status().as_u16(), started.elapsed());
    response
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// JSON, and what else a route can answer with.
const JSON: &str = "application/json";
/// For tables.
pub(super) const CSV: &str = "text/csv";
const EVENTS: &str = "text/event-stream";
/// For Prometheus.
pub(super) const METRICS: &str = "application/openmetrics-text";

/// Turns away a client that takes none of what its route can answer with.
pub(super) async fn negotiate(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let offers: &[&str] = match (request.method(), route.as_ref().map(MatchedPath::as_str)) {
        (&Method::GET | &Method::HEAD, Some("/v1/calls")) => &[JSON, CSV],
        (&Method::GET | &Method::HEAD, Some("/v1/events")) => &[EVENTS],
        (_, Some("/metrics")) => &[METRICS, "text/plain"],
        (_, Some(path)) if path.starts_with("/v1/") => &[JSON],
        _ => return next.run(request).await,
    };
    if offers.iter().any(|offer| takes(request.headers(), offer) > 0.0) {
        return next.run(request).await;
    }
    let detail = format!("what is here is {}: ask for that in Accept", offers.join(" or "));
    Problem::new(StatusCode::NOT_ACCEPTABLE).detail(detail).into_response()
}

/// Whether a client would rather have the first of two media types (RFC 9110 section 12.5.1).
pub(super) fn prefers(headers: &HeaderMap, this: &str, that: &str) -> bool {
    takes(headers, this) > takes(headers, that)
}

/// How gladly a client takes a media type, from 0 to 1.
fn takes(headers: &HeaderMap, offer: &str) -> f32 {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return 1.0;
    }
    let family = offer.split('/').next().unwrap_or_default();
    let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let (mut best, mut quality) = (0, 0.0);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let exactness = match kind.split_once('/') {
            _ if kind.eq_ignore_ascii_case(offer) => 3,
            Some((left, "*")) if left.eq_ignore_ascii_case(family) => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        if exactness > best {
            (best, quality) = (exactness, q);
        }
    }
    quality
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_taken_as_the_closest_range_says() {
        let takes = |accept: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            [JSON, CSV].map(|offer| takes(&headers, offer))
        };
        assert_eq!(takes("*/*"), [1.0, 1.0]);
        assert_eq!(takes("text/csv"), [0.0, 1.0]);
        assert_eq!(takes("text/csv, application/json;q=0.5"), [0.5, 1.0]);
        assert_eq!(takes("*/*;q=0.1, text/*;q=0.2, text/csv; q=0.3"), [0.1, 0.3]);
        assert_eq!(takes("application/json;q=0, */*"), [0.0, 1.0]);
        assert_eq!(takes("image/png"), [0.0, 0.0]);
        assert_eq!(super::takes(&HeaderMap::new(), CSV), 1.0);
    }
}
