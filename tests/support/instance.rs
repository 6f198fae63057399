//! The real binary, running for one test in a folder and on addresses of its own.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::api::Api;
use super::numbers::Numbers;
use super::subnet::Subnet;

/// A running `maskline serve` that logs all there is; killed when dropped, its folder printed if the test fails. Where
/// the test does not fail before, no telephone number may have come into the log, into an answer of the API, or into
/// a record but where it belongs.
pub(crate) struct Instance {
    child: Child,
    level: &'static str,
    folder: Option<TempDir>,
    numbers: Numbers,
    /// Its addresses, and those of its peers.
    pub(crate) subnet: Subnet,
}

impl Instance {
    /// Starts the switch with these settings, written for 127.0.0.x and moved to a subnet, and waits for `/readyz`.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_logging(settings, "trace")
    }

    /// The same, for a test whose load would fill the disk with a log of everything.
    pub(crate) fn start_logging(settings: &str, level: &'static str) -> Self {
        let subnet = Subnet::new();
        let folder = TempDir::with_prefix("maskline-test-").expect("a temporary folder can be made");
        fs::write(folder.path().join("config.toml"), subnet.rewrite(settings))
            .expect("the temporary folder can be written");
        let child = launch(folder.path(), level);
        let numbers = Numbers::of(settings);
        let mut instance = Self { child, level, folder: Some(folder), numbers, subnet };
        instance.wait_until_ready();
        instance
    }

    /// Ends it by SIGKILL, at whatever it is doing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the switch is still running");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts it again where it was, after it was killed.
    pub(crate) fn start_again(&mut self) {
        self.child = launch(self.folder(), self.level);
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while !self.answers("/readyz") {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                panic!("the switch ended at its start with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "the switch is not ready after 15 s:\n{}", self.log());
            sleep(Duration::from_millis(1));
        }
    }

    /// Whether a GET of this path on the API address is answered with 200; a number in the answer fails the test.
    pub(crate) fn answers(&self, path: &str) -> bool {
        let get = || {
            let mut stream = TcpStream::connect((self.subnet.host(1), self.subnet.api))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = get().unwrap_or_default();
        assert_eq!(self.numbers.find(&answer), None, "a telephone number in an answer of the API");
        answer.starts_with("HTTP/1.1 200")
    }

    /// Its API, asked with the token that it has made.
    pub(crate) fn api(&self) -> Api {
        Api::of(self.folder(), (self.subnet.host(1), self.subnet.api))
    }

    /// The folder of its settings, records and log, in which the test may write too.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("taken only when dropped").path()
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).expect("the log was made at the start")
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The call records written so far.
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder().join("records.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a record is one line of JSON")).collect()
    }

    /// The call records, once there are `count` of them.
    pub(crate) fn wait_for_records(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let records = self.records();
            if records.len() >= count || Instant::now() > deadline {
                assert_eq!(records.len(), count, "call records: {records:#?}\n{}", self.log());
                return records;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, which it does at once where no call is left, and gives back its log.
    pub(crate) fn stop(mut self) -> String {
        kill_process(self.pid(), Signal::TERM).expect("the switch is still running");
        let status = wait(&mut self.child, Duration::from_secs(10))
            .unwrap_or_else(|| panic!("SIGTERM did not end the switch within 10 s:\n{}", self.log()));
        let log = self.log();
        assert!(status.success(), "the switch ended with {status}:\n{log}");
        log
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let log = self.log();
            assert!(log.contains(" INFO maskline"), "it keeps a log");
            assert_eq!(self.numbers.find(&log), None, "a telephone number in the log");
            self.records().iter().for_each(|record| self.numbers.check_record(record));
        }
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            let kept: PathBuf = folder.keep();
            eprintln!("kept for a look: {}", kept.display());
        }
    }
}

/// Starts the binary in a folder; what it prints goes to the end of `log`.
fn launch(folder: &Path, level: &str) -> Child {
    let log = OpenOptions::new().append(true).create(true).open(folder.join("log"));
    let log = log.expect("the temporary folder can be written");
    Command::new(env!("CARGO_BIN_EXE_maskline"))
        .arg("serve")
        .arg("--config")
        .arg(folder.join("config.toml"))
        .env("RUST_LOG", level)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a descriptor is left"))
        .stderr(log)
        .spawn()
        .expect("the binary under test starts")
}

/// Waits for a child, at most so long.
pub(crate) fn wait(child: &mut Child, at_most: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        sleep(Duration::from_millis(10));
    }
}
