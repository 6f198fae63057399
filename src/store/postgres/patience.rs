//! How long the server is waited for. One that is gone without a word must hold up nobody for long, and a connection
//! that it has forgotten is thrown away.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{Connection as _, Postgres as Db, Transaction};
use tokio::time::timeout;

use crate::ledger::StoreFault;

/// How long a connection may be waited for.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How long a read or a write may take: a little longer than the server gives to each of its statements, so that it is
/// the server that says so.
pub(super) const ANSWER: Duration = Duration::from_secs(9);
/// How long it may take to read through all that there is.
pub(super) const SCAN: Duration = Duration::from_secs(600);
/// How long a connection that was left alone may take to say that it is there.
const PING: Duration = Duration::from_secs(1);
/// The server's own bounds: it ends a statement that takes too long, and a transaction whose client has gone away in
/// the midst of it, which would hold its locks against every other node.
const BOUNDS: &str = "SET statement_timeout = '8s'; SET idle_in_transaction_session_timeout = '30s'";

/// Connections that are bounded. Each is asked whether it is there before it is used, and afterwards.
pub(super) fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(BOUNDS).execute(connection).await.map(drop) })
        })
        .before_acquire(|connection, _| Box::pin(answers(connection)))
        .after_release(|connection, _| Box::pin(answers(connection)))
}

/// An error where it does not: whoever asked throws the connection away then.
async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(PING, connection.ping()).await.map_err(late)??;
    Ok(true)
}

/// Waits for something for so long.
pub(super) async fn within<T>(
    bound: Duration,
    work: impl Future<Output = Result<T, StoreFault>>,
) -> Result<T, StoreFault> {
    let late = |_| StoreFault::Unavailable("the server does not answer in time".to_owned());
    timeout(bound, work).await.map_err(late)?
}

/// A transaction that may take long, with statements that may; it is for reading, and undone when it is dropped.
pub(super) async fn unhurried(connection: &mut PgConnection) -> Result<Transaction<'_, Db>, StoreFault> {
    let begin = async {
        let mut unhurried = connection.begin().await?;
        sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *unhurried).await?;
        Ok(unhurried)
    };
    within(ANSWER, begin).await
}
