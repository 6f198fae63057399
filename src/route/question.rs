//! What is known of a call when it has to be decided.

use std::fmt;

use crate::base::PhoneNumber;

/// Where a call comes from: found from the socket's address or from the digest account, never from a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The trunk with this place in `Settings::trunks`.
    Trunk(usize),
    /// The phone with this place in `Settings::phones`.
    Phone(usize),
}

/// Who is calling, as far as a trusted source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// This number.
    Known(PhoneNumber),
    /// Nobody can say.
    Anonymous,
}

/// A number as a URI writes it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Written<'a> {
    /// The user part of a sip: URI or the subscriber part of a tel: URI, percent escapes decoded. It may end in
    /// telephone parameters (`9876500001;phone-context=+91`, RFC 3261 section 19.1.6).
    pub user: &'a str,
    /// The `phone-context` parameter of a tel: URI (RFC 3966 section 5.1.5).
    pub context: Option<&'a str>,
}

/// The headers of a trunk's request that may name the caller.
#[derive(Clone, Copy, Default)]
pub struct Claims<'a> {
    /// P-Asserted-Identity values, in order.
    pub asserted: &'a [Written<'a>],
    /// Remote-Party-ID values, in order.
    pub remote_party: &'a [Written<'a>],
    /// From.
    pub from: Written<'a>,
}

/// A call to decide.
#[derive(Clone)]
pub struct Question {
    /// Where it comes from.
    pub source: Source,
    /// The Request-URI's user part, percent escapes decoded, as in [`Written::user`].
    pub dialled: String,
    /// The Request-URI's `phone-context`, as in [`Written::context`].
    pub context: Option<String>,
    /// Who is calling. Ignored for a phone, which is its configured number whatever it claims.
    pub caller: Identity,
}

impl fmt::Debug for Question {
    /// Leaves out what was dialled, which may be a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("source", &self.source)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
