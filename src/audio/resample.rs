//! From one sampling rate to another: a polyphase filter, a sinc under a Kaiser window.

use std::f64::consts::PI;

/// Taps of the filter at the lower of the two rates. With the window below it is flat up to 0.85 of half that rate,
/// and 60 dB down from there on.
const TAPS: usize = 48;
/// The shape of the Kaiser window.
const BETA: f64 = 6.0;
/// Where the filter is 6 dB down, as a part of half the lower rate.
const CUTOFF: f64 = 0.925;
/// Products summed side by side.
const LANES: usize = 8;

/// Changes the rate of a stream of samples. A frame in is a frame out, later by [`Resampler::delay`].
#[derive(Debug, Clone)]
pub struct Resampler {
    /// The rates, divided by what they share.
    from: usize,
    to: usize,
    /// Taps of one phase, a multiple of [`LANES`].
    taps: usize,
    /// The taps of each phase: of each place that an output may have between two inputs.
    phases: Vec<f32>,
    /// Inputs that outputs still depend on.
    held: Vec<f32>,
    /// The place of the next output, in parts of an input, `to` parts each, from the first of those held.
    next: usize,
}

impl Resampler {
    /// From a rate to another, in Hz.
    ///
    /// # Panics
    /// Where a rate is 0.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        assert!(from > 0 && to > 0, "a rate is more than 0");
        let shared = shared(from, to);
        let (from, to) = ((from / shared) as usize, (to / shared) as usize);
        let taps = (TAPS * from).div_ceil(to).max(TAPS).next_multiple_of(LANES);
        let phases = if from == to { Vec::new() } else { phases(from, to, taps) };
        Self { from, to, taps, phases, held: vec![0.0; taps - 1], next: 0 }
    }

    /// How much later than an input its output is, in inputs.
    #[must_use]
    pub fn delay(&self) -> usize {
        if self.from == self.to { 0 } else { self.taps / 2 }
    }

    /// Takes samples, and adds what they make at the other rate.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        if self.from == self.to {
            output.extend_from_slice(input);
            return;
        }
        self.held.extend(input.iter().map(|sample| f32::from(*sample)));
        let whole = self.held.len().saturating_sub(self.taps - 1);
        while self.next / self.to < whole {
            let (at, phase) = (self.next / self.to, self.next % self.to);
            let taps = &self.phases[phase * self.taps..][..self.taps];
            output.push(super::sample(product(&self.held[at..][..self.taps], taps)));
            self.next += self.from;
        }
        let past = (self.next / self.to).min(whole);
        self.held.drain(..past);
        self.next -= past * self.to;
    }
}

/// All of a recording at another rate, without the delay.
#[must_use]
pub fn resample(input: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to);
    let length = (input.len() * resampler.to).div_ceil(resampler.from);
    let early = resampler.delay() * resampler.to / resampler.from;
    let mut output = Vec::with_capacity(length + early + resampler.to);
    resampler.process(input, &mut output);
    resampler.process(&vec![0; resampler.delay() + 1], &mut output);
    output.drain(..early.min(output.len()));
    output.truncate(length);
    output
}

/// The greatest number that divides both.
fn shared(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { shared(other, one % other) }
}

fn product(samples: &[f32], taps: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (samples, taps) in samples.chunks_exact(LANES).zip(taps.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += samples[lane] * taps[lane];
        }
    }
    sums.iter().sum()
}

/// The taps of each phase; those of one phase sum to 1, so that a constant stays what it is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counts, and f32 is the aim"
)]
fn phases(from: usize, to: usize, taps: usize) -> Vec<f32> {
    let cutoff = CUTOFF * (to as f64 / from as f64).min(1.0);
    let half = (taps / 2) as f64;
    let tap = |phase: usize, tap: usize| {
        let distance = tap as f64 - (half - 1.0) - phase as f64 / to as f64;
        let inside = (1.0 - (distance / half).powi(2)).max(0.0);
        sinc(cutoff * distance) * bessel(BETA * inside.sqrt())
    };
    let mut all = Vec::with_capacity(to * taps);
    for phase in 0..to {
        let sum: f64 = (0..taps).map(|index| tap(phase, index)).sum();
        all.extend((0..taps).map(|index| (tap(phase, index) / sum) as f32));
    }
    all
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of order 0, as its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for count in 1..24 {
        term *= quarter / f64::from(count * count);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::probe::{decibels, level, rms, sine};
    use super::*;

    const RATES: [u32; 3] = [8_000, 16_000, 48_000];

    #[test]
    fn a_tone_keeps_its_pitch_and_its_level() {
        for from in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000] {
            for to in RATES {
                for hertz in [50.0, 440.0, 3_000.0] {
                    let heard = resample(&sine(from, hertz, 10_000.0, from as usize), from, to);
                    let heard = &heard[heard.len() / 10..heard.len() * 9 / 10];
                    let change = decibels(level(heard, to, hertz) / 10_000.0);
                    assert!(change.abs() < 0.1, "{hertz} Hz from {from} to {to} changes by {change} dB");
                    let rest = rms(heard).powi(2) - level(heard, to, hertz).powi(2) / 2.0;
                    assert!(rest < 50.0, "{hertz} Hz from {from} to {to} leaves a rest of {rest}");
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_does_not_come_back_as_something_else() {
        for (from, hertz) in [(16_000, 4_400.0), (16_000, 5_000.0), (48_000, 5_000.0), (48_000, 7_500.0)] {
            let heard = resample(&sine(from, hertz, 10_000.0, from as usize), from, 8_000);
            let left = decibels(rms(&heard[400..7_600]) / (10_000.0 / 2_f64.sqrt()));
            assert!(left < -55.0, "{hertz} Hz from {from}: {left} dB");
        }
    }

    #[test]
    fn the_images_of_a_tone_stay_below_it() {
        for (from, to) in [(8_000, 16_000), (8_000, 48_000), (16_000, 48_000)] {
            let heard = resample(&sine(from, 3_000.0, 10_000.0, from as usize), from, to);
            let image = decibels(level(&heard, to, f64::from(from) - 3_000.0) / 10_000.0);
            assert!(image < -55.0, "{from} to {to}: {image} dB");
        }
    }

    #[test]
    fn a_frame_in_is_a_frame_out_and_frames_make_what_the_whole_makes() {
        for from in RATES {
            for to in RATES {
                let whole = sine(from, 700.0, 9_000.0, super::super::frame(from) * 10);
                let mut resampler = Resampler::new(from, to);
                let mut pieces = Vec::new();
                for piece in whole.chunks(super::super::frame(from)) {
                    let before = pieces.len();
                    resampler.process(piece, &mut pieces);
                    assert_eq!(pieces.len() - before, super::super::frame(to), "{from} to {to}");
                }
                let late = resampler.delay() * to as usize / from as usize;
                let at_once = resample(&whole, from, to);
                assert_eq!(pieces[late..], at_once[..pieces.len() - late], "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_loudest_does_not_turn_over() {
        let loud: Vec<i16> =
            (0..4_000).map(|at| if at / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let heard = resample(&loud, 8_000, 48_000);
        assert!(heard[120..200].iter().all(|sample| *sample > 20_000), "a plateau stays one");
    }

    #[test]
    fn nothing_stays_nothing() {
        assert!(resample(&[], 44_100, 8_000).is_empty());
    }
}
