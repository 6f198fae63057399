//! Contact (RFC 3261 section 20.10).

use bytestring::ByteString;

use super::address::Address;
use super::fault::Fault;
use super::name::Name;
use super::token::seconds;

/// One value of a Contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// `*`: all contacts, in a REGISTER that removes them (RFC 3261 section 10.2.2).
    Star,
    /// An address to be reached at.
    At {
        /// The address.
        address: Address,
        /// The preference in thousandths, from 0 to 1000.
        q: Option<u16>,
        /// How long the contact is to be kept, in seconds. A value that is no number counts as 3600 (RFC 3261
        /// section 10.2.1.1), one that is too large as the largest.
        expires: Option<u32>,
    },
}

impl Contact {
    pub(super) fn read(text: ByteString) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Star);
        }
        let address = Address::read(text).map_err(|_| Fault::Header(Name::Contact))?;
        let q = address.param("q").flatten().and_then(thousandths);
        let expires = address.param("expires").flatten().map(|value| seconds(value).unwrap_or(3600));
        Ok(Self::At { address, q, expires })
    }

    /// The address, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::At { address, .. } => Some(address),
            Self::Star => None,
        }
    }
}

/// Reads a qvalue: `0` or `1`, with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1")
        || decimals.len() > 3
        || !decimals.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let value: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (value <= 1000).then_some(value)
}
