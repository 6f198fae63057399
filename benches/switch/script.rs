//! Calls between two trunks, written down once and played as often as wanted.
//!
//! The switch is a pure machine: with the same seed it draws the same tags and branches, so what the far ends said to
//! one switch fits another just as well, and no message has to be written while the clock runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use maskline::base::settings::Settings;
use maskline::base::time::Anchor;
use maskline::base::{Flow, Random, Shards, Timestamp, Transport};
use maskline::call::{Listener, Policy};
use maskline::ledger::Book;
use maskline::relay;
use maskline::route::{self, Index};
use maskline::sip::{Message, Method, Name, Request, Status, Writer};
use maskline::switch::{Input, Output, Registry, Switch};

const OWN: &str = "198.51.100.7:5060";
const CALLER: &str = "203.0.113.10:5060";
const CALLEE: &str = "203.0.113.20:5060";

const SETTINGS: &str = r#"
[sip]
listen = ["udp:198.51.100.7:5060"]
[media]
ports = "20000-29999"
[api]
listen = "127.0.0.1:8080"
[store]
url = "sqlite:bench.db"
[numbers]
country = "IN"
owned = ["+918045550101", "+918045550102"]
[[trunks]]
name = "caller"
sources = ["203.0.113.10/32"]
target = "sip:203.0.113.10:5060"
prefixes = ["+91987650000"]
[[trunks]]
name = "callee"
sources = ["203.0.113.20/32"]
target = "sip:203.0.113.20:5060"
[[mappings]]
dialled = "+918045550101"
caller = "+919876500001"
destination = "+918012345678"
show = "+918045550102"
"#;

const SDP: &str = "v=0\r\no=root 1821 1821 IN IP4 203.0.113.9\r\ns=call\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n\
    m=audio 18540 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// What both far ends say, call after call.
pub(crate) struct Script {
    policy: Arc<Policy>,
    start: Instant,
    /// The messages of each call, in order.
    calls: Vec<Vec<(Flow, Bytes)>>,
}

impl Script {
    /// Plays `count` calls with two far ends that answer, and writes down what they say.
    pub(crate) fn record(start: Instant, count: usize) -> Self {
        let settings = Settings::parse(SETTINGS, "bench.toml".as_ref()).expect("the settings are sound");
        let own: SocketAddr = OWN.parse().expect("it is an address");
        let listener = Listener {
            transport: Transport::Udp,
            bind: own,
            public: own,
            media_bind: own.ip(),
            media_public: own.ip(),
        };
        let policy = Arc::new(Policy {
            index: Arc::new(Index::new(Arc::new(settings))),
            listeners: vec![listener],
            shards: Shards::new(1),
            max_calls: usize::MAX,
        });
        let mut script = Self { policy, start, calls: Vec::new() };
        let mut run = Run::new(&script);
        for number in 0..count {
            let mut said = vec![invite(number)];
            let mut next = 0;
            while let Some((flow, bytes)) = said.get(next).cloned() {
                for sent in run.hear(flow, bytes) {
                    said.extend(reply(number, &sent));
                }
                next += 1;
            }
            script.calls.push(said);
        }
        script
    }

    /// Plays the first calls of the script to a new switch, and gives the time that it took.
    pub(crate) fn play(&self, count: usize) -> Duration {
        let mut run = Run::new(self);
        let clock = super::start();
        for call in &self.calls[..count] {
            for (flow, bytes) in call {
                run.hear(*flow, bytes.clone());
            }
        }
        run.end();
        let taken = clock.elapsed();
        assert_eq!((run.records, run.switch.calls(), run.switch.transactions()), (count, 0, 0));
        taken
    }
}

/// One switch and what is around it.
struct Run {
    policy: Arc<Policy>,
    book: Book,
    switch: Switch,
    now: Instant,
    records: usize,
}

impl Run {
    fn new(script: &Script) -> Self {
        let mut random = Random::from_number(1);
        let registry = Arc::new(Registry::new(script.start, &mut random));
        let anchor = Anchor::new(script.start, SystemTime::UNIX_EPOCH);
        let switch = Switch::new(0, script.policy.clone(), registry, random, anchor);
        Self { policy: script.policy.clone(), book: Book::new(), switch, now: script.start, records: 0 }
    }

    /// A message comes in, 100 µs after the last; what the switch sends comes back.
    fn hear(&mut self, flow: Flow, bytes: Bytes) -> Vec<Bytes> {
        self.now += Duration::from_micros(100);
        if self.switch.next_deadline().is_some_and(|at| at <= self.now) {
            self.switch.advance(self.now);
        }
        self.switch.handle(self.now, Input::Message { flow, bytes });
        self.drain()
    }

    /// Lets every timer fire.
    fn end(&mut self) {
        while let Some(at) = self.switch.next_deadline() {
            self.switch.advance(at);
            self.drain();
        }
    }

    /// Does what the switch wants done, as the edges would.
    fn drain(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        while let Some(output) = self.switch.poll() {
            let answer = match output {
                Output::Send { bytes, .. } | Output::Answer { bytes, .. } => {
                    sent.push(bytes);
                    None
                }
                Output::Decide { call, question, .. } => {
                    let decision =
                        route::decide(&self.policy.index, &self.book, Timestamp::default(), &question);
                    Some(Input::Decided { call, decision })
                }
                Output::Media(relay::Command::Open { relay, .. }) => {
                    Some(Input::Media(relay::Event::Opened { relay, ports: [20_000, 20_002] }))
                }
                Output::Media(relay::Command::Close { relay }) => {
                    Some(Input::Media(relay::Event::Closed { relay, quality: Default::default() }))
                }
                Output::Record(record) => {
                    assert_eq!(record.status, Some(200), "the call is answered");
                    self.records += 1;
                    None
                }
                Output::Place { .. }
                | Output::Dial { .. }
                | Output::Prepare { .. }
                | Output::Ask { .. }
                | Output::Tell(_)
                | Output::Media(_)
                | Output::Progress { .. }
                | Output::Resolve { .. } => None,
            };
            if let Some(input) = answer {
                self.switch.handle(self.now, input);
            }
        }
        sent
    }
}

fn flow(remote: &str) -> Flow {
    let address = |text: &str| text.parse().expect("it is an address");
    Flow { transport: Transport::Udp, local: address(OWN), remote: address(remote), connection: None }
}

fn invite(number: usize) -> (Flow, Bytes) {
    let mut writer = Writer::request(&Method::INVITE, "sip:+918045550101@198.51.100.7:5060;user=phone");
    writer
        .header(Name::Via, format_args!("SIP/2.0/UDP {CALLER};rport;branch=z9hG4bKcaller{number}"))
        .header(Name::MaxForwards, 68)
        .header(Name::From, format_args!("\"Asha\" <sip:+919876500001@203.0.113.10>;tag=a{number}"))
        .header(Name::To, "<sip:+918045550101@198.51.100.7>")
        .header(Name::CallId, format_args!("1a2b3c4d5e6f7081{number}@203.0.113.10"))
        .header(Name::CSeq, "102 INVITE")
        .header(Name::Contact, format_args!("<sip:asha@{CALLER}>"))
        .header(Name::Allow, "INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO")
        .header(Name::PAssertedIdentity, "<sip:+919876500001@203.0.113.10>")
        .header(Name::UserAgent, "Trunk 4.2");
    (flow(CALLER), writer.body("application/sdp", SDP.as_bytes()))
}

/// What the far end that a message was sent to says to it.
fn reply(number: usize, sent: &Bytes) -> Vec<(Flow, Bytes)> {
    match Message::parse(sent.clone()).expect("the switch writes what can be read") {
        Message::Request(request) => match *request.method() {
            Method::INVITE => vec![answer(&request, Status::RINGING), answer(&request, Status::OK)],
            Method::BYE => vec![answer(&request, Status::OK)],
            _ => Vec::new(),
        },
        Message::Response(response) => {
            let (to, contact) = (response.to(), response.header(Name::Contact));
            match (response.status(), &response.cseq().method, contact) {
                (Status::OK, &Method::INVITE, Some(contact)) => {
                    let uri = contact.trim_matches(['<', '>']);
                    let within = |method: &Method, cseq: u32| within(number, method, cseq, uri, to.as_str());
                    vec![within(&Method::ACK, 102), within(&Method::BYE, 103)]
                }
                _ => Vec::new(),
            }
        }
    }
}

fn answer(request: &Request, status: Status) -> (Flow, Bytes) {
    let own = OWN.parse().expect("it is an address");
    let mut writer = Writer::response(status, &request.echo(own), Some("callee"));
    writer.header(Name::Contact, format_args!("<sip:ravi@{CALLEE}>")).header(Name::Server, "Trunk 4.2");
    let has_body = status == Status::OK && *request.method() == Method::INVITE;
    let bytes = if has_body { writer.body("application/sdp", SDP.as_bytes()) } else { writer.finish() };
    (flow(CALLEE), bytes)
}

fn within(number: usize, method: &Method, cseq: u32, uri: &str, to: &str) -> (Flow, Bytes) {
    let mut writer = Writer::request(method, uri);
    writer
        .header(Name::Via, format_args!("SIP/2.0/UDP {CALLER};rport;branch=z9hG4bK{method}{number}"))
        .header(Name::MaxForwards, 68)
        .header(Name::From, format_args!("\"Asha\" <sip:+919876500001@203.0.113.10>;tag=a{number}"))
        .header(Name::To, to)
        .header(Name::CallId, format_args!("1a2b3c4d5e6f7081{number}@203.0.113.10"))
        .header(Name::CSeq, format_args!("{cseq} {method}"));
    (flow(CALLER), writer.finish())
}
