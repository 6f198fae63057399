//! A running instance as its operator meets it, with a caller and a callee beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::agent::{Agent, header, of_invite};
use crate::support::instance::wait;
use crate::support::subnet::Subnet;

/// How long a step may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Who calls, and which number.
const CALLER: &str = "+919876500001";
const DIALLED: &str = "+918045550101";

pub(crate) const MASKLINE: &str = env!("CARGO_BIN_EXE_maskline");

pub(crate) fn command(program: &str, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG");
    command
}

/// What a process prints, line by line, as it does.
fn lines(printed: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        BufReader::new(printed).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
    });
    lines
}

/// A running instance, and the parties around it.
pub(crate) struct Instance {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) subnet: Subnet,
    pub(crate) child: Child,
    log: Receiver<String>,
    pub(crate) caller: Agent,
    pub(crate) callee: Agent,
}

impl Instance {
    pub(crate) fn start(settings: &str) -> Self {
        let mut instance = Self::launch(settings, MASKLINE, &[]);
        instance.await_log(": ready");
        instance
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn launch(settings: &str, program: &str, arguments: &[&str]) -> Self {
        let subnet = Subnet::new();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), subnet.rewrite(settings)).unwrap();
        let (caller, callee) = (Agent::bind(subnet.at(2)), Agent::bind(subnet.at(3)));
        let mut command = command(program, arguments, folder.path());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        Self { folder, subnet, child, log, caller, callee }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// Has other settings read.
    pub(crate) fn reload(&self, settings: &str) {
        std::fs::write(self.config(), self.subnet.rewrite(settings)).unwrap();
        self.signal(Signal::HUP);
    }

    /// Reads the log up to a line with this text, and gives that line.
    pub(crate) fn await_log(&mut self, wanted: &str) -> String {
        let (mut seen, until) = (String::new(), Instant::now() + PATIENCE);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no line says {wanted:?}: {seen}"));
            if line.contains(wanted) {
                return line;
            }
            seen += &format!("{line}\n");
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child, PATIENCE).expect("it ends")
    }

    /// Waits for its end, which is a good one, and gives the records that it wrote.
    pub(crate) fn end(mut self) -> Vec<Value> {
        assert_eq!(self.wait().code(), Some(0));
        let log: Vec<String> = self.log.iter().collect();
        let log = log.join("\n");
        assert!(!log.contains("did not end in time"), "{log}");
        let records = std::fs::read_to_string(self.folder.path().join("records.jsonl")).unwrap_or_default();
        records.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect((self.subnet.host(1), self.subnet.api)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The caller sends a message.
    pub(crate) fn send(&self, message: &str) {
        self.caller.send(self.subnet.switch(), message);
    }

    /// The caller's INVITE for a new call.
    pub(crate) fn invite(&self) -> String {
        let invite = self.caller.invite(self.subnet.switch(), CALLER, DIALLED);
        self.send(&invite);
        invite
    }

    /// The caller asks whether calls are taken.
    pub(crate) fn options(&self) {
        self.send(&of_invite(&self.caller.invite(self.subnet.switch(), CALLER, DIALLED), "OPTIONS"));
    }

    /// Places a call and has the callee ring: the INVITE that went in, the one that came out, and from where.
    pub(crate) fn ring(&self) -> Ringing {
        let invite = self.invite();
        let (offered, from) = self.callee.expect("INVITE sip:");
        self.callee.send(from, self.callee.answer(&offered, "180 Ringing"));
        self.caller.expect("SIP/2.0 180");
        Ringing { invite, offered, from }
    }

    /// Places a call that the callee answers: the INVITE that went in, and its 200.
    pub(crate) fn talk(&self) -> (String, String) {
        let Ringing { invite, offered, from } = self.ring();
        self.callee.send(from, self.callee.answer(&offered, "200 OK"));
        let (ok, _) = self.caller.expect("SIP/2.0 200");
        self.send(&self.caller.within(&invite, &ok, "ACK"));
        self.callee.expect("ACK sip:");
        (invite, ok)
    }

    /// The caller of a call hangs up, and the callee takes it.
    pub(crate) fn hang_up(&self, (invite, ok): &(String, String)) {
        self.send(&self.caller.within(invite, ok, "BYE"));
        self.caller.expect("SIP/2.0 200");
        self.accept(&self.callee, "BYE sip:");
    }

    /// A party answers a request with 200.
    pub(crate) fn accept(&self, party: &Agent, request: &str) {
        let (request, from) = party.expect(request);
        party.send(from, party.answer(&request, "200 OK"));
    }

    /// What the callee does when its phone stops ringing.
    pub(crate) fn accept_cancel(&self, ringing: &Ringing) {
        self.accept(&self.callee, "CANCEL sip:");
        self.callee.send(ringing.from, self.callee.answer(&ringing.offered, "487 Request Terminated"));
        self.callee.expect("ACK sip:");
    }

    /// Nothing new is taken: not by the caller's trunk, and not by whatever stands in front.
    pub(crate) fn refuses_calls(&self) {
        assert!(self.get("/readyz").starts_with("HTTP/1.1 503"));
        assert!(self.get("/healthz").starts_with("HTTP/1.1 200"));
        let invite = self.invite();
        let (refusal, _) = self.caller.expect("SIP/2.0 503");
        let after = header(&refusal, "Retry-After").and_then(|after| after.parse().ok());
        assert!(after.is_some_and(|after: u8| (1..=5).contains(&after)), "{refusal}");
        self.send(&of_invite(&invite, "ACK"));
        self.options();
        let (refusal, _) = self.caller.expect("SIP/2.0 503");
        assert_eq!(header(&refusal, "CSeq"), Some("1 OPTIONS"), "{refusal}");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call that rings.
pub(crate) struct Ringing {
    pub(crate) invite: String,
    pub(crate) offered: String,
    pub(crate) from: SocketAddr,
}
