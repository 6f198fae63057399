//! Digits that we send to a side: RFC 4733 events on a clock of our own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::digit::Digit;
use super::reception::ticks;
use super::route::ToneFormat;
use crate::rtp::Tone;

/// The spacing of a tone's packets.
const STEP: Duration = Duration::from_millis(20);
/// How often its end is sent (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;
/// The pause between two digits.
pub(super) const PAUSE_MS: usize = 60;
const PAUSE: Duration = Duration::from_millis(PAUSE_MS as u64);
/// No digit sounds shorter (ITU-T Q.24) or longer than this.
pub(super) const BOUNDS: (Duration, Duration) = (Duration::from_millis(40), Duration::from_secs(6));
/// More digits than this are not kept waiting.
pub(super) const WAITING: usize = 64;

#[derive(Debug)]
struct Playing {
    digit: Digit,
    duration: Duration,
    began: Instant,
    /// Its timestamp, once its first packet has gone out.
    timestamp: Option<u32>,
    ends: u8,
}

/// A tone packet to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) tone: Tone,
    pub(super) timestamp: u32,
    pub(super) first: bool,
}

/// The digits being sent to a side.
#[derive(Debug, Default)]
pub(super) struct Player {
    waiting: VecDeque<(Digit, Duration)>,
    playing: Option<Playing>,
    next: Option<Instant>,
}

impl Player {
    /// Adds a digit behind those that wait.
    pub(super) fn add(&mut self, now: Instant, digit: Digit, duration: Duration) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back((digit, duration.clamp(BOUNDS.0, BOUNDS.1)));
            self.next.get_or_insert(now);
        }
    }

    /// Whether a tone is sounding, so that the other side's audio has to wait.
    #[inline]
    pub(super) fn is_sounding(&self) -> bool {
        self.playing.is_some()
    }

    /// When there is something to send.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Forgets all digits: the side cannot be sent to.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The packet that is due. `present` gives the timestamp of the moment, for a tone that begins.
    pub(super) fn due(
        &mut self,
        now: Instant,
        format: ToneFormat,
        present: impl FnOnce() -> u32,
    ) -> Option<Note> {
        let due = self.next.filter(|next| *next <= now)?;
        if self.playing.is_none() {
            self.playing = self.waiting.pop_front().map(|(digit, duration)| {
                let began = due.max(now);
                Playing { digit, duration: within(duration, format.clock), began, timestamp: None, ends: 0 }
            });
            self.next = self.playing.as_ref().map(|playing| playing.began);
        }
        let playing = self.playing.as_mut()?;
        let sounded = self.next?.saturating_duration_since(playing.began) + STEP;
        let end = sounded >= playing.duration;
        let lasted = ticks(sounded.min(playing.duration), format.clock);
        let tone =
            Tone { event: playing.digit.event(), end, duration: u16::try_from(lasted).unwrap_or(u16::MAX) };
        let first = playing.timestamp.is_none();
        let timestamp = *playing.timestamp.get_or_insert_with(present);
        playing.ends += u8::from(end);
        let over = playing.ends == ENDS;
        self.advance(over);
        Some(Note { tone, timestamp, first })
    }

    /// To the next packet, or where this was the last, to the next digit.
    fn advance(&mut self, over: bool) {
        if over {
            self.playing = None;
        }
        self.next = match self.next {
            Some(next) if !over => Some(next + STEP),
            Some(next) if !self.waiting.is_empty() => Some(next + PAUSE),
            _ => None,
        };
    }
}

/// A duration that 16 bits can count on the clock.
fn within(duration: Duration, clock: u32) -> Duration {
    duration.min(Duration::from_millis(u64::from(u16::MAX) * 1000 / u64::from(clock.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: ToneFormat = ToneFormat { payload_type: 101, clock: 8000 };
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    /// Plays until there is nothing more: when each packet was due, and the packet.
    fn play(player: &mut Player, from: Instant, format: ToneFormat) -> Vec<(u128, Note)> {
        let mut notes = Vec::new();
        while let Some(now) = player.deadline() {
            let present = || u32::try_from((now - from).as_millis()).unwrap();
            notes.extend(player.due(now, format, present).map(|note| ((now - from).as_millis(), note)));
        }
        notes
    }

    #[test]
    fn a_digit_is_a_packet_every_20_ms_and_its_end_three_times() {
        let (mut player, now) = (Player::default(), start());
        player.add(now, Digit::from_char('#').unwrap(), MS(100));
        let notes = play(&mut player, now, FORMAT);
        let shape: Vec<_> = notes.iter().map(|(at, note)| (*at, note.tone.duration, note.tone.end)).collect();
        assert_eq!(
            shape,
            [
                (0, 160, false),
                (20, 320, false),
                (40, 480, false),
                (60, 640, false),
                (80, 800, true),
                (100, 800, true),
                (120, 800, true)
            ]
        );
        assert!(notes.iter().all(|(_, note)| note.timestamp == 0 && note.tone.event == 11));
        assert_eq!(notes.iter().filter(|(_, note)| note.first).count(), 1);
        assert!(!player.is_sounding());
    }

    #[test]
    fn digits_follow_each_other_with_a_pause() {
        let (mut player, now) = (Player::default(), start());
        for key in ['1', '1'] {
            player.add(now, Digit::from_char(key).unwrap(), MS(40));
        }
        let notes = play(&mut player, now, FORMAT);
        let firsts: Vec<_> = notes.iter().filter(|(_, note)| note.first).map(|(at, _)| *at).collect();
        assert_eq!(firsts, [0, 120]);
        assert_eq!(notes[4].1.timestamp, 120, "a timestamp of its own");
    }

    #[test]
    fn durations_are_held_in_bounds() {
        for (asked, format, ticks) in [
            (MS(0), FORMAT, 320),
            (MS(60_000), FORMAT, 48_000),
            (MS(60_000), ToneFormat { clock: 48000, ..FORMAT }, 65_520),
        ] {
            let (mut player, now) = (Player::default(), start());
            player.add(now, Digit::from_char('0').unwrap(), asked);
            assert_eq!(play(&mut player, now, format).last().unwrap().1.tone.duration, ticks);
        }
    }

    #[test]
    fn waiting_digits_are_bounded() {
        let (mut player, now) = (Player::default(), start());
        for _ in 0..1000 {
            player.add(now, Digit::from_char('0').unwrap(), MS(40));
        }
        assert_eq!(player.waiting.len(), WAITING);
    }
}
