//! A recording of both sides, one on each channel, on one line of time: what comes late, twice or out of order is put
//! where its timestamp says, and what never comes is silence.

use std::ops::Range;

use crate::base::Side;

/// So long after a moment it is written: what comes later is too late, in ms.
pub const HOLD_MS: u32 = 500;
/// Sound this much ahead of its arrival shows a timestamp that jumped, in ms.
const AHEAD_MS: u32 = 300;
/// So many packets in a row that come too late show a timestamp that jumped back.
const LATE_PACKETS: u32 = 25;

/// Where a packet belongs, as its RTP header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The stream it is of.
    pub ssrc: u32,
    /// Its timestamp.
    pub timestamp: u32,
    /// What the timestamp counts, in Hz.
    pub clock: u32,
}

/// A moment of the recording, and the timestamp that one side's stream had then.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    ssrc: u32,
    clock: u32,
    /// The last timestamp heard, and its moment in samples.
    timestamp: u32,
    moment: i64,
    /// Packets in a row that came too late.
    late: u32,
}

/// A recording as it is made. Its moments are samples since it began.
#[derive(Debug)]
pub struct Recording {
    rate: u32,
    /// What is not written yet, A's sample and B's, as a ring: the moment `m` is at `m` modulo its length.
    held: Vec<[i16; 2]>,
    /// All before this moment is written.
    written: u64,
    anchors: [Option<Anchor>; 2],
    /// The moments that are not to be heard.
    pauses: Vec<Range<u64>>,
}

impl Recording {
    /// A recording at a rate in Hz.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let length = (rate / 1000 * (HOLD_MS + AHEAD_MS) * 2) as usize;
        Self {
            rate,
            held: vec![[0; 2]; length.max(1)],
            written: 0,
            anchors: [None; 2],
            pauses: Vec::with_capacity(8),
        }
    }

    /// The rate of its samples, in Hz.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The moment that a time since its beginning is, in ms.
    #[must_use]
    pub fn moment(&self, ms: u64) -> u64 {
        ms * u64::from(self.rate) / 1000
    }

    /// Takes what a side said, at the recording's rate, in a packet that arrived at a moment.
    pub fn hear(&mut self, side: Side, stamp: Stamp, arrived: u64, samples: &[i16]) {
        let start = self.place(side, stamp, arrived, samples.len());
        let Ok(end) = u64::try_from(start.saturating_add_unsigned(samples.len() as u64)) else { return };
        let most = self.written + self.held.len() as u64;
        for (sample, moment) in samples.iter().rev().zip((0..end).rev()) {
            if moment < self.written {
                break;
            }
            if moment < most && !self.is_paused(moment) {
                *self.at(moment, side) = *sample;
            }
        }
    }

    /// From a moment on, nothing is heard: silence is written.
    pub fn pause(&mut self, from: u64) {
        if self.pauses.last().is_some_and(|pause| pause.end == u64::MAX) {
            return;
        }
        self.pauses.push(from..u64::MAX);
        for moment in from.max(self.written)..self.written + self.held.len() as u64 {
            *self.slot(moment) = [0; 2];
        }
    }

    /// From a moment on, it is heard again.
    pub fn resume(&mut self, from: u64) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.end == u64::MAX) {
            pause.end = from.max(pause.start);
        }
    }

    /// Adds what is due at a moment as bytes of the file, each sample of A's before that of B's. Call it at least
    /// as often as [`HOLD_MS`].
    pub fn write(&mut self, now: u64, file: &mut Vec<u8>) {
        self.write_until(now.saturating_sub(self.samples(HOLD_MS).unsigned_abs()), file);
    }

    /// Adds all up to a moment: the recording ends.
    pub fn finish(&mut self, now: u64, file: &mut Vec<u8>) {
        self.write_until(now, file);
    }

    fn write_until(&mut self, until: u64, file: &mut Vec<u8>) {
        while self.written < until {
            let both = std::mem::take(self.slot(self.written));
            file.extend(both.iter().flat_map(|sample| sample.to_le_bytes()));
            self.written += 1;
        }
        let written = self.written;
        self.pauses.retain(|pause| pause.end > written);
    }

    /// The moment that a packet belongs to.
    fn place(&mut self, side: Side, stamp: Stamp, arrived: u64, count: usize) -> i64 {
        let (rate, ahead) = (i64::from(self.rate), self.samples(AHEAD_MS));
        let now = i64::try_from(arrived).unwrap_or(i64::MAX);
        let end = now.saturating_sub_unsigned(count as u64).max(0);
        let written = i64::try_from(self.written).unwrap_or(i64::MAX);
        let new =
            Anchor { ssrc: stamp.ssrc, clock: stamp.clock, timestamp: stamp.timestamp, moment: end, late: 0 };
        let anchor = &mut self.anchors[side.index()];
        let Some(held) = anchor.as_mut().filter(|held| (held.ssrc, held.clock) == (stamp.ssrc, stamp.clock))
        else {
            *anchor = Some(new);
            return end;
        };
        let passed = i64::from(stamp.timestamp.wrapping_sub(held.timestamp).cast_signed());
        let moment = held.moment + passed * rate / i64::from(stamp.clock.max(1));
        held.late = if moment < written { held.late + 1 } else { 0 };
        if moment > now.saturating_add(ahead) || held.late > LATE_PACKETS {
            *held = new;
            return end;
        }
        (held.timestamp, held.moment) = (stamp.timestamp, moment);
        moment
    }

    fn samples(&self, ms: u32) -> i64 {
        i64::from(self.rate / 1000 * ms)
    }

    fn is_paused(&self, moment: u64) -> bool {
        self.pauses.iter().any(|pause| pause.contains(&moment))
    }

    fn slot(&mut self, moment: u64) -> &mut [i16; 2] {
        let length = self.held.len() as u64;
        &mut self.held[(moment % length) as usize]
    }

    fn at(&mut self, moment: u64, side: Side) -> &mut i16 {
        &mut self.slot(moment)[side.index()]
    }
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
