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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Contact, Fault> {
        Contact::read(ByteString::from(text))
    }

    #[test]
    fn preference_and_expiry_are_read() {
        let Contact::At { address, q, expires } = read("<sip:a@b>;q=0.33;expires=3600").unwrap() else {
            panic!()
        };
        assert_eq!((address.uri().as_str(), q, expires), ("sip:a@b", Some(330), Some(3600)));
        assert_eq!(read("*"), Ok(Contact::Star));
        assert!(Contact::Star.address().is_none());
    }

    #[test]
    fn odd_values_are_bounded() {
        let expires = |text| match read(text) {
            Ok(Contact::At { expires, .. }) => expires,
            _ => panic!("{text} is a contact"),
        };
        assert_eq!(expires("<sip:a@b>;expires=280297596632815"), Some(u32::MAX));
        assert_eq!(expires("<sip:a@b>;expires=\"Fri\""), Some(3600));
        assert_eq!(expires("<sip:a@b>"), None);
        for (text, q) in
            [("1", Some(1000)), ("1.000", Some(1000)), ("0", Some(0)), ("0.", Some(0)), ("0.5", Some(500))]
        {
            assert_eq!(thousandths(text), q);
        }
        for text in ["1.001", "2", "0.0001", "-1", "0.x", ".5"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }

    #[test]
    fn headers_of_a_bare_uri_are_refused() {
        assert_eq!(read("sip:user@example.com?Route=%3Csip:x%3E"), Err(Fault::Header(Name::Contact)));
        assert!(read("<sip:user@example.com?Route=%3Csip:x%3E>").is_ok());
    }
}
