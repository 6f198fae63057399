//! A moment of the wall clock, as it is stored and shown.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch. It prints, and stands in JSON, as RFC 3339 in UTC (`2026-11-22T08:15:30.250Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment: just before 22:00 UTC on 9999-12-30, up to which every offset can be written.
    pub const MAX: Self = Self(253_402_207_199_999);

    /// The moment so many milliseconds after the epoch.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(Self::MAX.0))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment so much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The moment so much earlier; the epoch at the earliest.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::default().after(since)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).expect("a timestamp is at most that of the year 9999");
        let time = jiff::Timestamp::from_millisecond(millis).expect("as above");
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampFault;

    fn from_str(text: &str) -> Result<Self, TimestampFault> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampFault)?;
        u64::try_from(time.as_millisecond()).map(Self::from_millis).map_err(|_| TimestampFault)
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a time from 1970 to 9999-12-30 as in 2026-11-22T08:15:30Z (RFC 3339)")]
pub struct TimestampFault;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_and_read_as_rfc_3339() {
        let time = Timestamp::from_millis(1_795_335_330_250);
        assert_eq!(time.to_string(), "2026-11-22T08:15:30.250Z");
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!("2026-11-22T13:45:30.250+05:30".parse(), Ok(time));
        assert_eq!(Timestamp::MAX.to_string().parse(), Ok(Timestamp::MAX));
        for wrong in ["", "yesterday", "1795335330", "1969-12-31T23:59:59Z", "2026-11-22"] {
            assert_eq!(wrong.parse::<Timestamp>(), Err(TimestampFault), "{wrong}");
        }
    }

    #[test]
    fn it_never_leaves_what_can_be_written() {
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(5).before(Duration::from_secs(1)), Timestamp::default());
    }
}
