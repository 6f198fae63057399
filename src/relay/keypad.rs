//! Digits as tones in speech, for a side that has no telephone events.

use std::collections::VecDeque;
use std::time::Duration;

use super::digit::Digit;
use super::player::{BOUNDS, PAUSE_MS, WAITING};
use crate::audio::KeySound;

/// Digits on their way to a side, one after the other with a pause behind each.
#[derive(Debug)]
pub(super) struct Keypad {
    waiting: VecDeque<(Digit, u32)>,
    rate: u32,
    /// The digit that sounds; none in a pause.
    digit: Option<Digit>,
    sound: Option<KeySound>,
    /// What is left of the digit or of the pause, in samples.
    left: usize,
}

impl Keypad {
    pub(super) fn new(rate: u32) -> Self {
        Self { waiting: VecDeque::new(), rate, digit: None, sound: None, left: 0 }
    }

    /// Adds a digit behind those that wait.
    pub(super) fn press(&mut self, digit: Digit, duration: Duration) {
        if self.waiting.len() < WAITING {
            let ms = duration.clamp(BOUNDS.0, BOUNDS.1).as_millis();
            self.waiting.push_back((digit, u32::try_from(ms).expect("a digit has 6 s at most")));
        }
    }

    /// Whether there is no more of it.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0 && self.digit.is_none() && self.waiting.is_empty()
    }

    /// Goes on at another rate.
    pub(super) fn change_rate(&mut self, rate: u32) {
        let ms = self.left / self.per_ms();
        self.rate = rate;
        self.begin(self.digit, ms);
    }

    fn per_ms(&self) -> usize {
        (self.rate / 1000) as usize
    }

    /// Begins a digit or a pause.
    fn begin(&mut self, digit: Option<Digit>, ms: usize) {
        (self.digit, self.left) = (digit, ms * self.per_ms());
        self.sound = digit.and_then(|digit| KeySound::new(digit.event(), u32::MAX, self.rate));
    }

    /// Fills a frame: silence from where it is over.
    pub(super) fn fill(&mut self, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            if self.left == 0 {
                if self.digit.is_some() {
                    self.begin(None, PAUSE_MS);
                } else if let Some((digit, ms)) = self.waiting.pop_front() {
                    self.begin(Some(digit), ms as usize);
                } else {
                    break;
                }
            }
            let (now, rest) = frame.split_at_mut(self.left.min(frame.len()));
            match &mut self.sound {
                Some(sound) => sound.fill(now),
                None => now.fill(0),
            }
            self.left -= now.len();
            frame = rest;
        }
        frame.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Detector;
    use crate::audio::dtmf::Heard;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn digit(key: char) -> Digit {
        Digit::from_char(key).unwrap()
    }

    fn heard(mut keypad: Keypad) -> Vec<i16> {
        let mut heard = Vec::new();
        while !keypad.is_over() {
            let mut frame = vec![i16::MAX; keypad.rate as usize / 50];
            keypad.fill(&mut frame);
            heard.extend(frame);
        }
        heard
    }

    #[test]
    fn digits_follow_on_each_other_with_a_pause() {
        let mut keypad = Keypad::new(8_000);
        for key in "11#".chars() {
            keypad.press(digit(key), MS(90));
        }
        let heard = heard(keypad);
        assert_eq!(heard.len(), 3 * 150 * 8 + 10 * 8, "in whole frames");
        let (mut detector, mut told) = (Detector::default(), Vec::new());
        detector.hear(&heard, |heard| told.extend(matches!(heard, Heard::Began { .. }).then_some(heard)));
        assert_eq!(told, [1, 1, 11].map(|event| Heard::Began { event }));
        for turn in 0..3 {
            let silence = &heard[(turn * 150 + 90) * 8..(turn + 1) * 150 * 8];
            assert!(silence.iter().all(|sample| *sample == 0));
        }
    }

    #[test]
    fn durations_and_what_waits_are_held_in_bounds() {
        for (asked, ms) in [(MS(0), 40), (MS(60_000), 6_000)] {
            let mut keypad = Keypad::new(8_000);
            keypad.press(digit('0'), asked);
            let heard = heard(keypad);
            let last = heard.iter().rposition(|sample| *sample != 0).unwrap();
            assert!((ms * 8 - 8..ms * 8).contains(&last), "{last}");
        }
        let mut keypad = Keypad::new(8_000);
        (0..1_000).for_each(|_| keypad.press(digit('0'), MS(40)));
        assert_eq!(heard(keypad).len(), WAITING * 800);
    }

    #[test]
    fn it_goes_on_at_another_rate() {
        let mut keypad = Keypad::new(8_000);
        keypad.press(digit('0'), MS(100));
        keypad.fill(&mut [0; 480]);
        keypad.change_rate(16_000);
        let heard = heard(keypad);
        let last = heard.iter().rposition(|sample| *sample != 0).unwrap();
        assert!((630..640).contains(&last), "40 ms more, not {last} samples");
    }
}
