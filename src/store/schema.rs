//! The database's version, and the way from one to the next.

use crate::ledger::StoreFault;

/// The statements that lead from each version to the next, the first from an empty database.
pub(super) type Migrations = &'static [&'static str];

/// Those that a database of this version still needs.
pub(super) fn missing(migrations: Migrations, version: i64) -> Result<&'static [&'static str], StoreFault> {
    let done = usize::try_from(version).ok();
    done.and_then(|done| migrations.get(done..)).ok_or_else(|| {
        StoreFault::Unreadable(format!(
            "it is of version {version}, and this program knows {} at most: start the newer program that wrote it",
            migrations.len()
        ))
    })
}
