//! What a side hears of the relay itself: a tone of the network, or a prompt, as packets of G.711 on the relay's own
//! clock.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::control::PayloadMap;
use crate::audio::CallSound;
use crate::base::g711::{Law, RATE};
use crate::base::tones::CallTone;
use crate::sdp::Codec;

/// Samples in a packet.
pub(super) const SAMPLES: usize = 160;
/// The spacing of packets.
const STEP: Duration = Duration::from_millis(20);
/// What is later than this is left out, so that nobody gets a burst after a pause of the thread.
const LATE: Duration = Duration::from_millis(200);
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

/// A sound on its way to a side.
#[derive(Debug)]
pub(super) struct Sounding {
    sound: Sound,
    /// What makes it, where it is a tone.
    tone: Option<CallSound>,
    /// Samples since a prompt began.
    position: u32,
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
        let tone = match sound {
            Sound::Tone(tone) => Some(CallSound::new(tone, RATE)),
            Sound::Prompt(_) => None,
        };
        Self { sound, tone, position: 0, next: now, is_first: true }
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
        self.fill(law, payload);
        Some(beat)
    }

    /// The side can't be sent to now: the sound goes on unheard.
    pub(super) fn pass(&mut self, now: Instant) {
        while self.next <= now {
            (self.next, self.is_first) = (now.max(self.next) + STEP, true);
        }
    }

    fn fill(&mut self, law: Law, payload: &mut [u8; SAMPLES]) {
        let mut samples = [0; SAMPLES];
        match (&mut self.tone, &self.sound) {
            (Some(tone), _) => tone.fill(&mut samples),
            (None, Sound::Prompt(prompt)) => {
                let length = u32::try_from(prompt.len()).unwrap_or(u32::MAX - PAUSE);
                for sample in &mut samples {
                    *sample = prompt.get(self.position as usize).map_or(0, |code| Law::A.decode(*code));
                    self.position = (self.position + 1) % (length + PAUSE);
                }
            }
            (None, Sound::Tone(_)) => {}
        }
        payload.iter_mut().zip(samples).for_each(|(code, sample)| *code = law.encode(sample));
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
