//! Numbers written whole: in the declared fields of records and rows, which are the operator's own data.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::base::PhoneNumber;

/// Writes the whole number.
pub(super) fn serialize<S: Serializer>(number: &PhoneNumber, serializer: S) -> Result<S::Ok, S::Error> {
    number.reveal().serialize(serializer)
}

/// Reads a whole number.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PhoneNumber, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

/// The same for a number that may be unknown: null.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Error, PhoneNumber, Serialize, Serializer};

    /// Writes the whole number, or null.
    pub(in super::super) fn serialize<S: Serializer>(
        number: &Option<PhoneNumber>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        number.map(PhoneNumber::reveal).serialize(serializer)
    }

    /// Reads a whole number, or null.
    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PhoneNumber>, D::Error> {
        let text = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
