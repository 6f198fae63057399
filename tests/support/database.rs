//! A database of one's own on the PostgreSQL server of the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime::{Builder, Runtime};

/// What a test waits for the database with.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("the system gives an event queue")
}

/// The URL of an empty database; the server is at `localhost` in it, since addresses of 127.0.0.x are moved.
pub(crate) fn make_postgres() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("MASKLINE_TEST_POSTGRES").expect("it names a server: ./test starts one");
    let name = format!("maskline_service_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    runtime().block_on(async {
        let mut admin = PgConnection::connect(&server).await.expect("the server answers");
        let create = sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")));
        create.execute(&mut admin).await.expect("a database can be made");
    });
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{}/{name}", server.replace("127.0.0.1", "localhost"))
}
