//! Request methods.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A request's method. Case matters (RFC 3261 section 7.1): `invite` is not `INVITE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// One of the methods that an RFC defines.
    Known(rsip::Method),
    /// Any other token; never the name of a known one.
    Other(Box<str>),
}

macro_rules! methods {
    ($($constant:ident $variant:ident $reference:literal,)*) => {
        impl Method {
            $(
                #[doc = concat!("`", stringify!($constant), "`, ", $reference, ".")]
                pub const $constant: Method = Method::Known(rsip::Method::$variant);
            )*

            /// The method that this text names.
            #[must_use]
            pub fn new(text: &str) -> Self {
                match text {
                    $(stringify!($constant) => Self::$constant,)*
                    other => Self::Other(other.into()),
                }
            }

            /// The method as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::Known(rsip::Method::$variant) => stringify!($constant),)*
                    Self::Other(text) => text,
                }
            }
        }
    };
}

methods! {
    INVITE Invite "RFC 3261 section 13",
    ACK Ack "RFC 3261 section 13",
    BYE Bye "RFC 3261 section 15",
    CANCEL Cancel "RFC 3261 section 9",
    OPTIONS Options "RFC 3261 section 11",
    REGISTER Register "RFC 3261 section 10",
    INFO Info "RFC 6086",
    UPDATE Update "RFC 3311",
    PRACK PRack "RFC 3262",
    MESSAGE Message "RFC 3428",
    SUBSCRIBE Subscribe "RFC 6665",
    NOTIFY Notify "RFC 6665",
    REFER Refer "RFC 3515",
    PUBLISH Publish "RFC 3903",
}

impl Method {
    /// Whether a request of this method can create a dialog (RFC 3261 section 12.1, RFC 6665, RFC 3515).
    #[must_use]
    pub fn forms_dialog(&self) -> bool {
        matches!(*self, Self::INVITE | Self::SUBSCRIBE | Self::REFER)
    }
}

impl Hash for Method {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods_are_those_of_the_vocabulary() {
        for known in rsip::Method::all() {
            let method = Method::new(&known.to_string());
            assert_eq!(method, Method::Known(known));
            assert_eq!(method.as_str(), known.to_string());
        }
    }

    #[test]
    fn case_matters() {
        assert_eq!(Method::new("invite"), Method::Other("invite".into()));
        assert!(matches!(Method::new("INVITE"), Method::INVITE));
    }
}
