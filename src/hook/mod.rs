//! Floor 7. Callbacks: events are POSTed to the operator's web services, signed, each at least once, and those of one
//! call or session in order.
//!
//! The store keeps a callback together with its event, so that what waits outlives the process; a thread takes from
//! there what is due, sends it, and notes what came of it. Calls never wait for it.
//!
//! What calls do wait for, the answer of a web service that says what becomes of them, is [`answer`].

pub mod answer;
mod backoff;
mod chores;
mod client;
mod fault;
mod guard;
mod pace;
pub mod prompt;
mod sign;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;

use crate::base::settings::Webhooks;
use crate::base::{Metrics, Random};
use crate::ledger::Store;
use chores::Chores;
use worker::Worker;

pub use fault::SendFault;
pub use sign::signature;

/// How long the last count of what waits may take.
const LAST_COUNT: Duration = Duration::from_secs(2);

/// The thread that sends callbacks.
#[derive(Debug)]
pub struct Callbacks {
    store: Arc<dyn Store>,
    settings: watch::Sender<Webhooks>,
    wake: Arc<Notify>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Callbacks {
    /// Starts it, and has the store keep a callback of every event for the settings' status URL from now on: events are
    /// to be kept after this only.
    ///
    /// # Errors
    /// Where the system gives no thread or descriptor, or there is no TLS.
    pub fn start(
        store: Arc<dyn Store>,
        settings: &Webhooks,
        metrics: Arc<Metrics>,
        random: Random,
    ) -> io::Result<Self> {
        store.call_back_at(settings.status_url.as_deref());
        let (sender, settings) = watch::channel(settings.clone());
        let (wake, (stop, stopped)) = (Arc::new(Notify::new()), oneshot::channel());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let chores = Chores::new(Arc::clone(&store), Arc::clone(&metrics));
        let worker = Worker::new(Arc::clone(&store), settings, metrics, random, Arc::clone(&wake))?;
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = worker.run(stopped) => {}
                    () = chores.run() => {}
                }
                let _ = timeout(LAST_COUNT, chores.count()).await;
            });
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("callbacks".into()).spawn(run)?;
        Ok(Self { store, settings: sender, wake, stop, thread })
    }

    /// Puts other settings in force.
    pub fn reconfigure(&self, settings: &Webhooks) {
        self.store.call_back_at(settings.status_url.as_deref());
        self.settings.send_replace(settings.clone());
        self.wake.notify_one();
    }

    /// Something to call when an event has been kept, so that its callbacks leave at once, and not within a second.
    pub fn waker(&self) -> impl Fn() + Send + Sync + Clone + use<> {
        let wake = Arc::clone(&self.wake);
        move || wake.notify_one()
    }

    /// Sends what is due once more, waits for the answers no longer than they may take, and ends the thread. What is
    /// not delivered then is sent after the next start.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
