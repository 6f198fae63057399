//! Speech codecs: samples to payloads and back.

use opus_pure::{Application, MAX_PACKET_SAMPLES, OpusDecoder, OpusEncoder};

use super::{FRAME_MS, frame, g722};
use crate::base::g711::{self, Law};

/// The longest payload that is decoded, in ms (RFC 3551 section 4.2).
pub const LONGEST_MS: u32 = 200;
/// No frame of ours needs more bytes than this.
pub const LONGEST_PAYLOAD: usize = 400;
/// A loss is filled with what was heard before it for so long, ever softer.
const FADE_MS: u32 = 60;
/// The work that Opus puts into a frame, of 10: of a conversation, and of a sound for many at once.
const OPUS_EFFORT: i32 = 5;
const OPUS_LEAST_EFFORT: i32 = 1;

/// What is wrong with a payload, or with what is asked of a codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecFault {
    /// The codec doesn't sample at this rate.
    #[error("{0:?} does not sample at {1} Hz: resample to {2} Hz")]
    Rate(Format, u32, u32),
    /// Not a frame of 20 ms.
    #[error("a frame has {0} samples, not {1}: hand over 20 ms at a time")]
    Frame(usize, usize),
    /// A payload longer than any that is sent.
    #[error("a payload of {0} bytes is longer than {LONGEST_MS} ms: drop it")]
    Long(usize),
    /// Bytes that the codec can't make anything of.
    #[error("not a payload of {0:?}: treat it as lost")]
    Unreadable(Format),
    /// A frame that the codec did not code.
    #[error("{0:?} did not code a frame: send nothing for it")]
    Uncoded(Format),
}

/// How speech is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// G.711 mu-law (RFC 3551).
    Pcmu,
    /// G.711 A-law (RFC 3551).
    Pcma,
    /// G.722 at 64 kbit/s (RFC 3551).
    G722,
    /// Opus, mono (RFC 7587).
    Opus,
}

impl Format {
    /// The rate it samples at, in Hz: for Opus the highest.
    #[must_use]
    pub fn rate(self) -> u32 {
        match self {
            Format::Pcmu | Format::Pcma => g711::RATE,
            Format::G722 => g722::RATE,
            Format::Opus => 48_000,
        }
    }

    /// Whether it can be coded from samples at a rate in Hz, and decoded to it. Opus has a rate for every leg: what
    /// RTP counts is 48 kHz whatever is sampled (RFC 7587 section 4.1).
    #[must_use]
    pub fn samples_at(self, rate: u32) -> bool {
        rate == self.rate() || self == Format::Opus && [8_000, 16_000].contains(&rate)
    }

    /// The RTP clock in Hz. That of G.722 counts 8000 (RFC 3551 section 4.5.2).
    #[must_use]
    pub fn clock(self) -> u32 {
        if self == Format::Opus { 48_000 } else { 8_000 }
    }

    fn check(self, rate: u32) -> Result<(), CodecFault> {
        if self.samples_at(rate) { Ok(()) } else { Err(CodecFault::Rate(self, rate, self.rate())) }
    }
}

/// The law of G.711; `None` for other formats.
fn law(format: Format) -> Option<Law> {
    match format {
        Format::Pcmu => Some(Law::Mu),
        Format::Pcma => Some(Law::A),
        Format::G722 | Format::Opus => None,
    }
}

enum Coder {
    G711(Law),
    G722(Box<g722::Encoder>),
    Opus(Box<OpusEncoder>),
}

/// Frames of 20 ms to payloads.
pub struct Encoder {
    format: Format,
    rate: u32,
    coder: Coder,
}

impl Encoder {
    /// An encoder of samples at a rate in Hz.
    pub fn new(format: Format, rate: u32) -> Result<Self, CodecFault> {
        format.check(rate)?;
        let coder = match law(format) {
            Some(law) => Coder::G711(law),
            None if format == Format::G722 => Coder::G722(Box::new(g722::Encoder::new())),
            None => Coder::Opus(Box::new(opus(rate)?)),
        };
        Ok(Self { format, rate, coder })
    }

    /// An encoder that many may run at once: for Opus with a fifth of the work and half as many bits again, since it
    /// codes no model of a voice; for the others as [`Encoder::new`].
    pub fn light(format: Format, rate: u32) -> Result<Self, CodecFault> {
        let mut encoder = Self::new(format, rate)?;
        if format == Format::Opus {
            encoder.coder = Coder::Opus(Box::new(light_opus(rate)?));
        }
        Ok(encoder)
    }

    /// The rate of the samples it takes, in Hz.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// So many of 100 packets are lost on the way: Opus then sends a second time what may be missing (RFC 7587
    /// section 3.3). Only for a side that said `useinbandfec=1`.
    pub fn expect_loss(&mut self, percent: u8) {
        if let Coder::Opus(opus) = &mut self.coder {
            opus.use_inband_fec = percent > 0;
            opus.packet_loss_perc = i32::from(percent.min(100));
        }
    }

    /// Writes the payload of a frame of 20 ms: its length in bytes.
    pub fn encode(
        &mut self,
        samples: &[i16],
        payload: &mut [u8; LONGEST_PAYLOAD],
    ) -> Result<usize, CodecFault> {
        let wanted = frame(self.rate);
        if samples.len() != wanted {
            return Err(CodecFault::Frame(samples.len(), wanted));
        }
        match &mut self.coder {
            Coder::G711(law) => {
                payload.iter_mut().zip(samples).for_each(|(code, sample)| *code = law.encode(*sample));
                Ok(wanted)
            }
            Coder::G722(g722) => {
                for (code, pair) in payload.iter_mut().zip(samples.as_chunks().0) {
                    *code = g722.encode(*pair);
                }
                Ok(wanted / 2)
            }
            Coder::Opus(opus) => {
                opus.encode_s16(samples, wanted, payload).map_err(|_| CodecFault::Uncoded(self.format))
            }
        }
    }
}

fn opus_for(application: Application, rate: u32) -> Result<OpusEncoder, CodecFault> {
    let fault = |_| CodecFault::Rate(Format::Opus, rate, Format::Opus.rate());
    let hertz = i32::try_from(rate).expect("48,000 at most");
    OpusEncoder::new(hertz, 1, application).map_err(fault)
}

/// An encoder without a model of a voice (RFC 6716 section 2.1.8), which needs more bits to sound as well.
fn light_opus(rate: u32) -> Result<OpusEncoder, CodecFault> {
    let mut encoder = opus_for(Application::RestrictedLowDelay, rate)?;
    encoder.bitrate_bps = if rate == 8_000 { 24_000 } else { 36_000 };
    encoder.complexity = OPUS_LEAST_EFFORT;
    Ok(encoder)
}

/// An encoder of speech. It has the bits that speech of its bandwidth needs (RFC 7587 section 3.1.1).
fn opus(rate: u32) -> Result<OpusEncoder, CodecFault> {
    let mut encoder = opus_for(Application::Voip, rate)?;
    encoder.bitrate_bps = match rate {
        8_000 => 16_000,
        16_000 => 24_000,
        _ => 32_000,
    };
    encoder.complexity = OPUS_EFFORT;
    Ok(encoder)
}

enum Reader {
    G711(Law),
    G722(Box<g722::Decoder>),
    Opus(Box<OpusDecoder>),
}

/// Payloads to samples.
pub struct Decoder {
    format: Format,
    rate: u32,
    reader: Reader,
    /// The end of what was heard last, for a loss, and how much of a loss was filled already.
    last: Vec<i16>,
    filled: u32,
}

impl Decoder {
    /// A decoder to samples at a rate in Hz.
    pub fn new(format: Format, rate: u32) -> Result<Self, CodecFault> {
        format.check(rate)?;
        let reader = match law(format) {
            Some(law) => Reader::G711(law),
            None if format == Format::G722 => Reader::G722(Box::new(g722::Decoder::new())),
            None => {
                let hertz = i32::try_from(rate).expect("48,000 at most");
                let fault = |_| CodecFault::Rate(format, rate, format.rate());
                Reader::Opus(Box::new(OpusDecoder::new(hertz, 1).map_err(fault)?))
            }
        };
        Ok(Self { format, rate, reader, last: Vec::with_capacity(frame(rate)), filled: 0 })
    }

    /// The rate of the samples it gives, in Hz.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Adds the samples of a payload of any length up to [`LONGEST_MS`]. What can't be read adds nothing.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), CodecFault> {
        if payload.len() > (LONGEST_MS * 8) as usize {
            return Err(CodecFault::Long(payload.len()));
        }
        if payload.is_empty() {
            return Err(CodecFault::Unreadable(self.format));
        }
        let before = samples.len();
        match &mut self.reader {
            Reader::G711(law) => samples.extend(payload.iter().map(|code| law.decode(*code))),
            Reader::G722(g722) => samples.extend(payload.iter().flat_map(|code| g722.decode(*code))),
            Reader::Opus(opus) => {
                let most = MAX_PACKET_SAMPLES / (48_000 / self.rate as usize);
                samples.resize(before + most, 0);
                let heard = opus.decode_s16(payload, most, &mut samples[before..]);
                samples.truncate(before + heard.as_ref().copied().unwrap_or(0));
                heard.map_err(|_| CodecFault::Unreadable(self.format))?;
            }
        }
        self.remember(&samples[before..]);
        Ok(())
    }

    /// Adds 20 ms in place of a payload that was lost: what Opus makes of it, else what was heard last, ever softer.
    pub fn conceal(&mut self, samples: &mut Vec<i16>) {
        let (before, count) = (samples.len(), frame(self.rate));
        if let Reader::Opus(opus) = &mut self.reader {
            samples.resize(before + count, 0);
            if opus.decode_s16(&[], count, &mut samples[before..]).is_err() {
                samples[before..].fill(0);
            }
            return;
        }
        let length = i32::try_from(self.rate / 1000 * FADE_MS).expect("some hundred");
        for at in 0..count {
            let left = (length - i32::try_from(self.filled).unwrap_or(length)).max(0);
            let heard = i32::from(self.last.get(at).copied().unwrap_or(0));
            samples.push(i16::try_from(heard * left / length).expect("softer than a sample"));
            self.filled = self.filled.saturating_add(1);
        }
    }

    /// Keeps the last 20 ms.
    fn remember(&mut self, heard: &[i16]) {
        let count = frame(self.rate);
        self.filled = 0;
        let heard = &heard[heard.len().saturating_sub(count)..];
        let kept = self.last.len().min(count - heard.len());
        self.last.drain(..self.last.len() - kept);
        self.last.extend_from_slice(heard);
    }
}

const _: () = assert!(FRAME_MS * 16 <= LONGEST_PAYLOAD as u32, "G.711 and G.722 fit");

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
