//! Digest authentication, both sides of it (RFC 3261 section 22, RFC 7616, RFC 8760).

mod challenge;
mod credentials;
mod fields;

use std::fmt::Write;

use sha2::Digest as _;

use super::method::Method;
use crate::base::Secret;

pub use challenge::Challenge;
pub use credentials::Credentials;

/// The hash of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`, which every phone knows.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
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
        match text.to_ascii_lowercase().as_str() {
            "md5" => Some((Algorithm::Md5, false)),
            "md5-sess" => Some((Algorithm::Md5, true)),
            "sha-256" => Some((Algorithm::Sha256, false)),
            "sha-256-sess" => Some((Algorithm::Sha256, true)),
            _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn challenge(algorithm: &str) -> Challenge {
        let text = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"{NONCE}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        Challenge::parse(&text).unwrap()
    }

    fn answer(challenge: &Challenge, password: &str) -> String {
        let password = Secret::new(password.into());
        challenge.answer("Mufasa", &password, &Method::new("GET"), "/dir/index.html", 1, CNONCE)
    }

    #[test]
    fn the_examples_of_rfc_7616() {
        let md5 = answer(&challenge("MD5"), "Circle of Life");
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        let sha = answer(&challenge("SHA-256"), "Circle of Life");
        let expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert!(sha.contains(&format!("response=\"{expected}\"")), "{sha}");
        assert!(sha.contains("algorithm=SHA-256, qop=auth, nc=00000001"), "{sha}");
    }

    #[test]
    fn sessions_and_the_old_form() {
        let password = Secret::new("p".into());
        let answer = |challenge: &str| {
            let challenge = Challenge::parse(challenge).unwrap();
            challenge.answer("u", &password, &Method::REGISTER, "sip:h", 1, "c")
        };
        let session = answer("Digest realm=\"r\",nonce=\"n\",algorithm=MD5-sess,qop=\"auth\"");
        assert!(session.contains("07c48dd5bad8ac1b045511259a5c392e"), "{session}");
        let old = answer("digest realm=\"r\",nonce=\"n\"");
        assert!(old.contains("f7949f33797a7abbe390eaa95b1ca294") && !old.contains("qop"), "{old}");
        for text in [session, old] {
            assert!(Credentials::parse(&text).unwrap().verify(&Method::REGISTER, &password));
        }
    }

    #[test]
    fn what_a_client_answers_is_verified() {
        for algorithm in ["MD5", "MD5-sess", "SHA-256", "sha-256-SESS"] {
            let credentials = Credentials::parse(&answer(&challenge(algorithm), "Circle of Life")).unwrap();
            let right = Secret::new("Circle of Life".into());
            let get = Method::new("GET");
            assert!(credentials.verify(&get, &right));
            assert!(!credentials.verify(&Method::INVITE, &right));
            assert!(!credentials.verify(&get, &Secret::new("circle of life".into())));
            let mut moved = credentials.clone();
            moved.uri = "/dir".into();
            assert!(!moved.verify(&get, &right));
        }
    }

    #[test]
    fn a_challenge_reads_back_as_it_was_written() {
        let challenge = Challenge {
            realm: "a \"b\\".into(),
            nonce: "n,1".into(),
            opaque: Some("o".into()),
            algorithm: Algorithm::Sha256,
            session: false,
            stale: true,
            qop: true,
        };
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge));
    }

    #[test]
    fn challenges_that_cannot_be_answered_are_none() {
        for text in [
            "",
            "Digest",
            "Basic realm=\"r\"",
            "Digest realm=\"r\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
            "Digest realm=\"r\", nonce=\"n",
            "Digest realm=\"r\", realm=\"s\", nonce=\"n\"",
        ] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
    }

    #[test]
    fn credentials_that_cannot_be_verified_are_none() {
        let good = "Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:h\",response=\"x\",qop=auth,nc=0000000a,cnonce=\"c\"";
        let credentials = Credentials::parse(good).unwrap();
        assert_eq!(credentials.nonce_count, Some(10));
        assert_eq!(format!("{credentials:?}"), "Credentials { algorithm: Md5, .. }");
        for (part, other) in [
            ("Digest", "NoOneKnowsThisScheme"),
            ("username=\"u\",", ""),
            ("nc=0000000a,", ""),
            ("nc=0000000a", "nc=1"),
            ("nc=0000000a", "nc=zzzzzzzz"),
            (",cnonce=\"c\"", ""),
            ("qop=auth", "qop=auth-int"),
            ("qop=auth", "qop=auth,algorithm=TOKEN"),
            ("qop=auth", "qop=auth,qop=auth"),
            ("qop=auth", "qop"),
        ] {
            assert!(good.contains(part), "{part}");
            assert_eq!(Credentials::parse(&good.replace(part, other)), None, "{part} -> {other}");
        }
    }
}
