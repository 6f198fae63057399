//! Torture messages and rubbish, sent to the running binary from an address that it trusts: each gets the answer that
//! its set's index names, and calls go on working after all of them.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use maskline::base::Random;
use socket2::{Domain, Socket, Type};
use support::agent::{Agent, header, place_call, status};
use support::instance::Instance;
use support::torture::{Allowed, Torture, load};

/// The number of the party at host 2, who may dial [`DIALLED`].
const CALLER: &str = "+919876500001";
const DIALLED: &str = "+918045550101";
/// How long silence must last to be believed.
const SILENCE: Duration = Duration::from_millis(300);
/// How long an answer may take: the refusal of a call has a delay of its own.
const ANSWER: Duration = Duration::from_secs(5);

fn start() -> Instance {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    Instance::start(
        &std::fs::read_to_string(folder.join("sip-scenarios/config.toml")).expect("it is shipped"),
    )
}

/// The trunk's side: its SIP port, and the other ports that answers to these messages go to by their Via (RFC 3261
/// section 18.2.2).
struct Trunk {
    agents: Vec<Agent>,
    switch: SocketAddr,
}

impl Trunk {
    fn new(instance: &Instance) -> Self {
        let mut ports = vec![instance.subnet.port, 5060, 5061, 5050, 5070, 6050, 19823, 9];
        ports.dedup();
        let bind = |port| Agent::bind(SocketAddr::new(instance.subnet.host(2), port));
        Self { agents: ports.into_iter().map(bind).collect(), switch: instance.subnet.switch() }
    }

    /// The status of the final response to this message, or `None` if nothing comes.
    fn ask(&self, message: &Torture) -> Option<u16> {
        let patience = if message.allowed == Allowed::Silence { SILENCE } else { ANSWER };
        if message.tcp {
            return self.ask_stream(&message.bytes, patience);
        }
        let may_be_silent = message.allowed.admits(None);
        self.agents[0].send(self.switch, &message.bytes);
        let deadline = Instant::now() + if may_be_silent { SILENCE } else { patience };
        while Instant::now() < deadline {
            for agent in &self.agents {
                if let Some((answer, _)) = agent.receive(Duration::from_millis(1))
                    && belongs(&answer, &message.bytes)
                    && status(&answer).is_none_or(|status| status >= 200)
                {
                    return Some(status(&answer).unwrap_or_else(|| panic!("a request came back:\n{answer}")));
                }
            }
        }
        None
    }

    fn connect(&self) -> TcpStream {
        let from = SocketAddr::new(self.agents[0].address.ip(), 0);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor is left");
        socket.bind(&from.into()).expect("the subnet is this test's own");
        socket.connect(&self.switch.into()).expect("the switch listens on TCP");
        socket.into()
    }

    fn ask_stream(&self, bytes: &[u8], patience: Duration) -> Option<u16> {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("loopback takes it");
        let (answers, _) = read_for(&mut stream, patience, |text| final_statuses(text).count() > 0);
        final_statuses(&answers).next()
    }
}

/// Whether an answer is to this message, and not a late one to another: what it repeats stands in the message.
fn belongs(answer: &str, message: &[u8]) -> bool {
    let message = String::from_utf8_lossy(message);
    let after = |name, mark| {
        let value = header(answer, name).unwrap_or("");
        let token = value.split_once(mark).map_or("", |(_, token)| token);
        token.split([';', ',', ' ']).next().unwrap_or("").to_owned()
    };
    let call_id = header(answer, "Call-ID").unwrap_or("").to_owned();
    [call_id, after("Via", "branch="), after("From", ";tag=")].iter().all(|token| message.contains(token))
}

/// What comes on a stream until `enough`, the end, or the time is over; and whether the end came.
fn read_for(stream: &mut TcpStream, at_most: Duration, enough: impl Fn(&str) -> bool) -> (String, bool) {
    let deadline = Instant::now() + at_most;
    let mut text = String::new();
    let mut buffer = [0; 16_384];
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).expect("the time is not 0");
        match stream.read(&mut buffer) {
            Ok(0) => return (text, true),
            Ok(length) => text += &String::from_utf8_lossy(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (text, true),
            Err(_) => break,
        }
        if enough(&text) {
            break;
        }
    }
    (text, false)
}

fn final_statuses(text: &str) -> impl Iterator<Item = u16> {
    text.split("\r\n").filter_map(status).filter(|status| *status >= 200)
}

/// Messages that share a topmost Via would pass for repetitions of each other: they go to processes of their own.
fn batches(messages: Vec<Torture>) -> Vec<Vec<Torture>> {
    let via = |message: &Torture| {
        let text = String::from_utf8_lossy(&message.bytes).into_owned();
        let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with('v')).map(str::to_owned);
        line.unwrap_or_else(|| message.name.clone())
    };
    let mut batches: Vec<Vec<Torture>> = Vec::new();
    for message in messages {
        let free = |batch: &&mut Vec<Torture>| batch.iter().all(|other| via(other) != via(&message));
        match batches.iter_mut().find(free) {
            Some(batch) => batch.push(message),
            None => batches.push(vec![message]),
        }
    }
    batches
}

fn torture(messages: Vec<Torture>) {
    assert!(!messages.is_empty());
    let mut faults = Vec::new();
    for batch in batches(messages) {
        let instance = start();
        let trunk = Trunk::new(&instance);
        for message in &batch {
            let answer = trunk.ask(message);
            if !message.allowed.admits(answer) {
                faults.push(format!("got {answer:?}, allowed {:?}: {}", message.allowed, message.index));
            }
        }
        a_call_works(&instance, &trunk);
    }
    assert!(faults.is_empty(), "{} messages were answered wrongly:\n{}", faults.len(), faults.join("\n"));
}

fn a_call_works(instance: &Instance, trunk: &Trunk) {
    let callee = Agent::bind(instance.subnet.at(3));
    place_call(trunk.switch, &trunk.agents[0], &callee, CALLER, DIALLED);
}

#[test]
fn our_own_messages_get_their_answers() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture"));
    torture(load(folder, "sip", true));
}

#[test]
fn the_messages_of_the_corpora_get_their_answers() {
    let Some(corpora) = std::env::var_os("MASKLINE_CORPORA") else {
        eprintln!("MASKLINE_CORPORA is not set: the project's own messages are all there is");
        return;
    };
    for set in std::fs::read_dir(&corpora).expect("MASKLINE_CORPORA names a folder") {
        let folder = set.expect("the folder can be listed").path();
        if folder.join("index.tsv").exists() {
            torture(load(&folder, "dat", false));
        }
    }
}

#[test]
fn random_and_mutilated_datagrams_disturb_nothing() {
    let instance = start();
    let trunk = Trunk::new(&instance);
    let mut random = Random::from_number(4475);
    let mut below = |limit: usize| random.next_u32() as usize % limit;
    for round in 0..4000 {
        let mut bytes = match round % 2 {
            0 => (0..below(600)).map(|_| 0).collect(),
            _ => trunk.agents[0].invite(trunk.switch, "+919876500099", DIALLED).into_bytes(),
        };
        let length = bytes.len();
        for _ in 0..if round % 2 == 0 { length } else { 1 + below(8) } {
            bytes[below(length)] = u8::try_from(below(256)).expect("below 256");
        }
        if round % 5 == 0 {
            bytes.truncate(below(length + 1));
        }
        trunk.agents[0].send(trunk.switch, &bytes);
    }
    a_call_works(&instance, &trunk);
    instance.stop();
}

#[test]
fn a_stream_is_cut_into_messages_however_it_arrives() {
    let instance = start();
    let trunk = Trunk::new(&instance);
    let options = |name: &str| {
        format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK-{name}\r\nFrom: <sip:t@192.0.2.2>;tag=1\r\n\
             To: <sip:{0}>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 4\r\n\r\nbody",
            trunk.switch
        )
    };
    let mut stream = trunk.connect();
    stream.set_nodelay(true).unwrap();
    stream.write_all(format!("\r\n\r\n{}{}", options("one"), options("two")).as_bytes()).unwrap();
    for byte in options("three").as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    let (answers, ended) = read_for(&mut stream, ANSWER, |text| final_statuses(text).count() == 3);
    assert_eq!(final_statuses(&answers).collect::<Vec<_>>(), [200, 200, 200], "{answers}");
    assert!(!ended);
    for call_id in ["one", "two", "three"] {
        assert!(answers.contains(&format!("Call-ID: {call_id}\r\n")), "{answers}");
    }
}

#[test]
fn a_stream_that_cannot_be_cut_is_closed() {
    let instance = start();
    let trunk = Trunk::new(&instance);
    let head = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK-x\r\nFrom: <sip:t@192.0.2.2>;tag=1\r\n\
                To: <sip:x>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n";
    for lengths in
        ["", "Content-Length: x\r\n", "Content-Length: 1\r\nl: 2\r\n", "Content-Length: 99999999\r\n"]
    {
        let mut stream = trunk.connect();
        stream.write_all(format!("{head}{lengths}\r\nbody{head}").as_bytes()).unwrap();
        let (_, ended) = read_for(&mut stream, ANSWER, |_| false);
        assert!(ended, "the stream stayed open after {lengths:?}");
    }
    let mut endless = trunk.connect();
    let flood = vec![b'x'; 70_000];
    let written = endless.write_all(&flood).and_then(|()| endless.write_all(&flood));
    let (_, ended) = read_for(&mut endless, ANSWER, |_| false);
    assert!(ended || written.is_err(), "a line without an end was taken");
    a_call_works(&instance, &trunk);
}
