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

/// Whatever version it says it is, not a byte of it changes.
#[tokio::test]
async fn another_program_s_file_is_not_written_to() {
    for version in [0, 1, 2, 3, 4, 1000] {
        let database = Database::sqlite();
        database.run("CREATE TABLE sessions (theirs TEXT); INSERT INTO sessions VALUES ('precious')").await;
        database.run("CREATE TABLE answers (theirs TEXT)").await;
        database.run(&format!("PRAGMA user_version = {version}; PRAGMA application_id = 0")).await;
        let before = std::fs::read(database.path()).unwrap();
        let fault = database.try_open().await.unwrap_err();
        assert!(matches!(&fault, StoreFault::Unreadable(why) if why.contains("another program")), "{fault}");
        assert!(std::fs::read(database.path()).unwrap() == before, "version {version}");
    }
    let database = Database::sqlite();
    database
        .run("CREATE TABLE theirs (a); PRAGMA user_version = 1000; PRAGMA application_id = 1299409772")
        .await;
    let before = std::fs::read(database.path()).unwrap();
    let fault = database.try_open().await.unwrap_err();
    assert!(fault.to_string().contains("start the newer program"), "{fault}");
    assert!(std::fs::read(database.path()).unwrap() == before, "nor is a newer one");
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

/// Writes that come together are committed together, and one that fails takes no other along.
#[tokio::test]
async fn a_write_that_fails_fails_alone() {
    let database = Database::sqlite();
    let store = database.open().await;
    let faulty = "CREATE TRIGGER faulty BEFORE UPDATE ON probe BEGIN SELECT RAISE(FAIL, 'it is broken'); END";
    database.run(faulty).await;
    // While it is held by another, writes gather into one batch.
    let mut other =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", database.path().display())).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let write = |count: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            if count % 3 == 1 {
                return store.check().await;
            }
            create(&*store, &session((count, count), (None, 100 + count))).await;
            Ok(())
        })
    };
    let writes: Vec<_> = (0..9).map(write).collect();
    tokio::task::yield_now().await;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    for (count, write) in writes.into_iter().enumerate() {
        let done = write.await.unwrap();
        assert_eq!(done.is_err(), count % 3 == 1, "{done:?}");
        assert!(done.is_ok() || done.unwrap_err().to_string().contains("it is broken"));
    }
    assert_eq!(database.count("sessions").await, 6);
}

/// What cannot be written is told to all who wait, with the reason and at once.
#[tokio::test]
async fn a_file_that_is_full_is_reported_to_all() {
    let database = Database::sqlite();
    let store = database.open().await;
    database
        .run("CREATE TRIGGER full BEFORE UPDATE ON probe BEGIN SELECT RAISE(ROLLBACK, 'it is full'); END")
        .await;
    let mut other =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", database.path().display())).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let first = session((1, 1), (None, 2));
    let second = session((3, 3), (None, 4));
    let end = async {
        tokio::task::yield_now().await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (_, before, failing, after, ()) = tokio::join!(
        store.create_session(crate::make::new(&session((5, 5), (None, 6)))),
        store.create_session(crate::make::new(&first)),
        store.check(),
        store.create_session(crate::make::new(&second)),
        end
    );
    for (fault, id) in [(before.err(), Some(first.id)), (failing.err(), None), (after.err(), Some(second.id))]
    {
        if let Some(fault) = &fault {
            assert!(fault.to_string().contains("it is full"), "{fault}");
        }
        // It is kept where it was said to be, and nowhere else.
        let Some(id) = id else { continue };
        assert_eq!(store.session(id).await.unwrap().is_none(), fault.is_some());
    }
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
