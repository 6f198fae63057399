//! What is removed, where the database does not take it at first.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use super::*;
use crate::base::Random;
use crate::base::settings::{Settings, StoreUrl};
use crate::ledger::{Answered, CallRecord, Entry, TurnedAwayInvite};
use crate::route::Index;
use crate::store;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The id of the call, and the key of the request.
const OLD: &str = "old";

const SETTINGS: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
[media]
ports = "20000-20009"
[api]
listen = "127.0.0.1:8080"
[store]
url = "sqlite:maskline.db"
[numbers]
country = "IN"
"#;

/// An upkeep in the second week, and a database with a call and an answer of the first day.
struct Scene {
    upkeep: Upkeep,
    store: Arc<dyn Store>,
    now: Timestamp,
    folder: TempDir,
}

impl Scene {
    async fn start(retention: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("maskline.db"));
        let store = store::open(&url).await.unwrap();
        let record = CallRecord::turned_away(TurnedAwayInvite {
            id: OLD.into(),
            at: 1,
            source: "carrier".into(),
            dialled: None,
            caller: None,
            status: 404,
            cause: 1,
            trace: [].into(),
        });
        store.keep(&[Entry::Ended(Box::new(record))]).await.unwrap();
        let answered = Answered { body: [1; 32], id: OLD.into(), at: Timestamp::from_millis(1) };
        assert!(store.note_answer(OLD, &answered).await.unwrap());

        let index = Index::new(Arc::new(Settings::parse(SETTINGS, Path::new("test.toml")).unwrap()));
        let (book, index) = (Arc::new(Book::new()), Arc::new(index));
        let in_force = Arc::new(move || Arc::clone(&index));
        let sessions = Sessions::new(Arc::clone(&store), Arc::clone(&book), in_force, Random::from_number(1));
        let (health, metrics) = (Health::default(), Arc::default());
        let upkeep = Upkeep::new(Arc::clone(&store), book, Arc::new(sessions), health, metrics, retention);
        Self { upkeep, store, now: Timestamp::default().after(DAY * 10), folder }
    }

    async fn ticks(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.upkeep.tick(self.now).await;
            self.now = self.now.after(TICK);
        }
    }

    async fn rename(&self, table: &str, new: &str) {
        let url = format!("sqlite:{}", self.folder.path().join("maskline.db").display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        let sql = format!("ALTER TABLE {table} RENAME TO {new}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    }

    async fn has_call(&self) -> bool {
        self.store.call(OLD).await.unwrap().is_some()
    }

    async fn has_answer(&self) -> bool {
        self.store.answer_of(OLD).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn what_is_older_than_the_retention_goes_once_an_hour() {
    let mut scene = Scene::start(Some(DAY * 11)).await;
    scene.ticks(PRUNE).await;
    assert!(scene.has_call().await, "it is kept for eleven days");
    scene.now = scene.now.after(DAY);
    scene.ticks(1).await;
    assert!(!scene.has_call().await);
}

#[tokio::test]
async fn answers_go_after_a_week_where_all_else_is_kept() {
    let mut scene = Scene::start(None).await;
    scene.ticks(1).await;
    assert_eq!((scene.has_call().await, scene.has_answer().await), (true, false));
}

/// A database that is away takes nothing; one that answers may fail all the same.
#[tokio::test]
async fn what_could_not_be_removed_is_tried_again_at_the_next_look() {
    for (table, fails) in [("probe", "the database"), ("calls", "the removal")] {
        let mut scene = Scene::start(Some(DAY)).await;
        scene.rename(table, "hidden").await;
        scene.ticks(CHECK).await;
        scene.rename("hidden", table).await;
        assert!(scene.has_call().await, "{fails} fails");
        scene.ticks(1).await;
        assert!(!scene.has_call().await, "{fails} works again: nobody waits for an hour");
    }
}
