//! The way back of a call that was placed: for some time each party reaches the other by the number that it saw.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::api::problem::{Problem, kinds};
use crate::api::state::ApiState;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Page, Session, SessionFilter, SessionId, SessionStatus};
use crate::route::{Decision, Identity, explain};
use crate::session::{Change, Expires, Fault, Made, Numbers, Wanted};

/// What a session that was made for the way back of a call has in its metadata: the call's id. One without it is
/// somebody else's, and is left as it is.
const MARK: &str = "way_back_of";

/// The session that keeps the way back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) session: SessionId,
    /// The version that it has by this call.
    version: u32,
    /// When it would expire without this call; `None` where it was made for it.
    expired_at: Option<Timestamp>,
}

/// Keeps the way back of a call for so many seconds: by a new session, or by the one that was made for an earlier call of
/// this pair by this number, which counts a version then, so that whoever made it for a call of its own does not close
/// it any more. None where mappings, or a session that somebody made, lead each of the two to the other already. Where
/// the number leads one of them nowhere or to somebody else, and cannot be made to lead to the other, that is a conflict.
pub(super) async fn keep(
    state: &ApiState,
    (call, pair, show): (&str, [PhoneNumber; 2], PhoneNumber),
    window: u32,
    now: Timestamp,
) -> Result<Option<Kept>, Problem> {
    let window = Duration::from_secs(window.into());
    let wanted = Wanted {
        expires: Some(Expires::At(now.after(window))),
        metadata: Some(Map::from_iter([(MARK.to_owned(), Value::from(call))])),
        ..Wanted::new(pair[0], Some(pair[1]), Numbers::Shared(show))
    };
    let taken = match state.sessions.create(wanted, None, now).await {
        Ok(Made { session, .. }) => {
            return Ok(Some(Kept { session: session.id, version: session.version, expired_at: None }));
        }
        Err(taken @ Fault::ChannelTaken { .. }) => taken,
        Err(Fault::Invalid { field, reason }) => return Err(Problem::invalid(by_order(field), reason)),
        Err(fault) => return Err(fault.into()),
    };
    if let Some(session) = earlier(state, pair, show, now).await? {
        let later = (session.expires_at < now.after(window)).then(|| Expires::At(now.after(window)));
        let change = Change { expires: later, claims: true, ..Change::default() };
        let claimed = state.sessions.change(session.id, change, now).await?;
        let (version, expired_at) = (claimed.version, Some(session.expires_at));
        return Ok(Some(Kept { session: session.id, version, expired_at }));
    }
    if leads_both_ways(state, pair, show, now) {
        return Ok(None);
    }
    let detail = "leads one of the two to somebody else, or one of them alone to the other: write another number, or 0 \
                  for return_window, or call the parties of that session by its session_id";
    let taken = Problem::new(StatusCode::CONFLICT).of(kinds::NUMBER).detail(taken.to_string());
    Err(taken.field("show", detail))
}

/// Takes back what was kept for a call that is not placed, unless somebody else has changed or claimed it since.
pub(super) async fn give_back(state: &ApiState, kept: Kept, now: Timestamp) {
    let Kept { session, version, expired_at } = kept;
    let given = match expired_at {
        None => state.sessions.close_version(session, version, now).await,
        Some(at) => {
            let expires = if at == Timestamp::MAX { Expires::Never } else { Expires::At(at) };
            let change = Change { expires: Some(expires), version: Some(version), ..Change::default() };
            state.sessions.change(session, change, now).await
        }
    };
    match given {
        Ok(_) | Err(Fault::Contended) => {}
        Err(fault) => tracing::warn!(%session, %fault, "the way back of a call that was not placed stays"),
    }
}

/// The live session that keeps the way back of an earlier call of just these two by just this number.
async fn earlier(
    state: &ApiState,
    pair: [PhoneNumber; 2],
    show: PhoneNumber,
    now: Timestamp,
) -> Result<Option<Session>, Problem> {
    let filter = SessionFilter {
        party: Some(pair[0]),
        number: Some(show),
        status: Some((SessionStatus::Active, now)),
        pool: None,
    };
    let found = state.store.sessions(&filter, &Page { after: None, limit: 1000 }).await?;
    let is_it = |session: &Session| {
        let is_marked = session.metadata.as_ref().is_some_and(|metadata| metadata.contains_key(MARK));
        let parties = [session.first.number, session.second.number];
        let is_shared = session.first.dials == show && session.second.dials == show;
        is_marked && is_shared && pair.iter().all(|number| parties.contains(&Some(*number)))
    };
    Ok(found.into_iter().find(is_it))
}

/// Whether the number leads each of the two to the other.
fn leads_both_ways(
    state: &ApiState,
    [first, second]: [PhoneNumber; 2],
    show: PhoneNumber,
    now: Timestamp,
) -> bool {
    let index = (state.in_force)();
    let reached = |caller| match explain(&index, &state.book, Identity::Known(caller), &show.reveal(), now) {
        Decision::Bridge(plan) => Some(plan.destination),
        Decision::Refuse(_) | Decision::Ask(_) | Decision::Follow(_) => None,
    };
    reached(first) == Some(second) && reached(second) == Some(first)
}

/// A field of a session by its name in an order.
fn by_order(field: &'static str) -> &'static str {
    match field {
        "first_party" => "first",
        "second_party" => "second",
        "session_expiry" | "expires_at" => "return_window",
        _ => "show",
    }
}
