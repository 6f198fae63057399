//! What a request says of a session.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::problem::{FieldError, Problem};
use crate::api::read::given;
use crate::api::values::{
    CallSeconds, E164, Metadata, Moment, Name, OwnId, RingSeconds, Text, Unserved, Url, Whole,
    refuse_unserved,
};
use crate::session::{Change, Expires, Numbers, Wanted};

/// Seconds, up to ten years.
type Seconds = Whole<0, 315_360_000>;
/// At least one second, up to ten years.
type SomeSeconds = Whole<1, 315_360_000>;

/// A session to create: its parties, and `pool`, `virtual_number`, or both `first_party_number` and
/// `second_party_number`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSession)]
pub(in crate::api) struct Creation {
    /// The first party's real number.
    first_party: E164,
    /// The second party's real number; left out while nobody knows it.
    second_party: Option<E164>,
    /// Draws the masking numbers from this pool, one for each party.
    pool: Option<Name>,
    /// With `pool`: draws one number for both parties.
    shared_number: Option<bool>,
    /// One masking number for both parties.
    virtual_number: Option<E164>,
    /// The masking number that the first party dials and sees.
    first_party_number: Option<E164>,
    /// The masking number that the second party dials and sees.
    second_party_number: Option<E164>,
    /// With `pool`: prefers numbers of the parties' country and area.
    geomatch: Option<bool>,
    /// When calls begin to go through; left out, at once.
    starts_at: Option<Moment>,
    /// Seconds until it expires, from its start on; 0: never. Left out, `sliding_expiry` counts, or it never expires.
    session_expiry: Option<Seconds>,
    /// When it expires, instead of `session_expiry`.
    expires_at: Option<Moment>,
    /// Each call moves the expiry to so many seconds after it, where that is later.
    sliding_expiry: Option<SomeSeconds>,
    /// Seconds after its end in which its numbers are not drawn for the same parties again.
    virtual_number_cooloff_period: Option<Seconds>,
    /// The longest duration of its calls, in seconds; never above that of the settings.
    call_time_limit: Option<CallSeconds>,
    /// How many seconds the other party may ring.
    ring_timeout: Option<RingSeconds>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    bind_first_caller: Option<bool>,
    /// Where its events are told.
    callback_url: Option<Url>,
    /// Your own id, unique over all sessions.
    reference: Option<OwnId>,
    /// Whatever you want to find again: a JSON object of 8192 bytes at most.
    metadata: Option<Metadata>,
    /// Recording. Not served in this version.
    record: Option<Unserved>,
    /// A prompt for the first party. Not served in this version.
    first_party_play_url: Option<Unserved>,
    /// A prompt for the second party. Not served in this version.
    second_party_play_url: Option<Unserved>,
    /// A prompt for strangers. Not served in this version.
    unknown_caller_play: Option<Unserved>,
    /// PINs. Not served in this version.
    is_pin_authentication_required: Option<Unserved>,
    /// PINs. Not served in this version.
    force_pin_authentication: Option<Unserved>,
    /// PINs. Not served in this version.
    generate_pin: Option<Unserved>,
    /// PINs. Not served in this version.
    generate_pin_length: Option<Unserved>,
    /// PINs. Not served in this version.
    first_party_pin: Option<Unserved>,
    /// PINs. Not served in this version.
    second_party_pin: Option<Unserved>,
    /// PINs. Not served in this version.
    pin_retry: Option<Unserved>,
    /// Calls the first party at once from its masking number, and connects it with the second when it has pressed a
    /// key; `call_id` of the answer names the call, or `call_problem` says why there is none.
    initiate_call_to_first_party: Option<bool>,
}

impl Creation {
    /// What is asked for, once its fields fit together.
    pub(in crate::api) fn check(self) -> Result<Wanted, Problem> {
        let mut errors = self.unserved();
        let numbers = self.numbers(&mut errors);
        let expires = expires(self.session_expiry, self.expires_at.map(Some), &mut errors);
        if self.initiates_call() && self.second_party.is_none() {
            let detail = "needs second_party: nobody is known yet whom to connect with".to_owned();
            errors.push(FieldError { field: "initiate_call_to_first_party".to_owned(), detail });
        }
        let Some(numbers) = numbers.filter(|_| errors.is_empty()) else {
            return Err(Problem::all_invalid(errors));
        };
        Ok(Wanted {
            geomatch: self.geomatch.unwrap_or_default(),
            starts_at: self.starts_at.map(|at| at.0),
            expires,
            sliding_expiry: self.sliding_expiry.map(|seconds| seconds.0.into()),
            cooloff: self.virtual_number_cooloff_period.map_or(0, |seconds| seconds.0.into()),
            call_time_limit: self.call_time_limit.map(|seconds| seconds.0.into()),
            ring_timeout: self.ring_timeout.map(|seconds| seconds.0.into()),
            bind_first_caller: self.bind_first_caller.unwrap_or_default(),
            callback_url: self.callback_url.map(|Text(link)| link.0),
            reference: self.reference.map(|Text(reference)| reference.0),
            metadata: self.metadata.map(|metadata| metadata.0),
            ..Wanted::new(self.first_party.0, self.second_party.map(|party| party.0), numbers)
        })
    }

    /// Whether the first party is to be called at once.
    pub(in crate::api) fn initiates_call(&self) -> bool {
        self.initiate_call_to_first_party.unwrap_or_default()
    }

    /// Where the masking numbers come from: one of the three ways.
    fn numbers(&self, errors: &mut Vec<FieldError>) -> Option<Numbers> {
        let is_shared = self.shared_number.unwrap_or_default();
        let mut wrong = |field: &str, detail: &str| {
            errors.push(FieldError { field: field.to_owned(), detail: detail.to_owned() });
            None
        };
        match (&self.pool, self.virtual_number, self.first_party_number, self.second_party_number) {
            (Some(Text(pool)), None, None, None) => Some(Numbers::Pool { name: pool.0.clone(), is_shared }),
            (None, Some(number), None, None) => Some(Numbers::Shared(number.0)),
            (None, None, Some(first), Some(second)) if !is_shared => {
                Some(Numbers::PerParty(first.0, second.0))
            }
            (None, None, Some(_), None) => {
                wrong("second_party_number", "is missing beside first_party_number")
            }
            (None, None, None, Some(_)) => {
                wrong("first_party_number", "is missing beside second_party_number")
            }
            (None, None, Some(_), Some(_)) => {
                wrong("shared_number", "does not go with two numbers: write virtual_number instead")
            }
            (None, None, None, None) => wrong(
                "pool",
                "is missing: write pool, virtual_number, or first_party_number and second_party_number",
            ),
            _ => wrong(
                "pool",
                "does not go with what else is written: write pool, virtual_number, or first_party_number and \
                 second_party_number, and no other of them",
            ),
        }
    }

    /// The fields that ask for what this version does not do.
    fn unserved(&self) -> Vec<FieldError> {
        refuse_unserved(&[
            ("record", self.record),
            ("first_party_play_url", self.first_party_play_url),
            ("second_party_play_url", self.second_party_play_url),
            ("unknown_caller_play", self.unknown_caller_play),
            ("is_pin_authentication_required", self.is_pin_authentication_required),
            ("force_pin_authentication", self.force_pin_authentication),
            ("generate_pin", self.generate_pin),
            ("generate_pin_length", self.generate_pin_length),
            ("first_party_pin", self.first_party_pin),
            ("second_party_pin", self.second_party_pin),
            ("pin_retry", self.pin_retry),
        ])
    }
}

/// When a session is to expire, by whichever of the two fields is there; null in `expires_at` is never.
fn expires(
    seconds: Option<Seconds>,
    at: Option<Option<Moment>>,
    errors: &mut Vec<FieldError>,
) -> Option<Expires> {
    match (seconds, at) {
        (Some(_), Some(_)) => {
            let detail = "does not go with session_expiry: write one of the two".to_owned();
            errors.push(FieldError { field: "expires_at".to_owned(), detail });
            None
        }
        (Some(Whole(0)), None) | (None, Some(None)) => Some(Expires::Never),
        (Some(Whole(seconds)), None) => Some(Expires::In(seconds.into())),
        (None, Some(Some(Text(at)))) => Some(Expires::At(at)),
        (None, None) => None,
    }
}

/// A change of a session: what is left out stays; null takes a value out where there can be none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SessionChange)]
pub(in crate::api) struct Changes {
    /// The first party's real number.
    first_party: Option<E164>,
    /// The second party's real number; the word that binds a session whose second party is not known yet.
    second_party: Option<E164>,
    /// The masking number that the first party dials and sees.
    first_party_number: Option<E164>,
    /// The masking number that the second party dials and sees.
    second_party_number: Option<E164>,
    /// One masking number for both parties, instead of these two.
    virtual_number: Option<E164>,
    /// Seconds from now until it expires; 0: never.
    session_expiry: Option<Seconds>,
    /// When it expires, instead of `session_expiry`; null: never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<Option<Moment>>,
    /// Each call moves the expiry to so many seconds after it, where that is later; null: none does.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SomeSeconds>)]
    sliding_expiry: Option<Option<SomeSeconds>>,
    /// Seconds after its end in which its numbers are not drawn for the same parties again.
    virtual_number_cooloff_period: Option<Seconds>,
    /// The longest duration of its calls, in seconds; null: that of the settings.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<CallSeconds>)]
    call_time_limit: Option<Option<CallSeconds>>,
    /// How many seconds the other party may ring; null: as in the settings.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RingSeconds>)]
    ring_timeout: Option<Option<RingSeconds>>,
    /// Whether the first stranger who dials the second party's number becomes the second party.
    bind_first_caller: Option<bool>,
    /// Where its events are told; null: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Url>)]
    callback_url: Option<Option<Url>>,
    /// Whatever you want to find again, in place of what there was; null: nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Metadata>)]
    metadata: Option<Option<Metadata>>,
    /// Whether a session that is closed or expired goes on.
    reopen: Option<bool>,
    /// Recording. Not served in this version.
    record: Option<Unserved>,
}

impl Changes {
    /// The change, once its fields fit together.
    pub(in crate::api) fn check(self) -> Result<Change, Problem> {
        let mut errors = refuse_unserved(&[("record", self.record)]);
        if self.virtual_number.is_some()
            && (self.first_party_number, self.second_party_number) != (None, None)
        {
            let detail = "does not go with first_party_number or second_party_number: write one or the other";
            errors.push(FieldError { field: "virtual_number".to_owned(), detail: detail.to_owned() });
        }
        let expires = expires(self.session_expiry, self.expires_at, &mut errors);
        if !errors.is_empty() {
            return Err(Problem::all_invalid(errors));
        }
        Ok(Change {
            expires,
            sliding_expiry: self.sliding_expiry.map(|value| value.map(|seconds| seconds.0.into())),
            cooloff: self.virtual_number_cooloff_period.map(|seconds| seconds.0.into()),
            first_party: self.first_party.map(|party| party.0),
            second_party: self.second_party.map(|party| party.0),
            first_party_number: self.first_party_number.or(self.virtual_number).map(|number| number.0),
            second_party_number: self.second_party_number.or(self.virtual_number).map(|number| number.0),
            call_time_limit: self.call_time_limit.map(|value| value.map(|seconds| seconds.0.into())),
            ring_timeout: self.ring_timeout.map(|value| value.map(|seconds| seconds.0.into())),
            bind_first_caller: self.bind_first_caller,
            callback_url: self.callback_url.map(|value| value.map(|Text(link)| link.0)),
            metadata: self.metadata.map(|value| value.map(|metadata| metadata.0)),
            reopen: self.reopen.unwrap_or_default(),
            ..Change::default()
        })
    }
}
