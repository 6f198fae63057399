//! Why the operator does not get what was asked for.

use crate::base::PhoneNumber;
use crate::ledger::{Channel, Session, SessionId, SessionStatus, StoreFault};

/// Why nothing was done. Printing one gives a sentence in which numbers are redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A field holds what cannot be taken.
    #[error("{field} {reason}")]
    Invalid {
        /// The field by its name in the API, as in `second_party`.
        field: &'static str,
        /// What is wrong with it and what to write instead: a sentence that begins after the field's name.
        reason: String,
    },
    /// A session cannot go on as it stands: this of it would be refused now.
    #[error("the session cannot go on: {field} {reason}")]
    Unfit {
        /// The field by its name in the API.
        field: &'static str,
        /// What is wrong with it: a sentence that begins after the field's name.
        reason: String,
    },
    /// There is no such session or number.
    #[error("there is no such session or number")]
    NotFound,
    /// The session is over, and the change does not reopen it.
    #[error("the session is over: reopen it to change it")]
    Over(SessionStatus),
    /// No number has this pool.
    #[error("no number is in pool {pool}: add numbers to it first")]
    PoolUnknown {
        /// The pool's name.
        pool: Box<str>,
    },
    /// Every number of the pool is taken for these parties.
    #[error("pool {pool} has {has} active numbers and would need {needs} for these parties")]
    PoolExhausted {
        /// The pool's name.
        pool: Box<str>,
        /// How many numbers sessions may draw from it.
        has: usize,
        /// How many it would have to have.
        needs: usize,
    },
    /// The `Idempotency-Key` came before with another body.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// The reference belongs to another session.
    #[error("the reference belongs to session {0}")]
    ReferenceTaken(SessionId),
    /// A live session, one that rests in its cool-off, or a mapping of the settings has this.
    #[error("{number} is taken for {}", Caller(.party))]
    ChannelTaken {
        /// The field by its name in the API that the number stands in, or would have to be changed in.
        field: &'static str,
        /// The number dialled.
        number: PhoneNumber,
        /// The caller; `None`: a second party that nobody knows yet.
        party: Option<PhoneNumber>,
    },
    /// The number is in the inventory already, in another pool, on another trunk or with another answer URL.
    #[error("{0} is in the inventory already: change it instead")]
    NumberTaken(PhoneNumber),
    /// Sessions or mappings have the number.
    #[error("{0} is in use by sessions or mappings: drain it first")]
    NumberInUse(PhoneNumber),
    /// Others kept changing the same thing at the same time.
    #[error("it was changed by others at the same time: try again")]
    Contended,
    /// The database did not do it.
    #[error(transparent)]
    Unavailable(#[from] StoreFault),
}

impl Fault {
    /// Somebody else has a channel that a session was to have.
    pub(super) fn taken(session: &Session, channel: Channel) -> Self {
        let [first, second] = session.channels();
        let field = match () {
            () if first.0 == second.0 => "virtual_number",
            () if channel == first => "first_party_number",
            () => "second_party_number",
        };
        let (number, party) = channel;
        Fault::ChannelTaken { field, number, party }
    }
}

/// A caller, as a fault names it.
struct Caller<'a>(&'a Option<PhoneNumber>);

impl std::fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(party) => party.fmt(f),
            None => f.write_str("a party who is not known yet"),
        }
    }
}
