//! The running engine over loopback sockets. Whatever is waited for has a time limit, and nothing sleeps.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use maskline::audio::{Clip, Prompt};
use maskline::base::g711::Law;
use maskline::base::tones::CallTone;
use maskline::base::{Random, Side};
use maskline::media::{Engine, Handle, OpenFault, Options};
use maskline::relay::{Command, Digit, Endpoint, Event, Part, PayloadMap, Playlist, RelayId, Sound};
use maskline::rtp::packet::{Header, Received};
use maskline::sdp::Codec;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const LIMIT: Duration = Duration::from_secs(5);
const TONES: Codec = Codec::TelephoneEvent { clock: 8000 };
const RELAY: RelayId = RelayId(1);

struct Bench {
    engine: Engine,
    handle: Handle,
    events: Receiver<Event>,
}

impl Bench {
    fn new(ports: RangeInclusive<u16>, threads: usize) -> Self {
        let options = Options { ports, rest: Duration::from_secs(2), threads: Some(threads) };
        let engine = Engine::start(&options, &mut Random::from_number(1)).unwrap();
        let (sender, events) = unbounded();
        // When the engine stops after a test, nobody listens any more.
        let handle = engine.handle(Arc::new(move |event| drop(sender.send(event))));
        Self { engine, handle, events }
    }

    fn open(&mut self, relay: RelayId, local: [IpAddr; 2]) -> [u16; 2] {
        self.handle.open(relay, local, Duration::from_secs(300)).unwrap()
    }

    fn set(&mut self, relay: RelayId, side: Side, party: &Party) {
        self.set_codec(relay, side, party, Codec::Pcma);
    }

    fn set_codec(&mut self, relay: RelayId, side: Side, party: &Party, codec: Codec) {
        let address = party.0.local_addr().unwrap();
        let format = |codec, number| PayloadMap { codec, receive: number, send: number };
        let endpoint = Endpoint {
            rtp: Some(address),
            rtcp: None,
            sources: vec![address.ip().into()],
            formats: vec![format(codec, 8), format(TONES, 101)],
            receives: true,
            sends: true,
            is_apart: false,
        };
        assert_eq!(self.handle.command(Command::Set { relay, side, endpoint }), None);
    }

    fn event(&self) -> Event {
        self.events.recv_timeout(LIMIT).expect("an event in time")
    }
}

/// A party with a socket of its own.
struct Party(UdpSocket);

impl Party {
    fn new(address: IpAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self(socket)
    }

    fn say(&self, to: SocketAddr, sequence: u16, payload: &[u8]) {
        let header = Header {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 0xdead_beef,
        };
        let mut buffer = [0; 1500];
        let length = header.write(payload, &mut buffer);
        self.0.send_to(&buffer[..length], to).unwrap();
    }

    fn hear(&self) -> (Received, Vec<u8>, SocketAddr) {
        let mut buffer = [0; 1500];
        let (length, source) = self.0.recv_from(&mut buffer).expect("a packet in time");
        let read = Received::read(&buffer[..length]).expect("RTP");
        let payload = buffer[read.payload.clone()].to_vec();
        (read, payload, source)
    }

    /// Talks until the other side hears it: by then the orders are carried out and the source is locked.
    fn get_through(&self, to: SocketAddr, other: &Party) -> u16 {
        other.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let give_up = Instant::now() + LIMIT;
        let mut sequence = 0;
        while other.0.recv_from(&mut [0; 1500]).is_err() {
            assert!(Instant::now() < give_up, "none of {sequence} packets to {to} came through in {LIMIT:?}");
            sequence += 1;
            self.say(to, sequence, b"hello?");
        }
        other.0.set_read_timeout(Some(LIMIT)).unwrap();
        sequence
    }
}

#[test]
fn audio_passes_both_ways_between_address_families() {
    let mut bench = Bench::new(17000..=17019, 2);
    let ports = bench.open(RELAY, [V4, V6]);
    assert!(ports.iter().all(|port| port % 2 == 0 && (17000..17019).contains(port)), "{ports:?}");
    let (a, b) = (Party::new(V4), Party::new(V6));
    bench.set(RELAY, Side::A, &a);
    bench.set(RELAY, Side::B, &b);
    let (to_a, to_b) = (SocketAddr::new(V4, ports[0]), SocketAddr::new(V6, ports[1]));
    let begin = a.get_through(to_a, &b);
    for index in 1..100u16 {
        for (talker, door, listener, from) in [(&a, to_a, &b, to_b), (&b, to_b, &a, to_a)] {
            talker.say(door, begin + index, &index.to_be_bytes());
            let heard =
                std::iter::repeat_with(|| listener.hear()).find(|heard| heard.1 != b"hello?").unwrap();
            assert_eq!((heard.1, heard.2), (index.to_be_bytes().to_vec(), from));
            assert_ne!(heard.0.ssrc, 0xdead_beef);
        }
    }
    bench.handle.command(Command::Close { relay: RELAY });
    let Event::Closed { relay: RELAY, quality: [a, b] } = bench.event() else { panic!() };
    assert!(a.packets_received >= 99 && b.packets_sent >= 99, "{a:?} {b:?}");
    assert_eq!((a.packets_lost, b.packets_lost), (0, 0));
    assert_eq!(bench.engine.free_pairs(), 10);
}

#[test]
fn injected_packets_do_not_pass() {
    let mut bench = Bench::new(17020..=17039, 1);
    let ports = bench.open(RELAY, [V4, V4]);
    let (a, b, stranger) = (Party::new(V4), Party::new(V4), Party::new(V4));
    bench.set(RELAY, Side::A, &a);
    bench.set(RELAY, Side::B, &b);
    let door = SocketAddr::new(V4, ports[0]);
    let sequence = a.get_through(door, &b);
    for index in 0..50 {
        stranger.say(door, sequence + index, b"stranger");
    }
    a.say(door, sequence + 1, b"last");
    loop {
        let payload = b.hear().1;
        assert_ne!(payload, b"stranger");
        if payload == b"last" {
            break;
        }
    }
    bench.handle.command(Command::Close { relay: RELAY });
    let Event::Closed { quality: [a, _], .. } = bench.event() else { panic!() };
    assert_eq!(a.dropped, 50);
}

#[test]
fn digits_are_played() {
    let mut bench = Bench::new(17340..=17349, 1);
    bench.open(RELAY, [V4, V4]);
    let a = Party::new(V4);
    bench.set(RELAY, Side::A, &a);
    let digit = Digit::from_char('#').unwrap();
    let duration = Duration::from_millis(40);
    bench.handle.command(Command::Digit { relay: RELAY, to: Side::A, digit, duration });
    let tones: Vec<_> = std::iter::repeat_with(|| a.hear()).take(4).collect();
    assert!(tones.iter().all(|(read, payload, _)| read.payload_type == 101 && payload[0] == 11));
    assert_eq!(tones.iter().filter(|(_, payload, _)| payload[1] & 0x80 != 0).count(), 3);
}

#[test]
fn a_tone_is_heard_at_its_pitch_until_it_stops() {
    let mut bench = Bench::new(17360..=17369, 1);
    bench.open(RELAY, [V4, V4]);
    let a = Party::new(V4);
    bench.set(RELAY, Side::A, &a);
    let tone = CallTone { hertz: [440, 0], cadence: [60_000, 0, 0, 0, 0, 0] };
    bench.handle.command(Command::Play { relay: RELAY, to: Side::A, what: Sound::Tone(tone) });
    let heard: Vec<_> = std::iter::repeat_with(|| a.hear()).take(50).collect();
    for pair in heard.windows(2) {
        let (one, next) = (&pair[0].0, &pair[1].0);
        assert_eq!(next.sequence, one.sequence.wrapping_add(1));
        assert_eq!(next.timestamp, one.timestamp.wrapping_add(160));
        assert_eq!((next.ssrc, next.payload_type), (one.ssrc, 8));
    }
    let samples: Vec<i16> =
        heard.iter().flat_map(|(_, payload, _)| payload.iter().map(|code| Law::A.decode(*code))).collect();
    let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    assert!((439..=441).contains(&rises), "{rises} in a second");
    bench.handle.command(Command::Stop { relay: RELAY, to: Side::A });
    bench.handle.command(Command::Close { relay: RELAY });
    let Event::Closed { quality: [quality, _], .. } = bench.event() else { panic!() };
    a.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let rest = std::iter::from_fn(|| a.0.recv_from(&mut [0; 1500]).ok()).count();
    assert_eq!(quality.packets_sent, 50 + rest as u64, "none after the last that was counted");
}

#[test]
fn speech_without_a_common_codec_is_coded_anew_at_once() {
    let mut bench = Bench::new(17370..=17379, 1);
    let ports = bench.open(RELAY, [V4, V4]);
    let (a, b) = (Party::new(V4), Party::new(V4));
    bench.set(RELAY, Side::A, &a);
    bench.set_codec(RELAY, Side::B, &b, Codec::G722);
    let door = SocketAddr::new(V4, ports[0]);
    let begin = a.get_through(door, &b);
    for index in 1..20 {
        a.say(door, begin + index, &[0xd5; 160]);
        let (read, payload, _) = b.hear();
        assert_eq!((read.payload_type, payload.len()), (8, 160), "as the side numbers it");
    }
}

#[test]
fn a_playlist_is_heard_and_told() {
    let mut bench = Bench::new(17380..=17389, 1);
    bench.open(RELAY, [V4, V4]);
    let a = Party::new(V4);
    bench.set(RELAY, Side::A, &a);
    let clip = Arc::new(Prompt::new(&Clip::new(8_000, vec![1_000; 800]).unwrap()));
    let parts: Arc<[Part]> = [Part::Clip(clip), Part::Silence(Duration::from_millis(20))].into();
    let what = Sound::Clips(Playlist { parts, times: 2, tag: 5 });
    bench.handle.command(Command::Play { relay: RELAY, to: Side::A, what });
    assert_eq!(bench.event(), Event::Played { relay: RELAY, to: Side::A, tag: 5 });
    let heard: Vec<_> = std::iter::repeat_with(|| a.hear()).take(12).collect();
    assert!(heard.iter().enumerate().all(|(at, (_, payload, _))| (payload[0] == 0xd5) == (at % 6 == 5)));
}

#[test]
fn a_side_moves_to_another_address() {
    let mut bench = Bench::new(17390..=17395, 1);
    let ports = bench.open(RELAY, [V4, V4]);
    let (a, b) = (Party::new(V4), Party::new(V6));
    bench.set(RELAY, Side::A, &a);
    let order = Command::Move { relay: RELAY, side: Side::B, local: V6 };
    assert_eq!(bench.handle.command(order.clone()), None);
    let Event::Opened { relay: RELAY, ports: moved } = bench.event() else { panic!() };
    assert_eq!((moved[0], bench.engine.free_pairs()), (ports[0], 1));
    assert_ne!(moved[1], ports[1]);
    bench.set(RELAY, Side::B, &b);
    a.get_through(SocketAddr::new(V4, moved[0]), &b);
    b.get_through(SocketAddr::new(V6, moved[1]), &a);
    let gone = UdpSocket::bind((V4, ports[1])).expect("the port that was left is closed");
    drop(gone);

    bench.handle.open(RelayId(2), [V4, V4], LIMIT).unwrap_err();
    let elsewhere = Command::Move { relay: RELAY, side: Side::B, local: "192.0.2.1".parse().unwrap() };
    assert_eq!(bench.handle.command(elsewhere), Some(Event::Refused { relay: RELAY }));
    b.get_through(SocketAddr::new(V6, moved[1]), &a);
    bench.handle.command(Command::Close { relay: RELAY });
    assert!(matches!(bench.event(), Event::Closed { relay: RELAY, .. }));
    assert_eq!(bench.handle.command(order), None);
    bench.open(RelayId(3), [V4, V4]);
    bench.handle.command(Command::Close { relay: RelayId(3) });
    assert!(matches!(bench.event(), Event::Closed { relay: RelayId(3), .. }), "nothing of what is gone");
}

#[test]
fn running_out_of_ports_is_told_and_passes() {
    let mut bench = Bench::new(17040..=17043, 1);
    assert_eq!(bench.engine.capacity(), 1);
    bench.open(RELAY, [V4, V4]);
    let full = bench.handle.open(RelayId(2), [V4, V4], LIMIT);
    assert!(matches!(full, Err(OpenFault::NoPorts)), "{full:?}");
    let open = Command::Open { relay: RelayId(2), local: [V4, V4], silence: LIMIT };
    assert_eq!(bench.handle.command(open.clone()), Some(Event::Refused { relay: RelayId(2) }));
    bench.handle.command(Command::Close { relay: RELAY });
    assert!(matches!(bench.event(), Event::Closed { relay: RELAY, .. }));
    assert!(matches!(bench.handle.command(open), Some(Event::Opened { .. })));
    assert_eq!(bench.engine.unrested_pairs(), 2);
}

#[test]
fn silence_is_told() {
    let mut bench = Bench::new(17050..=17059, 1);
    bench.handle.open(RELAY, [V4, V4], Duration::from_millis(50)).unwrap();
    bench.set(RELAY, Side::A, &Party::new(V4));
    assert_eq!(bench.event(), Event::Silent { relay: RELAY });
}

#[test]
fn many_calls_leave_nothing_behind() {
    let mut bench = Bench::new(17100..=17299, 2);
    for round in 0..40u64 {
        for relay in (0..50).map(|index| RelayId(round * 50 + index)) {
            bench.open(relay, [V4, V4]);
        }
        for relay in (0..50).map(|index| RelayId(round * 50 + index)) {
            bench.handle.command(Command::Close { relay });
        }
        assert!(bench.handle.flush());
        for _ in 0..50 {
            assert!(matches!(bench.event(), Event::Closed { .. }));
        }
    }
    assert_eq!(bench.engine.free_pairs(), 100);
}

#[test]
fn stopping_ends_every_relay() {
    let mut bench = Bench::new(17300..=17319, 2);
    for relay in (0..5).map(RelayId) {
        bench.open(relay, [V4, V4]);
    }
    let Bench { engine, events, .. } = bench;
    drop(engine);
    assert_eq!(events.try_iter().filter(|event| matches!(event, Event::Closed { .. })).count(), 5);
}

#[test]
fn orders_for_unknown_relays_do_nothing() {
    let mut bench = Bench::new(17320..=17329, 1);
    bench.handle.command(Command::Close { relay: RelayId(9) });
    bench.set(RelayId(9), Side::A, &Party::new(V4));
    bench.open(RELAY, [V4, V4]);
    bench.handle.command(Command::Close { relay: RELAY });
    assert!(matches!(bench.event(), Event::Closed { relay: RELAY, .. }));
    assert!(bench.events.is_empty());
}
