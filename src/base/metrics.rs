//! What is counted, and how it is written for Prometheus. The names are documented in the README; no label ever holds a
//! number, an address, or anything else that a party or a request chose.
//!
//! The handles are typed and shared by reference: whoever has `Metrics` counts by one atomic step (a histogram by a
//! lock that is never held for long). Nothing is registered by name at run time, and there is no global recorder.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The handles, and the registry that writes them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Calls going on, by state.
    pub calls: Family<InState, Gauge>,
    /// Calls that are over, by result.
    pub calls_ended: Family<WithResult, Counter>,
    /// How long decisions took.
    pub decision: Histogram,
    /// From INVITE to the callee's first ringing or its answer.
    pub setup: Histogram,
    /// SIP transactions begun, by kind.
    pub transactions: Family<OfKind, Counter>,
    /// SIP messages sent again, or received again.
    pub retransmissions: Family<Directed, Counter>,
    /// Messages that the egress guard replaced since they would have told of the other party: each is an alarm.
    pub guarded: Counter,
    /// RTP packets.
    pub packets: Family<Directed, Counter>,
    /// RTP packets of parties that were lost on their way to us.
    pub packets_lost: Counter,
    /// RTP packets that we let fall: from strangers, broken, or too many.
    pub packets_dropped: Counter,
    /// Media ports that calls hold now.
    pub ports_in_use: Gauge,
    /// Media ports there are.
    pub ports: Gauge,
    /// Sessions in the index that have not ended.
    pub sessions: Gauge,
    /// Entries in the journal that the database has not taken yet.
    pub store_queue: Gauge,
    /// SIP messages that left before the journal had the records of calls that they were to wait for: its disk is full,
    /// or took longer than 200 ms.
    pub overtaken: Counter,
    /// 1 while the database answers and takes writes, else 0.
    pub store_up: Gauge,
    /// Callbacks that wait to be sent.
    pub callback_queue: Gauge,
    /// Callbacks that were sent, by what came of it: `delivered`, `failed` (it is sent again), `given-up`.
    pub callbacks: Family<WithResult, Counter>,
    /// Answers of the API, by method, route template and status.
    pub http: Family<Answered, Counter>,
    /// How long the API took to begin an answer, by route template.
    pub http_time: Family<Routed, Histogram>,
    /// Event streams that are open.
    pub event_streams: Gauge,
}

/// A state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InState {
    /// Which.
    pub state: CallState,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallState {
    /// Decided, and nobody has answered.
    SettingUp,
    /// The parties are connected.
    Connected,
}

/// The result of a call, or of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WithResult {
    /// For a call as in the record's `outcome`.
    pub result: &'static str,
}

/// A kind of transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfKind {
    /// Which of the four machines of RFC 3261 section 17.
    pub kind: TransactionKind,
}

/// The four machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// RFC 3261 section 17.1.1.
    InviteClient,
    /// RFC 3261 section 17.1.2.
    Client,
    /// RFC 3261 section 17.2.1.
    InviteServer,
    /// RFC 3261 section 17.2.2.
    Server,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Directed {
    /// Seen from this process.
    pub direction: Direction,
}

/// Seen from this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Came in.
    Received,
    /// Went out.
    Sent,
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    /// One of the methods that are served, or `OTHER`.
    pub method: &'static str,
    /// The route's template, as in `/v1/sessions/{id}`, or `unknown`.
    pub route: String,
    /// The status.
    pub status: u16,
}

/// A route of the API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Routed {
    /// The route's template, as in `/v1/sessions/{id}`, or `unknown`.
    pub route: String,
}

/// Gives each word its text in a label.
macro_rules! words {
    ($name:ident { $($word:ident => $text:literal),+ $(,)? }) => {
        impl EncodeLabelValue for $name {
            fn encode(
                &self,
                encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
            ) -> Result<(), fmt::Error> {
                let text = match self { $($name::$word => $text),+ };
                text.encode(encoder)
            }
        }
    };
}

words!(CallState { SettingUp => "setting-up", Connected => "connected" });
words!(TransactionKind {
    InviteClient => "invite-client",
    Client => "client",
    InviteServer => "invite-server",
    Server => "server",
});
words!(Direction { Received => "received", Sent => "sent" });

/// From a microsecond, since a decision is a few look-ups in memory, to a tenth of a second.
const DECISION: [f64; 14] = [
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.005,
    0.01,
    0.05,
    0.1,
];
/// From a tenth of a millisecond to 6 s.
const SHORT: [f64; 14] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 6.0];
/// From 10 ms to a minute of ringing.
const LONG: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            calls: Family::default(),
            calls_ended: Family::default(),
            decision: Histogram::new(DECISION),
            setup: Histogram::new(LONG),
            transactions: Family::default(),
            retransmissions: Family::default(),
            guarded: Counter::default(),
            packets: Family::default(),
            packets_lost: Counter::default(),
            packets_dropped: Counter::default(),
            ports_in_use: Gauge::default(),
            ports: Gauge::default(),
            sessions: Gauge::default(),
            store_queue: Gauge::default(),
            overtaken: Counter::default(),
            store_up: Gauge::default(),
            callback_queue: Gauge::default(),
            callbacks: Family::default(),
            http: Family::default(),
            http_time: Family::new_with_constructor(|| Histogram::new(SHORT)),
            event_streams: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("maskline");
        metrics.register_calls(&mut registry);
        metrics.register_edges(&mut registry);
        metrics.registry = registry;
        metrics
    }
}

impl Metrics {
    fn register_calls(&self, to: &mut Registry) {
        to.register("build", "The version that runs.", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        to.register("calls_in_progress", "Calls going on, by state.", self.calls.clone());
        to.register("calls", "Calls that are over, by result.", self.calls_ended.clone());
        let help = "How long decisions took.";
        to.register_with_unit("call_decision", help, Unit::Seconds, self.decision.clone());
        let help = "From the INVITE to the callee's first ringing or its answer.";
        to.register_with_unit("call_setup", help, Unit::Seconds, self.setup.clone());
        let help = "SIP transactions begun, by kind.";
        to.register("sip_transactions", help, self.transactions.clone());
        let help = "SIP messages sent again, or received again.";
        to.register("sip_retransmissions", help, self.retransmissions.clone());
        let help = "Messages that the egress guard replaced: each is an alarm.";
        to.register("sip_guarded", help, self.guarded.clone());
    }

    fn register_edges(&self, to: &mut Registry) {
        to.register("rtp_packets", "RTP packets, by direction.", self.packets.clone());
        let help = "RTP packets of parties that were lost on their way to us.";
        to.register("rtp_packets_lost", help, self.packets_lost.clone());
        to.register("rtp_packets_dropped", "RTP packets that we let fall.", self.packets_dropped.clone());
        to.register("media_ports_in_use", "Media ports that calls hold now.", self.ports_in_use.clone());
        to.register("media_ports", "Media ports there are.", self.ports.clone());
        to.register("sessions", "Sessions that have not ended.", self.sessions.clone());
        let help = "Entries in the journal that the database has not taken yet.";
        to.register("store_queue", help, self.store_queue.clone());
        let help = "SIP messages that left before the journal had the records that they were to wait for.";
        to.register("journal_overtaken", help, self.overtaken.clone());
        to.register("store_up", "1 while the database takes writes, else 0.", self.store_up.clone());
        to.register("callback_queue", "Callbacks that wait to be sent.", self.callback_queue.clone());
        to.register("callbacks", "Callbacks that were sent, by result.", self.callbacks.clone());
        let help = "Answers of the API, by method, route template and status.";
        to.register("http_requests", help, self.http.clone());
        let help = "How long the API took to begin an answer, by route template.";
        to.register_with_unit("http_request", help, Unit::Seconds, self.http_time.clone());
        to.register("event_streams", "Event streams that are open.", self.event_streams.clone());
    }

    /// Everything, in the text format of OpenMetrics 1.0, which Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(8192);
        encode(&mut text, &self.registry).expect("writing into a String does not fail");
        text
    }

    /// Counts a SIP transaction that begins.
    pub fn transaction(&self, kind: TransactionKind) {
        self.transactions.get_or_create(&OfKind { kind }).inc();
    }

    /// Counts a SIP message that is sent, or comes, again.
    pub fn again(&self, direction: Direction) {
        self.retransmissions.get_or_create(&Directed { direction }).inc();
    }

    /// Counts an answer of the API.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.http_time.get_or_create(&Routed { route: route.clone() }).observe(took.as_secs_f64());
        self.http.get_or_create(&Answered { method, route, status }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_written_under_its_documented_name() {
        let metrics = Metrics::default();
        metrics.calls.get_or_create(&InState { state: CallState::SettingUp }).inc();
        metrics.calls_ended.get_or_create(&WithResult { result: "no-answer" }).inc();
        metrics.decision.observe(0.000_002);
        metrics.retransmissions.get_or_create(&Directed { direction: Direction::Sent }).inc_by(3);
        metrics.answered("GET", "/v1/sessions/{id}", 404, Duration::from_millis(2));
        let text = metrics.render();
        for line in [
            "maskline_calls_in_progress{state=\"setting-up\"} 1",
            "maskline_calls_total{result=\"no-answer\"} 1",
            "maskline_call_decision_seconds_bucket{le=\"0.000001\"} 0",
            "maskline_call_decision_seconds_bucket{le=\"0.0000025\"} 1",
            "maskline_sip_retransmissions_total{direction=\"sent\"} 3",
            "maskline_sip_guarded_total 0",
            "maskline_http_requests_total{method=\"GET\",route=\"/v1/sessions/{id}\",status=\"404\"} 1",
            "maskline_http_request_seconds_count{route=\"/v1/sessions/{id}\"} 1",
            "maskline_store_queue 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
