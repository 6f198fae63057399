//! The thread that talks to the database, so that connections outlive whoever asked first.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::ledger::StoreFault;

/// A future on the heap.
pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A thread with a runtime of its own.
pub(super) struct Thread {
    handle: Handle,
    running: Option<(oneshot::Sender<BoxFuture<'static, ()>>, thread::JoinHandle<()>)>,
}

impl Thread {
    /// Starts it.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<BoxFuture<'static, ()>>();
        let run = move || {
            runtime.block_on(async {
                if let Ok(last) = stopped.await {
                    last.await;
                }
            });
        };
        let thread = thread::Builder::new().name("store".into()).spawn(run)?;
        Ok(Self { handle, running: Some((stop, thread)) })
    }

    /// Does something there, and brings back what came of it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let done = self.handle.spawn(work).await;
        done.unwrap_or_else(|error| Err(StoreFault::Unavailable(format!("its thread has ended: {error}"))))
    }

    /// Has something done there that ends with the thread.
    pub(super) fn start_task(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    /// Does one last thing there, and ends it.
    pub(super) fn stop(&mut self, last: impl Future<Output = ()> + Send + 'static) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(Box::pin(last));
            let _ = thread.join();
        }
    }
}
