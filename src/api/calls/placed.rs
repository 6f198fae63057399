//! What an order of `POST /v1/calls` says, and what is answered.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::ObjectBuilder;

use super::shown::CallResult;
use crate::api::problem::{FieldError, Problem};
use crate::api::values::{CallSeconds, E164, Meaning, RingSeconds, Text, Unserved, Whole, refuse_unserved};
use crate::base::{PhoneNumber, Side};
use crate::ledger::SessionId;

/// How long the way back is kept where the order does not say: a day.
const RETURN_WINDOW: u32 = 86_400;

/// Seconds before the first party is called again, where the order does not say.
const RETRY_PAUSE: u32 = 30;

/// Seconds of a way back, up to a year.
type Window = Whole<0, 31_536_000>;
/// How often the first party is called again.
type Retries = Whole<0, 5>;
/// Seconds before that.
type Pause = Whole<5, 600>;

/// Who is called first: a number, or a party of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum First {
    Number(PhoneNumber),
    Party(Side),
}

/// The same, in a request.
type FirstText = Text<First>;

impl Meaning for First {
    const NAME: &'static str = "First";
    const WRITE: &'static str = "a number in quotes, or with session_id \"first_party\" or \"second_party\"";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "first_party" => Ok(First::Party(Side::A)),
            "second_party" => Ok(First::Party(Side::B)),
            number => PhoneNumber::read(number).map(First::Number),
        }
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("A number in E.164; with `session_id`, `first_party` or `second_party`."))
            .pattern(Some(r"^(\+[1-9][0-9]{6,14}|first_party|second_party)$"))
            .examples(["+919876500001"])
    }
}

/// The id of a session, in a request.
pub(super) type SessionText = Text<SessionId>;

impl Meaning for SessionId {
    const NAME: &'static str = "SessionId";
    const WRITE: &'static str = "a session's id in quotes";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        text.parse().map_err(|_| "is no id of a session: write it as it was given".into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("A session's id."))
            .pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))
            .examples(["019ab3c8-7d2a-7c3e-9a41-5f0c2d1e8b76"])
    }
}

/// A call to place: `first`, `second` and `show`; or `session_id` and `first`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCall)]
pub(in crate::api) struct Order {
    /// Who is called first.
    first: FirstText,
    /// Who is called second: a real number.
    second: Option<E164>,
    /// The masking number that both see.
    show: Option<E164>,
    /// Calls the parties of this session; each sees the number that it would dial itself.
    session_id: Option<SessionText>,
    /// Whether the first party has to press a key before the second is called, so that no voicemail is connected; true
    /// where left out.
    confirm: Option<bool>,
    /// Seconds for which a party that calls the number back reaches the other; 0: none. A day where left out. Not with
    /// `session_id`. It moves the expiry of no session but one that a placed call made.
    return_window: Option<Window>,
    /// An answer URL. Not served in this version.
    answer_url: Option<Unserved>,
    /// How often the first party is called again where it was busy, did not answer, or answered and pressed no key until
    /// we hung up; 0 where left out. One that refuses, presses another key or hangs up itself before it has pressed one has
    /// said no: the call is `rejected`, and it is not called again.
    retries: Option<Retries>,
    /// Seconds between two of these calls; 30 where left out.
    retry_pause: Option<Pause>,
    /// How many seconds each party may ring.
    ring_timeout: Option<RingSeconds>,
    /// How many seconds the call may last.
    time_limit: Option<CallSeconds>,
}

/// What is wanted, once the fields fit together.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Checked {
    pub(super) who: Who,
    pub(super) confirm: bool,
    pub(super) retries: u8,
    pub(super) retry_pause: Duration,
    pub(super) ring_timeout: Option<Duration>,
    pub(super) time_limit: Option<Duration>,
}

impl Checked {
    /// A call to a session's first party, and everything else as where an order does not say.
    pub(in crate::api) fn to_first_party(id: SessionId) -> Self {
        Self {
            who: Who::Session { id, first: Side::A },
            confirm: true,
            retries: 0,
            retry_pause: Duration::from_secs(RETRY_PAUSE.into()),
            ring_timeout: None,
            time_limit: None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Numbers { first: PhoneNumber, second: PhoneNumber, show: PhoneNumber, window: u32 },
    Session { id: SessionId, first: Side },
}

impl Order {
    pub(super) fn check(self) -> Result<Checked, Problem> {
        let mut errors = refuse_unserved(&[("answer_url", self.answer_url)]);
        let who = self.who(&mut errors);
        let Some(who) = who.filter(|_| errors.is_empty()) else { return Err(Problem::all_invalid(errors)) };
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(Checked {
            who,
            confirm: self.confirm.unwrap_or(true),
            retries: self.retries.map_or(0, |Whole(value)| u8::try_from(value).unwrap_or(u8::MAX)),
            retry_pause: seconds(self.retry_pause.map_or(RETRY_PAUSE, |Whole(value)| value)),
            ring_timeout: self.ring_timeout.map(|Whole(value)| seconds(value)),
            time_limit: self.time_limit.map(|Whole(value)| seconds(value)),
        })
    }

    fn who(&self, errors: &mut Vec<FieldError>) -> Option<Who> {
        let before = errors.len();
        let mut wrong = |field: &str, detail: &str| {
            errors.push(FieldError { field: field.to_owned(), detail: detail.to_owned() });
        };
        if let Some(Text(id)) = self.session_id {
            let others = [
                ("second", self.second.is_some()),
                ("show", self.show.is_some()),
                ("return_window", self.return_window.is_some()),
            ];
            for (field, _) in others.into_iter().filter(|(_, is_there)| *is_there) {
                wrong(field, "does not go with session_id: leave it out");
            }
            let Text(First::Party(first)) = self.first else {
                wrong("first", "is a number: with session_id write first_party or second_party");
                return None;
            };
            return Some(Who::Session { id, first });
        }
        let first = match self.first.0 {
            First::Number(number) => Some(number),
            First::Party(_) => {
                wrong("session_id", "is missing: first names a party of a session");
                None
            }
        };
        if self.second.is_none() {
            wrong("second", "is missing: write the number that is called second");
        }
        if self.show.is_none() {
            wrong("show", "is missing: write the masking number that both see");
        }
        let (first, second, show) = (first?, self.second?.0, self.show?.0);
        if first == second {
            wrong("second", "is the first number too: write the other party's");
        }
        if first == show || second == show {
            wrong("show", "is one of the parties' own: write a masking number");
        }
        let window = self.return_window.map_or(RETURN_WINDOW, |window| window.0);
        (errors.len() == before).then_some(Who::Numbers { first, second, show, window })
    }
}

/// A call that was placed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Placed {
    /// Its id, as in `/v1/calls/{id}`.
    #[schema(value_type = String)]
    pub(in crate::api) id: Box<str>,
    /// `in-progress`; for a repeat, how it stands.
    pub(super) status: CallResult,
    /// The session that it belongs to: the one named, or the one that keeps the way back. Null where no way back was
    /// wanted, or where mappings or a session of your own lead each of the two to the other by this number already; and
    /// in a repeat that comes before the call has begun.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    pub(super) session_id: Option<SessionId>,
}
