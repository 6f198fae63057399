//! The relay in virtual time: one behaviour after the other, driven by jumping to the next moment that something is
//! due.

mod digits;
mod garbage;
mod keys;
mod playlists;
mod reports;
mod silence;
mod sounds;
mod source;
mod stream;
mod transcoding;

use super::*;
use crate::rtp::HEADER;
use crate::rtp::packet::Header;
use crate::sdp::Codec;

const MS: fn(u64) -> Duration = Duration::from_millis;
const A: &str = "192.0.2.1:4000";
const B: &str = "[2001:db8::2]:6000";
const TONES: Codec = Codec::TelephoneEvent { clock: 8000 };

/// A relay between a caller at [`A`] and a callee at [`B`], who speak PCMA as types 8 and 98, and hear tones as 101
/// and 97.
struct World {
    relay: Relay,
    random: Random,
    start: Instant,
    now: Instant,
}

/// A packet that the relay sent.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    side: Side,
    port: Port,
    to: SocketAddr,
    bytes: Vec<u8>,
    after: Duration,
}

impl Sent {
    fn rtp(&self) -> Received {
        Received::read(&self.bytes).expect("what we send is RTP")
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[self.rtp().payload]
    }
}

impl World {
    /// Nothing set yet.
    fn blank() -> Self {
        #[expect(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
        let now = Instant::now();
        let mut random = Random::from_number(7);
        let relay = Relay::new(RelayId(1), now, Duration::from_secs(300), &mut random);
        Self { relay, random, start: now, now }
    }

    fn new() -> Self {
        let mut world = Self::blank();
        world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (TONES, 101, 101)]));
        world.set(Side::B, endpoint(B, &[(Codec::Pcma, 98, 98), (TONES, 97, 97)]));
        world
    }

    fn set(&mut self, side: Side, endpoint: Endpoint) {
        self.relay.set(self.now, side, endpoint, &mut self.random);
    }

    fn change(&mut self, side: Side, change: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = self.relay.legs[side.index()].endpoint.clone();
        change(&mut endpoint);
        self.set(side, endpoint);
    }

    /// A packet from an address to the RTP port of a side.
    fn send_from(&mut self, side: Side, source: &str, datagram: &[u8]) -> Option<Sent> {
        let mut buffer = datagram.to_vec();
        let packet = self.relay.rtp(self.now, side, source.parse().unwrap(), &mut buffer)?;
        let (to, bytes) = (packet.to, packet.bytes.to_vec());
        Some(Sent { side: side.other(), port: Port::Rtp, to, bytes, after: self.now - self.start })
    }

    /// A packet of the party itself.
    fn send(&mut self, side: Side, datagram: &[u8]) -> Option<Sent> {
        self.send_from(side, [A, B][side.index()], datagram)
    }

    /// Audio in order, 20 ms apart: what came out of it.
    fn talk(&mut self, side: Side, from: u16, packets: u16) -> Vec<Option<Sent>> {
        let payload_type = [8, 98][side.index()];
        let mut out = Vec::new();
        for sequence in (0..packets).map(|index| from.wrapping_add(index)) {
            out.push(self.send(side, &rtp(payload_type, sequence, u32::from(sequence) * 160, 1)));
            self.now += MS(20);
        }
        out
    }

    /// Goes on in time, and gives what was due on the way.
    fn run(&mut self, span: Duration) -> Vec<Sent> {
        let end = self.now + span;
        let mut sent = Vec::new();
        let mut buffer = [0; OWN];
        while let Some(deadline) = self.relay.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            while let Some(Transmit { side, port, to, length }) =
                self.relay.due(self.now, &mut self.random, &mut buffer)
            {
                let bytes = buffer[..length].to_vec();
                sent.push(Sent { side, port, to, bytes, after: self.now - self.start });
            }
        }
        self.now = end;
        sent
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.relay.poll_event()).collect()
    }

    fn quality(&self, side: Side) -> Quality {
        self.relay.quality()[side.index()]
    }
}

fn endpoint(rtp: &str, formats: &[(Codec, u8, u8)]) -> Endpoint {
    let rtp: SocketAddr = rtp.parse().unwrap();
    let map = |&(codec, receive, send): &(Codec, u8, u8)| PayloadMap { codec, receive, send };
    Endpoint {
        rtp: Some(rtp),
        rtcp: None,
        sources: vec![rtp.ip().into()],
        formats: formats.iter().map(map).collect(),
        receives: true,
        sends: true,
        is_apart: false,
    }
}

fn rtp_with(payload: &[u8], payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    let mut buffer = vec![0; HEADER + payload.len()];
    Header { marker: false, payload_type, sequence, timestamp, ssrc }.write(payload, &mut buffer);
    buffer
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    rtp_with(&[0xd5; 160], payload_type, sequence, timestamp, ssrc)
}

fn is_rtp(sent: &Sent) -> bool {
    sent.port == Port::Rtp
}
