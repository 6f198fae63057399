//! Sound: a tone, and an ear that tells which tone it hears.

use std::f64::consts::TAU;

use crate::base::g711::Law;

/// Samples per second of G.711.
const RATE: f64 = 8000.0;
/// Samples in a packet of 20 ms.
pub(super) const PACKET: usize = 160;
/// Samples that the ear listens to at a time: a tenth of a second, which tells tones apart that differ by 10 Hz.
const WINDOW: usize = 800;
/// The tones that the ear knows, in Hz: what a telephone carries.
const BAND: std::ops::RangeInclusive<u16> = 300..=3_400;
/// How far apart they are, in Hz.
const STEP: usize = 10;
/// Below this mean square there is nothing to hear.
const QUIET: f64 = 200.0 * 200.0;
/// The share of the power that a tone has, where it is all that there is.
const CLEAR: f64 = 0.9;

/// Packet after packet of one tone.
#[derive(Debug)]
pub(super) struct Voice {
    frequency: f64,
    sample: u32,
}

impl Voice {
    /// A voice at `tone` Hz.
    pub(super) fn new(tone: u16) -> Self {
        Self { frequency: f64::from(tone), sample: 0 }
    }

    /// The next 20 ms in A-law.
    pub(super) fn packet(&mut self) -> [u8; PACKET] {
        std::array::from_fn(|_| {
            let level = (TAU * self.frequency * f64::from(self.sample) / RATE).sin();
            self.sample += 1;
            #[expect(clippy::cast_possible_truncation, reason = "within 12,000 of 0")]
            Law::A.encode((level * 12_000.0) as i16)
        })
    }
}

/// What was heard in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// The tone that was there most of the time, in Hz.
    pub(super) tone: u16,
    /// For how many ms it was there, clear and alone.
    pub(super) millis: usize,
}

/// Listens to samples: the tone that is clear for the longest time, if there is one.
pub(super) fn listen(samples: &[i16]) -> Option<Heard> {
    let mut tones: Vec<u16> = samples.chunks_exact(WINDOW).filter_map(tone_of).collect();
    tones.sort_unstable();
    let longest = tones.chunk_by(|one, other| one == other).max_by_key(|run| run.len())?;
    Some(Heard { tone: longest[0], millis: longest.len() * 100 })
}

/// The one tone in a window; `None` for silence, noise, and several tones at once.
fn tone_of(window: &[i16]) -> Option<u16> {
    let samples: Vec<f64> = window.iter().map(|sample| f64::from(*sample)).collect();
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    #[expect(clippy::cast_precision_loss, reason = "a window is short")]
    let length = samples.len() as f64;
    if energy < QUIET * length {
        return None;
    }
    let share = |tone: u16| 2.0 * power(&samples, f64::from(tone)) / (length * energy);
    let shares = BAND.step_by(STEP).map(|tone| (tone, share(tone)));
    let (tone, share) = shares.max_by(|one, other| one.1.total_cmp(&other.1))?;
    (share > CLEAR).then_some(tone)
}

/// Goertzel's algorithm: the power at a frequency.
fn power(samples: &[f64], frequency: f64) -> f64 {
    let step = 2.0 * (TAU * frequency / RATE).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + step * last - before, last);
    }
    last * last + before * before - step * last * before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    fn spoken(tone: u16, packets: usize) -> Vec<i16> {
        let mut voice = Voice::new(tone);
        (0..packets).flat_map(|_| voice.packet()).map(|code| Law::A.decode(code)).collect()
    }

    #[test]
    fn a_tone_is_heard_as_what_it_is() {
        for tone in [300, 440, 620, 1_000, 2_500, 3_400] {
            assert_eq!(listen(&spoken(tone, 25)), Some(Heard { tone, millis: 500 }));
        }
    }

    #[test]
    fn half_of_a_tone_is_heard_as_half() {
        let samples = [vec![0; 4_000], spoken(620, 25)].concat();
        assert_eq!(listen(&samples), Some(Heard { tone: 620, millis: 500 }));
    }

    #[test]
    fn silence_noise_and_two_tones_at_once_are_no_tone() {
        assert_eq!(listen(&[]), None);
        assert_eq!(listen(&[0; 4_000]), None);
        assert_eq!(listen(&spoken(440, 4)), None, "shorter than a window");
        let mut noise = vec![0; 4_000];
        Random::from_number(1).fill(&mut noise);
        let noise: Vec<i16> = noise.iter().map(|code| Law::A.decode(*code)).collect();
        assert_eq!(listen(&noise), None);
        let both: Vec<i16> =
            spoken(440, 25).iter().zip(spoken(620, 25)).map(|(one, other)| one / 2 + other / 2).collect();
        assert_eq!(listen(&both), None);
        let faint: Vec<i16> = spoken(440, 25).iter().map(|sample| sample / 200).collect();
        assert_eq!(listen(&faint), None);
    }

    #[test]
    fn no_voice_holds_the_lowest_sample() {
        for tone in [440, 620] {
            let mut voice = Voice::new(tone);
            assert!((0..100).flat_map(|_| voice.packet()).all(|code| code != 0x2a), "{tone}");
        }
    }

    #[test]
    fn a_voice_does_not_begin_anew_with_each_packet() {
        let samples = spoken(445, 100);
        assert!(samples.windows(2).all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 6_000));
    }
}
