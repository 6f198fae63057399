//! What a side hears of the relay itself: a tone of the network, or a prompt, as packets of G.711 on the relay's own
//! clock.

use std::f64::consts::TAU;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::control::PayloadMap;
use crate::base::g711::{Law, RATE};
use crate::base::tones::CallTone;
use crate::sdp::Codec;

/// Samples in a packet.
pub(super) const SAMPLES: usize = 160;
/// The spacing of packets.
const STEP: Duration = Duration::from_millis(20);
/// What is later than this is left out, so that nobody gets a burst after a pause of the thread.
const LATE: Duration = Duration::from_millis(200);
/// The height of each frequency of a tone: some 11 dB below the loudest sine (ITU-T E.180 section 6).
const HEIGHT: f64 = 6_500.0;
/// The pause before a prompt is played again.
const PAUSE: u32 = 2 * RATE;

/// A sound that goes on until it is stopped.
#[derive(Clone, PartialEq, Eq)]
pub enum Sound {
    /// A tone of the network, in its cadence.
    Tone(CallTone),
    /// A recording in A-law at 8 kHz, again and again with a pause of 2 s.
    Prompt(Bytes),
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sound::Tone(tone) => tone.fmt(f),
            Sound::Prompt(prompt) => write!(f, "Prompt({} samples)", prompt.len()),
        }
    }
}

/// A sine, made from one sample to the next.
#[derive(Debug, Clone, Copy, Default)]
struct Sine {
    step: f64,
    last: f64,
    before: f64,
}

impl Sine {
    /// A sine that begins at 0.
    fn new(hertz: u16) -> Self {
        let angle = TAU * f64::from(hertz) / f64::from(RATE);
        Self { step: 2.0 * angle.cos(), last: 0.0, before: -HEIGHT * angle.sin() }
    }

    fn next(&mut self) -> f64 {
        let now = self.last;
        (self.last, self.before) = (self.step * self.last - self.before, self.last);
        now
    }
}

/// A sound on its way to a side.
#[derive(Debug)]
pub(super) struct Sounding {
    sound: Sound,
    /// Samples since the sound, or its cadence, began.
    position: u32,
    sines: [Sine; 2],
    /// When the next packet is due.
    next: Instant,
    /// The next packet does not follow on one before it.
    is_first: bool,
}

/// A packet of a sound, its payload apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beat {
    /// The moment that its timestamp tells.
    pub(super) at: Instant,
    pub(super) is_first: bool,
}

impl Sounding {
    pub(super) fn new(now: Instant, sound: Sound) -> Self {
        Self { sound, position: 0, sines: [Sine::default(); 2], next: now, is_first: true }
    }

    pub(super) fn is(&self, sound: &Sound) -> bool {
        self.sound == *sound
    }

    /// When the next packet is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next
    }

    /// The next packet, where it is due: writes its payload.
    pub(super) fn due(&mut self, now: Instant, law: Law, payload: &mut [u8; SAMPLES]) -> Option<Beat> {
        if now < self.next {
            return None;
        }
        if now - self.next > LATE {
            (self.next, self.is_first) = (now, true);
        }
        let beat = Beat { at: self.next, is_first: std::mem::take(&mut self.is_first) };
        self.next += STEP;
        for code in payload {
            *code = self.sample(law);
        }
        Some(beat)
    }

    /// The side can't be sent to now: the sound goes on unheard.
    pub(super) fn pass(&mut self, now: Instant) {
        while self.next <= now {
            (self.next, self.is_first) = (now.max(self.next) + STEP, true);
        }
    }

    fn sample(&mut self, law: Law) -> u8 {
        match &self.sound {
            Sound::Tone(tone) => {
                let tone = *tone;
                law.encode(self.tone(tone))
            }
            Sound::Prompt(prompt) => {
                let code = prompt.get(self.position as usize).copied();
                let length = u32::try_from(prompt.len()).unwrap_or(u32::MAX - PAUSE);
                self.position = (self.position + 1) % (length + PAUSE);
                match (code, law) {
                    (Some(code), Law::A) => code,
                    (Some(code), law) => law.encode(Law::A.decode(code)),
                    (None, law) => law.encode(0),
                }
            }
        }
    }

    fn tone(&mut self, tone: CallTone) -> i16 {
        let samples = tone.cadence.map(|ms| u32::from(ms) * (RATE / 1000));
        let mut begin = 0;
        let mut sounds = false;
        for (turn, length) in samples.iter().enumerate() {
            if (begin..begin + length).contains(&self.position) {
                sounds = turn % 2 == 0;
                break;
            }
            begin += length;
        }
        if sounds && self.position == begin {
            self.sines = tone.hertz.map(Sine::new);
        }
        self.position = (self.position + 1) % samples.iter().sum::<u32>().max(1);
        #[expect(clippy::cast_possible_truncation, reason = "two sines of 6,500 at most")]
        if sounds { self.sines.iter_mut().map(Sine::next).sum::<f64>() as i16 } else { 0 }
    }
}

/// The format of a side that a sound can be written in: its first of G.711.
pub(super) fn law(formats: &[PayloadMap]) -> Option<(Law, u8)> {
    formats.iter().find_map(|map| match map.codec {
        Codec::Pcma => Some((Law::A, map.send)),
        Codec::Pcmu => Some((Law::Mu, map.send)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    /// So many packets in time, decoded.
    fn play(sound: Sound, law: Law, packets: u32) -> Vec<i16> {
        let start = start();
        let mut sounding = Sounding::new(start, sound);
        let mut payload = [0; SAMPLES];
        let mut heard = Vec::new();
        for count in 0..packets {
            let beat = sounding.due(start + STEP * count, law, &mut payload).expect("it is due");
            assert_eq!(beat, Beat { at: start + STEP * count, is_first: count == 0 });
            heard.extend(payload.iter().map(|code| law.decode(*code)));
        }
        heard
    }

    #[test]
    fn a_tone_keeps_its_cadence_to_the_sample() {
        let tone = CallTone { hertz: [400, 450], cadence: [400, 200, 400, 2_000, 0, 0] };
        for law in [Law::A, Law::Mu] {
            let heard = play(Sound::Tone(tone), law, 300);
            let loud =
                |from: usize, to: usize| heard[from * 8..to * 8].iter().any(|sample| sample.abs() > 5_000);
            let silent =
                |from: usize, to: usize| heard[from * 8..to * 8].iter().all(|sample| sample.abs() <= 8);
            for cycle in [0, 3_000] {
                assert!(loud(cycle, cycle + 100) && loud(cycle + 300, cycle + 400));
                assert!(silent(cycle + 400, cycle + 600));
                assert!(loud(cycle + 600, cycle + 700) && loud(cycle + 900, cycle + 1_000));
                assert!(silent(cycle + 1_000, cycle + 3_000));
            }
            assert!(heard.iter().all(|sample| sample.abs() < 14_000), "two sines do not clip");
        }
    }

    #[test]
    fn a_prompt_comes_again_after_a_pause() {
        let prompt: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let heard = play(Sound::Prompt(prompt.clone().into()), Law::A, 200);
        let spoken: Vec<i16> = prompt.iter().map(|code| Law::A.decode(*code)).collect();
        assert_eq!(heard[..1_000], spoken);
        assert!(heard[1_000..17_000].iter().all(|sample| *sample == 8), "the smallest of A-law");
        assert_eq!(heard[17_000..18_000], spoken);
        let other: Vec<i16> = play(Sound::Prompt(prompt.into()), Law::Mu, 10);
        assert!(spoken.iter().zip(&other).all(|(one, other)| (one - other).abs() <= 8.max(one.abs() / 16)));
    }

    #[test]
    fn what_is_late_comes_at_once_and_what_is_very_late_not_at_all() {
        let start = start();
        let mut sounding = Sounding::new(start, Sound::Prompt(Bytes::from_static(&[0xd5; 8_000])));
        let mut payload = [0; SAMPLES];
        let count = |sounding: &mut Sounding, now: Instant, payload: &mut [u8; SAMPLES]| {
            std::iter::from_fn(|| sounding.due(now, Law::A, payload)).count()
        };
        assert_eq!(count(&mut sounding, start + LATE, &mut payload), 11);
        assert_eq!(count(&mut sounding, start + Duration::from_secs(9), &mut payload), 1);
        sounding.pass(start + Duration::from_secs(10));
        assert!(
            sounding.deadline() > start + Duration::from_secs(10),
            "it does not come due again and again"
        );
    }

    #[test]
    fn a_sound_without_anything_in_it_is_silence() {
        let silent = CallTone { hertz: [0, 0], cadence: [0; 6] };
        for sound in [Sound::Tone(silent), Sound::Prompt(Bytes::new())] {
            assert!(play(sound, Law::Mu, 10).iter().all(|sample| *sample == 0));
        }
    }
}
