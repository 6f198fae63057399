//! Floor 2. Pure media: what happens to each RTP and RTCP packet of a call.
//!
//! A [`Relay`] has two sides. It is handed packets, orders of the switch and the time, and hands back packets and
//! events; it has no sockets, no clock and no thread, and allocates nothing per packet once its buffers have their
//! size. What passes between the sides is payload bytes, the marker, and the steps of sequence numbers and timestamps,
//! or where they have no codec in common, speech alone; the rest of a packet is written anew, and RTCP ends at each
//! side.

pub mod control;
mod digit;
mod ear;
mod gate;
mod interpreter;
mod keying;
mod keypad;
mod keys;
mod leg;
mod outgoing;
mod player;
mod playlist;
mod reception;
mod reporter;
mod route;
mod sound;
mod sounding;
mod speech;
#[cfg(test)]
mod tests;
mod tune;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::audio::Format;
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::base::{Random, Side};
use crate::rtp::packet::is_rtcp;
use crate::rtp::rtcp::LONGEST;
use crate::rtp::{HEADER, Received};
pub use control::{Command, Endpoint, Event, Keys, PayloadMap, Quality, RelayId};
pub use digit::Digit;
use gate::Gate;
use interpreter::Interpreter;
use leg::Leg;
use outgoing::Theirs;
pub use playlist::{Part, Playlist};
use reception::Step;
use route::{Fate, Route};
pub use sound::Sound;
use speech::Spoken;
pub use speech::can_transcode;

/// The longest packet that a relay makes of its own accord.
pub const OWN: usize = HEADER + LONGEST_PAYLOAD;
const _: () = assert!(OWN >= LONGEST, "a report has room where a sound has");

/// Which of a side's two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Port {
    /// The even one.
    Rtp,
    /// The odd one.
    Rtcp,
}

/// A packet to pass on, from the RTP port toward the other side.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    /// Where to.
    pub to: SocketAddr,
    /// The packet, in the buffer that it came in.
    pub bytes: &'p [u8],
}

/// A packet of the relay's own, written to the start of the buffer that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// The side it goes to.
    pub side: Side,
    /// The port of that side it goes out by.
    pub port: Port,
    /// Where to.
    pub to: SocketAddr,
    /// Its length.
    pub length: usize,
}

/// A packet of a side's own, on its way.
struct Passing {
    now: Instant,
    from: Side,
    packet: Received,
    step: Step,
}

/// How long nothing has been heard of either side.
#[derive(Debug)]
struct Silence {
    limit: Duration,
    since: Instant,
    told: bool,
}

/// The media of one call.
#[derive(Debug)]
pub struct Relay {
    id: RelayId,
    legs: [Leg; 2],
    began: Instant,
    silence: Silence,
    deadline: Option<Instant>,
    events: VecDeque<Event>,
}

impl Relay {
    /// A relay that knows nothing of its sides yet and lets nothing through. `silence` is how long both sides may
    /// be silent before [`Event::Silent`].
    #[must_use]
    pub fn new(id: RelayId, now: Instant, silence: Duration, random: &mut Random) -> Self {
        Self {
            id,
            legs: [Side::A, Side::B].map(|side| Leg::new(side, now, random)),
            began: now,
            silence: Silence { limit: silence, since: now, told: false },
            deadline: None,
            events: VecDeque::new(),
        }
    }

    /// Takes what signalling knows of a side now. Its source is learned anew only where its address changed; the
    /// time of silence begins anew where anything did.
    pub fn set(&mut self, now: Instant, side: Side, endpoint: Endpoint, random: &mut Random) {
        let (leg, other) = pair(&mut self.legs, side);
        let begins_anew = endpoint == Endpoint::default();
        if !leg.set(now, endpoint, random) {
            return;
        }
        if begins_anew {
            *leg = Leg::new(side, now, random);
            other.outgoing.detach();
            other.interpreter = None;
        }
        leg.routes = route::Routes::new(&leg.endpoint.formats, &other.endpoint.formats);
        other.routes = route::Routes::new(&other.endpoint.formats, &leg.endpoint.formats);
        (self.silence.since, self.silence.told) = (now, false);
        self.reschedule();
    }

    /// A side has other ports: where its packets come from is learned anew.
    pub fn moved(&mut self, side: Side) {
        self.legs[side.index()].gate = Gate::default();
    }

    /// Sets another limit of silence. The time already silent counts.
    pub fn limit_silence(&mut self, after: Duration) {
        (self.silence.limit, self.silence.told) = (after, false);
        self.reschedule();
    }

    /// Sends a digit to a side that may be sent to: as telephone events, else as a tone in speech.
    pub fn play(&mut self, now: Instant, to: Side, digit: Digit, duration: Duration) {
        self.legs[to.index()].play(now, digit, duration);
        self.reschedule();
    }

    /// Lets a side hear a sound until it is over or [`Relay::stop`] ends it.
    pub fn sound(&mut self, now: Instant, to: Side, sound: Sound) {
        self.legs[to.index()].sound(now, sound);
        self.reschedule();
    }

    /// Ends a side's sound.
    pub fn stop(&mut self, to: Side) {
        self.legs[to.index()].silence();
    }

    /// A datagram that came to the RTP port toward `from`: what is to go to the other side, made of it in place.
    #[inline]
    pub fn rtp<'p>(
        &mut self,
        now: Instant,
        from: Side,
        source: SocketAddr,
        datagram: &'p mut [u8],
    ) -> Option<Packet<'p>> {
        if is_rtcp(datagram) {
            self.report(now, from, Port::Rtp, source, datagram);
            return None;
        }
        let Some((passing, route)) = self.admit(now, from, source, datagram) else {
            self.legs[from.index()].dropped += 1;
            return None;
        };
        if let Some(Route { fate: Fate::Tone(format), clock, .. }) = route {
            return self.key_packet(&passing, clock, format, datagram);
        }
        let is_kept = self.legs[from.index()].is_listened_to() && self.overhear(&passing, route, datagram);
        let (leg, other) = pair(&mut self.legs, from);
        let Some(to) = other.open_target().filter(|_| leg.endpoint.crosses() && !other.is_hearing_us())
        else {
            other.outgoing.detach();
            other.interpreter = None;
            return None;
        };
        let bytes = match route.map(|route| (route.fate, route.clock)) {
            Some((Fate::Relay(payload_type), clock)) if !is_kept => {
                self.audio(&passing, clock, payload_type, datagram)
            }
            Some((Fate::Transcode(format, spoken), _)) if !is_kept => {
                self.interpret(&passing, format, spoken, datagram);
                None
            }
            _ => {
                leg.dropped += u64::from(!is_kept);
                other.outgoing.skip(passing.step);
                None
            }
        };
        bytes.map(|bytes| Packet { to, bytes })
    }

    /// Reads and counts a packet; `None` where it is not the side's own.
    #[inline]
    fn admit(
        &mut self,
        now: Instant,
        from: Side,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Option<(Passing, Option<Route>)> {
        let leg = &mut self.legs[from.index()];
        let packet = Received::read(datagram)?;
        let route = leg.routes.find(packet.payload_type).copied();
        let plausible = route.is_some() || leg.routes.is_empty();
        if !leg.gate.admits_rtp(now, source, &leg.endpoint, plausible) {
            return None;
        }
        let step = leg.reception.note(&packet);
        if let Some(route) = route.filter(|route| route.codec.is_speech() && step != Step::Stray) {
            leg.codec = Some(route.codec);
            leg.reception.arrived(now - self.began, packet.timestamp, route.clock);
        }
        self.hear(now);
        (step != Step::Stray).then_some((Passing { now, from, packet, step }, route))
    }

    /// Audio or comfort noise: its payload goes on, under a header of ours.
    #[inline]
    fn audio<'p>(
        &mut self,
        passing: &Passing,
        clock: u32,
        payload_type: u8,
        datagram: &'p mut [u8],
    ) -> Option<&'p [u8]> {
        let (leg, other) = pair(&mut self.legs, passing.from);
        let Passing { now, packet, step, .. } = passing;
        other.interpreter = None;
        let Some(slot) = other.outgoing.place(*step) else {
            leg.dropped += 1;
            return None;
        };
        let theirs = Theirs { timestamp: packet.timestamp, clock, marker: packet.marker };
        let header = other.outgoing.audio(*now, slot, theirs, payload_type);
        other.outgoing.count(*now, packet.payload.len());
        Some(header.rewrite(datagram, &packet.payload))
    }

    /// Speech that is coded anew: it is sent when the relay is asked what is due, which is now.
    fn interpret(&mut self, passing: &Passing, format: Format, spoken: Spoken, datagram: &[u8]) {
        let (leg, other) = pair(&mut self.legs, passing.from);
        if other.interpreter.as_ref().is_none_or(|interpreter| !interpreter.is(format, spoken)) {
            other.interpreter = Some(Box::new(Interpreter::new(format, spoken)));
        }
        let Some(interpreter) = &mut other.interpreter else { return };
        let Passing { now, packet, step, .. } = passing;
        let is_heard = interpreter.hear(*now, packet, *step, &datagram[packet.payload.clone()]);
        leg.dropped += u64::from(!is_heard);
        if interpreter.deadline().is_some() {
            self.deadline = Some(self.deadline.map_or(*now, |deadline| deadline.min(*now)));
        }
    }

    /// A datagram that came to the RTCP port toward `from`. It ends here.
    pub fn rtcp(&mut self, now: Instant, from: Side, source: SocketAddr, datagram: &[u8]) {
        self.report(now, from, Port::Rtcp, source, datagram);
    }

    fn report(&mut self, now: Instant, from: Side, port: Port, source: SocketAddr, datagram: &[u8]) {
        let leg = &mut self.legs[from.index()];
        if leg.hear_report(now, port, source, datagram) {
            self.hear(now);
        } else {
            leg.dropped += 1;
        }
    }

    #[inline]
    fn hear(&mut self, now: Instant) {
        self.silence.since = now;
        if std::mem::take(&mut self.silence.told) {
            self.reschedule();
        }
    }

    /// When [`Relay::due`] is to be called next. It may name a moment too early, never one too late.
    #[must_use]
    #[inline]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Writes the next packet that is due by time; to be called until there is none.
    pub fn due(&mut self, now: Instant, random: &mut Random, buffer: &mut [u8; OWN]) -> Option<Transmit> {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        for leg in &mut self.legs {
            if let Some(transmit) = leg.due(now, random, buffer) {
                return Some(transmit);
            }
        }
        self.expire_keys(now);
        self.tell_played();
        if self.silent_at().is_some_and(|silent| silent <= now) {
            self.silence.told = true;
            self.events.push_back(Event::Silent { relay: self.id });
        }
        self.reschedule();
        None
    }

    /// Tells of what a side has heard to its end.
    fn tell_played(&mut self) {
        for to in [Side::A, Side::B] {
            if let Some(tag) = self.legs[to.index()].take_played() {
                self.events.push_back(Event::Played { relay: self.id, to, tag });
            }
        }
    }

    /// When the sides will have been silent too long; never before signalling has told of either. On a hold where
    /// neither may speak their RTCP still shows that they are there.
    fn silent_at(&self) -> Option<Instant> {
        let counts = !self.silence.told && self.legs.iter().any(|leg| !leg.endpoint.formats.is_empty());
        if counts { self.silence.since.checked_add(self.silence.limit) } else { None }
    }

    fn reschedule(&mut self) {
        let legs = self.legs.iter().filter_map(Leg::deadline);
        self.deadline = legs.chain(self.silent_at()).min();
    }

    /// The next thing to tell the switch.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Writes the last RTCP packet to a side, a BYE, where it ever had one.
    pub fn goodbye(&mut self, now: Instant, side: Side, buffer: &mut [u8; OWN]) -> Option<Transmit> {
        self.legs[side.index()].goodbye(now, buffer)
    }

    /// What was measured on side A and side B.
    #[must_use]
    pub fn quality(&self) -> [Quality; 2] {
        [self.legs[0].quality(), self.legs[1].quality()]
    }
}

/// A leg and the other.
#[inline]
fn pair(legs: &mut [Leg; 2], side: Side) -> (&mut Leg, &mut Leg) {
    let [a, b] = legs;
    match side {
        Side::A => (a, b),
        Side::B => (b, a),
    }
}
