//! Floor 4: where a call goes. The question a call asks, the decision it gets, and the index that answers it:
//! pure matching, without a clock, a socket or a database.

mod decide;
mod decision;
mod dial;
mod identity;
mod index;
mod ours;
mod place;
mod question;
mod trace;
mod way;

#[cfg(test)]
mod tests;

pub use decide::{admit, admit_unasked, decide, explain, introduce};
pub use decision::{Decision, Plan, Refusal, RefusalKind, Target, Treatment};
pub use dial::{Dialled, Dialling, Inquiry, Program, dial};
pub use identity::identity;
pub use index::Index;
pub use ours::Ours;
pub use place::{Errand, Placed, place};
pub use question::{Claims, Identity, Question, Source, Written};
pub use trace::Step;
