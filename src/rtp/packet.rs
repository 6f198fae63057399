//! The RTP packet (RFC 3550 section 5.1): what is read of one, and the twelve bytes written before a payload.

use std::ops::Range;

use rtp_rs::RtpReader;

/// Length of the header that we write: no contributing sources, no extension.
pub const HEADER: usize = 12;

/// What is read of a packet. Contributing sources, header extensions and padding are skipped and never looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in ticks of the payload type's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// Where in the datagram the payload is; at least [`HEADER`] bytes stand before it.
    pub payload: Range<usize>,
}

impl Received {
    /// Reads a datagram; `None` where it is no RTP of version 2, or cut short.
    #[must_use]
    #[inline]
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let reader = RtpReader::new(datagram).ok()?;
        let start = reader.payload_offset();
        Some(Self {
            marker: reader.mark(),
            payload_type: reader.payload_type(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: start..start + reader.payload().len(),
        })
    }
}

/// The header of a packet that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in ticks of the payload type's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// The twelve bytes: version 2, no padding, no extension, no contributing source.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }

    /// Writes the header right before a payload that stays where it was received, over whatever header,
    /// contributing sources and extensions stood there, and gives the packet so made. Trailing padding is left out.
    ///
    /// # Panics
    /// Where `payload` is not a range of [`Received::read`] on this datagram.
    #[inline]
    pub fn rewrite<'p>(&self, datagram: &'p mut [u8], payload: &Range<usize>) -> &'p [u8] {
        let packet = &mut datagram[payload.start - HEADER..payload.end];
        packet[..HEADER].copy_from_slice(&self.bytes());
        packet
    }

    /// Writes a packet of a payload of our own into the buffer and gives its length.
    ///
    /// # Panics
    /// Where the buffer is shorter than header and payload.
    pub fn write(&self, payload: &[u8], buffer: &mut [u8]) -> usize {
        let length = HEADER + payload.len();
        buffer[..HEADER].copy_from_slice(&self.bytes());
        buffer[HEADER..length].copy_from_slice(payload);
        length
    }
}

/// Whether a datagram on an RTP port is RTCP by its packet type (RFC 5761 section 4).
#[must_use]
#[inline]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, _, _, ..] if first >> 6 == 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: Header =
        Header { marker: true, payload_type: 8, sequence: 0xfffe, timestamp: 0x0102_0304, ssrc: 0xa0b0_c0d0 };

    /// Two contributing sources, an extension of one word, five bytes of payload, three of padding.
    fn loaded() -> Vec<u8> {
        let mut packet = vec![0xb2, 0x80, 0x12, 0x34, 0, 0, 0, 160, 1, 2, 3, 4];
        packet.extend(*b"CSR1CSR2");
        packet.extend([0xbe, 0xde, 0, 1]);
        packet.extend(*b"XTEN");
        packet.extend(*b"voice");
        packet.extend([0xee, 0xee, 3]);
        packet
    }

    #[test]
    fn nothing_but_the_payload_survives_a_rewrite() {
        let mut datagram = loaded();
        let received = Received::read(&datagram).unwrap();
        assert_eq!((received.marker, received.payload_type, received.sequence), (true, 0, 0x1234));
        assert_eq!((received.timestamp, received.ssrc), (160, 0x0102_0304));
        let packet = OURS.rewrite(&mut datagram, &received.payload);
        assert_eq!(packet[..HEADER], OURS.bytes());
        assert_eq!(&packet[HEADER..], b"voice");
    }

    #[test]
    fn own_packets_read_back() {
        let mut buffer = [0; 64];
        let length = OURS.write(b"payload", &mut buffer);
        let read = Received::read(&buffer[..length]).unwrap();
        assert_eq!(read.payload, 12..19);
        assert_eq!((read.marker, read.payload_type), (true, 8));
        assert_eq!((read.sequence, read.timestamp, read.ssrc), (0xfffe, 0x0102_0304, 0xa0b0_c0d0));
    }

    #[test]
    fn refuses_what_is_cut_short_or_no_rtp() {
        let whole = loaded();
        for length in 0..HEADER + 8 + 8 {
            assert_eq!(Received::read(&whole[..length]), None, "cut at {length}");
        }
        let mut stun = whole.clone();
        stun[0] &= 0x3f;
        assert_eq!(Received::read(&stun), None);
        let mut padding = whole;
        *padding.last_mut().unwrap() = 9;
        assert_eq!(Received::read(&padding), None, "padding longer than the payload");
    }

    #[test]
    fn tells_rtcp_on_the_rtp_port() {
        assert!(is_rtcp(&[0x80, 200, 0, 6]));
        assert!(is_rtcp(&[0x81, 207, 0, 6]));
        assert!(!is_rtcp(&[0x80, 0x80 | 8, 0, 6]), "PCMA with its marker");
        assert!(!is_rtcp(&[0x80, 200]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(received) = Received::read(&datagram) {
                prop_assert!(received.payload.start >= HEADER && received.payload.end <= datagram.len());
                let length = received.payload.len();
                prop_assert_eq!(OURS.rewrite(&mut datagram, &received.payload).len(), HEADER + length);
            }
        }
    }
}
