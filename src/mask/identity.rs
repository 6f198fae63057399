//! How a leg shows its caller ID.

use crate::base::settings::IdentityOut;
use crate::sip::Name;

/// The caller ID to show, as the leg's trunk wants it written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// The value of From, without a tag.
    pub from: Box<str>,
    /// The header field beside it (RFC 3325, or the older Remote-Party-ID), where the trunk wants one.
    pub header: Option<(Name, Box<str>)>,
}

impl Asserted {
    /// A masking number, already written in the trunk's format, at our own host.
    #[must_use]
    pub fn new(number: &str, host: &str, out: IdentityOut) -> Self {
        let from: Box<str> = format!("<sip:{number}@{host}>").into();
        let header = match out {
            IdentityOut::Pai => Some((Name::PAssertedIdentity, from.clone())),
            IdentityOut::Rpid => {
                let value = format!("{from};party=calling;screen=yes;privacy=off");
                Some((Name::RemotePartyId, value.into()))
            }
            IdentityOut::From => None,
        };
        Self { from, header }
    }
}
