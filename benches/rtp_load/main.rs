//! RTP load: G.711 packets every 20 ms on 50, 200, 500 and 1,000 calls through the running engine, and in the same run
//! through rtpengine in user space where it is installed.
//!
//! `cargo bench --bench rtp_load [-- CALLS...]`; `MASKLINE_BENCH_SECONDS` sets the length of each measurement (10).
//! The engine runs in a process of its own, so that CPU time is its own alone. Latency is from one party's `sendto` to
//! the other's `recvfrom`, less that of the same traffic sent straight from party to party.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod generator;
mod rtpengine;
mod switch;

use std::process::Child;
use std::time::Duration;

use generator::{Measured, Traffic};

/// Something that relays: it is given the ports of both parties and gives those to send to, in the same order.
trait System {
    fn name(&self) -> &'static str;
    fn open(&mut self, call: usize, ports: [u16; 2]) -> [u16; 2];
    fn process(&self) -> &Child;
}

fn main() {
    if std::env::var_os(switch::CHILD).is_some() {
        return switch::run();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("rtp_load: run by `cargo bench`");
    }
    let mut loads: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if loads.is_empty() {
        loads = vec![50, 200, 500, 1000];
    }
    let seconds =
        std::env::var("MASKLINE_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    raise_descriptors();
    println!("| calls | system | CPU us/packet | added p50 us | added p99 us | lost | packets |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for calls in loads {
        load(calls, Duration::from_secs(seconds));
    }
}

fn load(calls: usize, span: Duration) {
    let straight = Traffic::new(calls).straight().measure(span, None);
    let ours = through(&mut switch::Maskline::start(), calls, span, &straight);
    match rtpengine::Rtpengine::start() {
        Ok(mut theirs) => {
            let theirs = through(&mut theirs, calls, span, &straight);
            println!("| {calls} | rtpengine / maskline | {:.2} | | | | |", theirs / ours);
        }
        Err(fault) => println!("| {calls} | rtpengine: {fault} | | | | | |"),
    }
}

/// Runs the traffic through a system, prints its line, and gives the CPU time per packet in microseconds.
fn through(system: &mut dyn System, calls: usize, span: Duration, straight: &Measured) -> f64 {
    let mut traffic = Traffic::new(calls);
    for call in 0..calls {
        let doors = system.open(call, traffic.ports(call));
        traffic.aim(call, doors);
    }
    let measured = traffic.measure(span, Some(system.process().id()));
    let cost = measured.cpu.as_secs_f64() * 1e6 / measured.sent as f64;
    println!(
        "| {calls} | {} | {cost:.2} | {:.0} | {:.0} | {} | {} |",
        system.name(),
        measured.added(straight, 0.50),
        measured.added(straight, 0.99),
        measured.sent - measured.received,
        measured.sent,
    );
    cost
}

fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
