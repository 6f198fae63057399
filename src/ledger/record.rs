//! The call record (CDR): one for each INVITE of a trunk or a phone, refused ones included, written once, when all
//! legs of its call have ended. An INVITE that is turned away before it is a call has one too.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{MediaRecord, SessionId, whole};
use crate::base::PhoneNumber;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended: the record of a call that goes on.
    InProgress,
    /// The two parties were connected.
    Answered,
    /// The callee was busy.
    Busy,
    /// The callee did not answer in time.
    NoAnswer,
    /// The callee could not be reached.
    Unreachable,
    /// The callee's side refused the call.
    Rejected,
    /// The two sides have no codec in common.
    NoCommonCodec,
    /// The caller gave up before the answer, or the operator hung up a call that was placed before it was connected.
    Cancelled,
    /// The decision refused the call, or the INVITE was turned away before it was one.
    Refused,
    /// The call was connected, but the caller never acknowledged the answer.
    NoAcknowledgement,
    /// This node had no port, or was asked to stop.
    Unavailable,
}

impl Outcome {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::InProgress => "in-progress",
            Outcome::Answered => "answered",
            Outcome::Busy => "busy",
            Outcome::NoAnswer => "no-answer",
            Outcome::Unreachable => "unreachable",
            Outcome::Rejected => "rejected",
            Outcome::NoCommonCodec => "no-common-codec",
            Outcome::Cancelled => "cancelled",
            Outcome::Refused => "refused",
            Outcome::NoAcknowledgement => "no-acknowledgement",
            Outcome::Unavailable => "unavailable",
        }
    }
}

/// Who ended a call, or a leg of one, that was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HungUp {
    /// The caller.
    Caller,
    /// The callee.
    Callee,
    /// The switch, when both sides had been silent for the set time.
    Silence,
    /// The switch, at the longest duration.
    MaxDuration,
    /// The switch, since a side failed in mid-call.
    Failure,
    /// The switch, when it stopped or the operator asked for it.
    Operator,
    /// Nobody: the process was killed, or its machine, and the call with it.
    Crash,
    /// The switch, and one leg alone, which led nowhere: it was answered too late or without the key that confirms, or
    /// the other party could not be had.
    Switch,
}

/// One call. Times of day are milliseconds since the Unix epoch, durations milliseconds on the monotonic clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call's own id, a random token that neither party sees.
    pub id: Box<str>,
    /// When the INVITE came in, in ms since the epoch.
    pub received_at: u64,
    /// The trunk or phone that the call came from.
    pub source: Box<str>,
    /// The dialled number where it could be read, else null.
    #[serde(with = "whole::option")]
    pub dialled: Option<PhoneNumber>,
    /// The caller's number where it is known, else null.
    #[serde(with = "whole::option")]
    pub caller: Option<PhoneNumber>,
    /// The real destination, once decided.
    #[serde(with = "whole::option")]
    pub destination: Option<PhoneNumber>,
    /// The caller ID that the callee saw.
    #[serde(with = "whole::option")]
    pub shown: Option<PhoneNumber>,
    /// The session that decided it.
    pub session: Option<SessionId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Who hung up, for a call that was connected; for another one where it was not a party.
    pub hung_up: Option<HungUp>,
    /// The SIP status of the final response to the caller.
    pub status: Option<u16>,
    /// The Q.850 cause of its end; 0 while it goes on.
    pub cause: u8,
    /// From INVITE to decision.
    pub decided_ms: Option<u64>,
    /// From INVITE to the first ringing.
    pub ringing_ms: Option<u64>,
    /// From INVITE to the answer.
    pub answered_ms: Option<u64>,
    /// From INVITE to the end, or so far.
    pub ended_ms: u64,
    /// From the answer to the end, or so far; 0 for a call that was not connected.
    pub billable_ms: u64,
    /// The legs: the caller's first, then each attempt to reach the callee.
    pub legs: Vec<LegRecord>,
    /// The steps of the decision, numbers redacted; shared by all records of the call as it goes on.
    pub trace: Arc<[String]>,
}

/// One leg of a call; times count from the call's INVITE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    /// The trunk, or the phone, of this leg.
    pub peer: Box<str>,
    /// When the leg's INVITE was received or sent, in ms since the epoch.
    pub started_at: u64,
    /// Time to the first ringing.
    pub ringing_ms: Option<u64>,
    /// Time to the answer.
    pub answered_ms: Option<u64>,
    /// Time to the leg's end.
    pub ended_ms: Option<u64>,
    /// How the leg itself ended, whatever became of the call; none while it goes on. Records of versions that did not
    /// note it have none.
    #[serde(default)]
    pub result: Option<Outcome>,
    /// Who ended it, where it was answered.
    #[serde(default)]
    pub hung_up: Option<HungUp>,
    /// The leg's final SIP status, as given or received.
    pub status: Option<u16>,
    /// The Q.850 cause of its end.
    pub cause: Option<u8>,
    /// From its answer to its end. A leg that was answered and then cancelled counts.
    pub billable_ms: u64,
    /// What its media were like, where there were any.
    pub media: Option<MediaRecord>,
}

/// What is known of an INVITE that was turned away before it was a call.
#[derive(Debug, Clone)]
pub struct TurnedAwayInvite {
    /// The id of its record.
    pub id: Box<str>,
    /// When it came in, in ms since the epoch.
    pub at: u64,
    /// The trunk or phone that it came from.
    pub source: Box<str>,
    /// The dialled number where it could be read.
    pub dialled: Option<PhoneNumber>,
    /// The caller's number where it is known.
    pub caller: Option<PhoneNumber>,
    /// The SIP status that it was answered with.
    pub status: u16,
    /// The Q.850 cause.
    pub cause: u8,
    /// The steps up to there, numbers redacted.
    pub trace: Vec<String>,
}

impl CallRecord {
    /// Whether it is of a call that has not ended.
    #[must_use]
    pub fn is_going_on(&self) -> bool {
        self.outcome == Outcome::InProgress
    }

    /// The record of an INVITE that was turned away at once: refused, with the caller's leg alone.
    #[must_use]
    pub fn turned_away(invite: TurnedAwayInvite) -> Self {
        let TurnedAwayInvite { id, at, source, dialled, caller, status, cause, trace } = invite;
        let leg = LegRecord {
            peer: source.clone(),
            started_at: at,
            ringing_ms: None,
            answered_ms: None,
            ended_ms: Some(0),
            result: Some(Outcome::Refused),
            hung_up: None,
            status: Some(status),
            cause: Some(cause),
            billable_ms: 0,
            media: None,
        };
        Self {
            id,
            received_at: at,
            source,
            dialled,
            caller,
            destination: None,
            shown: None,
            session: None,
            outcome: Outcome::Refused,
            hung_up: None,
            status: Some(status),
            cause,
            decided_ms: None,
            ringing_ms: None,
            answered_ms: None,
            ended_ms: 0,
            billable_ms: 0,
            legs: vec![leg],
            trace: trace.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in journals and databases from before there were these fields.
    #[test]
    fn a_record_of_an_earlier_version_is_read() {
        let record = CallRecord::turned_away(TurnedAwayInvite {
            id: "a".into(),
            at: 1,
            source: "carrier".into(),
            dialled: None,
            caller: None,
            status: 503,
            cause: 34,
            trace: Vec::new(),
        });
        let mut written = serde_json::to_value(&record).unwrap();
        let leg = written["legs"][0].as_object_mut().unwrap();
        assert_eq!(leg.remove("result"), Some("refused".into()));
        assert_eq!(leg.remove("hung_up"), Some(serde_json::Value::Null));
        let read: CallRecord = serde_json::from_value(written).unwrap();
        assert_eq!((read.legs[0].result, read.legs[0].hung_up), (None, None));
        assert_eq!(read.legs[0].status, record.legs[0].status);
    }
}
