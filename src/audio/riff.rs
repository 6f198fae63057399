//! Clips out of WAV files: PCM of 8, 16 and 24 bits, A-law and mu-law, mono and stereo.

use super::clip::{Clip, ClipFault, RATES, longest};
use crate::base::g711::Law;

/// The ends of the GUID of a coding that has a format tag too, which stands before it.
const GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const EXTENSIBLE: u16 = 0xfffe;

/// Whether a file begins as WAV does.
pub(super) fn is_wav(file: &[u8]) -> bool {
    matches!(file.get(..4), Some(b"RIFF" | b"RF64")) && file.get(8..12) == Some(b"WAVE")
}

/// How the samples of a file are written.
#[derive(Debug, Clone, Copy)]
struct Layout {
    coding: Coding,
    channels: usize,
    rate: u32,
}

#[derive(Debug, Clone, Copy)]
enum Coding {
    Pcm8,
    Pcm16,
    Pcm24,
    G711(Law),
}

impl Coding {
    /// Bytes of a sample.
    fn bytes(self) -> usize {
        match self {
            Coding::Pcm8 | Coding::G711(_) => 1,
            Coding::Pcm16 => 2,
            Coding::Pcm24 => 3,
        }
    }

    /// A sample; of 24 bits, the upper 16.
    fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Coding::G711(law), [code]) => law.decode(*code),
            (Coding::Pcm8, [byte]) => (i16::from(*byte) - 128) << 8,
            (_, [.., low, high]) => i16::from_le_bytes([*low, *high]),
            _ => 0,
        }
    }
}

/// Reads a file. A last chunk that says it is longer than the file is read as far as the file goes.
pub(super) fn read(file: &[u8]) -> Result<Clip, ClipFault> {
    let (mut rest, mut layout) = (file.get(12..).unwrap_or_default(), None);
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [id @ .., a, b, c, d] = *head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let chunk = &body[..length.min(body.len())];
        match &id {
            b"fmt " => layout = Some(read_layout(chunk)?),
            b"data" => return decode(layout.ok_or(ClipFault::Incomplete("format"))?, chunk),
            _ => {}
        }
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Err(ClipFault::Incomplete("sound"))
}

fn read_layout(chunk: &[u8]) -> Result<Layout, ClipFault> {
    let short = |at: usize| {
        let bytes = chunk.get(at..at + 2).ok_or(ClipFault::Incomplete("format"))?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    let (mut tag, channels, bits) = (short(0)?, short(2)?, short(14)?);
    let rate = u32::from(short(4)?) | u32::from(short(6)?) << 16;
    if tag == EXTENSIBLE && chunk.get(26..40) == Some(&GUID) {
        tag = short(24)?;
    }
    let coding = match (tag, bits) {
        (1, 8) => Coding::Pcm8,
        (1, 16) => Coding::Pcm16,
        (1, 24) => Coding::Pcm24,
        (6, 8) => Coding::G711(Law::A),
        (7, 8) => Coding::G711(Law::Mu),
        _ => return Err(ClipFault::Coding { tag, bits }),
    };
    if !(1..=2).contains(&channels) {
        return Err(ClipFault::Channels(channels));
    }
    if !RATES.contains(&rate) {
        return Err(ClipFault::Rate(rate));
    }
    Ok(Layout { coding, channels: usize::from(channels), rate })
}

fn decode(layout: Layout, data: &[u8]) -> Result<Clip, ClipFault> {
    let Layout { coding, channels, rate } = layout;
    let bytes = coding.bytes();
    if data.len() / (bytes * channels) > longest(rate) {
        return Err(ClipFault::Long);
    }
    let mixed = |all: &[u8]| {
        let (left, right) = all.split_at(bytes);
        let left = coding.sample(left);
        if right.is_empty() { left } else { left.midpoint(coding.sample(right)) }
    };
    Clip::new(rate, data.chunks_exact(bytes * channels).map(mixed).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::probe::sine;
    use super::*;

    fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap();
        let pad = &[0][..body.len() % 2];
        [id, &length.to_le_bytes()[..], body, pad].concat()
    }

    fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let align = channels * bits / 8;
        let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        body.extend([rate.to_le_bytes(), (rate * u32::from(align)).to_le_bytes()].concat());
        body.extend([align.to_le_bytes(), bits.to_le_bytes()].concat());
        body
    }

    fn wav(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = chunks.concat();
        let length = u32::try_from(body.len() + 4).unwrap();
        [b"RIFF", &length.to_le_bytes()[..], b"WAVE", &body].concat()
    }

    /// A file of one coding with a sample of each channel at a time.
    fn file(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        wav(&[chunk(b"fmt ", &format(tag, channels, rate, bits)), chunk(b"data", data)])
    }

    #[test]
    fn each_coding_is_read() {
        let sound = sine(8_000, 300.0, 20_000.0, 100);
        let law = |law: Law| sound.iter().map(|sample| law.encode(*sample)).collect::<Vec<_>>();
        let rows = [
            (1, 8, sound.iter().map(|sample| ((sample >> 8) + 128) as u8).collect(), 255),
            (1, 16, sound.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>(), 0),
            (1, 24, sound.iter().flat_map(|s| [&[77], &s.to_le_bytes()[..]].concat()).collect(), 0),
            (6, 8, law(Law::A), 512),
            (7, 8, law(Law::Mu), 512),
        ];
        for (tag, bits, data, off) in rows {
            let clip = Clip::read(&file(tag, 1, 8_000, bits, &data)).unwrap();
            assert_eq!((clip.rate(), clip.samples().len()), (8_000, 100), "{tag} of {bits} bits");
            let worst = clip.samples().iter().zip(&sound).map(|(one, other)| (one - other).abs()).max();
            assert!(worst <= Some(off), "{tag} of {bits} bits is off by {worst:?}");
        }
    }

    #[test]
    fn stereo_is_mixed_down() {
        let data: Vec<u8> = [30_000_i16, 20_000, -10, -20].iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(Clip::read(&file(1, 2, 16_000, 16, &data)).unwrap().samples(), [25_000, -15]);
    }

    #[test]
    fn other_chunks_odd_ones_too_are_passed_over() {
        let chunks = [
            chunk(b"LIST", b"INFOodd"),
            chunk(b"fmt ", &format(1, 1, 22_050, 16)),
            chunk(b"fact", &[0; 4]),
            chunk(b"data", &[1, 0, 2, 0]),
            chunk(b"LIST", b"more"),
        ];
        assert_eq!(Clip::read(&wav(&chunks)).unwrap().samples(), [1, 2]);
    }

    #[test]
    fn an_extensible_format_says_its_coding_further_on() {
        let mut body = format(EXTENSIBLE, 1, 8_000, 8);
        body.extend([22, 0, 8, 0, 4, 0, 0, 0, 7, 0]);
        body.extend(GUID);
        let clip = Clip::read(&wav(&[chunk(b"fmt ", &body), chunk(b"data", &[0x80, 0x00])])).unwrap();
        assert_eq!(clip.samples(), [32_124, -32_124]);
        body[30] = 9;
        let read = Clip::read(&wav(&[chunk(b"fmt ", &body), chunk(b"data", &[0])]));
        assert_eq!(read, Err(ClipFault::Coding { tag: EXTENSIBLE, bits: 8 }));
    }

    #[test]
    fn a_length_that_is_not_true_is_read_as_far_as_the_file_goes() {
        let mut file = file(1, 1, 8_000, 16, &[1, 0, 2, 0, 3]);
        file.truncate(file.len() - 1);
        let at = file.len() - 9;
        file[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Clip::read(&file).unwrap().samples(), [1, 2]);
    }

    #[test]
    fn what_cannot_be_played_is_told_why() {
        let rows = [
            (file(1, 1, 8_000, 32, &[]), ClipFault::Coding { tag: 1, bits: 32 }),
            (file(3, 1, 8_000, 32, &[]), ClipFault::Coding { tag: 3, bits: 32 }),
            (file(6, 1, 8_000, 16, &[]), ClipFault::Coding { tag: 6, bits: 16 }),
            (file(1, 0, 8_000, 16, &[]), ClipFault::Channels(0)),
            (file(1, 6, 8_000, 16, &[]), ClipFault::Channels(6)),
            (file(1, 1, 96_000, 16, &[]), ClipFault::Rate(96_000)),
            (file(1, 1, 0, 16, &[]), ClipFault::Rate(0)),
            (file(7, 1, 4_000, 8, &vec![0; 4_000 * 600 + 1]), ClipFault::Long),
            (wav(&[]), ClipFault::Incomplete("sound")),
            (wav(&[chunk(b"fmt ", &format(1, 1, 8_000, 16))]), ClipFault::Incomplete("sound")),
            (wav(&[chunk(b"data", &[0; 8])]), ClipFault::Incomplete("format")),
            (wav(&[chunk(b"fmt ", &[1, 0, 1])]), ClipFault::Incomplete("format")),
        ];
        for (file, fault) in rows {
            assert_eq!(Clip::read(&file), Err(fault));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Clip::read(&[b"RIFF\0\0\0\0WAVE", &body[..]].concat());
        }

        #[test]
        fn any_format_and_length_are_read_or_refused(
            body in prop::collection::vec(any::<u8>(), 0..48), length: u32, tag in 0..9_u16, bits in 0..5_u16,
            channels in 0..4_u16, rate in 0..50_000_u32, data in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut chunks = wav(&[chunk(b"junk", &body), chunk(b"fmt ", &format(tag, channels, rate, bits * 8))]);
            chunks.extend([b"data", &length.to_le_bytes()[..], &data].concat());
            if let Ok(clip) = Clip::read(&chunks) {
                prop_assert!(clip.samples().len() <= data.len());
            }
        }
    }
}
