//! Callbacks over real sockets: servers that fail, wait, redirect, close or lie, and a process that ends in between.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "real servers are waited for by the real clock")]

#[path = "hook/web.rs"]
mod web;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maskline::base::metrics::WithResult;
use maskline::base::settings::{StoreUrl, Webhooks};
use maskline::base::{Metrics, Random, Secret, Timestamp};
use maskline::hook::Callbacks;
use maskline::ledger::{Entry, Event, EventKind, Json, Store};
use serde_json::Value;
use web::{Answer, Web};

const KINDS: [EventKind; 4] =
    [EventKind::CallStarted, EventKind::CallRinging, EventKind::CallAnswered, EventKind::CallEnded];

fn settings() -> Webhooks {
    Webhooks {
        status_url: None,
        fallback_url: None,
        hangup_url: None,
        post_empty_digits: false,
        secret: Some(Secret::new("a secret".into())),
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(3),
        allow_private_webhooks: true,
    }
}

/// A store in a file, and what sends from it.
struct Node {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    callbacks: Callbacks,
}

impl Node {
    fn start(folder: &Path, settings: &Webhooks) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = StoreUrl::Sqlite(folder.join("maskline.db"));
        let store = runtime.block_on(maskline::store::open(&url)).unwrap();
        let metrics = Arc::new(Metrics::default());
        let callbacks =
            Callbacks::start(Arc::clone(&store), settings, Arc::clone(&metrics), Random::from_number(1))
                .unwrap();
        Self { runtime, store, metrics, callbacks }
    }

    /// Keeps events, and says so.
    fn keep(&self, events: &[Entry]) {
        self.runtime.block_on(self.store.keep(events)).unwrap();
        self.callbacks.waker()();
    }

    fn counted(&self, result: &'static str) -> u64 {
        self.metrics.callbacks.get_or_create(&WithResult { result }).get()
    }

    /// Waits until something was counted so often.
    fn wait(&self, result: &'static str, count: u64) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.counted(result) < count {
            assert!(Instant::now() < end, "{result}: {} and not {count}", self.counted(result));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn waiting(&self) -> u64 {
        self.runtime.block_on(self.store.callbacks_waiting()).unwrap()
    }

    /// Ends without a word to anyone.
    fn stop(self) {
        let Self { runtime, store, callbacks, .. } = self;
        callbacks.stop();
        drop((store, runtime));
    }
}

fn event(call: &str, kind: EventKind, url: &str) -> Entry {
    Entry::Event(Box::new(Event {
        at: Timestamp::from(std::time::SystemTime::now()),
        kind,
        call: Some(call.into()),
        session: None,
        data: Json::of(&serde_json::json!({ "caller": "+919876500001" })),
        callback_url: Some(url.into()),
    }))
}

fn all_of(call: &str, url: &str) -> Vec<Entry> {
    KINDS.iter().map(|kind| event(call, *kind, url)).collect()
}

/// The kinds of a call's events, as they came; repeats of one that was not taken left out.
fn taken(web: &Web, call: &str) -> Vec<String> {
    let seen = web.seen();
    let of_call = seen.iter().filter(|request| request.json["call"] == call && request.is_taken);
    of_call.map(|request| request.json["type"].as_str().unwrap().to_owned()).collect()
}

fn names() -> Vec<String> {
    KINDS.iter().map(|kind| kind.as_str().to_owned()).collect()
}

#[test]
fn an_event_is_told_whole_and_signed() {
    let web = Web::start(|_, _| Answer::Status(204));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    let url = web.url("/events?shop=7");
    node.keep(&[event("a", EventKind::CallAnswered, &url)]);
    node.wait("delivered", 1);
    let request = web.seen().remove(0);
    assert_eq!((&*request.method, &*request.path), ("POST", "/events?shop=7"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some("Maskline"));
    let kept = node.runtime.block_on(node.store.events(0, 9)).unwrap().remove(0);
    assert_eq!(request.json, kept.told().tree());
    let fields: Vec<_> = request.json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 6, "{fields:?}");
    assert_eq!(request.json["type"], "call.answered");
    assert_eq!(request.json["data"]["caller"], "+919876500001");
    assert_eq!(request.header("maskline-event-id"), Some(&*kept.id.to_string()));
    let now = Timestamp::from(std::time::SystemTime::now()).as_millis() / 1000;
    let seconds = request.signed_at("a secret").expect("it is signed");
    assert!((now - 30..=now).contains(&seconds), "{seconds} at {now}");
    assert_eq!(node.waiting(), 0);
    node.stop();
}

#[test]
fn a_url_without_a_path_is_signed_as_it_is_asked_for() {
    let web = Web::start(|_, _| Answer::Status(204));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    for (call, rest) in [("a", ""), ("b", "?shop=7"), ("c", "/"), ("d", "/x%20y?z")] {
        node.keep(&[event(call, EventKind::CallAnswered, &web.url(rest))]);
    }
    node.wait("delivered", 4);
    let seen = web.seen();
    let mut paths: Vec<_> = seen.iter().map(|request| &*request.path).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/", "/", "/?shop=7", "/x%20y?z"]);
    for request in &seen {
        assert!(request.signed_at("a secret").is_some(), "{}", request.path);
        assert!(request.signed_at("another").is_none());
    }
    node.stop();
}

#[test]
fn without_a_secret_nothing_is_signed_and_other_settings_hold_at_once() {
    let web = Web::start(|_, _| Answer::Status(200));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &Webhooks { secret: None, ..settings() });
    node.keep(&[event("a", EventKind::CallStarted, &web.url("/"))]);
    node.wait("delivered", 1);
    let status_url = Some(web.url("/all").into());
    node.callbacks.reconfigure(&Webhooks { status_url, ..settings() });
    node.keep(&[event("b", EventKind::CallStarted, &web.url("/"))]);
    node.wait("delivered", 3);
    let seen = web.seen();
    assert_eq!(seen[0].header("maskline-signature"), None);
    assert!(seen[1..].iter().all(|request| request.header("maskline-signature").is_some()));
    let mut paths: Vec<_> = seen.iter().map(|request| &*request.path).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/", "/", "/all"]);
    node.stop();
}

#[test]
fn whatever_a_server_does_each_call_is_told_in_order() {
    let trap = Web::start(|_, _| Answer::Status(200));
    let elsewhere = trap.url("/trap");
    // The first try of each event fails, each in another way.
    let web = Web::start(move |request, tries| match (tries, &*request.json["type"].to_string()) {
        (1, "\"call.started\"") => Answer::Status(500),
        (1, "\"call.ringing\"") => Answer::Redirect(elsewhere.clone()),
        (1, "\"call.answered\"") => Answer::Close,
        (1, _) => Answer::Late(Duration::from_secs(2)),
        _ => Answer::Long(200),
    });
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &Webhooks { timeout: Duration::from_millis(500), ..settings() });
    for call in ["a", "b", "c"] {
        node.keep(&all_of(call, &web.url("/")));
    }
    node.wait("delivered", 12);
    for call in ["a", "b", "c"] {
        assert_eq!(taken(&web, call), names(), "{call}");
    }
    assert_eq!(node.counted("failed"), 12, "each once");
    assert_eq!((node.counted("given-up"), node.waiting()), (0, 0));
    assert!(trap.seen().is_empty(), "no redirect is followed");
    node.stop();
}

#[test]
fn what_was_not_told_is_told_after_a_restart() {
    let is_up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let web = Web::start(move |_, _| match up.load(std::sync::atomic::Ordering::SeqCst) {
        true => Answer::Status(200),
        false => Answer::Status(503),
    });
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    node.keep(&all_of("a", &web.url("/")));
    node.keep(&all_of("b", &web.url("/")));
    node.wait("failed", 2);
    let metrics = Arc::clone(&node.metrics);
    node.stop();
    assert_eq!(metrics.callback_queue.get(), 8);
    assert!(web.seen().iter().all(|request| request.json["type"] == "call.started"));
    is_up.store(true, std::sync::atomic::Ordering::SeqCst);
    let node = Node::start(folder.path(), &settings());
    assert_eq!(node.waiting(), 8);
    node.wait("delivered", 8);
    assert_eq!((taken(&web, "a"), taken(&web, "b")), (names(), names()));
    assert_eq!(node.waiting(), 0);
    node.stop();
}

#[test]
fn a_dead_url_holds_up_nobody_else() {
    let dead = Web::start(|_, _| Answer::Late(Duration::from_secs(60)));
    let web = Web::start(|_, _| Answer::Status(200));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    let waiting: Vec<Entry> =
        (0..300).map(|call| event(&format!("dead-{call}"), EventKind::CallStarted, &dead.url("/"))).collect();
    node.keep(&waiting);
    dead.wait(16);
    let begun = Instant::now();
    node.keep(&all_of("alive", &web.url("/")));
    node.wait("delivered", 4);
    assert_eq!(taken(&web, "alive"), names());
    assert!(begun.elapsed() < Duration::from_secs(3), "the dead ones take three seconds each");
    assert_eq!(dead.most_at_once(), 16, "so many to a host at first, and no more");
    node.stop();
}

#[test]
fn a_host_that_answers_well_is_sent_more_at_a_time() {
    let web = Web::start(|_, _| Answer::Late(Duration::from_millis(400)));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &Webhooks { timeout: Duration::from_secs(20), ..settings() });
    let waiting: Vec<Entry> =
        (0..400).map(|call| event(&format!("call-{call}"), EventKind::CallStarted, &web.url("/"))).collect();
    node.keep(&waiting);
    node.wait("delivered", 400);
    assert!(web.most_at_once() > 64, "{} at once", web.most_at_once());
    assert_eq!(web.seen().len(), 400, "each once");
    node.stop();
}

#[test]
fn a_host_that_fails_is_sent_few_at_a_time() {
    let web = Web::start(|_, _| Answer::LateFailure(Duration::from_millis(300)));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    let waiting: Vec<Entry> =
        (0..200).map(|call| event(&format!("call-{call}"), EventKind::CallStarted, &web.url("/"))).collect();
    node.keep(&waiting);
    node.wait("failed", 16);
    assert_eq!(web.most_at_once(), 16);
    web.count_anew();
    node.wait("failed", 16 + 20);
    // The next may come before the end of one is counted there.
    assert!((4..8).contains(&web.most_at_once()), "{} at once", web.most_at_once());
    node.stop();
}

#[test]
fn what_is_not_public_is_not_called() {
    let web = Web::start(|_, _| Answer::Status(200));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &Webhooks { allow_private_webhooks: false, ..settings() });
    let port = web.port();
    let hosts = ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"];
    for (count, host) in hosts.iter().enumerate() {
        node.keep(&[event(
            &format!("call-{count}"),
            EventKind::CallStarted,
            &format!("http://{host}:{port}/"),
        )]);
    }
    node.wait("failed", hosts.len() as u64);
    assert_eq!((web.connections(), node.counted("delivered")), (0, 0));
    node.callbacks.reconfigure(&settings());
    node.wait("delivered", hosts.len() as u64);
    assert_eq!(web.seen().len(), hosts.len(), "they reach it where that is allowed");
    node.stop();
}

#[test]
fn what_cannot_be_told_is_given_up() {
    let web = Web::start(|_, _| Answer::Status(500));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    node.keep(&[event("a", EventKind::CallStarted, "http://user@127.0.0.1/#no-url")]);
    let Entry::Event(mut old) = event("b", EventKind::CallStarted, &web.url("/")) else { unreachable!() };
    // It is a day old before its third try at the latest.
    old.at = old.at.before(Duration::from_secs(24 * 3600 - 2));
    node.keep(&[Entry::Event(old), event("b", EventKind::CallEnded, &web.url("/"))]);
    node.wait("given-up", 2);
    let told = || {
        let mut told: Vec<Value> = web.seen().iter().map(|request| request.json["type"].clone()).collect();
        told.dedup();
        told
    };
    let end = Instant::now() + Duration::from_secs(20);
    while told().len() < 2 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(told(), ["call.started", "call.ended"], "then it is the next one's turn");
    assert_eq!(node.waiting(), 1);
    node.stop();
}

#[test]
fn https_is_spoken_and_no_certificate_is_taken_on_trust() {
    let web = Web::start(|_, _| Answer::Status(200));
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &settings());
    node.keep(&[event("a", EventKind::CallStarted, &web.url("/").replace("http:", "https:"))]);
    node.wait("failed", 1);
    // A TLS handshake record (RFC 8446 section 5.1).
    assert_eq!(web.first_bytes()[0][..2], [0x16, 0x03]);
    assert_eq!(node.counted("delivered"), 0);
    node.stop();
}
