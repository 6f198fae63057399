//! Who asks: a token, as Bearer (RFC 6750) or as the password of Basic (RFC 7617).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::guests::Guest;
use super::problem::Problem;
use super::state::ApiState;
use super::tokens::Scopes;
use crate::base::settings::Scope;

/// Scopes as a handler names them, since a type takes no enum.
pub(super) mod may {
    /// `read`
    pub(in crate::api) const READ: usize = 0;
    /// `write`
    pub(in crate::api) const WRITE: usize = 2;
    /// `admin`
    pub(in crate::api) const ADMIN: usize = 3;
}

/// A request that came with a token of this scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<const SCOPE: usize> {
    /// Whether numbers are shown whole to it.
    pub(super) sees_numbers: bool,
}

impl<const SCOPE: usize> FromRequestParts<Arc<ApiState>> for Token<SCOPE> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ApiState>) -> Result<Self, Problem> {
        let token =
            token(&parts.headers).ok_or_else(|| unauthorized("send a token: Authorization: Bearer ..."))?;
        let scopes =
            state.tokens().check(&token).ok_or_else(|| unauthorized("the token is none of this service"))?;
        if let Some(guest) = parts.extensions.get::<Guest>() {
            guest.cross_out();
        }
        require(scopes, Scope::ALL[SCOPE])?;
        Ok(Self { sees_numbers: scopes.has(Scope::ReadNumbers) })
    }
}

fn unauthorized(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED).detail(detail)
}

fn require(scopes: Scopes, scope: Scope) -> Result<(), Problem> {
    if scopes.has(scope) {
        return Ok(());
    }
    let detail = format!("the token lacks the scope {}: use one that has it", scope.as_str());
    Err(Problem::new(StatusCode::FORBIDDEN).detail(detail))
}

/// The token that a request brings; the user of Basic may be anything.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credentials) = value.to_str().ok()?.trim().split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        token(&headers)
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password_of_basic() {
        assert_eq!(found(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(found(&["bearer  abc "]).as_deref(), Some("abc"));
        // "anyone:a:bc", then ":abc"
        assert_eq!(found(&["Basic YW55b25lOmE6YmM="]).as_deref(), Some("a:bc"));
        assert_eq!(found(&["basic OmFiYw=="]).as_deref(), Some("abc"));
        for wrong in
            [&[][..], &["abc"], &["Digest abc"], &["Basic YWJj"], &["Basic !"], &["Bearer a", "Bearer b"]]
        {
            assert_eq!(found(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn scopes_stand_at_the_places_that_handlers_name() {
        assert_eq!(
            [may::READ, may::WRITE, may::ADMIN].map(|at| Scope::ALL[at].as_str()),
            ["read", "write", "admin"]
        );
    }
}
