//! Digest authentication, both sides of it (RFC 3261 section 22, RFC 7616, RFC 8760).

use std::fmt;

use sha2::Digest as _;
use subtle::ConstantTimeEq;

use super::method::Method;
use super::token::{quoted_length, trim, unquote};
use super::values::Values;
use crate::base::Secret;

/// The hash of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`, which every phone knows.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
}

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

impl Algorithm {
    /// The name in a header field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// Reads the name in a header field; the flag says whether it is the `-sess` variant.
    fn read(text: &str) -> Option<(Self, bool)> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        match () {
            () if is("MD5") => Some((Algorithm::Md5, false)),
            () if is("MD5-sess") => Some((Algorithm::Md5, true)),
            () if is("SHA-256") => Some((Algorithm::Sha256, false)),
            () if is("SHA-256-sess") => Some((Algorithm::Sha256, true)),
            () => None,
        }
    }

    /// The hash, in hexadecimal, of the parts joined by colons.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Algorithm::Md5 => hexadecimal(&md5::Md5::digest(text)),
            Algorithm::Sha256 => hexadecimal(&sha2::Sha256::digest(text)),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a response is computed from.
struct Proof<'a> {
    algorithm: Algorithm,
    session: bool,
    username: &'a str,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    /// The nonce count as it is written, and the client's nonce, where qop is used.
    qop: Option<&'a str>,
    cnonce: Option<&'a str>,
}

impl Proof<'_> {
    /// RFC 7616 section 3.4.1.
    fn response(&self, method: &Method, password: &Secret) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let mut key = hash(&[self.username, self.realm, password.reveal()]);
        if self.session {
            key = hash(&[&key, self.nonce, self.cnonce.unwrap_or_default()]);
        }
        let request = hash(&[method.as_str(), self.uri]);
        match (self.qop, self.cnonce) {
            (Some(count), Some(cnonce)) => hash(&[&key, self.nonce, count, cnonce, "auth", &request]),
            _ => hash(&[&key, self.nonce, &request]),
        }
    }
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

/// The fields of a Digest challenge or answer.
struct Fields<'a>(Vec<(&'a str, std::borrow::Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// Reads `Digest name=value, name="value"`; `None` for another scheme, a malformed field, or a repeated one.
    fn parse(value: &'a str) -> Option<Self> {
        let (scheme, rest) = value.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields: Vec<(&str, std::borrow::Cow<str>)> = Vec::with_capacity(12);
        for field in Values::new(rest) {
            let (name, value) = field.split_once('=')?;
            let (name, value) = (trim(name), trim(value));
            let broken = value.starts_with('"') && quoted_length(value.as_bytes()) != Some(value.len());
            if broken || fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            fields.push((name, unquote(value)));
        }
        Some(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(Into::into)
    }
}

/// A text as a quoted string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}
