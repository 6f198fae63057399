//! The tokens: which there are, and what each may do.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::base::settings::{ApiToken, Scope, is_token};
use crate::base::{Random, Secret};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether this scope is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |all, scope| all | bit(scope)))
    }
}

fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// The tokens that are taken. Only their hashes are kept.
#[derive(Debug, Default)]
pub struct Tokens(Vec<([u8; 32], Scopes)>);

impl Tokens {
    /// These tokens.
    #[must_use]
    pub fn new(tokens: &[ApiToken]) -> Self {
        let hashed = |token: &ApiToken| (hash(token.token.reveal()), token.scopes.iter().copied().collect());
        Self(tokens.iter().map(hashed).collect())
    }

    /// What a token may do; `None` where it is none of them. Every token is compared, and in constant time, so that how
    /// long it takes tells nothing.
    #[must_use]
    pub fn check(&self, token: &str) -> Option<Scopes> {
        let given = hash(token);
        let (mut found, mut scopes) = (subtle::Choice::from(0), 0);
        for (known, may) in &self.0 {
            let same = known.ct_eq(&given);
            scopes = u8::conditional_select(&scopes, &may.0, same);
            found |= same;
        }
        bool::from(found).then_some(Scopes(scopes))
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token of a file; where there is no file, it is made with a fresh one, readable by its owner alone.
///
/// # Errors
/// Where the file cannot be read or made, holds no token, or may be read by others.
pub fn read_or_make(path: &Path, random: &mut Random) -> io::Result<Secret> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let token = random.token(52);
            writeln!(file, "{token}")?;
            file.sync_all()?;
            Ok(Secret::new(token))
        }
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(fault) => Err(fault),
    }
}

/// The token of a file.
///
/// # Errors
/// Where the file cannot be read, holds no token, or may be read by others.
pub fn read(path: &Path) -> io::Result<Secret> {
    let invalid = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message);
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(invalid(
            "others may read the token: run chmod 600 on it, or remove it to have a new one made",
        ));
    }
    let text = fs::read_to_string(path)?;
    let token = text.trim_end();
    if !is_token(token) {
        return Err(invalid("it holds no token: remove it to have a new one made"));
    }
    Ok(Secret::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_own_scopes_and_nothing_else_has_any() {
        let token = |text: &str, scopes: &[Scope]| ApiToken {
            token: Secret::new(text.to_owned()),
            scopes: scopes.to_vec(),
        };
        let tokens = Tokens::new(&[
            token("first-token-of-all", &[Scope::Read]),
            token("second-token-of-all", &[Scope::Write, Scope::Admin]),
        ]);
        let scopes = |text| {
            let scopes = tokens.check(text)?;
            Some(Scope::ALL.into_iter().filter(|scope| scopes.has(*scope)).collect::<Vec<_>>())
        };
        assert_eq!(scopes("first-token-of-all"), Some(vec![Scope::Read]));
        assert_eq!(scopes("second-token-of-all"), Some(vec![Scope::Write, Scope::Admin]));
        for wrong in ["", "first-token-of-al", "first-token-of-all ", "First-token-of-all"] {
            assert_eq!(scopes(wrong), None, "{wrong}");
        }
        assert_eq!(Tokens::default().check(""), None);
    }

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-token");
        let mut random = Random::from_number(7);
        let made = read_or_make(&path, &mut random).unwrap();
        assert!(is_token(made.reveal()) && made.reveal().len() == 52);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&path, &mut random).unwrap(), made);
        assert_eq!(read(&path).unwrap(), made);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(read_or_make(&path, &mut random).unwrap_err().to_string().contains("no token"));
    }
}
