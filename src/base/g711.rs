//! G.711: a sample of 16 bits as a byte of 8, by A-law and by mu-law (ITU-T G.711 tables 1 and 2).

/// Samples in a second.
pub const RATE: u32 = 8_000;

/// Which of the two codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// A-law (PCMA).
    A,
    /// Mu-law (PCMU).
    Mu,
}

impl Law {
    /// The code of a sample.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Law::A => encode_a(sample),
            Law::Mu => encode_mu(sample),
        }
    }

    /// The sample of a code.
    #[must_use]
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Law::A => decode_a(code),
            Law::Mu => decode_mu(code),
        }
    }
}

/// A sign, one of eight segments, four bits within it.
fn encode_a(sample: i16) -> u8 {
    let (mask, magnitude) = if sample < 0 { (0x55, !sample >> 3) } else { (0xd5, sample >> 3) };
    let magnitude = magnitude.unsigned_abs();
    let segment = 16 - (magnitude >> 5).leading_zeros();
    let within = (magnitude >> segment.max(1)) & 0x0f;
    let code = segment << 4 | u32::from(within);
    u8::try_from(code).expect("a segment has three bits") ^ mask
}

fn decode_a(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code & 0x70) >> 4;
    let within = i16::from(code & 0x0f) << 4;
    let magnitude = match segment {
        0 => within + 0x08,
        segment => (within + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// What is added to a magnitude, so that each segment begins at a power of two.
const BIAS: u16 = 0x84;
/// The largest magnitude that mu-law knows.
const CLIP: u16 = 32_635;

fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(CLIP) + BIAS;
    let segment = 8 - (magnitude >> 7).leading_zeros().saturating_sub(8);
    let within = (magnitude >> (segment + 2)) & 0x0f;
    let code = (segment - 1) << 4 | u32::from(within);
    !(u8::try_from(code).expect("a segment has three bits") | sign)
}

fn decode_mu(code: u8) -> i16 {
    let code = !code;
    let segment = (code & 0x70) >> 4;
    let magnitude = ((u16::from(code & 0x0f) << 3) + BIAS) << segment;
    let magnitude = i16::try_from(magnitude - BIAS).expect("mu-law ends at 32,124");
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_g_711() {
        let rows = [
            (0, 0xd5, 0xff),
            (-1, 0x55, 0x7f),
            (8, 0xd5, 0xfe),
            (16, 0xd4, 0xfd),
            (-17, 0x54, 0x7d),
            (1_000, 0xfa, 0xce),
            (-1_000, 0x7a, 0x4e),
            (32_767, 0xaa, 0x80),
            (-32_768, 0x2a, 0x00),
        ];
        for (sample, a, mu) in rows {
            assert_eq!((Law::A.encode(sample), Law::Mu.encode(sample)), (a, mu), "{sample}");
        }
        assert_eq!((Law::Mu.decode(0x80), Law::Mu.decode(0x00), Law::Mu.decode(0xff)), (32_124, -32_124, 0));
    }

    #[test]
    fn a_code_stands_for_the_sample_next_to_it() {
        for law in [Law::A, Law::Mu] {
            for code in 0..=255 {
                let again = law.encode(law.decode(code));
                assert!(again == code || (law, code) == (Law::Mu, 0x7f), "{law:?} {code:#x}: the two zeros");
            }
            for sample in i16::MIN..=i16::MAX {
                let error = (i32::from(law.decode(law.encode(sample))) - i32::from(sample)).abs();
                assert!(error <= 8.max(i32::from(sample).abs() / 16), "{law:?}: {sample} is off by {error}");
            }
        }
    }
}
