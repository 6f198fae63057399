//! The keys that are heard in a side's speech, where it has no telephone events.

use std::fmt;
use std::time::{Duration, Instant};

use super::digit::Digit;
use super::keying::Keyed;
use super::reception::Step;
use crate::audio::dtmf::Heard;
use crate::audio::{Decoder, Detector, Format, Resampler};
use crate::base::g711::RATE;
use crate::rtp::Received;

/// A key of which nothing is heard for so long has ended, though the side has stopped sending.
const UNHEARD: Duration = Duration::from_millis(300);
/// A pause in what is sent is heard as silence for so long, in samples: more than a key's end needs.
const PAUSE: u32 = RATE / 5;
/// A loss up to this, in samples, is left out: silence in its place would make two keys of one.
const LOSS: u32 = RATE * 60 / 1000;

/// How long a key has sounded when it is known for one.
const KNOWN: Duration = Duration::from_millis(40);

/// A key that begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    Began(Digit),
    Ended(Digit, Duration),
}

impl Press {
    fn of(heard: Heard) -> Option<Self> {
        match heard {
            Heard::Began { event } => Digit::from_event(event).map(Press::Began),
            Heard::Ended { event, ms } => {
                Digit::from_event(event).map(|digit| Press::Ended(digit, Duration::from_millis(ms.into())))
            }
        }
    }
}

/// A key that sounds.
#[derive(Debug, Clone, Copy)]
struct Held {
    digit: Digit,
    began: Instant,
    heard: Instant,
}

/// Listens to one side's speech in one format.
pub(super) struct Ear {
    format: Format,
    decoder: Decoder,
    resampler: Resampler,
    detector: Detector,
    decoded: Vec<i16>,
    narrow: Vec<i16>,
    /// The timestamp that follows on the last packet.
    next: Option<u32>,
    held: Option<Held>,
}

impl Ear {
    pub(super) fn new(format: Format) -> Self {
        let rate = if format == Format::Opus { RATE } else { format.rate() };
        Self {
            format,
            decoder: Decoder::new(format, rate).expect("each format samples at this rate"),
            resampler: Resampler::new(rate, RATE),
            detector: Detector::default(),
            decoded: Vec::new(),
            narrow: Vec::new(),
            next: None,
            held: None,
        }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether a key sounds.
    pub(super) fn is_hearing_a_key(&self) -> bool {
        self.held.is_some()
    }

    /// A packet of speech: what is heard in it. What comes late is not heard.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        packet: &Received,
        step: Step,
        payload: &[u8],
        mut on: impl FnMut(Press),
    ) {
        let missing = match step {
            Step::Behind(_) | Step::Stray => return,
            Step::Restart => 0,
            Step::Ahead(places) => {
                let missing = self.missing(packet.timestamp);
                if places > 1 && missing <= LOSS { 0 } else { missing.min(PAUSE) }
            }
        };
        self.decoded.clear();
        self.narrow.clear();
        self.narrow.resize(missing as usize, 0);
        // What can't be read is as if it had been lost.
        let _ = self.decoder.decode(payload, &mut self.decoded);
        self.resampler.process(&self.decoded, &mut self.narrow);
        let lasts =
            self.decoded.len() as u64 * u64::from(self.format.clock()) / u64::from(self.decoder.rate());
        self.next = Some(packet.timestamp.wrapping_add((lasts & 0xffff_ffff) as u32));
        let held = &mut self.held;
        self.detector.hear(&self.narrow, |heard| {
            let Some(press) = Press::of(heard) else { return };
            *held = match press {
                Press::Began(digit) => Some(Held { digit, began: now, heard: now }),
                Press::Ended(..) => None,
            };
            on(press);
        });
        if let Some(held) = &mut self.held {
            held.heard = now;
        }
    }

    /// How much is missing before a packet, in samples of 8 kHz.
    fn missing(&self, timestamp: u32) -> u32 {
        let ticks = self.next.map_or(0, |next| timestamp.wrapping_sub(next).cast_signed().max(0));
        ticks.unsigned_abs() / (self.format.clock() / RATE)
    }

    /// When a key that sounds has to be taken for ended.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.map(|held| held.heard + UNHEARD)
    }

    /// The key that has ended by what is no longer sent.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Keyed> {
        let held = self.held.take_if(|held| now >= held.heard + UNHEARD)?;
        self.detector = Detector::default();
        Some((held.digit, held.heard - held.began + KNOWN))
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("format", &self.format).field("held", &self.held).finish_non_exhaustive()
    }
}
