//! The loop that takes from the store what is due, and sends it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use super::backoff;
use super::client::Client;
use super::fault::SendFault;
use super::pace::Pace;
use super::sign::signature;
use crate::base::link::read_link;
use crate::base::metrics::WithResult;
use crate::base::settings::Webhooks;
use crate::base::{Metrics, Random, Timestamp, hide_host};
use crate::ledger::{Callback, CallbackClaim, CallbackHost, Settled, Store, StoreFault};

/// Callbacks that are sent at a time.
const AT_A_TIME: usize = 512;
/// How long the store is left alone where nothing is due.
const REST: Duration = Duration::from_secs(1);
/// How much longer than its answer may take a callback is ours.
const LEASE: Duration = Duration::from_secs(10);

/// What the thread works with.
pub(super) struct Worker {
    store: Arc<dyn Store>,
    settings: watch::Receiver<Webhooks>,
    metrics: Arc<Metrics>,
    random: Random,
    wake: Arc<Notify>,
    client: Client,
    sending: JoinSet<bool>,
    /// The host of each that is being sent.
    under_way: HashMap<Id, Box<str>>,
    /// Those that callbacks wait for or are on their way to.
    hosts: HashMap<Box<str>, Host>,
    is_away: bool,
}

/// What is known of a host.
#[derive(Default)]
struct Host {
    pace: Pace,
    under_way: usize,
    /// Its last callback was not delivered, which the log has told.
    is_failing: bool,
}

impl Worker {
    pub(super) fn new(
        store: Arc<dyn Store>,
        settings: watch::Receiver<Webhooks>,
        metrics: Arc<Metrics>,
        random: Random,
        wake: Arc<Notify>,
    ) -> io::Result<Self> {
        let client = Client::new(&settings.borrow())?;
        Ok(Self {
            store,
            settings,
            metrics,
            random,
            wake,
            client,
            sending: JoinSet::new(),
            under_way: HashMap::new(),
            hosts: HashMap::new(),
            is_away: false,
        })
    }

    /// Sends until it is told to stop, and then once more.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        loop {
            let rest = self.round().await;
            tokio::select! {
                _ = &mut stop => break,
                Some(sent) = self.sending.join_next_with_id() => self.sent(sent),
                () = self.wake.notified() => {}
                () = sleep(rest) => {}
            }
            while let Some(sent) = self.sending.try_join_next_with_id() {
                self.sent(sent);
            }
        }
        self.round().await;
        while let Some(sent) = self.sending.join_next_with_id().await {
            self.sent(sent);
        }
    }

    /// Begins to send what is due and has room; how long there is nothing more to be done.
    async fn round(&mut self) -> Duration {
        if self.settings.has_changed().unwrap_or(false) {
            match Client::new(&self.settings.borrow_and_update()) {
                Ok(client) => self.client = client,
                Err(error) => tracing::error!(%error, "callbacks keep the settings before"),
            }
        }
        let rest = self.begin().await;
        if let Err(fault) = &rest
            && !self.is_away
        {
            tracing::error!(%fault, "callbacks wait");
        }
        self.is_away = rest.is_err();
        rest.unwrap_or(REST)
    }

    async fn begin(&mut self) -> Result<Duration, StoreFault> {
        let mut waiting = self.store.callback_hosts().await?;
        let names: HashSet<&str> = waiting.iter().map(|host| &*host.host).collect();
        self.hosts.retain(|name, host| host.under_way > 0 || names.contains(&**name));
        // Whoever has the fewest under way comes first.
        waiting.sort_by_key(|host| (self.under_way(&host.host), host.due_at));
        let now = now();
        let (mut rest, mut unreadable) = (REST, None);
        for CallbackHost { host, due_at } in waiting {
            if due_at > now {
                rest = rest.min(Duration::from_millis(due_at.as_millis() - now.as_millis()));
                continue;
            }
            let known = self.hosts.entry(host.clone()).or_default();
            let room = known.pace.room(known.under_way).min(AT_A_TIME - self.under_way.len());
            if room > 0 {
                match self.send_due(host, room, now).await {
                    // What is wrong with one host's rows holds up no other host.
                    Err(fault @ StoreFault::Unreadable(_)) => unreadable = Some(fault),
                    done => done?,
                }
            }
        }
        unreadable.map_or(Ok(rest), Err)
    }

    /// How many to a host are being sent.
    fn under_way(&self, host: &str) -> usize {
        self.hosts.get(host).map_or(0, |host| host.under_way)
    }

    async fn send_due(&mut self, host: Box<str>, room: usize, now: Timestamp) -> Result<(), StoreFault> {
        let until = now.after(self.settings.borrow().timeout + LEASE);
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let claim = CallbackClaim { host: host.clone(), limit, now, until };
        for callback in self.store.claim_callbacks(&claim).await? {
            let sending = Sending {
                store: Arc::clone(&self.store),
                metrics: Arc::clone(&self.metrics),
                random: self.random.fork(),
                client: self.client.clone(),
                settings: self.settings.borrow().clone(),
                callback,
            };
            let task = self.sending.spawn(sending.run());
            self.under_way.insert(task.id(), host.clone());
            self.hosts.entry(host.clone()).or_default().under_way += 1;
        }
        Ok(())
    }

    /// One has been sent, well or not.
    fn sent(&mut self, sent: Result<(Id, bool), tokio::task::JoinError>) {
        let (id, is_delivered) = sent.unwrap_or_else(|error| (error.id(), false));
        let Some(name) = self.under_way.remove(&id) else { return };
        let host = self.hosts.entry(name.clone()).or_default();
        host.pace.note(is_delivered, host.under_way);
        host.under_way -= 1;
        if is_delivered && host.is_failing {
            tracing::info!(host = hide_host(&name), "callbacks are delivered again");
        } else if !is_delivered && !host.is_failing {
            tracing::warn!(host = hide_host(&name), "callbacks are not delivered: they are sent again");
        }
        host.is_failing = !is_delivered;
    }
}

/// One callback on its way.
struct Sending {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    random: Random,
    client: Client,
    settings: Webhooks,
    callback: Callback,
}

impl Sending {
    /// Sends it, and notes what came of it. Whether it is delivered.
    async fn run(mut self) -> bool {
        let sent = match self.request() {
            Some(request) => self.client.send(request).await,
            None => Err(SendFault::Url),
        };
        let Callback { tries, event, .. } = &self.callback;
        let (result, settled) = match sent {
            Ok(()) => ("delivered", Settled::Over(now())),
            // No later try would find another URL.
            Err(SendFault::Url) => ("given-up", Settled::Over(now())),
            Err(_) => match backoff::after(*tries, event.event.at, now(), &mut self.random) {
                over @ Settled::Over(_) => ("given-up", over),
                again @ Settled::Again(_) => ("failed", again),
            },
        };
        if let Err(why) = sent {
            let kind = event.event.kind.as_str();
            if result == "given-up" {
                tracing::error!(event = event.id, kind, tries, %why, "a callback is given up");
            } else {
                tracing::debug!(event = event.id, kind, tries, %why, "a callback is not delivered");
            }
        }
        if let Err(fault) = self.store.settle_callback(&self.callback, settled).await {
            // It stays where it is, and is sent again when it is nobody's any more.
            tracing::error!(%fault, event = event.id, "what came of a callback could not be noted");
        }
        self.metrics.callbacks.get_or_create(&WithResult { result }).inc();
        sent.is_ok()
    }

    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let Callback { url, event, .. } = &self.callback;
        let body = event.told().to_string();
        let url = read_link(url)?;
        // As it is asked for: with a path.
        let signed = url.to_string();
        let mut request = Request::post(url)
            .header("content-type", "application/json")
            .header("user-agent", "Maskline")
            .header("maskline-event-id", event.id);
        if let Some(secret) = &self.settings.secret {
            let signature = signature(secret, now().as_millis() / 1000, "POST", &signed, body.as_bytes());
            request = request.header("maskline-signature", signature);
        }
        request.body(Full::from(body)).ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge: what is due is told by the time of day")]
pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}
