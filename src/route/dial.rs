//! Whom the document of a web service calls.

use std::fmt;

use super::decide::Deciding;
use super::{Decision, Index, Plan, Refusal, RefusalKind, Step};
use crate::base::settings::{AnswerUrl, NumberFormat};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::Book;
use crate::voice::{self, About, Ask, CallStatus, Direction, Event, Response, WrittenNumber};

/// A web service is to be asked what becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Where and how.
    pub answer: AnswerUrl,
    /// The masking number dialled.
    pub dialled: PhoneNumber,
    /// The caller, if known.
    pub caller: Option<PhoneNumber>,
    /// How it was decided so far.
    pub trace: Vec<Step>,
}

impl Inquiry {
    /// What the service is told of the call with this id.
    #[must_use]
    pub fn ask(&self, call: Box<str>) -> Ask {
        let (from, to, direction) = (self.caller, self.dialled, Direction::Inbound);
        let about = About { call, from, to, direction, status: CallStatus::Ringing };
        Ask { about, event: Event::StartApp }
    }

    /// The decision that its answer makes, after these steps.
    #[must_use]
    pub fn follow(self, document: Response, steps: impl IntoIterator<Item = Step>) -> Decision {
        let Self { dialled, caller, mut trace, .. } = self;
        trace.extend(steps);
        Decision::Follow(Box::new(Program { document, dialled, caller, trace }))
    }

    /// The decision that was made without it, since it did not answer, after these steps.
    #[must_use]
    pub fn unanswered(self, decision: Decision, steps: impl IntoIterator<Item = Step>) -> Decision {
        decision.after(self.trace.into_iter().chain(steps).chain([Step::NoService]).collect())
    }
}

/// What a web service answered: the document that a call follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The document, every URL in it absolute.
    pub document: Response,
    /// The masking number dialled.
    pub dialled: PhoneNumber,
    /// The caller, if known.
    pub caller: Option<PhoneNumber>,
    /// How it was decided.
    pub trace: Vec<Step>,
}

/// Whom a call is to be connected with, as a document says it.
#[derive(Clone, PartialEq, Eq)]
pub struct Dialling {
    /// The masking number that the call came in on: what is shown where the document names no other.
    pub dialled: PhoneNumber,
    /// The caller, if known.
    pub caller: Option<PhoneNumber>,
    /// The document's element.
    pub dial: voice::Dial,
}

impl fmt::Debug for Dialling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialling").field("targets", &self.dial.targets.len()).finish_non_exhaustive()
    }
}

/// The plans to reach a document's targets, all of which ring at once, each with the place of its target from 1; at
/// least one. A target that may not be called is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialled {
    /// The plans.
    pub plans: Vec<(u8, Plan)>,
    /// How they were found.
    pub trace: Vec<Step>,
}

/// Targets of one Dial at most: what more a document names is left out.
const TARGETS: usize = 20;

/// How a document's targets can be reached at this moment. What it shows is a number of ours, whatever it says: the
/// number dialled where it says nothing, and never the caller's own.
///
/// # Errors
/// Where no target may be called: special numbers, numbers of ours, the caller itself, SIP addresses that are no phone
/// of ours; or what is to be shown is not ours.
pub fn dial(index: &Index, book: &Book, at: Timestamp, dialling: &Dialling) -> Result<Dialled, Refusal> {
    let mut deciding = Deciding { index, book, at, trace: Vec::with_capacity(8) };
    let plans = match deciding.shown(dialling) {
        Ok(show) => deciding.reach(dialling, show),
        Err(kind) => Err(kind),
    };
    let trace = deciding.trace;
    match plans {
        Ok(plans) => Ok(Dialled { plans, trace }),
        Err(kind) => Err(Refusal { kind, trace }),
    }
}

impl Deciding<'_> {
    fn shown(&mut self, dialling: &Dialling) -> Result<PhoneNumber, RefusalKind> {
        let Some(written) = &dialling.dial.caller_id else { return Ok(dialling.dialled) };
        match self.written(written) {
            Some(show) if self.ours().serve(show) => Ok(show),
            _ => Err(self.refuse(Step::ShowNotOurs, RefusalKind::ShowNotAllowed)),
        }
    }

    /// The number that a document writes: in E.164, with or without the plus, as both platforms have it.
    fn written(&self, written: &WrittenNumber) -> Option<PhoneNumber> {
        let numbering = self.index.numbering();
        numbering.read(written.reveal(), None, Some(NumberFormat::E164)).ok()
    }

    fn reach(&mut self, dialling: &Dialling, show: PhoneNumber) -> Result<Vec<(u8, Plan)>, RefusalKind> {
        let Dialling { dialled, caller, ref dial } = *dialling;
        let (call, mut plans, mut refusal) = (&self.index.settings().call, Vec::new(), None);
        for (place, target) in (1..).zip(dial.targets.iter().take(TARGETS)) {
            match self.destination(target, caller).and_then(|to| Ok((to, self.target(to, show)?))) {
                Ok((destination, target)) => plans.push((
                    place,
                    Plan {
                        dialled,
                        caller,
                        destination,
                        show,
                        target,
                        early_media: None,
                        ring_timeout: dial.timeout.unwrap_or(call.ring_timeout),
                        max_duration: dial.time_limit.min(call.max_duration),
                        session: None,
                        version: 0,
                        extends: None,
                        binds: false,
                        trace: Vec::new(),
                    },
                )),
                Err(kind) => refusal = refusal.or(Some(kind)),
            }
        }
        if plans.is_empty() { Err(refusal.unwrap_or(RefusalKind::NoRoute)) } else { Ok(plans) }
    }

    /// The number behind a target. An emergency number is matched as it is written.
    fn destination(
        &mut self,
        target: &voice::Target,
        caller: Option<PhoneNumber>,
    ) -> Result<PhoneNumber, RefusalKind> {
        let destination = match target {
            voice::Target::Number { number, .. } => {
                if let Some(special) = self.index.numbering().special(number.reveal()) {
                    return Err(self.refuse(Step::DestinationSpecial(special), special.into()));
                }
                let Some(number) = self.written(number) else {
                    return Err(self.refuse(Step::DestinationUnreadable, RefusalKind::NoRoute));
                };
                number
            }
            voice::Target::User { uri, .. } => {
                let phone = user(uri.reveal()).and_then(|user| self.index.phone_named(user));
                let Some(phone) = phone else {
                    return Err(self.refuse(Step::NoSuchPhone, RefusalKind::NoRoute));
                };
                self.index.phone(phone).number
            }
        };
        if Some(destination) == caller {
            return Err(self.refuse(Step::SameParty, RefusalKind::SameParty));
        }
        self.trace.push(Step::Dials(destination));
        Ok(destination)
    }
}

/// The user part of a SIP address.
fn user(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    let (user, _) = rest.split_once('@')?;
    Some(user)
}
