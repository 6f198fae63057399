//! What becomes of each payload type of a side at the other side.

use super::control::PayloadMap;
use super::speech::{Spoken, format_of, spoken};
use crate::audio::Format;
use crate::sdp::Codec;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// The payload goes on as it is, under this payload type.
    Relay(u8),
    /// A telephone event: written anew in the other side's format, or told to the switch where it has none.
    Tone(Option<ToneFormat>),
    /// Speech that the other side has no codec for, but another that we can make of it.
    Transcode(Format, Spoken),
    /// The other side does not have the codec.
    Drop,
}

/// A telephone-event format of the side that is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToneFormat {
    pub(super) payload_type: u8,
    pub(super) clock: u32,
}

/// One payload type that a side may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Route {
    receive: u8,
    pub(super) codec: Codec,
    pub(super) clock: u32,
    pub(super) fate: Fate,
}

/// The payload types that a side may use.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Route>);

impl Routes {
    /// The routes of packets from a side with formats `from` to one with formats `to`.
    pub(super) fn new(from: &[PayloadMap], to: &[PayloadMap]) -> Self {
        let is_shared = |map: &PayloadMap| map.codec.is_speech() && relayed(&map.codec, to).is_some();
        let have_common = from.iter().any(is_shared);
        let route = |map: &PayloadMap| Route {
            receive: map.receive,
            codec: map.codec,
            clock: map.codec.clock_rate(),
            fate: fate(&map.codec, to, have_common),
        };
        Self(from.iter().map(route).collect())
    }

    /// The route of a payload type that the side was told of.
    #[inline]
    pub(super) fn find(&self, payload_type: u8) -> Option<&Route> {
        self.0.iter().find(|route| route.receive == payload_type)
    }

    /// Whether nothing is agreed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The payload type that a codec goes on under, where the other side has it.
fn relayed(codec: &Codec, to: &[PayloadMap]) -> Option<u8> {
    to.iter().find(|map| map.codec.matches(codec)).map(|map| map.send)
}

/// What becomes of a codec. Comfort noise goes with speech that is relayed: in none that we code, it is left out.
fn fate(codec: &Codec, to: &[PayloadMap], have_common: bool) -> Fate {
    match (codec, relayed(codec, to)) {
        (Codec::TelephoneEvent { clock }, _) => Fate::Tone(tone_format(to, *clock)),
        (Codec::ComfortNoise { .. }, _) if !have_common => Fate::Drop,
        (_, Some(payload_type)) => Fate::Relay(payload_type),
        (codec, None) => {
            let both = format_of(codec).zip(spoken(to));
            both.map_or(Fate::Drop, |(from, to)| Fate::Transcode(from, to))
        }
    }
}

/// The telephone-event format of a side: the one on this clock, or else any.
pub(super) fn tone_format(formats: &[PayloadMap], clock: u32) -> Option<ToneFormat> {
    let tones = || {
        formats.iter().filter_map(|map| match map.codec {
            Codec::TelephoneEvent { clock } => Some(ToneFormat { payload_type: map.send, clock }),
            _ => None,
        })
    };
    tones().find(|tone| tone.clock == clock).or_else(|| tones().next())
}

/// A payload type that the side does not know: a dynamic one, or where all are in use, a reserved one (RFC 3551
/// table 4).
pub(super) fn unknown_payload_type(formats: &[PayloadMap]) -> u8 {
    const RESERVED: u8 = 2;
    let is_free = |free: &u8| formats.iter().all(|map| map.send != *free && map.receive != *free);
    (96..=127).rev().find(is_free).unwrap_or(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(codec: Codec, receive: u8, send: u8) -> PayloadMap {
        PayloadMap { codec, receive, send }
    }

    const NARROW: Codec = Codec::TelephoneEvent { clock: 8000 };
    const WIDE: Codec = Codec::TelephoneEvent { clock: 48000 };

    #[test]
    fn codecs_are_matched_not_numbers() {
        let opus = |fec| Codec::Opus { fec, stereo: false };
        let from = [map(opus(true), 111, 96), map(Codec::Pcma, 8, 8), map(Codec::G722, 9, 9)];
        let to = [map(Codec::Pcma, 98, 99), map(opus(false), 100, 101)];
        let routes = Routes::new(&from, &to);
        assert_eq!(routes.find(111).unwrap().fate, Fate::Relay(101));
        assert_eq!(routes.find(8).unwrap().fate, Fate::Relay(99));
        let pcma = Spoken { format: Format::Pcma, payload_type: 99 };
        assert_eq!(routes.find(9).unwrap().fate, Fate::Transcode(Format::G722, pcma));
        assert_eq!(routes.find(96), None, "what we send with is not what it sends with");
    }

    #[test]
    fn only_speech_without_a_match_is_coded_anew_and_only_where_we_can() {
        let (g729, noise) = (Codec::G729 { annexb: false }, Codec::ComfortNoise { clock: 8000 });
        let fates = |from: Codec, to: &[Codec]| {
            let to: Vec<_> = to.iter().map(|codec| map(*codec, 0, 7)).collect();
            let routes = Routes::new(&[map(from, 1, 1), map(noise, 13, 13)], &to);
            [1, 13].map(|payload_type| routes.find(payload_type).unwrap().fate)
        };
        let anew = |from, to| Fate::Transcode(from, Spoken { format: to, payload_type: 7 });
        assert_eq!(
            fates(Codec::Pcmu, &[g729, Codec::G722, noise]),
            [anew(Format::Pcmu, Format::G722), Fate::Drop]
        );
        assert_eq!(fates(Codec::Pcmu, &[Codec::G722, Codec::Pcmu, noise]), [Fate::Relay(7), Fate::Relay(7)]);
        assert_eq!(fates(Codec::Pcmu, &[g729, noise]), [Fate::Drop, Fate::Drop]);
        assert_eq!(fates(g729, &[Codec::Pcmu]), [Fate::Drop, Fate::Drop]);
    }

    #[test]
    fn tones_prefer_their_own_clock() {
        let to = [map(NARROW, 101, 101), map(WIDE, 110, 110)];
        let fates = |codec| Routes::new(&[map(codec, 97, 97)], &to).find(97).unwrap().fate;
        assert_eq!(fates(WIDE), Fate::Tone(Some(ToneFormat { payload_type: 110, clock: 48000 })));
        let other = Codec::TelephoneEvent { clock: 16000 };
        assert_eq!(fates(other), Fate::Tone(Some(ToneFormat { payload_type: 101, clock: 8000 })));
        let deaf = Routes::new(&[map(NARROW, 97, 97)], &[map(Codec::Pcmu, 0, 0)]);
        assert_eq!(deaf.find(97).unwrap().fate, Fate::Tone(None));
    }

    #[test]
    fn an_unknown_payload_type_is_none_of_theirs() {
        let formats = [map(NARROW, 127, 101), map(Codec::Pcmu, 0, 126)];
        assert_eq!(unknown_payload_type(&formats), 125);
    }
}
