//! What the switch tells the media engine about a call's relay, and what it hears back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::digit::Digit;
use super::sound::Sound;
use crate::base::Side;
use crate::sdp::Codec;

/// The relay of one call: chosen by the switch, never given twice in a process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(pub u64);

/// One codec of a side with the payload types of both directions, which an answer may number differently from
/// its offer (RFC 3264 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PayloadMap {
    /// The codec.
    pub codec: Codec,
    /// The payload type that we told this side to use: what its packets carry.
    pub receive: u8,
    /// The payload type that this side told us to use: what our packets toward it carry.
    pub send: u8,
}

/// What signalling knows of one side of a relay. The default is a side of which nothing is known yet: nothing is
/// sent to it, and nothing it sends is accepted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Endpoint {
    /// Where its description wants RTP; `None` while unknown, or on hold by an unspecified address.
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP; `None` for the port after RTP's (RFC 3550 section 11).
    pub rtcp: Option<SocketAddr>,
    /// Where its packets may come from: the signalled address, the source of its signalling, its trunk's media
    /// networks. The real source is learned within these alone, then locked.
    pub sources: Vec<IpNet>,
    /// The codecs in use, in order of preference.
    pub formats: Vec<PayloadMap>,
    /// Whether its packets are accepted and forwarded: false before the answer.
    pub receives: bool,
    /// Whether packets of the other side may be sent to it: false where it is on hold.
    pub sends: bool,
    /// Whether what it says stays here: its keys are heard, and the other side hears nothing of it.
    pub is_apart: bool,
}

/// What becomes of the keys that a side presses, be they telephone events or, where the side has no format for those,
/// tones in its speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// They go to the other side. A telephone event that the other side has no format for is told when it ends.
    #[default]
    Cross,
    /// Each is told when it begins and when it ends, and goes to the other side as well.
    Tell,
    /// Each is told when it begins and when it ends, and the other side is not to hear it. Of a tone in speech it
    /// hears the first 40 ms, in which nobody can tell it from a voice.
    Keep,
}

impl Endpoint {
    /// Whether its packets go on to the other side.
    pub(super) fn crosses(&self) -> bool {
        self.receives && !self.is_apart
    }
}

/// An order of the switch to the media engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open a relay: two pairs of ports. Answered by [`Event::Opened`] or [`Event::Refused`].
    Open {
        /// The new relay.
        relay: RelayId,
        /// The addresses to bind toward side A and side B.
        local: [IpAddr; 2],
        /// How long both sides may be silent, in RTP and RTCP, before [`Event::Silent`].
        silence: Duration,
    },
    /// What signalling knows of a side from now on. Its source is learned anew only where the signalled address
    /// (`rtp`) differs from the one of the last `Set` that had any. Where anything changed, silence is counted from
    /// now; it is counted as soon as either side has `formats`, on hold too, where RTCP shows that the sides are there.
    /// The default endpoint ends what the side was: whoever is there next has a stream of its own, keys that cross, and
    /// hears nothing of ours.
    Set {
        /// Which relay.
        relay: RelayId,
        /// Which side of it.
        side: Side,
        /// The whole of what is known, in place of what was.
        endpoint: Endpoint,
    },
    /// Another limit of silence, as on hold; the time already silent counts.
    Silence {
        /// Which relay.
        relay: RelayId,
        /// How long both sides may be silent.
        after: Duration,
    },
    /// Send a digit to a side: as RFC 4733 events, or where it has no telephone-event format, as a tone in speech
    /// (ITU-T Q.23). Digits are played one after the other; the other side is not heard meanwhile.
    Digit {
        /// Which relay.
        relay: RelayId,
        /// The side that hears it.
        to: Side,
        /// The digit.
        digit: Digit,
        /// How long it sounds: held between 40 ms and 6 s.
        duration: Duration,
    },
    /// Let a side hear a sound, in place of what it heard before, until it is stopped: in the first format of the
    /// side that [`can_transcode`](super::can_transcode), else as nothing. While it goes on the other side is not
    /// heard. Time passes for it too where the side can't hear it, as on hold. A sound that the side hears already
    /// goes on as it is; the end of one that gives way is not told.
    Play {
        /// Which relay.
        relay: RelayId,
        /// The side that hears it.
        to: Side,
        /// The sound.
        what: Sound,
    },
    /// Stop a side's sound; what the other side says follows on.
    Stop {
        /// Which relay.
        relay: RelayId,
        /// The side that hears it.
        to: Side,
    },
    /// What becomes of a side's keys from now on. A key that is held just then is told by its end alone.
    Listen {
        /// Which relay.
        relay: RelayId,
        /// The side that presses them.
        from: Side,
        /// What becomes of them.
        keys: Keys,
    },
    /// Give a side other ports, at another address of this host; those that it had are closed at once, and where its
    /// packets come from is learned anew. Answered by [`Event::Opened`], or by [`Event::Refused`], where the side keeps
    /// what it has.
    Move {
        /// Which relay.
        relay: RelayId,
        /// Which side of it.
        side: Side,
        /// The address to bind toward it.
        local: IpAddr,
    },
    /// End the relay; answered by [`Event::Closed`].
    Close {
        /// Which relay.
        relay: RelayId,
    },
}

impl Command {
    /// The relay that the command is for.
    #[must_use]
    pub fn relay(&self) -> RelayId {
        match self {
            Command::Open { relay, .. }
            | Command::Set { relay, .. }
            | Command::Silence { relay, .. }
            | Command::Digit { relay, .. }
            | Command::Play { relay, .. }
            | Command::Stop { relay, .. }
            | Command::Listen { relay, .. }
            | Command::Move { relay, .. }
            | Command::Close { relay } => *relay,
        }
    }
}

/// What the media engine tells the switch.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The relay has its ports, after [`Command::Open`] or [`Command::Move`].
    Opened {
        /// Which relay.
        relay: RelayId,
        /// The RTP ports toward side A and side B; RTCP is the next port of each.
        ports: [u16; 2],
    },
    /// No pair of ports (or no descriptor) is free: the relay that was to be opened does not exist, the side that was
    /// to be moved is where it was.
    Refused {
        /// Which relay.
        relay: RelayId,
    },
    /// A side that is listened to ([`Keys::Tell`], [`Keys::Keep`]) has begun to press a key: what stops a prompt. Its
    /// [`Event::Digit`] follows.
    Key {
        /// Which relay.
        relay: RelayId,
        /// The side that presses it.
        from: Side,
        /// The digit.
        digit: Digit,
    },
    /// A side that is listened to keyed a digit, or any side one that the other has no telephone-event format for, or
    /// of which nothing is known yet: told once, when it ended.
    Digit {
        /// Which relay.
        relay: RelayId,
        /// The side that keyed it.
        from: Side,
        /// The digit.
        digit: Digit,
        /// How long it was held.
        duration: Duration,
    },
    /// A side has heard a [`Playlist`](super::Playlist) to its end.
    Played {
        /// Which relay.
        relay: RelayId,
        /// The side that heard it.
        to: Side,
        /// What the switch called it.
        tag: u32,
    },
    /// Both sides have been silent for the limit; told once for each spell of silence.
    Silent {
        /// Which relay.
        relay: RelayId,
    },
    /// The relay has ended and its ports are resting.
    Closed {
        /// Which relay.
        relay: RelayId,
        /// What was measured on side A and side B.
        quality: [Quality; 2],
    },
}

impl Event {
    /// The relay that the event is about.
    #[must_use]
    pub fn relay(&self) -> RelayId {
        match self {
            Event::Opened { relay, .. }
            | Event::Refused { relay }
            | Event::Key { relay, .. }
            | Event::Digit { relay, .. }
            | Event::Played { relay, .. }
            | Event::Silent { relay }
            | Event::Closed { relay, .. } => *relay,
        }
    }
}

/// What was measured on one side of a relay: on the way from it to us, but for the figures that only its own
/// receiver reports can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quality {
    /// RTP packets that came from the side and were its own.
    pub packets_received: u64,
    /// RTP packets sent to the side.
    pub packets_sent: u64,
    /// Payload bytes that came from the side.
    pub octets_received: u64,
    /// Payload bytes sent to the side.
    pub octets_sent: u64,
    /// Packets that the side's sequence numbers show to be missing (RFC 3550 appendix A.3); never below 0.
    pub packets_lost: u64,
    /// Packets that the side says it missed of ours, where it sent reports.
    pub remote_lost: Option<u64>,
    /// Interarrival jitter of the side's packets in milliseconds (RFC 3550 appendix A.8).
    pub jitter_ms: f32,
    /// The last round trip to the side in milliseconds (RFC 3550 section 6.4.1), where it sent reports.
    pub round_trip_ms: Option<f32>,
    /// Packets that were let fall: from a wrong source, of a payload type that the other side does not have, no RTP
    /// or RTCP at all, duplicates, or too late to be placed.
    pub dropped: u64,
    /// The codec of the side's last audio packet.
    #[serde(serialize_with = "codec_name")]
    pub codec: Option<Codec>,
}

fn codec_name<S: Serializer>(codec: &Option<Codec>, serializer: S) -> Result<S::Ok, S::Error> {
    match codec {
        Some(codec) => serializer.serialize_some(codec.name()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_names_its_codec() {
        let quality = Quality { codec: Some(Codec::Pcma), ..Quality::default() };
        assert_eq!(serde_json::to_value(quality).unwrap()["codec"], "PCMA");
        assert_eq!(serde_json::to_value(Quality::default()).unwrap()["codec"], serde_json::Value::Null);
    }
}
