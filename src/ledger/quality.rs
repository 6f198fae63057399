//! What the media of a leg were like, as a record tells it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::relay::Quality;

/// The media of one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaRecord {
    /// RTP packets that came from the party.
    pub packets_received: u64,
    /// RTP packets sent to the party.
    pub packets_sent: u64,
    /// Payload bytes that came from the party.
    pub octets_received: u64,
    /// Payload bytes sent to the party.
    pub octets_sent: u64,
    /// Packets of the party's that were lost on the way (RFC 3550 appendix A.3).
    pub packets_lost: u64,
    /// Packets of ours that the party says it missed, where it sent reports.
    pub remote_lost: Option<u64>,
    /// Interarrival jitter of the party's packets in ms (RFC 3550 appendix A.8).
    pub jitter_ms: f32,
    /// The last round trip to the party in ms, where it sent reports.
    pub round_trip_ms: Option<f32>,
    /// Packets that were let fall.
    pub dropped: u64,
    /// The codec of its last audio packet, by its name in SDP.
    pub codec: Option<Cow<'static, str>>,
}

impl From<Quality> for MediaRecord {
    fn from(quality: Quality) -> Self {
        Self {
            packets_received: quality.packets_received,
            packets_sent: quality.packets_sent,
            octets_received: quality.octets_received,
            octets_sent: quality.octets_sent,
            packets_lost: quality.packets_lost,
            remote_lost: quality.remote_lost,
            jitter_ms: quality.jitter_ms,
            round_trip_ms: quality.round_trip_ms,
            dropped: quality.dropped,
            codec: quality.codec.map(|codec| Cow::Borrowed(codec.name())),
        }
    }
}
