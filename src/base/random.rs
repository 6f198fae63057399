//! The seam for randomness: the machines draw from a generator they are given, so that a run can be replayed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A cryptographically strong generator, seeded once by the edge (or by a test with a constant).
#[derive(Debug)]
pub struct Random(StdRng);

/// 32 characters that are a token in SIP and harmless in a URI, a file name or SDP.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Random {
    /// A generator that gives the same sequence for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }

    /// A generator seeded from a number, for tests.
    #[must_use]
    pub fn from_number(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A second generator, independent of this one, for another owner.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// Fills the buffer with random bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }

    /// A random 32-bit number.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A random 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// `length` random characters of five bits each.
    pub fn token(&mut self, length: usize) -> String {
        let mut bytes = [0; 64];
        let bytes = &mut bytes[..length.min(64)];
        self.0.fill_bytes(bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
    }
}
