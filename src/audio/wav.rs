//! The header of a stereo recording: WAV, and RF64 once it is larger than WAV can say (EBU Tech 3306). It is right for
//! any length, and always of the same size, so that it can be written anew over itself as the file grows.

/// Bytes of a header; the samples follow.
pub const HEADER: usize = 80;
/// Bytes of a sample of both channels.
pub const BLOCK: u64 = 4;
/// Bytes before the first chunk's own, which the file's length in the header leaves out.
const OUTER: u64 = 8;
const CHANNELS: u16 = 2;
const BITS: u16 = 16;

/// Why a header can't be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A file of less than a header.
    #[error("no recording in a file of {0} bytes: remove it")]
    Short(u64),
    /// A header that was not written here.
    #[error("not a header of a recording: it is left as it is")]
    Foreign,
}

/// The header of a recording at a rate in Hz with so many bytes of samples.
#[must_use]
pub fn header(rate: u32, data: u64) -> [u8; HEADER] {
    let file = HEADER as u64 - OUTER + data;
    let short = |length: u64| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let is_large = file > u64::from(u32::MAX);
    let mut bytes = [0; HEADER];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(if is_large { b"RF64" } else { b"RIFF" });
    put(&short(file));
    put(b"WAVE");
    put(if is_large { b"ds64" } else { b"JUNK" });
    put(&28_u32.to_le_bytes());
    for length in [file, data, data / BLOCK] {
        put(&if is_large { length } else { 0 }.to_le_bytes());
    }
    put(&[0; 4]);
    put(b"fmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&rate.wrapping_mul(u32::from(CHANNELS * BITS / 8)).to_le_bytes());
    put(&(CHANNELS * BITS / 8).to_le_bytes());
    put(&BITS.to_le_bytes());
    put(b"data");
    put(&if is_large { [0xff; 4] } else { short(data) });
    bytes
}

/// The header that a recording should have, from the one it has and the length of its file in bytes. What is left of
/// a sample that was cut in two is not counted.
pub fn repair(head: &[u8], file: u64) -> Result<[u8; HEADER], HeaderFault> {
    let held: &[u8; HEADER] = head.first_chunk().ok_or(HeaderFault::Short(head.len() as u64))?;
    let data = file.checked_sub(HEADER as u64).ok_or(HeaderFault::Short(file))?;
    let rate = u32::from_le_bytes([held[60], held[61], held[62], held[63]]);
    // Ours but for the lengths, which may be any.
    let is_ours = [header(rate, 0), header(rate, u64::from(u32::MAX))]
        .iter()
        .any(|ours| [0..4, 8..20, 44..76].into_iter().all(|part| held[part.clone()] == ours[part]));
    if !is_ours {
        return Err(HeaderFault::Foreign);
    }
    Ok(header(rate, data - data % BLOCK))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_recording_is_what_others_read() {
        let mut file = header(16_000, 8).to_vec();
        file.extend([1_i16, -2, 3, -4].iter().flat_map(|sample| sample.to_le_bytes()));
        let mut reader = hound::WavReader::new(Cursor::new(&file)).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 16_000, 16));
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples, [1, -2, 3, -4]);
        assert_eq!(super::super::Clip::read(&file).unwrap().samples(), [0, 0], "mixed down");
    }

    #[test]
    fn a_large_one_says_its_length_in_64_bits() {
        let largest = u64::from(u32::MAX) - 72;
        let at = |data: u64| header(8_000, data);
        assert_eq!(&at(largest)[..8], b"RIFF\xff\xff\xff\xff");
        assert_eq!(at(largest)[76..], (u32::MAX - 72).to_le_bytes());
        let large = at(largest + 1);
        assert_eq!(&large[..20], b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0");
        assert_eq!(large[20..28], (1_u64 << 32).to_le_bytes());
        assert_eq!(large[28..36], ((1_u64 << 32) - 72).to_le_bytes());
        assert_eq!(large[36..44], (((1_u64 << 32) - 72) / 4).to_le_bytes());
        assert_eq!(large[76..], [0xff; 4]);
    }

    #[test]
    fn a_file_cut_short_gets_its_length_back() {
        for written in [0, 12, 5_000_000_000] {
            for (length, counted) in [(80, 0), (81, 0), (84, 4), (1_003, 920), (6_000_000_080, 6_000_000_000)]
            {
                assert_eq!(repair(&header(48_000, written), length), Ok(header(48_000, counted)));
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let ours = header(8_000, 0);
        assert_eq!(repair(&ours[..79], 79), Err(HeaderFault::Short(79)));
        assert_eq!(repair(&ours, 79), Err(HeaderFault::Short(79)));
        for at in [0, 9, 15, 45, 55, 66, 75] {
            let mut other = ours;
            other[at] ^= 1;
            assert_eq!(repair(&other, 100), Err(HeaderFault::Foreign), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_head_is_repaired_or_refused(head in prop::collection::vec(any::<u8>(), 0..100), file: u64) {
            let _ = repair(&head, file);
        }
    }
}
