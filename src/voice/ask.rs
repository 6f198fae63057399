//! What a service is told when it is asked: parameters of a form, under the names that both platforms document.
//!
//! Vobiz, "Request", "Event", "Call status", "Dial status reporting" and "Gather XML Element"; Plivo, "XML Overview",
//! "Call Routing" and "User Input".

use form_urlencoded::Serializer;

use super::{DialLeg, Hidden};
use crate::base::PhoneNumber;

/// A request to a service: about which call, and why now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The call.
    pub about: About,
    /// Why it is asked.
    pub event: Event,
}

/// What every request says of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `CallUUID`.
    pub call: Box<str>,
    /// `From`: who called, or `anonymous`.
    pub from: Option<PhoneNumber>,
    /// `To`: the number that was called.
    pub to: PhoneNumber,
    /// `Direction`.
    pub direction: Direction,
    /// `CallStatus`.
    pub status: CallStatus,
}

/// Who began a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Somebody who called one of our numbers.
    Inbound,
    /// The operator, by the API.
    Outbound,
}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// It is not answered yet.
    Ringing,
    /// It is answered.
    InProgress,
    /// It was answered and is over; over at all, where it is inbound.
    Completed,
    /// The party was busy.
    Busy,
    /// It could not be made.
    Failed,
    /// It was not made in time.
    Timeout,
    /// Nobody answered.
    NoAnswer,
    /// The caller gave up.
    Cancel,
}

/// Why a service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `StartApp`: what is to be done with the call.
    StartApp,
    /// `Redirect`: the document sent the call on.
    Redirect,
    /// The caller's keys, without the one that ended them; none where time ran out. Neither platform names an event
    /// here.
    Digits(Hidden),
    /// `DialAction`: a Dial is over.
    DialAction {
        /// `DialStatus`.
        status: DialStatus,
        /// `DialRingStatus`: whether it rang.
        rang: bool,
        /// `DialHangupCause`, as a Q.850 cause.
        cause: u8,
        /// `DialALegUUID`.
        a_leg: Box<str>,
        /// `DialBLegUUID`: the leg that answered; empty where none did.
        b_leg: Option<Box<str>>,
    },
    /// A leg of a Dial did something.
    DialLeg(DialLeg),
    /// A recording began or ended.
    Record(Recorded),
    /// `Hangup`: the call is over.
    Hangup(Ended),
}

/// How a Dial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialStatus {
    /// It was answered.
    Completed,
    /// Busy.
    Busy,
    /// It could not be made.
    Failed,
    /// The caller gave up.
    Cancel,
    /// It was not made in time.
    Timeout,
    /// Nobody answered.
    NoAnswer,
}

/// A recording, `Record` while it goes on and `RecordStop` when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `RecordingID`.
    pub id: Box<str>,
    /// `RecordUrl`, and `RecordFile`, as Vobiz also calls it.
    pub url: Option<Hidden>,
    /// `RecordingStartMs`, since the Unix epoch.
    pub start_ms: u64,
    /// `RecordingEndMs`, where it is over; until then the durations are -1.
    pub end_ms: Option<u64>,
    /// `RecordingEndReason`: `RecordingTimeout`, `maxLength`, `FinishedOnKey` or `HungUp`.
    pub reason: Option<&'static str>,
    /// `Digits`: the key that ended it.
    pub digits: Hidden,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// `HangupCause`, as a Q.850 cause.
    pub cause: u8,
    /// `Duration`, in seconds from the answer.
    pub seconds: u64,
    /// `BillDuration`, in seconds.
    pub billed: u64,
}

/// A parameter and its value.
pub type Pair = (&'static str, String);

impl Ask {
    /// The parameters.
    #[must_use]
    pub fn pairs(&self) -> Vec<Pair> {
        let About { call, from, to, direction, status } = &self.about;
        let mut pairs = vec![
            ("CallUUID", String::from(&**call)),
            ("From", from.map_or_else(|| "anonymous".to_owned(), digits)),
            ("To", digits(*to)),
            ("Direction", direction.as_str().to_owned()),
            ("CallStatus", status.as_str().to_owned()),
        ];
        self.event.add(&mut pairs);
        pairs
    }
}

/// E.164 without the plus.
pub(super) fn digits(number: PhoneNumber) -> String {
    number.reveal().split_off(1)
}

impl Event {
    fn add(&self, pairs: &mut Vec<Pair>) {
        match self {
            Self::StartApp => pairs.push(("Event", "StartApp".to_owned())),
            Self::Redirect => pairs.push(("Event", "Redirect".to_owned())),
            Self::Digits(digits) => pairs.extend([
                ("InputType", "dtmf".to_owned()),
                ("Digits", digits.reveal().to_owned()),
                ("Speech", String::new()),
            ]),
            Self::DialAction { status, rang, cause, a_leg, b_leg } => pairs.extend([
                ("Event", "DialAction".to_owned()),
                ("DialStatus", status.as_str().to_owned()),
                ("DialRingStatus", rang.to_string()),
                ("DialHangupCause", cause_name(*cause).to_owned()),
                ("DialALegUUID", String::from(&**a_leg)),
                ("DialBLegUUID", b_leg.as_deref().unwrap_or_default().to_owned()),
            ]),
            Self::DialLeg(leg) => leg.add(pairs),
            Self::Record(recorded) => recorded.add(pairs),
            Self::Hangup(ended) => pairs.extend([
                ("Event", "Hangup".to_owned()),
                ("HangupCause", cause_name(ended.cause).to_owned()),
                ("Duration", ended.seconds.to_string()),
                ("BillDuration", ended.billed.to_string()),
            ]),
        }
    }
}

impl Recorded {
    fn add(&self, pairs: &mut Vec<Pair>) {
        let millis = self.end_ms.map(|end| end.saturating_sub(self.start_ms));
        let or_none = |count: Option<u64>| count.map_or_else(|| "-1".to_owned(), |count| count.to_string());
        pairs.push(("Event", if self.end_ms.is_some() { "RecordStop" } else { "Record" }.to_owned()));
        pairs.push(("RecordingID", String::from(&*self.id)));
        if let Some(url) = &self.url {
            pairs.push(("RecordUrl", url.reveal().to_owned()));
            pairs.push(("RecordFile", url.reveal().to_owned()));
        }
        pairs.extend([
            ("RecordingDuration", or_none(millis.map(|millis| millis / 1000))),
            ("RecordingDurationMs", or_none(millis)),
            ("RecordingStartMs", self.start_ms.to_string()),
            ("RecordingEndMs", or_none(self.end_ms)),
        ]);
        pairs.extend(self.reason.map(|reason| ("RecordingEndReason", reason.to_owned())));
        pairs.push(("Digits", self.digits.reveal().to_owned()));
    }
}

impl Direction {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl CallStatus {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::NoAnswer => "no-answer",
            Self::Cancel => "cancel",
        }
    }
}

impl DialStatus {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Cancel => "cancel",
            Self::Timeout => "timeout",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// The name of a Q.850 cause, as both platforms and FreeSWITCH write it.
#[must_use]
pub fn cause_name(cause: u8) -> &'static str {
    match cause {
        1 => "UNALLOCATED_NUMBER",
        3 => "NO_ROUTE_DESTINATION",
        16 => "NORMAL_CLEARING",
        17 => "USER_BUSY",
        18 => "NO_USER_RESPONSE",
        19 => "NO_ANSWER",
        20 => "SUBSCRIBER_ABSENT",
        21 => "CALL_REJECTED",
        22 => "NUMBER_CHANGED",
        27 => "DESTINATION_OUT_OF_ORDER",
        28 => "INVALID_NUMBER_FORMAT",
        34 => "NORMAL_CIRCUIT_CONGESTION",
        38 => "NETWORK_OUT_OF_ORDER",
        41 => "NORMAL_TEMPORARY_FAILURE",
        42 => "SWITCH_CONGESTION",
        57 => "BEARERCAPABILITY_NOTAUTH",
        58 => "BEARERCAPABILITY_NOTAVAIL",
        88 => "INCOMPATIBLE_DESTINATION",
        102 => "RECOVERY_ON_TIMER_EXPIRE",
        127 => "INTERWORKING",
        _ => "NORMAL_UNSPECIFIED",
    }
}

/// Parameters as `application/x-www-form-urlencoded`.
#[must_use]
pub fn form(pairs: &[Pair]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(event: Event) -> Ask {
        let about = About {
            call: "97ceeb52-58b6-11e1-86da-77300b68f8bb".into(),
            from: Some("+919876500001".parse().unwrap()),
            to: "+918045550101".parse().unwrap(),
            direction: Direction::Inbound,
            status: CallStatus::Ringing,
        };
        Ask { about, event }
    }

    const FIRST: &str =
        "CallUUID=97ceeb52-58b6-11e1-86da-77300b68f8bb&From=919876500001&To=918045550101&Direction=inbound";

    #[test]
    fn the_first_request_says_who_calls_whom() {
        let first = ask(Event::StartApp);
        assert_eq!(form(&first.pairs()), format!("{FIRST}&CallStatus=ringing&Event=StartApp"));
        let about = About { from: None, status: CallStatus::InProgress, ..first.about };
        let pairs = Ask { about, event: Event::Redirect }.pairs();
        assert_eq!(pairs[1], ("From", "anonymous".to_owned()));
        assert_eq!(pairs[4..], [("CallStatus", "in-progress".to_owned()), ("Event", "Redirect".to_owned())]);
    }

    #[test]
    fn later_ones_say_what_came_of_it() {
        let after = |event| form(&ask(event).pairs()).split_off(FIRST.len() + "&CallStatus=ringing".len());
        assert_eq!(after(Event::Digits(Hidden::new("12*"))), "&InputType=dtmf&Digits=12*&Speech=");
        let dial = Event::DialAction {
            status: DialStatus::NoAnswer,
            rang: true,
            cause: 19,
            a_leg: "a".into(),
            b_leg: None,
        };
        assert_eq!(
            after(dial),
            "&Event=DialAction&DialStatus=no-answer&DialRingStatus=true&DialHangupCause=NO_ANSWER\
             &DialALegUUID=a&DialBLegUUID="
        );
        let ended = Ended { cause: 16, seconds: 61, billed: 120 };
        assert_eq!(
            after(Event::Hangup(ended)),
            "&Event=Hangup&HangupCause=NORMAL_CLEARING&Duration=61&BillDuration=120"
        );
        let begun = Recorded {
            id: "r".into(),
            url: Some(Hidden::new("https://a/r.mp3")),
            start_ms: 5_000,
            end_ms: None,
            reason: None,
            digits: Hidden::default(),
        };
        assert_eq!(
            after(Event::Record(begun.clone())),
            "&Event=Record&RecordingID=r&RecordUrl=https%3A%2F%2Fa%2Fr.mp3&RecordFile=https%3A%2F%2Fa%2Fr.mp3\
             &RecordingDuration=-1&RecordingDurationMs=-1&RecordingStartMs=5000&RecordingEndMs=-1&Digits="
        );
        let over = Recorded { url: None, end_ms: Some(7_120), reason: Some("maxLength"), ..begun };
        assert_eq!(
            after(Event::Record(over)),
            "&Event=RecordStop&RecordingID=r&RecordingDuration=2&RecordingDurationMs=2120&RecordingStartMs=5000\
             &RecordingEndMs=7120&RecordingEndReason=maxLength&Digits="
        );
    }

    #[test]
    fn nothing_of_it_prints_a_number_or_a_pin() {
        let printed = format!("{:?}", ask(Event::Digits(Hidden::new("4711"))));
        assert!(!printed.contains("4711") && !printed.contains("9876500001"), "{printed}");
    }
}
