//! The parameters of AMR and AMR-WB that may cross a masked call (RFC 4867 section 8).

use std::fmt;

use super::codec::parameters;

/// Payload format and allowed modes of an AMR or AMR-WB stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AmrParams {
    /// Octet-aligned rather than bandwidth-efficient payloads.
    pub octet_align: bool,
    /// The allowed modes, one bit each (bit 0 is mode 0); 0 means that all are allowed.
    pub mode_set: u16,
}

impl AmrParams {
    /// Reads the parameters; `None` where they ask for a payload format that we do not relay (CRC, robust
    /// sorting, interleaving, several channels) or for modes above `highest`.
    pub(super) fn parse(fmtp: &str, highest: u8) -> Option<Self> {
        let mut params = Self::default();
        for (key, value) in parameters(fmtp) {
            if key.eq_ignore_ascii_case("octet-align") {
                params.octet_align = flag(value)?;
            } else if key.eq_ignore_ascii_case("mode-set") {
                params.mode_set = modes(value, highest)?;
            } else if key.eq_ignore_ascii_case("crc") || key.eq_ignore_ascii_case("robust-sorting") {
                flag(value).filter(|on| !on)?;
            } else if key.eq_ignore_ascii_case("interleaving") {
                return None;
            }
        }
        Some(params)
    }

    /// Whether a stream with these parameters can be read as one with the others: the same payload format, and
    /// the same modes unless one of the two allows all.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.octet_align == other.octet_align
            && (self.mode_set == other.mode_set || self.mode_set == 0 || other.mode_set == 0)
    }
}

impl fmt::Display for AmrParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.octet_align {
            f.write_str("octet-align=1")?;
            separator = ";";
        }
        if self.mode_set != 0 {
            write!(f, "{separator}mode-set=")?;
            separator = "";
            for mode in (0..16).filter(|mode| self.mode_set & (1 << mode) != 0) {
                write!(f, "{separator}{mode}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn modes(value: &str, highest: u8) -> Option<u16> {
    value.split(',').try_fold(0, |set, mode| {
        let mode: u8 = mode.trim().parse().ok()?;
        (mode <= highest).then(|| set | 1 << mode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_may_cross_and_drops_the_rest() {
        let params = AmrParams::parse("mode-set=0, 2,7; Octet-Align=1;max-red=0;x=+4930", 7).unwrap();
        assert_eq!(params, AmrParams { octet_align: true, mode_set: 0b1000_0101 });
        assert_eq!(params.to_string(), "octet-align=1;mode-set=0,2,7");
        assert_eq!(AmrParams::parse("", 7), Some(AmrParams::default()));
        assert_eq!(AmrParams::default().to_string(), "");
    }

    #[test]
    fn refuses_payload_formats_that_are_not_relayed() {
        for fmtp in
            ["crc=1", "robust-sorting=1", "interleaving=30", "mode-set=8", "mode-set=", "octet-align=2"]
        {
            assert_eq!(AmrParams::parse(fmtp, 7), None, "{fmtp}");
        }
        assert_eq!(AmrParams::parse("mode-set=8", 8).map(|params| params.mode_set), Some(256));
        assert!(AmrParams::parse("crc=0;robust-sorting=0", 7).is_some());
    }

    #[test]
    fn matches_by_payload_format_and_modes() {
        let all = AmrParams::default();
        let some = AmrParams { mode_set: 0x81, ..all };
        assert!(all.matches(&some) && some.matches(&all) && some.matches(&some));
        assert!(!some.matches(&AmrParams { mode_set: 1, ..all }));
        assert!(!all.matches(&AmrParams { octet_align: true, ..all }));
    }
}
