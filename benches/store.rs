//! What the SQLite store does in a second: durable creations, many at a time; and how long it takes to load a million
//! sessions, and to start the switch on them. `cargo bench --bench store`; a number after `--` is how many sessions are
//! loaded.
#![allow(clippy::disallowed_methods, reason = "a bench measures by the real clock")]

#[path = "../tests/support/session.rs"]
mod session;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maskline::base::settings::StoreUrl;
use maskline::base::{PhoneNumber, Random, Timestamp};
use maskline::ledger::{Created, Event, EventKind, Json, NewSession, Party, Session, SessionId, Store};
use session::plain;
use support::instance::Instance;

/// Creations that are going on at a time.
const AT_A_TIME: [u64; 3] = [1, 64, 512];
const LASTS: Duration = Duration::from_secs(5);
const MILLION: u64 = 1_000_000;
/// Masking numbers of the pool.
const POOL: u64 = 100;
const NOW: u64 = 1_795_335_330_000;
/// How long a session lives: ten years, so that all are active when the switch is started on them.
const LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

fn number(digits: u64) -> PhoneNumber {
    PhoneNumber::from_digits(&digits.to_string()).expect("it has twelve digits")
}

/// The session with a place in the order of creation: parties in no order, as they come in life.
fn session(place: u64) -> Session {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&place.to_le_bytes());
    let mut random = Random::from_seed(seed);
    let now = Timestamp::from_millis(NOW + place);
    let stranger = |place: u64| number(910_000_000_000 + place.wrapping_mul(2_654_435_761) % 9_999_999_967);
    let party = |side| Party {
        number: Some(stranger(place * 2 + side)),
        dials: number(918_045_550_000 + (place + side) % POOL),
    };
    Session {
        pool: Some(Arc::from("delivery")),
        reference: Some(format!("order-{place}").into()),
        metadata: serde_json::json!({ "city": "Pune", "ride": place }).as_object().cloned(),
        expires_at: now.after(LIFE),
        cooloff: 3600,
        ..plain(SessionId::new(now, &mut random), [party(0), party(1)], now)
    }
}

/// Creates sessions from a place on, so many at a time, until a number of them or a time is reached; where it ended.
async fn create(store: &Arc<dyn Store>, from: u64, at_a_time: u64, until: impl Fn(u64) -> bool) -> u64 {
    let mut tasks = tokio::task::JoinSet::new();
    let mut next = from;
    loop {
        while tasks.len() < usize::try_from(at_a_time).expect("a few") && !until(next) {
            let store = Arc::clone(store);
            let session = session(next);
            next += 1;
            tasks.spawn(async move {
                let event = Event {
                    at: session.created_at,
                    kind: EventKind::SessionCreated,
                    call: None,
                    session: Some(session.id),
                    data: Json::of(&session),
                    callback_url: None,
                };
                let new = NewSession { now: session.created_at, key: None, event, session };
                assert_eq!(store.create_session(new).await.expect("the database writes"), Created::New);
            });
        }
        if tasks.join_next().await.is_none() {
            return next;
        }
    }
}

/// From the start of the process on a database until it says that it is ready.
fn start_on(database: &Path) {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let mut instance = Instance::start_logging(&fs::read_to_string(settings).expect("it is shipped"), "info");
    instance.kill();
    for name in ["maskline.db", "maskline.db-wal", "maskline.db-shm"] {
        let (from, to) = (database.with_file_name(name), instance.folder().join(name));
        // The last two are there only while the database was not closed.
        let _ = fs::remove_file(&to);
        if from.exists() {
            fs::copy(from, to).expect("it fits on the disk");
        }
    }
    let start = Instant::now();
    instance.start_again();
    println!("from the start of the process to /readyz 200: {:.1} s", start.elapsed().as_secs_f64());
    instance.stop();
}

async fn run(wanted: u64) {
    let folder = tempfile::tempdir_in(".").expect("a folder on a disk");
    let url = StoreUrl::Sqlite(folder.path().join("maskline.db"));
    let store = maskline::store::open(&url).await.expect("it opens");
    let mut place = 0;
    for at_a_time in AT_A_TIME {
        let start = Instant::now();
        let end = create(&store, place, at_a_time, |_| start.elapsed() > LASTS).await;
        let rate = (end - place) as f64 / start.elapsed().as_secs_f64();
        println!("created, {at_a_time:>3} at a time: {rate:>8.0} a second, durable");
        place = end;
    }
    let start = Instant::now();
    create(&store, place, 2048, |next| next >= wanted).await;
    let more = wanted.saturating_sub(place);
    println!("created, up to {wanted} sessions: {:.0} a second", more as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let end = create(&store, wanted.max(place), 512, |_| start.elapsed() > LASTS).await;
    let rate = (end - wanted.max(place)) as f64 / start.elapsed().as_secs_f64();
    println!("created beside {wanted}, 512 at a time: {rate:>8.0} a second, durable");

    let start = Instant::now();
    let mut count = 0_u64;
    let mut take = |_| count += 1;
    store.load(Timestamp::from_millis(NOW), &mut take).await.expect("it loads");
    let seconds = start.elapsed().as_secs_f64();
    println!("loaded {count} sessions: {seconds:.1} s");
    drop(store);
    let start = Instant::now();
    let store = maskline::store::open(&url).await.expect("it opens");
    println!("opened again: {:.2} s", start.elapsed().as_secs_f64());
    drop(store);
    start_on(&folder.path().join("maskline.db"));
}

fn main() {
    let wanted = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(MILLION);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(wanted));
}
