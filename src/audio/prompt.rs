//! A clip that is ready to be played in any call, however many at once: what codecs need of it is made beforehand.

use super::{Clip, resample};

/// The rates that a prompt is kept at, in Hz: one for each bandwidth of telephony.
pub const RATES: [u32; 2] = [8_000, 16_000];

/// A clip at each of [`RATES`]: 48 kB for each second.
#[derive(PartialEq, Eq)]
pub struct Prompt([Box<[i16]>; 2]);

impl Prompt {
    /// Makes a clip ready. It takes some ms for each minute: not work for a thread that carries calls.
    #[must_use]
    pub fn new(clip: &Clip) -> Self {
        Self(RATES.map(|rate| resample::resample(clip.samples(), clip.rate(), rate).into_boxed_slice()))
    }

    /// Its samples at one of [`RATES`]; those of the highest for any other rate.
    #[must_use]
    pub fn samples(&self, rate: u32) -> &[i16] {
        if rate == RATES[0] { &self.0[0] } else { &self.0[1] }
    }

    /// How long it lasts, in ms.
    #[must_use]
    pub fn ms(&self) -> u64 {
        self.0[0].len() as u64 * 1000 / u64::from(RATES[0])
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prompt({} ms)", self.ms())
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::{above_the_rest, pitch, sine};
    use super::*;

    #[test]
    fn a_prompt_is_the_same_sound_at_each_rate() {
        for from in [8_000, 16_000, 44_100] {
            let clip = Clip::new(from, sine(from, 440.0, 9_000.0, from as usize / 2)).unwrap();
            let prompt = Prompt::new(&clip);
            assert_eq!((prompt.ms(), format!("{prompt:?}").as_str()), (500, "Prompt(500 ms)"));
            for rate in RATES {
                let samples = prompt.samples(rate);
                assert_eq!(samples.len(), rate as usize / 2);
                assert_eq!(pitch(samples, rate, 380..500), 440);
                assert!(above_the_rest(samples, rate, 440.0) > 30.0);
            }
        }
    }
}
