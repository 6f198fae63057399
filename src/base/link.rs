//! A URL of the operator's: callbacks go there, or it is asked what becomes of a call.

use hyper::Uri;
use serde::{Deserialize, Serialize};

/// How a URL is asked. Everywhere the default is POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// With the parameters in the URL.
    Get,
    /// With the parameters as a form.
    #[default]
    Post,
}

/// Characters at most.
const LONGEST: usize = 2048;

/// What a URL has to be, for whoever wrote another one.
pub const WRITE_LINK: &str = "write one with http:// or https://, without a user and without a #, as in \
                              \"https://example.com/events\"";

/// Reads a URL that can be called: http or https, with a host, without a user and without a fragment.
#[must_use]
pub fn read_link(text: &str) -> Option<Uri> {
    let is_clean = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !is_clean || text.contains('#') || !(text.starts_with("http://") || text.starts_with("https://")) {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let is_fit = port.is_empty() || !port.contains('@') && authority.port_u16().is_some_and(|port| port > 0);
    (is_fit && !matches!(authority.host(), "" | "[]")).then_some(uri)
}

/// The host and port of a URL as they are written, for what is bounded by host and for the log.
#[must_use]
pub fn link_host(text: &str) -> Box<str> {
    let uri = read_link(text);
    let authority = uri.as_ref().and_then(Uri::authority);
    authority.map_or_else(Box::default, |authority| authority.as_str().to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_neither_a_user_nor_a_fragment() {
        for link in
            ["http://a", "https://a.example:8443/x?y=z", "http://[2001:db8::1]:80/", "http://127.0.0.1:9/a@b"]
        {
            assert!(read_link(link).is_some(), "{link}");
        }
        for other in [
            "",
            "a",
            "/x",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://?x",
            "https://user:word@a/",
            "http://user@a",
            "http://@a",
            "http://a@a",
            "http://a:80@a:80/",
            "http://a#x",
            "http://a/x#",
            "http://a\\@b/",
            "http://a b/",
            "http://a:99999/",
            "http://a:/",
            "http://a:0/",
            "http://:80/",
            "http://[]/",
            "http://a:x/",
            "http://ä/",
        ] {
            assert!(read_link(other).is_none(), "{other}");
        }
        assert!(read_link(&format!("http://a/{}", "x".repeat(2040))).is_none());
        assert_eq!(&*link_host("http://Example.com:81/x?y"), "example.com:81");
        assert_eq!(&*link_host("nonsense"), "");
    }
}
