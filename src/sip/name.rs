//! The names of header fields.

use std::fmt;

macro_rules! names {
    ($($variant:ident $text:literal $reference:literal,)*) => {
        /// The header fields that are known by name. Any other is reached with
        /// [`Head::header_named`](super::Head::header_named).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Name {
            $(
                #[doc = concat!("`", $text, "`, ", $reference, ".")]
                $variant,
            )*
        }

        impl Name {
            /// Every name, in the order of the enum.
            pub const ALL: &[Name] = &[$(Name::$variant,)*];

            /// The name as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$variant => $text,)*
                }
            }
        }
    };
}

names! {
    Accept "Accept" "RFC 3261 section 20.1",
    AcceptContact "Accept-Contact" "RFC 3841",
    AcceptEncoding "Accept-Encoding" "RFC 3261 section 20.2",
    AcceptLanguage "Accept-Language" "RFC 3261 section 20.3",
    AlertInfo "Alert-Info" "RFC 3261 section 20.4",
    Allow "Allow" "RFC 3261 section 20.5",
    AllowEvents "Allow-Events" "RFC 6665",
    AuthenticationInfo "Authentication-Info" "RFC 3261 section 20.6",
    Authorization "Authorization" "RFC 3261 section 20.7",
    CallId "Call-ID" "RFC 3261 section 20.8",
    CallInfo "Call-Info" "RFC 3261 section 20.9",
    Contact "Contact" "RFC 3261 section 20.10",
    ContentDisposition "Content-Disposition" "RFC 3261 section 20.11",
    ContentEncoding "Content-Encoding" "RFC 3261 section 20.12",
    ContentLanguage "Content-Language" "RFC 3261 section 20.13",
    ContentLength "Content-Length" "RFC 3261 section 20.14",
    ContentType "Content-Type" "RFC 3261 section 20.15",
    CSeq "CSeq" "RFC 3261 section 20.16",
    Date "Date" "RFC 3261 section 20.17",
    Diversion "Diversion" "RFC 5806",
    ErrorInfo "Error-Info" "RFC 3261 section 20.18",
    Event "Event" "RFC 6665",
    Expires "Expires" "RFC 3261 section 20.19",
    From "From" "RFC 3261 section 20.20",
    HistoryInfo "History-Info" "RFC 7044",
    Identity "Identity" "RFC 8224",
    IdentityInfo "Identity-Info" "RFC 4474",
    InfoPackage "Info-Package" "RFC 6086",
    InReplyTo "In-Reply-To" "RFC 3261 section 20.21",
    Join "Join" "RFC 3911",
    MaxForwards "Max-Forwards" "RFC 3261 section 20.22",
    MimeVersion "MIME-Version" "RFC 3261 section 20.24",
    MinExpires "Min-Expires" "RFC 3261 section 20.23",
    MinSe "Min-SE" "RFC 4028",
    Organization "Organization" "RFC 3261 section 20.25",
    PAccessNetworkInfo "P-Access-Network-Info" "RFC 7315",
    PAssertedIdentity "P-Asserted-Identity" "RFC 3325",
    PAssociatedUri "P-Associated-URI" "RFC 7315",
    PCalledPartyId "P-Called-Party-ID" "RFC 7315",
    PChargingVector "P-Charging-Vector" "RFC 7315",
    PPreferredIdentity "P-Preferred-Identity" "RFC 3325",
    PServedUser "P-Served-User" "RFC 5502",
    Path "Path" "RFC 3327",
    Priority "Priority" "RFC 3261 section 20.26",
    Privacy "Privacy" "RFC 3323",
    ProxyAuthenticate "Proxy-Authenticate" "RFC 3261 section 20.27",
    ProxyAuthorization "Proxy-Authorization" "RFC 3261 section 20.28",
    ProxyRequire "Proxy-Require" "RFC 3261 section 20.29",
    RAck "RAck" "RFC 3262",
    Reason "Reason" "RFC 3326",
    RecordRoute "Record-Route" "RFC 3261 section 20.30",
    RecvInfo "Recv-Info" "RFC 6086",
    ReferTo "Refer-To" "RFC 3515",
    ReferredBy "Referred-By" "RFC 3892",
    RejectContact "Reject-Contact" "RFC 3841",
    RemotePartyId "Remote-Party-ID" "draft-ietf-sip-privacy-04",
    Replaces "Replaces" "RFC 3891",
    ReplyTo "Reply-To" "RFC 3261 section 20.31",
    RequestDisposition "Request-Disposition" "RFC 3841",
    Require "Require" "RFC 3261 section 20.32",
    RetryAfter "Retry-After" "RFC 3261 section 20.33",
    Route "Route" "RFC 3261 section 20.34",
    RSeq "RSeq" "RFC 3262",
    Server "Server" "RFC 3261 section 20.35",
    ServiceRoute "Service-Route" "RFC 3608",
    SessionExpires "Session-Expires" "RFC 4028",
    SessionId "Session-ID" "RFC 7989",
    SipEtag "SIP-ETag" "RFC 3903",
    SipIfMatch "SIP-If-Match" "RFC 3903",
    Subject "Subject" "RFC 3261 section 20.36",
    SubscriptionState "Subscription-State" "RFC 6665",
    Supported "Supported" "RFC 3261 section 20.37",
    TargetDialog "Target-Dialog" "RFC 4538",
    Timestamp "Timestamp" "RFC 3261 section 20.38",
    To "To" "RFC 3261 section 20.39",
    Unsupported "Unsupported" "RFC 3261 section 20.40",
    UserAgent "User-Agent" "RFC 3261 section 20.41",
    UserToUser "User-to-User" "RFC 7433",
    Via "Via" "RFC 3261 section 20.42",
    Warning "Warning" "RFC 3261 section 20.43",
    WwwAuthenticate "WWW-Authenticate" "RFC 3261 section 20.44",
}

/// Empty slots of [`TABLE`].
const VACANT: u8 = u8::MAX;

/// Where the search for a name starts: its length, ends and middle, whatever their case.
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    let (first, last) = (name[0] | 0x20, name[length - 1] | 0x20);
    let middle = name[length / 2] | 0x20;
    (length * 5 + first as usize * 31 + last as usize * 11 + middle as usize * 3) % 256
}

/// The index in [`Name::ALL`] of each name, at the first free place from its [`slot`] on.
static TABLE: [u8; 256] = {
    let mut table = [VACANT; 256];
    let mut index = 0;
    while index < Name::ALL.len() {
        let mut at = slot(Name::ALL[index].as_str().as_bytes());
        while table[at] != VACANT {
            at = (at + 1) % 256;
        }
        table[at] = index as u8;
        index += 1;
    }
    table
};

impl Name {
    /// The name that this text is, in whatever case, in full or in its compact form.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        match text {
            [] => None,
            [letter] => Self::compact(*letter),
            _ => {
                let mut at = slot(text);
                while TABLE[at] != VACANT {
                    let name = Self::ALL[usize::from(TABLE[at])];
                    let written = name.as_str().as_bytes();
                    if written == text || written.eq_ignore_ascii_case(text) {
                        return Some(name);
                    }
                    at = (at + 1) % TABLE.len();
                }
                None
            }
        }
    }

    /// The name that a compact form stands for (RFC 3261 section 7.3.3 and IANA's registry).
    fn compact(letter: u8) -> Option<Self> {
        Some(match letter.to_ascii_lowercase() {
            b'a' => Name::AcceptContact,
            b'b' => Name::ReferredBy,
            b'c' => Name::ContentType,
            b'd' => Name::RequestDisposition,
            b'e' => Name::ContentEncoding,
            b'f' => Name::From,
            b'i' => Name::CallId,
            b'j' => Name::RejectContact,
            b'k' => Name::Supported,
            b'l' => Name::ContentLength,
            b'm' => Name::Contact,
            b'n' => Name::IdentityInfo,
            b'o' => Name::Event,
            b'r' => Name::ReferTo,
            b's' => Name::Subject,
            b't' => Name::To,
            b'u' => Name::AllowEvents,
            b'v' => Name::Via,
            b'x' => Name::SessionExpires,
            b'y' => Name::Identity,
            _ => return None,
        })
    }

    /// Whether a message may carry it only once. Of the headers that nothing here acts on, a repeated one harms nobody.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Name::From
                | Name::To
                | Name::CallId
                | Name::CSeq
                | Name::MaxForwards
                | Name::ContentLength
                | Name::ContentType
                | Name::ContentDisposition
                | Name::Expires
                | Name::MinExpires
                | Name::SessionExpires
                | Name::MinSe
                | Name::RSeq
                | Name::RAck
                | Name::Event
                | Name::SubscriptionState
                | Name::ReferTo
                | Name::ReferredBy
                | Name::Replaces
                | Name::Join
                | Name::TargetDialog
                | Name::RetryAfter
                | Name::Timestamp
                | Name::SipEtag
                | Name::SipIfMatch
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for &name in Name::ALL {
            assert_eq!(Name::read(name.as_str().as_bytes()), Some(name));
            assert_eq!(Name::read(name.as_str().to_ascii_uppercase().as_bytes()), Some(name));
            assert_eq!(Name::read(name.as_str().to_ascii_lowercase().as_bytes()), Some(name));
        }
    }

    #[test]
    fn names_are_found_within_a_few_steps() {
        for &name in Name::ALL {
            let mut at = slot(name.as_str().as_bytes());
            let mut steps = 1;
            while Name::ALL[usize::from(TABLE[at])] != name {
                at = (at + 1) % 256;
                steps += 1;
            }
            assert!(steps <= 5, "{name} takes {steps} steps");
        }
    }

    #[test]
    fn compact_forms_are_the_same_names() {
        assert_eq!(Name::read(b"i"), Some(Name::CallId));
        assert_eq!(Name::read(b"V"), Some(Name::Via));
        assert_eq!(Name::read(b"x"), Some(Name::SessionExpires));
        assert_eq!(Name::read(b"z"), None);
    }

    #[test]
    fn what_is_unknown_is_none() {
        assert_eq!(Name::read(b"X-Foo"), None);
        assert_eq!(Name::read(b"Froma"), None);
        assert_eq!(Name::read(b""), None);
    }
}
