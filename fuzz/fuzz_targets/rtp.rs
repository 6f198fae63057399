//! Any datagrams at the RTP ports of a relay: nothing panics, and what goes out has a header of ours.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use maskline::base::{Random, Side};
use maskline::relay::{Digit, Endpoint, OWN, PayloadMap, Relay, RelayId};
use maskline::rtp::{HEADER, Received};
use maskline::sdp::Codec;

const A: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4000);
const B: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 4000);

fn endpoint(rtp: SocketAddr, tones: bool) -> Endpoint {
    let map = |codec, number| PayloadMap { codec, receive: number, send: number };
    let mut formats = vec![map(Codec::Pcma, 8), map(Codec::ComfortNoise { clock: 8000 }, 13)];
    if tones {
        formats.push(map(Codec::TelephoneEvent { clock: 8000 }, 101));
    }
    Endpoint {
        rtp: Some(rtp),
        sources: vec![rtp.ip().into()],
        formats,
        receives: true,
        sends: true,
        is_apart: false,
        rtcp: None,
    }
}

// The input is a run of datagrams, each behind a byte for its side and whether a digit is played, one for the time
// before it in 10 ms, and one for its length.
fuzz_target!(|data: &[u8]| {
    let mut now = Instant::now();
    let mut random = Random::from_number(1);
    let mut relay = Relay::new(RelayId(1), now, Duration::from_secs(30), &mut random);
    relay.set(now, Side::A, endpoint(A, true), &mut random);
    relay.set(now, Side::B, endpoint(B, false), &mut random);
    let mut rest = data;
    while let [act, wait, length, after @ ..] = rest {
        let (datagram, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        now += Duration::from_millis(10) * u32::from(*wait);
        let (side, source) = if act & 1 == 0 { (Side::A, A) } else { (Side::B, B) };
        let mut datagram = datagram.to_vec();
        if let Some(packet) = relay.rtp(now, side, source, &mut datagram) {
            let read = Received::read(packet.bytes).expect("what goes out is RTP");
            assert_eq!((packet.bytes[0], read.payload.start), (0x80, HEADER));
        }
        if act & 0xe == 0xe {
            let digit = Digit::from_event(length & 15).expect("a digit");
            relay.play(now, side, digit, Duration::from_millis(50));
        }
        let mut buffer = [0; OWN];
        while relay.due(now, &mut random, &mut buffer).is_some() {}
        while relay.poll_event().is_some() {}
    }
});
