//! What the relay costs per packet, without the sockets.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maskline::base::{Random, Side};
use maskline::relay::{Endpoint, OWN, PayloadMap, Relay, RelayId};
use maskline::rtp::packet::Header;
use maskline::sdp::Codec;

const TONES: Codec = Codec::TelephoneEvent { clock: 8000 };

fn parties() -> [SocketAddr; 2] {
    ["192.0.2.1:4000".parse().unwrap(), "[2001:db8::2]:6000".parse().unwrap()]
}

fn relay(now: Instant) -> Relay {
    let mut random = Random::from_number(1);
    let mut relay = Relay::new(RelayId(1), now, Duration::from_secs(300), &mut random);
    for (side, rtp) in [Side::A, Side::B].into_iter().zip(parties()) {
        let format = |codec, number| PayloadMap { codec, receive: number, send: number };
        let formats = vec![format(Codec::Pcma, 8), format(TONES, 101)];
        let sources = vec![rtp.ip().into()];
        let endpoint = Endpoint { rtp: Some(rtp), rtcp: None, sources, formats, receives: true, sends: true };
        relay.set(now, side, endpoint, &mut random);
    }
    relay
}

/// Packets in order, one after the other, each built by `fill` into the same buffer.
fn packets(bencher: &mut Criterion, name: &str, payload_type: u8, payload: &[u8]) {
    let mut group = bencher.benchmark_group("relay");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| {
        let start = Instant::now();
        let mut relay = relay(start);
        let mut datagram = [0; 256];
        let mut index = 0u32;
        bencher.iter(|| {
            index = index.wrapping_add(1);
            let header = Header {
                marker: false,
                payload_type,
                sequence: (index & 0xffff) as u16,
                timestamp: index.wrapping_mul(160),
                ssrc: 1,
            };
            let length = header.write(payload, &mut datagram);
            let now = start + Duration::from_millis(20) * index;
            let out = relay.rtp(now, Side::A, parties()[0], black_box(&mut datagram[..length]));
            black_box(out.is_some())
        });
    });
    group.finish();
}

fn due(bencher: &mut Criterion) {
    bencher.bench_function("relay/report", |bencher| {
        let mut now = Instant::now();
        let mut relay = relay(now);
        let mut random = Random::from_number(2);
        let mut buffer = [0; OWN];
        bencher.iter(|| {
            now = relay.deadline().unwrap();
            black_box(relay.due(now, &mut random, &mut buffer))
        });
    });
}

fn all(bencher: &mut Criterion) {
    packets(bencher, "audio", 8, &[0xd5; 160]);
    packets(bencher, "tone", 101, &[5, 10, 0, 160]);
    packets(bencher, "unknown payload type", 77, &[0; 160]);
    due(bencher);
}

criterion_group!(benches, all);
criterion_main!(benches);
