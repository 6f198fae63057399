//! The tones that a telephone network plays, by country: those of ITU-T E.180 supplement 2, and where it lists several,
//! those that exchanges are usually set to. A tone that is modulated is here as the two frequencies that beat so.

/// One tone: what sounds, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTone {
    /// The frequencies that sound together, in Hz; 0 for none.
    pub hertz: [u16; 2],
    /// How long it sounds and rests, by turns, in ms; then it begins again.
    pub cadence: [u16; 6],
}

/// The tones of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTones {
    /// Heard while the other party's telephone rings.
    pub ringback: CallTone,
    /// Heard where the other party can't be had.
    pub busy: CallTone,
    /// Heard where the network can't bring the call to its end.
    pub congestion: CallTone,
}

/// A tone that sounds and rests.
const fn once(low: u16, high: u16, on: u16, off: u16) -> CallTone {
    CallTone { hertz: [low, high], cadence: [on, off, 0, 0, 0, 0] }
}

/// One that sounds and rests as long.
const fn even(hertz: u16, on: u16) -> CallTone {
    once(hertz, 0, on, on)
}

/// Two short rings and a pause.
const fn double(low: u16, high: u16) -> CallTone {
    CallTone { hertz: [low, high], cadence: [400, 200, 400, 2_000, 0, 0] }
}

/// One with two or three turns of its own.
const fn turns(hertz: u16, cadence: [u16; 6]) -> CallTone {
    CallTone { hertz: [hertz, 0], cadence }
}

const fn tones(ringback: CallTone, busy: CallTone, congestion: CallTone) -> CallTones {
    CallTones { ringback, busy, congestion }
}

/// What E.180 recommends to ring with, and most countries do.
const RING: CallTone = once(425, 0, 1_000, 4_000);
/// What most countries have.
const COMMON: CallTones = tones(RING, even(425, 500), even(425, 250));
const NORTH_AMERICA: CallTones =
    tones(once(440, 480, 2_000, 4_000), once(480, 620, 500, 500), once(480, 620, 250, 250));
const BRITISH_CONGESTION: CallTone = turns(400, [400, 350, 225, 525, 0, 0]);

impl CallTones {
    /// The tones of a country by its ISO 3166 code; those of most countries where it has none of its own here.
    #[must_use]
    pub fn of(country: &str) -> Self {
        match country {
            "US" | "CA" | "PR" => NORTH_AMERICA,
            "GB" => tones(double(400, 450), even(400, 375), BRITISH_CONGESTION),
            "IE" => tones(double(400, 450), even(425, 500), BRITISH_CONGESTION),
            "AE" => tones(double(400, 450), even(400, 375), BRITISH_CONGESTION),
            "IN" => tones(double(388, 413), even(400, 750), even(400, 250)),
            "AU" => tones(double(413, 438), even(425, 375), even(425, 375)),
            "NZ" => tones(double(400, 450), even(400, 500), even(400, 250)),
            "SG" => tones(double(413, 437), even(425, 750), even(425, 250)),
            "MY" => tones(double(425, 0), even(425, 500), even(425, 500)),
            "HK" => Self {
                ringback: CallTone { hertz: [440, 480], cadence: [400, 200, 400, 3_000, 0, 0] },
                ..NORTH_AMERICA
            },
            "TW" => Self { ringback: once(440, 480, 1_000, 2_000), ..NORTH_AMERICA },
            "PH" => Self { ringback: once(425, 480, 1_000, 4_000), ..NORTH_AMERICA },
            "ZA" => tones(double(383, 417), even(400, 500), even(400, 250)),
            "JP" => tones(once(392, 408, 1_000, 2_000), even(400, 500), even(400, 500)),
            "CN" => tones(once(450, 0, 1_000, 4_000), even(450, 350), even(450, 700)),
            "TH" => tones(once(400, 0, 1_000, 4_000), even(400, 500), even(400, 300)),
            "IL" => tones(once(400, 0, 1_000, 3_000), even(400, 500), even(400, 250)),
            "CL" => tones(once(400, 0, 1_000, 3_000), even(400, 500), even(400, 200)),
            "BR" => tones(RING, even(425, 250), turns(425, [250, 250, 750, 250, 0, 0])),
            "MX" => tones(RING, even(425, 250), even(425, 250)),
            "FR" => tones(once(440, 0, 1_500, 3_500), even(440, 500), even(440, 250)),
            "ES" => {
                tones(once(425, 0, 1_500, 3_000), even(425, 200), turns(425, [200, 200, 200, 200, 200, 600]))
            }
            "PT" => tones(once(425, 0, 1_000, 5_000), even(425, 500), even(425, 200)),
            "SE" => tones(once(425, 0, 1_000, 5_000), even(425, 250), once(425, 0, 250, 750)),
            "AT" => tones(once(420, 0, 1_000, 5_000), even(420, 400), even(420, 200)),
            "BE" => tones(once(425, 0, 1_000, 3_000), even(425, 500), even(425, 167)),
            "HU" => tones(once(425, 0, 1_250, 3_750), even(425, 300), even(425, 300)),
            "DE" => tones(RING, even(425, 480), even(425, 240)),
            "CZ" => tones(RING, even(425, 330), even(425, 165)),
            "RU" => tones(RING, even(425, 350), even(425, 175)),
            "LT" => tones(RING, even(425, 350), even(425, 200)),
            "PL" => tones(RING, even(425, 500), even(425, 500)),
            "IT" | "CH" | "DK" | "NO" => tones(RING, even(425, 500), even(425, 200)),
            "FI" | "EE" | "GR" => tones(RING, even(425, 300), even(425, 200)),
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
        assert_eq!(CallTones::of("IN").ringback.cadence[..4], [400, 200, 400, 2_000]);
        assert_eq!(CallTones::of("AT").busy, CallTone { hertz: [420, 0], cadence: [400, 400, 0, 0, 0, 0] });
        assert_eq!(CallTones::of("NL"), COMMON);
        assert_eq!(CallTones::of(""), COMMON);
    }

    #[test]
    fn every_tone_sounds_and_rests_as_e_180_allows() {
        for first in 'A'..='Z' {
            for second in 'A'..='Z' {
                let country = String::from_iter([first, second]);
                let CallTones { ringback, busy, congestion } = CallTones::of(&country);
                for tone in [ringback, busy, congestion] {
                    assert!((380..=480).contains(&tone.hertz[0]), "{country}: {tone:?}");
                    assert!(
                        tone.hertz[1] == 0 || (400..=620).contains(&tone.hertz[1]),
                        "{country}: {tone:?}"
                    );
                    let turns = tone.cadence.iter().take_while(|ms| **ms > 0).count();
                    assert!(turns > 0 && turns % 2 == 0, "{country}: a sound is followed by a rest");
                    assert!(tone.cadence[turns..].iter().all(|ms| *ms == 0), "{country}: {tone:?}");
                }
                let length = |tone: CallTone| tone.cadence.iter().sum::<u16>();
                assert!(length(ringback) >= 3_000 && length(busy) <= 1_500, "{country}");
                assert!(length(congestion) <= 1_600, "{country}");
            }
        }
    }
}
