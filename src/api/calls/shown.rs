//! A call in an answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::redact::redact;
use crate::api::values::Shown;
use crate::ledger::{CallRecord, Outcome};

/// A call record as a token may see it: as it is written everywhere.
pub(super) fn shown(record: &CallRecord, sees_numbers: bool) -> serde_json::Value {
    let mut value = serde_json::to_value(record).expect("a record is plain data");
    if !sees_numbers {
        redact(&mut value);
    }
    value
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CallResult {
    /// It goes on.
    InProgress,
    /// The two parties were connected.
    Answered,
    /// The callee was busy.
    Busy,
    /// The callee did not answer in time.
    NoAnswer,
    /// The callee could not be reached.
    Unreachable,
    /// The callee's side refused the call; of a call that was placed, the first party pressed another key, or hung up
    /// instead of pressing one.
    Rejected,
    /// The two sides have no codec in common.
    NoCommonCodec,
    /// The caller gave up before the answer, or the operator hung up a call that was placed before it was connected.
    Cancelled,
    /// The decision refused the call; of a call that was placed, when a party was to be called (again).
    Refused,
    /// The caller never acknowledged the answer.
    NoAcknowledgement,
    /// This node had no port, or was asked to stop.
    Unavailable,
}

/// Each result beside the record's word for it.
macro_rules! results {
    ($($name:ident),+ $(,)?) => {
        impl From<CallResult> for Outcome {
            fn from(result: CallResult) -> Self {
                match result { $(CallResult::$name => Outcome::$name),+ }
            }
        }

        impl From<Outcome> for CallResult {
            fn from(outcome: Outcome) -> Self {
                match outcome { $(Outcome::$name => CallResult::$name),+ }
            }
        }
    };
}

results!(
    InProgress,
    Answered,
    Busy,
    NoAnswer,
    Unreachable,
    Rejected,
    NoCommonCodec,
    Cancelled,
    Refused,
    NoAcknowledgement,
    Unavailable,
);

/// Who ended a call that was connected, or a leg of one; `switch` stands at legs alone, which led nowhere.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description")]
pub(super) enum HungUp {
    Caller,
    Callee,
    Silence,
    MaxDuration,
    Failure,
    Operator,
    Crash,
    Switch,
}

/// A call: its record, final or as it stands. Times of day are milliseconds since the Unix epoch, durations milliseconds
/// on the monotonic clock.
#[derive(Debug, ToSchema)]
#[schema(as = Call)]
#[expect(dead_code, reason = "the description of `ledger::CallRecord`, which a test holds it to")]
pub(in crate::api) struct CallShown {
    /// Its id, a random token that neither party sees.
    id: String,
    /// When the INVITE came in, or the order for the call; in ms since the epoch.
    received_at: u64,
    /// The trunk or phone that it came from.
    source: String,
    /// The masking number dialled, where it could be read.
    #[schema(required)]
    dialled: Option<Shown>,
    /// The caller, where known.
    #[schema(required)]
    caller: Option<Shown>,
    /// The real destination, once decided.
    #[schema(required)]
    destination: Option<Shown>,
    /// The caller ID that the callee saw.
    #[schema(required)]
    shown: Option<Shown>,
    /// The session that decided it.
    #[schema(required, format = "uuid")]
    session: Option<String>,
    /// How it ended.
    outcome: CallResult,
    /// Who hung up, for a call that was connected; for another one where it was not a party.
    #[schema(required)]
    hung_up: Option<HungUp>,
    /// The SIP status of the final response to the caller.
    #[schema(required)]
    status: Option<u16>,
    /// The Q.850 cause of its end; 0 while it goes on.
    cause: u8,
    /// From INVITE to decision, in ms.
    #[schema(required)]
    decided_ms: Option<u64>,
    /// From INVITE to the first ringing, in ms.
    #[schema(required)]
    ringing_ms: Option<u64>,
    /// From INVITE to the answer, in ms.
    #[schema(required)]
    answered_ms: Option<u64>,
    /// From INVITE to the end, or so far, in ms.
    ended_ms: u64,
    /// From the answer to the end, or so far, in ms; 0 for a call that was not connected.
    billable_ms: u64,
    /// The legs: the caller's first, then each attempt to reach the callee.
    legs: Vec<Leg>,
    /// The steps of the decision, numbers redacted.
    trace: Vec<String>,
}

/// One leg of a call; times count from the call's INVITE, in ms.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the description of `ledger::LegRecord`, which a test holds it to")]
pub(in crate::api) struct Leg {
    /// The trunk, or the phone, of this leg.
    peer: String,
    /// When its INVITE was received or sent, in ms since the epoch.
    started_at: u64,
    /// To the first ringing.
    #[schema(required)]
    ringing_ms: Option<u64>,
    /// To the answer.
    #[schema(required)]
    answered_ms: Option<u64>,
    /// To its end.
    #[schema(required)]
    ended_ms: Option<u64>,
    /// How it ended itself, whatever became of the call; null while it goes on, and in records of earlier versions.
    #[schema(required)]
    result: Option<CallResult>,
    /// Who ended it, where it was answered.
    #[schema(required)]
    hung_up: Option<HungUp>,
    /// Its final SIP status, as given or received.
    #[schema(required)]
    status: Option<u16>,
    /// The Q.850 cause of its end.
    #[schema(required)]
    cause: Option<u8>,
    /// From its answer to its end. A leg that was answered and then cancelled counts.
    billable_ms: u64,
    /// What its media were like, where there were any.
    #[schema(required)]
    media: Option<Media>,
}

/// The media of one leg.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the description of `ledger::MediaRecord`, which a test holds it to")]
pub(in crate::api) struct Media {
    /// RTP packets that came from the party.
    packets_received: u64,
    /// RTP packets sent to the party.
    packets_sent: u64,
    /// Payload bytes that came from the party.
    octets_received: u64,
    /// Payload bytes sent to the party.
    octets_sent: u64,
    /// Packets of the party's that were lost on the way (RFC 3550 appendix A.3).
    packets_lost: u64,
    /// Packets of ours that the party says it missed.
    #[schema(required)]
    remote_lost: Option<u64>,
    /// Interarrival jitter of the party's packets, in ms.
    jitter_ms: f64,
    /// The last round trip to the party, in ms.
    #[schema(required)]
    round_trip_ms: Option<f64>,
    /// How good the party's audio was: an estimated mean opinion score (ITU-T G.107), from 1 to 4.5.
    #[schema(required)]
    mos: Option<f64>,
    /// Packets that were let fall.
    dropped: u64,
    /// The codec of its last audio packet.
    #[schema(required)]
    codec: Option<String>,
}
