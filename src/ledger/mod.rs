//! Floor 3: what is written down of calls.

mod record;

pub use record::{CallRecord, HungUp, LegRecord, Outcome, TurnedAwayInvite};
