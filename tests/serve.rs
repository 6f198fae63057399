//! The binary as an operator meets it: `check`, starting, signals, draining.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a step may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every instance lives on loopback addresses of its own, so that the tests can run side by side.
static INSTANCES: AtomicU8 = AtomicU8::new(1);

fn maskline(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maskline"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    maskline(arguments, folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running instance with a trunk on two addresses of this machine, and one mapping that anyone may call.
struct Instance {
    folder: tempfile::TempDir,
    child: Child,
    log: BufReader<ChildStderr>,
    address: Ipv4Addr,
    caller: UdpSocket,
    callee: UdpSocket,
}

fn settings(address: Ipv4Addr, trunk: Ipv4Addr, call: &str) -> String {
    format!(
        r#"
        [sip]
        listen = ["udp:{address}:5060"]
        t1 = "100ms"
        [media]
        ports = "20000-20019"
        [api]
        listen = "{address}:8080"
        [numbers]
        country = "IN"
        owned = ["+918045550101"]
        [call]
        {call}
        [[trunks]]
        name = "carrier"
        sources = ["{trunk}/32"]
        target = "sip:{trunk}:5070;transport=udp"
        [[mappings]]
        dialled = "+918045550101"
        destination = "+919876500002"
        show = "+918045550101"
        "#
    )
}

impl Instance {
    fn start(call: &str) -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let place = INSTANCES.fetch_add(2, Ordering::Relaxed);
        let (address, trunk) =
            (Ipv4Addr::new(127, high, low, place), Ipv4Addr::new(127, high, low, place + 1));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), settings(address, trunk, call)).unwrap();
        let socket = |port| {
            let socket = UdpSocket::bind((trunk, port)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let (caller, callee) = (socket(5060), socket(5070));
        let mut child = maskline(&[], folder.path()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut instance = Self { folder, child, log, address, caller, callee };
        instance.await_log(": ready");
        instance
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// Reads the log up to a line with this text, and gives that line.
    fn await_log(&mut self, wanted: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no line says {wanted:?}: {seen}");
            if line.contains(wanted) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < give_up, "it does not end");
            std::thread::yield_now();
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect((self.address, 8080)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A request of the caller's trunk.
    fn request(&self, method: &str, branch: &str) {
        let Self { address, caller, .. } = self;
        let from = caller.local_addr().unwrap();
        let message = format!(
            "{method} sip:+918045550101@{address} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{branch}\r\n\
             From: <sip:+919876500001@{from}>;tag=a\r\nTo: <sip:+918045550101@{address}>\r\nCall-ID: {branch}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:{from}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        caller.send_to(message.as_bytes(), (*address, 5060)).unwrap();
    }

    /// Places a call and has the callee ring.
    fn ring(&self) {
        self.request("INVITE", "call");
        let (invite, from) = receive(&self.callee, "INVITE ");
        self.respond(&invite, "180 Ringing", from);
        receive(&self.caller, "SIP/2.0 180");
    }

    /// The callee's answer to a request of ours.
    fn respond(&self, request: &str, status: &str, to: SocketAddr) {
        let repeated = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let lines = request.lines().filter(|line| repeated.iter().any(|name| line.starts_with(name)));
        let lines: String =
            lines
                .map(|line| {
                    if line.starts_with("To:") { format!("{line};tag=b\r\n") } else { format!("{line}\r\n") }
                })
                .collect();
        let contact = self.callee.local_addr().unwrap();
        let message =
            format!("SIP/2.0 {status}\r\n{lines}Contact: <sip:{contact}>\r\nContent-Length: 0\r\n\r\n");
        self.callee.send_to(message.as_bytes(), to).unwrap();
    }

    /// What the callee does when its phone stops ringing.
    fn accept_cancel(&self) {
        let (cancel, from) = receive(&self.callee, "CANCEL ");
        self.respond(&cancel, "200 OK", from);
        self.respond(&cancel.replace("1 CANCEL", "1 INVITE"), "487 Request Terminated", from);
        receive(&self.callee, "ACK ");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads up to a message that starts like this.
fn receive(socket: &UdpSocket, start: &str) -> (String, SocketAddr) {
    loop {
        let mut buffer = [0; 4096];
        let (length, from) =
            socket.recv_from(&mut buffer).unwrap_or_else(|error| panic!("no {start}: {error}"));
        let message = text(&buffer[..length]);
        if message.starts_with(start) {
            return (message, from);
        }
    }
}

#[test]
fn the_shipped_settings_are_without_fault() {
    let checked = run(&["check"], Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(checked.status.success(), "{}", text(&checked.stdout));
}

#[test]
fn check_tells_each_fault_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[sip]\nlisten = [\"udp:nowhere\"]\nspeed = 3\n").unwrap();
    let checked = run(&["check", "--config", "bad.toml"], folder.path());
    assert_eq!(checked.status.code(), Some(1));
    let told = text(&checked.stdout);
    assert!(told.contains("bad.toml:2: sip.listen") && told.contains("bad.toml:3: sip.speed"), "{told}");
    let started = run(&["serve", "--config", "bad.toml"], folder.path());
    assert_eq!(started.status.code(), Some(1));
    assert!(text(&started.stderr).contains("bad.toml:2: sip.listen"), "the same faults stop a start");
}

#[test]
fn without_a_settings_file_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["serve"]] {
        let started = run(arguments, folder.path());
        assert_eq!(started.status.code(), Some(1));
        assert!(text(&started.stderr).contains("no settings file at config.toml"));
    }
}

#[test]
fn a_port_in_use_is_named() {
    let running = Instance::start("");
    let started = run(&["serve"], running.folder.path());
    assert_eq!(started.status.code(), Some(1));
    let told = text(&started.stderr);
    assert!(told.contains(&format!("cannot listen on udp:{}:5060", running.address)), "{told}");
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let mut instance = Instance::start("");
    instance.request("OPTIONS", "1");
    receive(&instance.caller, "SIP/2.0 200 OK");
    assert!(instance.get("/readyz").starts_with("HTTP/1.1 200"));
    instance.signal(Signal::TERM);
    assert_eq!(instance.wait().code(), Some(0));
}

#[test]
fn a_faulty_file_leaves_the_settings_in_force() {
    let mut instance = Instance::start("");
    std::fs::write(instance.config(), "[sip]\nlisten = 5\n").unwrap();
    instance.signal(Signal::HUP);
    instance.await_log("config.toml:2: sip.listen");
    instance.await_log("those that were in force stay");
    instance.request("OPTIONS", "1");
    receive(&instance.caller, "SIP/2.0 200 OK");
}

#[test]
fn a_changed_file_is_in_force_at_once() {
    let mut instance = Instance::start("");
    let trunk = Ipv4Addr::new(127, 255, 255, 1);
    std::fs::write(instance.config(), settings(instance.address, trunk, "")).unwrap();
    instance.signal(Signal::HUP);
    instance.await_log("read again");
    instance.request("OPTIONS", "1");
    instance.caller.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(instance.caller.recv_from(&mut [0; 64]).is_err(), "it is no trunk any more");
}

#[test]
fn draining_takes_no_new_calls_and_lets_the_running_ones_end() {
    let mut instance = Instance::start("");
    instance.ring();
    instance.signal(Signal::TERM);
    instance.await_log("draining");
    assert!(instance.get("/readyz").starts_with("HTTP/1.1 503"));
    assert!(instance.get("/healthz").starts_with("HTTP/1.1 200"));
    instance.request("INVITE", "second");
    receive(&instance.caller, "SIP/2.0 503");
    instance.request("CANCEL", "call");
    instance.accept_cancel();
    assert_eq!(instance.wait().code(), Some(0));
    let records = std::fs::read_to_string(instance.folder.path().join("records.jsonl")).unwrap();
    assert!(records.contains("\"cancelled\""), "{records}");
}

#[test]
fn calls_that_outlast_the_draining_are_ended() {
    let mut instance = Instance::start("drain = \"100ms\"");
    instance.ring();
    instance.signal(Signal::INT);
    instance.accept_cancel();
    let (refused, _) = receive(&instance.caller, "SIP/2.0 4");
    assert!(refused.starts_with("SIP/2.0 480"), "{refused}");
    instance.request("ACK", "call");
    assert_eq!(instance.wait().code(), Some(0));
    let records = std::fs::read_to_string(instance.folder.path().join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 1, "{records}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut instance = Instance::start("");
    instance.ring();
    instance.signal(Signal::TERM);
    instance.await_log("draining");
    instance.signal(Signal::TERM);
    assert_eq!(instance.wait().code(), Some(1));
}
