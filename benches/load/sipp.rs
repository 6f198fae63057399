//! sipp as the caller and the callee of many calls.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::instance::{Instance, wait};

/// The side that answers every call.
pub(crate) struct Callee(Child);

impl Callee {
    /// Starts at the address of the trunk `callee`.
    pub(crate) fn start(instance: &Instance) -> Self {
        let callee =
            Self(command(instance, "callee", instance.subnet.at(3)).spawn().expect("sipp is installed"));
        sleep(Duration::from_millis(500));
        callee
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Calls to place.
pub(crate) struct Load {
    /// How many a second.
    pub(crate) rate: u32,
    /// How many in all.
    pub(crate) calls: u32,
    /// How long each lasts once it is answered.
    pub(crate) lasting: Duration,
}

impl Load {
    /// Places them all, and waits for their end.
    pub(crate) fn run(&self, instance: &Instance) -> Outcome {
        self.start(instance).finish()
    }

    /// Begins to place them.
    pub(crate) fn start(&self, instance: &Instance) -> Running {
        let statistics = instance.folder().join(format!("{}-at-{}.csv", self.calls, self.rate));
        let mut command = command(instance, "caller", instance.subnet.at(2));
        command.args(["-r", &self.rate.to_string(), "-m", &self.calls.to_string(), "-l", "1000000"]);
        command.args(["-d", &self.lasting.as_millis().to_string()]);
        command.args(["-trace_stat", "-fd", "1", "-stf"]).arg(&statistics);
        command.arg(instance.subnet.switch().to_string());
        let child = command.spawn().expect("sipp is installed");
        let longest = Duration::from_secs(u64::from(self.calls / self.rate) * 3 + 120) + self.lasting;
        Running { child, statistics, longest }
    }
}

/// Calls being placed.
pub(crate) struct Running {
    child: Child,
    statistics: PathBuf,
    longest: Duration,
}

impl Running {
    /// Waits for the end of all calls.
    pub(crate) fn finish(&mut self) -> Outcome {
        if wait(&mut self.child, self.longest).is_none() {
            let _ = self.child.kill();
        }
        Outcome::read(&self.statistics)
    }
}

/// How the calls went, as the caller saw them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    succeeded: u32,
    failed: u32,
    retransmissions: u32,
}

impl Outcome {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("sipp writes its statistics");
        let names = text.lines().next().expect("the first line names the columns").split(';');
        let last: Vec<&str> = text.lines().next_back().expect("a line each second").split(';').collect();
        let names: Vec<&str> = names.collect();
        let count = |name: &str| {
            let column = names.iter().position(|other| *other == name).expect("sipp has this column");
            last[column].parse().expect("a count")
        };
        Self {
            succeeded: count("SuccessfulCall(C)"),
            failed: count("FailedCall(C)"),
            retransmissions: count("Retransmissions(C)"),
        }
    }

    /// Whether all `calls` succeeded, and none of their messages was sent twice.
    pub(crate) fn is_clean(self, calls: u32) -> bool {
        self.succeeded == calls && self.failed == 0 && self.retransmissions == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { succeeded, failed, retransmissions } = self;
        write!(f, "{succeeded} succeeded, {failed} failed, {retransmissions} retransmissions")
    }
}

fn command(instance: &Instance, side: &str, at: SocketAddr) -> Command {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/load/load.{side}.xml"));
    let address = at.ip().to_string();
    let mut command = Command::new("sipp");
    command.arg("-sf").arg(scenario).args(["-nostdin", "-bind_local", "-buff_size", "4000000"]);
    command.args(["-i", &address, "-mi", &address, "-p", &at.port().to_string()]);
    command.current_dir(instance.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
