//! Errors as problem documents (RFC 9457).

use std::borrow::Cow;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ledger::StoreFault;

/// An error answer, as RFC 9457 defines it: what is wrong and what to do instead, in our own words; nothing of the
/// request is repeated.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of problem: `about:blank` where the status says it all, else `urn:maskline:problem:...`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "about:blank")]
    kind: &'static str,
    /// The kind of problem in words.
    #[schema(value_type = String, example = "Unprocessable Entity")]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time, and the remedy.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<u8>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field of the body, the parameter of the query, or the header.
    #[schema(example = "second_party")]
    pub field: String,
    /// What is wrong with it, and what to write instead.
    #[schema(example = "is the first party too: write the other party's number")]
    pub detail: String,
}

/// The kinds of problem that a client may want to tell apart, beyond their status: type and title.
pub(super) mod kinds {
    /// The pool has too few numbers for one more session.
    pub(in crate::api) const POOL: (&str, &str) = ("urn:maskline:problem:pool-exhausted", "Pool Exhausted");
    /// A key of idempotency came with another body.
    pub(in crate::api) const KEY: (&str, &str) =
        ("urn:maskline:problem:key-reused", "Idempotency-Key Reused");
    /// A reference has its session already.
    pub(in crate::api) const REFERENCE: (&str, &str) =
        ("urn:maskline:problem:reference-taken", "Reference Taken");
    /// A caller reaches somebody else by that number already.
    pub(in crate::api) const NUMBER: (&str, &str) = ("urn:maskline:problem:number-taken", "Number Taken");
    /// Somebody else changed it meanwhile.
    pub(in crate::api) const CHANGED: (&str, &str) = ("urn:maskline:problem:changed", "Changed Meanwhile");
}

impl Problem {
    /// A problem that its status says all about.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: None,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// With an explanation of this occurrence.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// With a type and a title of its own.
    #[must_use]
    pub(super) fn of(self, (kind, title): (&'static str, &'static str)) -> Self {
        Self { kind, title, ..self }
    }

    /// With a field that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// A body or a parameter that says what cannot be.
    #[must_use]
    pub(super) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY).field(field, detail)
    }

    /// Several of them.
    #[must_use]
    pub(super) fn all_invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY) }
    }

    /// What is asked for does not exist.
    #[must_use]
    pub(super) fn not_found(detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// What cannot be done now, and may be in some seconds.
    #[must_use]
    pub(super) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail) }
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub(super) fn retry_after(self, seconds: u8) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<StoreFault> for Problem {
    /// What the database said goes to the log, where the operator looks for it, and not to the client.
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Unavailable(_) => Self::unavailable("the database does not answer: try again later"),
            StoreFault::Unreadable(_) => {
                tracing::error!("the database holds what this version cannot read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR).detail("the stored row cannot be read")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"maskline\", Basic realm=\"maskline\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
