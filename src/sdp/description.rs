//! What a description says, as far as a masked call is concerned.

use std::net::{IpAddr, SocketAddr};

use super::Codec;

/// Which way a stream flows, seen from the one who says it (RFC 3264 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It sends and does not want to receive: a hold.
    SendOnly,
    /// It only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction that sends and receives as said.
    #[must_use]
    pub fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The direction that an attribute's name stands for.
    pub(super) fn from_attribute(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }

    /// The attribute's name.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The same stream as the other end sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// Whether the one who says it sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the one who says it wants to receive.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }
}

/// The RTP profile of an m-line. An answer repeats the offer's (RFC 3264 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551).
    #[default]
    Avp,
    /// `RTP/AVPF` (RFC 4585).
    Avpf,
    /// `RTP/SAVP` (RFC 3711), keyed by `a=crypto`.
    Savp,
    /// `RTP/SAVPF` (RFC 5124), keyed by `a=crypto`.
    Savpf,
    /// `UDP/TLS/RTP/SAVP` (RFC 5764), keyed by DTLS.
    TlsSavp,
    /// `UDP/TLS/RTP/SAVPF` (RFC 5764), keyed by DTLS.
    TlsSavpf,
}

impl Profile {
    const ALL: [Profile; 6] =
        [Profile::Avp, Profile::Avpf, Profile::Savp, Profile::Savpf, Profile::TlsSavp, Profile::TlsSavpf];

    /// The profile of an m-line's protocol field.
    pub(super) fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.token().eq_ignore_ascii_case(token))
    }

    /// The protocol field of the m-line.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Profile::Avp => "RTP/AVP",
            Profile::Avpf => "RTP/AVPF",
            Profile::Savp => "RTP/SAVP",
            Profile::Savpf => "RTP/SAVPF",
            Profile::TlsSavp => "UDP/TLS/RTP/SAVP",
            Profile::TlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    /// Whether its packets are SRTP.
    #[must_use]
    pub fn is_secure(self) -> bool {
        !matches!(self, Profile::Avp | Profile::Avpf)
    }
}

/// A codec and the payload type that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// RTP payload type, 0 to 127.
    pub payload: u8,
    /// What it carries.
    pub codec: Codec,
}

/// An audio stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Where its sender wants to receive RTP; unspecified (`0.0.0.0`, `::`) for the hold of RFC 2543.
    pub address: IpAddr,
    /// RTP port; 0 for a stream that is refused or ended.
    pub port: u16,
    /// Where RTCP goes, where `a=rtcp` says so (RFC 3605); otherwise the port after RTP's.
    pub rtcp: Option<SocketAddr>,
    /// Which way it flows, seen from the sender of the description; with an unspecified address it receives
    /// nothing (RFC 3264 section 8.4).
    pub direction: Direction,
    /// Milliseconds of audio per packet that its sender wants to receive: 10, 20, 30, 40, 50, 60, 80, 100 or 120.
    pub ptime: Option<u8>,
    /// What we know of the formats, in order of preference; may be empty.
    pub formats: Vec<Format>,
    /// The m-line's profile.
    pub profile: Profile,
}

impl Audio {
    /// Where RTP goes; `None` for a stream that wants none: port 0 or an unspecified address.
    #[must_use]
    pub fn rtp_target(&self) -> Option<SocketAddr> {
        (self.port != 0 && !self.address.is_unspecified()).then(|| SocketAddr::new(self.address, self.port))
    }

    /// Where RTCP goes: as `a=rtcp` says, else to the port after RTP's; `None` where RTP goes nowhere either.
    #[must_use]
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        let rtp = self.rtp_target()?;
        self.rtcp.or_else(|| Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?)))
    }

    /// Whether its packets are SRTP.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.profile.is_secure()
    }
}

/// An m-line that we do not take up, as an answer has to repeat it: with port 0 in the same place (RFC 3264
/// section 6). Its texts are bounded tokens, and are for the party that sent them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The media type: `video`, `image`, a second `audio`.
    pub kind: Box<str>,
    /// The protocol: `RTP/AVP`, `udptl`.
    pub protocol: Box<str>,
    /// The first of its formats.
    pub format: Box<str>,
}

/// An m-line by its place in the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The audio stream that is in use.
    Audio,
    /// Any other.
    Declined(Declined),
}

/// A session description, as far as a masked call is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The first audio stream that can be used: one with a port before one without, one in the clear before a
    /// secure one.
    pub audio: Option<Audio>,
    /// The m-lines in their order, at most one of them [`Line::Audio`].
    pub lines: Vec<Line>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_reversed_swaps_sending_and_receiving() {
        for (direction, reversed) in [
            (Direction::SendRecv, Direction::SendRecv),
            (Direction::SendOnly, Direction::RecvOnly),
            (Direction::RecvOnly, Direction::SendOnly),
            (Direction::Inactive, Direction::Inactive),
        ] {
            assert_eq!(direction.reversed(), reversed);
            assert_eq!(Direction::from_attribute(direction.attribute()), Some(direction));
        }
    }
}
