//! What the tests of prompts share.

use std::time::Duration;

use maskline::base::settings::Speech;
use maskline::hook::prompt::{Heard, Prepared, PromptSettings};
use tokio::time::Instant;

/// Settings under which this machine may be called, and nothing speaks.
pub(crate) fn settings() -> PromptSettings {
    PromptSettings {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(60),
        allow_private: true,
        memory: 64_000_000,
        speech: Speech {
            command: vec!["/nonexistent/speaker".to_owned()],
            timeout: Duration::from_secs(20),
            at_once: 2,
            cache: "/nonexistent/speech".into(),
            cache_bytes: 0,
        },
    }
}

/// An end that no test waits for.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A WAV file of so many samples of a rate in Hz, of 16 bits.
pub(crate) fn wav(rate: u32, samples: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend([rate, rate * 2].map(u32::to_le_bytes).concat());
    file.extend(b"\x02\0\x10\0data");
    file.extend((samples * 2).to_le_bytes());
    file.resize(file.len() + samples as usize * 2, 1);
    file
}

/// How long each part is, in ms.
pub(crate) fn lengths(prepared: &Prepared) -> Vec<u64> {
    let length = |heard: &Heard| match heard {
        Heard::Clip(clip) => clip.ms(),
        Heard::Silence(length) => u64::try_from(length.as_millis()).unwrap(),
    };
    prepared.parts.iter().map(|part| length(&part.what)).collect()
}
