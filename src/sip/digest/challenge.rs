//! What a server asks for, and the answer to it.

use std::fmt;

use super::fields::{Fields, Quoted};
use super::{Algorithm, Proof};
use crate::base::Secret;
use crate::sip::method::Method;
use crate::sip::token::trim;

/// What a server asks for, in WWW-Authenticate or Proxy-Authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The realm that the account belongs to.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// A text that the client returns.
    pub opaque: Option<String>,
    /// The hash.
    pub algorithm: Algorithm,
    /// The `-sess` variant of the hash.
    pub session: bool,
    /// The answer before was right but for its nonce.
    pub stale: bool,
    /// `qop=auth` is offered; without it the answer is that of RFC 2617's compatibility mode.
    pub qop: bool,
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate or a Proxy-Authenticate; `None` for one that cannot be answered: another
    /// scheme, another algorithm, or `auth-int` alone. Of several, a client answers the first it can (RFC 8760
    /// section 2.4).
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let (algorithm, session) = Algorithm::read(fields.get("algorithm").unwrap_or("MD5"))?;
        let qop = match fields.get("qop") {
            Some(list) => {
                list.split(',').any(|value| trim(value).eq_ignore_ascii_case("auth")).then_some(true)?
            }
            None => false,
        };
        Some(Self {
            realm: fields.owned("realm")?,
            nonce: fields.owned("nonce")?,
            opaque: fields.owned("opaque"),
            algorithm,
            session,
            stale: fields.get("stale").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            qop,
        })
    }

    /// The value of the Authorization or Proxy-Authorization that answers this. `count` is how many requests with
    /// this nonce there were, this one included; `cnonce` is random.
    #[must_use]
    pub fn answer(
        &self,
        username: &str,
        password: &Secret,
        method: &Method,
        uri: &str,
        count: u32,
        cnonce: &str,
    ) -> String {
        let count = format!("{count:08x}");
        let proof = Proof {
            algorithm: self.algorithm,
            session: self.session,
            username,
            realm: &self.realm,
            nonce: &self.nonce,
            uri,
            qop: self.qop.then_some(count.as_str()),
            cnonce: Some(cnonce),
        };
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}{}",
            Quoted(username),
            Quoted(&self.realm),
            Quoted(&self.nonce),
            Quoted(uri),
            proof.response(method, password),
            self.algorithm.as_str(),
            if self.session { "-sess" } else { "" },
        );
        if self.qop {
            out += &format!(", qop=auth, nc={count}");
        }
        if self.qop || self.session {
            out += &format!(", cnonce={}", Quoted(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            out += &format!(", opaque={}", Quoted(opaque));
        }
        out
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", Quoted(&self.realm), Quoted(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        write!(f, ", algorithm={}{}", self.algorithm.as_str(), if self.session { "-sess" } else { "" })?;
        if self.stale {
            f.write_str(", stale=true")?;
        }
        if self.qop {
            f.write_str(", qop=\"auth\"")?;
        }
        Ok(())
    }
}
