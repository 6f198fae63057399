//! Placing a call, once for each key.
//!
//! A request that is refused leaves nothing behind: its key is free again, and so is the way back. Where it is not known
//! whether anybody is called, the key stays, so that nobody is called twice.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use super::placed::{Checked, Placed, Who};
use super::shown::CallResult;
use super::way_back::{give_back, keep};
use crate::api::Readiness;
use crate::api::problem::{Problem, kinds};
use crate::api::state::{ApiState, Begun, Callee, NotPlaced, Placing};
use crate::base::{PhoneNumber, Side, Timestamp};
use crate::ledger::{Answered, Party, Session, SessionId, SessionStatus};
use crate::route::Ours;
use crate::session::Key;

/// What is said of a call that is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Stands {
    /// It has begun by this request.
    Begun,
    /// It is handed over, and has not begun yet.
    Ordered,
    /// The same request placed it before.
    Before,
}

/// Places a call, once for each key.
pub(in crate::api) async fn place(
    state: Arc<ApiState>,
    order: Checked,
    key: Option<Key>,
) -> Result<(Placed, Stands), Problem> {
    let key = key.map(|(key, body)| (key_of(&key), body));
    if let Some((key, body)) = &key
        && let Some(answered) = state.store.answer_of(key).await?
    {
        return repeat(&state, &answered, *body).await;
    }
    if state.health.readiness() != Readiness::Ready {
        return Err(NotPlaced::Unavailable.into());
    }
    let now = state.now();
    let placing = placing(&state, order, now).await?;
    state.calls.check(&placing)?;
    let Some((key, body)) = key else { return carry_out(&state, placing, order, now).await };
    let answered = Answered { body, id: placing.id.clone(), at: now };
    if !state.store.note_answer(&key, &answered).await? {
        let earlier = state.store.answer_of(&key).await?.unwrap_or(answered);
        return repeat(&state, &earlier, body).await;
    }
    let carried_out = carry_out(&state, placing, order, now).await;
    if carried_out.is_err()
        && let Err(fault) = state.store.forget_answer(&key, &answered.id).await
    {
        tracing::warn!(%fault, "the key of a call that was not placed stays used");
    }
    carried_out
}

/// The key under which the answer to a placed call is kept.
pub(in crate::api) fn key_of(key: &str) -> String {
    format!("calls {key}")
}

/// Keeps the way back where one is wanted, and hands the order over. Where it fails nobody is called.
async fn carry_out(
    state: &ApiState,
    mut placing: Placing,
    order: Checked,
    now: Timestamp,
) -> Result<(Placed, Stands), Problem> {
    let kept = match order.who {
        Who::Numbers { first, second, show, window } if window > 0 => {
            keep(state, (&placing.id, [first, second], show), window, now).await?
        }
        Who::Numbers { .. } | Who::Session { .. } => None,
    };
    placing.session = placing.session.or(kept.map(|kept| kept.session));
    let placed =
        Placed { id: placing.id.clone(), status: CallResult::InProgress, session_id: placing.session };
    match state.calls.place(placing).await {
        Ok(Begun::Already) => Ok((placed, Stands::Begun)),
        Ok(Begun::NotYet) => Ok((placed, Stands::Ordered)),
        Err(fault) => {
            if let Some(kept) = kept {
                give_back(state, kept, now).await;
            }
            Err(fault.into())
        }
    }
}

/// The answer to a request that came before.
async fn repeat(state: &ApiState, answered: &Answered, body: [u8; 32]) -> Result<(Placed, Stands), Problem> {
    let conflict = Problem::new(StatusCode::CONFLICT);
    if answered.body != body {
        let detail = "the Idempotency-Key was used for another request: write another";
        return Err(conflict.of(kinds::KEY).detail(detail).field("Idempotency-Key", "write another"));
    }
    let is_to_begin = state.calls.is_to_begin(&answered.id);
    if let Some(record) = super::find(state, &answered.id).await? {
        let (status, session_id) = (record.outcome.into(), record.session);
        return Ok((Placed { id: record.id.clone(), status, session_id }, Stands::Before));
    }
    if is_to_begin {
        let (id, status) = (answered.id.clone(), CallResult::InProgress);
        return Ok((Placed { id, status, session_id: None }, Stands::Ordered));
    }
    let detail = format!(
        "the request with this key is being carried out: ask again in a second. Where that goes on, its node ended \
         before anybody was called, or the record of its call, {}, is gone: write another key",
        answered.id
    );
    Err(conflict.detail(detail).retry_after(1))
}

/// Who is to be called, and what they see; nothing is done yet.
async fn placing(state: &ApiState, order: Checked, now: Timestamp) -> Result<Placing, Problem> {
    let (mut ring_timeout, mut time_limit) = (order.ring_timeout, order.time_limit);
    let ([first, second], session) = match order.who {
        Who::Session { id, first } => {
            let (session, callees) = parties(state, id, first, now).await?;
            let seconds = |seconds: u32| Duration::from_secs(seconds.into());
            ring_timeout = ring_timeout.or(session.ring_timeout.map(seconds));
            time_limit = time_limit.into_iter().chain(session.call_time_limit.map(seconds)).min();
            (callees, Some(id))
        }
        Who::Numbers { first, second, show, .. } => {
            fitting(state, first, second, show)?;
            ([first, second].map(|number| Callee { number, sees: show }), None)
        }
    };
    Ok(Placing {
        id: state.call_id(),
        first,
        second,
        session,
        is_way_back: matches!(order.who, Who::Numbers { .. }),
        confirm: order.confirm,
        retries: order.retries,
        retry_pause: order.retry_pause,
        ring_timeout,
        time_limit,
    })
}

/// Whether two numbers may be called, and one shown.
fn fitting(
    state: &ApiState,
    first: PhoneNumber,
    second: PhoneNumber,
    show: PhoneNumber,
) -> Result<(), Problem> {
    for (field, number) in [("first", first), ("second", second)] {
        state.sessions.check_party(field, number)?;
    }
    let index = (state.in_force)();
    if !(Ours { index: &index, book: &state.book }).serve(show) {
        return Err(Problem::invalid(
            "show",
            "is not ours: write a number of the inventory that is not retired",
        ));
    }
    Ok(())
}

/// The parties of a session, the one to be called first in front.
async fn parties(
    state: &ApiState,
    id: SessionId,
    first: Side,
    now: Timestamp,
) -> Result<(Session, [Callee; 2]), Problem> {
    let session = state.store.session(id).await?;
    let session = session.ok_or_else(|| Problem::not_found("there is no such session"))?;
    // Another node may have made it, and this one decides its calls by the book.
    state.book.put(&session);
    if session.status(now) != SessionStatus::Active {
        let detail = "the session does not take calls now: it has not started, or is over";
        return Err(Problem::new(StatusCode::CONFLICT).detail(detail).field("session_id", detail));
    }
    let callee = |party: Party| {
        party.number.map(|number| Callee { number, sees: party.dials }).ok_or_else(|| {
            Problem::invalid(
                "session_id",
                "names a session of which a party is not known yet: change it first",
            )
        })
    };
    let (one, other) = (callee(session.first)?, callee(session.second)?);
    Ok((session, if first == Side::A { [one, other] } else { [other, one] }))
}

impl From<NotPlaced> for Problem {
    fn from(fault: NotPlaced) -> Self {
        match fault {
            NotPlaced::Invalid { field, reason } => Problem::invalid(field, reason),
            NotPlaced::Unavailable => {
                Problem::unavailable("no new calls are taken: this node drains or is full")
            }
        }
    }
}
