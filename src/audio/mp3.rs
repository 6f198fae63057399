//! Clips out of MP3 files.

use nanomp3::{Channels, Options, SliceReader};

use super::clip::{Clip, ClipFault, RATES, longest};

/// Whether a file looks like MP3: it begins with a tag, or with frames.
pub(super) fn is_mp3(file: &[u8]) -> bool {
    nanomp3::detect(file)
}

/// Reads a file, frame by frame, so that one that is too long is left before it fills the memory.
pub(super) fn read(file: &[u8]) -> Result<Clip, ClipFault> {
    let mut reader = SliceReader::<i16>::with_options(file, Options::default().skip_scan(true));
    let rate = reader.sample_rate();
    let channels = reader.channels().ok_or(ClipFault::Silent)?;
    if !RATES.contains(&rate) {
        return Err(ClipFault::Rate(rate));
    }
    let mut samples = Vec::new();
    while let Some(frame) = reader.read_frame().map_err(|_| ClipFault::Changing)? {
        match channels {
            Channels::Mono => samples.extend_from_slice(frame),
            Channels::Stereo => {
                samples.extend(frame.as_chunks().0.iter().map(|[left, right]| left.midpoint(*right)))
            }
        }
        if samples.len() > longest(rate) {
            return Err(ClipFault::Long);
        }
    }
    if samples.is_empty() { Err(ClipFault::Silent) } else { Clip::new(rate, samples) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::probe::{above_the_rest, pitch};
    use super::*;

    /// 440 Hz as LAME coded it: 300 ms in stereo at 44.1 kHz with tags, and 500 ms in mono at 16 kHz.
    const STEREO: &[u8] = include_bytes!("reference/stereo.mp3");
    const MONO: &[u8] = include_bytes!("reference/mono.mp3");

    #[test]
    fn a_file_is_heard_at_its_length() {
        for (file, rate, ms) in [(STEREO, 44_100, 300), (MONO, 16_000, 500)] {
            let clip = Clip::read(file).unwrap();
            assert_eq!((clip.rate(), clip.ms()), (rate, ms), "without the coder's own silence");
            let heard = &clip.samples()[clip.samples().len() / 4..clip.samples().len() * 3 / 4];
            assert_eq!(pitch(heard, rate, 380..500), 440);
            assert!(above_the_rest(heard, rate, 440.0) > 30.0);
        }
    }

    #[test]
    fn a_long_file_is_left_early() {
        let frames = &MONO[MONO.len() / 2..];
        let start = frames.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xf0 == 0xf0).unwrap();
        let long = [&frames[start..].repeat(3_000), STEREO].concat();
        assert_eq!(Clip::read(&long), Err(ClipFault::Long));
    }

    #[test]
    fn a_tag_alone_is_no_sound() {
        assert_eq!(Clip::read(b"ID3\x04\0\0\0\0\0\x04abcd012345"), Err(ClipFault::Silent));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_read_or_refused(
            start in 0..MONO.len(), length in 0..3_000_usize, holes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        ) {
            let mut file = MONO[start..(start + length).min(MONO.len())].to_vec();
            for (at, byte) in holes.iter().filter(|_| !MONO.is_empty()) {
                if !file.is_empty() {
                    let at = at.index(file.len());
                    file[at] = *byte;
                }
            }
            if let Ok(clip) = read(&file) {
                prop_assert!(!clip.samples().is_empty());
            }
        }
    }
}
