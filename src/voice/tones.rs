//! Keys that a party presses, and tones that are sent.

use std::fmt;
use std::time::Duration;

/// A key of a telephone: `0` to `9`, `*` or `#`. It prints as `***`: it may be one of a PIN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(u8);

impl Key {
    /// The key of that sign.
    #[must_use]
    pub fn read(sign: char) -> Option<Self> {
        matches!(sign, '0'..='9' | '*' | '#').then_some(Self(sign as u8))
    }

    /// Its sign.
    #[must_use]
    pub fn sign(self) -> char {
        char::from(self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A set of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keys(u16);

impl Keys {
    /// Every key.
    pub const ALL: Self = Self(0x0fff);
    /// No key.
    pub const NONE: Self = Self(0);

    /// The keys whose signs stand in a text. None where anything else stands in it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.chars().try_fold(Self::NONE, |keys, sign| Some(Self(keys.0 | Self::bit(Key::read(sign)?))))
    }

    /// Whether a key is among them.
    #[must_use]
    pub fn has(self, key: Key) -> bool {
        self.0 & Self::bit(key) != 0
    }

    fn bit(key: Key) -> u16 {
        let index = match key.0 {
            b'*' => 10,
            b'#' => 11,
            digit => digit - b'0',
        };
        1 << index
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs: String =
            "0123456789*#".chars().filter(|sign| Key::read(*sign).is_some_and(|key| self.has(key))).collect();
        write!(f, "{signs:?}")
    }
}

/// What is sent one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A key's tone.
    Tone(Key),
    /// Silence.
    Pause(Duration),
}

/// Tones and pauses. Printing them shows none: they may be a PIN or somebody's extension.
#[derive(Clone, PartialEq, Eq)]
pub struct Tones(Box<[u8]>);

impl Tones {
    /// Reads 1 to 200 signs: keys, `w` for half a second and `W` for a second of silence.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_fit = |sign: char| matches!(sign, 'w' | 'W') || Key::read(sign).is_some();
        ((1..=200).contains(&text.len()) && text.chars().all(is_fit)).then(|| Self(text.as_bytes().into()))
    }

    /// What is sent, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.0.iter().map(|sign| match sign {
            b'w' => Step::Pause(Duration::from_millis(500)),
            b'W' => Step::Pause(Duration::from_secs(1)),
            key => Step::Tone(Key(*key)),
        })
    }
}

impl fmt::Debug for Tones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_twelve() {
        let keys = Keys::read("19#").unwrap();
        assert_eq!(format!("{keys:?} {:?} {:?}", Keys::ALL, Keys::NONE), r##""19#" "0123456789*#" """##);
        assert!(keys.has(Key::read('#').unwrap()) && !keys.has(Key::read('*').unwrap()));
        assert_eq!((Keys::read("1a"), Key::read('A')), (None, None));
        assert_eq!(Keys::read("1234567890*#"), Some(Keys::ALL));
    }

    #[test]
    fn tones_are_keys_and_pauses() {
        let tones = Tones::read("1wW#").unwrap();
        let (half, whole) = (Duration::from_millis(500), Duration::from_secs(1));
        let key = |sign| Step::Tone(Key::read(sign).unwrap());
        let steps: Vec<Step> = tones.steps().collect();
        assert_eq!(steps, [key('1'), Step::Pause(half), Step::Pause(whole), key('#')]);
        assert_eq!(format!("{tones:?}"), "***");
        assert!(
            Tones::read("").is_none()
                && Tones::read("1,2").is_none()
                && Tones::read(&"1".repeat(201)).is_none()
        );
    }
}
