//! Floor 1. Sound as samples: what prompts, digits, transcoding and recordings are made of. Samples and bytes go in,
//! samples and bytes come out; there are no files, no clocks and no threads here.
//!
//! Samples are mono and of 16 bits. What runs in calls takes them in frames of 20 ms and keeps its buffers, so that
//! once they have their size, a frame allocates nothing of ours.

pub mod clip;
pub mod codec;
pub mod dtmf;
mod g722;
mod mp3;
#[cfg(test)]
mod probe;
pub mod prompt;
pub mod recording;
pub mod resample;
mod riff;
pub mod tone;
pub mod transcode;
pub mod wav;

pub use clip::{Clip, ClipFault};
pub use codec::{CodecFault, Decoder, Encoder, Format};
pub use dtmf::Detector;
pub use prompt::{Prompt, RATES};
pub use recording::{Recording, Stamp};
pub use resample::Resampler;
pub use tone::{CallSound, KeySound};
pub use transcode::{Packet, Transcoder};

/// The spacing of frames, in ms.
pub const FRAME_MS: u32 = 20;

/// Samples in a frame at a rate in Hz.
#[must_use]
pub const fn frame(rate: u32) -> usize {
    (rate / 1000 * FRAME_MS) as usize
}

/// The sample of 16 bits next to a value.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float ends at the bounds of its type")]
fn sample(value: f32) -> i16 {
    value.round() as i16
}
