//! What a side can be given to hear of the relay itself.

use std::fmt;

use bytes::Bytes;

use super::playlist::Playlist;
use crate::base::tones::CallTone;

/// A sound. All but a playlist that ends go on until they are stopped.
#[derive(Clone, PartialEq, Eq)]
pub enum Sound {
    /// A tone of the network, in its cadence.
    Tone(CallTone),
    /// A recording in A-law at 8 kHz, again and again with a pause of 2 s.
    Prompt(Bytes),
    /// Clips, tones and silence, one after the other.
    Clips(Playlist),
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sound::Tone(tone) => tone.fmt(f),
            Sound::Prompt(prompt) => write!(f, "Prompt({} samples)", prompt.len()),
            Sound::Clips(list) => list.fmt(f),
        }
    }
}
