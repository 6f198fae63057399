//! Floor 7. What is kept: the database, and what calls leave on disk on their way there.

mod erase;
mod fault;
mod journal;
mod keeper;
mod output;
mod postgres;
mod records;
mod replay;
mod rewrite;
mod rows;
mod schema;
mod spelling;
mod sqlite;
mod thread;

use std::sync::Arc;

use crate::base::settings::StoreUrl;
use crate::ledger::{Store, StoreFault};

pub use keeper::{Keeper, KeeperEraser, KeeperFault, KeeperWriter};
pub use postgres::Postgres;
pub use records::RecordsFault;
pub use sqlite::Sqlite;

/// Opens the database, and brings it to this version.
///
/// # Errors
/// Where it does not answer, or holds what this version cannot read.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Store>, StoreFault> {
    Ok(match url {
        StoreUrl::Sqlite(path) => Arc::new(Sqlite::open(path).await?),
        StoreUrl::Postgres(url) => Arc::new(Postgres::open(url).await?),
    })
}
