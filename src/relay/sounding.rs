//! A sound on its way to a side, as packets on the relay's own clock.

use std::time::{Duration, Instant};

use super::digit::Digit;
use super::keypad::Keypad;
use super::sound::Sound;
use super::speech::{Payload, Voice};
use super::tune::Tune;
use crate::audio::prompt::RATES;
use crate::audio::{FRAME_MS, Format, frame};

/// The spacing of packets.
const STEP: Duration = Duration::from_millis(FRAME_MS as u64);
/// What is later than this is left out, so that nobody gets a burst after a pause of the thread.
const LATE: Duration = Duration::from_millis(200);
/// Samples of a frame at the highest rate.
const LARGEST: usize = frame(RATES[1]);

/// A sound on its way to a side.
#[derive(Debug)]
pub(super) struct Sounding {
    /// What the switch ordered; nothing where it is digits.
    sound: Option<Sound>,
    tune: Tune,
    /// The rate that the tune is made at, in Hz.
    rate: u32,
    /// What codes it, once it was to be heard.
    voice: Option<Voice>,
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
    /// Bytes of its payload.
    pub(super) length: usize,
}

impl Sounding {
    pub(super) fn new(now: Instant, sound: Sound) -> Self {
        let tune = Tune::new(&sound, RATES[0]);
        Self { sound: Some(sound), ..Self::of(now, tune) }
    }

    /// Digits as tones, of which none is pressed yet.
    pub(super) fn keys(now: Instant) -> Self {
        Self::of(now, Tune::Keys(Keypad::new(RATES[0])))
    }

    fn of(now: Instant, tune: Tune) -> Self {
        Self { sound: None, tune, rate: RATES[0], voice: None, next: now, is_first: true }
    }

    /// Adds a digit, where it is digits.
    pub(super) fn press(&mut self, digit: Digit, duration: Duration) {
        if let Tune::Keys(keypad) = &mut self.tune {
            keypad.press(digit, duration);
        }
    }

    pub(super) fn is(&self, sound: &Sound) -> bool {
        self.sound.as_ref() == Some(sound)
    }

    /// Whether it is over: its last packet has had its time.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.next <= now && self.tune.is_over()
    }

    /// What the switch calls it.
    pub(super) fn tag(&self) -> Option<u32> {
        match &self.sound {
            Some(Sound::Clips(list)) => Some(list.tag),
            _ => None,
        }
    }

    /// When the next packet is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next
    }

    /// The next packet, where it is due: writes its payload in the format.
    pub(super) fn due(&mut self, now: Instant, format: Format, payload: &mut Payload) -> Option<Beat> {
        if now < self.next {
            return None;
        }
        if now - self.next > LATE {
            (self.next, self.is_first) = (now, true);
        }
        let at = self.next;
        self.next += STEP;
        self.speak_in(format);
        let voice = self.voice.as_mut()?;
        let length = voice.say(payload, |frame| self.tune.fill(frame))?;
        Some(Beat { at, is_first: std::mem::take(&mut self.is_first), length })
    }

    fn speak_in(&mut self, format: Format) {
        if self.voice.as_ref().is_some_and(|voice| voice.format() == format) {
            return;
        }
        let voice = Voice::new(format);
        if voice.rate() != self.rate {
            self.rate = voice.rate();
            self.tune.change_rate(self.rate);
        }
        self.voice = Some(voice);
    }

    /// The side can't be sent to now: the sound goes on unheard.
    pub(super) fn pass(&mut self, now: Instant) {
        while self.next <= now {
            (self.next, self.is_first) = (now.max(self.next) + STEP, true);
            self.tune.fill(&mut [0; LARGEST][..frame(self.rate)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::audio::codec::LONGEST_PAYLOAD;
    use crate::audio::{Decoder, Encoder};
    use crate::base::g711::Law;
    use crate::base::tones::CallTone;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    /// So many packets in time, decoded.
    fn play(sound: Sound, format: Format, packets: u32) -> Vec<i16> {
        let start = start();
        let mut sounding = Sounding::new(start, sound);
        let mut decoder = Decoder::new(format, format.rate()).unwrap();
        let (mut payload, mut heard) = ([0; LONGEST_PAYLOAD], Vec::new());
        for count in 0..packets {
            let now = start + STEP * count;
            let beat = sounding.due(now, format, &mut payload).expect("it is due");
            assert_eq!((beat.at, beat.is_first), (now, count == 0));
            decoder.decode(&payload[..beat.length], &mut heard).unwrap();
        }
        heard
    }

    #[test]
    fn a_tone_keeps_its_cadence_to_the_sample() {
        let tone = CallTone { hertz: [400, 450], cadence: [400, 200, 400, 2_000, 0, 0] };
        for format in [Format::Pcma, Format::Pcmu] {
            let heard = play(Sound::Tone(tone), format, 300);
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
        let heard = play(Sound::Prompt(prompt.clone().into()), Format::Pcma, 200);
        let spoken: Vec<i16> = prompt.iter().map(|code| Law::A.decode(*code)).collect();
        assert_eq!(heard[..1_000], spoken);
        assert!(heard[1_000..17_000].iter().all(|sample| *sample == 8), "the smallest of A-law");
        assert_eq!(heard[17_000..18_000], spoken);
        let other: Vec<i16> = play(Sound::Prompt(prompt.into()), Format::Pcmu, 10);
        assert!(spoken.iter().zip(&other).all(|(one, other)| (one - other).abs() <= 8.max(one.abs() / 16)));
    }

    /// Half a second of 400 Hz as a prompt, at twice and six times its rate.
    #[test]
    fn a_prompt_keeps_its_pitch_in_every_codec() {
        let mut encoder = Encoder::new(Format::Pcma, 8_000).unwrap();
        let (mut codes, mut payload) = (Vec::new(), [0; LONGEST_PAYLOAD]);
        let mut sine = crate::audio::CallSound::new(
            CallTone { hertz: [400, 0], cadence: [60_000, 0, 0, 0, 0, 0] },
            8_000,
        );
        for _ in 0..25 {
            let mut frame = [0; 160];
            sine.fill(&mut frame);
            let length = encoder.encode(&frame, &mut payload).unwrap();
            codes.extend_from_slice(&payload[..length]);
        }
        let codes = Bytes::from(codes);
        for format in [Format::Pcma, Format::Pcmu, Format::G722, Format::Opus] {
            let heard = play(Sound::Prompt(codes.clone()), format, 25);
            let rate = format.rate() as usize;
            assert_eq!(heard.len(), rate / 2);
            let middle = &heard[rate / 10..rate * 2 / 5];
            let rises = middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
            assert!((119..=121).contains(&rises), "{format:?}: {rises} in 300 ms");
            assert!(middle.iter().any(|sample| sample.abs() > 5_000), "{format:?}");
        }
    }

    #[test]
    fn what_is_late_comes_at_once_and_what_is_very_late_not_at_all() {
        let start = start();
        let mut sounding = Sounding::new(start, Sound::Prompt(Bytes::from_static(&[0xd5; 8_000])));
        let mut payload = [0; LONGEST_PAYLOAD];
        let count = |sounding: &mut Sounding, now: Instant, payload: &mut Payload| {
            std::iter::from_fn(|| sounding.due(now, Format::Pcma, payload)).count()
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
            assert!(play(sound, Format::Pcmu, 10).iter().all(|sample| *sample == 0));
        }
    }
}
