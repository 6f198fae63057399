//! What 20 ms of sound cost: each codec, transcoding, listening for digits, recording.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use maskline::audio::codec::LONGEST_PAYLOAD;
use maskline::audio::{
    Decoder, Detector, Encoder, Format, Packet, Recording, Resampler, Stamp, Transcoder, frame,
};
use maskline::base::Side;

/// Each format at the rates it is used at.
const ALL: [(Format, u32); 6] = [
    (Format::Pcmu, 8_000),
    (Format::Pcma, 8_000),
    (Format::G722, 16_000),
    (Format::Opus, 8_000),
    (Format::Opus, 16_000),
    (Format::Opus, 48_000),
];

/// A second of something like speech: a pitch that glides, its harmonics, and some noise.
fn speech(rate: u32) -> Vec<i16> {
    let (mut seed, mut phase) = (1_u32, 0.0_f64);
    (0..rate)
        .map(|at| {
            let moment = f64::from(at) / f64::from(rate);
            phase += (140.0 + 40.0 * (moment * 6.0).sin()) / f64::from(rate);
            let voice: f64 =
                (1..20).map(|number| (phase * TAU * f64::from(number)).sin() / f64::from(number)).sum();
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(seed >> 16) / 65_536.0 - 0.5;
            (5_000.0 * voice * (moment * 12.0).sin().abs() + 600.0 * noise) as i16
        })
        .collect()
}

fn payloads(format: Format, rate: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(format, rate).unwrap();
    let mut payload = [0; LONGEST_PAYLOAD];
    let sound = speech(rate);
    let mut one = |frame: &[i16]| {
        let length = encoder.encode(frame, &mut payload).unwrap();
        payload[..length].to_vec()
    };
    sound.chunks_exact(frame(rate)).map(&mut one).collect()
}

fn codecs(criterion: &mut Criterion) {
    for (format, rate) in ALL {
        let sound = speech(rate);
        let mut frames = sound.chunks_exact(frame(rate)).cycle();
        let (mut encoder, mut payload) = (Encoder::new(format, rate).unwrap(), [0; LONGEST_PAYLOAD]);
        criterion.bench_function(&format!("encode {format:?} {rate}"), |bench| {
            bench.iter(|| encoder.encode(black_box(frames.next().unwrap()), &mut payload).unwrap());
        });
        if format == Format::Opus {
            let mut encoder = Encoder::light(format, rate).unwrap();
            criterion.bench_function(&format!("encode {format:?} {rate}, light"), |bench| {
                bench.iter(|| encoder.encode(black_box(frames.next().unwrap()), &mut payload).unwrap());
            });
        }
        let payloads = payloads(format, rate);
        let mut payloads = payloads.iter().cycle();
        let (mut decoder, mut heard) = (Decoder::new(format, rate).unwrap(), Vec::new());
        criterion.bench_function(&format!("decode {format:?} {rate}"), |bench| {
            bench.iter(|| {
                heard.clear();
                decoder.decode(black_box(payloads.next().unwrap()), &mut heard).unwrap();
            });
        });
    }
}

fn legs(criterion: &mut Criterion) {
    for (from, to) in [
        (Format::Pcma, Format::Pcmu),
        (Format::Pcma, Format::G722),
        (Format::G722, Format::Pcma),
        (Format::Pcma, Format::Opus),
        (Format::Opus, Format::Pcma),
        (Format::Opus, Format::G722),
    ] {
        let payloads = payloads(from, from.rate());
        let mut payloads = payloads.iter().cycle();
        let (mut transcoder, mut payload) = (Transcoder::new(from, to).unwrap(), [0; LONGEST_PAYLOAD]);
        criterion.bench_function(&format!("transcode {from:?} to {to:?}"), |bench| {
            bench.iter(|| {
                transcoder.hear(Packet::Speech(payloads.next().unwrap())).unwrap();
                transcoder.next(&mut payload).unwrap().unwrap()
            });
        });
    }
    for (from, to) in [(8_000, 16_000), (16_000, 8_000), (8_000, 48_000), (48_000, 8_000)] {
        let sound = speech(from);
        let mut frames = sound.chunks_exact(frame(from)).cycle();
        let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
        criterion.bench_function(&format!("resample {from} to {to}"), |bench| {
            bench.iter(|| {
                out.clear();
                resampler.process(frames.next().unwrap(), &mut out);
            });
        });
    }
}

fn listening(criterion: &mut Criterion) {
    let sound = speech(8_000);
    let mut frames = sound.chunks_exact(160).cycle();
    let mut detector = Detector::default();
    criterion.bench_function("digits", |bench| {
        bench.iter(|| detector.hear(frames.next().unwrap(), |heard| _ = black_box(heard)));
    });
    let (mut recording, mut file, mut number) = (Recording::new(8_000), Vec::new(), 0_u32);
    criterion.bench_function("record both sides", |bench| {
        bench.iter(|| {
            let stamp = Stamp { ssrc: 1, timestamp: number.wrapping_mul(160), clock: 8_000 };
            let now = u64::from(number + 1) * 160;
            let frame = frames.next().unwrap();
            recording.hear(Side::A, stamp, now, frame);
            recording.hear(Side::B, stamp, now, frame);
            file.clear();
            recording.write(now, &mut file);
            number += 1;
        });
    });
}

criterion_group!(benches, codecs, legs, listening);
criterion_main!(benches);
