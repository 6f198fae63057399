//! Two devices that talk through a relay, in RTP and RTCP as devices send it. A device may fill every field of its
//! packets with tokens.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use maskline::base::{Random, Side};
use maskline::relay::{Endpoint, Event, OWN, PayloadMap, Port, Relay, RelayId, Transmit};
use maskline::sdp::Codec;

use super::canary::{Canary, Value};
use super::scene::address;

/// The payload types of audio and of telephone events, of each side.
pub const AUDIO: [u8; 2] = [8, 98];
pub const TONES: [u8; 2] = [101, 97];
/// The time between two packets.
pub const STEP: Duration = Duration::from_millis(20);

const EVENTS: Codec = Codec::TelephoneEvent { clock: 8000 };

/// A relay between two devices.
pub struct Booth {
    relay: Relay,
    random: Random,
    start: Instant,
    now: Instant,
    at: [SocketAddr; 2],
    /// What came to each side, and when.
    pub heard: [Vec<(Duration, Vec<u8>)>; 2],
    pub events: Vec<Event>,
}

impl Booth {
    /// A relay that knows where both devices are. It draws the same for each call.
    pub fn new(at: [SocketAddr; 2]) -> Self {
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        let mut random = Random::from_number(11);
        let relay = Relay::new(RelayId(1), now, Duration::from_secs(300), &mut random);
        let mut booth =
            Self { relay, random, start: now, now, at, heard: Default::default(), events: Vec::new() };
        for side in [Side::A, Side::B] {
            booth.set(side, true);
        }
        booth
    }

    /// Tells the relay of a side, with telephone events or without.
    pub fn set(&mut self, side: Side, has_tones: bool) {
        let rtp = self.at[side.index()];
        let map = |codec, number| PayloadMap { codec, receive: number, send: number };
        let mut formats = vec![map(Codec::Pcma, AUDIO[side.index()]), map(EVENTS, TONES[side.index()])];
        formats.truncate(if has_tones { 2 } else { 1 });
        let sources = vec![rtp.ip().into()];
        let endpoint = Endpoint {
            rtp: Some(rtp),
            rtcp: None,
            sources,
            formats,
            receives: true,
            sends: true,
            is_apart: false,
        };
        self.relay.set(self.now, side, endpoint, &mut self.random);
    }

    /// A datagram of a device comes to the relay.
    pub fn receive(&mut self, side: Side, port: Port, datagram: &[u8]) {
        let mut source = self.at[side.index()];
        if port == Port::Rtcp {
            source.set_port(source.port() + 1);
            return self.relay.rtcp(self.now, side, source, datagram);
        }
        let mut buffer = datagram.to_vec();
        if let Some(packet) = self.relay.rtp(self.now, side, source, &mut buffer) {
            assert_eq!(packet.to, self.at[side.other().index()]);
            let bytes = packet.bytes.to_vec();
            self.heard[side.other().index()].push((self.now - self.start, bytes));
        }
    }

    /// Lets time pass, in which the relay sends what is due.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        let mut buffer = [0; OWN];
        while let Some(deadline) = self.relay.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            while let Some(transmit) = self.relay.due(self.now, &mut self.random, &mut buffer) {
                self.note(transmit, &buffer);
            }
        }
        self.now = end;
        self.events.extend(std::iter::from_fn(|| self.relay.poll_event()));
    }

    fn note(&mut self, transmit: Transmit, buffer: &[u8]) {
        let bytes = buffer[..transmit.length].to_vec();
        self.heard[transmit.side.index()].push((self.now - self.start, bytes));
    }

    /// The last word to both sides.
    pub fn end(&mut self) {
        self.pass(Duration::from_secs(40));
        for side in [Side::A, Side::B] {
            let mut buffer = [0; OWN];
            let bye = self.relay.goodbye(self.now, side, &mut buffer).expect("a side that heard reports");
            self.note(bye, &buffer);
        }
    }

    /// Packets of a side that were let fall.
    pub fn dropped(&self, side: Side) -> u64 {
        self.relay.quality()[side.index()].dropped
    }

    /// All that came to a side, one datagram behind the other.
    pub fn bytes(&self, side: Side) -> Vec<u8> {
        self.heard[side.index()].iter().flat_map(|(_, bytes)| [&bytes[..], b"\0\0"].concat()).collect()
    }
}

/// A device, by what shows in its packets.
pub struct Device {
    pub side: Side,
    pub at: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    /// Tokens for every field, for a device that is full of them.
    pub canary: Option<Canary>,
    /// All that it has sent.
    pub sent: Vec<Vec<u8>>,
}

impl Device {
    pub fn new(side: Side, at: &str, ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { side, at: address(at), ssrc, sequence, timestamp, canary: None, sent: Vec::new() }
    }

    /// A device that is full of tokens.
    pub fn full(side: Side, at: &str, canary: &Canary) -> Self {
        let bits = |field: &str| canary.bits(side, field);
        let mut device = Self::new(side, at, bits("RTP SSRC"), 40_000, bits("RTP timestamp"));
        device.canary = Some(canary.clone());
        device
    }

    /// Sends a datagram as it is.
    pub fn send(&mut self, booth: &mut Booth, port: Port, datagram: Vec<u8>) {
        booth.receive(self.side, port, &datagram);
        self.sent.push(datagram);
    }

    /// Sends the next packet of its stream; `ticks` have passed since the last one.
    pub fn say(&mut self, booth: &mut Booth, payload_type: u8, ticks: u32, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        let packet = self.packet(payload_type, payload);
        self.send(booth, Port::Rtp, packet);
    }

    /// Audio of 20 ms, and the time that it takes.
    pub fn talk(&mut self, booth: &mut Booth, audio: u8) {
        self.say(booth, AUDIO[self.side.index()], 160, &[audio; 160]);
        booth.pass(STEP);
    }

    /// A packet of its stream: with tokens, it has every optional part that there is.
    pub fn packet(&self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let Some(canary) = &self.canary else {
            return self.header(0x80, payload_type, &[], &[], payload);
        };
        let side = self.side;
        canary.own(side, "RTP timestamp", Value::Bits(self.timestamp));
        let sources: Vec<u8> = (0..3).flat_map(|_| canary.bits(side, "CSRC").to_be_bytes()).collect();
        let extension = self.extension(canary);
        let mut padding = canary.word(side, "RTP padding").into_bytes();
        padding.push(u8::try_from(padding.len() + 1).unwrap());
        let payload = [payload, &padding].concat();
        self.header(0x80 | 0x20 | 0x10 | 3, payload_type, &sources, &extension, &payload)
    }

    fn header(
        &self,
        first: u8,
        payload_type: u8,
        sources: &[u8],
        extension: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![first, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        [packet, sources.into(), extension.into(), payload.into()].concat()
    }

    /// A header extension: of one-byte elements, of two-byte ones (RFC 8285, RFC 7941), or of a kind of its own.
    fn extension(&self, canary: &Canary) -> Vec<u8> {
        let word = |field: &str| canary.word(self.side, field).into_bytes();
        let number = || canary.number(self.side, "SDES PHONE in RTP").into_bytes();
        let (profile, elements) = match self.sequence % 3 {
            0 => (0xbede, [element(0x1a, false, &word("one-byte extension"))].concat()),
            1 => {
                let elements =
                    [element(1, true, &word("SDES CNAME in RTP")), element(2, true, &number()), vec![0, 0]];
                (0x1000 | u16::from(self.sequence.to_be_bytes()[1] & 15), elements.concat())
            }
            _ => (0x4c4b, word("private extension")),
        };
        let mut body = elements;
        body.resize(body.len().next_multiple_of(4), 0);
        let words = u16::try_from(body.len() / 4).unwrap();
        [&u16::to_be_bytes(profile)[..], &words.to_be_bytes(), &body].concat()
    }
}

/// An element of an extension: with its length in a byte of its own, or in the lower half of the first.
fn element(id: u8, is_long: bool, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap();
    let head = if is_long { vec![id, length] } else { vec![id & 0xf0 | (length - 1)] };
    [head, data.into()].concat()
}
