//! Our engine in a process of its own: a line with the ports of both parties opens a call, and is answered by ours.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use maskline::base::{Random, Side};
use maskline::media::{Engine, Options};
use maskline::relay::{Command, Endpoint, PayloadMap, RelayId};
use maskline::sdp::Codec;

use super::System;

/// Set for the child.
pub(super) const CHILD: &str = "MASKLINE_RTP_LOAD_CHILD";

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) struct Maskline {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Maskline {
    pub(super) fn start() -> Self {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, orders, answers }
    }
}

impl System for Maskline {
    fn name(&self) -> &'static str {
        "maskline"
    }

    fn open(&mut self, _call: usize, ports: [u16; 2]) -> [u16; 2] {
        writeln!(self.orders, "{} {}", ports[0], ports[1]).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        two(&line)
    }

    fn process(&self) -> &Child {
        &self.child
    }
}

impl Drop for Maskline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn two(line: &str) -> [u16; 2] {
    let mut ports = line.split_whitespace().map(|port| port.parse().unwrap());
    [ports.next().unwrap(), ports.next().unwrap()]
}

/// The child: runs until its input ends.
pub(super) fn run() {
    let threads = std::env::var("MASKLINE_BENCH_THREADS").ok().and_then(|text| text.parse().ok());
    let options = Options { ports: 40000..=59999, rest: Duration::from_secs(2), threads };
    let mut random = Random::from_number(1);
    let engine = Engine::start(&options, &mut random).unwrap();
    let mut handle = engine.handle(Arc::new(|_| {}));
    for (call, line) in std::io::stdin().lines().enumerate() {
        let parties = two(&line.unwrap());
        let relay = RelayId(call as u64);
        let doors = handle.open(relay, [HERE, HERE], Duration::from_secs(300)).unwrap();
        for (side, port) in [Side::A, Side::B].into_iter().zip(parties) {
            handle.command(Command::Set { relay, side, endpoint: endpoint(port) });
        }
        while !handle.flush() {
            std::thread::yield_now();
        }
        println!("{} {}", doors[0], doors[1]);
    }
}

fn endpoint(port: u16) -> Endpoint {
    let tones = Codec::TelephoneEvent { clock: 8000 };
    let format = |codec, number| PayloadMap { codec, receive: number, send: number };
    Endpoint {
        rtp: Some(SocketAddr::new(HERE, port)),
        rtcp: None,
        sources: vec![HERE.into()],
        formats: vec![format(Codec::Pcmu, 0), format(tones, 101)],
        receives: true,
        sends: true,
        is_apart: false,
    }
}
