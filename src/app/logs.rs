//! Logs on standard error, for people or for machines.
//!
//! Nothing that a party sent is logged: numbers print redacted by their type, and a panic is told by its place and
//! by a text of our own source alone.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::base::settings::{Log, LogFormat, LogLevel};

/// The running log, whose level can be changed.
pub(super) struct Logs {
    filter: Option<Handle<EnvFilter, Registry>>,
}

impl Logs {
    /// Starts logging. Where `RUST_LOG` is set it governs, else the settings do.
    pub(super) fn start(log: &Log) -> Self {
        let (filter, handle) = match EnvFilter::try_from_default_env() {
            Ok(filter) => (reload::Layer::new(filter).0, None),
            Err(_) => {
                let (layer, handle) = reload::Layer::new(filter(log.level));
                (layer, Some(handle))
            }
        };
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match log.format {
            LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
        std::panic::set_hook(Box::new(tell_panic));
        Self { filter: handle }
    }

    /// Another level from now on, unless `RUST_LOG` governs.
    pub(super) fn set(&self, level: LogLevel) {
        if let Some(handle) = &self.filter {
            let _ = handle.reload(filter(level));
        }
    }
}

/// Our own lines from a level on; of the libraries only what is wrong.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,maskline=info",
        LogLevel::Debug => "warn,maskline=debug",
        LogLevel::Trace => "warn,maskline=trace",
    })
}

/// A formatted panic text may hold what a party sent; a literal one can not.
fn tell_panic(info: &std::panic::PanicHookInfo<'_>) {
    let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
    let thread = std::thread::current();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(thread = thread.name().unwrap_or_default(), place, text, "a fault in the program");
}
