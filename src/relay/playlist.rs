//! Clips that a side hears one after the other, and what tells that they are over.

use std::sync::Arc;
use std::time::Duration;

use crate::audio::prompt::RATES;
use crate::audio::{CallSound, Prompt};
use crate::base::tones::CallTone;

/// What is heard once, so many times, or until it is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playlist {
    /// What is heard, in order.
    pub parts: Arc<[Part]>,
    /// How often all of it is heard; 0 is without end.
    pub times: u32,
    /// What [`Event::Played`](super::Event::Played) calls it: the switch's own number.
    pub tag: u32,
}

/// A part of a playlist.
#[derive(Debug, Clone)]
pub enum Part {
    /// A clip, from its beginning to its end.
    Clip(Arc<Prompt>),
    /// A tone of the network or a beep, for so long.
    Tone(CallTone, Duration),
    /// Silence.
    Silence(Duration),
}

impl PartialEq for Part {
    /// Clips are the same where they are one in memory.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Part::Clip(one), Part::Clip(other)) => Arc::ptr_eq(one, other),
            (Part::Tone(one, lasts), Part::Tone(other, other_lasts)) => (one, lasts) == (other, other_lasts),
            (Part::Silence(one), Part::Silence(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Part {}

impl Part {
    /// Its samples at a rate in Hz.
    fn length(&self, rate: u32) -> usize {
        match self {
            Part::Clip(prompt) => prompt.samples(rate).len(),
            Part::Tone(_, lasts) | Part::Silence(lasts) => {
                let samples = lasts.as_millis() * u128::from(rate / 1000);
                usize::try_from(samples).unwrap_or(usize::MAX)
            }
        }
    }
}

/// A playlist as it is heard.
#[derive(Debug)]
pub(super) struct Playing {
    list: Playlist,
    rate: u32,
    /// The part that comes next, and how many samples of it were heard.
    part: usize,
    at: usize,
    /// How often all of it was heard.
    rounds: u32,
    /// What makes the part, where it is a tone.
    tone: Option<CallSound>,
}

impl Playing {
    pub(super) fn new(list: Playlist, rate: u32) -> Self {
        let is_empty = list.parts.iter().all(|part| part.length(RATES[0]) == 0);
        let part = if is_empty { list.parts.len() } else { 0 };
        let mut playing = Self { list, rate, part, at: 0, rounds: 0, tone: None };
        playing.begin_part();
        playing
    }

    /// Whether there is no more of it.
    pub(super) fn is_over(&self) -> bool {
        self.part == self.list.parts.len()
    }

    /// Goes on at another rate.
    pub(super) fn change_rate(&mut self, rate: u32) {
        let at = self.at as u64 * u64::from(rate) / u64::from(self.rate);
        let length = self.list.parts.get(self.part).map_or(0, |part| part.length(rate));
        (self.at, self.rate) = (usize::try_from(at).unwrap_or(length).min(length), rate);
        self.begin_part();
    }

    /// Fills a frame: silence from where it is over.
    pub(super) fn fill(&mut self, mut frame: &mut [i16]) {
        while let Some(part) = self.list.parts.get(self.part).filter(|_| !frame.is_empty()) {
            let left = part.length(self.rate).saturating_sub(self.at);
            let (now, rest) = frame.split_at_mut(left.min(frame.len()));
            match (part, &mut self.tone) {
                (Part::Clip(prompt), _) => {
                    now.copy_from_slice(&prompt.samples(self.rate)[self.at..][..now.len()])
                }
                (Part::Tone(..), Some(tone)) => tone.fill(now),
                (Part::Tone(..), None) | (Part::Silence(_), _) => now.fill(0),
            }
            self.at += now.len();
            frame = rest;
            if self.at >= part.length(self.rate) {
                self.next_part();
            }
        }
        frame.fill(0);
    }

    fn next_part(&mut self) {
        (self.part, self.at) = (self.part + 1, 0);
        if self.is_over() {
            self.rounds = self.rounds.saturating_add(1);
            if self.list.times == 0 || self.rounds < self.list.times {
                self.part = 0;
            }
        }
        self.begin_part();
    }

    fn begin_part(&mut self) {
        self.tone = match self.list.parts.get(self.part) {
            Some(Part::Tone(tone, _)) => Some(CallSound::new(*tone, self.rate)),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Clip;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const BEEP: CallTone = CallTone { hertz: [1_000, 0], cadence: [100, 0, 0, 0, 0, 0] };

    /// A clip of a height, 8 kHz: heights stay what they are at 16 kHz too, but for the edges.
    fn clip(height: i16, samples: usize) -> Part {
        Part::Clip(Arc::new(Prompt::new(&Clip::new(8_000, vec![height; samples]).unwrap())))
    }

    fn playing(parts: Vec<Part>, times: u32, rate: u32) -> Playing {
        Playing::new(Playlist { parts: parts.into(), times, tag: 1 }, rate)
    }

    /// All of it, in frames of 20 ms.
    fn heard(mut playing: Playing, most: usize) -> Vec<i16> {
        let mut heard = Vec::new();
        while !playing.is_over() && heard.len() < most {
            let mut frame = vec![i16::MAX; playing.rate as usize / 50];
            playing.fill(&mut frame);
            heard.extend(frame);
        }
        heard
    }

    #[test]
    fn parts_follow_on_one_another_to_the_sample() {
        let parts =
            vec![clip(100, 250), Part::Silence(MS(15)), clip(200, 10), Part::Silence(MS(0)), clip(300, 300)];
        let once = [vec![100; 250], vec![0; 120], vec![200; 10], vec![300; 300]].concat();
        let twice = [&once[..], &once, &[0; 80]].concat();
        assert_eq!(heard(playing(parts.clone(), 2, 8_000), 10_000), twice, "and the last frame is filled up");
        let endless = heard(playing(parts, 0, 8_000), 3_200);
        assert_eq!(endless[680..1_360], endless[..680]);
        assert_eq!(endless.len(), 3_200);
    }

    #[test]
    fn a_beep_sounds_for_as_long_as_it_is_to() {
        for rate in RATES {
            let ms = rate as usize / 1000;
            let beep = heard(playing(vec![Part::Silence(MS(30)), Part::Tone(BEEP, MS(70))], 1, rate), 10_000);
            assert_eq!(beep.len(), 100 * ms);
            assert!(beep[..30 * ms].iter().all(|sample| *sample == 0));
            let rises = beep[30 * ms..].windows(2).filter(|pair| pair[0] <= 0 && pair[1] > 0).count();
            assert!((69..=70).contains(&rises), "{rises} in 70 ms");
        }
    }

    #[test]
    fn it_goes_on_where_it_was_at_another_rate() {
        let mut playing = playing(vec![clip(100, 1_600), clip(2_000, 1_600)], 1, 8_000);
        let mut frame = [0; 1_520];
        playing.fill(&mut frame);
        playing.change_rate(16_000);
        let rest = heard(playing, 100_000);
        let change = rest.iter().position(|sample| *sample > 1_000).unwrap();
        assert!((155..=165).contains(&change), "10 ms on, not {change} samples");
        assert_eq!(rest.len(), 3_520, "3,360 samples in whole frames");
    }

    #[test]
    fn a_list_without_a_sound_is_over_at_once_though_it_be_endless() {
        for parts in [Vec::new(), vec![Part::Silence(MS(0)), clip(1, 0)]] {
            let mut playing = playing(parts, 0, 8_000);
            assert!(playing.is_over());
            let mut frame = [1; 160];
            playing.fill(&mut frame);
            assert_eq!(frame, [0; 160]);
        }
    }

    #[test]
    fn the_same_clip_is_the_same_part() {
        let one = clip(100, 100);
        assert!(one == one.clone() && one != clip(100, 100));
        assert!(one != Part::Silence(MS(1)) && Part::Silence(MS(1)) == Part::Silence(MS(1)));
    }
}
