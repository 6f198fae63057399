//! What comes from a side: the order of its packets, and the loss and jitter that its reports and the call record
//! tell of (RFC 3550 appendix A).

use std::time::Duration;

use crate::rtp::{Block, Received};

/// A step ahead of this many packets or more is a restart rather than a loss (RFC 3550 appendix A.1).
const MAX_DROPOUT: u16 = 3000;
/// A packet later than this many places is no straggler (RFC 3550 appendix A.1).
const MAX_MISORDER: u16 = 100;

/// Where a packet stands against the newest before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first of a stream: another source, or the same one that has begun anew.
    Restart,
    /// So many places ahead: 1 in order, more after a loss.
    Ahead(u16),
    /// So many places behind: late, or 0 for a duplicate of the newest.
    Behind(u16),
    /// No part of the stream: to be let fall.
    Stray,
}

/// The stream that a side is sending.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The first sequence number.
    base: u32,
    /// The highest one, with its wraps counted above the low 16 bits.
    highest: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    /// Arrival less timestamp of the last audio packet, in ticks of `clock`.
    transit: Option<u32>,
    clock: u32,
    /// In 16ths of a tick.
    jitter: u32,
    /// The number that would follow one far out of order.
    suspect: Option<u16>,
}

impl Stream {
    fn new(packet: &Received) -> Self {
        let sequence = u32::from(packet.sequence);
        Self {
            ssrc: packet.ssrc,
            base: sequence,
            highest: sequence,
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit: None,
            clock: 8000,
            jitter: 0,
            suspect: None,
        }
    }

    fn newest(&self) -> u16 {
        (self.highest & 0xffff) as u16
    }

    fn step(&mut self, sequence: u16) -> Step {
        let ahead = sequence.wrapping_sub(self.newest());
        let behind = self.newest().wrapping_sub(sequence);
        if ahead == 0 || behind <= MAX_MISORDER {
            self.received = self.received.wrapping_add(1);
            return Step::Behind(behind);
        }
        if ahead < MAX_DROPOUT {
            self.received = self.received.wrapping_add(1);
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            return Step::Ahead(ahead);
        }
        if self.suspect == Some(sequence) {
            return Step::Restart;
        }
        self.suspect = Some(sequence.wrapping_add(1));
        Step::Stray
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    /// Below zero where there were duplicates (appendix A.3).
    fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received).cast_signed()
    }

    /// Lost since the last call, in 256ths (appendix A.3).
    fn fraction(&mut self) -> u8 {
        let expected = self.expected().wrapping_sub(self.expected_before);
        let received = self.received.wrapping_sub(self.received_before);
        (self.expected_before, self.received_before) = (self.expected(), self.received);
        let lost = expected.saturating_sub(received);
        if expected == 0 {
            0
        } else {
            u8::try_from((u64::from(lost) << 8) / u64::from(expected)).unwrap_or(255)
        }
    }
}

/// What came from a side, over all the streams it sent.
#[derive(Debug, Default)]
pub(super) struct Reception {
    stream: Option<Stream>,
    /// The stream before: late packets of it are not to bring it back.
    left: Option<(u32, u16)>,
    lost_before: u64,
    packets: u64,
    octets: u64,
}

impl Reception {
    /// Counts a packet of the side's own and tells where it stands.
    #[inline]
    pub(super) fn note(&mut self, packet: &Received) -> Step {
        let late = self.is_late(packet);
        let step = match self.stream.as_mut().filter(|stream| stream.ssrc == packet.ssrc) {
            Some(stream) => stream.step(packet.sequence),
            None if late => Step::Stray,
            None => Step::Restart,
        };
        if step == Step::Restart {
            self.restart(packet);
        }
        if step != Step::Stray {
            self.packets += 1;
            self.octets += packet.payload.len() as u64;
        }
        step
    }

    fn is_late(&self, packet: &Received) -> bool {
        self.left.is_some_and(|(ssrc, newest)| {
            ssrc == packet.ssrc && newest.wrapping_sub(packet.sequence) <= MAX_MISORDER
        })
    }

    fn restart(&mut self, packet: &Received) {
        if let Some(old) = self.stream.replace(Stream::new(packet)) {
            self.lost_before += u64::try_from(old.lost()).unwrap_or(0);
            self.left = (old.ssrc != packet.ssrc).then_some((old.ssrc, old.newest()));
        }
    }

    /// Measures the jitter (appendix A.8) with an audio packet that came `after` the relay's beginning. A jump of
    /// a second or more is a new beginning of the talker's clock, and not measured.
    #[inline]
    pub(super) fn arrived(&mut self, after: Duration, timestamp: u32, clock: u32) {
        let Some(stream) = &mut self.stream else { return };
        if stream.clock != clock {
            (stream.clock, stream.transit, stream.jitter) = (clock, None, 0);
        }
        let transit = ticks(after, clock).wrapping_sub(timestamp);
        if let Some(last) = stream.transit.replace(transit) {
            let step = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            if step < clock {
                stream.jitter = (stream.jitter + step).saturating_sub((stream.jitter + 8) >> 4);
            }
        }
    }

    /// The reception report on the stream now sent, without the times of the sender's reports.
    pub(super) fn block(&mut self) -> Option<Block> {
        let stream = self.stream.as_mut()?;
        Some(Block {
            ssrc: stream.ssrc,
            fraction: stream.fraction(),
            lost: stream.lost(),
            highest: stream.highest,
            jitter: stream.jitter >> 4,
            last_report: 0,
            delay: 0,
        })
    }

    /// Packets and payload bytes received.
    pub(super) fn received(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// Packets missing, over all streams; late ones are not missing, duplicates make up for none.
    pub(super) fn lost(&self) -> u64 {
        let current = self.stream.as_ref().map_or(0, |stream| u64::try_from(stream.lost()).unwrap_or(0));
        self.lost_before + current
    }

    /// The jitter in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are more than a jitter has")]
    pub(super) fn jitter_ms(&self) -> f32 {
        self.stream.as_ref().map_or(0.0, |stream| stream.jitter as f32 / 16.0 * 1000.0 / stream.clock as f32)
    }
}

/// A span of time in ticks of a clock, as they count: modulo 2^32.
#[inline]
pub(super) fn ticks(span: Duration, clock: u32) -> u32 {
    let seconds = (span.as_secs() & 0xffff_ffff) * u64::from(clock);
    let rest = u64::from(span.subsec_nanos()) * u64::from(clock) / 1_000_000_000;
    ((seconds + rest) & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16) -> Received {
        Received { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc, payload: 12..172 }
    }

    fn steps(reception: &mut Reception, ssrc: u32, sequences: &[u16]) -> Vec<Step> {
        sequences.iter().map(|sequence| reception.note(&packet(ssrc, *sequence))).collect()
    }

    #[test]
    fn order_across_the_wrap() {
        let mut reception = Reception::default();
        let seen = steps(&mut reception, 1, &[65534, 65535, 1, 0, 0, 1, 2]);
        use Step::{Ahead, Behind, Restart};
        assert_eq!(seen, [Restart, Ahead(1), Ahead(2), Behind(1), Behind(1), Behind(0), Ahead(1)]);
        assert_eq!(reception.block().unwrap().highest, 0x1_0002);
        assert_eq!(reception.lost(), 0, "the two duplicates do not count against it");
    }

    #[test]
    fn loss_is_what_the_numbers_leave_out() {
        let mut reception = Reception::default();
        steps(&mut reception, 1, &[10, 11, 14, 15]);
        assert_eq!(reception.lost(), 2);
        let block = reception.block().unwrap();
        assert_eq!((block.lost, block.fraction), (2, 85), "2 of 6 in 256ths");
        steps(&mut reception, 1, &[16, 17]);
        assert_eq!(reception.block().unwrap().fraction, 0, "none since");
        assert_eq!(reception.block().unwrap().fraction, 0, "none expected");
        steps(&mut reception, 2, &[500, 502]);
        assert_eq!(reception.lost(), 3, "2 of the old stream, 1 of the new");
    }

    #[test]
    fn stragglers_do_not_bring_an_old_stream_back() {
        let mut reception = Reception::default();
        steps(&mut reception, 1, &[10, 12]);
        assert_eq!(steps(&mut reception, 2, &[900]), [Step::Restart]);
        assert_eq!(steps(&mut reception, 1, &[11, 12]), [Step::Stray, Step::Stray]);
        assert_eq!(steps(&mut reception, 1, &[13]), [Step::Restart], "it goes on");
    }

    #[test]
    fn a_far_jump_counts_once_two_packets_agree() {
        let mut reception = Reception::default();
        steps(&mut reception, 1, &[10, 11]);
        assert_eq!(steps(&mut reception, 1, &[40000, 12, 50000]), [Step::Stray, Step::Ahead(1), Step::Stray]);
        assert_eq!(steps(&mut reception, 1, &[50001, 50002]), [Step::Restart, Step::Ahead(1)]);
    }

    #[test]
    fn jitter_of_an_even_stream_is_none_and_of_an_uneven_one_is_its_spread() {
        let mut even = Reception::default();
        let mut uneven = Reception::default();
        for index in 0..200u16 {
            even.note(&packet(1, index));
            uneven.note(&packet(1, index));
            let timestamp = u32::from(index) * 160;
            let sent = Duration::from_millis(20) * u32::from(index);
            even.arrived(sent, timestamp, 8000);
            uneven.arrived(sent + Duration::from_millis(u64::from(index % 2) * 4), timestamp, 8000);
        }
        assert!(even.jitter_ms() < 0.1, "{}", even.jitter_ms());
        assert!((uneven.jitter_ms() - 4.0).abs() < 0.2, "{}", uneven.jitter_ms());
        uneven.arrived(Duration::from_secs(4), 0x8000_0000, 8000);
        assert!(uneven.jitter_ms() < 4.2, "a jump of the talker's clock is no jitter");
    }

    #[test]
    fn ticks_wrap() {
        assert_eq!(ticks(Duration::from_millis(20), 8000), 160);
        assert_eq!(ticks(Duration::from_secs(1 << 20), 48000), ((48000u64 << 20) & 0xffff_ffff) as u32);
    }
}
