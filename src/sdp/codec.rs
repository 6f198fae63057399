//! The codecs that a masked call can carry, and how SDP names them.

use super::AmrParams;

/// A payload format out of our own list. Its parameters are closed enumerations, so that no text of one party
/// can reach the other through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law (RFC 3551).
    Pcmu,
    /// G.711 A-law (RFC 3551).
    Pcma,
    /// G.722 at 64 kbit/s (RFC 3551: its clock counts 8000 though it samples at 16000).
    G722,
    /// Opus (RFC 7587).
    Opus {
        /// The receiver can use in-band forward error correction.
        fec: bool,
        /// The receiver prefers stereo.
        stereo: bool,
    },
    /// G.729 (RFC 3551, RFC 4856).
    G729 {
        /// Annex B silence suppression may be used.
        annexb: bool,
    },
    /// AMR narrow-band (RFC 4867).
    Amr(AmrParams),
    /// AMR wide-band (RFC 4867).
    AmrWb(AmrParams),
    /// Telephone events (RFC 4733), of which we speak 0 to 15.
    TelephoneEvent {
        /// RTP clock in Hz: 8000, 16000, 32000 or 48000.
        clock: u32,
    },
    /// Comfort noise (RFC 3389).
    ComfortNoise {
        /// RTP clock in Hz: 8000, 16000, 32000 or 48000.
        clock: u32,
    },
}

/// The clock rates of events and comfort noise; any other number is not read.
const CLOCKS: [u32; 4] = [8000, 16000, 32000, 48000];

impl Codec {
    /// The codec that `a=rtpmap`'s encoding (`name/clock[/channels]`) and `a=fmtp`'s parameters describe; `None`
    /// for one that is not on our list, or asks for a payload format we do not relay.
    #[must_use]
    pub fn from_rtpmap(encoding: &str, fmtp: &str) -> Option<Self> {
        let mut parts = encoding.trim().split('/');
        let name = parts.next()?;
        let clock: u32 = parts.next()?.parse().ok()?;
        let channels = parts.next().unwrap_or("1");
        if name.eq_ignore_ascii_case("opus") {
            return (clock == 48000).then(|| Codec::Opus {
                fec: parameter(fmtp, "useinbandfec") == Some("1"),
                stereo: parameter(fmtp, "stereo") == Some("1"),
            });
        }
        let codec = match name.to_ascii_lowercase().as_str() {
            "pcmu" => Codec::Pcmu,
            "pcma" => Codec::Pcma,
            "g722" => Codec::G722,
            "g729" => {
                let annexb = parameter(fmtp, "annexb").is_none_or(|value| !value.eq_ignore_ascii_case("no"));
                Codec::G729 { annexb }
            }
            "amr" => Codec::Amr(AmrParams::parse(fmtp, 7)?),
            "amr-wb" => Codec::AmrWb(AmrParams::parse(fmtp, 8)?),
            "telephone-event" if CLOCKS.contains(&clock) => Codec::TelephoneEvent { clock },
            "cn" if CLOCKS.contains(&clock) => Codec::ComfortNoise { clock },
            _ => return None,
        };
        (codec.clock_rate() == clock && channels == "1").then_some(codec)
    }

    /// The codec that a static payload type stands for where no `a=rtpmap` says so (RFC 3551 section 6).
    #[must_use]
    pub fn from_static(payload: u8, fmtp: &str) -> Option<Self> {
        let encoding = match payload {
            0 => "PCMU/8000",
            8 => "PCMA/8000",
            9 => "G722/8000",
            13 => "CN/8000",
            18 => "G729/8000",
            _ => return None,
        };
        Self::from_rtpmap(encoding, fmtp)
    }

    /// The static payload type, where the codec has one (RFC 3551 section 6).
    #[must_use]
    pub fn static_payload(&self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::ComfortNoise { clock: 8000 } => Some(13),
            Codec::G729 { .. } => Some(18),
            _ => None,
        }
    }

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus { .. } => "opus",
            Codec::G729 { .. } => "G729",
            Codec::Amr(_) => "AMR",
            Codec::AmrWb(_) => "AMR-WB",
            Codec::TelephoneEvent { .. } => "telephone-event",
            Codec::ComfortNoise { .. } => "CN",
        }
    }

    /// The RTP clock in Hz, which is what timestamps count.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::G729 { .. } | Codec::Amr(_) => 8000,
            Codec::AmrWb(_) => 16000,
            Codec::Opus { .. } => 48000,
            Codec::TelephoneEvent { clock } | Codec::ComfortNoise { clock } => *clock,
        }
    }

    /// Timestamp units per millisecond.
    #[must_use]
    pub fn units_per_ms(&self) -> u32 {
        self.clock_rate() / 1000
    }

    /// Channels as `a=rtpmap` counts them: 2 for Opus always (RFC 7587 section 7), else 1.
    #[must_use]
    pub fn channels(&self) -> u8 {
        if matches!(self, Codec::Opus { .. }) { 2 } else { 1 }
    }

    /// Whether it carries speech, and is not just an event or noise between.
    #[must_use]
    pub fn is_speech(&self) -> bool {
        !matches!(self, Codec::TelephoneEvent { .. } | Codec::ComfortNoise { .. })
    }

    /// Whether payloads of this codec can be relayed as the other's: the same codec and clock, and a compatible
    /// payload format. What merely tells a preference (Opus FEC and stereo, G.729 Annex B) does not count.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Codec::Amr(one), Codec::Amr(two)) | (Codec::AmrWb(one), Codec::AmrWb(two)) => one.matches(two),
            _ => self.name() == other.name() && self.clock_rate() == other.clock_rate(),
        }
    }

    /// The parameters of `a=fmtp`, where it needs any.
    #[must_use]
    pub fn fmtp(&self) -> Option<String> {
        let text = match self {
            Codec::Opus { fec: true, stereo: false } => "useinbandfec=1".into(),
            Codec::Opus { fec: false, stereo: true } => "stereo=1".into(),
            Codec::Opus { fec: true, stereo: true } => "useinbandfec=1;stereo=1".into(),
            Codec::G729 { annexb: false } => "annexb=no".into(),
            Codec::Amr(params) | Codec::AmrWb(params) => params.to_string(),
            Codec::TelephoneEvent { .. } => "0-15".into(),
            _ => String::new(),
        };
        (!text.is_empty()).then_some(text)
    }
}

/// The `key=value` pairs of a parameter list separated by semicolons.
pub(super) fn parameters(fmtp: &str) -> impl Iterator<Item = (&str, &str)> {
    fmtp.split(';').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    parameters(fmtp).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_in_any_case() {
        assert_eq!(Codec::from_rtpmap("pcmu/8000", ""), Some(Codec::Pcmu));
        assert_eq!(Codec::from_rtpmap("PCMA/8000/1", ""), Some(Codec::Pcma));
        assert_eq!(
            Codec::from_rtpmap("OPUS/48000/2", "minptime=10; useinbandfec=1"),
            Some(Codec::Opus { fec: true, stereo: false })
        );
        assert_eq!(
            Codec::from_rtpmap("Telephone-Event/16000", "0-16"),
            Some(Codec::TelephoneEvent { clock: 16000 })
        );
    }

    #[test]
    fn does_not_read_what_is_not_on_the_list() {
        for encoding in
            ["", "PCMU", "PCMU/", "PCMU/16000", "PCMU/8000/2", "GSM/8000", "opus/8000", "CN/12345"]
        {
            assert_eq!(Codec::from_rtpmap(encoding, ""), None, "{encoding}");
        }
        assert_eq!(
            Codec::from_rtpmap("telephone-event/4930123", ""),
            None,
            "a clock must not carry a number"
        );
        assert_eq!(Codec::from_static(3, ""), None);
    }

    #[test]
    fn annex_b_is_on_unless_denied() {
        assert_eq!(Codec::from_static(18, ""), Some(Codec::G729 { annexb: true }));
        assert_eq!(Codec::from_static(18, "annexb=no"), Some(Codec::G729 { annexb: false }));
        assert_eq!(Codec::G729 { annexb: true }.fmtp(), None);
    }

    #[test]
    fn matching_looks_at_the_payload_format_alone() {
        let opus = |fec, stereo| Codec::Opus { fec, stereo };
        assert!(opus(true, false).matches(&opus(false, true)));
        assert!(Codec::G729 { annexb: true }.matches(&Codec::G729 { annexb: false }));
        assert!(!Codec::Pcmu.matches(&Codec::Pcma));
        let event = |clock| Codec::TelephoneEvent { clock };
        assert!(!event(8000).matches(&event(48000)));
        let amr = |octet_align| AmrParams { octet_align, mode_set: 0 };
        assert!(!Codec::Amr(amr(true)).matches(&Codec::Amr(amr(false))));
        assert!(!Codec::Amr(amr(true)).matches(&Codec::AmrWb(amr(true))));
    }
}
