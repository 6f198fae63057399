//! Placing an order: whether two parties may be called by masking numbers, and where.

use super::decide::Deciding;
use super::{Index, Refusal, RefusalKind, Step, Target};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::Book;

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

/// Where two parties can be called, each seeing the masking number at its own place in `sees`.
///
/// # Errors
/// Where a party is special, ours, or the other party; where a number to show is not ours, or no trunk to the party may
/// show it; where no trunk takes a party.
pub fn place(
    index: &Index,
    book: &Book,
    parties: [PhoneNumber; 2],
    sees: [PhoneNumber; 2],
) -> Result<Placed, Refusal> {
    let mut deciding = Deciding { index, book, at: Timestamp::default(), trace: Vec::with_capacity(8) };
    match deciding.targets(parties, sees) {
        Ok([first, second]) => Ok(Placed { first, second, trace: deciding.trace }),
        Err(kind) => Err(Refusal { kind, trace: deciding.trace }),
    }
}

impl Deciding<'_> {
    fn targets(
        &mut self,
        [first, second]: [PhoneNumber; 2],
        [first_sees, second_sees]: [PhoneNumber; 2],
    ) -> Result<[Target; 2], RefusalKind> {
        self.trace.push(Step::FirstParty(first));
        let first_target = self.target(first, first_sees)?;
        self.trace.push(Step::SecondParty(second));
        if first == second {
            return Err(self.refuse(Step::SameParty, RefusalKind::SameParty));
        }
        Ok([first_target, self.target(second, second_sees)?])
    }
}
