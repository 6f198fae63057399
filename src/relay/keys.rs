//! The keys that a side presses: to the other side, to the switch, or to both.

use std::time::Instant;

use super::control::{Event, Keys};
use super::ear::{Ear, Press};
use super::keying::Told;
use super::route::{Route, ToneFormat};
use super::speech::format_of;
use super::{Packet, Passing, Relay, pair};
use crate::base::Side;
use crate::rtp::Tone;

impl Relay {
    /// Sets what becomes of a side's keys from now on.
    pub fn listen(&mut self, from: Side, keys: Keys) {
        self.legs[from.index()].listen(keys);
    }

    /// A packet of a telephone event of a side: written anew for the other side where that has a format for it and is
    /// to hear it, and told to the switch where that is to know.
    pub(super) fn key_packet<'p>(
        &mut self,
        passing: &Passing,
        clock: u32,
        format: Option<ToneFormat>,
        datagram: &'p mut [u8],
    ) -> Option<Packet<'p>> {
        let (leg, other) = pair(&mut self.legs, passing.from);
        if !leg.endpoint.receives {
            other.outgoing.detach();
            return None;
        }
        let keyed = self.keyed(passing, clock, datagram);
        if let Some((told, _)) = &keyed {
            self.tell_keyed(passing.from, told, format.is_none());
        }
        let (leg, other) = pair(&mut self.legs, passing.from);
        let Some(to) = other.open_target().filter(|_| !other.is_hearing_us()) else {
            other.outgoing.detach();
            return None;
        };
        let keyed = keyed.filter(|_| !leg.keying.was_told()).zip(format);
        let Some(((told, tone), format)) = keyed else {
            other.outgoing.skip(passing.step);
            return None;
        };
        let slot = other.outgoing.place(passing.step)?;
        let header = other.outgoing.header(slot, told.timestamp, format.payload_type, told.first);
        let payload = tone.on_clock(clock, format.clock).bytes();
        other.outgoing.count(passing.now, payload.len());
        let start = passing.packet.payload.start;
        let at = start..start + payload.len();
        datagram[at.clone()].copy_from_slice(&payload);
        Some(Packet { to, bytes: header.rewrite(datagram, &at) })
    }

    /// What a packet says of the tone that it belongs to; `None` where it is none.
    fn keyed(&mut self, passing: &Passing, clock: u32, datagram: &[u8]) -> Option<(Told, Tone)> {
        let (leg, other) = pair(&mut self.legs, passing.from);
        let Passing { now, packet, .. } = passing;
        let start = || other.outgoing.tone_start(*now, packet.timestamp, clock);
        let tone = Tone::read(&datagram[packet.payload.clone()]);
        let keyed = tone.and_then(|tone| leg.keying.hear(*now, packet, tone, clock, start).zip(Some(tone)));
        leg.dropped += u64::from(keyed.is_none());
        keyed
    }

    /// Tells what there is to be told of a tone; one that the other side is not to hear, or can't, is the switch's
    /// from then on.
    fn tell_keyed(&mut self, from: Side, told: &Told, is_unheard: bool) {
        let (relay, leg) = (self.id, &mut self.legs[from.index()]);
        if is_unheard || leg.keys == Keys::Keep {
            leg.keying.tell();
        }
        if leg.is_listened_to() && told.first {
            self.events.push_back(Event::Key { relay, from, digit: told.digit });
        }
        if leg.is_listened_to() || leg.keying.was_told() {
            for (digit, duration) in told.ended.into_iter().flatten() {
                self.events.push_back(Event::Digit { relay, from, digit, duration });
            }
            self.reschedule();
        }
    }

    /// Listens for keys in a packet of a side that is listened to and has no telephone events; true where the other
    /// side is not to hear it.
    pub(super) fn overhear(&mut self, passing: &Passing, route: Option<Route>, datagram: &[u8]) -> bool {
        let leg = &mut self.legs[passing.from.index()];
        let format = route.and_then(|route| format_of(&route.codec));
        let Some(format) = format.filter(|_| leg.endpoint.receives && !leg.has_tones()) else { return false };
        if leg.ear.as_ref().is_none_or(|ear| ear.format() != format) {
            leg.ear = Some(Box::new(Ear::new(format)));
        }
        let Some(ear) = &mut leg.ear else { return false };
        let Passing { now, from, packet, step } = passing;
        let (relay, before, events) = (self.id, self.events.len(), &mut self.events);
        ear.hear(*now, packet, *step, &datagram[packet.payload.clone()], |press| {
            events.push_back(match press {
                Press::Began(digit) => Event::Key { relay, from: *from, digit },
                Press::Ended(digit, duration) => Event::Digit { relay, from: *from, digit, duration },
            });
        });
        let is_kept = leg.keys == Keys::Keep && ear.is_hearing_a_key();
        if self.events.len() > before {
            self.reschedule();
        }
        is_kept
    }

    /// Ends the tones whose end was not heard, and tells those that are the switch's.
    pub(super) fn expire_keys(&mut self, now: Instant) {
        let relay = self.id;
        for from in [Side::A, Side::B] {
            let (leg, other) = pair(&mut self.legs, from);
            let is_ours = leg.is_listened_to() || leg.keying.was_told() || !other.has_tones();
            let keyed = leg.keying.expire(now).filter(|_| leg.endpoint.receives && is_ours);
            let pressed = leg.ear.as_mut().and_then(|ear| ear.expire(now));
            for (digit, duration) in keyed.into_iter().chain(pressed) {
                self.events.push_back(Event::Digit { relay, from, digit, duration });
            }
        }
    }
}
