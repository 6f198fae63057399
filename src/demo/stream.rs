//! A phone's audio: RTP and RTCP over two sockets, a packet each 20 ms.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rtcp_types::{
    Compound, CompoundBuilder, Packet, ReportBlock, RtcpPacketWriter, RtcpPacketWriterExt, Sdes, SdesChunk,
    SdesItem, SenderReport,
};

use super::audio::{self, Heard, PACKET, Voice};
use super::cast::Person;
use super::now;
use super::search::{Path, Received};
use super::wire::receive;
use crate::base::Random;
use crate::base::g711::Law;
use crate::rtp;

/// How long the two talk, in packets: until the first report of the switch has come (RFC 3550 section 6.2: at the
/// latest one and a half times 2.5 s after the start).
pub(super) const TALK: u32 = 200;
/// From packet to packet.
const PACE: Duration = Duration::from_millis(20);
/// A report goes out with every so many packets.
const REPORT: u32 = 25;
/// The payload type of PCMA.
const PCMA: u8 = 8;
/// Larger than any packet.
const BUFFER: usize = 2_048;

/// One phone's audio, and what it has to hide in it.
#[derive(Debug)]
pub(super) struct Stream {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// RTP and RTCP port.
    pub(super) ports: [u16; 2],
    pub(super) ssrc: u32,
    pub(super) contributor: u32,
    pub(super) cname: String,
    /// What the reports name as the sender.
    name: &'static str,
    /// What stands in the header extension of each packet.
    pub(super) extension: String,
    sequence: u16,
    timestamp: u32,
    ear: Ear,
}

/// What came in.
#[derive(Debug, Default)]
pub(super) struct Ear {
    pub(super) received: Vec<Received>,
    /// Packets of audio.
    pub(super) packets: u32,
    pub(super) ssrcs: BTreeSet<u32>,
    pub(super) cnames: BTreeSet<String>,
    /// Who reported on whose stream, by SSRC.
    pub(super) reports: BTreeSet<(u32, u32)>,
    samples: Vec<i16>,
}

impl Ear {
    /// The tone that was heard.
    pub(super) fn heard(&self) -> Option<Heard> {
        audio::listen(&self.samples)
    }
}

impl Stream {
    /// Opens the sockets, and draws the ids.
    pub(super) fn open(person: &Person, random: &mut Random) -> io::Result<Self> {
        let Person { name, username, .. } = *person;
        let address = IpAddr::from(person.address);
        let (rtp, rtcp) = (UdpSocket::bind((address, 0))?, UdpSocket::bind((address, 0))?);
        let ports = [rtp.local_addr()?.port(), rtcp.local_addr()?.port()];
        // Not met by chance: long in decimal too, and with a byte that is in no voice (A-law for the lowest sample).
        let mut word = || random.next_u32() & 0xffff_ff00 | 0x8000_002a;
        let (ssrc, contributor, timestamp) = (word(), word(), word());
        let cname = format!("{username}@{}", random.token(12));
        let extension = random.token(11);
        let sequence = u16::try_from(random.next_u32() >> 16).expect("it is what is left of 32 bits");
        let ear = Ear::default();
        Ok(Self { rtp, rtcp, ports, ssrc, contributor, cname, name, extension, sequence, timestamp, ear })
    }

    /// Speaks and listens, for as long as a talk lasts.
    pub(super) fn talk(&mut self, tone: u16, rtp: SocketAddr, rtcp: SocketAddr) -> io::Result<()> {
        let mut voice = Voice::new(tone);
        let start = now();
        for count in 0..TALK {
            self.listen(start + PACE * count)?;
            let packet = self.packet(count == 0, &voice.packet());
            self.rtp.send_to(&packet, rtp)?;
            if count % REPORT == 0 {
                self.rtcp.send_to(&self.report(count), rtcp)?;
            }
        }
        self.listen(start + PACE * TALK)
    }

    /// Listens until then.
    pub(super) fn listen(&mut self, until: Instant) -> io::Result<()> {
        let mut buffer = [0; BUFFER];
        while let Some(left) = until.checked_duration_since(now()).filter(|left| !left.is_zero()) {
            if let Some((length, from)) = receive(&self.rtp, &mut buffer, left)? {
                self.ear.take_rtp(from, &buffer[..length]);
            }
        }
        while let Some((length, from)) = receive(&self.rtcp, &mut buffer, Duration::ZERO)? {
            self.ear.take_rtcp(from, &buffer[..length]);
        }
        Ok(())
    }

    /// What came in, once the talk is over.
    pub(super) fn into_ear(self) -> Ear {
        self.ear
    }

    /// A packet with all that tells of its sender: a contributing source (RFC 3550 section 5.1) and a header
    /// extension (RFC 8285 section 4.2).
    fn packet(&mut self, marker: bool, payload: &[u8; PACKET]) -> Vec<u8> {
        let header = rtp::Header {
            marker,
            payload_type: PCMA,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        let mut packet = header.bytes().to_vec();
        packet[0] |= 0x10 | 1;
        packet.extend(self.contributor.to_be_bytes());
        // One element of 11 bytes, after its own byte of id and length: three words.
        packet.extend([0xbe, 0xde, 0, 3, 0x1a]);
        packet.extend(self.extension.as_bytes());
        packet.extend(payload);
        packet
    }

    /// A sender report, and a description of the sender as phones write it (RFC 3550 section 6.5).
    fn report(&self, packets: u32) -> Vec<u8> {
        let report = SenderReport::builder(self.ssrc)
            .rtp_timestamp(self.timestamp)
            .packet_count(packets)
            .octet_count(packets * 160);
        let chunk = SdesChunk::builder(self.ssrc)
            .add_item(SdesItem::builder(SdesItem::CNAME, &self.cname))
            .add_item(SdesItem::builder(SdesItem::NAME, self.name));
        let compound =
            CompoundBuilder::default().add_packet(report).add_packet(Sdes::builder().add_chunk(chunk));
        let mut bytes = vec![0; compound.calculate_size().expect("the texts are short")];
        compound.write_into(&mut bytes).expect("it is as long as was calculated");
        bytes
    }
}

impl Ear {
    pub(super) fn take_rtp(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.received.push(Received { path: Path::Rtp, from, bytes: bytes.into() });
        if let Some(packet) = rtp::Received::read(bytes)
            && packet.payload_type == PCMA
        {
            self.packets += 1;
            self.ssrcs.insert(packet.ssrc);
            self.samples.extend(bytes[packet.payload].iter().map(|code| Law::A.decode(*code)));
        }
    }

    pub(super) fn take_rtcp(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.received.push(Received { path: Path::Rtcp, from, bytes: bytes.into() });
        let Ok(compound) = Compound::parse(bytes) else { return };
        for packet in compound.flatten() {
            match packet {
                Packet::Sr(report) => self.note(report.ssrc(), report.report_blocks()),
                Packet::Rr(report) => self.note(report.ssrc(), report.report_blocks()),
                Packet::Sdes(description) => {
                    let items = description.chunks().flat_map(|chunk| chunk.items());
                    let cnames = items.filter(|item| item.type_() == SdesItem::CNAME);
                    self.cnames.extend(cnames.map(|item| String::from_utf8_lossy(item.value()).into_owned()));
                }
                _ => {}
            }
        }
    }
    fn note<'a>(&mut self, by: u32, blocks: impl Iterator<Item = ReportBlock<'a>>) {
        self.reports.extend(blocks.map(|block| (by, block.ssrc())));
    }
}
