//! What a client answers, and whether it is right.

use std::fmt;

use subtle::ConstantTimeEq;

use super::fields::Fields;
use super::{Algorithm, Proof};
use crate::base::Secret;
use crate::sip::method::Method;
use crate::sip::uri::Uri;

/// What a client answers, in Authorization or Proxy-Authorization.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub username: String,
    /// The realm of the challenge.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The Request-URI that the answer is for.
    pub uri: String,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// How many times the client has used the nonce.
    pub nonce_count: Option<u32>,
    /// The text of the challenge that is returned.
    pub opaque: Option<String>,
    /// The hash.
    pub algorithm: Algorithm,
    /// The `-sess` variant of the hash.
    pub session: bool,
    response: String,
    raw_nonce_count: Option<String>,
}

impl Credentials {
    /// Reads the value of an Authorization or a Proxy-Authorization; `None` where it is none that can be verified.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let (algorithm, session) = Algorithm::read(fields.get("algorithm").unwrap_or("MD5"))?;
        let (cnonce, count) = match fields.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                (fields.owned("cnonce"), Some(fields.owned("nc")?))
            }
            Some(_) => return None,
            None => (fields.owned("cnonce"), None),
        };
        if cnonce.is_none() && (session || count.is_some()) {
            return None;
        }
        let nonce_count = match &count {
            Some(count) if count.len() == 8 => Some(u32::from_str_radix(count, 16).ok()?),
            Some(_) => return None,
            None => None,
        };
        Some(Self {
            username: fields.owned("username")?,
            realm: fields.owned("realm")?,
            nonce: fields.owned("nonce")?,
            uri: fields.owned("uri")?,
            response: fields.owned("response")?,
            opaque: fields.owned("opaque"),
            cnonce,
            nonce_count,
            raw_nonce_count: count,
            algorithm,
            session,
        })
    }

    /// Whether they may have been made for a request to this URI (RFC 7616 section 3.4.6): the host is the same, and so
    /// is the user where they name one. Many clients leave parts of the Request-URI out of `uri`: the port, the
    /// parameters, or all but the host.
    #[must_use]
    pub fn is_for(&self, target: &Uri) -> bool {
        Uri::parse(&self.uri).is_ok_and(|uri| {
            uri.host() == target.host() && uri.user().is_none_or(|user| Some(user) == target.user())
        })
    }

    /// Whether they were made with this password for a request of this method. Takes as long for a wrong answer as
    /// for a right one.
    #[must_use]
    pub fn verify(&self, method: &Method, password: &Secret) -> bool {
        let proof = Proof {
            algorithm: self.algorithm,
            session: self.session,
            username: &self.username,
            realm: &self.realm,
            nonce: &self.nonce,
            uri: &self.uri,
            qop: self.raw_nonce_count.as_deref(),
            cnonce: self.cnonce.as_deref(),
        };
        let expected = proof.response(method, password);
        let given = self.response.to_ascii_lowercase();
        expected.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Prints nothing that helps to guess a password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
