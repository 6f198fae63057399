//! Whether a file is one of our own, found out before anything is written to it.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _, Row};

use super::Connection;
use crate::ledger::StoreFault;
use crate::store::schema::{self, Migrations};

/// What stands in the header of our files (`application_id`), from version 3 on: `Mskl`.
pub(super) const APPLICATION: i64 = 0x4d73_6b6c;
/// The tables of a file of version 1 or 2, which has no `application_id`.
const OLD: &str = "'answers', 'calls', 'channels', 'events', 'numbers', 'probe', 'sessions'";
const OLD_TABLES: i64 = 7;
const OLD_VERSIONS: std::ops::RangeInclusive<i64> = 1..=2;

/// Looks at a file through a connection that only reads.
pub(super) async fn check(options: &SqliteConnectOptions, migrations: Migrations) -> Result<(), StoreFault> {
    let mut connection = options.clone().read_only(true).connect().await?;
    let is_ours = check_file(&mut connection, migrations).await;
    connection.close().await?;
    is_ours
}

async fn check_file(connection: &mut Connection, migrations: Migrations) -> Result<(), StoreFault> {
    // One moment of it: another process may be making it just now.
    let mut whole = connection.begin().await?;
    let tables = count(&mut whole, "SELECT count(*) FROM sqlite_schema").await?;
    let version = count(&mut whole, "PRAGMA user_version").await?;
    let is_ours = match count(&mut whole, "PRAGMA application_id").await? {
        APPLICATION => true,
        0 if tables == 0 => version == 0,
        0 if OLD_VERSIONS.contains(&version) => {
            let old = format!("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ({OLD})");
            count(&mut whole, &old).await? == OLD_TABLES
        }
        _ => false,
    };
    if !is_ours {
        return Err(StoreFault::Unreadable("the file is another program's: name one of our own".to_owned()));
    }
    schema::missing(migrations, version).map(drop)
}

async fn count(connection: &mut Connection, sql: &str) -> Result<i64, StoreFault> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get(0)?)
}
