//! SQLite beside the process: one connection that writes, and some that read.
//!
//! What is acknowledged survives a kill and a loss of power: the log ahead of the database (WAL) is synced at every
//! commit (`synchronous = FULL`; with NORMAL it would be synced at checkpoints only). That costs little, since
//! writes that come while a commit is being synced are committed together by the next one.

mod own;
#[path = "shared/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the SQL is the same for both databases")]
mod shared;
mod writer;

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row};
use tokio::sync::watch;

use super::schema::{self, Migrations};
use super::thread::{BoxFuture, Thread};
use crate::ledger::{Change, ChangeSink, StoreFault};
use writer::Writer;

use Sqlite as Database;
use SqliteConnection as Connection;
use sqlx::Sqlite as Db;

const MIGRATIONS: Migrations = &[
    include_str!("migrations/sqlite/1.sql"),
    include_str!("migrations/sqlite/2.sql"),
    include_str!("migrations/sqlite/3.sql"),
    include_str!("migrations/sqlite/4.sql"),
];
/// There is one writer.
const SKIP_LOCKED: &str = "";
/// The same.
const FOR_UPDATE: &str = "";
/// How long another process may hold the file before a write is given up.
const BUSY: Duration = Duration::from_secs(5);
/// What a connection may remember of the file, in KiB (negative: not in pages). The system's own cache has the file too,
/// and gives it up when memory is short.
const CACHE: &str = "-2048";
/// Connections that read.
const READERS: u32 = 4;
/// How long a reader may be waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often, and for how long each time, readers are waited for so that the log beside the file can be cut: who writes
/// waits as long.
const CUTS: u32 = 10;
const CUT: Duration = Duration::from_millis(500);
/// Events that are told at a time.
const EVENTS: u32 = 500;

/// The store in a file.
pub struct Sqlite {
    thread: Thread,
    /// How the file is opened for writing.
    writing: SqliteConnectOptions,
    /// What the keys of requests are hidden with.
    secret: shared::Secret,
    readers: SqlitePool,
    writer: Writer,
    sinks: Mutex<Vec<ChangeSink>>,
    /// Where every event is told by a callback.
    status_url: Mutex<Option<Arc<str>>>,
    /// Counts the batches that brought events.
    events: watch::Sender<u64>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the file, making it with mode 0600 where there is none, and brings it to this version.
    ///
    /// # Errors
    /// Where it cannot be opened, is of a newer version, or is something else.
    pub async fn open(path: &Path) -> Result<Self, StoreFault> {
        let fault = |error: std::io::Error| StoreFault::Unavailable(format!("{}: {error}", path.display()));
        OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(fault)?;
        let thread = Thread::start().map_err(fault)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "memory");
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is erased is overwritten, also where its page is free then.
            .pragma("secure_delete", "on")
            .pragma("wal_autocheckpoint", "4000");
        let (found, opened) = (options.clone(), writing.clone());
        let (secret, readers, writer) = thread
            .run(async move {
                own::check(&found, MIGRATIONS).await?;
                let mut connection = opened.connect().await?;
                migrate(&mut connection, MIGRATIONS).await?;
                let secret = shared::secret(&mut connection).await?;
                // Readers stay open: a file that nobody has open cannot be read on a disk that is full.
                let readers = SqlitePoolOptions::new()
                    .min_connections(1)
                    .max_connections(READERS)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(PATIENCE);
                let readers = readers.connect_with(options.read_only(true)).await?;
                Ok((secret, readers, Writer::start(opened, connection)))
            })
            .await?;
        Ok(Self {
            thread,
            writing,
            secret,
            readers,
            writer,
            sinks: Mutex::default(),
            status_url: Mutex::default(),
            events: watch::Sender::new(0),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let readers = self.readers.clone();
        self.thread.run(async move { work(&mut *readers.acquire().await?).await }).await
    }

    /// Reads what may be much.
    async fn scan<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.read(work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.writer.write(work).await
    }

    /// Has the file take all that stands in the log beside it, which is cut to nothing: what was erased is in neither.
    async fn forget_erased(&self) -> Result<(), StoreFault> {
        let options = self.writing.clone().busy_timeout(CUT);
        self.thread
            .run(async move {
                let mut connection = options.connect().await?;
                let is_cut = cut_log(&mut connection).await;
                sqlx::Connection::close(connection).await?;
                if !is_cut {
                    tracing::warn!(
                        "readers keep the log beside the database file from being cut: what was erased stands in it until they let go"
                    );
                }
                Ok(())
            })
            .await
    }

    async fn before_load(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn begin_to_follow(&self, sink: ChangeSink) -> Result<(), StoreFault> {
        let mut last = self.read(|connection| Box::pin(shared::last_event(connection))).await?;
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&sink));
        let mut kept = self.events.subscribe();
        let readers = self.readers.clone();
        self.thread.start_task(async move {
            while kept.changed().await.is_ok() {
                if let Err(fault) = tell_events(&readers, &mut last, &sink).await {
                    tracing::error!(%fault, "events are told later");
                }
            }
        });
        Ok(())
    }

    fn events_kept(&self) {
        self.events.send_modify(|batches| *batches += 1);
    }

    fn tell(&self, change: Change) {
        for sink in &*self.sinks.lock().unwrap_or_else(PoisonError::into_inner) {
            sink(change.clone());
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let (readers, writer) = (self.readers.clone(), self.writer.take());
        self.thread.stop(async move {
            readers.close().await;
            writer.end().await;
        });
    }
}

async fn cut_log(connection: &mut Connection) -> bool {
    for _ in 0..CUTS {
        let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
        if cut.and_then(|row| row.try_get::<i64, _>(0)).is_ok_and(|is_busy| is_busy == 0) {
            return true;
        }
        tokio::time::sleep(CUT / 10).await;
    }
    false
}

/// Tells events after the last one told, to the end.
async fn tell_events(readers: &SqlitePool, last: &mut u64, sink: &ChangeSink) -> Result<(), StoreFault> {
    let mut connection = readers.acquire().await?;
    loop {
        let events = shared::events_after(&mut connection, *last, EVENTS).await?;
        if events.is_empty() {
            return Ok(());
        }
        for event in events {
            *last = event.id;
            sink(Change::Event(Arc::new(event)));
        }
    }
}

/// Brings a file to the last version, whole steps only.
async fn migrate(connection: &mut Connection, migrations: Migrations) -> Result<(), StoreFault> {
    let mut whole = sqlx::Connection::begin_with(connection, "BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *whole).await?.try_get(0)?;
    for step in schema::missing(migrations, version)? {
        sqlx::raw_sql(*step).execute(&mut *whole).await?;
    }
    let set = format!(
        "PRAGMA user_version = {}; PRAGMA application_id = {:#x}",
        migrations.len(),
        own::APPLICATION
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut *whole).await?;
    Ok(whole.commit().await?)
}
