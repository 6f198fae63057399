//! The payload of a telephone event (RFC 4733 section 2.3): four bytes.

/// Length of the payload of one event.
pub const LENGTH: usize = 4;

/// The volume that our events carry: -10 dBm0, whatever the key pressed on the other side sounded like.
const VOLUME: u8 = 10;

/// One report on a tone: what it is and how long it has lasted since the packet's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tone {
    /// The event code: 0 to 15 are the digits.
    pub event: u8,
    /// Whether the tone has ended.
    pub end: bool,
    /// How long it has lasted, in ticks of the payload type's clock.
    pub duration: u16,
}

impl Tone {
    /// Reads a payload; `None` where it is too short. The reserved bit and the volume are not looked at.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low, ..] = *payload else { return None };
        Some(Self { event, end: flags & 0x80 != 0, duration: u16::from_be_bytes([high, low]) })
    }

    /// The same tone with its duration counted `to` another clock in Hz.
    #[must_use]
    pub fn on_clock(self, from: u32, to: u32) -> Self {
        let duration = u64::from(self.duration) * u64::from(to) / u64::from(from.max(1));
        Self { duration: u16::try_from(duration).unwrap_or(u16::MAX), ..self }
    }

    /// The payload, with the reserved bit clear and a volume of our own.
    #[must_use]
    pub fn bytes(&self) -> [u8; LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | VOLUME, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bit_and_volume_do_not_pass() {
        let tone = Tone::read(&[11, 0b1111_1111, 0x03, 0x20]).unwrap();
        assert_eq!(tone, Tone { event: 11, end: true, duration: 800 });
        assert_eq!(tone.bytes(), [11, 0x8a, 0x03, 0x20]);
    }

    #[test]
    fn durations_change_clocks() {
        let tone = Tone { event: 1, end: false, duration: 800 };
        assert_eq!(tone.on_clock(8000, 48000).duration, 4800);
        assert_eq!(tone.on_clock(48000, 8000).duration, 133);
        assert_eq!(Tone { duration: 40_000, ..tone }.on_clock(8000, 48000).duration, u16::MAX);
    }

    #[test]
    fn needs_four_bytes() {
        assert_eq!(Tone::read(&[1, 2, 3]), None);
        assert!(Tone::read(&[1, 2, 3, 4, 5]).is_some(), "more than one event: the first is read");
    }
}
