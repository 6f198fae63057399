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
    pub jitter_ms: f64,
    /// The last round trip to the party in ms, where it sent reports.
    pub round_trip_ms: Option<f64>,
    /// How good the party's audio was when it came here: an estimated mean opinion score, from 1 (bad) to 4.5, by the
    /// E-model (ITU-T G.107) from loss, delay, jitter and codec; null where no packet came.
    #[serde(default)]
    pub mos: Option<f64>,
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
            jitter_ms: hundredths(quality.jitter_ms),
            round_trip_ms: quality.round_trip_ms.map(hundredths),
            mos: mos(&quality).map(hundredths),
            dropped: quality.dropped,
            codec: quality.codec.map(|codec| Cow::Borrowed(codec.name())),
        }
    }
}

/// Rounded to two digits: a measure has no more, and every reader of it sees the same ones.
fn hundredths(measure: f32) -> f64 {
    (f64::from(measure) * 100.0).round() / 100.0
}

/// The equipment impairment of a codec and its robustness against loss (ITU-T G.113 appendix I). Wideband codecs, which
/// the E-model for narrowband does not rate, count as G.711.
fn impairment(codec: Option<&str>) -> (f32, f32) {
    match codec {
        Some("G729") => (11.0, 19.0),
        Some("AMR") => (5.0, 10.0),
        _ => (0.0, 25.1),
    }
}

/// The E-model with its default values: what is measured are loss, taken as random, and the delay of the way and of a
/// buffer that evens the jitter out.
fn mos(quality: &Quality) -> Option<f32> {
    if quality.packets_received == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of packets needs no more digits")]
    let (received, lost) = (quality.packets_received as f32, quality.packets_lost as f32);
    let loss = 100.0 * lost / (received + lost);
    let delay = quality.round_trip_ms.unwrap_or(0.0) / 2.0 + 2.0 * quality.jitter_ms;
    let by_delay = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let (codec, robustness) = impairment(quality.codec.map(|codec| codec.name()));
    let by_loss = codec + (95.0 - codec) * loss / (loss + robustness);
    let rating = (93.2 - by_delay - by_loss).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    Some(score.clamp(1.0, 4.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(received: u64, lost: u64, jitter_ms: f32, round_trip_ms: Option<f32>) -> MediaRecord {
        let (packets_received, packets_lost) = (received, lost);
        Quality { packets_received, packets_lost, jitter_ms, round_trip_ms, ..Quality::default() }.into()
    }

    fn score(received: u64, lost: u64, jitter_ms: f32, round_trip_ms: Option<f32>) -> Option<f64> {
        record(received, lost, jitter_ms, round_trip_ms).mos
    }

    #[test]
    fn measures_are_told_with_two_digits_wherever_they_are_told() {
        let record = record(1000, 0, 4.140_625, Some(0.549_316));
        let (text, value) = (serde_json::to_string(&record).unwrap(), serde_json::to_value(&record).unwrap());
        assert_eq!(text.parse::<serde_json::Value>().unwrap(), value);
        assert_eq!(
            (&value["jitter_ms"], &value["round_trip_ms"], &value["mos"]),
            (&4.14.into(), &0.55.into(), &4.41.into())
        );
    }

    #[test]
    fn the_score_is_that_of_the_e_model() {
        assert_eq!(score(1000, 0, 0.0, None), Some(4.41), "R = 93.2: the best that G.711 reaches");
        assert_eq!(score(990, 10, 0.0, None), Some(4.33), "R = 89.6");
        assert_eq!(score(1000, 0, 20.0, Some(400.0)), Some(4.04), "240 ms one way: R = 80.5");
        assert_eq!(score(10, 990, 0.0, None), Some(1.18), "R = 17.4");
        assert_eq!(score(0, 0, 0.0, None), None, "nobody has heard anything");
    }
}
