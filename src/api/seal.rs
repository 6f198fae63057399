//! Numbers sealed into texts: cursors that tell nothing of the number they stand for, and that nobody else can make.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use utoipa::openapi::schema::ObjectBuilder;

use super::values::{Meaning, Text};
use crate::base::{PhoneNumber, Random};

/// Bytes of the mark that proves a sealed number.
const MARK: usize = 16;
/// Bytes of a sealed number: its mark, and the number under a mask.
const SEALED: usize = MARK + 8;

/// The key, which lives as long as the process.
pub(super) struct Seal([u8; 32]);

/// A number under seal: as good as random bytes to whoever has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed([u8; SEALED]);

/// Such a one, in a request.
pub(super) type SealedText = Text<Sealed>;

impl Seal {
    /// A fresh one.
    pub(super) fn new(random: &mut Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self(key)
    }

    /// Seals a number: its mark is a keyed hash of it, its mask one of the mark (as in the SIV mode of RFC 5297).
    pub(super) fn seal(&self, number: PhoneNumber) -> Sealed {
        let number = number.as_u64().to_be_bytes();
        let hash = self.hash(b"mark", &number);
        let (mark, mut sealed) = (&hash[..MARK], [0; SEALED]);
        sealed[..MARK].copy_from_slice(mark);
        sealed[MARK..].copy_from_slice(&self.masked(mark, number));
        Sealed(sealed)
    }

    /// The number under a seal; none where the seal is not this one.
    pub(super) fn open(&self, sealed: &Sealed) -> Option<PhoneNumber> {
        let (mark, hidden) = sealed.0.split_at(MARK);
        let number = self.masked(mark, hidden.try_into().ok()?);
        let number = PhoneNumber::from_digits(&u64::from_be_bytes(number).to_string()).ok()?;
        bool::from(self.seal(number).0.ct_eq(&sealed.0)).then_some(number)
    }

    /// Puts the mask on, or takes it off.
    fn masked(&self, mark: &[u8], mut number: [u8; 8]) -> [u8; 8] {
        let mask = self.hash(b"mask", mark);
        number.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        number
    }

    fn hash(&self, purpose: &[u8], of: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose);
        mac.update(of);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Meaning for Sealed {
    const NAME: &'static str = "NumberCursor";
    const WRITE: &'static str = "the `next` of the page before";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let wrong = || "is no cursor: write the `next` of the page before, as it was".into();
        bytes.map(Self).ok_or_else(wrong)
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some(
                "The `next` of the page before, as it was; good until the service is started again.",
            ))
            .pattern(Some("^[A-Za-z0-9_-]{32}$"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_seal_opens_and_only_what_it_sealed() {
        let seal = Seal::new(&mut Random::from_number(1));
        let number: PhoneNumber = "+918045550101".parse().unwrap();
        let sealed = Sealed::read(&seal.seal(number).to_string()).unwrap();
        assert_eq!(seal.open(&sealed), Some(number));
        assert_eq!(Seal::new(&mut Random::from_number(2)).open(&sealed), None);
        for at in 0..SEALED {
            let mut forged = sealed;
            forged.0[at] ^= 1;
            assert_eq!(seal.open(&forged), None, "byte {at}");
        }
        let next: PhoneNumber = "+918045550102".parse().unwrap();
        let shared = seal.seal(next).0.iter().zip(sealed.0).filter(|(a, b)| **a == *b).count();
        assert!(shared < 6, "neighbours have nothing in common, but for chance");
        for wrong in ["", "918045550101", "after-1", "918045550101918045550101918045550"] {
            assert!(Sealed::read(wrong).is_err(), "{wrong}");
        }
    }
}
