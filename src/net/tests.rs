//! Tests over real loopback sockets, with a machine that tells what it hears and says what it is told to. Nothing
//! here waits by the clock: each step waits for what the step before causes.

mod held;
mod puppet;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::*;
use crate::base::settings::Listen;
use crate::base::{Flow, Shards, Transport};
use crate::relay::RelayId;
use crate::switch::Command;
use puppet::{Fixed, Puppet};

/// How long a step may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Running shards with one UDP and one TCP listener.
struct Bench {
    shards: Shards,
    handles: Vec<Handle>,
    says: Vec<Sender<Output>>,
    heard: Receiver<(u8, Input)>,
    asked: Receiver<()>,
    overtaken: Receiver<u64>,
    tally: watch::Receiver<Tally>,
    udp: SocketAddr,
    tcp: SocketAddr,
}

fn bench(count: u8, limits: StreamLimits) -> Bench {
    let shards = Shards::new(count);
    let any = |transport| Listen { transport, address: ([127, 0, 0, 1], 0).into() };
    let (sockets, bound) = bind(&[any(Transport::Udp), any(Transport::Tcp)], usize::from(count)).unwrap();
    let (sender, heard) = channel();
    let ((ask, asked), (overtake, overtaken)) = (channel(), channel());
    let mut says = Vec::new();
    let mut handles = Vec::new();
    let (seats, tally) = seats(shards.clone(), limits);
    for (seat, sockets) in seats.into_iter().zip(sockets) {
        let (say, said) = channel();
        says.push(say);
        let puppet = Puppet {
            shard: seat.index(),
            heard: sender.clone(),
            says: said,
            out: VecDeque::new(),
            due: None,
        };
        let services = Fixed { has_noted: false, asked: ask.clone(), overtaken: overtake.clone() };
        handles.push(seat.start(sockets, puppet, services).unwrap());
    }
    let (udp, tcp) = (bound[0].address, bound[1].address);
    Bench { shards, handles, says, heard, asked, overtaken, tally, udp, tcp }
}

impl Bench {
    fn hear(&self) -> (u8, Input) {
        self.heard.recv_timeout(PATIENCE).expect("the shard hears something")
    }

    fn say(&self, output: Output) {
        self.says[0].send(output).unwrap();
        self.handles[0].post().input(Input::Command(Command::Drain));
        assert!(matches!(self.hear(), (_, Input::Command(Command::Drain))));
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn send(&self, remote: SocketAddr, bytes: &[u8]) {
        let flow = Flow { transport: Transport::Tcp, local: self.tcp, remote, connection: None };
        self.say(Output::Send { flow, bytes: Bytes::copy_from_slice(bytes) });
    }

    fn hear_loss(&self) -> Flow {
        match self.hear() {
            (_, Input::FlowLost { flow }) => flow,
            (_, other) => panic!("heard {other:?}"),
        }
    }
}

fn message(method: &str, call_id: &str) -> Vec<u8> {
    format!("{method} sip:x SIP/2.0\r\nCall-ID: {call_id}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn exchange(stream: &mut TcpStream, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn datagrams_go_in_and_out_at_the_listener() {
    let bench = bench(1, StreamLimits::default());
    let phone = client();
    for noise in [&b"\r\n\r\n"[..], b"\0\0\0\0", b""] {
        phone.send_to(noise, bench.udp).unwrap();
    }
    let sent = message("ECHO", "1");
    phone.send_to(&sent, bench.udp).unwrap();
    let mut got = [0; 200];
    let (length, from) = phone.recv_from(&mut got).unwrap();
    assert_eq!((&got[..length], from), (&sent[..], bench.udp));
    let (_, Input::Message { flow, .. }) = bench.hear() else { panic!("keep-alives are passed over") };
    assert_eq!((flow.remote, flow.local, flow.connection), (phone.local_addr().unwrap(), bench.udp, None));
}

#[test]
fn a_machine_learns_that_it_is_behind_and_that_it_has_caught_up() {
    let bench = bench(1, StreamLimits::default());
    let trunk = client();
    for id in 0..200 {
        trunk.send_to(&message("WORK", &id.to_string()), bench.udp).unwrap();
    }
    let mut told = Vec::new();
    while told.len() < 2 {
        if let (_, Input::Behind(is_behind)) = bench.hear() {
            told.push(is_behind);
        }
    }
    assert_eq!(told, [true, false]);
}

#[test]
fn every_message_of_a_call_reaches_the_same_shard() {
    let bench = bench(3, StreamLimits::default());
    let trunk = client();
    let mut stream = bench.connect();
    for number in 0..40 {
        let id = format!("call-{number}");
        trunk.send_to(&message("INVITE", &id), bench.udp).unwrap();
        let owner = bench.shards.owner(id.as_bytes());
        assert_eq!(bench.hear().0, owner);
        stream.write_all(&message("BYE", &id)).unwrap();
        assert_eq!(bench.hear().0, owner);
    }
}

#[test]
fn a_stream_is_framed_however_it_is_cut() {
    let bench = bench(1, StreamLimits::default());
    let mut stream = bench.connect();
    stream.set_nodelay(true).unwrap();
    let sent = message("ECHO", "1");
    for byte in &sent {
        stream.write_all(&[*byte]).unwrap();
    }
    exchange(&mut stream, &sent);
    stream.write_all(&[&sent[..], &sent[..]].concat()).unwrap();
    exchange(&mut stream, &[&sent[..], &sent[..]].concat());
    stream.write_all(b"\r\n\r\n").unwrap();
    exchange(&mut stream, b"\r\n");
}

#[test]
fn a_stream_that_cannot_be_framed_is_closed() {
    let bench = bench(1, StreamLimits::default());
    let mut stream = bench.connect();
    stream.write_all(b"INVITE sip:x SIP/2.0\r\nCall-ID: 1\r\n\r\n").unwrap();
    assert!(is_closed(&mut stream));
}

#[test]
fn a_peer_that_never_completes_a_message_is_closed() {
    let bench = bench(1, StreamLimits { message: Duration::from_millis(50), ..StreamLimits::default() });
    let mut silent = bench.connect();
    let mut slow = bench.connect();
    slow.write_all(b"INVITE sip:x SIP/2.0\r\n").unwrap();
    assert!(is_closed(&mut silent) && is_closed(&mut slow));
}

/// Sends pings without a pause and reads what comes back, until the connection is closed: false where it is not.
fn pings_until_closed(mut stream: TcpStream) -> bool {
    let pings = b"\r\n\r\n".repeat(16_384);
    stream.set_nonblocking(true).unwrap();
    let is_over = |done: std::io::Result<usize>| {
        done.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
    };
    #[expect(clippy::disallowed_methods, reason = "a test that must not hang")]
    let until = std::time::Instant::now() + PATIENCE;
    #[expect(clippy::disallowed_methods, reason = "a test that must not hang")]
    while std::time::Instant::now() < until {
        if is_over(stream.write(&pings)) || is_over(stream.read(&mut [0; 65_536])) {
            return true;
        }
    }
    false
}

#[test]
fn a_peer_that_never_stops_pinging_holds_nobody_up_and_wins_no_time() {
    let bench = bench(1, StreamLimits { message: Duration::from_millis(500), ..StreamLimits::default() });
    let stranger = bench.connect();
    let pinging = std::thread::spawn(move || pings_until_closed(stranger));
    let trunk = client();
    let mut answered = 0;
    while !pinging.is_finished() {
        trunk.send_to(&message("ECHO", "1"), bench.udp).unwrap();
        trunk.recv_from(&mut [0; 200]).expect("others are heard meanwhile");
        answered += 1;
    }
    assert!(pinging.join().unwrap(), "it was closed in time");
    assert!(answered > 1, "{answered}");
}

#[test]
fn a_quiet_connection_is_closed_and_its_loss_told_if_it_was_used() {
    let quick = Duration::from_millis(50);
    let bench = bench(1, StreamLimits { unanswered: quick, idle: quick, ..StreamLimits::default() });
    let (mut unused, mut used) = (bench.connect(), bench.connect());
    unused.write_all(&message("OPTIONS", "1")).unwrap();
    assert!(is_closed(&mut unused));
    assert!(matches!(bench.hear(), (_, Input::Message { .. })));
    used.write_all(&message("ECHO", "1")).unwrap();
    exchange(&mut used, &message("ECHO", "1"));
    assert!(is_closed(&mut used));
    let (_, Input::Message { flow, .. }) = bench.hear() else { panic!("the echo comes first") };
    assert_eq!(bench.hear_loss(), flow);
}

#[test]
fn a_source_gets_so_many_connections() {
    let bench = bench(1, StreamLimits { per_source: 2, ..StreamLimits::default() });
    let (_first, mut second, mut third) = (bench.connect(), bench.connect(), bench.connect());
    assert!(is_closed(&mut third));
    second.write_all(&message("ECHO", "1")).unwrap();
    exchange(&mut second, &message("ECHO", "1"));
}

#[test]
fn an_outgoing_connection_is_opened_once_and_its_loss_is_told() {
    let bench = bench(1, StreamLimits::default());
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = trunk.local_addr().unwrap();
    bench.send(remote, &message("INVITE", "1"));
    bench.send(remote, &message("BYE", "1"));
    let (mut accepted, from) = trunk.accept().unwrap();
    accepted.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(from.ip(), bench.tcp.ip());
    exchange(&mut accepted, &[message("INVITE", "1"), message("BYE", "1")].concat());

    accepted.write_all(&message("ECHO", "2")).unwrap();
    exchange(&mut accepted, &message("ECHO", "2"));
    let (_, Input::Message { flow, .. }) = bench.hear() else { panic!("a message comes in on it") };
    assert_eq!((flow.local, flow.remote), (bench.tcp, remote));
    drop(accepted);
    assert_eq!(bench.hear_loss(), flow);
    assert_eq!(bench.hear_loss(), Flow { connection: None, ..flow });
}

#[test]
fn what_was_for_a_lost_connection_goes_by_a_new_one() {
    let bench = bench(1, StreamLimits::default());
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&trunk).set_read_timeout(Some(PATIENCE)).unwrap();
    bench.send(trunk.local_addr().unwrap(), &message("INVITE", "1"));
    let (mut first, _) = trunk.accept().unwrap();
    first.write_all(&message("INFO", "1")).unwrap();
    let (_, Input::Message { flow, .. }) = bench.hear() else { panic!("a message comes in on it") };
    drop(first);
    assert_eq!(bench.hear_loss(), Flow { connection: None, ..flow });
    bench.say(Output::Send { flow, bytes: message("BYE", "1").into() });
    exchange(&mut trunk.accept().unwrap().0, &message("BYE", "1"));
}

#[test]
fn a_peer_that_cannot_be_reached_is_a_lost_flow() {
    let bench = bench(1, StreamLimits::default());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bench.send(closed, b"x");
    let lost = bench.hear_loss();
    assert_eq!((lost.remote, lost.connection), (closed, None));
    let elsewhere = Flow { local: ([127, 0, 0, 9], 5060).into(), transport: Transport::Udp, ..lost };
    bench.say(Output::Send { flow: elsewhere, bytes: Bytes::from_static(b"x") });
    assert_eq!(bench.hear_loss(), elsewhere, "there is no such listener");
}

#[test]
fn a_peer_that_does_not_read_is_closed() {
    let bench = bench(1, StreamLimits { write: Duration::from_millis(50), ..StreamLimits::default() });
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = trunk.local_addr().unwrap();
    let large = vec![b'x'; 400 * 1024];
    bench.send(remote, &large);
    let accepted = trunk.accept().unwrap();
    let mut lost = false;
    while !lost {
        bench.says[0]
            .send(Output::Send {
                flow: Flow { transport: Transport::Tcp, local: bench.tcp, remote, connection: None },
                bytes: Bytes::from(large.clone()),
            })
            .unwrap();
        bench.handles[0].post().input(Input::Command(Command::Drain));
        lost = matches!(bench.hear().1, Input::FlowLost { .. });
    }
    drop(accepted);
}

#[test]
fn a_timer_fires_when_it_is_due() {
    let bench = bench(1, StreamLimits::default());
    client().send_to(&message("WAKE", "1"), bench.udp).unwrap();
    assert!(matches!(bench.hear(), (_, Input::Message { .. })));
    assert!(matches!(bench.hear(), (_, Input::Command(Command::HangUpAll))));
}

#[test]
fn names_are_resolved_to_addresses_that_can_be_reached() {
    let bench = bench(1, StreamLimits::default());
    let resolve = |id, host: &str| Output::Resolve {
        id,
        host: host.into(),
        port: Some(5070),
        transport: Transport::Udp,
    };
    bench.say(resolve(3, "localhost"));
    let (_, Input::Resolved { id: 3, addresses }) = bench.hear() else { panic!("an answer comes") };
    assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 5070))]);
    bench.say(resolve(4, "::1"));
    let (_, Input::Resolved { id: 4, addresses }) = bench.hear() else { panic!("an answer comes") };
    assert_eq!(addresses, [], "no listener can reach IPv6");
    for id in 5..15 {
        bench.say(resolve(id, "localhost"));
        let (_, Input::Resolved { id: answered, addresses }) = bench.hear() else {
            panic!("an answer comes")
        };
        assert_eq!((answered, addresses.len()), (id, 1), "known by now");
    }
}

#[test]
fn what_the_services_know_is_fed_back_at_once() {
    let bench = bench(1, StreamLimits::default());
    bench.say(Output::Media(relay::Command::Close { relay: RelayId(9) }));
    let (_, Input::Media(event)) = bench.hear() else { panic!("the event is fed back") };
    assert_eq!(event.relay(), RelayId(9));
}

#[test]
fn what_waits_to_be_written_leaves_before_the_end() {
    let mut bench = bench(1, StreamLimits::default());
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    let last = message("BYE", "1").repeat(1000);
    bench.send(trunk.local_addr().unwrap(), &last);
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        trunk.accept().unwrap().0.read_to_end(&mut got).unwrap();
        got
    });
    assert!(bench.handles.remove(0).stop());
    assert_eq!(reader.join().unwrap(), last);
}

#[test]
fn a_draining_shard_tells_how_many_calls_it_has_left() {
    let mut bench = bench(2, StreamLimits::default());
    assert_eq!(*bench.tally.borrow(), Tally::default(), "while it does not drain, nobody waits for it");
    bench.handles.iter().for_each(|handle| handle.post().input(Input::Command(Command::Drain)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let drained = async { *bench.tally.wait_for(|tally| tally.draining == 2).await.unwrap() };
    assert_eq!(runtime.block_on(drained), Tally { draining: 2, calls: 14, ended: 0 });
}

#[test]
fn a_shard_that_fails_is_noticed() {
    let mut bench = bench(1, StreamLimits::default());
    client().send_to(&message("FAIL", "1"), bench.udp).unwrap();
    assert!(bench.heard.recv_timeout(PATIENCE).is_err_and(|end| end == RecvTimeoutError::Disconnected));
    assert!(!bench.handles.remove(0).stop());
    assert_eq!(*bench.tally.borrow(), Tally { ended: 1, ..Tally::default() });
}
