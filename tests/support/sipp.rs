//! sipp, the SIP traffic generator, as caller and as callee.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::instance::wait;

/// How sipp's messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Udp,
    Tcp,
}

/// One run of one scenario file.
pub(crate) struct Sipp {
    child: Child,
    name: String,
    files: PathBuf,
}

impl Sipp {
    /// Starts the callee of a scenario at `local` and waits until it listens.
    pub(crate) fn callee(folder: &Path, scenario: &str, wire: Wire, local: SocketAddr) -> Self {
        let sipp = Self::start(folder, &format!("{scenario}.callee"), wire, local, None);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_open(wire, local) {
            assert!(Instant::now() < deadline, "sipp does not listen on {local}:\n{}", sipp.faults());
            sleep(Duration::from_millis(10));
        }
        sipp
    }

    /// Starts the caller of a scenario at `local`, calling through the switch at `switch`.
    pub(crate) fn caller(
        folder: &Path,
        scenario: &str,
        wire: Wire,
        local: SocketAddr,
        switch: SocketAddr,
    ) -> Self {
        Self::start(folder, &format!("{scenario}.caller"), wire, local, Some(switch))
    }

    fn start(folder: &Path, name: &str, wire: Wire, local: SocketAddr, remote: Option<SocketAddr>) -> Self {
        let files = folder.join(name);
        let file = |ending: &str| files.with_added_extension(ending);
        let screen = File::create(file("screen")).expect("the temporary folder can be written");
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sip-scenarios/{name}.xml"));
        let address = local.ip().to_string();
        let mut command = Command::new("sipp");
        command.args(remote.map(|remote| remote.to_string()));
        command.arg("-sf").arg(scenario).args(["-m", "1", "-nostdin", "-bind_local"]);
        command.args(["-i", &address, "-mi", &address, "-p", &local.port().to_string()]);
        command.args(["-t", if wire == Wire::Udp { "u1" } else { "t1" }]);
        command.arg("-trace_msg").arg("-message_file").arg(file("messages"));
        command.arg("-trace_err").arg("-error_file").arg(file("errors"));
        command.current_dir(folder).stdin(Stdio::null());
        command.stdout(screen.try_clone().expect("a descriptor is left")).stderr(screen);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("sipp does not start ({error}): ./test installs it, or `apt-get install sip-tester`")
        });
        Self { child, name: name.to_owned(), files }
    }

    /// What this run found wrong, as sipp tells it.
    fn faults(&self) -> String {
        let errors = fs::read_to_string(self.files.with_added_extension("errors")).unwrap_or_default();
        format!("{}\n{}", errors, self.transcript())
    }

    /// Every message that it sent and received.
    pub(crate) fn transcript(&self) -> String {
        let file = fs::read(self.files.with_added_extension("messages")).unwrap_or_default();
        String::from_utf8_lossy(&file).into_owned()
    }

    /// The messages that came from the switch.
    pub(crate) fn received(&self) -> Vec<String> {
        let transcript = self.transcript();
        let blocks = transcript.split("-----------------------------------------------");
        blocks.filter(|block| block.contains("message received [")).map(str::to_owned).collect()
    }

    /// Waits for the end of the scenario; fails the test where it was not followed to its end.
    pub(crate) fn finish(&mut self, at_most: Duration) {
        let Some(status) = wait(&mut self.child, at_most) else {
            panic!("{}: not over after {at_most:?}\n{}", self.name, self.faults());
        };
        assert!(status.success(), "{}: {status}\n{}", self.name, self.faults());
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether some process has this IPv4 address open; asked of the kernel, since trying to bind it would be in the way.
fn is_open(wire: Wire, address: SocketAddr) -> bool {
    let IpAddr::V4(ip) = address.ip() else { panic!("callees are at IPv4 addresses") };
    let table = if wire == Wire::Udp { "/proc/net/udp" } else { "/proc/net/tcp" };
    let entry = format!(" {:08X}:{:04X} ", u32::from_le_bytes(ip.octets()), address.port());
    fs::read_to_string(table).expect("Linux lists its sockets").contains(&entry)
}
