//! What the tests of this floor measure sound with.

use std::f64::consts::TAU;

/// A sine of a height.
pub(super) fn sine(rate: u32, hertz: f64, height: f64, count: usize) -> Vec<i16> {
    let step = TAU * hertz / f64::from(rate);
    (0..count).map(|at| (height * (step * at as f64).sin()).round() as i16).collect()
}

/// The height of the sine of a frequency in samples.
pub(super) fn level(samples: &[i16], rate: u32, hertz: f64) -> f64 {
    let step = TAU * hertz / f64::from(rate);
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = step * at as f64;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * re.hypot(im) / samples.len() as f64
}

/// The root of the mean square.
pub(super) fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// How far the sine of a frequency stands above all else, in dB.
pub(super) fn above_the_rest(samples: &[i16], rate: u32, hertz: f64) -> f64 {
    let power = level(samples, rate, hertz).powi(2) / 2.0;
    10.0 * (power / (rms(samples).powi(2) - power).max(1e-9)).log10()
}

/// The frequency between two that stands highest, to 1 Hz.
pub(super) fn pitch(samples: &[i16], rate: u32, between: std::ops::Range<u32>) -> u32 {
    let height = |hertz: u32| level(samples, rate, f64::from(hertz));
    between.max_by(|one, other| height(*one).total_cmp(&height(*other))).expect("a range")
}

pub(super) fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// Noise that is the same each time: samples in ±`height`.
pub(super) fn noise(mut seed: u64, height: f64, count: usize) -> Vec<i16> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| (next() * height) as i16).collect()
}

/// One sound over another.
pub(super) fn mix(one: &[i16], other: &[i16]) -> Vec<i16> {
    one.iter().zip(other).map(|(one, other)| one.saturating_add(*other)).collect()
}
