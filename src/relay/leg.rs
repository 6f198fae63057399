//! One side of a relay: what comes from it, what goes to it, and what is due to it by time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::control::{Endpoint, Keys, Quality};
use super::digit::Digit;
use super::ear::Ear;
use super::gate::Gate;
use super::interpreter::Interpreter;
use super::keying::Keying;
use super::outgoing::Outgoing;
use super::player::Player;
use super::reception::Reception;
use super::reporter::Reporter;
use super::route::{Routes, ToneFormat, tone_format, unknown_payload_type};
use super::sound::Sound;
use super::sounding::{Beat, Sounding};
use super::speech::{Payload, Spoken, spoken};
use super::{Port, Transmit};
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::base::{Random, Side};
use crate::rtp::{Goodbye, Heard};
use crate::sdp::Codec;

/// Where nothing else is sent, a packet goes out this often (RFC 6263 section 7: Tr).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One side of a relay.
#[derive(Debug)]
pub(super) struct Leg {
    side: Side,
    pub(super) endpoint: Endpoint,
    /// The last address that signalling gave.
    signalled: Option<SocketAddr>,
    pub(super) gate: Gate,
    pub(super) routes: Routes,
    pub(super) reception: Reception,
    pub(super) outgoing: Outgoing,
    pub(super) keying: Keying,
    /// What becomes of its keys, and what hears them in its speech.
    pub(super) keys: Keys,
    pub(super) ear: Option<Box<Ear>>,
    player: Player,
    /// Digits that it hears as tones in speech.
    dialling: Option<Box<Sounding>>,
    /// What makes the other side's speech into its own codec.
    pub(super) interpreter: Option<Box<Interpreter>>,
    /// What it hears in place of the other side.
    sounding: Option<Box<Sounding>>,
    /// What it has heard to its end, of which the switch does not know yet.
    played: Option<u32>,
    reporter: Reporter,
    /// Since when media may flow in some direction: reports and keep-alives begin then.
    joined: Option<Instant>,
    /// The codec of its last audio packet.
    pub(super) codec: Option<Codec>,
    pub(super) dropped: u64,
}

impl Leg {
    pub(super) fn new(side: Side, now: Instant, random: &mut Random) -> Self {
        Self {
            side,
            endpoint: Endpoint::default(),
            signalled: None,
            gate: Gate::default(),
            routes: Routes::default(),
            reception: Reception::default(),
            outgoing: Outgoing::new(now, random),
            keying: Keying::default(),
            keys: Keys::default(),
            ear: None,
            player: Player::default(),
            dialling: None,
            interpreter: None,
            sounding: None,
            played: None,
            reporter: Reporter::new(now, random),
            joined: None,
            codec: None,
            dropped: 0,
        }
    }

    /// Takes what signalling knows now; false where that is what it knew before.
    pub(super) fn set(&mut self, now: Instant, mut endpoint: Endpoint, random: &mut Random) -> bool {
        endpoint.rtp = endpoint.rtp.filter(|rtp| rtp.port() != 0 && !rtp.ip().is_unspecified());
        if self.endpoint == endpoint {
            return false;
        }
        self.endpoint = endpoint;
        if let Some(rtp) = self.endpoint.rtp
            && self.signalled.replace(rtp).is_some_and(|before| before != rtp)
        {
            self.gate.unlock(now);
        }
        if self.endpoint.receives || self.endpoint.sends {
            self.joined.get_or_insert(now);
            self.reporter.begin(now, random);
        }
        true
    }

    /// Where RTP of the other side goes, if it may go now.
    #[inline]
    pub(super) fn open_target(&self) -> Option<SocketAddr> {
        if self.endpoint.sends { self.gate.rtp_target(&self.endpoint) } else { None }
    }

    /// The telephone-event format for digits of our own, where the side can be sent any.
    pub(super) fn tone_format(&self) -> Option<ToneFormat> {
        let speech = self.endpoint.formats.iter().find(|map| map.codec.is_speech());
        let clock = speech.map_or(8000, |map| map.codec.clock_rate());
        self.open_target().and_then(|_| tone_format(&self.endpoint.formats, clock))
    }

    /// Whether it has telephone events at all.
    pub(super) fn has_tones(&self) -> bool {
        tone_format(&self.endpoint.formats, 8000).is_some()
    }

    /// Sets what becomes of its keys.
    pub(super) fn listen(&mut self, keys: Keys) {
        self.keys = keys;
        self.ear = self.ear.take().filter(|_| self.is_listened_to());
    }

    /// Whether its keys are told as they begin.
    #[inline]
    pub(super) fn is_listened_to(&self) -> bool {
        self.keys != Keys::Cross
    }

    /// An RTCP packet of the side; false where it is none, or not from where it should be.
    pub(super) fn hear_report(
        &mut self,
        now: Instant,
        port: Port,
        source: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Some(heard) = Heard::read(datagram, self.outgoing.ssrc()) else { return false };
        let admitted = match port {
            Port::Rtp => self.gate.is_rtp_source(source),
            Port::Rtcp => self.gate.admits_rtcp(now, source, &self.endpoint),
        };
        if admitted {
            self.reporter.hear(now, &heard);
        }
        admitted
    }

    /// The earliest moment that something may be due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let sounding = self.sounding.as_ref().map(|sounding| sounding.deadline());
        let ear = self.ear.as_ref().and_then(|ear| ear.deadline());
        let dialling = self.dialling.as_ref().map(|dialling| dialling.deadline());
        let own =
            [self.player.deadline(), dialling, sounding, ear, self.reporter.deadline(), self.keep_alive()];
        own.into_iter().flatten().chain(self.keying.deadline()).min()
    }

    fn keep_alive(&self) -> Option<Instant> {
        self.gate.rtp_target(&self.endpoint)?;
        let last = self.outgoing.last_sent().max(self.joined);
        self.joined.and(last).map(|last| last + KEEP_ALIVE)
    }

    /// Writes what is due to the side; to be called until there is nothing.
    pub(super) fn due(&mut self, now: Instant, random: &mut Random, buffer: &mut [u8]) -> Option<Transmit> {
        self.due_tone(now, buffer)
            .or_else(|| self.due_key(now, buffer))
            .or_else(|| self.due_sound(now, buffer))
            .or_else(|| self.due_speech(now, buffer))
            .or_else(|| self.due_keep_alive(now, buffer))
            .or_else(|| self.due_report(now, random, buffer))
    }

    fn due_tone(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        self.player.deadline().filter(|due| *due <= now)?;
        let (Some(format), Some(to)) = (self.tone_format(), self.open_target()) else {
            self.player.clear();
            return None;
        };
        let outgoing = &mut self.outgoing;
        let note = self.player.due(now, format, || outgoing.timestamp(now))?;
        outgoing.detach();
        let payload = note.tone.bytes();
        let header = outgoing.own(note.timestamp, format.payload_type, note.first);
        outgoing.count(now, payload.len());
        Some(self.transmit(Port::Rtp, to, header.write(&payload, buffer)))
    }

    /// Sends a digit, where the side can be sent any.
    pub(super) fn play(&mut self, now: Instant, digit: Digit, duration: Duration) {
        if self.tone_format().is_some() {
            self.player.add(now, digit, duration);
        } else if !self.has_tones() && self.open_target().is_some() {
            self.dialling.get_or_insert_with(|| Box::new(Sounding::keys(now))).press(digit, duration);
        }
    }

    /// A digit as a tone in speech; those that the side can't be sent any more are forgotten.
    fn due_key(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let (to, spoken) = (self.open_target(), spoken(&self.endpoint.formats));
        let dialling = self.dialling.as_mut()?;
        let (Some(to), Some(spoken), false) = (to, spoken, dialling.is_over(now)) else {
            self.dialling = None;
            return None;
        };
        let mut payload = [0; LONGEST_PAYLOAD];
        let beat = dialling.due(now, spoken.format, &mut payload)?;
        Some(self.speak(now, to, spoken, beat, &payload, buffer))
    }

    /// Begins a sound; one that goes on already is let go on.
    pub(super) fn sound(&mut self, now: Instant, sound: Sound) {
        if !self.sounding.as_ref().is_some_and(|sounding| sounding.is(&sound)) {
            self.sounding = Some(Box::new(Sounding::new(now, sound)));
        }
    }

    pub(super) fn silence(&mut self) {
        self.sounding = None;
    }

    /// What it has heard to its end, told once.
    pub(super) fn take_played(&mut self) -> Option<u32> {
        self.played.take()
    }

    fn is_hearing_digits(&self) -> bool {
        self.player.is_sounding() || self.dialling.is_some()
    }

    /// Whether it hears something of ours, so that the other side has to wait.
    #[inline]
    pub(super) fn is_hearing_us(&self) -> bool {
        self.is_hearing_digits() || self.sounding.is_some()
    }

    fn due_sound(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let (to, spoken) = (self.open_target(), spoken(&self.endpoint.formats));
        let is_hearing_digits = self.is_hearing_digits();
        let sounding = self.sounding.as_mut()?;
        if sounding.is_over(now) {
            self.played = sounding.tag();
            self.sounding = None;
            return None;
        }
        let (Some(to), Some(spoken), false) = (to, spoken, is_hearing_digits) else {
            sounding.pass(now);
            return None;
        };
        let mut payload = [0; LONGEST_PAYLOAD];
        let beat = sounding.due(now, spoken.format, &mut payload)?;
        Some(self.speak(now, to, spoken, beat, &payload, buffer))
    }

    /// A packet of the other side's speech, coded anew.
    fn due_speech(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let to = self.open_target().filter(|_| !self.is_hearing_us());
        let Some(to) = to else {
            self.interpreter = None;
            return None;
        };
        let mut payload = [0; LONGEST_PAYLOAD];
        let interpreter = self.interpreter.as_mut()?;
        let (header, length) = interpreter.due(now, &mut self.outgoing, &mut payload)?;
        Some(self.transmit(Port::Rtp, to, header.write(&payload[..length], buffer)))
    }

    /// A packet of speech of our own.
    fn speak(
        &mut self,
        now: Instant,
        to: SocketAddr,
        spoken: Spoken,
        beat: Beat,
        payload: &Payload,
        buffer: &mut [u8],
    ) -> Transmit {
        self.outgoing.keep_time(now, spoken.format.clock());
        self.outgoing.detach();
        let timestamp = self.outgoing.timestamp(beat.at);
        let header = self.outgoing.own(timestamp, spoken.payload_type, beat.is_first);
        self.outgoing.count(now, beat.length);
        self.transmit(Port::Rtp, to, header.write(&payload[..beat.length], buffer))
    }

    /// Keep-alives are RTP packets without payload, of a payload type that the side does not know (RFC 6263
    /// section 4.6): they keep the path of the RTP port open, on hold too, and every receiver lets them fall (RFC
    /// 3550 section 5.1). The path of RTCP is kept open by our reports.
    fn due_keep_alive(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        self.keep_alive().filter(|due| *due <= now)?;
        let to = self.gate.rtp_target(&self.endpoint)?;
        let payload_type = unknown_payload_type(&self.endpoint.formats);
        let timestamp = self.outgoing.timestamp(now);
        let length = self.outgoing.own(timestamp, payload_type, false).write(&[], buffer);
        self.outgoing.count(now, 0);
        Some(self.transmit(Port::Rtp, to, length))
    }

    fn due_report(&mut self, now: Instant, random: &mut Random, buffer: &mut [u8]) -> Option<Transmit> {
        if !self.reporter.take_due(now, random) {
            return None;
        }
        self.report(now, Goodbye::No, buffer)
    }

    fn report(&mut self, now: Instant, goodbye: Goodbye, buffer: &mut [u8]) -> Option<Transmit> {
        let to = self.gate.rtcp_target(&self.endpoint)?;
        let length = self.reporter.write(now, &mut self.reception, &self.outgoing, goodbye, buffer);
        Some(self.transmit(Port::Rtcp, to, length))
    }

    /// The last report, with its BYE, to a side that had one before.
    pub(super) fn goodbye(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        if self.reporter.has_reported() { self.report(now, Goodbye::Yes, buffer) } else { None }
    }

    fn transmit(&self, port: Port, to: SocketAddr, length: usize) -> Transmit {
        Transmit { side: self.side, port, to, length }
    }

    /// What was measured.
    pub(super) fn quality(&self) -> Quality {
        let (packets_received, octets_received) = self.reception.received();
        let (packets_sent, octets_sent) = self.outgoing.sent();
        Quality {
            packets_received,
            packets_sent,
            octets_received,
            octets_sent,
            packets_lost: self.reception.lost(),
            remote_lost: self.reporter.remote_lost(),
            jitter_ms: self.reception.jitter_ms(),
            round_trip_ms: self.reporter.round_trip().map(|trip| trip.as_secs_f32() * 1000.0),
            dropped: self.dropped,
            codec: self.codec,
        }
    }
}
