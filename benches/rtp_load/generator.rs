//! The parties: two sockets for each call, one thread that talks and one that listens.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use maskline::rtp::HEADER;
use maskline::rtp::packet::Header;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// One packet of G.711.
const FRAME: Duration = Duration::from_millis(20);
const PAYLOAD: usize = 160;
/// Before the measurement begins: sources are learned, queues settle.
const WARM: Duration = Duration::from_secs(2);
/// After it: packets still on their way arrive.
const DRAIN: Duration = Duration::from_millis(500);

/// A party: its socket, and where it sends to.
struct Party {
    socket: UdpSocket,
    target: SocketAddrV4,
}

/// All parties: those of call `n` are `2 * n` and `2 * n + 1`.
pub(super) struct Traffic(Vec<Party>);

/// What came of it.
pub(super) struct Measured {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// CPU time of the relaying process.
    pub(super) cpu: Duration,
    /// Nanoseconds, sorted.
    latency: Vec<u64>,
}

impl Measured {
    fn quantile(&self, quantile: f64) -> f64 {
        let index = (self.latency.len() as f64 * quantile) as usize;
        self.latency.get(index).map_or(f64::NAN, |nanos| *nanos as f64 / 1000.0)
    }

    /// Microseconds more than another at a quantile.
    pub(super) fn added(&self, other: &Measured, quantile: f64) -> f64 {
        self.quantile(quantile) - other.quantile(quantile)
    }
}

fn loopback(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

impl Traffic {
    pub(super) fn new(calls: usize) -> Self {
        let party = |_| {
            let socket = UdpSocket::bind(loopback(0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            Party { socket, target: loopback(0) }
        };
        Self((0..2 * calls).map(party).collect())
    }

    fn port(&self, party: usize) -> u16 {
        self.0[party].socket.local_addr().unwrap().port()
    }

    pub(super) fn ports(&self, call: usize) -> [u16; 2] {
        [self.port(2 * call), self.port(2 * call + 1)]
    }

    pub(super) fn aim(&mut self, call: usize, doors: [u16; 2]) {
        for (index, door) in doors.into_iter().enumerate() {
            self.0[2 * call + index].target = loopback(door);
        }
    }

    /// Every party sends straight to the other.
    pub(super) fn straight(mut self) -> Self {
        for call in 0..self.0.len() / 2 {
            let [a, b] = self.ports(call);
            self.aim(call, [b, a]);
        }
        self
    }

    /// Talks for a while; packets count that are sent after the warm-up.
    pub(super) fn measure(self, span: Duration, process: Option<u32>) -> Measured {
        let clock = Instant::now();
        let parties = Arc::new(self.0);
        let done = Arc::new(AtomicBool::new(false));
        let listener = std::thread::spawn({
            let (parties, done) = (Arc::clone(&parties), Arc::clone(&done));
            move || listen(&parties, clock, &done)
        });
        talk(&parties, clock, WARM, false);
        let before = process.map(cpu);
        let sent = talk(&parties, clock, span, true);
        let after = process.map(cpu);
        std::thread::sleep(DRAIN);
        done.store(true, Ordering::Relaxed);
        let mut latency = listener.join().unwrap();
        latency.sort_unstable();
        let cpu = after.zip(before).map_or(Duration::ZERO, |(after, before)| after - before);
        Measured { sent, received: latency.len() as u64, cpu, latency }
    }
}

/// Sends one packet of each party every 20 ms, evenly spread; gives how many were sent.
fn talk(parties: &[Party], clock: Instant, span: Duration, counts: bool) -> u64 {
    let gap = FRAME / parties.len() as u32;
    let start = clock.elapsed();
    let total = (span.as_nanos() / gap.as_nanos()) as u64;
    for index in 0..total {
        let due = start + Duration::from_nanos(gap.as_nanos() as u64 * index);
        let wait = due.saturating_sub(clock.elapsed());
        if wait > Duration::from_micros(20) {
            std::thread::sleep(wait);
        }
        let frame = (start.as_nanos() / FRAME.as_nanos()) as u64 + index / parties.len() as u64;
        let party = (index % parties.len() as u64) as usize;
        send(&parties[party], party as u32, frame, clock, counts);
    }
    total
}

fn send(party: &Party, ssrc: u32, frame: u64, clock: Instant, counts: bool) {
    let mut packet = [0xd5; HEADER + PAYLOAD];
    let timestamp = (frame * PAYLOAD as u64) as u32;
    let header = Header { marker: false, payload_type: 0, sequence: frame as u16, timestamp, ssrc };
    packet[..HEADER].copy_from_slice(&header.bytes());
    packet[HEADER] = u8::from(counts);
    packet[HEADER + 1..HEADER + 9].copy_from_slice(&(clock.elapsed().as_nanos() as u64).to_be_bytes());
    party.socket.send_to(&packet, party.target).unwrap();
}

/// Takes what arrives, and gives the latencies of packets that count.
fn listen(parties: &[Party], clock: Instant, done: &AtomicBool) -> Vec<u64> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (index, party) in parties.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&poll, &party.socket, data, epoll::EventFlags::IN).unwrap();
    }
    let mut latency = Vec::new();
    let mut events = Vec::with_capacity(256);
    let mut packet = [0; 2048];
    let tick = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    while !done.load(Ordering::Relaxed) {
        let _ = epoll::wait(&poll, spare_capacity(&mut events), Some(&tick));
        for event in events.drain(..) {
            let party = &parties[event.data.u64() as usize];
            let Ok((length, _)) = party.socket.recv_from(&mut packet) else { continue };
            let now = clock.elapsed().as_nanos() as u64;
            if length == HEADER + PAYLOAD && packet[HEADER] == 1 {
                let stamp = packet[HEADER + 1..HEADER + 9].try_into().unwrap();
                latency.push(now - u64::from_be_bytes(stamp));
            }
        }
    }
    latency
}

/// The CPU time of all threads of a process, to the nanosecond.
fn cpu(process: u32) -> Duration {
    let nanos = |task: std::fs::DirEntry| -> u64 {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
    };
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    Duration::from_nanos(tasks.flatten().map(nanos).sum())
}
