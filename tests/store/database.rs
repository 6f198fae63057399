//! The databases that the suite runs on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use maskline::base::Secret;
use maskline::base::settings::StoreUrl;
use maskline::ledger::{Store, StoreFault};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// An empty database of its own.
pub(crate) struct Database {
    url: StoreUrl,
    /// Removed in the end.
    folder: Option<TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: StoreUrl::Sqlite(folder.path().join("maskline.db")), folder: Some(folder) }
    }

    /// `None` where there is no server, which has to be meant.
    pub(crate) async fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("MASKLINE_TEST_POSTGRES") else {
            let is_meant = std::env::var("MASKLINE_TEST_WITHOUT_POSTGRES").is_ok_and(|value| value == "1");
            assert!(
                is_meant,
                "MASKLINE_TEST_POSTGRES names no server: ./test starts one; MASKLINE_TEST_WITHOUT_POSTGRES=1 does without"
            );
            return None;
        };
        let name = format!("maskline_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&server).await.expect("the server answers");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let (server, _) = server.rsplit_once('/').expect("a URL with a database");
        Some(Self { url: StoreUrl::Postgres(Secret::new(format!("{server}/{name}"))), folder: None })
    }

    /// Makes it what the program of an earlier version left.
    pub(crate) async fn make_version(&self, version: usize) {
        macro_rules! steps {
            ($kind:literal) => {
                [
                    include_str!(concat!("../../src/store/migrations/", $kind, "/1.sql")),
                    include_str!(concat!("../../src/store/migrations/", $kind, "/2.sql")),
                    include_str!(concat!("../../src/store/migrations/", $kind, "/3.sql")),
                ]
            };
        }
        let steps = if self.is_postgres() { steps!("postgres") } else { steps!("sqlite") };
        for step in &steps[..version] {
            self.run(step).await;
        }
        if self.is_postgres() {
            self.run("CREATE TABLE maskline_schema (version BIGINT NOT NULL)").await;
            self.run(&format!("INSERT INTO maskline_schema VALUES ({version})")).await;
        } else {
            self.run(&format!("PRAGMA user_version = {version}")).await;
            if version >= 3 {
                self.run("PRAGMA application_id = 1299409772").await;
            }
        }
    }

    pub(crate) async fn try_open(&self) -> Result<Arc<dyn Store>, StoreFault> {
        maskline::store::open(&self.url).await
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        self.try_open().await.unwrap()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }

    pub(crate) fn postgres_url(&self) -> &str {
        let StoreUrl::Postgres(url) = &self.url else { panic!("a file") };
        url.reveal()
    }

    pub(crate) fn path(&self) -> PathBuf {
        let StoreUrl::Sqlite(path) = &self.url else { panic!("a server") };
        path.clone()
    }

    /// Runs a statement past the store.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        match &self.url {
            StoreUrl::Sqlite(path) => {
                let url = format!("sqlite:{}?mode=rwc", path.display());
                sql.execute(&mut SqliteConnection::connect(&url).await.unwrap()).await.unwrap();
            }
            StoreUrl::Postgres(url) => {
                sql.execute(&mut PgConnection::connect(url.reveal()).await.unwrap()).await.unwrap();
            }
        }
    }

    /// Holds what a statement takes on the server, past the store and until it is dropped.
    pub(crate) async fn hold(&self, sql: &str) -> PgConnection {
        let mut connection = PgConnection::connect(self.postgres_url()).await.unwrap();
        for sql in ["BEGIN", sql] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        }
        connection
    }

    /// Counts rows past the store, as in `calls WHERE ...`.
    pub(crate) async fn count(&self, rows: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {rows}"));
        match &self.url {
            StoreUrl::Sqlite(path) => {
                let url = format!("sqlite:{}", path.display());
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
            StoreUrl::Postgres(url) => {
                let mut connection = PgConnection::connect(url.reveal()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
        }
    }
}
