//! Our own stream to a side: one synchronisation source for the whole call, sequence numbers and timestamps that
//! begin at random and go on without a break, whatever streams of the other side it carries.

use std::time::{Duration, Instant};

use super::reception::{Step, ticks};
use crate::base::Random;
use crate::rtp::Header;

/// A place in our stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    sequence: u16,
    newest: bool,
}

/// Our stream to one side.
#[derive(Debug)]
pub(super) struct Outgoing {
    ssrc: u32,
    /// The highest sequence number given out.
    sequence: u16,
    /// Which places up to there are taken: bit n is the place n before `sequence`. Where a packet of our own was
    /// put in, or one of theirs left out, all are, since a late packet can no longer be placed before that.
    taken: u64,
    /// Whether the steps of the carried stream lead on from `sequence`.
    attached: bool,
    /// What is added to the timestamps of the carried stream.
    shift: Option<u32>,
    /// A moment and its timestamp, from which those of other moments follow.
    anchor: (Instant, u32),
    clock: u32,
    sent: Option<Instant>,
    packets: u64,
    octets: u64,
}

impl Outgoing {
    pub(super) fn new(now: Instant, random: &mut Random) -> Self {
        Self {
            ssrc: random.next_u32(),
            sequence: (random.next_u32() >> 16) as u16,
            taken: u64::MAX,
            attached: false,
            shift: None,
            anchor: (now, random.next_u32()),
            clock: 8000,
            sent: None,
            packets: 0,
            octets: 0,
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of a moment, as the clock runs that was last used.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        let (moment, timestamp) = self.anchor;
        timestamp.wrapping_add(ticks(now.saturating_duration_since(moment), self.clock))
    }

    /// Lets the clock run at this rate from now on, whatever was carried last.
    pub(super) fn keep_time(&mut self, now: Instant, clock: u32) {
        if self.clock != clock {
            self.anchor = (now, self.timestamp(now));
            (self.clock, self.shift) = (clock, None);
        }
    }

    /// The timestamp of a frame of speech that was coded anew: `next`, where the clock still runs as it did, else as
    /// time has gone on. And whether it is that: what begins anew.
    pub(super) fn frame(&mut self, now: Instant, clock: u32, next: Option<u32>) -> (u32, bool) {
        let next = next.filter(|_| self.clock == clock);
        self.keep_time(now, clock);
        let elapsed = now.saturating_duration_since(self.anchor.0);
        let timestamp = next.unwrap_or_else(|| self.anchor.1.wrapping_add(ticks(elapsed, clock).max(1)));
        (self.anchor, self.shift) = ((now, timestamp), None);
        (timestamp, next.is_none())
    }

    /// The place of a packet of the carried stream; `None` where it has none any more.
    #[inline]
    pub(super) fn place(&mut self, step: Step) -> Option<Slot> {
        match step {
            Step::Ahead(places) if self.attached => {
                self.sequence = self.sequence.wrapping_add(places);
                self.taken = self.taken.checked_shl(u32::from(places)).unwrap_or(0) | 1;
                Some(Slot { sequence: self.sequence, newest: true })
            }
            Step::Behind(places) if self.attached => {
                let bit = 1u64.checked_shl(u32::from(places)).filter(|bit| self.taken & bit == 0)?;
                self.taken |= bit;
                Some(Slot { sequence: self.sequence.wrapping_sub(places), newest: false })
            }
            Step::Stray => None,
            Step::Restart | Step::Ahead(_) | Step::Behind(_) => {
                self.attached = true;
                self.shift = None;
                Some(self.insert())
            }
        }
    }

    fn insert(&mut self) -> Slot {
        self.sequence = self.sequence.wrapping_add(1);
        self.taken = u64::MAX;
        Slot { sequence: self.sequence, newest: true }
    }

    /// A packet of the carried stream is left out: the gap it would make is closed.
    pub(super) fn skip(&mut self, step: Step) {
        match step {
            Step::Restart => self.detach(),
            Step::Ahead(places) => {
                self.sequence = self.sequence.wrapping_add(places - 1);
                self.taken = u64::MAX;
            }
            Step::Behind(_) | Step::Stray => {}
        }
    }

    /// The carried stream pauses: what comes next begins anew, with its marker set.
    #[inline]
    pub(super) fn detach(&mut self) {
        self.attached = false;
    }

    /// The header of an audio packet of the carried stream. Where its clock begins anew, it is tied to ours as
    /// time has gone on, and the marker is set (RFC 3551 section 4.1).
    #[inline]
    pub(super) fn audio(&mut self, now: Instant, slot: Slot, theirs: Theirs, payload_type: u8) -> Header {
        if theirs.clock != self.clock {
            self.shift = None;
        }
        let (shift, fresh) = match self.shift {
            Some(shift) => (shift, false),
            None => (self.tie(now, theirs), true),
        };
        let timestamp = theirs.timestamp.wrapping_add(shift);
        if slot.newest {
            self.anchor = (now, timestamp);
        }
        self.header(slot, timestamp, payload_type, theirs.marker || fresh)
    }

    fn tie(&mut self, now: Instant, theirs: Theirs) -> u32 {
        let elapsed = now.saturating_duration_since(self.anchor.0);
        let ours = self.anchor.1.wrapping_add(ticks(elapsed, theirs.clock).max(1));
        let shift = ours.wrapping_sub(theirs.timestamp);
        self.shift = Some(shift);
        self.clock = theirs.clock;
        shift
    }

    /// The timestamp of a tone that begins with a packet of the carried stream: theirs where it runs on the same
    /// clock as the audio, else the present.
    pub(super) fn tone_start(&self, now: Instant, timestamp: u32, clock: u32) -> u32 {
        match self.shift {
            Some(shift) if clock == self.clock => timestamp.wrapping_add(shift),
            _ => self.timestamp(now),
        }
    }

    /// The header of a packet whose timestamp is already known.
    pub(super) fn header(&self, slot: Slot, timestamp: u32, payload_type: u8, marker: bool) -> Header {
        Header { marker, payload_type, sequence: slot.sequence, timestamp, ssrc: self.ssrc }
    }

    /// The header of a packet of our own.
    pub(super) fn own(&mut self, timestamp: u32, payload_type: u8, marker: bool) -> Header {
        let slot = self.insert();
        self.header(slot, timestamp, payload_type, marker)
    }

    /// Counts a packet that was sent.
    #[inline]
    pub(super) fn count(&mut self, now: Instant, octets: usize) {
        self.sent = Some(now);
        self.packets += 1;
        self.octets += octets as u64;
    }

    /// Packets and payload bytes sent.
    pub(super) fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// Whether a packet was sent within the last `span`.
    pub(super) fn has_sent_within(&self, now: Instant, span: Duration) -> bool {
        self.sent.is_some_and(|sent| now.saturating_duration_since(sent) < span)
    }

    /// When the last packet was sent.
    pub(super) fn last_sent(&self) -> Option<Instant> {
        self.sent
    }
}

/// What an audio packet of the other side brings along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theirs {
    pub(super) timestamp: u32,
    pub(super) clock: u32,
    pub(super) marker: bool,
}
