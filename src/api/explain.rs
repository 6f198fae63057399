//! `/v1/explain`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::ObjectBuilder;

use super::auth::{Token, may};
use super::docs::Refusals;
use super::problem::Problem;
use super::read::Json;
use super::state::ApiState;
use super::values::{Meaning, Moment, Shown, Text};
use crate::base::{PhoneNumber, Timestamp, hide_runs};
use crate::ledger::SessionId;
use crate::route::{self, Decision, Identity, Index, Plan, RefusalKind, Target};

/// A caller: a number, or somebody whom nothing names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller(Identity);

impl Meaning for Caller {
    const NAME: &'static str = "Caller";
    const WRITE: &'static str = "a number in quotes, or \"anonymous\"";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        if text == "anonymous" {
            return Ok(Self(Identity::Anonymous));
        }
        PhoneNumber::read(text).map(|number| Self(Identity::Known(number)))
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("A number in E.164, or `anonymous`."))
            .pattern(Some(r"^(\+[1-9][0-9]{6,14}|anonymous)$"))
            .examples(["+919876500001"])
    }
}

/// What is dialled, as a phone or a trunk writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialled(Box<str>);

impl Meaning for Dialled {
    const NAME: &'static str = "Dialled";
    const WRITE: &'static str = "what is dialled, in quotes";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        Err("is nothing that can be dialled: write 1 to 64 digits and signs, without spaces".into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("What is dialled, as a phone or a trunk writes it."))
            .pattern(Some("^[!-~]{1,64}$"))
            .examples(["+918045550101"])
    }
}

/// A caller, in a request.
type CallerText = Text<Caller>;
/// What is dialled, in a request.
type DialledText = Text<Dialled>;

/// A call that nobody places.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Question)]
pub(super) struct Asked {
    /// Who calls.
    from: CallerText,
    /// What is dialled.
    to: DialledText,
    /// When; left out, now.
    at: Option<Moment>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The destination is called.
    Bridge,
    /// The caller is refused.
    Refuse,
    /// The web service of the number is asked; what it would answer is not known here.
    Ask,
}

/// The decision for a call, and the steps that lead to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// What becomes of it.
    decision: Verdict,
    /// Why it is refused.
    #[schema(required, example = "caller-not-allowed")]
    reason: Option<&'static str>,
    /// The number dialled, where it can be read.
    #[schema(required)]
    dialled: Option<Shown>,
    /// Who is called.
    #[schema(required)]
    destination: Option<Shown>,
    /// The caller ID that is seen there.
    #[schema(required)]
    shown: Option<Shown>,
    /// The session that decides it.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    session: Option<SessionId>,
    /// The phone, or the trunks in order of choice, that it goes out by.
    by: Vec<String>,
    /// How many seconds the destination may ring.
    #[schema(required)]
    ring_timeout: Option<u64>,
    /// How many seconds the call may last.
    #[schema(required)]
    call_time_limit: Option<u64>,
    /// The steps, in order; numbers redacted.
    trace: Vec<String>,
}

/// Explain what would become of a call, without placing it: the same decision, by the same code, as for a live one.
#[utoipa::path(
    post, path = "/v1/explain", tag = "explain", operation_id = "explain",
    request_body(content = Asked, example = json!({ "from": "+919876500001", "to": "+918045550101" })),
    responses((status = 200, description = "The decision.", body = Explanation), Refusals),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn explain(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    body: Json<Asked>,
) -> Result<axum::Json<Explanation>, Problem> {
    let Asked { from: Text(Caller(from)), to: Text(Dialled(to)), at } = body.value;
    let at: Timestamp = at.map_or_else(|| state.now(), |at| at.0);
    let index = (state.in_force)();
    let decision = route::explain(&index, &state.book, from, &to, at);
    Ok(axum::Json(explained(&decision, &index, token.sees_numbers)))
}

fn explained(decision: &Decision, index: &Index, sees_numbers: bool) -> Explanation {
    let show = |number: PhoneNumber| Shown::new(number, sees_numbers);
    // A phone may be named by its number.
    let told = |text: String| if sees_numbers { text } else { hide_runs(&text) };
    let plan = match decision {
        Decision::Bridge(plan) => Some(plan),
        Decision::Refuse(_) | Decision::Ask(_) | Decision::Follow(_) => None,
    };
    let (verdict, reason) = match decision {
        Decision::Bridge(_) => (Verdict::Bridge, None),
        Decision::Refuse(refusal) => (Verdict::Refuse, Some(name(refusal.kind))),
        Decision::Ask(_) | Decision::Follow(_) => (Verdict::Ask, None),
    };
    Explanation {
        decision: verdict,
        reason,
        dialled: decision.dialled().map(show),
        destination: plan.map(|plan| show(plan.destination)),
        shown: plan.map(|plan| show(plan.show)),
        session: plan.and_then(|plan| plan.session),
        by: plan.map(|plan| ways(plan, index)).unwrap_or_default().into_iter().map(told).collect(),
        ring_timeout: plan.map(|plan| plan.ring_timeout.as_secs()),
        call_time_limit: plan.map(|plan| plan.max_duration.as_secs()),
        trace: decision.trace().iter().map(|step| told(step.to_string())).collect(),
    }
}

fn ways(plan: &Plan, index: &Index) -> Vec<String> {
    match &plan.target {
        Target::Phone(place) => vec![format!("phone {}", index.phone(*place).username)],
        Target::Trunks(places) => {
            places.iter().map(|place| format!("trunk {}", index.trunk(*place).name)).collect()
        }
    }
}

fn name(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NotOurs => "not-ours",
        RefusalKind::NoMapping => "no-mapping",
        RefusalKind::CallerNotAllowed => "caller-not-allowed",
        RefusalKind::SessionNotStarted => "session-not-started",
        RefusalKind::SessionExpired => "session-expired",
        RefusalKind::SessionClosed => "session-closed",
        RefusalKind::PartyUnknown => "party-unknown",
        RefusalKind::SameParty => "same-party",
        RefusalKind::Emergency => "emergency",
        RefusalKind::ShortCode => "short-code",
        RefusalKind::Ambiguous => "ambiguous",
        RefusalKind::CallerClaimsOwn => "caller-claims-own",
        RefusalKind::DestinationOwn => "destination-own",
        RefusalKind::ShowNotAllowed => "show-not-allowed",
        RefusalKind::NoRoute => "no-route",
        RefusalKind::LimitReached => "limit-reached",
        RefusalKind::RefusedTooOften => "refused-too-often",
    }
}
