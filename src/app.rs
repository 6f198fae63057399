//! Floor 8. The application: a service put together from settings, and the signals that rule its life.

mod answers;
mod calls;
mod capacity;
mod desk;
mod logs;
mod public;
mod service;
mod upkeep;
mod wiring;

pub use service::{Service, StartFault, os_random};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::base::settings::{FileFault, Settings};
use logs::Logs;

/// How long calls may take to end once they are told to.
const HANG_UP: Duration = Duration::from_secs(5);

/// Why the service did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeFault {
    /// The settings file has faults.
    #[error("{}", lines(.0))]
    Settings(Vec<FileFault>),
    /// A part of the service could not be started.
    #[error(transparent)]
    Start(#[from] StartFault),
    /// The system gives no event queue or no signals.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    /// A shard ended by a fault in the program.
    #[error("a shard has failed: please report the log line above")]
    Failed,
    /// Some records could not be written.
    #[error(transparent)]
    Records(#[from] crate::store::KeeperFault),
    /// A second signal came while calls were still up.
    #[error("stopped at once by a second signal")]
    Impatient,
}

fn lines(faults: &[FileFault]) -> String {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Runs the service until a signal ends it.
///
/// # Errors
/// Where it does not start, or does not end as it should.
pub fn serve(path: &Path) -> Result<(), ServeFault> {
    let settings = Settings::load(path).map_err(ServeFault::Settings)?;
    let logs = Logs::start(&settings.log);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeFault::Signals)?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::new().map_err(ServeFault::Signals)?
    };
    let mut service = Service::start(Arc::new(settings))?;
    let end = runtime.block_on(live(&mut service, &mut signals, path, &logs));
    let stopped = service.stop();
    end.and(stopped)
}

/// From ready to drained.
async fn live(
    service: &mut Service,
    signals: &mut Signals,
    path: &Path,
    logs: &Logs,
) -> Result<(), ServeFault> {
    loop {
        tokio::select! {
            wanted = signals.next() => match wanted {
                Wanted::Stop => break,
                Wanted::Reload => reload(service, path, logs),
            },
            () = service.run() => return Err(ServeFault::Failed),
        }
    }
    tokio::select! {
        drained = drain(service) => drained,
        () = signals.stop() => Err(ServeFault::Impatient),
    }
}

/// Lets the running calls end, for as long as the settings say; then ends them.
async fn drain(service: &mut Service) -> Result<(), ServeFault> {
    let patience = service.settings().call.drain;
    service.drain();
    tracing::info!(
        seconds = patience.as_secs(),
        "draining: no new calls, running ones may end by themselves"
    );
    if timeout(patience, service.idle()).await.is_err() {
        tracing::info!("drained long enough: the calls that are left are hung up");
        service.hang_up_all();
        if timeout(HANG_UP, service.idle()).await.is_err() {
            tracing::warn!("some calls did not end in time");
        }
    }
    Ok(())
}

/// Reads the settings file again. A faulty one changes nothing.
fn reload(service: &mut Service, path: &Path, logs: &Logs) {
    match Settings::load(path) {
        Ok(settings) => {
            logs.set(settings.log.level);
            service.reconfigure(Arc::new(settings));
            tracing::info!("the settings were read again and are in force");
        }
        Err(faults) => {
            for fault in faults {
                tracing::error!(%fault, "a fault in the settings file");
            }
            tracing::error!("the settings file was not taken: those that were in force stay");
        }
    }
    service.reopen_records();
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// SIGTERM, or SIGINT from a terminal.
    Stop,
    /// SIGHUP.
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.terminate.recv() => Wanted::Stop,
            _ = self.interrupt.recv() => Wanted::Stop,
            _ = self.hangup.recv() => Wanted::Reload,
        }
    }

    /// Waits for the next order to stop; others are too late.
    async fn stop(&mut self) {
        while self.next().await != Wanted::Stop {}
    }
}
