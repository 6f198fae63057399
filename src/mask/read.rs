//! From what a leg received to what may cross.

use std::time::Duration;

use super::{Media, RemoteMedia};
use crate::base::settings::CodecName;
use crate::relay::Digit;
use crate::sdp::{self, AmrParams, Audio, Codec, Description, Direction};
use crate::sip::{Head, Name};

/// Why a body gives no description of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyFault {
    /// A body of a type or an encoding that we do not read: 415.
    #[error("the body is of a type that is not understood")]
    Unsupported,
    /// An SDP body that is broken: 400.
    #[error("the session description is malformed")]
    Malformed,
    /// No audio line that we could take, no codec of ours in it, or an address that would have to be looked up: 488.
    #[error("there is no audio that can be relayed")]
    NoAudio,
}

/// What one description says: what this leg keeps, and what may cross.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Stays on the leg.
    pub remote: RemoteMedia,
    /// Crosses.
    pub media: Media,
}

/// The session description of a message, if it carries one. Another body counts as none where it need not be
/// understood (`handling=optional`, RFC 3204 section 4.1).
///
/// # Errors
/// Where the body is of a type or an encoding that we do not read, or broken.
pub fn description(message: &Head) -> Result<Option<Description>, BodyFault> {
    if message.body().is_empty() {
        return Ok(None);
    }
    match written(message).map(sdp::parse) {
        Some(Ok(description)) => Ok(Some(description)),
        Some(Err(sdp::Fault::Name)) => Err(BodyFault::NoAudio),
        Some(Err(_)) => Err(BodyFault::Malformed),
        None if is_optional(message) => Ok(None),
        None => Err(BodyFault::Unsupported),
    }
}

/// The text of a message's description, where it is of a type and an encoding that we read.
fn written(message: &Head) -> Option<&[u8]> {
    let encoding = message.header(Name::ContentEncoding).unwrap_or("identity");
    let content_type = message.header(Name::ContentType).unwrap_or("application/sdp");
    let is_plain = encoding.eq_ignore_ascii_case("identity");
    sdp::pick_sdp(content_type, message.body()).ok().filter(|_| is_plain)
}

fn is_optional(message: &Head) -> bool {
    let mut params = message.header(Name::ContentDisposition).unwrap_or_default().split(';').skip(1);
    params.any(|param| {
        let (name, value) = param.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("optional")
    })
}

/// The media that a message offers or accepts, by our own list of codecs; none where it carries no description.
///
/// # Errors
/// Where its body can't be used.
pub fn heard(message: &Head, order: &[CodecName]) -> Result<Option<Heard>, BodyFault> {
    description(message)?.map(|description| media(&description, order)).transpose()
}

/// Reads a description by our own list of codecs, whose order the result takes.
///
/// # Errors
/// Where no audio of ours is in it.
pub fn media(description: &Description, order: &[CodecName]) -> Result<Heard, BodyFault> {
    let audio = description.audio.as_ref().filter(|audio| !audio.secure() && audio.port != 0);
    let audio = audio.ok_or(BodyFault::NoAudio)?;
    let codecs = common(audio, order);
    if codecs.is_empty() {
        return Err(BodyFault::NoAudio);
    }
    let rtp = audio.rtp_target().filter(|target| !target.ip().is_multicast());
    let direction = Direction::new(audio.direction.sends(), audio.direction.receives() && rtp.is_some());
    let remote = RemoteMedia {
        rtp,
        rtcp: audio.rtcp,
        direction,
        formats: audio.formats.clone(),
        ptime: audio.ptime,
        profile: audio.profile,
        lines: description.lines.clone(),
    };
    Ok(Heard { remote, media: Media { codecs, ptime: audio.ptime, direction } })
}

impl Heard {
    /// As the answer to an offer of ours: what we did not offer is no part of it.
    ///
    /// # Errors
    /// Where no audio codec is left.
    pub fn narrowed(mut self, offered: &[Codec]) -> Result<Self, BodyFault> {
        self.media.codecs.retain(|codec| offered.iter().any(|ours| ours.matches(codec)));
        if self.media.codecs.iter().any(Codec::is_speech) { Ok(self) } else { Err(BodyFault::NoAudio) }
    }
}

/// All that a side may be offered that has not said what it wants.
#[must_use]
pub fn everything(order: &[CodecName]) -> Media {
    let mut codecs: Vec<Codec> = order
        .iter()
        .map(|name| match name {
            CodecName::Opus => Codec::Opus { fec: true, stereo: false },
            CodecName::G722 => Codec::G722,
            CodecName::AmrWb => Codec::AmrWb(AmrParams::default()),
            CodecName::Pcma => Codec::Pcma,
            CodecName::Pcmu => Codec::Pcmu,
            CodecName::Amr => Codec::Amr(AmrParams::default()),
            CodecName::G729 => Codec::G729 { annexb: false },
        })
        .collect();
    for clock in clocks(&codecs) {
        codecs.push(Codec::TelephoneEvent { clock });
    }
    Media { codecs, ptime: None, direction: Direction::SendRecv }
}

/// A description's codecs that are ours, in our order, with telephone-event and comfort noise at the clock rates
/// of the audio codecs behind them; empty where there is no audio codec.
fn common(audio: &Audio, order: &[CodecName]) -> Vec<Codec> {
    let offered = || audio.formats.iter().map(|format| format.codec);
    let mut codecs: Vec<Codec> = Vec::new();
    for name in order {
        for codec in offered().filter(|codec| name_of(codec) == Some(*name)) {
            if !codecs.iter().any(|known| known.matches(&codec)) {
                codecs.push(codec);
            }
        }
    }
    let clocks = clocks(&codecs);
    for wanted in [|clock| Codec::TelephoneEvent { clock }, |clock| Codec::ComfortNoise { clock }] {
        codecs.extend(
            clocks.iter().map(|clock| wanted(*clock)).filter(|codec| offered().any(|other| other == *codec)),
        );
    }
    codecs
}

fn clocks(codecs: &[Codec]) -> Vec<u32> {
    let mut clocks: Vec<u32> = codecs.iter().map(Codec::clock_rate).collect();
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

fn name_of(codec: &Codec) -> Option<CodecName> {
    match codec {
        Codec::Pcmu => Some(CodecName::Pcmu),
        Codec::Pcma => Some(CodecName::Pcma),
        Codec::G722 => Some(CodecName::G722),
        Codec::Opus { .. } => Some(CodecName::Opus),
        Codec::G729 { .. } => Some(CodecName::G729),
        Codec::Amr(_) => Some(CodecName::Amr),
        Codec::AmrWb(_) => Some(CodecName::AmrWb),
        Codec::TelephoneEvent { .. } | Codec::ComfortNoise { .. } => None,
    }
}

/// Whether an offer changes what its side said before, so that it has to cross: another direction, another packet
/// time, a codec in use gone, or one that was never offered before put first.
#[must_use]
pub fn changes(before: &RemoteMedia, agreed: &[Codec], offer: &Heard) -> bool {
    let new = &offer.remote;
    let still_there = agreed.iter().all(|codec| new.formats.iter().any(|format| format.codec.matches(codec)));
    let first = new.formats.iter().map(|format| format.codec).find(Codec::is_speech);
    let was_offered =
        first.is_none_or(|codec| before.formats.iter().any(|format| format.codec.matches(&codec)));
    let same_ptime = new.ptime.is_none() || before.ptime.is_none() || new.ptime == before.ptime;
    new.direction != before.direction || !same_ptime || !still_there || !was_offered
}

/// The digit of an INFO (`application/dtmf-relay` with `Signal=` and `Duration=`, or `application/dtmf`, the bare
/// digit), with its duration: 250 ms where none is given, held between 40 ms and 5 s.
#[must_use]
pub fn digit(message: &Head) -> Option<(Digit, Duration)> {
    let content_type = message.header(Name::ContentType)?.split(';').next()?.trim();
    let body = std::str::from_utf8(message.body()).ok()?;
    let (signal, millis) = if content_type.eq_ignore_ascii_case("application/dtmf-relay") {
        (field(body, "signal")?, field(body, "duration").and_then(|value| value.parse().ok()))
    } else if content_type.eq_ignore_ascii_case("application/dtmf") {
        (body.trim(), None)
    } else {
        return None;
    };
    let code = match signal {
        "10" => '*',
        "11" => '#',
        _ => signal.chars().next().filter(|_| signal.chars().count() == 1)?,
    };
    let millis: u64 = millis.unwrap_or(250);
    Some((Digit::from_char(code)?, Duration::from_millis(millis.clamp(40, 5_000))))
}

fn field<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
