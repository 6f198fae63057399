//! What a call costs: sipp on both sides of the real binary, on this machine, sharing its cores.
//!
//! `cargo bench --bench load` takes about twelve minutes and prints a table; `cargo bench --bench load -- --short` takes
//! five minutes, and its figures are rough. A name of [`PARTS`] measures that alone. `-- --soak MINUTES` places calls
//! for so long instead, and tells how many failed and what became of the memory.
#![allow(clippy::disallowed_methods, reason = "a bench measures by the real clock")]

mod answer;
mod api;
mod latency;
mod process;
mod sipp;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use api::Answered;
use latency::Times;
use sipp::{Callee, Load};
use support::instance::Instance;

/// How much is measured.
struct Extent {
    /// How long each rate is held, in seconds.
    hold: u32,
    /// How many calls stand while memory is read.
    standing: u32,
    /// How many calls must leave no growth behind.
    many: u32,
    /// How many calls the latency is taken from.
    timed: usize,
}

/// The longest that anything of a call outlives it: 64 T1, for which transactions absorb retransmissions, and then the
/// time over which the allocator gives the memory back.
const LINGER: Duration = Duration::from_secs(70);

const FULL: Extent = Extent { hold: 20, standing: 2000, many: 100_000, timed: 2000 };
const SHORT: Extent = Extent { hold: 4, standing: 500, many: 5000, timed: 300 };

/// How many starts are timed.
const STARTS: usize = 11;
/// A soak's calls a second, and how long each lasts: a thousand stand at a time.
const SOAK: (u32, Duration) = (100, Duration::from_secs(10));

/// What a switch logs that nobody has told otherwise.
const INFO: &str = "warn,maskline=info";

/// A measurement, under the name that asks for it.
type Part = (&'static str, fn(&Extent));

/// What can be measured.
const PARTS: [Part; 7] = [
    ("start", time_to_ready),
    ("latency", added_latency),
    ("answer", calls_that_ask),
    ("rates", cost_by_rate),
    ("api", answers_of_the_api),
    ("memory", memory_of_standing_calls),
    ("growth", growth_after_many_calls),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if !has("--bench") {
        return; // `cargo test` builds benches and starts them: nothing to do
    }
    println!("| measured | result |\n| --- | --- |");
    if let Some(place) = arguments.iter().position(|argument| argument == "--soak") {
        let minutes = arguments.get(place + 1).and_then(|minutes| minutes.parse().ok());
        return soak(minutes.expect("--soak takes a number of minutes"));
    }
    let extent = if has("--short") { SHORT } else { FULL };
    let is_chosen = arguments.iter().any(|argument| !argument.starts_with('-'));
    for (_, measure) in PARTS.iter().filter(|(name, _)| !is_chosen || has(name)) {
        measure(&extent);
    }
}

/// The switch as the scenarios have it, with the product's own timers and enough ports for them to rest.
fn start() -> Instance {
    start_with(|settings| settings)
}

/// The same, with other settings made of these.
fn start_with(change: impl FnOnce(String) -> String) -> Instance {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = fs::read_to_string(folder.join("sip-scenarios/config.toml")).expect("it is shipped");
    let replaced = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in the settings");
        text.replace(from, to)
    };
    let settings = replaced(settings, "\"20000-20099\"", "\"10000-59999\"");
    let settings = replaced(settings, "t1     = \"100ms\"", "t1 = \"500ms\"");
    let settings = replaced(settings, "max_duration = \"12s\"", "");
    Instance::start_logging(&change(replaced(settings, "ring_timeout = \"3s\"", "")), INFO)
}

fn row(measured: &str, result: &str) {
    println!("| {measured} | {result} |");
}

/// From the start of the process, on the shipped settings, until it says that it is ready.
fn time_to_ready(_: &Extent) {
    let settings = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml"));
    let settings = settings.expect("it is shipped");
    let once = || {
        let begin = Instant::now();
        let instance = Instance::start_logging(&settings, INFO);
        let took = begin.elapsed();
        instance.stop();
        took
    };
    let times = Times(std::iter::repeat_with(once).take(STARTS).collect());
    row(&format!("start to /readyz 200 on the shipped settings, p50 / p99 of {STARTS}"), &times.summary());
}

fn added_latency(extent: &Extent) {
    let instance = start();
    let times = latency::measure(&instance, extent.timed);
    row("INVITE in to INVITE out at 100 calls/s, p50 / p99", &times.invite.summary());
    row("200 in to 200 out at 100 calls/s, p50 / p99", &times.answer.summary());
    instance.stop();
}

fn calls_that_ask(extent: &Extent) {
    let instance = start_with(|settings| answer::settings(&settings));
    let service = answer::Service::start(&instance);
    let calls = u32::try_from(extent.timed).expect("a few thousand calls");
    let plain = answer::measure(&instance, &service, answer::MAPPED, calls).invite;
    row("INVITE in to INVITE out at 200 calls/s, mapped, p50 / p99", &plain.summary());
    for (number, takes) in [(answer::AT_ONCE, "no time"), (answer::AFTER_20_MS, "20 ms")] {
        let asked = answer::measure(&instance, &service, number, calls);
        let [all, own, mapped] = [&asked.invite, &asked.service, &plain].map(Times::percentiles);
        let adds = [0, 1].map(|place| all[place] - own[place] - mapped[place]);
        row(
            &format!("the same by an answer URL whose service takes {takes}; what asking adds beyond that"),
            &format!("{}; {:.2} / {:.2} ms", asked.invite.summary(), adds[0], adds[1]),
        );
    }
    let answer::Waited { each, beside } = answer::wait(&instance, &service, 1000);
    row("memory per call that waits for a slow service, of 1,000", &format!("{each:.1} KiB"));
    row("INVITE in to INVITE out at 200 calls/s, mapped, beside them, p50 / p99", &beside.summary());
    instance.stop();
}

fn cost_by_rate(extent: &Extent) {
    let mut highest = 0;
    for rate in [100, 200, 500, 1000, 1500, 2000] {
        let instance = start();
        let callee = Callee::start(&instance);
        let before = process::cpu_time(instance.pid());
        let calls = rate * extent.hold;
        let load = Load { rate, calls, lasting: Duration::from_millis(20) };
        let outcome = load.run(&instance);
        // What ends with the last call (its record, its timers) belongs to its cost.
        sleep(Duration::from_secs(1));
        let each = (process::cpu_time(instance.pid()) - before).as_secs_f64() * 1000.0 / f64::from(calls);
        drop(callee);
        let clean = outcome.is_clean(calls);
        row(
            &format!("CPU per call at {rate} calls/s for {} s", extent.hold),
            &format!("{each:.2} ms{}", if clean { String::new() } else { format!(" ({outcome})") }),
        );
        if !clean {
            break;
        }
        highest = rate;
    }
    row("highest of these rates without a failed call or a retransmission", &format!("{highest} calls/s"));
}

/// 500 requests a second beside 200 calls a second.
fn answers_of_the_api(extent: &Extent) {
    const REQUESTS: u32 = 500;
    const CALLS: u32 = 200;
    let instance = start();
    let callee = Callee::start(&instance);
    let calls = CALLS * (extent.hold + 2);
    let mut load = Load { rate: CALLS, calls, lasting: Duration::from_millis(20) }.start(&instance);
    sleep(Duration::from_secs(1));
    let answered = api::measure(&instance, REQUESTS, REQUESTS * extent.hold);
    let outcome = load.finish();
    drop(callee);
    let note = if outcome.is_clean(calls) { String::new() } else { format!(" ({outcome})") };
    let Answered { times, failed } = answered;
    row(
        &format!("API at {REQUESTS} requests/s beside {CALLS} calls/s, p50 / p99"),
        &format!("{}, {failed} of {} failed{note}", times.summary(), REQUESTS * extent.hold),
    );
    instance.stop();
}

fn memory_of_standing_calls(extent: &Extent) {
    let instance = start();
    let callee = Callee::start(&instance);
    Load { rate: 100, calls: 200, lasting: Duration::from_millis(20) }.run(&instance);
    let before = process::resident(instance.pid());
    let set_up = Duration::from_secs(u64::from(extent.standing / 200));
    let load = Load { rate: 200, calls: extent.standing, lasting: set_up + Duration::from_secs(6) };
    let mut running = load.start(&instance);
    sleep(set_up + Duration::from_secs(3));
    let during = process::resident(instance.pid());
    let outcome = running.finish();
    sleep(LINGER);
    let each = (during - before) / 1024.0 * 1000.0 / f64::from(extent.standing);
    let note = if outcome.is_clean(extent.standing) { String::new() } else { format!(" ({outcome})") };
    row(
        &format!("memory per 1,000 established calls, of {}", extent.standing),
        &format!("{each:.1} MiB{note}"),
    );
    sleep(Duration::from_secs(3));
    let after = process::resident(instance.pid());
    row("memory before them / after them", &format!("{:.1} / {:.1} MiB", before / 1024.0, after / 1024.0));
    drop(callee);
}

fn growth_after_many_calls(extent: &Extent) {
    let instance = start();
    let callee = Callee::start(&instance);
    let lasting = Duration::from_millis(20);
    let start = process::resident(instance.pid());
    // As many as transactions are kept of at this rate: the peak is reached.
    let first = extent.many.min(500 * 40);
    Load { rate: 500, calls: first, lasting }.run(&instance);
    sleep(LINGER);
    let before = process::resident(instance.pid());
    let outcome = Load { rate: 500, calls: extent.many, lasting }.run(&instance);
    sleep(LINGER);
    let after = process::resident(instance.pid());
    let peak = process::peak(instance.pid());
    let [start, before, after, peak] = [start, before, after, peak].map(|memory| memory / 1024.0);
    let note = if outcome.is_clean(extent.many) { String::new() } else { format!(" ({outcome})") };
    row(
        &format!("memory at the start / after {first} calls / after {} more; at the peak", extent.many),
        &format!("{start:.1} / {before:.1} / {after:.1} MiB; {peak:.1} MiB{note}"),
    );
    drop(callee);
}

fn soak(minutes: u32) {
    let instance = start();
    let callee = Callee::start(&instance);
    let before = process::resident(instance.pid());
    let (rate, lasting) = SOAK;
    let calls = rate * 60 * minutes;
    let outcome = Load { rate, calls, lasting }.run(&instance);
    sleep(LINGER);
    let (peak, after) = (process::peak(instance.pid()), process::resident(instance.pid()));
    row(
        &format!("{rate} calls/s of {} s each for {minutes} minutes", lasting.as_secs()),
        &outcome.to_string(),
    );
    let [before, peak, after] = [before, peak, after].map(|memory| memory / 1024.0);
    row(
        "memory at the start / at its peak / at the end",
        &format!("{before:.1} / {peak:.1} / {after:.1} MiB"),
    );
    drop(callee);
}
