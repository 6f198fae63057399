//! G.722 at 64 kbit/s: two bands of ADPCM, 6 bits for the lower and 2 for the upper (ITU-T G.722). The names of the
//! standard's blocks stand beside what does them.

/// Samples in a second.
pub(super) const RATE: u32 = 16_000;

/// The receive and transmit filters (table 11), one half; the other is its mirror.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Where the 6 bits of the lower band change (table 14: Q6).
const DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// What 4 and 6 bits of the lower band, and the 2 of the upper, stand for (QM4, QM6, QM2).
const LOWER_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const LOWER_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
const UPPER: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How a code moves the logarithm of the scale (WL by RL42, WH by RH2).
const LOWER_MOVES: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
const UPPER_MOVES: [i32; 4] = [798, -214, 798, -214];
/// Powers of two between 1 and 2 (ILB).
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// A value in the range of 16 bits.
fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

fn same_sign(one: i32, other: i32) -> bool {
    (one < 0) == (other < 0)
}

/// One band's scale and predictor, the same on both ends of a line.
#[derive(Debug, Clone)]
struct Band {
    /// The scale of the quantizer, and its logarithm (DET, NB).
    scale: i32,
    log: i32,
    /// The next sample as it is predicted, and the part of it from the zeros (S, SZ).
    predicted: i32,
    by_zeros: i32,
    /// The last two signals: rebuilt, and rebuilt from the zeros alone (R, P).
    rebuilt: [i32; 2],
    partial: [i32; 2],
    /// The last six differences (D).
    differences: [i32; 6],
    poles: [i32; 2],
    zeros: [i32; 6],
}

impl Band {
    fn new(scale: i32) -> Self {
        Self {
            scale,
            log: 0,
            predicted: 0,
            by_zeros: 0,
            rebuilt: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            poles: [0; 2],
            zeros: [0; 6],
        }
    }

    /// A code's share of the scale as a difference (INVQAL, INVQBL, INVQAH).
    fn difference(&self, share: i32) -> i32 {
        (self.scale * share) >> 15
    }

    /// What is to be coded, and its magnitude (SUBTRA, SUBTRB).
    fn error(&self, sample: i32) -> (bool, i32) {
        let error = saturate(sample - self.predicted);
        (error < 0, if error < 0 { -(error + 1) } else { error })
    }

    /// The scale after a code (LOGSCL and SCALEL, LOGSCH and SCALEH).
    fn rescale(&mut self, movement: i32, largest: i32, shift: i32) {
        self.log = (((self.log * 127) >> 7) + movement).clamp(0, largest);
        let power = POWERS[(self.log >> 6 & 31) as usize];
        let down = shift - (self.log >> 11);
        self.scale = (if down < 0 { power << -down } else { power >> down }) << 2;
    }

    /// The predictor after a difference (block 4).
    fn adapt(&mut self, difference: i32) {
        let rebuilt = saturate(self.predicted + difference);
        let partial = saturate(self.by_zeros + difference);
        self.adapt_poles(partial);
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, old) in self.zeros.iter_mut().zip(self.differences) {
            let towards = if same_sign(old, difference) { step } else { -step };
            *zero = saturate(towards + ((*zero * 32_640) >> 15));
        }
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.rebuilt = [rebuilt, self.rebuilt[0]];
        self.partial = [partial, self.partial[0]];
        let filter = |taps: &[i32], past: &[i32]| {
            let sum: i32 = taps.iter().zip(past).map(|(tap, past)| (tap * saturate(past * 2)) >> 15).sum();
            saturate(sum)
        };
        self.by_zeros = filter(&self.zeros, &self.differences);
        self.predicted = saturate(filter(&self.poles, &self.rebuilt) + self.by_zeros);
    }

    /// UPPOL1 and UPPOL2.
    fn adapt_poles(&mut self, partial: i32) {
        let is_same = same_sign(partial, self.partial[0]);
        let first = saturate(self.poles[0] * 4);
        let moved = if is_same { -first } else { first }.min(32_767) >> 7;
        let turn = if same_sign(partial, self.partial[1]) { 128 } else { -128 };
        let second = (moved + turn + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let first = saturate(if is_same { 192 } else { -192 } + ((self.poles[0] * 32_640) >> 15));
        let limit = saturate(15_360 - second);
        self.poles = [first.clamp(-limit, limit), second];
    }
}

/// Both bands, and the samples that the filter between them and the sound still needs.
#[derive(Debug, Clone)]
struct Bands {
    lower: Band,
    upper: Band,
    past: [i32; 24],
}

impl Bands {
    fn new() -> Self {
        Self { lower: Band::new(32), upper: Band::new(8), past: [0; 24] }
    }

    /// Two more samples through the filter.
    fn filter(&mut self, pair: [i32; 2]) -> (i32, i32) {
        self.past.copy_within(2.., 0);
        self.past[22..].copy_from_slice(&pair);
        let (mut odd, mut even) = (0, 0);
        for (at, samples) in self.past.chunks_exact(2).enumerate() {
            odd += samples[0] * QMF[at];
            even += samples[1] * QMF[11 - at];
        }
        (odd, even)
    }

    fn adapt(&mut self, lower: usize, upper: usize) {
        let difference = self.lower.difference(LOWER_4[lower >> 2]);
        self.lower.rescale(LOWER_MOVES[lower >> 2], 18_432, 8);
        self.lower.adapt(difference);
        let difference = self.upper.difference(UPPER[upper]);
        self.upper.rescale(UPPER_MOVES[upper], 22_528, 10);
        self.upper.adapt(difference);
    }
}

/// Samples to codes.
#[derive(Debug, Clone)]
pub(super) struct Encoder(Bands);

impl Encoder {
    pub(super) fn new() -> Self {
        Self(Bands::new())
    }

    /// The code of two samples.
    pub(super) fn encode(&mut self, pair: [i16; 2]) -> u8 {
        let bands = &mut self.0;
        let (odd, even) = bands.filter(pair.map(i32::from));
        let lower = code_lower(&bands.lower, (even + odd) >> 14);
        let upper = code_upper(&bands.upper, (even - odd) >> 14);
        bands.adapt(lower, upper);
        u8::try_from(upper << 6 | lower).expect("2 bits and 6")
    }
}

/// QUANTL.
fn code_lower(band: &Band, sample: i32) -> usize {
    let (is_negative, magnitude) = band.error(sample);
    let step = DECISIONS.iter().take_while(|decision| magnitude >= (**decision * band.scale) >> 12).count();
    match step {
        _ if !is_negative => 61 - step,
        0 | 1 => 63 - step,
        step => 33 - step,
    }
}

/// QUANTH.
fn code_upper(band: &Band, sample: i32) -> usize {
    let (is_negative, magnitude) = band.error(sample);
    let is_small = magnitude < (564 * band.scale) >> 12;
    usize::from(is_small) | usize::from(!is_negative) << 1
}

/// Codes to samples.
#[derive(Debug, Clone)]
pub(super) struct Decoder(Bands);

impl Decoder {
    pub(super) fn new() -> Self {
        Self(Bands::new())
    }

    /// The two samples of a code.
    pub(super) fn decode(&mut self, code: u8) -> [i16; 2] {
        let bands = &mut self.0;
        let (lower, upper) = (usize::from(code & 63), usize::from(code >> 6));
        let limit = |sample: i32| sample.clamp(-16_384, 16_383);
        let low = limit(bands.lower.predicted + bands.lower.difference(LOWER_6[lower]));
        let high = limit(bands.upper.predicted + bands.upper.difference(UPPER[upper]));
        bands.adapt(lower, upper);
        let (odd, even) = bands.filter([low + high, low - high]);
        [even, odd].map(|sum| i16::try_from(saturate(sum >> 11)).expect("it is saturated"))
    }
}
