//! The digits that are heard in a side's speech (ITU-T Q.23, Q.24): pairs of tones, found by Goertzel's algorithm.
//!
//! Samples of 8 kHz are looked at in blocks of 7.5 ms. A digit is what the last four blocks agree on: one tone of each
//! group, next to nothing besides, at heights that belong together and do not change, and at the right frequencies,
//! which shows in how the tones' phases move from block to block. A tone of 40 ms fills four blocks wherever it
//! begins; one of 20 ms can't. What speech has besides two tones, their harmonics above all, is what keeps it from
//! being a digit.

use std::f32::consts::{PI, TAU};

use crate::base::g711::RATE;

/// Samples of a block.
const BLOCK: usize = 60;
/// Blocks that agree on a digit.
const BLOCKS: usize = 4;
/// Blocks without a digit that end one: a pause of 40 ms spoils seven, an interruption of 10 ms six at most.
const MISSES: u32 = 7;
/// The frequencies in Hz, low and high (Q.23), and the events that pairs of them are (RFC 4733 section 3.2).
pub(super) const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub(super) const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
pub(super) const EVENTS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];
/// How far a frequency may be off: 1.5 % has to be heard, 3.5 % must not.
const OFF: f32 = 0.025;
/// The lowest height of a tone: -34 dBm0, where the loudest sine is 3.17 dBm0.
const FAINTEST: f32 = 450.0;
/// The part of the energy that the two tones have at least.
const PURITY: f32 = 0.85;
/// The part of the loudest block's energy that each has at least.
const STEADINESS: f32 = 0.65;
/// The height of the high tone by that of the low, in power: -10 to 6 dB; 4 dB less and 8 dB more have to be heard.
const TWIST: std::ops::RangeInclusive<f32> = 0.1..=4.0;

/// What happened in a side's speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A digit has begun.
    Began {
        /// Its event code (RFC 4733): 0 to 9, 10 for `*`, 11 for `#`, 12 to 15 for A to D.
        event: u8,
    },
    /// It has ended.
    Ended {
        /// Its event code.
        event: u8,
        /// How long it sounded, in ms.
        ms: u32,
    },
}

/// What one block holds of one frequency: a complex number.
type Part = (f32, f32);

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    low: [Part; 4],
    high: [Part; 4],
    energy: f32,
}

/// A digit that sounds.
#[derive(Debug, Clone, Copy)]
struct Sounding {
    event: u8,
    /// Blocks since it began, and how many of the last have not shown it.
    blocks: u32,
    misses: u32,
}

/// Listens to one side.
#[derive(Debug, Clone)]
pub struct Detector {
    samples: [i16; BLOCK],
    filled: usize,
    blocks: [Block; BLOCKS],
    sounding: Option<Sounding>,
}

impl Default for Detector {
    fn default() -> Self {
        Self { samples: [0; BLOCK], filled: 0, blocks: [Block::default(); BLOCKS], sounding: None }
    }
}

impl Detector {
    /// Hears samples of 8 kHz, as many as there are, and tells what happened.
    pub fn hear(&mut self, samples: &[i16], mut on: impl FnMut(Heard)) {
        for sample in samples {
            self.samples[self.filled] = *sample;
            self.filled += 1;
            if self.filled == BLOCK {
                self.filled = 0;
                self.blocks.rotate_left(1);
                self.blocks[BLOCKS - 1] = block(&self.samples);
                self.step(digit(&self.blocks), &mut on);
            }
        }
    }

    /// One block on.
    fn step(&mut self, shown: Option<u8>, on: &mut impl FnMut(Heard)) {
        if let Some(sounding) = &mut self.sounding {
            sounding.blocks += 1;
            sounding.misses = if shown == Some(sounding.event) { 0 } else { sounding.misses + 1 };
            let is_other = shown.is_some_and(|event| event != sounding.event);
            if !is_other && sounding.misses < MISSES {
                return;
            }
            let blocks = sounding.blocks - sounding.misses;
            let ms = blocks * BLOCK as u32 * 1000 / RATE;
            on(Heard::Ended { event: sounding.event, ms });
            self.sounding = None;
        }
        if let Some(event) = shown {
            self.sounding = Some(Sounding { event, blocks: BLOCKS as u32, misses: 0 });
            on(Heard::Began { event });
        }
    }
}

fn block(samples: &[i16; BLOCK]) -> Block {
    let floats = samples.map(f32::from);
    Block {
        low: LOW.map(|hertz| goertzel(&floats, hertz)),
        high: HIGH.map(|hertz| goertzel(&floats, hertz)),
        energy: floats.iter().map(|sample| sample * sample).sum(),
    }
}

/// The part of a frequency in a block.
fn goertzel(samples: &[f32; BLOCK], hertz: f32) -> Part {
    let (sin, cos) = (TAU * hertz / RATE as f32).sin_cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + 2.0 * cos * last - before, last);
    }
    (last - cos * before, sin * before)
}

fn power((re, im): Part) -> f32 {
    re * re + im * im
}

/// The digit that the blocks agree on.
fn digit(blocks: &[Block; BLOCKS]) -> Option<u8> {
    let energies = blocks.map(|block| block.energy);
    let loudest = energies.iter().copied().fold(0.0, f32::max);
    if energies.iter().any(|energy| *energy < STEADINESS * loudest) {
        return None;
    }
    let (row, low) = strongest(&blocks.map(|block| block.low), &LOW)?;
    let (column, high) = strongest(&blocks.map(|block| block.high), &HIGH)?;
    let faintest = FAINTEST * FAINTEST * (BLOCK * BLOCKS) as f32 / 2.0;
    let is_pure = low + high >= PURITY * energies.iter().sum::<f32>();
    let is_level = low >= faintest && high >= faintest && TWIST.contains(&(high / low));
    (is_pure && is_level).then_some(EVENTS[row][column])
}

/// The tone of a group that stands highest, and its energy; `None` where its frequency is off.
fn strongest(blocks: &[[Part; 4]; BLOCKS], hertz: &[f32; 4]) -> Option<(usize, f32)> {
    let of = |tone: usize| blocks.iter().map(|block| power(block[tone])).sum::<f32>();
    let tone = (0..4).max_by(|one, other| of(*one).total_cmp(&of(*other)))?;
    let off = deviation(&blocks.map(|block| block[tone]), hertz[tone]);
    if off.abs() > OFF * hertz[tone] {
        return None;
    }
    // A frequency that is off shows smaller than it is.
    let turn = PI * off * BLOCK as f32 / RATE as f32;
    let seen = if turn.abs() < 1e-3 { 1.0 } else { turn.sin() / turn };
    Some((tone, of(tone) * 2.0 / BLOCK as f32 / (seen * seen)))
}

/// How far a tone is from its frequency, in Hz, by how its phase moves from block to block.
fn deviation(parts: &[Part; BLOCKS], hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for pair in parts.windows(2) {
        let (before, now) = (pair[0], pair[1]);
        re += now.0 * before.0 + now.1 * before.1;
        im += now.1 * before.0 - now.0 * before.1;
    }
    let length = BLOCK as f32 / RATE as f32;
    let turn = im.atan2(re) - TAU * hertz * length;
    let turn = turn - TAU * (turn / TAU).round();
    turn / (TAU * length)
}

#[cfg(test)]
#[path = "dtmf_tests.rs"]
mod tests;
