//! Deciding a call.

use std::time::Duration;

use super::{
    Decision, Identity, Index, Inquiry, Ours, Plan, Question, Refusal, RefusalKind, Source, Step, Target,
};
use crate::base::link::link_host;
use crate::base::settings::{AnswerUrl, Leads, NumberFormat};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::Book;

/// Decides a call: who calls, what was dialled, what is mapped to it, what may be shown, and where it is sent.
/// Whatever cannot be answered is refused.
#[must_use]
pub fn decide(index: &Index, book: &Book, at: Timestamp, question: &Question) -> Decision {
    decide_asking(index, book, at, question, Asks::Services)
}

fn decide_asking(index: &Index, book: &Book, at: Timestamp, question: &Question, asks: Asks) -> Decision {
    let mut deciding = Deciding { index, book, at, trace: Vec::with_capacity(8) };
    match deciding.found(question, asks) {
        Ok(Found::Plan(plan)) => Decision::Bridge(Plan { trace: deciding.trace, ..*plan }),
        Ok(Found::Service(inquiry)) => Decision::Ask(Inquiry { trace: deciding.trace, ..inquiry }),
        Err(kind) => Decision::Refuse(Refusal { kind, trace: deciding.trace }),
    }
}

/// Whether web services are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// They are.
    Services,
    /// They have been, and did not answer: it is decided without them.
    Nobody,
}

/// What was found for a call.
enum Found {
    Plan(Box<Plan>),
    Service(Inquiry),
}

/// Decides a call that takes place: what it does to its session, moving the expiry or binding the caller, is done in
/// the book. Of two strangers at the same time one is bound, and the other is decided anew.
#[must_use]
pub fn admit(index: &Index, book: &Book, at: Timestamp, question: &Question) -> Decision {
    admit_asking(index, book, at, question, Asks::Services)
}

/// The same for a call whose web service was asked and could not say what becomes of it.
#[must_use]
pub fn admit_unasked(index: &Index, book: &Book, at: Timestamp, question: &Question) -> Decision {
    admit_asking(index, book, at, question, Asks::Nobody)
}

fn admit_asking(index: &Index, book: &Book, at: Timestamp, question: &Question, asks: Asks) -> Decision {
    let decision = decide_asking(index, book, at, question, asks);
    if settle(book, at, &decision) {
        return decision;
    }
    // Another caller was bound since.
    let decision = decide_asking(index, book, at, question, asks);
    if settle(book, at, &decision) {
        return decision;
    }
    let (kind, trace) = (RefusalKind::CallerNotAllowed, decision.trace().to_vec());
    Decision::Refuse(Refusal { kind, trace })
}

/// Does to the session what the call does. False where another caller was bound before.
fn settle(book: &Book, at: Timestamp, decision: &Decision) -> bool {
    let Decision::Bridge(Plan { session: Some(id), caller, binds, extends, .. }) = decision else {
        return true;
    };
    let is_bound = !binds || caller.is_some_and(|caller| book.bind(*id, caller, at));
    if let Some(expires_at) = extends.filter(|_| is_bound) {
        book.extend(*id, expires_at);
    }
    is_bound
}

/// The decision for such a call at a moment, without placing it and without any effect. It comes from the phone with
/// the caller's number, or else by the trunk that the number dialled is rented on, or else by the first trunk.
#[must_use]
pub fn explain(index: &Index, book: &Book, from: Identity, to: &str, at: Timestamp) -> Decision {
    let phone = match from {
        Identity::Known(number) => index.phone_of(number).map(Source::Phone),
        Identity::Anonymous => None,
    };
    let trunks = &index.settings().trunks;
    let rented_on = || {
        let dialled = index.numbering().read(to, None, None).ok()?;
        let trunk = book.number(dialled)?.trunk.clone()?;
        trunks.iter().position(|row| row.name == trunk)
    };
    let trunk = || rented_on().or((!trunks.is_empty()).then_some(0)).map(Source::Trunk);
    match phone.or_else(trunk) {
        Some(source) => {
            let question = Question { source, dialled: to.to_owned(), context: None, caller: from };
            decide(index, book, at, &question)
        }
        None => {
            Decision::Refuse(Refusal { kind: RefusalKind::CallerNotAllowed, trace: vec![Step::NoSource] })
        }
    }
}

/// The steps before anything is decided: whom a call comes from, who calls and what was dialled.
#[must_use]
pub fn introduce(index: &Index, question: &Question) -> Vec<Step> {
    let (from, caller, format) = who(index, question);
    let dialled = read(index, question, format).map_or_else(|(step, _)| step, Step::Dialled);
    vec![from, Step::Caller(caller), dialled]
}

/// Where a call comes from, who is calling, and how numbers are written there. A phone is its configured number
/// whatever it claims.
fn who(index: &Index, question: &Question) -> (Step, Identity, Option<NumberFormat>) {
    match question.source {
        Source::Trunk(place) => {
            let trunk = index.trunk(place);
            (Step::FromTrunk(trunk.name.clone()), question.caller, trunk.format_in)
        }
        Source::Phone(place) => {
            let phone = index.phone(place);
            (Step::FromPhone(phone.username.clone()), Identity::Known(phone.number), None)
        }
    }
}

/// What was dialled, in the one reading that it has.
fn read(
    index: &Index,
    question: &Question,
    format: Option<NumberFormat>,
) -> Result<PhoneNumber, (Step, RefusalKind)> {
    let numbering = index.numbering();
    if let Some(special) = numbering.special(&question.dialled) {
        return Err((Step::DialledSpecial(special), special.into()));
    }
    let read = numbering.read(&question.dialled, question.context.as_deref(), format);
    read.map_err(|why| (Step::DialledUnreadable(why), RefusalKind::Ambiguous))
}

/// A decision in the making.
pub(super) struct Deciding<'a> {
    pub(super) index: &'a Index,
    pub(super) book: &'a Book,
    pub(super) at: Timestamp,
    pub(super) trace: Vec<Step>,
}

impl<'a> Deciding<'a> {
    fn found(&mut self, question: &Question, asks: Asks) -> Result<Found, RefusalKind> {
        let (from, caller, format) = who(self.index, question);
        self.trace.extend([from, Step::Caller(caller)]);
        let dialled = self.dialled(question, format)?;
        let caller = match caller {
            Identity::Known(caller) if self.ours().have(caller) => {
                return Err(self.refuse(Step::CallerIsOurs, RefusalKind::CallerClaimsOwn));
            }
            Identity::Known(caller) => Some(caller),
            Identity::Anonymous => None,
        };
        if let Some(answer) = self.service(dialled, caller).filter(|_| asks == Asks::Services) {
            self.trace.push(Step::AsksService(link_host(&answer.url)));
            return Ok(Found::Service(Inquiry { answer, dialled, caller, trace: Vec::new() }));
        }
        let way = self.way(dialled, caller)?;
        let target = self.target(way.destination, way.show)?;
        let call = &self.index.settings().call;
        let session = way.session.as_deref();
        let seconds = |seconds: std::num::NonZeroU32| Duration::from_secs(seconds.get().into());
        let extended = session.and_then(|live| Some(self.at.after(seconds(live.sliding_expiry?))));
        Ok(Found::Plan(Box::new(Plan {
            dialled,
            caller,
            destination: way.destination,
            show: way.show,
            target,
            early_media: way.early_media,
            ring_timeout: session.and_then(|live| live.ring_timeout).map_or(call.ring_timeout, seconds),
            max_duration: session
                .and_then(|live| live.call_time_limit)
                .map_or(call.max_duration, |limit| seconds(limit).min(call.max_duration)),
            session: session.map(|live| live.id),
            version: session.map_or(0, |live| live.version),
            extends: extended.filter(|extended| session.is_some_and(|live| live.expires_at < *extended)),
            binds: way.binds,
            trace: Vec::new(),
        })))
    }

    /// The web service that says what becomes of calls on a number, from this caller. The number's own goes before all
    /// rows; of these the one for this very caller before that for anyone, whichever of them leads to a service.
    fn service(&self, dialled: PhoneNumber, caller: Option<PhoneNumber>) -> Option<AnswerUrl> {
        if !self.ours().serve(dialled) {
            return None;
        }
        if let Some(answer) = self.book.number(dialled).and_then(|number| number.answer.clone()) {
            return Some(answer);
        }
        let own = caller.and_then(|caller| self.index.mapping_for(dialled, caller));
        match &own.or_else(|| self.index.mapping_for_anyone(dialled))?.leads {
            Leads::Ask(answer) => Some(answer.clone()),
            Leads::To { .. } => None,
        }
    }

    pub(super) fn ours(&self) -> Ours<'a> {
        Ours { index: self.index, book: self.book }
    }

    /// Notes the step that a decision ends at.
    pub(super) fn refuse(&mut self, step: Step, kind: RefusalKind) -> RefusalKind {
        self.trace.push(step);
        kind
    }

    /// The number that was dialled: never a special one, unless it is ours.
    fn dialled(
        &mut self,
        question: &Question,
        format: Option<NumberFormat>,
    ) -> Result<PhoneNumber, RefusalKind> {
        let number = read(self.index, question, format).map_err(|(step, kind)| self.refuse(step, kind))?;
        self.trace.push(Step::Dialled(number));
        match self.index.numbering().special_number(number) {
            Some(special) if !self.ours().serve(number) => {
                Err(self.refuse(Step::DialledSpecial(special), special.into()))
            }
            _ => Ok(number),
        }
    }

    /// Where the call is sent. What was refused already when a row or a session was made is refused here again, so
    /// that nothing can loop, reach an emergency centre, or show a number that is not ours, whatever has changed since.
    pub(super) fn target(
        &mut self,
        destination: PhoneNumber,
        show: PhoneNumber,
    ) -> Result<Target, RefusalKind> {
        let index = self.index;
        if self.ours().have(destination) {
            return Err(self.refuse(Step::DestinationIsOurs, RefusalKind::DestinationOwn));
        }
        if let Some(special) = index.numbering().special_number(destination) {
            return Err(self.refuse(Step::DestinationSpecial(special), special.into()));
        }
        if !self.ours().serve(show) {
            return Err(self.refuse(Step::ShowNotOurs, RefusalKind::ShowNotAllowed));
        }
        self.trace.push(Step::Show(show));
        if let Some(place) = index.phone_of(destination) {
            self.trace.push(Step::ToPhone(index.phone(place).username.clone()));
            return Ok(Target::Phone(place));
        }
        let mut trunks = index.trunks_to(destination);
        if trunks.is_empty() {
            return Err(self.refuse(Step::NoTrunk, RefusalKind::NoRoute));
        }
        trunks.retain(|&place| {
            let may = self.ours().may_show(place, show);
            let name = index.trunk(place).name.clone();
            self.trace.push(if may { Step::ToTrunk(name) } else { Step::TrunkMayNotShow(name) });
            may
        });
        if trunks.is_empty() { Err(RefusalKind::ShowNotAllowed) } else { Ok(Target::Trunks(trunks)) }
    }
}
