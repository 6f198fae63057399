//! The tones that a telephone network plays, by country (ITU-T E.180 supplement 2).

/// One tone: what sounds, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTone {
    /// The frequencies that sound together, in Hz; 0 for none.
    pub hertz: [u16; 2],
    /// How long it sounds and rests, by turns, in ms; then it begins again.
    pub cadence: [u16; 4],
}

/// The tones of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTones {
    /// Heard while the other party's telephone rings.
    pub ringback: CallTone,
    /// Heard where the other party can't be had.
    pub busy: CallTone,
}

const fn once(low: u16, high: u16, on: u16, off: u16) -> CallTone {
    CallTone { hertz: [low, high], cadence: [on, off, 0, 0] }
}

/// Two short rings and a pause.
const fn double(low: u16, high: u16) -> CallTone {
    CallTone { hertz: [low, high], cadence: [400, 200, 400, 2_000] }
}

/// What E.180 recommends, and most countries have.
const COMMON: CallTones = CallTones { ringback: once(425, 0, 1_000, 4_000), busy: once(425, 0, 500, 500) };

const NORTH_AMERICA: CallTones =
    CallTones { ringback: once(440, 480, 2_000, 4_000), busy: once(480, 620, 500, 500) };

impl CallTones {
    /// The tones of a country by its ISO 3166 code; those of most countries where it has none of its own here.
    #[must_use]
    pub fn of(country: &str) -> Self {
        match country {
            "US" | "CA" => NORTH_AMERICA,
            "GB" => Self { ringback: double(400, 450), busy: once(400, 0, 375, 375) },
            "IE" => Self { ringback: double(400, 450), busy: once(425, 0, 500, 500) },
            "IN" => Self { ringback: double(400, 0), busy: once(400, 0, 750, 750) },
            "AU" => Self { ringback: double(400, 450), busy: once(425, 0, 375, 375) },
            "NZ" => Self { ringback: double(400, 450), busy: once(400, 0, 500, 500) },
            "SG" => Self { ringback: double(425, 0), busy: once(425, 0, 750, 750) },
            "JP" => Self { ringback: once(400, 0, 1_000, 2_000), busy: once(400, 0, 500, 500) },
            "CN" => Self { ringback: once(450, 0, 1_000, 4_000), busy: once(450, 0, 350, 350) },
            "FR" => Self { ringback: once(440, 0, 1_500, 3_500), busy: once(440, 0, 500, 500) },
            "ES" => Self { ringback: once(425, 0, 1_500, 3_000), busy: once(425, 0, 200, 200) },
            "DE" => Self { busy: once(425, 0, 480, 480), ..COMMON },
            "BR" => Self { busy: once(425, 0, 250, 250), ..COMMON },
            _ => COMMON,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_its_own_tones_or_the_common_ones() {
        assert_eq!(CallTones::of("US").ringback.hertz, [440, 480]);
        assert_eq!(CallTones::of("IN").ringback.cadence, [400, 200, 400, 2_000]);
        assert_eq!(CallTones::of("AT"), COMMON);
    }
}
