//! `[api] tokens`: who may use the API, and for what.

use toml::de::DeValue;

use super::table::{Flaw, Read, Value};
use super::values::{kind, list, word};
use crate::base::Secret;

/// What a token may do. None includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Ask for sessions, calls, numbers, events, metrics and explanations; numbers are shown redacted.
    Read,
    /// See numbers whole.
    ReadNumbers,
    /// Create, change and close sessions; place calls and hang them up.
    Write,
    /// Change the inventory of numbers, and erase parties.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Scope::Read, Scope::ReadNumbers, Scope::Write, Scope::Admin];

    /// As the settings file and the API write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::ReadNumbers => "read-numbers",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }
}

/// A token of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// What a request has to bring.
    pub token: Secret,
    /// What it may do; never empty.
    pub scopes: Vec<Scope>,
}

impl ApiToken {
    /// A token with every scope.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self { token, scopes: Scope::ALL.to_vec() }
    }
}

/// The fewest characters of a token.
const SHORTEST: usize = 16;

/// A token alone, which has every scope, or `{ token = "...", scopes = ["read"] }`.
pub(super) fn api_token(value: &Value<'_>) -> Read<ApiToken> {
    let DeValue::Table(table) = value.get_ref() else { return token(value).map(ApiToken::new) };
    let is_unknown = |key: &str| !["token", "scopes"].contains(&key);
    if let Some(key) = table.keys().find(|key| is_unknown(key.get_ref())) {
        return flaw(key.span().start, "unknown key in a token: known are token and scopes");
    }
    let (Some(secret), Some(scopes)) = (table.get("token"), table.get("scopes")) else {
        return flaw(
            value.span().start,
            "write both, as in { token = \"...\", scopes = [\"read\"] }, or the token alone, which has every scope",
        );
    };
    let words = Scope::ALL.map(|scope| (scope.as_str(), scope));
    let (token, named) = (token(secret)?, list(word(&words))(scopes)?);
    if named.is_empty() {
        return flaw(
            scopes.span().start,
            "is empty, and a token without scopes may do nothing: write at least one",
        );
    }
    Ok(ApiToken { token, scopes: named })
}

fn token(value: &Value<'_>) -> Read<Secret> {
    match value.get_ref() {
        DeValue::String(text) if is_token(text) => Ok(Secret::new(text.to_string())),
        DeValue::String(_) => flaw(
            value.span().start,
            "is no token: write 16 to 256 letters, digits and signs without spaces, drawn at random",
        ),
        other => flaw(value.span().start, format!("is {}: write a token in quotes", kind(other))),
    }
}

/// Whether a text can be a token: long enough not to be guessed, and writable in a header.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (SHORTEST..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn flaw<T>(offset: usize, message: impl Into<String>) -> Read<T> {
    Err(vec![Flaw { offset, message: message.into() }])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::settings::Settings;

    fn parse(tokens: &str) -> Result<Vec<ApiToken>, String> {
        let text = format!("[api]\n{tokens}\n[numbers]\ncountry = \"IN\"\n");
        let settings = Settings::parse(&text, Path::new("/etc/maskline/config.toml"));
        settings
            .map(|settings| {
                assert_eq!(settings.api.token_file, Path::new("/etc/maskline/api-token"));
                settings.api.tokens
            })
            .map_err(|faults| {
                assert!(
                    faults.iter().all(|fault| fault.line == Some(2) && fault.key == "api.tokens"),
                    "{faults:?}"
                );
                faults.iter().map(ToString::to_string).collect()
            })
    }

    #[test]
    fn a_token_alone_has_every_scope_and_a_table_narrows_it() {
        let tokens = parse(
            r#"tokens = ["abcdefghijklmnop", { token = "qrstuvwxyz234567", scopes = ["read", "read-numbers"] }]"#,
        );
        let [all, two] = &tokens.unwrap()[..] else { panic!("two tokens") };
        assert_eq!((all.token.reveal(), &all.scopes[..]), ("abcdefghijklmnop", &Scope::ALL[..]));
        assert_eq!(two.scopes, [Scope::Read, Scope::ReadNumbers]);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_token_is_refused_and_never_repeated() {
        for (tokens, message) in [
            (r#"tokens = ["hush"]"#, "16 to 256"),
            (r#"tokens = ["hush hush hush hush"]"#, "without spaces"),
            (r#"tokens = [7]"#, "is a bare number"),
            (r#"tokens = []"#, "is empty"),
            (r#"tokens = [{ token = "hushhushhushhush" }]"#, "write both"),
            (r#"tokens = [{ token = "hushhushhushhush", scopes = [] }]"#, "at least one"),
            (r#"tokens = [{ token = "hushhushhushhush", scopes = ["all"] }]"#, "\"read-numbers\""),
            (r#"tokens = [{ token = "hushhushhushhush", scope = ["read"] }]"#, "unknown key"),
            (r#"tokens = ["hushhushhushhush", "hushhushhushhush"]"#, "twice"),
        ] {
            let fault = parse(tokens).unwrap_err();
            assert!(fault.contains(message) && !fault.contains("hush"), "{tokens}: {fault}");
        }
    }
}
