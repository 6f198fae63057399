//! PostgreSQL, for a fleet of nodes on one database.

mod follow;
mod patience;
#[path = "shared/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the SQL is the same for both databases")]
mod shared;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{Connection as _, Row};
use tokio::time::timeout;

use super::schema::{self, Migrations};
use super::thread::{BoxFuture, Thread};
use crate::base::Secret;
use crate::ledger::{Change, ChangeSink, StoreFault};
use follow::Follower;
use patience::{ANSWER, CONNECT, SCAN, within};

use PgConnection as Connection;
use Postgres as Database;
use sqlx::Postgres as Db;

const MIGRATIONS: Migrations = &[
    include_str!("migrations/postgres/1.sql"),
    include_str!("migrations/postgres/2.sql"),
    include_str!("migrations/postgres/3.sql"),
    include_str!("migrations/postgres/4.sql"),
];
/// What another node is taking is passed over.
const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";
/// A row that is read is held until the end.
const FOR_UPDATE: &str = "FOR UPDATE";
/// The lock under which one node at a time brings the database to its version.
const MIGRATION_LOCK: i64 = 7_310_868_748;
/// Connections of this node, besides the one that listens.
const CONNECTIONS: u32 = 10;
/// How long the end of this process waits for its connections to be closed.
const CLOSE: Duration = Duration::from_secs(5);

/// The store on a server.
pub struct Postgres {
    thread: Thread,
    pool: PgPool,
    /// What the keys of requests are hidden with.
    secret: shared::Secret,
    /// The name of this node's connections, by which it knows its own changes.
    node: Arc<str>,
    sinks: Mutex<Vec<ChangeSink>>,
    /// Where every event is told by a callback.
    status_url: Mutex<Option<Arc<str>>>,
    /// The oldest transaction that was open when the index was loaded.
    loaded: Mutex<Option<i64>>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects, and brings the database to this version; nodes that start together do so one after the other.
    ///
    /// # Errors
    /// Where the URL is none, the server does not answer, or the database is of a newer version.
    pub async fn open(url: &Secret) -> Result<Self, StoreFault> {
        // The error would repeat the URL, which may hold a password.
        let options = PgConnectOptions::from_str(url.reveal())
            .map_err(|_| StoreFault::Unavailable("its URL cannot be read".to_owned()))?;
        let thread = Thread::start().map_err(|error| StoreFault::Unavailable(error.to_string()))?;
        let (pool, node, secret) = thread
            .run(async move {
                let connecting = async { Ok(PgConnection::connect_with(&options).await?) };
                let mut connection = within(CONNECT, connecting).await?;
                migrate(&mut connection, MIGRATIONS).await?;
                let secret = shared::secret(&mut connection).await?;
                let row = sqlx::query("SELECT 'maskline-' || replace(gen_random_uuid()::text, '-', '')");
                let node: String = row.fetch_one(&mut connection).await?.try_get(0)?;
                let pool = patience::pool(CONNECTIONS).connect_lazy_with(options.application_name(&node));
                Ok((pool, node, secret))
            })
            .await?;
        Ok(Self {
            thread,
            pool,
            secret,
            node: node.into(),
            sinks: Mutex::default(),
            status_url: Mutex::default(),
            loaded: Mutex::default(),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let pool = self.pool.clone();
        let work = async move {
            let mut connection = pool.acquire().await?;
            within(ANSWER, work(&mut connection)).await
        };
        self.thread.run(work).await
    }

    /// Reads what may be much.
    async fn scan<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let pool = self.pool.clone();
        let work = async move {
            let mut connection = pool.acquire().await?;
            let mut unhurried = patience::unhurried(&mut connection).await?;
            within(SCAN, work(&mut unhurried)).await
        };
        self.thread.run(work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.read(work).await
    }

    /// What changes from here on is told, whether following begins before or after the loading.
    async fn before_load(&self) -> Result<(), StoreFault> {
        let horizon = self.read(|connection| Box::pin(follow::horizon(connection))).await?;
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(horizon);
        Ok(())
    }

    async fn begin_to_follow(&self, sink: ChangeSink) -> Result<(), StoreFault> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&sink));
        let since = *self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let (pool, node) = (self.pool.clone(), Arc::clone(&self.node));
        let follower = self.thread.run(Follower::begin(pool, node, sink, since)).await?;
        self.thread.start_task(follower.run());
        Ok(())
    }

    /// What the server keeps of it until VACUUM is its own affair.
    async fn forget_erased(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    /// The database tells of events itself.
    fn events_kept(&self) {}

    fn tell(&self, change: Change) {
        for sink in &*self.sinks.lock().unwrap_or_else(PoisonError::into_inner) {
            sink(change.clone());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pool = self.pool.clone();
        self.thread.stop(async move {
            let _ = timeout(CLOSE, pool.close()).await;
        });
    }
}

/// Brings a database to the last version.
async fn migrate(connection: &mut Connection, migrations: Migrations) -> Result<(), StoreFault> {
    let mut whole = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *whole).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS maskline_schema (version BIGINT NOT NULL)")
        .execute(&mut *whole)
        .await?;
    let version = sqlx::query("SELECT version FROM maskline_schema").fetch_optional(&mut *whole).await?;
    let version: i64 = version.map_or(Ok(0), |row| row.try_get(0))?;
    let steps = schema::missing(migrations, version)?;
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        sqlx::raw_sql(*step).execute(&mut *whole).await?;
    }
    sqlx::query("DELETE FROM maskline_schema").execute(&mut *whole).await?;
    let last = i64::try_from(migrations.len()).expect("there are few");
    sqlx::query("INSERT INTO maskline_schema VALUES ($1)").bind(last).execute(&mut *whole).await?;
    Ok(whole.commit().await?)
}
