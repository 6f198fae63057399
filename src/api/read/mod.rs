//! Reading what a request brings: its body, its query, its key of idempotency.

mod fault;
mod node;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::problem::Problem;
use node::Node;

/// How long a body may take to come in.
const BODY: Duration = Duration::from_secs(10);

/// A JSON body, read as a type.
#[derive(Debug)]
pub(super) struct Json<T> {
    /// What it says.
    pub(super) value: T,
    /// A fingerprint of it, for a request that may come twice: the same whatever its blanks and the order of its keys.
    pub(super) fingerprint: [u8; 32],
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("send the body as JSON, with Content-Type: application/json"));
        }
        let late =
            |_| Problem::new(StatusCode::REQUEST_TIMEOUT).detail("the body did not come in within 10 s");
        let body = timeout(BODY, Bytes::from_request(request, state)).await.map_err(late)?;
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail("a body has 65536 bytes at most")
            }
            _ => Problem::new(StatusCode::BAD_REQUEST).detail("the body did not come in whole"),
        })?;
        json(&body)
    }
}

/// Reads a JSON body: 400 where it is not JSON, 422 where it says something else than the type.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<Json<T>, Problem> {
    let node: Node = serde_json::from_slice(body).map_err(|fault| {
        let place = format!("the body is not JSON from line {}, column {} on", fault.line(), fault.column());
        Problem::new(StatusCode::BAD_REQUEST).detail(place)
    })?;
    if !matches!(node, Node::Object(_)) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail("write the body as a JSON object"));
    }
    let value = T::deserialize(node)?;
    let sorted: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    Ok(Json { value, fingerprint: Sha256::digest(sorted.to_string()).into() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The query, read as a type.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads a query. A `+` stands for itself, as people write it in numbers and times; no parameter has blanks.
fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(text.as_bytes())
        .map(|(key, value)| (key.into_owned(), Node::Word(value.replace(' ', "+"))));
    Ok(T::deserialize(Node::Object(pairs.collect()))?)
}

/// The `Idempotency-Key` of a request, where it has one.
#[derive(Debug)]
pub(super) struct Key(pub(super) Option<Box<str>>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        const NAME: &str = "idempotency-key";
        let mut values = parts.headers.get_all(NAME).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        let is_key = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key || values.next().is_some() {
            let detail = "is no key: write 1 to 255 letters, digits and signs without spaces, once";
            return Err(Problem::new(StatusCode::BAD_REQUEST).field("Idempotency-Key", detail));
        }
        Ok(Self(Some(text.into())))
    }
}

/// The one part of a path that varies. One that is not UTF-8 names nothing.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Problem::not_found("there is nothing with such an id"))
    }
}

/// Reads a field that may be taken out: null is `Some(None)`, and left out it stays `None` by its default.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Runs what must not be left half-way, whatever becomes of the request.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: a request that ends early must not end what it began"
)]
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail("a fault in the program: please report it")
    })
}
