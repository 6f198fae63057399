//! Erasing a party from everything that is kept, in the database and beside it.

use std::fmt::Debug;
use std::io;

use async_trait::async_trait;

use super::{Redacted, StoreFault};
use crate::base::{PhoneNumber, Timestamp};

/// Erases parties.
#[async_trait]
pub trait Eraser: Send + Sync + Debug {
    /// Erases a party from the database, as [`super::Store::redact`] does, and from what this node keeps beside it. All
    /// that was kept before is without the number when this returns. Done again, it finishes what has failed half-way.
    async fn erase(&self, party: PhoneNumber, now: Timestamp) -> Result<Redacted, EraseFault>;
}

/// Why a party is not erased, or not everywhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseFault {
    /// The database does not do it.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// So many entries wait for the database, and might bring the number back: nothing is erased.
    #[error("{0} records and events wait for the database")]
    Behind(u64),
    /// The files beside the database cannot be written anew.
    #[error("the files of records cannot be written anew: {0}")]
    Files(#[source] io::Error),
}
