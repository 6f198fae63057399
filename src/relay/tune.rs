//! What sounds are made of: samples, at the rate that a codec takes them.

use bytes::Bytes;

use super::keypad::Keypad;
use super::playlist::Playing;
use super::sound::Sound;
use crate::audio::{CallSound, Resampler, frame};
use crate::base::g711::{Law, RATE};
use crate::base::tones::CallTone;

/// The pause before a prompt is played again, in samples of 8 kHz.
const PAUSE: usize = 2 * RATE as usize;

/// Samples of a frame of 8 kHz.
const NARROW: usize = frame(RATE);

/// A sound as it is made.
#[derive(Debug)]
pub(super) enum Tune {
    Tone(CallTone, CallSound),
    Prompt(Repeated),
    Clips(Playing),
    Keys(Keypad),
}

impl Tune {
    /// A sound from its beginning, at a rate in Hz.
    pub(super) fn new(sound: &Sound, rate: u32) -> Self {
        match sound {
            Sound::Tone(tone) => Tune::Tone(*tone, CallSound::new(*tone, rate)),
            Sound::Prompt(codes) => Tune::Prompt(Repeated::new(codes.clone(), rate)),
            Sound::Clips(list) => Tune::Clips(Playing::new(list.clone(), rate)),
        }
    }

    /// Goes on at another rate; a tone begins its cadence anew.
    pub(super) fn change_rate(&mut self, rate: u32) {
        match self {
            Tune::Tone(tone, sound) => *sound = CallSound::new(*tone, rate),
            Tune::Prompt(repeated) => repeated.change_rate(rate),
            Tune::Clips(playing) => playing.change_rate(rate),
            Tune::Keys(keypad) => keypad.change_rate(rate),
        }
    }

    /// Fills a frame.
    pub(super) fn fill(&mut self, frame: &mut [i16]) {
        match self {
            Tune::Tone(_, sound) => sound.fill(frame),
            Tune::Prompt(repeated) => repeated.fill(frame),
            Tune::Clips(playing) => playing.fill(frame),
            Tune::Keys(keypad) => keypad.fill(frame),
        }
    }

    /// Whether there is no more of it.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Tune::Tone(..) | Tune::Prompt(_) => false,
            Tune::Clips(playing) => playing.is_over(),
            Tune::Keys(keypad) => keypad.is_over(),
        }
    }
}

/// A recording in A-law that comes again and again.
#[derive(Debug)]
pub(super) struct Repeated {
    codes: Bytes,
    at: usize,
    resampler: Resampler,
    made: Vec<i16>,
}

impl Repeated {
    fn new(codes: Bytes, rate: u32) -> Self {
        Self { codes, at: 0, resampler: Resampler::new(RATE, rate), made: Vec::with_capacity(frame(rate)) }
    }

    fn change_rate(&mut self, rate: u32) {
        self.resampler = Resampler::new(RATE, rate);
    }

    fn fill(&mut self, frame: &mut [i16]) {
        let mut narrow = [0; NARROW];
        for sample in &mut narrow {
            *sample = self.codes.get(self.at).map_or(0, |code| Law::A.decode(*code));
            self.at = (self.at + 1) % (self.codes.len() + PAUSE);
        }
        self.made.clear();
        self.resampler.process(&narrow, &mut self.made);
        frame.copy_from_slice(&self.made);
    }
}
