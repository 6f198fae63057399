//! RTCP (RFC 3550 section 6): what is read of a compound packet, and our own sender and receiver reports.

use rtcp_types::{Compound, Packet, ReportBlock, RtcpPacket};

/// What is taken from a compound packet. Everything else in it (descriptions, APP, BYE and its reason, XR,
/// feedback) ends here unread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Of a sender report: who sent it and the middle 32 bits of its NTP time.
    pub sender: Option<(u32, u32)>,
    /// The reception report on our own stream.
    pub block: Option<Block>,
}

/// A reception report block (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block {
    /// The stream that is reported on.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction: u8,
    /// Lost since the beginning: 24 bits with a sign, below zero where there were duplicates.
    pub lost: i32,
    /// The highest sequence number, with the count of its wraps above.
    pub highest: u32,
    /// Interarrival jitter, in ticks of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report heard, or 0.
    pub last_report: u32,
    /// How long ago that was, in 65,536ths of a second.
    pub delay: u32,
}

impl Block {
    fn read(block: &ReportBlock<'_>) -> Self {
        let lost = block.cumulative_lost() << 8;
        Self {
            ssrc: block.ssrc(),
            fraction: block.fraction_lost(),
            lost: lost.cast_signed() >> 8,
            highest: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_report: block.last_sender_report_timestamp(),
            delay: block.delay_since_last_sender_report_timestamp(),
        }
    }
}

impl Heard {
    /// Reads a compound packet, looking for reports on the stream `ours`; `None` where it is not RTCP that
    /// begins with a report (RFC 3550 appendix A.2), or where any part of it is broken.
    #[must_use]
    pub fn read(datagram: &[u8], ours: u32) -> Option<Self> {
        let mut heard = Self::default();
        for (index, packet) in Compound::parse(datagram).ok()?.enumerate() {
            match packet.ok()? {
                Packet::Sr(report) => {
                    let middle = (report.ntp_timestamp() >> 16) & u64::from(u32::MAX);
                    heard.sender = Some((report.ssrc(), u32::try_from(middle).ok()?));
                    heard.look(report.report_blocks(), ours);
                }
                Packet::Rr(report) => heard.look(report.report_blocks(), ours),
                _ if index == 0 => return None,
                _ => {}
            }
        }
        Some(heard)
    }

    fn look<'a>(&mut self, blocks: impl Iterator<Item = ReportBlock<'a>>, ours: u32) {
        for block in blocks.filter(|block| block.ssrc() == ours) {
            self.block = Some(Block::read(&block));
        }
    }
}

/// The sender's part of our report, where we have sent of late (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The time, on a wall clock of our own making.
    pub ntp: u64,
    /// The same moment on the stream's clock.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// Whether a report is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// More will follow.
    No,
    /// We leave: a BYE without a reason ends the compound.
    Yes,
}

/// A compound packet of ours: a sender or a receiver report, the CNAME, and at the end a BYE.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Our stream.
    pub ssrc: u32,
    /// What we sent; without it this is a receiver report.
    pub sent: Option<Sent>,
    /// What we received.
    pub block: Option<Block>,
    /// The canonical name: random, of this leg alone (RFC 7022).
    pub cname: &'a [u8],
    /// Whether it says good-bye.
    pub goodbye: Goodbye,
}

/// The longest report there is, with a CNAME of up to 32 bytes.
pub const LONGEST: usize = 28 + 24 + 8 + 36 + 8;

impl Report<'_> {
    /// Writes the compound into the buffer and gives its length.
    ///
    /// # Panics
    /// Where the buffer is shorter than [`LONGEST`] or the CNAME longer than 32 bytes.
    pub fn write(&self, buffer: &mut [u8]) -> usize {
        let mut out = Pen { buffer, at: 0 };
        self.report(&mut out);
        self.description(&mut out);
        if self.goodbye == Goodbye::Yes {
            out.head(1, rtcp_types::Bye::PACKET_TYPE, 1);
            out.word(self.ssrc);
        }
        out.at
    }

    fn report(&self, out: &mut Pen<'_>) {
        let count = u8::from(self.block.is_some());
        let words = 1 + 6 * u16::from(count);
        match &self.sent {
            Some(sent) => {
                out.head(count, rtcp_types::SenderReport::PACKET_TYPE, words + 5);
                out.word(self.ssrc);
                out.put(&sent.ntp.to_be_bytes());
                out.word(sent.timestamp);
                out.word(sent.packets);
                out.word(sent.octets);
            }
            None => {
                out.head(count, rtcp_types::ReceiverReport::PACKET_TYPE, words);
                out.word(self.ssrc);
            }
        }
        if let Some(block) = &self.block {
            out.word(block.ssrc);
            let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
            out.word((u32::from(block.fraction) << 24) | lost);
            out.word(block.highest);
            out.word(block.jitter);
            out.word(block.last_report);
            out.word(block.delay);
        }
    }

    /// One chunk with one item, ended by at least one null and filled to a whole word (section 6.5).
    fn description(&self, out: &mut Pen<'_>) {
        const CNAME: u8 = 1;
        assert!(self.cname.len() <= 32, "a CNAME of ours has at most 32 bytes");
        let nulls = 4 - (2 + self.cname.len()) % 4;
        let words = 1 + (2 + self.cname.len() + nulls) / 4;
        out.head(1, rtcp_types::Sdes::PACKET_TYPE, u16::try_from(words).unwrap_or(u16::MAX));
        out.word(self.ssrc);
        out.put(&[CNAME, u8::try_from(self.cname.len()).unwrap_or(u8::MAX)]);
        out.put(self.cname);
        out.put(&[0; 4][..nulls]);
    }
}

/// Writes big-endian words one after the other.
struct Pen<'b> {
    buffer: &'b mut [u8],
    at: usize,
}

impl Pen<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    /// The common header: version 2, a count, the packet type, and the words that follow.
    fn head(&mut self, count: u8, packet_type: u8, words: u16) {
        let [high, low] = words.to_be_bytes();
        self.put(&[0x80 | count, packet_type, high, low]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtcp_types::Sdes;

    use super::*;

    const BLOCK: Block = Block {
        ssrc: 7,
        fraction: 3,
        lost: -2,
        highest: 0x1_0005,
        jitter: 11,
        last_report: 0xabcd,
        delay: 9,
    };

    fn report(sent: Option<Sent>, block: Option<Block>, goodbye: Goodbye) -> Vec<u8> {
        let mut buffer = [0; LONGEST];
        let length = Report { ssrc: 42, sent, block, cname: b"abcdefghij234567", goodbye }.write(&mut buffer);
        buffer[..length].to_vec()
    }

    #[test]
    fn own_sender_report_reads_back() {
        let sent = Sent { ntp: 0x1111_2222_3333_4444, timestamp: 160, packets: 5, octets: 800 };
        let bytes = report(Some(sent), Some(BLOCK), Goodbye::No);
        let heard = Heard::read(&bytes, 7).unwrap();
        assert_eq!(heard, Heard { sender: Some((42, 0x2222_3333)), block: Some(BLOCK) });
        assert_eq!(Heard::read(&bytes, 8).unwrap().block, None, "a report on another stream");
    }

    #[test]
    fn the_compound_is_report_cname_and_bye() {
        let bytes = report(None, None, Goodbye::Yes);
        let packets: Vec<_> = Compound::parse(&bytes).unwrap().map(Result::unwrap).collect();
        let [Packet::Rr(report), Packet::Sdes(description), Packet::Bye(bye)] = &packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!((report.ssrc(), report.n_reports()), (42, 0));
        assert_eq!(cnames(description), [b"abcdefghij234567"]);
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [42]);
        assert_eq!(bye.reason(), None);
    }

    fn cnames<'a>(description: &'a Sdes<'a>) -> Vec<&'a [u8]> {
        description.chunks().flat_map(|chunk| chunk.items()).map(|item| item.value()).collect()
    }

    #[test]
    fn any_length_of_cname_is_well_formed() {
        for length in 0..=32 {
            let mut buffer = [0; LONGEST];
            let cname = vec![b'x'; length];
            let report = Report { ssrc: 1, sent: None, block: None, cname: &cname, goodbye: Goodbye::Yes };
            let length = report.write(&mut buffer);
            assert!(Heard::read(&buffer[..length], 0).is_some(), "CNAME of {length}");
        }
    }

    #[test]
    fn must_begin_with_a_report() {
        let bytes = report(None, None, Goodbye::No);
        assert_eq!(Heard::read(&bytes[8..], 0), None, "a description alone");
        assert_eq!(Heard::read(&bytes[..bytes.len() - 1], 0), None, "cut short");
        assert_eq!(Heard::read(&[], 0), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Heard::read(&bytes, 0);
        }

        #[test]
        fn any_spoiled_report_is_read_without_a_panic(at in 0usize..104, with: u8, cut in 0usize..104) {
            let sent = Sent { ntp: 1, timestamp: 2, packets: 3, octets: 4 };
            let mut bytes = report(Some(sent), Some(BLOCK), Goodbye::Yes);
            let length = bytes.len();
            bytes[at % length] = with;
            let _ = Heard::read(&bytes[..cut.min(length)], 7);
            let _ = Heard::read(&bytes, 7);
        }
    }
}
