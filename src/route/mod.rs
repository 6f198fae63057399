//! Floor 4: where a call goes. The question a call asks, the decision it gets, and the index that answers it:
//! pure matching, without a clock, a socket or a store.

mod decision;
mod index;
mod question;

pub use decision::{Decision, Plan, Refusal, RefusalKind, Step, Target, Treatment};
pub use index::Index;
pub use question::{Claims, Identity, Question, Source, Written};

/// Decides a call.
#[must_use]
pub fn decide(_index: &Index, _question: &Question) -> Decision {
    Decision::Refuse(Refusal::new(RefusalKind::NotOurs))
}

/// Who is calling, from what a trunk's request says: a function of the trunk's `identity_in` and of nothing else.
/// A caller's wish for privacy does not take part: it governs what is shown, and nothing of a caller is ever shown.
#[must_use]
pub fn identity(_index: &Index, _trunk: usize, _claims: &Claims<'_>) -> Identity {
    Identity::Anonymous
}
