//! What the relay costs per packet, without the sockets.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::f64::consts::TAU;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maskline::audio::{Clip, Prompt};
use maskline::base::g711::Law;
use maskline::base::{Random, Side};
use maskline::relay::{Endpoint, Keys, OWN, Part, PayloadMap, Playlist, Relay, RelayId, Sound};
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
        let endpoint = Endpoint {
            rtp: Some(rtp),
            rtcp: None,
            sources,
            formats,
            receives: true,
            sends: true,
            is_apart: false,
        };
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

/// A clip of a minute of something like speech.
fn clip() -> Clip {
    let (mut seed, mut phase) = (1_u32, 0.0_f64);
    let sample = |at: u32| {
        let moment = f64::from(at) / 16_000.0;
        phase += (140.0 + 40.0 * (moment * 6.0).sin()) / 16_000.0;
        let voice: f64 =
            (1..20).map(|number| (phase * TAU * f64::from(number)).sin() / f64::from(number)).sum();
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(seed >> 16) / 65_536.0 - 0.5;
        (5_000.0 * voice * (moment * 12.0).sin().abs() + 600.0 * noise) as i16
    };
    Clip::new(16_000, (0..960_000).map(sample).collect()).unwrap()
}

fn set(relay: &mut Relay, now: Instant, side: Side, codec: Codec) {
    let rtp = parties()[side.index()];
    let formats = vec![PayloadMap { codec, receive: 8, send: 8 }];
    let sources = vec![rtp.ip().into()];
    let endpoint = Endpoint {
        rtp: Some(rtp),
        rtcp: None,
        sources,
        formats,
        receives: true,
        sends: true,
        is_apart: false,
    };
    relay.set(now, side, endpoint, &mut Random::from_number(3));
}

const OPUS: Codec = Codec::Opus { fec: false, stereo: false };
/// So many hear a prompt on one core: all of their packets have to go out within 20 ms.
const LISTENERS: usize = 200;

/// 20 ms of a prompt for each of many, all due at the same moment.
fn prompts(bencher: &mut Criterion) {
    let parts: Arc<[Part]> = [Part::Clip(Arc::new(Prompt::new(&clip())))].into();
    let mut group = bencher.benchmark_group("relay/200 prompts");
    group.throughput(Throughput::Elements(LISTENERS as u64));
    for codec in [Codec::Pcma, Codec::G722, OPUS] {
        group.bench_function(codec.name(), |bencher| {
            let mut now = Instant::now();
            let mut relays: Vec<Relay> = (0..LISTENERS).map(|_| relay(now)).collect();
            for relay in &mut relays {
                set(relay, now, Side::A, codec);
                let list = Playlist { parts: Arc::clone(&parts), times: 0, tag: 1 };
                relay.sound(now, Side::A, Sound::Clips(list));
            }
            let (mut random, mut buffer) = (Random::from_number(2), [0; OWN]);
            bencher.iter(|| {
                now += Duration::from_millis(20);
                for relay in &mut relays {
                    while relay.due(now, &mut random, &mut buffer).is_some() {}
                }
            });
        });
    }
    group.finish();
}

/// A packet that is coded anew.
fn transcoding(bencher: &mut Criterion) {
    for (codec, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::G722), (Codec::Pcma, OPUS)] {
        let name = format!("relay/{} to {}", codec.name(), to.name());
        bencher.bench_function(&name, |bencher| {
            let mut now = Instant::now();
            let mut relay = relay(now);
            set(&mut relay, now, Side::A, codec);
            set(&mut relay, now, Side::B, to);
            let speech: Vec<u8> =
                clip().samples().iter().step_by(2).map(|sample| Law::A.encode(*sample)).collect();
            let (mut datagram, mut random, mut buffer) = ([0; 256], Random::from_number(2), [0; OWN]);
            let mut sequence = 0_u16;
            bencher.iter(|| {
                now += Duration::from_millis(20);
                sequence = sequence.wrapping_add(1);
                let timestamp = u32::from(sequence) * 160;
                let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc: 1 };
                let payload = &speech[usize::from(sequence) % 3_000 * 160..][..160];
                let length = header.write(payload, &mut datagram);
                assert!(relay.rtp(now, Side::A, parties()[0], &mut datagram[..length]).is_none());
                while relay.due(now, &mut random, &mut buffer).is_some() {}
            });
        });
    }
}

/// A packet of a side whose keys are heard in its speech.
fn listening(bencher: &mut Criterion) {
    bencher.bench_function("relay/audio that is listened to", |bencher| {
        let start = Instant::now();
        let mut relay = relay(start);
        set(&mut relay, start, Side::A, Codec::Pcma);
        relay.listen(Side::A, Keys::Tell);
        let (mut datagram, mut index) = ([0; 256], 0_u32);
        bencher.iter(|| {
            index += 1;
            let (sequence, timestamp) = ((index & 0xffff) as u16, index * 160);
            let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc: 1 };
            let length = header.write(&[0xd5; 160], &mut datagram);
            let now = start + Duration::from_millis(20) * index;
            black_box(relay.rtp(now, Side::A, parties()[0], &mut datagram[..length]).is_some())
        });
    });
}

fn all(bencher: &mut Criterion) {
    packets(bencher, "audio", 8, &[0xd5; 160]);
    packets(bencher, "tone", 101, &[5, 10, 0, 160]);
    packets(bencher, "unknown payload type", 77, &[0; 160]);
    due(bencher);
    prompts(bencher);
    transcoding(bencher);
    listening(bencher);
}

criterion_group!(benches, all);
criterion_main!(benches);
