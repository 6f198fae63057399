//! Codecs, measured with tones and held against what others made of the same sound.

use std::io::Cursor;

use opus_pure::OggOpusReader;
use proptest::prelude::*;

use super::super::probe::{above_the_rest, decibels, level, mix, noise, pitch, rms, sine};
use super::*;

/// Each format at each rate that it samples at, with how far a tone has to stand above what coding does to it.
const ALL: [(Format, u32, f64); 6] = [
    (Format::Pcmu, 8_000, 33.0),
    (Format::Pcma, 8_000, 33.0),
    (Format::G722, 16_000, 35.0),
    (Format::Opus, 8_000, 15.0),
    (Format::Opus, 16_000, 15.0),
    (Format::Opus, 48_000, 15.0),
];

/// The payloads of a sound.
fn coded(format: Format, rate: u32, sound: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(format, rate).unwrap();
    let mut payload = [0; LONGEST_PAYLOAD];
    let mut one = |frame: &[i16]| {
        let length = encoder.encode(frame, &mut payload).unwrap();
        payload[..length].to_vec()
    };
    sound.chunks_exact(frame(rate)).map(&mut one).collect()
}

fn decoded(format: Format, rate: u32, payloads: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(format, rate).unwrap();
    let mut heard = Vec::new();
    for payload in payloads {
        decoder.decode(payload, &mut heard).unwrap();
    }
    heard
}

#[test]
fn a_tone_comes_through_with_its_pitch_and_its_level() {
    for (format, rate, enough) in ALL {
        for hertz in [440, 1_000] {
            let payloads = coded(format, rate, &sine(rate, f64::from(hertz), 8_000.0, rate as usize));
            let heard = decoded(format, rate, &payloads);
            assert_eq!(heard.len(), rate as usize);
            let heard = &heard[heard.len() / 2..];
            assert_eq!(pitch(heard, rate, hertz - 60..hertz + 60), hertz, "{format:?} at {rate}");
            let change = decibels(level(heard, rate, f64::from(hertz)) / 8_000.0);
            assert!(change.abs() < 0.5, "{format:?} at {rate}: {change} dB");
            let clear = above_the_rest(heard, rate, f64::from(hertz));
            assert!(clear > enough, "{format:?} at {rate}, {hertz} Hz: {clear} dB above the rest");
        }
    }
}

#[test]
fn a_light_encoder_sounds_the_same() {
    for rate in [8_000, 16_000, 48_000] {
        let mut encoder = Encoder::light(Format::Opus, rate).unwrap();
        let (mut payload, mut payloads) = ([0; LONGEST_PAYLOAD], Vec::new());
        for frame in sine(rate, 440.0, 8_000.0, rate as usize).chunks_exact(frame(rate)) {
            let length = encoder.encode(frame, &mut payload).unwrap();
            payloads.push(payload[..length].to_vec());
        }
        assert!(payloads.concat().len() < 5_500, "{} bytes a second", payloads.concat().len());
        let heard = decoded(Format::Opus, rate, &payloads);
        let heard = &heard[heard.len() / 2..];
        assert_eq!(pitch(heard, rate, 400..480), 440);
        let change = decibels(level(heard, rate, 440.0) / 8_000.0);
        assert!(change.abs() < 0.5, "{rate}: {change} dB");
        let clear = above_the_rest(heard, rate, 440.0);
        assert!(clear > 15.0, "{rate}: {clear} dB above the rest");
    }
}

#[test]
fn a_second_is_as_many_bytes_as_the_format_says() {
    let bytes = |format: Format, rate: u32| {
        let sound = mix(&sine(rate, 300.0, 6_000.0, rate as usize), &noise(3, 300.0, rate as usize));
        coded(format, rate, &sound).concat().len()
    };
    for format in [Format::Pcmu, Format::Pcma, Format::G722] {
        assert_eq!(bytes(format, format.rate()), 8_000, "64 kbit/s");
    }
    for (rate, most) in [(8_000, 2_600), (16_000, 3_800), (48_000, 5_000)] {
        let bytes = bytes(Format::Opus, rate);
        assert!((500..most).contains(&bytes), "{bytes} bytes from {rate} Hz");
    }
}

#[test]
fn clocks_are_those_of_rtp() {
    assert_eq!(Format::G722.clock(), 8_000);
    assert_eq!((Format::Opus.clock(), Format::Opus.rate()), (48_000, 48_000));
    for (format, rate) in [(Format::Pcma, 16_000), (Format::G722, 8_000), (Format::Opus, 44_100)] {
        let fault = CodecFault::Rate(format, rate, format.rate());
        assert_eq!(Encoder::new(format, rate).err(), Some(fault.clone()));
        assert_eq!(Decoder::new(format, rate).err(), Some(fault));
    }
    let mut encoder = Encoder::new(Format::Pcma, 8_000).unwrap();
    assert_eq!(encoder.encode(&[0; 80], &mut [0; LONGEST_PAYLOAD]), Err(CodecFault::Frame(80, 160)));
}

/// What the recorded bitstreams were made of: two tones, noise, a moment of silence and one of all there is.
fn reference() -> Vec<i16> {
    let mut sound = mix(&sine(16_000, 500.0, 7_000.0, 1_600), &sine(16_000, 5_000.0, 3_000.0, 1_600));
    sound.extend(noise(7, 20_000.0, 800));
    sound.extend([0; 160]);
    sound.extend([i16::MAX; 320]);
    sound.extend([i16::MIN; 320]);
    sound
}

#[test]
fn g722_is_to_the_bit_what_others_make() {
    let (mut encoder, mut decoder) = (g722::Encoder::new(), g722::Decoder::new());
    let codes: Vec<u8> = reference().as_chunks().0.iter().map(|pair| encoder.encode(*pair)).collect();
    let differs = |one: &[u8], other: &[u8]| one.iter().zip(other).position(|(one, other)| one != other);
    assert_eq!(differs(&codes, include_bytes!("reference/g722.bin")), None);
    let heard: Vec<u8> =
        codes.iter().flat_map(|code| decoder.decode(*code)).flat_map(i16::to_le_bytes).collect();
    assert_eq!(differs(&heard, include_bytes!("reference/g722.pcm")), None);
    assert_eq!((codes.len(), heard.len()), (1_600, 6_400));
}

/// Half a second of 440 Hz as libopus coded it, in packets of 10, 20, 40 and 60 ms.
#[test]
fn opus_of_others_is_heard_whatever_its_packet_time() {
    let files: [(usize, &[u8]); 4] = [
        (10, include_bytes!("reference/opus-10.opus")),
        (20, include_bytes!("reference/opus-20.opus")),
        (40, include_bytes!("reference/opus-40.opus")),
        (60, include_bytes!("reference/opus-60.opus")),
    ];
    for (ms, file) in files {
        for rate in [8_000, 16_000, 48_000] {
            let mut decoder = Decoder::new(Format::Opus, rate).unwrap();
            let mut heard = Vec::new();
            let mut reader = OggOpusReader::new(Cursor::new(file)).unwrap();
            for packet in reader.packets() {
                let before = heard.len();
                decoder.decode(&packet.unwrap().data, &mut heard).unwrap();
                assert_eq!(heard.len() - before, rate as usize / 1000 * ms);
            }
            let heard = &heard[heard.len() / 4..heard.len() * 3 / 4];
            assert_eq!(pitch(heard, rate, 400..480), 440);
            let clear = above_the_rest(heard, rate, 440.0);
            assert!(clear > 20.0, "{ms} ms at {rate} Hz: {clear} dB");
        }
    }
}

#[test]
fn a_loss_is_filled_softly() {
    for format in [Format::Pcmu, Format::Pcma, Format::G722] {
        let rate = format.rate();
        let payloads = coded(format, rate, &sine(rate, 400.0, 8_000.0, rate as usize / 10));
        let mut decoder = Decoder::new(format, rate).unwrap();
        let mut heard = Vec::new();
        payloads.iter().for_each(|payload| decoder.decode(payload, &mut heard).unwrap());
        let heights: Vec<f64> = (0..5)
            .map(|_| {
                heard.clear();
                decoder.conceal(&mut heard);
                assert_eq!(heard.len(), frame(rate));
                rms(&heard)
            })
            .collect();
        assert!(heights[0] > 4_000.0 && heights[1] < heights[0] && heights[2] < heights[1], "{heights:?}");
        assert!(heights[3] == 0.0 && heights[4] == 0.0, "{heights:?}");
        decoder.decode(&payloads[4], &mut heard).unwrap();
        heard.clear();
        decoder.conceal(&mut heard);
        assert!(rms(&heard) > 4_000.0, "the next loss is filled again");
    }
}

#[test]
fn what_opus_says_twice_is_only_said_where_loss_is_expected() {
    let sound = mix(&sine(16_000, 200.0, 6_000.0, 16_000), &noise(5, 900.0, 16_000));
    let bytes = |percent: u8| {
        let mut encoder = Encoder::new(Format::Opus, 16_000).unwrap();
        encoder.expect_loss(percent);
        let Coder::Opus(opus) = &encoder.coder else { panic!("it is Opus") };
        assert_eq!((opus.use_inband_fec, opus.packet_loss_perc), (percent > 0, i32::from(percent)));
        let mut payload = [0; LONGEST_PAYLOAD];
        sound.chunks_exact(320).map(|frame| encoder.encode(frame, &mut payload).unwrap()).sum::<usize>()
    };
    assert_ne!(bytes(0), bytes(20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_or_refused(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8)) {
        for (format, rate, _) in ALL {
            let mut decoder = Decoder::new(format, rate).unwrap();
            let mut heard = Vec::new();
            for payload in &payloads {
                let before = heard.len();
                let is_read = decoder.decode(payload, &mut heard).is_ok();
                prop_assert!(is_read || heard.len() == before);
                prop_assert!(heard.len() - before <= (rate / 1000 * LONGEST_MS) as usize);
                decoder.conceal(&mut heard);
            }
        }
    }
}
