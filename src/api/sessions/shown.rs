//! A session in an answer.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::redact::redact;
use crate::api::values::Shown;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::Session;
use crate::session::View;

/// A session as a token may see it: written as [`View`], which events hold too.
pub(super) fn shown(session: &Session, at: Timestamp, sees_numbers: bool) -> serde_json::Value {
    let view = View::new(session, at, PhoneNumber::reveal);
    let mut value = serde_json::to_value(view).expect("a session is plain data");
    if !sees_numbers {
        redact(&mut value);
    }
    value
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::api) enum SessionStatus {
    /// Its start lies ahead.
    NotStarted,
    /// Calls go through.
    Active,
    /// Its expiry has passed.
    Expired,
    /// It was closed.
    Closed,
}

/// A session. Durations are in seconds, moments in RFC 3339.
#[derive(Debug, ToSchema)]
#[schema(as = Session)]
#[expect(dead_code, reason = "the description of `session::View`, which a test holds it to")]
pub(in crate::api) struct SessionShown {
    /// Its id: a UUID of version 7.
    #[schema(format = "uuid")]
    id: String,
    /// Where it is in its life.
    status: SessionStatus,
    /// The first party's real number; null once erased.
    #[schema(required)]
    first_party: Option<Shown>,
    /// The second party's real number; null while nobody knows it.
    #[schema(required)]
    second_party: Option<Shown>,
    /// What the first party dials to reach the second, and sees when the second calls.
    first_party_number: Shown,
    /// What the second party dials to reach the first, and sees when the first calls.
    second_party_number: Shown,
    /// Both of these, where they are one.
    #[schema(required)]
    virtual_number: Option<Shown>,
    /// The pool that the numbers were drawn from.
    #[schema(required)]
    pool: Option<String>,
    /// Your own id.
    #[schema(required)]
    reference: Option<String>,
    /// What you wanted to find again. Without the scope `read-numbers` long runs of digits are hidden.
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
    /// Where its events are told.
    #[schema(required)]
    callback_url: Option<String>,
    /// When it was created.
    #[schema(format = "date-time")]
    created_at: String,
    /// When calls begin to go through.
    #[schema(format = "date-time")]
    starts_at: String,
    /// When it expires; null where it lasts until it is closed.
    #[schema(required, format = "date-time")]
    expires_at: Option<String>,
    /// When it was closed.
    #[schema(required, format = "date-time")]
    closed_at: Option<String>,
    /// Each call moves the expiry to so many seconds after it, where that is later.
    #[schema(required)]
    sliding_expiry: Option<u32>,
    /// Seconds after its end in which its numbers are not drawn for the same parties again.
    virtual_number_cooloff_period: u32,
    /// The longest duration of its calls in seconds; null: that of the settings.
    #[schema(required)]
    call_time_limit: Option<u32>,
    /// How many seconds the other party may ring; null: as in the settings.
    #[schema(required)]
    ring_timeout: Option<u32>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    bind_first_caller: bool,
}
