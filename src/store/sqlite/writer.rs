//! The one connection that writes. What comes while it is busy is committed together; a write that fails is undone by
//! itself, and those beside it are kept where the database still takes them.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use tokio::sync::{mpsc, oneshot};

use super::Connection;
use crate::ledger::StoreFault;
use crate::store::thread::BoxFuture;

/// Writes that are committed together at most.
const BATCH: usize = 256;
/// Writes that may wait before whoever brings more waits too.
const QUEUE: usize = 4096;

/// Says what became of a write, once it is known whether it was committed.
type Reply = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// A write, on a connection, or where there is none with the reason why. What stands before its reply is why the
/// database failed in it.
type Job = Box<
    dyn for<'c> FnOnce(Result<&'c mut Connection, String>) -> BoxFuture<'c, (Option<String>, Reply)> + Send,
>;

/// Hands in writes.
#[derive(Default)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Writer {
    /// Starts the task that writes, on this thread's runtime.
    #[expect(clippy::disallowed_methods, reason = "the edge: the store's own task")]
    pub(super) fn start(options: SqliteConnectOptions, connection: Connection) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let mut output = Output { options, connection: Some(connection) };
        tokio::spawn(async move {
            output.run(queue).await;
            let _ = end.send(());
        });
        Self { jobs: Some(jobs), ended: Some(ended) }
    }

    /// Writes something, and waits until it is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let ended = || StoreFault::Unavailable("it is closed".to_owned());
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            Box::pin(async move {
                let done = match connection {
                    Ok(connection) => work(connection).await,
                    Err(why) => Err(StoreFault::Unavailable(why)),
                };
                let failed = match &done {
                    Err(StoreFault::Unavailable(why)) => Some(why.clone()),
                    _ => None,
                };
                let reply: Reply = Box::new(move |committed| {
                    let failed = |why: &str| StoreFault::Unavailable(why.to_owned());
                    let _ = tell.send(done.and_then(|value| committed.map(|()| value).map_err(failed)));
                });
                (failed, reply)
            })
        });
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).await.map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }

    /// Leaves nothing behind in its place.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Waits until all that was handed in is written, and the file is closed.
    pub(super) async fn end(mut self) {
        drop(self.jobs.take());
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

/// The connection, opened anew after it has failed.
struct Output {
    options: SqliteConnectOptions,
    connection: Option<Connection>,
}

impl Output {
    async fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut jobs = batch.drain(..);
            while jobs.len() > 0 {
                let mut replies = Vec::with_capacity(jobs.len());
                let committed = self.commit(&mut jobs, &mut replies).await;
                if let Err(why) = &committed {
                    // What an error has left of the transaction is not known: SQLite may have ended it by itself. And
                    // what fails at once for one fails so for all: nobody waits for the others to find that out.
                    self.connection = None;
                    for job in jobs.by_ref() {
                        replies.push(job(Err(why.clone())).await.1);
                    }
                }
                let why = committed.as_ref().err().map(String::as_str);
                for reply in replies {
                    reply(why.map_or(Ok(()), Err));
                }
            }
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }

    /// Commits writes up to the first that fails; those after it are for another transaction.
    async fn commit(
        &mut self,
        jobs: &mut impl Iterator<Item = Job>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), String> {
        let why = |error: sqlx::Error| error.to_string();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await.map_err(why)?),
        };
        let mut whole = connection.begin_with("BEGIN IMMEDIATE").await.map_err(why)?;
        for job in jobs {
            let (failed, reply) = job(Ok(&mut whole)).await;
            replies.push(reply);
            if let Some(failed) = failed {
                // Where the failure has undone the others as well, SQLite says so here.
                let beside = |_| format!("a write beside this one failed: {failed}");
                return whole.commit().await.map_err(beside);
            }
        }
        whole.commit().await.map_err(why)
    }
}
