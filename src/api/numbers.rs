//! `/v1/numbers`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Token, may};
use super::docs::Refusals;
use super::paging::{Limit, ROWS};
use super::problem::Problem;
use super::read::{Id, Json, Query, given, to_the_end};
use super::seal::{Seal, SealedText};
use super::state::ApiState;
use super::values::{E164, Link, Name, Shown, Text, Url};
use crate::base::link::Method;
use crate::base::{PhoneNumber, Timestamp, hide_runs};
use crate::ledger;
use crate::session::{Fault, NewNumber, NumberChange, Removed};

/// Where a number is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NumberState {
    /// New sessions may draw it.
    Active,
    /// No new session draws it; those that have it keep it.
    Draining,
    /// Nothing has it any more: calls on it are refused.
    Retired,
}

/// How an answer URL is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum AnswerMethod {
    /// With the parameters as a form.
    Post,
    /// With the parameters in the URL.
    Get,
}

/// A masking number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Number {
    /// The number.
    number: Shown,
    /// Its country (ISO 3166).
    #[schema(required, example = "IN")]
    country: Option<String>,
    /// The pool that sessions draw it from.
    #[schema(required)]
    pool: Option<String>,
    /// The trunk that it is rented on, which may show it.
    #[schema(required)]
    trunk: Option<String>,
    /// The web service that decides its calls.
    #[schema(required, example = "https://example.com/answer")]
    answer_url: Option<String>,
    /// How that is asked.
    #[schema(required)]
    answer_method: Option<AnswerMethod>,
    /// Where it is in its life.
    state: NumberState,
    /// When it was added; null for one that only the settings file names.
    #[schema(required, value_type = Option<String>, format = "date-time")]
    added_at: Option<Timestamp>,
}

impl Number {
    fn new(number: &ledger::Number, token_sees: bool) -> Self {
        let answer = number.answer.as_ref();
        Self {
            number: Shown::new(number.number, token_sees),
            country: number.country.as_deref().map(str::to_owned),
            pool: number.pool.as_deref().map(str::to_owned),
            trunk: number.trunk.as_deref().map(str::to_owned),
            answer_url: answer
                .map(|answer| if token_sees { answer.url.to_string() } else { hide_runs(&answer.url) }),
            answer_method: answer.map(|answer| answer.method.into()),
            state: number.state.into(),
            added_at: Some(number.added_at),
        }
    }

    /// One that the settings file names and nobody has added.
    fn of_settings(number: PhoneNumber, token_sees: bool) -> Self {
        Self {
            number: Shown::new(number, token_sees),
            country: None,
            pool: None,
            trunk: None,
            answer_url: None,
            answer_method: None,
            state: NumberState::Active,
            added_at: None,
        }
    }
}

/// Which numbers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Those of this pool.
    #[param(inline)]
    pool: Option<Name>,
    /// Those in this state.
    #[param(inline)]
    state: Option<NumberState>,
    /// Rows of a page, 100 where left out.
    #[param(inline)]
    limit: Option<Limit>,
    /// The page after this place.
    #[param(inline)]
    cursor: Option<SealedText>,
}

/// A page of the inventory.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Numbers {
    /// In the order of the numbers.
    numbers: Vec<Number>,
    /// The cursor of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
}

/// List the masking numbers: the inventory, and what the settings file owns besides.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", operation_id = "list_numbers", params(Asked),
    responses((status = 200, description = "A page.", body = Numbers), Refusals),
    security(("bearer" = ["read"]), ("basic" = ["read"]))
)]
pub(super) async fn list(
    token: Token<{ may::READ }>,
    State(state): State<Arc<ApiState>>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Numbers>, Problem> {
    let inventory = state.store.numbers().await?;
    let in_force = (state.in_force)();
    let owned = in_force.settings().numbers.owned.iter();
    let others = owned.filter(|owned| inventory.iter().all(|number| number.number != **owned));
    let sees = token.sees_numbers;
    let mut all: Vec<(PhoneNumber, Number)> = inventory
        .iter()
        .map(|number| (number.number, Number::new(number, sees)))
        .chain(others.map(|number| (*number, Number::of_settings(*number, sees))))
        .filter(|(_, number)| asked.is_for(number))
        .collect();
    all.sort_unstable_by_key(|(number, _)| number.as_u64());
    asked.page(&mut all, &state.seal).map(axum::Json)
}

impl Asked {
    fn is_for(&self, number: &Number) -> bool {
        self.pool.as_ref().is_none_or(|Text(pool)| number.pool.as_deref() == Some(&*pool.0))
            && self.state.is_none_or(|state| number.state == state)
    }

    /// The page of a list that is asked for: what comes after the cursor's number, whether that is still there or not.
    fn page(&self, all: &mut Vec<(PhoneNumber, Number)>, seal: &Seal) -> Result<Numbers, Problem> {
        let stale =
            || Problem::invalid("cursor", "is of an earlier run of the service: begin again without it");
        let start = match &self.cursor {
            None => 0,
            Some(Text(sealed)) => {
                let last = seal.open(sealed).ok_or_else(stale)?;
                all.partition_point(|(number, _)| number.as_u64() <= last.as_u64())
            }
        };
        let end = all.len().min(start + self.limit.map_or(ROWS, |limit| limit.0) as usize);
        let next = (end < all.len()).then(|| seal.seal(all[end - 1].0).to_string());
        Ok(Numbers { numbers: all.drain(start..end).map(|(_, number)| number).collect(), next })
    }
}

/// A number to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNumber)]
pub(super) struct Addition {
    /// The masking number.
    number: E164,
    /// The pool that sessions draw it from; left out, it is only named.
    pool: Option<Name>,
    /// The trunk of the settings file that it is rented on, which may show it.
    trunk: Option<Name>,
    /// The web service that decides its calls, before any session or mapping does; these decide where it does not
    /// answer.
    answer_url: Option<Url>,
    /// How that is asked: POST where left out.
    answer_method: Option<AnswerMethod>,
}

/// Add a masking number, or take back one that was retired. One that only the settings file names is adopted.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "numbers", operation_id = "add_number",
    request_body(content = Addition, example = json!({
        "number": "+918045550103", "pool": "delivery", "trunk": "carrier"
    })),
    responses(
        (status = 201, description = "It is in the inventory.", body = Number,
            headers(("Location" = String, description = "Its path."))),
        (status = 200, description = "It stood there just so.", body = Number),
        (status = 409, description = "It is there already, in another pool, on another trunk or with another answer URL.",
            body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["admin"]), ("basic" = ["admin"]))
)]
pub(super) async fn add(
    token: Token<{ may::ADMIN }>,
    State(state): State<Arc<ApiState>>,
    body: Json<Addition>,
) -> Result<Response, Problem> {
    let Addition { number: Text(number), pool, trunk, answer_url, answer_method } = body.value;
    let new = NewNumber {
        number,
        pool: pool.map(named),
        trunk: trunk.map(named),
        answer_url: answer_url.map(asked),
        answer_method: answer_method.map(Into::into),
    };
    let now = state.now();
    let (number, is_new) = to_the_end(async move { state.sessions.add_number(new, now).await }).await??;
    let shown = axum::Json(Number::new(&number, token.sees_numbers));
    if !is_new {
        return Ok(shown.into_response());
    }
    let path = format!("/v1/numbers/{}", number.number.reveal());
    let headers = token.sees_numbers.then_some([(LOCATION, path)]);
    Ok((StatusCode::CREATED, headers.map(axum::response::AppendHeaders), shown).into_response())
}

/// A change of a number: what is left out stays; null takes a value out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberChange)]
pub(super) struct Changes {
    /// The pool that sessions draw it from; null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Name>)]
    pool: Option<Option<Name>>,
    /// The trunk that it is rented on; null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Name>)]
    trunk: Option<Option<Name>>,
    /// `draining`: no new session draws it; `active`: sessions draw it again; `retired`: calls on it are refused.
    state: Option<NumberState>,
    /// The web service that decides its calls; null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Url>)]
    answer_url: Option<Option<Url>>,
    /// How that is asked.
    answer_method: Option<AnswerMethod>,
}

/// Change a number of the inventory: its pool, its trunk, its answer URL, or where it is in its life.
#[utoipa::path(
    patch, path = "/v1/numbers/{e164}", tag = "numbers", operation_id = "change_number",
    params(("e164" = String, Path, description = "The number, with or without its +.")),
    request_body(content = Changes, example = json!({ "state": "draining" })),
    responses(
        (status = 200, description = "The number as it is now.", body = Number),
        (status = 409, description = "It is in use, and only what nothing uses can be retired.", body = Problem,
            content_type = "application/problem+json"),
        Refusals,
    ),
    security(("bearer" = ["admin"]), ("basic" = ["admin"]))
)]
pub(super) async fn change(
    token: Token<{ may::ADMIN }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
    body: Json<Changes>,
) -> Result<axum::Json<Number>, Problem> {
    let Changes { pool, trunk, state: wanted, answer_url, answer_method } = body.value;
    let change = NumberChange {
        pool: pool.map(|pool| pool.map(named)),
        trunk: trunk.map(|trunk| trunk.map(named)),
        answer_url: answer_url.map(|url| url.map(asked)),
        answer_method: answer_method.map(Into::into),
        state: wanted.map(Into::into),
    };
    let (number, now, sessions) = (parse(&id)?, state.now(), Arc::clone(&state.sessions));
    let changed = to_the_end(async move { sessions.change_number(number, change, now).await }).await?;
    let number = changed.map_err(|fault| refused(fault, number, &state))?;
    Ok(axum::Json(Number::new(&number, token.sees_numbers)))
}

/// Remove a number from the inventory; while sessions or mappings have it, it is drained instead.
#[utoipa::path(
    delete, path = "/v1/numbers/{e164}", tag = "numbers", operation_id = "remove_number",
    params(("e164" = String, Path, description = "The number, with or without its +.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 202, description = "It is in use: it is drained now, and can be removed when nothing has it.",
            body = Number),
        Refusals,
    ),
    security(("bearer" = ["admin"]), ("basic" = ["admin"]))
)]
pub(super) async fn remove(
    token: Token<{ may::ADMIN }>,
    State(state): State<Arc<ApiState>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let (number, now, sessions) = (parse(&id)?, state.now(), Arc::clone(&state.sessions));
    let removed = to_the_end(async move { sessions.remove_number(number, now).await }).await?;
    Ok(match removed.map_err(|fault| refused(fault, number, &state))? {
        Removed::Gone => StatusCode::NO_CONTENT.into_response(),
        Removed::Draining(number) => {
            (StatusCode::ACCEPTED, axum::Json(Number::new(&number, token.sees_numbers))).into_response()
        }
    })
}

fn asked(Text(Link(url)): Url) -> Arc<str> {
    url.into()
}

fn named(Text(name): Name) -> Arc<str> {
    name.0.into()
}

fn parse(id: &str) -> Result<PhoneNumber, Problem> {
    PhoneNumber::from_digits(id.strip_prefix('+').unwrap_or(id)).map_err(|_| none())
}

fn none() -> Problem {
    Problem::not_found("there is no such number in the inventory")
}

/// Why a number is not changed. One that only the settings file names has to be adopted first.
fn refused(fault: Fault, number: PhoneNumber, state: &ApiState) -> Problem {
    match fault {
        Fault::NotFound if (state.in_force)().settings().numbers.owned.contains(&number) => {
            Problem::not_found(
                "only the settings file names it: adopt it first, by POST /v1/numbers or `maskline numbers add`",
            )
        }
        Fault::NotFound => none(),
        fault => fault.into(),
    }
}

impl From<ledger::NumberState> for NumberState {
    fn from(state: ledger::NumberState) -> Self {
        match state {
            ledger::NumberState::Active => Self::Active,
            ledger::NumberState::Draining => Self::Draining,
            ledger::NumberState::Retired => Self::Retired,
        }
    }
}

impl From<NumberState> for ledger::NumberState {
    fn from(state: NumberState) -> Self {
        match state {
            NumberState::Active => Self::Active,
            NumberState::Draining => Self::Draining,
            NumberState::Retired => Self::Retired,
        }
    }
}

impl From<Method> for AnswerMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::Post,
            Method::Get => Self::Get,
        }
    }
}

impl From<AnswerMethod> for Method {
    fn from(method: AnswerMethod) -> Self {
        match method {
            AnswerMethod::Post => Self::Post,
            AnswerMethod::Get => Self::Get,
        }
    }
}
