//! What a decision costs where a million sessions are open, and how much memory they take.
//!
//! `cargo bench --bench decision` prints, for this machine: how much the process grows by each session, and the time of
//! a decision from question to plan, trace included.

#[path = "../tests/support/session.rs"]
mod session;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use maskline::base::settings::Settings;
use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{Book, Number, NumberState, Party, Session, SessionId};
use maskline::route::{Decision, Identity, Index, Question, Source, decide};
use session::plain;

const SESSIONS: u64 = 1_000_000;
/// Pairs that have a number in common: the pool has as many numbers as the sessions need then.
const NUMBERS: u64 = 1_000;
const CALLS: usize = 1_000_000;
const NOW: u64 = 1_800_000_000_000;

const SETTINGS: &str = r#"
[numbers]
country = "IN"
[[trunks]]
name = "carrier"
sources = ["203.0.113.0/24"]
target = "sip:203.0.113.10:5060"
"#;

/// That of the service.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn number(text: &str) -> PhoneNumber {
    text.parse().expect("a number")
}

fn party(place: u64) -> PhoneNumber {
    number(&format!("+9198{place:08}"))
}

fn pooled(place: u64) -> PhoneNumber {
    number(&format!("+9180{:08}", 40_000_000 + place % NUMBERS))
}

/// The session with this place: both parties have no other.
fn session(place: u64, random: &mut Random) -> Session {
    let now = Timestamp::from_millis(NOW);
    let first = Party { number: Some(party(2 * place)), dials: pooled(place) };
    let second = Party { number: Some(party(2 * place + 1)), dials: pooled(place + 1) };
    Session { cooloff: 60, ..plain(SessionId::new(now, random), [first, second], now) }
}

/// A call in one of the sessions, by either party, or by a stranger to it.
fn question(random: &mut Random, is_stranger: bool) -> (Question, bool) {
    let place = random.next_u64() % SESSIONS;
    let (dialled, caller) = match random.next_u32() % 2 {
        0 => (pooled(place), party(2 * place)),
        _ => (pooled(place + 1), party(2 * place + 1)),
    };
    let caller = if is_stranger { number(&format!("+4420{place:08}")) } else { caller };
    let caller = Identity::Known(caller);
    (Question { source: Source::Trunk(0), dialled: dialled.reveal(), context: None, caller }, !is_stranger)
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn clock() -> Instant {
    Instant::now()
}

/// The process's resident memory in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells of the process");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).map_or(0, |pages| pages * 4096)
}

fn main() {
    let settings = Settings::parse(SETTINGS, Path::new("bench.toml")).expect("the settings are sound");
    let (index, book, mut random) = (Index::new(Arc::new(settings)), Book::new(), Random::from_number(1));
    for place in 0..NUMBERS {
        let (number, pool) = (pooled(place), Some("pool".into()));
        let (state, added_at) = (NumberState::Active, Timestamp::from_millis(NOW));
        book.put_number(Number { number, country: None, pool, trunk: None, answer: None, state, added_at });
    }
    let before = resident();
    let start = clock();
    (0..SESSIONS).for_each(|place| book.put(&session(place, &mut random)));
    let filled = start.elapsed();
    println!("sessions                 {:>10}", book.sessions());
    println!("put, each                {:>10.2} µs", filled.as_secs_f64() * 1e6 / SESSIONS as f64);
    println!("memory, each             {:>10.1} bytes", (resident() - before) as f64 / SESSIONS as f64);
    for (name, is_stranger) in [("a party calls", false), ("a stranger calls", true)] {
        let questions: Vec<_> = (0..CALLS).map(|_| question(&mut random, is_stranger)).collect();
        let at = Timestamp::from_millis(NOW + 1000);
        let mut took: Vec<u64> = Vec::with_capacity(CALLS);
        let start = clock();
        for (question, goes_through) in &questions {
            let start = clock();
            let decision = black_box(decide(&index, &book, at, black_box(question)));
            took.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
            assert_eq!(matches!(decision, Decision::Bridge(_)), *goes_through);
        }
        let mean = start.elapsed().as_secs_f64() * 1e6 / CALLS as f64;
        took.sort_unstable();
        let [half, most] = [took[CALLS / 2], took[CALLS / 100 * 99]].map(|nanos| nanos as f64 / 1000.0);
        println!(
            "{name:<24} {mean:>10.2} µs in the mean, {half:.2} in the median, {most:.2} at the 99th percentile"
        );
    }
    let start = clock();
    assert_eq!(book.sweep(Timestamp::from_millis(NOW)), 0);
    println!("a sweep that finds none  {:>10.1} ms", start.elapsed().as_secs_f64() * 1e3);
}
