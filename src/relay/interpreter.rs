//! Speech of the other side made into a codec that this side has, where the two have none in common.
//!
//! It has no jitter buffer: what comes in order goes on at once, what was lost is filled, and what comes later than its
//! successor counts as lost.

use std::fmt;
use std::time::Instant;

use super::outgoing::Outgoing;
use super::reception::Step;
use super::speech::{Payload, Spoken};
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::audio::{FRAME_MS, Format, Packet, Transcoder};
use crate::rtp::{Header, Received};

/// So many frames of a loss are filled; what was heard before is faded out by then.
const FILLED: u32 = 5;

/// What codes the other side's speech anew.
pub(super) struct Interpreter {
    from: Format,
    to: Spoken,
    transcoder: Transcoder,
    /// The timestamp of theirs that follows on the last packet.
    expected: Option<u32>,
    /// The timestamp of our next frame; none where it begins a spurt of talk.
    next: Option<u32>,
    is_spurt: bool,
    /// Since when a frame waits to be sent.
    ready: Option<Instant>,
}

impl Interpreter {
    pub(super) fn new(from: Format, to: Spoken) -> Self {
        let transcoder =
            Transcoder::new(from, to.format).expect("each format samples at some rate of any other");
        Self { from, to, transcoder, expected: None, next: None, is_spurt: true, ready: None }
    }

    /// Whether it goes from this to that.
    pub(super) fn is(&self, from: Format, to: Spoken) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// Takes a packet of the other side; false where it comes too late.
    pub(super) fn hear(&mut self, now: Instant, packet: &Received, step: Step, payload: &[u8]) -> bool {
        match step {
            Step::Behind(_) | Step::Stray => return false,
            Step::Restart => self.begin_anew(),
            Step::Ahead(places) => self.catch_up(packet.timestamp, places > 1),
        }
        // What can't be read is filled as if it had been lost.
        let _ = self.transcoder.hear(Packet::Speech(payload));
        self.expected = Some(packet.timestamp.wrapping_add(self.transcoder.ticks_heard()));
        if self.transcoder.is_ready() {
            self.ready.get_or_insert(now);
        }
        true
    }

    fn begin_anew(&mut self) {
        (self.expected, self.next) = (None, None);
    }

    /// Fills what was lost before a packet, and leaves out what was not sent.
    fn catch_up(&mut self, timestamp: u32, is_loss: bool) {
        let Some(expected) = self.expected else { return };
        let Ok(missing) = u32::try_from(timestamp.wrapping_sub(expected).cast_signed()) else {
            return self.begin_anew();
        };
        let frame = self.from.clock() / 1000 * FRAME_MS;
        let filled = if is_loss { (missing / frame).min(FILLED) } else { 0 };
        for _ in 0..filled {
            // Nothing is no payload that could be unreadable.
            let _ = self.transcoder.hear(Packet::Nothing);
        }
        let left_out = u64::from(missing - filled * frame);
        if left_out > 0 {
            let ticks = left_out * u64::from(self.to.format.clock()) / u64::from(self.from.clock());
            self.next = self.next.map(|next| next.wrapping_add((ticks & 0xffff_ffff) as u32));
            self.is_spurt = true;
        }
    }

    /// Since when a frame waits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ready
    }

    /// The next frame, where there is one: the header of its packet, and the length of its payload.
    pub(super) fn due(
        &mut self,
        now: Instant,
        outgoing: &mut Outgoing,
        payload: &mut Payload,
    ) -> Option<(Header, usize)> {
        loop {
            let Some(coded) = self.transcoder.next(payload) else {
                self.ready = None;
                return None;
            };
            let clock = self.to.format.clock();
            let (timestamp, is_new) = outgoing.frame(now, clock, self.next);
            self.next = Some(timestamp.wrapping_add(clock / 1000 * FRAME_MS));
            // A frame that was not coded is one that is not sent.
            let Ok(length) = coded else { continue };
            let marker = std::mem::take(&mut self.is_spurt) || is_new;
            let header = outgoing.own(timestamp, self.to.payload_type, marker);
            outgoing.count(now, length);
            return Some((header, length));
        }
    }
}

const _: () = assert!(LONGEST_PAYLOAD + crate::rtp::HEADER <= super::OWN, "a frame has room");

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interpreter({:?} to {:?})", self.from, self.to.format)
    }
}
