//! The steps of a decision, for the operator.

use std::fmt;
use std::sync::Arc;

use super::Identity;
use crate::base::numbering::{Special, Unreadable};
use crate::base::{PhoneNumber, hide_host, hide_runs};
use crate::ledger::SessionId;

/// One step of a decision. Printing it gives a sentence in which numbers are redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The call comes from the trunk of this name.
    FromTrunk(Arc<str>),
    /// The call comes from the phone of this user name.
    FromPhone(Arc<str>),
    /// The caller is this.
    Caller(Identity),
    /// A special number was dialled.
    DialledSpecial(Special),
    /// What was dialled cannot be read.
    DialledUnreadable(Unreadable),
    /// What was dialled is this number.
    Dialled(PhoneNumber),
    /// The caller claims a number that we own.
    CallerIsOurs,
    /// The number dialled is not owned.
    DialledNotOurs,
    /// Neither a phone nor a trunk could bring the call.
    NoSource,
    /// A session for this very caller goes to this destination.
    Session(SessionId, PhoneNumber),
    /// A session for this very caller has not begun.
    SessionNotStarted(SessionId),
    /// A session for this very caller has expired.
    SessionExpired(SessionId),
    /// A session for this very caller was closed.
    SessionClosed(SessionId),
    /// A session that had this very caller on the number dialled has another party in its place.
    PartyReplaced(SessionId),
    /// A session that had this very caller on the number dialled has another number for it.
    NumberReplaced(SessionId),
    /// The session that an order belongs to does not lead from one of its parties to the other.
    SessionLeadsElsewhere(SessionId),
    /// A session for this very caller has no second party yet.
    PartyUnknown(SessionId),
    /// A session takes this caller for its second party, and goes to this destination.
    SessionBinds(SessionId, PhoneNumber),
    /// A session waits for its second party, which this caller cannot become.
    SessionWaits(SessionId),
    /// Sessions have the number dialled, and none of them this caller.
    NoSessionForCaller,
    /// A row for this very caller goes to this destination.
    MappedForCaller(PhoneNumber),
    /// A row for anyone goes to this destination.
    MappedForAnyone(PhoneNumber),
    /// No row has the number dialled.
    NoMapping,
    /// Rows have the number dialled, and none of them this caller.
    NoMappingForCaller,
    /// This party is ordered to be called first.
    FirstParty(PhoneNumber),
    /// This party is to be called once the first has answered.
    SecondParty(PhoneNumber),
    /// Both parties are the same number.
    SameParty,
    /// The destination is owned itself.
    DestinationIsOurs,
    /// The destination is special.
    DestinationSpecial(Special),
    /// This is to be shown.
    Show(PhoneNumber),
    /// What is to be shown is not owned.
    ShowNotOurs,
    /// The destination is the phone of this user name.
    ToPhone(Arc<str>),
    /// The trunk of this name takes the destination.
    ToTrunk(Arc<str>),
    /// The trunk of this name takes the destination and may not show the caller ID.
    TrunkMayNotShow(Arc<str>),
    /// No trunk takes the destination.
    NoTrunk,
    /// The web service at this host is asked.
    AsksService(Box<str>),
    /// What came of asking it, in words without a number.
    Service(Box<str>),
    /// No web service could say what becomes of the call: it goes on as if there were none.
    NoService,
    /// A document calls this number.
    Dials(PhoneNumber),
    /// A document calls what cannot be read as a number.
    DestinationUnreadable,
    /// A document calls a SIP address that is no phone of ours.
    NoSuchPhone,
    /// The caller has been refused too often lately: whatever was decided, it is refused.
    RefusedTooOften,
}

impl Step {
    /// The number dialled, where these steps could read it.
    #[must_use]
    pub fn dialled(trace: &[Step]) -> Option<PhoneNumber> {
        trace.iter().find_map(|step| match step {
            Step::Dialled(number) => Some(*number),
            _ => None,
        })
    }

    /// The caller's number, where these steps know it.
    #[must_use]
    pub fn caller(trace: &[Step]) -> Option<PhoneNumber> {
        trace.iter().find_map(|step| match step {
            Step::Caller(Identity::Known(number)) => Some(*number),
            _ => None,
        })
    }
}

/// Numbers are redacted, in the names of trunks and phones too.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::FromTrunk(name) => write!(f, "the call comes from trunk {}", hide_runs(name)),
            Step::FromPhone(name) => write!(f, "the call comes from phone {}", hide_runs(name)),
            Step::Caller(Identity::Known(number)) => write!(f, "the caller is {number}"),
            Step::Caller(Identity::Anonymous) => f.write_str("nothing trusted says who the caller is"),
            Step::DialledSpecial(special) => write!(f, "{} was dialled", describe(*special)),
            Step::DialledUnreadable(why) => write!(f, "what was dialled is no number: {why}"),
            Step::Dialled(number) => write!(f, "{number} was dialled"),
            Step::CallerIsOurs => f.write_str("the caller claims a masking number of ours"),
            Step::DialledNotOurs => f.write_str("the number dialled is not ours"),
            Step::NoSource => f.write_str("no phone has the caller's number, and there is no trunk"),
            Step::Session(id, number) => write!(f, "session {id} goes to {number}"),
            Step::SessionNotStarted(id) => write!(f, "session {id} has not begun"),
            Step::SessionExpired(id) => write!(f, "session {id} has expired"),
            Step::SessionClosed(id) => write!(f, "session {id} was closed"),
            Step::PartyReplaced(id) => {
                write!(f, "session {id} has another party in the caller's place by now")
            }
            Step::NumberReplaced(id) => write!(f, "session {id} has another number for the caller by now"),
            Step::SessionLeadsElsewhere(id) => {
                write!(f, "session {id} does not lead from one party to the other")
            }
            Step::PartyUnknown(id) => write!(f, "the second party of session {id} is not known yet"),
            Step::SessionBinds(id, number) => {
                write!(f, "session {id} takes the caller for its second party and goes to {number}")
            }
            Step::SessionWaits(id) => {
                write!(f, "session {id} waits for its second party, and the caller cannot become that")
            }
            Step::NoSessionForCaller => {
                f.write_str("the sessions on the number dialled are for other callers")
            }
            Step::MappedForCaller(number) => write!(f, "a mapping for this caller goes to {number}"),
            Step::MappedForAnyone(number) => write!(f, "a mapping for anyone goes to {number}"),
            Step::NoMapping => f.write_str("nothing is mapped to the number dialled"),
            Step::NoMappingForCaller => {
                f.write_str("what is mapped to the number dialled is for other callers")
            }
            Step::FirstParty(number) => write!(f, "{number} is to be called first"),
            Step::SecondParty(number) => write!(f, "{number} is to be called then"),
            Step::SameParty => f.write_str("both parties are the same number"),
            Step::DestinationIsOurs => f.write_str("the destination is a masking number of ours: a loop"),
            Step::DestinationSpecial(special) => write!(f, "the destination is {}", describe(*special)),
            Step::Show(number) => write!(f, "{number} is to be shown"),
            Step::ShowNotOurs => f.write_str("the number to be shown is not ours"),
            Step::ToPhone(name) => write!(f, "the destination is phone {}", hide_runs(name)),
            Step::ToTrunk(name) => write!(f, "trunk {} takes the destination", hide_runs(name)),
            Step::TrunkMayNotShow(name) => {
                write!(f, "trunk {} takes the destination and may not show the number", hide_runs(name))
            }
            Step::AsksService(host) => write!(f, "the web service at {} is asked", hide_host(host)),
            Step::Service(text) => f.write_str(text),
            Step::NoService => f.write_str("no web service says what becomes of the call"),
            Step::Dials(number) => write!(f, "the document calls {number}"),
            Step::DestinationUnreadable => f.write_str("the document calls what is no number"),
            Step::NoSuchPhone => f.write_str("the document calls a SIP address that is no phone of ours"),
            Step::RefusedTooOften => {
                f.write_str("the caller has been refused too often lately: refused, whatever was decided")
            }
            Step::NoTrunk => f.write_str("no trunk takes the destination"),
        }
    }
}

fn describe(special: Special) -> &'static str {
    match special {
        Special::Emergency => "an emergency number",
        Special::ShortCode => "a short code",
    }
}
