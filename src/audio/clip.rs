//! A recording to be played, in memory.

use super::{mp3, resample, riff};

/// No clip lasts longer, in s.
pub const LONGEST_S: u32 = 600;
/// The rates that a clip may come with, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=48_000;

/// Why a file is no clip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClipFault {
    /// Neither of the two formats.
    #[error("neither WAV nor MP3: save it as WAV, 16-bit PCM, mono, 8000 or 16000 Hz")]
    Unknown,
    /// A WAV file that ends before its sound begins, or has none.
    #[error("this WAV file has no {0}: it is cut short or damaged, save it again")]
    Incomplete(&'static str),
    /// A coding in a WAV file that is not read.
    #[error("a WAV file of coding {tag:#06x} with {bits} bits is not read: save it as 16-bit PCM")]
    Coding {
        /// The format tag.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// More than two channels, or none.
    #[error("{0} channels: save it as mono or stereo")]
    Channels(u16),
    /// A rate that is not read.
    #[error("a rate of {0} Hz is not read: save it with one from 4000 to 48000 Hz")]
    Rate(u32),
    /// The rate or the channels change within an MP3 file.
    #[error("this MP3 file changes its rate or its channels on the way: save it again as one piece")]
    Changing,
    /// An MP3 file in which no sound was found.
    #[error("no sound in this MP3 file: it is cut short or damaged, save it again")]
    Silent,
    /// A clip that is too long.
    #[error("longer than {LONGEST_S} s: cut it")]
    Long,
}

/// A recording: mono, 16 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    rate: u32,
    samples: Vec<i16>,
}

impl Clip {
    /// Reads a file, WAV or MP3. Stereo is mixed down.
    pub fn read(file: &[u8]) -> Result<Self, ClipFault> {
        if riff::is_wav(file) {
            riff::read(file)
        } else if mp3::is_mp3(file) {
            mp3::read(file)
        } else {
            Err(ClipFault::Unknown)
        }
    }

    /// A clip of samples at a rate in Hz.
    pub fn new(rate: u32, samples: Vec<i16>) -> Result<Self, ClipFault> {
        if !RATES.contains(&rate) {
            return Err(ClipFault::Rate(rate));
        }
        if samples.len() > longest(rate) {
            return Err(ClipFault::Long);
        }
        Ok(Self { rate, samples })
    }

    /// Samples in a second.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// How long it lasts, in ms.
    #[must_use]
    pub fn ms(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(self.rate)
    }

    /// The same at another rate: 8000, 16000 or 48000 Hz, as codecs sample.
    pub fn at(&self, rate: u32) -> Result<Self, ClipFault> {
        if !RATES.contains(&rate) {
            return Err(ClipFault::Rate(rate));
        }
        Ok(Self { rate, samples: resample::resample(&self.samples, self.rate, rate) })
    }
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clip({} ms at {} Hz)", self.ms(), self.rate)
    }
}

/// The most samples of a clip at a rate in Hz.
pub(super) fn longest(rate: u32) -> usize {
    (rate * LONGEST_S) as usize
}

#[cfg(test)]
mod tests {
    use super::super::probe::{above_the_rest, pitch, sine};
    use super::*;

    #[test]
    fn a_clip_changes_its_rate_and_not_its_sound() {
        let clip = Clip::new(44_100, sine(44_100, 440.0, 9_000.0, 22_050)).unwrap();
        assert_eq!((clip.ms(), format!("{clip:?}").as_str()), (500, "Clip(500 ms at 44100 Hz)"));
        for rate in [8_000, 16_000, 48_000] {
            let other = clip.at(rate).unwrap();
            assert_eq!((other.rate(), other.ms()), (rate, 500));
            assert_eq!(pitch(other.samples(), rate, 380..500), 440);
            assert!(above_the_rest(other.samples(), rate, 440.0) > 30.0);
        }
        assert_eq!(clip.at(96_000), Err(ClipFault::Rate(96_000)));
    }

    #[test]
    fn a_clip_has_bounds() {
        assert_eq!(Clip::new(8_000, vec![0; 8_000 * 600 + 1]), Err(ClipFault::Long));
        assert!(Clip::new(8_000, vec![0; 8_000 * 600]).is_ok());
        assert_eq!(Clip::new(192_000, Vec::new()), Err(ClipFault::Rate(192_000)));
    }

    #[test]
    fn other_files_are_told_apart() {
        for file in [&b""[..], b"OggS\0\0\0\0", b"fLaC", &[0; 5_000], b"RIFF\x04\0\0\0AVI "] {
            assert_eq!(Clip::read(file), Err(ClipFault::Unknown));
        }
        assert_eq!(
            ClipFault::Coding { tag: 0x55, bits: 0 }.to_string(),
            "a WAV file of coding 0x0055 with 0 bits is not read: save it as 16-bit PCM"
        );
    }
}
