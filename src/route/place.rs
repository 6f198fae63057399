//! Placing an order: whether two parties may be called by masking numbers, and where.

use super::decide::Deciding;
use super::{Index, Refusal, RefusalKind, Step, Target};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Book, SessionId, SessionStatus};

/// Two parties who are to be called and connected: the first, and then the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errand {
    /// Their real numbers.
    pub parties: [PhoneNumber; 2],
    /// The masking numbers that they see.
    pub sees: [PhoneNumber; 2],
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// The session is there for the way back only, which may be over before the call is.
    pub is_way_back: bool,
}

/// Where the parties of an order are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The first party's place.
    pub first: Target,
    /// The second party's place.
    pub second: Target,
    /// How it was found.
    pub trace: Vec<Step>,
}

/// Where two parties can be called at this moment, each seeing the masking number at its own place in `sees`.
///
/// # Errors
/// Where the session takes no calls, or does not lead from one party to the other; where a party is special, ours, or
/// the other party; where a number to show is not ours, or no trunk to the party may show it; where no trunk takes a
/// party.
pub fn place(index: &Index, book: &Book, at: Timestamp, errand: &Errand) -> Result<Placed, Refusal> {
    let mut deciding = Deciding { index, book, at, trace: Vec::with_capacity(8) };
    match deciding.belongs(errand).and_then(|()| deciding.targets(errand)) {
        Ok([first, second]) => Ok(Placed { first, second, trace: deciding.trace }),
        Err(kind) => Err(Refusal { kind, trace: deciding.trace }),
    }
}

impl Deciding<'_> {
    /// Whether the session that an order belongs to stands behind it still.
    fn belongs(&mut self, errand: &Errand) -> Result<(), RefusalKind> {
        let Some(id) = errand.session else { return Ok(()) };
        let ([first, second], [first_sees, second_sees]) = (errand.parties, errand.sees);
        let live = self.book.session(id);
        let other = live.as_ref().and_then(|live| live.other(first_sees, first));
        let leads = other.is_some_and(|other| other.number == Some(second) && other.dials == second_sees);
        let Some(live) = live.filter(|_| leads) else {
            return Err(self.refuse(Step::SessionLeadsElsewhere(id), RefusalKind::CallerNotAllowed));
        };
        if errand.is_way_back && live.status(self.at) == SessionStatus::Expired {
            return Ok(());
        }
        self.enter(&live)
    }

    fn targets(&mut self, errand: &Errand) -> Result<[Target; 2], RefusalKind> {
        let ([first, second], [first_sees, second_sees]) = (errand.parties, errand.sees);
        self.trace.push(Step::FirstParty(first));
        let first_target = self.target(first, first_sees)?;
        self.trace.push(Step::SecondParty(second));
        if first == second {
            return Err(self.refuse(Step::SameParty, RefusalKind::SameParty));
        }
        Ok([first_target, self.target(second, second_sees)?])
    }
}
