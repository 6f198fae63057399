//! rtpengine in user space, set up by its ng control protocol: bencoded dictionaries over UDP.

use std::io::{Error, ErrorKind};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::System;

const CONTROL: &str = "127.0.0.1:22279";

pub(super) struct Rtpengine {
    child: Child,
    control: UdpSocket,
    cookie: u64,
}

impl Rtpengine {
    /// Starts the daemon and waits until it answers.
    pub(super) fn start() -> std::io::Result<Self> {
        let arguments = [
            "--table=-1",
            "--interface=127.0.0.1",
            "--foreground",
            "--log-stderr",
            "--log-level=1",
            "--port-min=40000",
            "--port-max=59999",
        ];
        let child = Command::new("rtpengine")
            .arg("--config-file=none")
            .args(arguments)
            .arg(format!("--listen-ng={CONTROL}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|fault| match fault.kind() {
                ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "not installed"),
                _ => fault,
            })?;
        let control = UdpSocket::bind("127.0.0.1:0")?;
        control.connect(CONTROL)?;
        control.set_read_timeout(Some(Duration::from_millis(200)))?;
        let mut started = Self { child, control, cookie: 0 };
        for _ in 0..50 {
            if started.ask(&[("command", "ping")]).is_ok() {
                return Ok(started);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Error::new(ErrorKind::TimedOut, "does not answer"))
    }

    /// Sends a dictionary, and gives the answer as it is.
    fn ask(&mut self, fields: &[(&str, &str)]) -> std::io::Result<String> {
        self.cookie += 1;
        let cookie = self.cookie.to_string();
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        let text = |text: &str| format!("{}:{text}", text.len());
        let body: String = fields.iter().map(|(key, value)| text(key) + &text(value)).collect();
        self.control.send(format!("{cookie} d{body}e").as_bytes())?;
        let mut buffer = [0; 65536];
        loop {
            let length = self.control.recv(&mut buffer)?;
            let answer = String::from_utf8_lossy(&buffer[..length]);
            if let Some((seen, body)) = answer.split_once(' ')
                && seen == cookie
            {
                return Ok(body.to_owned());
            }
        }
    }
}

impl System for Rtpengine {
    fn name(&self) -> &'static str {
        "rtpengine"
    }

    fn open(&mut self, call: usize, ports: [u16; 2]) -> [u16; 2] {
        let id = format!("call-{call}");
        let [a, b] = ports.map(sdp);
        let common = [("call-id", &id[..]), ("from-tag", "a")];
        let offer = [&common[..], &[("command", "offer"), ("sdp", &a)]].concat();
        let toward_b = port(&self.ask(&offer).unwrap());
        let answer = [&common[..], &[("command", "answer"), ("to-tag", "b"), ("sdp", &b)]].concat();
        let toward_a = port(&self.ask(&answer).unwrap());
        [toward_a, toward_b]
    }

    fn process(&self) -> &Child {
        &self.child
    }
}

impl Drop for Rtpengine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    )
}

fn port(answer: &str) -> u16 {
    let line = answer.split("m=audio ").nth(1).unwrap_or_else(|| panic!("no audio in {answer}"));
    line.split(' ').next().unwrap().parse().unwrap()
}
