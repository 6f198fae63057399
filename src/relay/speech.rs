//! Speech that the relay makes itself: in which of a side's formats, and what codes it.

use std::fmt;

use super::control::PayloadMap;
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::audio::prompt::RATES;
use crate::audio::{Encoder, Format, frame};
use crate::sdp::Codec;

/// A payload of a frame, as long as the longest there is.
pub(super) type Payload = [u8; LONGEST_PAYLOAD];

/// How a codec is coded and decoded here; `None` for one whose payloads can only be relayed.
pub(super) fn format_of(codec: &Codec) -> Option<Format> {
    match codec {
        Codec::Pcmu => Some(Format::Pcmu),
        Codec::Pcma => Some(Format::Pcma),
        Codec::G722 => Some(Format::G722),
        Codec::Opus { .. } => Some(Format::Opus),
        _ => None,
    }
}

/// Whether speech in this codec can be made into speech in any other of which this is true, sounds be played in it
/// and digits be heard in it.
#[must_use]
pub fn can_transcode(codec: &Codec) -> bool {
    format_of(codec).is_some()
}

/// A format of a side that we can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) format: Format,
    pub(super) payload_type: u8,
}

/// The format that a side is spoken to in: the first that we can write, in its order of preference.
pub(super) fn spoken(formats: &[PayloadMap]) -> Option<Spoken> {
    let written =
        |map: &PayloadMap| format_of(&map.codec).map(|format| Spoken { format, payload_type: map.send });
    formats.iter().find_map(written)
}

/// What codes a sound for a side, frame by frame.
pub(super) struct Voice {
    format: Format,
    encoder: Encoder,
    frame: Vec<i16>,
}

impl Voice {
    /// A voice in a format.
    pub(super) fn new(format: Format) -> Self {
        let rate = if format == Format::Opus { RATES[1] } else { format.rate() };
        let encoder = Encoder::light(format, rate).expect("each format samples at one of the rates");
        Self { format, encoder, frame: vec![0; frame(rate)] }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The rate of its samples in Hz: one of [`RATES`].
    pub(super) fn rate(&self) -> u32 {
        self.encoder.rate()
    }

    /// Writes the payload of the frame that `fill` makes: its length, where there is one.
    pub(super) fn say(&mut self, payload: &mut Payload, fill: impl FnOnce(&mut [i16])) -> Option<usize> {
        fill(&mut self.frame);
        self.encoder.encode(&self.frame, payload).ok()
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voice({:?} at {} Hz)", self.format, self.rate())
    }
}
