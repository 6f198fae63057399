//! Tones, made: those of the network in their cadence, and digits for a side that takes no telephone events.

use std::f64::consts::TAU;

use super::dtmf::{EVENTS, HIGH, LOW};
use crate::base::tones::CallTone;

/// The height of each frequency of a tone of the network: some 11 dB below the loudest sine (ITU-T E.180).
const HEIGHT: f64 = 6_500.0;
/// The heights of a digit's tones: -9 and -7 dBm0, where the loudest sine is 3.17 dBm0.
const KEY_HEIGHTS: [f64; 2] = [7_900.0, 9_900.0];

/// A sine, made from one sample to the next.
#[derive(Debug, Clone, Copy, Default)]
struct Sine {
    turn: f64,
    last: f64,
    before: f64,
}

impl Sine {
    /// A sine that begins at 0.
    fn new(hertz: f64, height: f64, rate: u32) -> Self {
        let angle = TAU * hertz / f64::from(rate);
        Self { turn: 2.0 * angle.cos(), last: 0.0, before: -height * angle.sin() }
    }

    fn next(&mut self) -> f64 {
        let now = self.last;
        (self.last, self.before) = (self.turn * self.last - self.before, self.last);
        now
    }
}

#[expect(clippy::cast_possible_truncation, reason = "two sines, far below the loudest")]
fn sum(sines: &mut [Sine; 2]) -> i16 {
    sines.iter_mut().map(Sine::next).sum::<f64>() as i16
}

/// A tone of the network, for as long as it is asked for.
#[derive(Debug, Clone)]
pub struct CallSound {
    tone: CallTone,
    rate: u32,
    /// Which turn of the cadence it is in, and how many samples are left of it.
    turn: usize,
    left: u32,
    sines: [Sine; 2],
}

impl CallSound {
    /// A tone at a rate in Hz.
    #[must_use]
    pub fn new(tone: CallTone, rate: u32) -> Self {
        let mut sound = Self { tone, rate, turn: 1, left: 0, sines: [Sine::default(); 2] };
        sound.begin(0);
        sound
    }

    /// Fills a frame.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            if self.left == 0 {
                self.next_turn();
            }
            self.left = self.left.saturating_sub(1);
            *sample = if self.turn.is_multiple_of(2) { sum(&mut self.sines) } else { 0 };
        }
    }

    /// To the next turn that has a length; a cadence without any is silence.
    fn next_turn(&mut self) {
        let turns = self.tone.cadence.len();
        match (1..=turns).map(|step| (self.turn + step) % turns).find(|turn| self.tone.cadence[*turn] > 0) {
            Some(turn) => self.begin(turn),
            None => (self.turn, self.left) = (1, u32::MAX),
        }
    }

    /// Begins a turn; a tone that sounded before it goes on as it was.
    fn begin(&mut self, turn: usize) {
        if self.turn % 2 == 1 {
            self.sines = self.tone.hertz.map(|hertz| Sine::new(f64::from(hertz), HEIGHT, self.rate));
        }
        self.turn = turn;
        self.left = u32::from(self.tone.cadence[turn]) * (self.rate / 1000);
    }
}

/// A digit (ITU-T Q.23), for so long.
#[derive(Debug, Clone)]
pub struct KeySound {
    sines: [Sine; 2],
    left: u32,
}

impl KeySound {
    /// The digit of an event code (RFC 4733), which sounds for so many ms; `None` where the event is no digit.
    #[must_use]
    pub fn new(event: u8, ms: u32, rate: u32) -> Option<Self> {
        let at = EVENTS.iter().flatten().position(|of| *of == event)?;
        let hertz = [LOW[at / 4], HIGH[at % 4]];
        let sine = |tone: usize| Sine::new(f64::from(hertz[tone]), KEY_HEIGHTS[tone], rate);
        Some(Self { sines: [sine(0), sine(1)], left: ms.saturating_mul(rate / 1000) })
    }

    /// Whether it still sounds.
    #[must_use]
    pub fn is_sounding(&self) -> bool {
        self.left > 0
    }

    /// Fills a frame: silence from where it has ended.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = if self.left > 0 { sum(&mut self.sines) } else { 0 };
            self.left = self.left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Detector;
    use super::super::dtmf::Heard;
    use super::super::probe::{level, rms};
    use super::*;
    use crate::base::tones::CallTones;

    /// So many ms of a tone, in frames of 20 ms.
    fn heard(tone: CallTone, rate: u32, ms: usize) -> Vec<i16> {
        let mut sound = CallSound::new(tone, rate);
        let mut heard = vec![0; ms * rate as usize / 1000];
        heard.chunks_mut(super::super::frame(rate)).for_each(|frame| sound.fill(frame));
        heard
    }

    #[test]
    fn a_tone_keeps_its_cadence_and_its_frequencies() {
        for rate in [8_000, 16_000, 48_000] {
            let of = |heard: &[i16], from: usize, to: usize| {
                let ms = rate as usize / 1000;
                heard[from * ms..to * ms].to_vec()
            };
            let ring = heard(CallTones::of("GB").ringback, rate, 7_000);
            for cycle in [0, 3_000] {
                for (from, to) in [(0, 400), (600, 1_000)] {
                    for hertz in [400.0, 450.0] {
                        let height = level(&of(&ring, cycle + from, cycle + to), rate, hertz);
                        assert!((height / HEIGHT - 1.0).abs() < 0.02, "{hertz} Hz: {height}");
                    }
                }
                for (from, to) in [(400, 600), (1_000, 3_000)] {
                    assert_eq!(rms(&of(&ring, cycle + from, cycle + to)), 0.0);
                }
            }
            assert!(ring.iter().all(|sample| sample.abs() < 14_000), "two sines do not clip");
        }
    }

    #[test]
    fn a_cadence_may_have_a_single_turn_or_none() {
        let always = heard(CallTone { hertz: [425, 0], cadence: [1, 0, 0, 0, 0, 0] }, 8_000, 400);
        assert!(
            (level(&always, 8_000, 425.0) / HEIGHT - 1.0).abs() < 0.01,
            "it does not begin again and again"
        );
        let never = heard(CallTone { hertz: [425, 0], cadence: [0; 6] }, 8_000, 100);
        assert_eq!(rms(&never), 0.0);
    }

    #[test]
    fn digits_that_are_made_are_heard() {
        for event in 0..16 {
            let mut detector = Detector::default();
            let mut told = Vec::new();
            let mut key = KeySound::new(event, 100, 8_000).unwrap();
            let mut frame = [0; 160];
            for _ in 0..20 {
                key.fill(&mut frame);
                detector.hear(&frame, |heard| told.push(heard));
            }
            assert!(!key.is_sounding());
            let [Heard::Began { event: began }, Heard::Ended { event: ended, ms }] = told[..] else {
                panic!("{event}: {told:?}");
            };
            assert_eq!((began, ended), (event, event));
            assert!((85..=115).contains(&ms), "{event} lasted {ms} ms");
        }
        assert!(KeySound::new(16, 100, 8_000).is_none());
    }
}
