//! A headless softphone: Debian's baresip, driven through its control port. What it plays is a tone, what it hears is
//! recorded.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::tone;

/// How long anything of a softphone may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One baresip with one account.
pub(crate) struct Softphone {
    /// Where it speaks SIP.
    pub(crate) address: SocketAddr,
    child: Child,
    folder: PathBuf,
    control: TcpStream,
    unread: Vec<u8>,
    events: Vec<Value>,
}

/// An account at the switch.
pub(crate) struct Account<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    /// The switch, and "udp" or "tcp".
    pub(crate) registrar: SocketAddr,
    pub(crate) transport: &'a str,
    /// Whether it answers by itself; otherwise the command `accept` does.
    pub(crate) answers: bool,
}

impl Softphone {
    /// Starts a phone in a folder of its own, and waits until it is registered.
    ///
    /// It is at 127.0.0.1: baresip sends its media from there, whatever address it is told to use.
    pub(crate) fn start(parent: &Path, account: &Account, frequency: f64) -> Self {
        let folder = parent.join(account.username);
        fs::create_dir_all(folder.join("rec")).expect("the temporary folder can be written");
        tone::write(&folder.join("tone.wav"), frequency, 60);
        let (sip, control) = (free_port(), free_port());
        write_settings(&folder, account, sip, control);
        let log = File::create(folder.join("log")).expect("the temporary folder can be written");
        let mut child = Command::new("baresip")
            .args(["-s", "-f"])
            .arg(&folder)
            .args(["-n", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor is left"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "baresip does not start ({error}): ./test installs it, or `apt-get install baresip-core`"
                )
            });
        let Some(control) = connect(SocketAddr::from(([127, 0, 0, 1], control))) else {
            let _ = child.kill();
            panic!("baresip has no control port:\n{}", read_log(&folder));
        };
        let address = SocketAddr::from(([127, 0, 0, 1], sip));
        let mut phone = Self { address, child, folder, control, unread: Vec::new(), events: Vec::new() };
        phone.wait_until("it is registered", |phone| phone.log().contains("200 OK ("));
        phone
    }

    /// Gives a command, as in `dial` or `hangup`.
    pub(crate) fn command(&mut self, command: &str, parameters: &str) {
        let text = json!({"command": command, "params": parameters, "token": command}).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip is still there");
    }

    /// Waits for an event of this type.
    pub(crate) fn wait_for_event(&mut self, kind: &str) -> Value {
        let is_it = |event: &&Value| event["type"] == kind;
        self.wait_until(kind, |phone| phone.events.iter().any(|event| is_it(&event)));
        self.events.iter().find(is_it).cloned().expect("it was waited for")
    }

    /// Whether an event of this type has come in this call.
    pub(crate) fn has_seen_event(&mut self, kind: &str) -> bool {
        self.read_events();
        self.events.iter().any(|event| event["type"] == kind)
    }

    /// Forgets the events and the recordings so far, before another call.
    pub(crate) fn forget(&mut self) {
        self.read_events();
        self.events.clear();
        if let Some(path) = self.recording() {
            fs::remove_file(path).expect("it is this test's own");
        }
    }

    /// Waits until something has been heard for so many seconds in this call.
    pub(crate) fn wait_for_audio(&mut self, seconds: u64) {
        let length = |path| fs::metadata(path).map_or(0, |file| file.len());
        self.wait_until("it hears something", |phone| {
            phone.recording().map_or(0, length) > tone::BYTES_PER_SECOND * seconds
        });
    }

    /// What was heard in the call that is over.
    pub(crate) fn heard(&mut self) -> Vec<f64> {
        let samples = |phone: &Self| phone.recording().map(|path| tone::read(&path)).unwrap_or_default();
        self.wait_until("its recording is closed", |phone| !samples(phone).is_empty());
        samples(self)
    }

    fn recording(&self) -> Option<PathBuf> {
        let files = fs::read_dir(self.folder.join("rec")).expect("made at the start");
        let mut paths = files.filter_map(|file| Some(file.ok()?.path()));
        paths.find(|path| path.to_string_lossy().ends_with("-dec.wav"))
    }

    /// All that it could have learned: every SIP message, its screen, and its events.
    pub(crate) fn seen(&mut self) -> String {
        self.read_events();
        let events: Vec<String> = self.events.iter().map(Value::to_string).collect();
        format!("{}\n{}", self.log(), events.join("\n"))
    }

    fn log(&self) -> String {
        read_log(&self.folder)
    }

    fn wait_until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read_events();
            if reached(self) {
                return;
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}:\n{}", self.seen());
            sleep(Duration::from_millis(20));
        }
    }

    /// Takes in what the control port has said: netstrings of JSON.
    fn read_events(&mut self) {
        let mut buffer = [0; 16_384];
        loop {
            match self.control.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the control port of baresip: {error}\n{}", self.log()),
            }
        }
        while let Some((value, length)) = netstring(&self.unread) {
            self.events.push(value);
            self.unread.drain(..length);
        }
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first whole netstring, and how long it is with its length and its comma.
fn netstring(bytes: &[u8]) -> Option<(Value, usize)> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let text = bytes.get(colon + 1..colon + 1 + length)?;
    Some((serde_json::from_slice(text).expect("baresip speaks JSON"), colon + length + 2))
}

fn connect(address: SocketAddr) -> Option<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(stream) = TcpStream::connect(address) {
            stream.set_nonblocking(true).expect("a TCP socket can be");
            return Some(stream);
        }
        sleep(Duration::from_millis(20));
    }
    None
}

fn read_log(folder: &Path) -> String {
    String::from_utf8_lossy(&fs::read(folder.join("log")).unwrap_or_default()).into_owned()
}

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that nothing holds, and neither the one after it, which baresip takes for TLS. They are below
/// those that the system gives to whoever asks for any, so that nobody comes in between.
fn free_port() -> u16 {
    let start = u16::try_from(std::process::id() % 2_000).expect("it is below 2,000") * 6;
    let is_free = |port: &u16| {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        [*port, *port + 1]
            .map(at)
            .iter()
            .all(|at| TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok())
    };
    let ports =
        std::iter::repeat_with(|| 20_000 + (start + NEXT_PORT.fetch_add(2, Ordering::Relaxed)) % 12_000);
    ports.take(6_000).find(is_free).expect("a port is free")
}

fn modules() -> &'static str {
    let places = [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/local/lib/baresip/modules",
    ];
    places
        .into_iter()
        .find(|place| Path::new(place).is_dir())
        .expect("baresip has its modules where Debian puts them")
}

fn write_settings(folder: &Path, account: &Account, sip: u16, control: u16) {
    let Account { username, password, registrar, transport, answers } = account;
    let answers = if *answers { "auto" } else { "manual" };
    let (modules, here) = (modules(), folder.display());
    let settings = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{sip}\naudio_player aubridge,nil\naudio_source aufile,{here}/tone.wav\n\
         audio_alert aubridge,nil\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n\
         call_max_calls 4\nrtp_ports 40000-49999\nrtcp_mux no\nnet_interface 127.0.0.1\nmodule_path {modules}\n\
         module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule uuid.so\n\
         module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n\
         snd_path {here}/rec\n"
    );
    let account = format!(
        "<sip:{username}@{registrar};transport={transport}>;auth_user={username};auth_pass={password};regint=60;\
         answermode={answers};audio_codecs=PCMU,PCMA\n"
    );
    for (file, text) in [("config", settings), ("accounts", account), ("contacts", String::new())] {
        fs::write(folder.join(file), text).expect("the temporary folder can be written");
    }
}
