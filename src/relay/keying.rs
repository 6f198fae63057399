//! The digits that a side keys (RFC 4733): each tone is told apart from the next by its timestamp, keeps the one
//! timestamp of ours that it began with, and ends once.

use std::time::{Duration, Instant};

use super::digit::Digit;
use crate::rtp::{Received, Tone};

/// A tone of which nothing is heard for so long has ended, though all three packets that said so were lost.
const UNHEARD: Duration = Duration::from_millis(300);

/// A tone that a side is keying, or the last one it keyed.
#[derive(Debug)]
struct Held {
    digit: Digit,
    ssrc: u32,
    /// Its timestamp as it came, and as it goes out.
    stamps: (u32, u32),
    clock: u32,
    /// The longest duration heard, and that of the segments before (RFC 4733 section 2.5.1.3).
    ticks: u16,
    before: u64,
    ended: bool,
    /// It is for the switch alone: it is no digit of the other side's.
    told: bool,
    heard: Instant,
}

impl Held {
    fn duration(&self) -> Duration {
        let ticks = self.before + u64::from(self.ticks);
        Duration::from_micros(ticks * 1_000_000 / u64::from(self.clock.max(1)))
    }
}

/// A digit that has ended.
pub(super) type Keyed = (Digit, Duration);

/// What a packet says of the tone it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The digit.
    pub(super) digit: Digit,
    /// The timestamp it goes out with.
    pub(super) timestamp: u32,
    /// Whether the tone begins with this packet.
    pub(super) first: bool,
    /// Tones that ended with this packet: the one before, whose end was not heard, and this one.
    pub(super) ended: [Option<Keyed>; 2],
}

/// What a side keys.
#[derive(Debug, Default)]
pub(super) struct Keying(Option<Held>);

impl Keying {
    /// A tone packet of the side; `None` where it is no digit, or belongs to a tone before the last. `start` gives
    /// the timestamp that a new tone goes out with.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        packet: &Received,
        tone: Tone,
        clock: u32,
        start: impl FnOnce() -> u32,
    ) -> Option<Told> {
        let digit = Digit::from_event(tone.event)?;
        let same = |held: &Held| {
            held.ssrc == packet.ssrc && held.stamps.0 == packet.timestamp && held.digit == digit
        };
        let mut unended = None;
        let first = !self.0.as_ref().is_some_and(same);
        if first {
            if self.is_past(packet) {
                return None;
            }
            let mut held = begin(now, packet, digit, clock, start);
            if let Some(last) = self.0.take_if(|last| !last.ended) {
                if continues(&last, &held) {
                    held.before = last.before + u64::from(last.ticks);
                } else {
                    unended = Some((last.digit, last.duration()));
                }
            }
            self.0 = Some(held);
        }
        let held = self.0.as_mut()?;
        held.ticks = held.ticks.max(tone.duration);
        held.heard = now;
        let ends = tone.end && !held.ended;
        held.ended |= tone.end;
        let ended = ends.then(|| (digit, held.duration()));
        let first = first && held.before == 0;
        Some(Told { digit, timestamp: held.stamps.1, first, ended: [unended, ended] })
    }

    /// Whether the packet is a late one of a tone before the last.
    fn is_past(&self, packet: &Received) -> bool {
        self.0.as_ref().is_some_and(|held| {
            held.ssrc == packet.ssrc && packet.timestamp.wrapping_sub(held.stamps.0).cast_signed() < 0
        })
    }

    /// The last tone is for the switch alone, and nothing for the other side any more.
    pub(super) fn tell(&mut self) {
        if let Some(held) = &mut self.0 {
            held.told = true;
        }
    }

    /// Whether the last tone is for the switch alone.
    pub(super) fn was_told(&self) -> bool {
        self.0.as_ref().is_some_and(|held| held.told)
    }

    /// When the tone now keyed has to be taken for ended.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.as_ref().filter(|held| !held.ended).map(|held| held.heard + UNHEARD)
    }

    /// The tone that has ended by its silence.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Keyed> {
        let held = self.0.as_mut().filter(|held| !held.ended && now >= held.heard + UNHEARD)?;
        held.ended = true;
        Some((held.digit, held.duration()))
    }
}

fn begin(now: Instant, packet: &Received, digit: Digit, clock: u32, start: impl FnOnce() -> u32) -> Held {
    let stamps = (packet.timestamp, start());
    Held {
        digit,
        ssrc: packet.ssrc,
        stamps,
        clock,
        ticks: 0,
        before: 0,
        ended: false,
        told: false,
        heard: now,
    }
}

/// Whether a tone is the next segment of one too long for a single duration field.
fn continues(last: &Held, next: &Held) -> bool {
    let gap = next.stamps.0.wrapping_sub(last.stamps.0);
    last.digit == next.digit && last.ssrc == next.ssrc && last.ticks > 0 && gap == u32::from(last.ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    fn packet(ssrc: u32, timestamp: u32) -> Received {
        Received { marker: false, payload_type: 101, sequence: 0, timestamp, ssrc, payload: 12..16 }
    }

    fn tone(event: u8, duration: u16, end: bool) -> Tone {
        Tone { event, end, duration }
    }

    fn digit(key: char) -> Digit {
        Digit::from_char(key).unwrap()
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_tone_ends_once_and_keeps_its_timestamp() {
        let (mut keying, now) = (Keying::default(), start());
        let first = keying.hear(now, &packet(1, 800), tone(5, 160, false), 8000, || 77).unwrap();
        assert_eq!(first, Told { digit: digit('5'), timestamp: 77, first: true, ended: [None, None] });
        let end = keying.hear(now, &packet(1, 800), tone(5, 800, true), 8000, || 99).unwrap();
        assert_eq!((end.timestamp, end.first, end.ended), (77, false, [None, Some((digit('5'), MS(100)))]));
        let again = keying.hear(now, &packet(1, 800), tone(5, 800, true), 8000, || 99).unwrap();
        assert_eq!((again.timestamp, again.ended), (77, [None, None]));
        assert_eq!(keying.deadline(), None);
    }

    #[test]
    fn the_same_key_twice_is_two_digits() {
        let (mut keying, now) = (Keying::default(), start());
        keying.hear(now, &packet(1, 800), tone(5, 800, true), 8000, || 1).unwrap();
        let second = keying.hear(now, &packet(1, 2400), tone(5, 400, true), 8000, || 2).unwrap();
        assert_eq!((second.first, second.ended), (true, [None, Some((digit('5'), MS(50)))]));
        assert_eq!(keying.hear(now, &packet(1, 800), tone(5, 800, true), 8000, || 3), None, "late");
    }

    #[test]
    fn an_unheard_end_is_told_by_the_next_tone_or_by_time() {
        let (mut keying, now) = (Keying::default(), start());
        keying.hear(now, &packet(1, 0), tone(1, 320, false), 8000, || 1).unwrap();
        let next = keying.hear(now, &packet(1, 4000), tone(2, 160, false), 8000, || 2).unwrap();
        assert_eq!(next.ended, [Some((digit('1'), MS(40))), None]);
        assert_eq!(keying.expire(now), None);
        let deadline = keying.deadline().unwrap();
        assert_eq!(keying.expire(deadline), Some((digit('2'), MS(20))));
        assert_eq!((keying.expire(deadline), keying.deadline()), (None, None), "once");
    }

    #[test]
    fn segments_of_a_long_tone_are_one_digit() {
        let (mut keying, now) = (Keying::default(), start());
        keying.hear(now, &packet(1, 0), tone(9, 0xffff, false), 8000, || 1).unwrap();
        let next = keying.hear(now, &packet(1, 0xffff), tone(9, 1, false), 8000, || 2).unwrap();
        assert_eq!((next.first, next.timestamp, next.ended), (false, 2, [None, None]));
        let end = keying.hear(now, &packet(1, 0xffff), tone(9, 14465, true), 8000, || 3).unwrap();
        assert_eq!(end.ended, [None, Some((digit('9'), MS(10_000)))]);
    }

    #[test]
    fn flash_and_fax_tones_are_no_digits() {
        let (mut keying, now) = (Keying::default(), start());
        for event in [16, 32, 34, 36, 255] {
            assert_eq!(keying.hear(now, &packet(1, 0), tone(event, 160, false), 8000, || 1), None);
        }
    }
}
