//! What is decided about a call, and the steps that led there.

use std::time::Duration;

use super::{Inquiry, Program, Step};
use crate::base::numbering::Special;
use crate::base::settings::EarlyMedia;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::SessionId;

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Call the destination and bridge.
    Bridge(Plan),
    /// Refuse the caller.
    Refuse(Refusal),
    /// Ask a web service; what comes of that is the decision.
    Ask(Inquiry),
    /// Follow what a web service answered.
    Follow(Box<Program>),
}

/// How to reach the destination, and what to show there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The masking number dialled.
    pub dialled: PhoneNumber,
    /// The caller, if known.
    pub caller: Option<PhoneNumber>,
    /// The real destination.
    pub destination: PhoneNumber,
    /// The caller ID to show: owned, and allowed on every target.
    pub show: PhoneNumber,
    /// Where to send the call.
    pub target: Target,
    /// What the caller hears while the destination rings; `None`: what its trunk or phone says.
    pub early_media: Option<EarlyMedia>,
    /// How long the destination may ring.
    pub ring_timeout: Duration,
    /// How long the call may last after the answer.
    pub max_duration: Duration,
    /// The session that it goes by.
    pub session: Option<SessionId>,
    /// The version of the session, 0 without one.
    pub version: u32,
    /// Where the call moves its session's expiry to.
    pub extends: Option<Timestamp>,
    /// Whether the caller becomes its session's second party.
    pub binds: bool,
    /// How it was decided.
    pub trace: Vec<Step>,
}

/// Where a call is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To the contacts of the phone with this place in `Settings::phones`.
    Phone(usize),
    /// To the trunks with these places in `Settings::trunks`, in order of choice; never empty.
    Trunks(Vec<usize>),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub kind: RefusalKind,
    /// How it was decided.
    pub trace: Vec<Step>,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The number dialled is not owned.
    NotOurs,
    /// The number dialled is owned and nothing is mapped to it.
    NoMapping,
    /// The number dialled is mapped, or sessions have it, but not for this caller.
    CallerNotAllowed,
    /// The caller's session has not begun.
    SessionNotStarted,
    /// The caller's session has expired.
    SessionExpired,
    /// The caller's session was closed.
    SessionClosed,
    /// The other party of the caller's session is not known yet.
    PartyUnknown,
    /// An emergency number was dialled or mapped.
    Emergency,
    /// A short code was dialled or mapped.
    ShortCode,
    /// What was dialled cannot be read as one number.
    Ambiguous,
    /// The caller claims a number that we own.
    CallerClaimsOwn,
    /// The destination is a number that we own: the call would loop.
    DestinationOwn,
    /// The caller ID to show is not owned, or no trunk to the destination may show it.
    ShowNotAllowed,
    /// No trunk takes the destination.
    NoRoute,
    /// Both parties of an order are the same number.
    SameParty,
    /// A limit is reached.
    LimitReached,
    /// The caller has been refused too often lately.
    RefusedTooOften,
}

/// What a refused caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// The one refusal, set per trunk: the same bytes after the same delay for every kind.
    Uniform,
    /// The fixed refusal of emergency numbers and short codes, at once.
    Special,
    /// As an unreachable destination: 480.
    Unreachable,
    /// As a busy destination: 486.
    Busy,
}

impl Refusal {
    /// A refusal without a trace.
    #[must_use]
    pub fn new(kind: RefusalKind) -> Self {
        Self { kind, trace: Vec::new() }
    }
}

impl RefusalKind {
    /// What the caller gets.
    #[must_use]
    pub fn treatment(self) -> Treatment {
        match self {
            RefusalKind::Emergency | RefusalKind::ShortCode => Treatment::Special,
            RefusalKind::ShowNotAllowed
            | RefusalKind::NoRoute
            | RefusalKind::DestinationOwn
            | RefusalKind::SameParty => Treatment::Unreachable,
            RefusalKind::LimitReached => Treatment::Busy,
            RefusalKind::NotOurs
            | RefusalKind::NoMapping
            | RefusalKind::CallerNotAllowed
            | RefusalKind::SessionNotStarted
            | RefusalKind::SessionExpired
            | RefusalKind::SessionClosed
            | RefusalKind::PartyUnknown
            | RefusalKind::Ambiguous
            | RefusalKind::CallerClaimsOwn
            | RefusalKind::RefusedTooOften => Treatment::Uniform,
        }
    }
}

impl Decision {
    /// The number dialled, where it could be read.
    #[must_use]
    pub fn dialled(&self) -> Option<PhoneNumber> {
        Step::dialled(self.trace())
    }

    /// The same after these steps, in place of those that it begins with in any case: who calls what.
    pub(super) fn after(mut self, mut steps: Vec<Step>) -> Self {
        let trace = match &mut self {
            Decision::Bridge(plan) => &mut plan.trace,
            Decision::Refuse(refusal) => &mut refusal.trace,
            Decision::Ask(inquiry) => &mut inquiry.trace,
            Decision::Follow(program) => &mut program.trace,
        };
        let begins = |step: &Step| {
            matches!(step, Step::FromTrunk(_) | Step::FromPhone(_) | Step::Caller(_) | Step::Dialled(_))
        };
        steps.extend(trace.drain(..).filter(|step| !begins(step)));
        *trace = steps;
        self
    }

    /// How it was decided, alone.
    #[must_use]
    pub fn into_trace(self) -> Vec<Step> {
        match self {
            Decision::Bridge(plan) => plan.trace,
            Decision::Refuse(refusal) => refusal.trace,
            Decision::Ask(inquiry) => inquiry.trace,
            Decision::Follow(program) => program.trace,
        }
    }

    /// How it was decided.
    #[must_use]
    pub fn trace(&self) -> &[Step] {
        match self {
            Decision::Bridge(plan) => &plan.trace,
            Decision::Refuse(refusal) => &refusal.trace,
            Decision::Ask(inquiry) => &inquiry.trace,
            Decision::Follow(program) => &program.trace,
        }
    }
}

impl From<Special> for RefusalKind {
    fn from(special: Special) -> Self {
        match special {
            Special::Emergency => RefusalKind::Emergency,
            Special::ShortCode => RefusalKind::ShortCode,
        }
    }
}
