use maskline::ledger::{SessionFilter, StoreFault};

use sqlx::Connection;

use crate::database::Database;
use crate::make::{create, page, session};

pub(crate) async fn a_newer_database_is_refused(database: Database) {
    drop(database.open().await);
    let newer = if database.is_postgres() {
        "UPDATE maskline_schema SET version = 1000"
    } else {
        "PRAGMA user_version = 1000"
    };
    database.run(newer).await;
    let fault = database.try_open().await.unwrap_err();
    assert!(matches!(&fault, StoreFault::Unreadable(why) if why.contains("version 1000")), "{fault}");
    assert!(fault.to_string().contains("start the newer program"), "{fault}");
}

pub(crate) async fn another_program_s_database_is_left_alone(database: Database) {
    database.run("CREATE TABLE sessions (theirs TEXT)").await;
    database.run("INSERT INTO sessions VALUES ('precious')").await;
    database.try_open().await.unwrap_err();
    assert_eq!(database.count("sessions WHERE theirs = 'precious'").await, 1);
}

pub(crate) async fn it_is_there_when_it_is_opened_again(database: Database) {
    let kept = session((1, 1), (Some(2), 2));
    {
        let store = database.open().await;
        create(&*store, &kept).await;
    }
    let (one, other) = (database.open().await, database.open().await);
    assert_eq!(one.session(kept.id).await.unwrap(), Some(kept.clone()));
    let second = session((3, 3), (Some(4), 4));
    create(&*other, &second).await;
    assert_eq!(one.sessions(&SessionFilter::default(), &page(9)).await.unwrap(), [second, kept]);
}

pub(crate) async fn it_says_whether_it_takes_writes(database: Database) {
    let store = database.open().await;
    store.check().await.unwrap();
    database.run("ALTER TABLE probe RENAME TO elsewhere").await;
    let fault = store.check().await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    database.run("ALTER TABLE elsewhere RENAME TO probe").await;
    store.check().await.unwrap();
}

/// Another process holds the file for as long as it likes: writes fail, reads go on, and nothing is half-made.
#[tokio::test]
async fn a_file_that_another_holds_is_unavailable() {
    let database = Database::sqlite();
    let store = database.open().await;
    let kept = session((1, 1), (Some(2), 2));
    create(&*store, &kept).await;
    let url = format!("sqlite:{}", database.path().display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let more = session((3, 3), (Some(4), 4));
    let fault = store.create_session(crate::make::new(&more)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    assert_eq!(store.session(kept.id).await.unwrap(), Some(kept));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(store.session(more.id).await.unwrap(), None);
    create(&*store, &more).await;
}

#[tokio::test]
async fn the_file_is_its_owner_s_only() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::sqlite();
    let store = database.open().await;
    create(&*store, &session((1, 1), (Some(2), 2))).await;
    for entry in std::fs::read_dir(database.path().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_url_is_never_repeated() {
    let url = maskline::base::Secret::new("postgres://u:hush@127.0.0.1:notaport/db".to_owned());
    let fault = maskline::store::Postgres::open(&url).await.unwrap_err();
    assert!(!fault.to_string().contains("hush"), "{fault}");
    let away = maskline::base::Secret::new("postgres://u:hush@127.0.0.1:1/db".to_owned());
    let fault = maskline::store::Postgres::open(&away).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)) && !fault.to_string().contains("hush"), "{fault}");
}
