//! What a service is told of each leg of a Dial as it goes.

use super::Hidden;
use super::ask::{Pair, cause_name, digits};
use crate::base::PhoneNumber;

/// Something that a leg did, told to the `callbackUrl` of its Dial.
///
/// Vobiz, "Dial status reporting"; Plivo, "Call Routing". Neither of their own codes of causes is told, only the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialLeg {
    /// `DialAction`, and Vobiz's `Event`: what it did.
    pub step: LegStep,
    /// `DialALegUUID`.
    pub a_leg: Box<str>,
    /// `DialBLegUUID`.
    pub b_leg: Box<str>,
    /// `DialBLegFrom`: the number that it was shown.
    pub from: PhoneNumber,
    /// `DialBLegTo`: the number that was dialled; none for a SIP user.
    pub to: Option<PhoneNumber>,
    /// `DialBLegPosition`: which of the Dial's targets it is, from 1.
    pub position: u32,
}

/// What a leg did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegStep {
    /// It answered.
    Answer,
    /// It was connected.
    Connected,
    /// A row of keys was pressed that the Dial waits for.
    Digits {
        /// The row.
        row: Hidden,
        /// Whether by the called party. Vobiz writes `aleg` and `bleg`, Plivo `ALeg` and `BLeg`: here as Vobiz.
        is_b: bool,
    },
    /// It ended.
    Hangup {
        /// The Q.850 cause.
        cause: u8,
        /// Seconds from the answer.
        seconds: u64,
        /// Seconds that are billed.
        billed: u64,
    },
}

impl DialLeg {
    pub(super) fn add(&self, pairs: &mut Vec<Pair>) {
        let (event, action) = match self.step {
            LegStep::Answer => ("DialAnswer", "answer"),
            LegStep::Connected => ("DialConnected", "connected"),
            LegStep::Digits { .. } => ("DialDigitsMatch", "digits"),
            LegStep::Hangup { .. } => ("DialHangup", "hangup"),
        };
        pairs.extend([
            ("Event", event.to_owned()),
            ("DialAction", action.to_owned()),
            ("DialALegUUID", String::from(&*self.a_leg)),
            ("DialBLegUUID", String::from(&*self.b_leg)),
            ("DialBLegFrom", digits(self.from)),
            ("DialBLegTo", self.to.map(digits).unwrap_or_default()),
            ("DialBLegPosition", self.position.to_string()),
        ]);
        match &self.step {
            LegStep::Digits { row, is_b } => pairs.extend([
                ("DialDigitsMatch", row.reveal().to_owned()),
                ("DialDigitsPressedBy", if *is_b { "bleg" } else { "aleg" }.to_owned()),
            ]),
            LegStep::Hangup { cause, seconds, billed } => pairs.extend([
                ("DialBLegStatus", action.to_owned()),
                ("DialBLegDuration", seconds.to_string()),
                ("DialBLegBillDuration", billed.to_string()),
                ("DialBLegHangupCause", cause_name(*cause).to_owned()),
                ("DialBLegHangupCauseName", cause_name(*cause).to_owned()),
            ]),
            LegStep::Answer | LegStep::Connected => pairs.push(("DialBLegStatus", action.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::form;

    fn told(step: LegStep) -> String {
        let (from, to) = ("+918045550101".parse().unwrap(), Some("+919876500002".parse().unwrap()));
        let leg = DialLeg { step, a_leg: "a".into(), b_leg: "b".into(), from, to, position: 2 };
        assert!(!format!("{leg:?}").contains("9876500002"));
        let mut pairs = Vec::new();
        leg.add(&mut pairs);
        form(&pairs)
    }

    #[test]
    fn each_step_of_a_leg_is_told_with_what_belongs_to_it() {
        let legs = "DialALegUUID=a&DialBLegUUID=b&DialBLegFrom=918045550101&DialBLegTo=919876500002&DialBLegPosition=2";
        let answer = format!("Event=DialAnswer&DialAction=answer&{legs}&DialBLegStatus=answer");
        assert_eq!(told(LegStep::Answer), answer);
        let connected = format!("Event=DialConnected&DialAction=connected&{legs}&DialBLegStatus=connected");
        assert_eq!(told(LegStep::Connected), connected);
        assert_eq!(
            told(LegStep::Digits { row: Hidden::new("9*"), is_b: false }),
            format!(
                "Event=DialDigitsMatch&DialAction=digits&{legs}&DialDigitsMatch=9*&DialDigitsPressedBy=aleg"
            )
        );
        let end = LegStep::Hangup { cause: 19, seconds: 0, billed: 0 };
        assert_eq!(
            told(end),
            format!(
                "Event=DialHangup&DialAction=hangup&{legs}&DialBLegStatus=hangup&DialBLegDuration=0&DialBLegBillDuration=0\
                 &DialBLegHangupCause=NO_ANSWER&DialBLegHangupCauseName=NO_ANSWER"
            )
        );
    }
}
