//! Tones: a file that holds one, and whether a recording does.

use std::f64::consts::TAU;
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// Samples per second, as G.711 has them.
const RATE: u32 = 8000;
/// How a recording grows: samples of two bytes.
pub(crate) const BYTES_PER_SECOND: u64 = 16_000;

/// Writes a WAV file with `seconds` of a sine of `frequency` Hz.
pub(crate) fn write(path: &Path, frequency: f64, seconds: u32) {
    let spec =
        WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = WavWriter::create(path, spec).expect("the temporary folder can be written");
    for sample in 0..RATE * seconds {
        let level = (TAU * frequency * f64::from(sample) / f64::from(RATE)).sin();
        #[expect(clippy::cast_possible_truncation, reason = "within 12,000 of 0")]
        file.write_sample((level * 12_000.0) as i16).expect("the temporary folder can be written");
    }
    file.finalize().expect("the temporary folder can be written");
}

/// The samples of a recording at 8 kHz; empty while its header is not written.
pub(crate) fn read(path: &Path) -> Vec<f64> {
    let Ok(file) = WavReader::open(path) else { return Vec::new() };
    assert_eq!((file.spec().sample_rate, file.spec().channels), (RATE, 1), "{}", path.display());
    file.into_samples::<i16>().map_while(Result::ok).map(f64::from).collect()
}

/// How many tenths of a second are filled with this tone: loud, and nine tenths of their power at its frequency.
pub(crate) fn tenths_with(samples: &[f64], frequency: f64) -> usize {
    let window = RATE as usize / 10;
    samples.chunks_exact(window).filter(|chunk| share_of(chunk, frequency) > 0.9).count()
}

/// How many tenths of a second are anything but nearly silent, before this tone sets in.
pub(crate) fn tenths_before(samples: &[f64], frequency: f64) -> usize {
    let window = RATE as usize / 10;
    let before = samples.chunks_exact(window).take_while(|chunk| share_of(chunk, frequency) <= 0.9);
    before.filter(|chunk| !is_nearly_silent(chunk)).count()
}

fn power_of(chunk: &[f64]) -> f64 {
    chunk.iter().map(|sample| sample * sample).sum()
}

fn is_nearly_silent(chunk: &[f64]) -> bool {
    let length = f64::from(u32::try_from(chunk.len()).expect("a tenth of a second is short"));
    power_of(chunk) / length < 200.0 * 200.0
}

/// Goertzel's algorithm: the share of the power that lies at a frequency; 0 for what is nearly silent.
fn share_of(chunk: &[f64], frequency: f64) -> f64 {
    if is_nearly_silent(chunk) {
        return 0.0;
    }
    let (power, length) = (power_of(chunk), f64::from(u32::try_from(chunk.len()).expect("it is short")));
    let step = 2.0 * (TAU * frequency / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in chunk {
        (last, before) = (sample + step * last - before, last);
    }
    let at_frequency = last * last + before * before - step * last * before;
    2.0 * at_frequency / (length * power)
}
