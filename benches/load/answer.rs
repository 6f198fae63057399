//! What asking a web service adds to a call, beyond the service's own time: the service is in this process, and answers
//! with somebody to call.
//!
//! Callers and callees are told apart by their last digits, so that a call is known on both sides of the switch.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Scope, ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::latency::Times;
use crate::process::resident;
use crate::support::agent::{Agent, header};
use crate::support::instance::Instance;

/// Callers, each with a callee of its own; with 200 calls a second each calls every half second.
const CALLERS: u32 = 100;
/// From the start of one call to the start of the next: 200 calls a second.
const PACE: Duration = Duration::from_millis(5);
/// The same of those that wait: 500 a second.
const WAITING_PACE: Duration = Duration::from_millis(2);
/// How long the slow service takes: longer than it is measured that calls wait for it.
const SLOW: Duration = Duration::from_secs(5);

/// Masking numbers: one that is mapped, and those that ask a service which takes so many milliseconds.
pub(crate) const MAPPED: &str = "+918045550190";
pub(crate) const AT_ONCE: &str = "+918045550191";
pub(crate) const AFTER_20_MS: &str = "+918045550192";
const AFTER_5_S: &str = "+918045550193";

/// The settings of [`MAPPED`] and the others, after those of the scenarios.
pub(crate) fn settings(scenarios: &str) -> String {
    let mut settings = scenarios
        .replace(
            "\"+918045550199\",",
            &format!("\"{MAPPED}\", \"{AT_ONCE}\", \"{AFTER_20_MS}\", \"{AFTER_5_S}\""),
        )
        .replace("[\"+919876500002\"]", "[\"+919876500002\", \"+9170\"]")
        // So that nobody gives up before the slow service answers.
        .replace("[call]", "[call]\ndecide = \"20s\"");
    assert!(settings.contains(MAPPED) && settings.contains("+9170") && settings.contains("decide"));
    for place in 0..CALLERS {
        let (caller, callee) = (caller(place), callee(place));
        settings += &format!(
            "\n[[mappings]]\ndialled = \"{MAPPED}\"\ncaller = \"{caller}\"\ndestination = \"{callee}\"\nshow = \"{MAPPED}\"\n"
        );
    }
    for (number, millis) in [(AT_ONCE, 0), (AFTER_20_MS, 20), (AFTER_5_S, SLOW.as_millis())] {
        let url = format!("http://127.0.0.4:8080/{millis}");
        settings += &format!("\n[[mappings]]\ndialled = \"{number}\"\nanswer_url = \"{url}\"\n");
    }
    settings + "\n[webhooks]\nallow_private_webhooks = true\ntimeout = \"8s\"\n"
}

fn caller(place: u32) -> String {
    format!("+91987654{place:04}")
}

fn callee(place: u32) -> String {
    format!("+91707654{place:04}")
}

/// The service, until the process ends.
#[derive(Clone, Default)]
pub(crate) struct Service {
    /// How long its answers took it, since [`Service::times`].
    took: Arc<Mutex<Vec<Duration>>>,
}

impl Service {
    /// Starts it where the settings name it.
    pub(crate) fn start(instance: &Instance) -> Self {
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let service = Self::default();
        let address = SocketAddr::new(instance.subnet.host(4), instance.subnet.api);
        let router = Router::new().route("/{millis}", post(answer)).with_state(service.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).expect("the port is free");
        std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
        service
    }

    fn times(&self) -> Times {
        Times(std::mem::take(&mut *self.took.lock().expect("nobody panics with it")))
    }
}

/// Whom the caller is connected with.
async fn answer(State(service): State<Service>, Path(millis): Path<u64>, form: String) -> String {
    let begun = Instant::now();
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let from = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "From");
    let (_, from) = from.expect("every request has it");
    let place = from[from.len() - 4..].parse().expect("a caller of ours");
    service.took.lock().expect("nobody panics with it").push(begun.elapsed());
    format!("<Response><Dial><Number>{}</Number></Dial></Response>", callee(place))
}

/// What was measured.
pub(crate) struct Asked {
    /// INVITE from the caller until the callee has one.
    pub(crate) invite: Times,
    /// What of that was the service's.
    pub(crate) service: Times,
}

/// Places so many calls, 200 a second, on a number; every callee is busy.
pub(crate) fn measure(instance: &Instance, service: &Service, number: &str, calls: u32) -> Asked {
    service.times();
    let (over, parties) = (AtomicBool::new(false), Parties::of(instance));
    let invite = scope(|scope| {
        let callee = parties.serve(scope, &over);
        let sent = parties.call(number, calls, PACE);
        callee.join_when(&over).times(&sent)
    });
    Asked { invite, service: service.times() }
}

/// What it costs that many calls wait for a service.
pub(crate) struct Waited {
    /// Memory for each call that waits, in KiB.
    pub(crate) each: f64,
    /// INVITE in to INVITE out of calls that do not ask, beside them.
    pub(crate) beside: Times,
}

/// Has so many calls wait for the slow service, and places others beside them.
pub(crate) fn wait(instance: &Instance, service: &Service, waiting: u32) -> Waited {
    let (over, parties) = (AtomicBool::new(false), Parties::of(instance));
    let waited = scope(|scope| {
        let callee = parties.serve(scope, &over);
        // Until everything that a first call makes is there.
        parties.call(MAPPED, CALLERS, PACE);
        let before = resident(instance.pid());
        let begun = Instant::now();
        parties.call(AFTER_5_S, waiting, WAITING_PACE);
        sleep(Duration::from_millis(200));
        let each = (resident(instance.pid()) - before) / f64::from(waiting);
        let sent = parties.call(MAPPED, 200, PACE);
        assert!(begun.elapsed() < SLOW, "they were still waiting meanwhile");
        sleep(SLOW + Duration::from_secs(2));
        Waited { each, beside: callee.join_when(&over).times(&sent) }
    });
    let answered = service.times().0.len();
    assert_eq!(answered, waiting as usize, "all of them waited for the service");
    waited
}

/// When each INVITE was sent or came, and whose it was.
struct Seen(Vec<(u32, Instant)>);

impl Seen {
    /// From each INVITE that was sent until the callee's came.
    fn times(&self, sent: &Seen) -> Times {
        let mut came: HashMap<u32, Vec<Instant>> = HashMap::new();
        self.0.iter().for_each(|(place, at)| came.entry(*place).or_default().push(*at));
        let time = |(place, at): &(u32, Instant)| {
            let after = came.get(place)?.iter().find(|came| *came >= at)?;
            Some(after.duration_since(*at))
        };
        let times: Vec<Duration> = sent.0.iter().filter_map(time).collect();
        assert_eq!(times.len(), sent.0.len(), "every call came through");
        Times(times)
    }
}

/// The caller's side and the callee's.
struct Parties {
    caller: Agent,
    callee: Agent,
    switch: SocketAddr,
}

/// The callee's side at work.
struct Serving<'s>(ScopedJoinHandle<'s, Seen>);

impl Serving<'_> {
    /// All that came; the last within this second.
    fn join_when(self, over: &AtomicBool) -> Seen {
        sleep(Duration::from_secs(1));
        over.store(true, Ordering::Relaxed);
        self.0.join().expect("it does not panic")
    }
}

impl Parties {
    fn of(instance: &Instance) -> Self {
        let [caller, callee] = [2, 3].map(|host| Agent::bind(instance.subnet.at(host)));
        Self { caller, callee, switch: instance.subnet.switch() }
    }

    /// Answers for both, until it is over.
    fn serve<'s>(&'s self, scope: &'s Scope<'s, '_>, over: &'s AtomicBool) -> Serving<'s> {
        let moment = Duration::from_millis(100);
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if let Some((message, _)) = self.caller.receive(moment) {
                    self.acknowledge(&message);
                }
            }
        });
        Serving(scope.spawn(move || {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let Some((message, from)) = self.callee.receive(moment) else { continue };
                if let Some(called) = message.strip_prefix("INVITE sip:") {
                    seen.push((called[9..13].parse().expect("a callee of ours"), Instant::now()));
                    self.callee.send(from, self.callee.answer(&message, "486 Busy Here"));
                }
            }
            Seen(seen)
        }))
    }

    /// Ends the transaction of an INVITE that was refused.
    fn acknowledge(&self, response: &str) {
        if !response.starts_with("SIP/2.0 4") {
            return;
        }
        let [via, from, to, call_id] = ["Via", "From", "To", "Call-ID"]
            .map(|name| header(response, name).expect("a response has each of them"));
        self.caller.send(
            self.switch,
            format!(
                "ACK sip:{0} SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
                 CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
                self.switch
            ),
        );
    }

    /// Dials a number so many times.
    fn call(&self, number: &str, calls: u32, pace: Duration) -> Seen {
        let start = Instant::now();
        let each = (0..calls).map(|call| {
            sleep((pace * call).saturating_sub(start.elapsed()));
            let place = call % CALLERS;
            let invite = self.caller.invite(self.switch, &caller(place), number);
            let sent = Instant::now();
            self.caller.send(self.switch, invite);
            (place, sent)
        });
        Seen(each.collect())
    }
}
