//! URLs of a document as those of a request.

use std::fmt::Write;

use crate::base::link::read_link;
use crate::voice::Link;

/// Resolves a reference against the URL that it was read from (RFC 3986 section 5.2). A fragment is left out: Plivo's
/// applications write settings of the callback there. Spaces and letters beyond ASCII are escaped. None where what
/// comes of it cannot be called: it is not http or https, or has a user in it.
#[must_use]
pub fn resolve(base: &str, reference: &str) -> Option<Link> {
    let reference = escape(reference.split('#').next().unwrap_or_default().trim());
    let (scheme, authority, path, query) = split(&reference);
    let (base_scheme, base_authority, base_path, base_query) = split(base);
    let merged;
    let (scheme, authority, path, query) = match (scheme, authority) {
        (Some(_), _) => (scheme, authority, path, query),
        (None, Some(_)) => (base_scheme, authority, path, query),
        (None, None) if path.is_empty() => (base_scheme, base_authority, base_path, query.or(base_query)),
        (None, None) => {
            let folder = base_path.rfind('/').map_or("/", |slash| &base_path[..=slash]);
            merged = if path.starts_with('/') { path.to_owned() } else { format!("{folder}{path}") };
            (base_scheme, base_authority, merged.as_str(), query)
        }
    };
    let mut url = format!("{}://{}{}", scheme?.to_ascii_lowercase(), authority?, without_dots(path));
    if let Some(query) = query {
        url.push('?');
        url.push_str(query);
    }
    read_link(&url)?;
    Link::read(&url)
}

/// Scheme, authority, path and query (RFC 3986 appendix B).
fn split(text: &str) -> (Option<&str>, Option<&str>, &str, Option<&str>) {
    let (rest, query) = text.split_once('?').map_or((text, None), |(rest, query)| (rest, Some(query)));
    let is_scheme = |name: &&str| {
        let is_fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
        name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(is_fit)
    };
    let scheme = rest.split_once(':').map(|(name, _)| name).filter(is_scheme);
    let rest = scheme.map_or(rest, |name| &rest[name.len() + 1..]);
    let Some(rest) = rest.strip_prefix("//") else { return (scheme, None, rest, query) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, Some(authority), path, query)
}

/// A path without `.` and `..` (RFC 3986 section 5.2.4); `/` where there is none.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            ".." => {
                kept.pop();
            }
            "." => {}
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte == b' ' || !byte.is_ascii() {
            write!(out, "%{byte:02X}").expect("writing into a String does not fail");
        } else {
            out.push(char::from(byte));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: &str, reference: &str) -> Option<String> {
        resolve(base, reference).map(|link| link.reveal().to_owned())
    }

    /// RFC 3986 section 5.4, those that lead to http, and without fragments.
    #[test]
    fn references_resolve_as_the_rfc_shows() {
        for (reference, url) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
        ] {
            assert_eq!(resolved("http://a/b/c/d;p?q", reference).as_deref(), Some(url), "{reference}");
        }
    }

    #[test]
    fn what_platforms_allow_is_resolved_and_what_cannot_be_called_is_not() {
        for (reference, url) in [
            ("https://b.example:8443/x y.mp3", "https://b.example:8443/x%20y.mp3"),
            ("HTTP://b", "http://b/"),
            ("/é?to=1#ct=2000&rt=5000", "https://a/%C3%A9?to=1"),
            ("pin:1", "none"),
            ("javascript:alert(1)", "none"),
            ("ftp://b/x", "none"),
            ("https://user@b/", "none"),
            ("http:///x", "none"),
            ("\\\\b\\x", "none"),
        ] {
            let found = resolved("https://a", reference);
            assert_eq!(found.as_deref().unwrap_or("none"), url, "{reference}");
        }
        assert_eq!(resolved("https://a", "answer").as_deref(), Some("https://a/answer"));
    }
}
