//! Reading a prompt: a WAV file of telephone sound.

use std::path::Path;

use bytes::Bytes;

use crate::base::g711::{Law, RATE};

/// The longest prompt, in samples: a minute.
const LONGEST: usize = 60 * RATE as usize;
/// The shortest one: a tenth of a second.
const SHORTEST: usize = RATE as usize / 10;

/// What is to be written instead, whatever was wrong.
const INSTEAD: &str =
    "name a WAV file of one channel at 8000 Hz, as PCM of 16 bits, A-law or mu-law, up to a minute";

/// A prompt's samples in A-law.
pub(super) fn load(path: &Path) -> Result<Bytes, String> {
    let file = std::fs::read(path).map_err(|error| format!("cannot be read ({error}): {INSTEAD}"))?;
    let samples = wav(&file).ok_or_else(|| format!("is no sound that can be played: {INSTEAD}"))?;
    if !(SHORTEST..=LONGEST).contains(&samples.len()) {
        return Err(format!("is too short or too long: {INSTEAD}"));
    }
    Ok(samples.into())
}

/// The chunks of a RIFF file of the kind WAVE: the name of each and what is in it.
fn chunks(file: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    Some(std::iter::from_fn(move || {
        let (name, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let content = &rest[8..];
        let content = &content[..length.min(content.len())];
        // Chunks begin at even places.
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
        Some((name, content))
    }))
}

fn wav(file: &[u8]) -> Option<Vec<u8>> {
    let find = |wanted: &[u8; 4]| chunks(file)?.find(|(name, _)| name == wanted).map(|(_, content)| content);
    let (format, data) = (find(b"fmt ")?, find(b"data")?);
    let word = |at: usize| Some(u16::from_le_bytes(format.get(at..at + 2)?.try_into().ok()?));
    let kind = match word(0)? {
        // The extensible format names the kind in its GUID.
        0xfffe => word(24)?,
        kind => kind,
    };
    let is_mono = word(2)? == 1 && u32::from(word(4)?) | u32::from(word(6)?) << 16 == RATE;
    match (kind, word(14)?) {
        _ if !is_mono => None,
        (1, 16) => {
            let samples = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
            Some(samples.map(|sample| Law::A.encode(sample)).collect())
        }
        (6, 8) => Some(data.to_vec()),
        (7, 8) => Some(data.iter().map(|code| Law::A.encode(Law::Mu.decode(*code))).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file of a kind, with a chunk of an odd length before its data.
    fn file(kind: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        file.extend([kind.to_le_bytes(), channels.to_le_bytes()].concat());
        file.extend([rate.to_le_bytes(), (rate * 2).to_le_bytes()].concat());
        file.extend([2u16.to_le_bytes(), bits.to_le_bytes()].concat());
        file.extend(b"LIST\x03\0\0\0abc\0data");
        file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn pcm_and_both_laws_are_read() {
        let samples = [0i16, 1_000, -1_000, 30_000];
        let a: Vec<u8> = samples.iter().map(|sample| Law::A.encode(*sample)).collect();
        let mu: Vec<u8> = samples.iter().map(|sample| Law::Mu.encode(*sample)).collect();
        let pcm: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(wav(&file(1, 1, 8_000, 16, &pcm)), Some(a.clone()));
        assert_eq!(wav(&file(6, 1, 8_000, 8, &a)), Some(a.clone()));
        let read = wav(&file(7, 1, 8_000, 8, &mu)).unwrap();
        for (code, sample) in read.iter().zip(samples) {
            let error = (i32::from(Law::A.decode(*code)) - i32::from(sample)).abs();
            assert!(error <= 16.max(i32::from(sample).abs() / 16), "{sample} is off by {error}");
        }
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn what_can_not_be_played_is_none() {
        let data = [0; 16];
        for (kind, channels, rate, bits) in [
            (1, 2, 8_000, 16),
            (1, 1, 44_100, 16),
            (1, 1, 8_000, 8),
            (3, 1, 8_000, 32),
            (0xfffe, 1, 8_000, 16),
        ] {
            assert_eq!(
                wav(&file(kind, channels, rate, bits, &data)),
                None,
                "{kind} {channels} {rate} {bits}"
            );
        }
        let whole = file(1, 1, 8_000, 16, &data);
        for length in 0..whole.len() - data.len() {
            assert_eq!(wav(&whole[..length]), None, "cut off after {length}");
        }
        assert_eq!(wav(b"RIFX\0\0\0\0WAVE"), None);
    }

    #[test]
    fn a_file_is_read_or_it_is_said_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |samples: usize| {
            let path = folder.path().join("prompt.wav");
            std::fs::write(&path, file(6, 1, 8_000, 8, &vec![0xd5; samples])).unwrap();
            load(&path)
        };
        assert_eq!(write(8_000).map(|read| read.len()), Ok(8_000));
        assert!(write(799).unwrap_err().contains("too short"));
        assert!(write(480_001).unwrap_err().contains("too long"));
        assert!(load(&folder.path().join("nothing.wav")).unwrap_err().contains("cannot be read"));
    }
}
