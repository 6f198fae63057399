//! The host of a URI or a Via.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::span::Span;
use super::token::{HOST, all, find, number, trim};

/// A host as a text names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name to be resolved, as it is written; case does not matter.
    Name(&'a str),
    /// An address.
    Ip(IpAddr),
}

impl Host<'_> {
    /// The address, if it is one.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Host::Ip(address) => Some(address),
            Host::Name(_) => None,
        }
    }
}

impl std::fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A host and the port after it, as positions in the text they were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostPort {
    name: Span,
    ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

impl HostPort {
    /// Reads `part`, a slice of `whole`, as `host [":" port]`. White space may stand around the colon.
    pub(super) fn read(whole: &str, part: &str) -> Option<Self> {
        let (host, ip, rest) = if let Some(inner) = part.strip_prefix('[') {
            let (address, rest) = inner.split_once(']')?;
            (address, Some(IpAddr::V6(ipv6(address)?)), rest)
        } else {
            let (host, rest) = part.split_at(find(part.as_bytes(), b':').unwrap_or(part.len()));
            let host = trim(host);
            (host, ipv4_or_name(host)?, rest)
        };
        let port = match trim(rest) {
            "" => None,
            rest => Some(number(trim(rest.strip_prefix(':')?)).filter(|&port| port != 0)?),
        };
        Some(Self { name: Span::within(whole, host), ip, port })
    }

    pub(super) fn host(self, whole: &str) -> Host<'_> {
        self.ip.map_or(Host::Name(self.name.of(whole)), Host::Ip)
    }
}

/// An IPv6 address. RFC 3261's grammar allowed three colons before an embedded IPv4 address; what was written by it
/// is still read (RFC 5118 section 4.10).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.contains(":::").then(|| text.replacen(":::", "::", 1).parse().ok())?)
}

/// `Some(Some(_))` for an IPv4 address, `Some(None)` for a host name, `None` for neither. What is all digits and dots
/// is no name (RFC 3261 section 25.1, toplabel).
fn ipv4_or_name(text: &str) -> Option<Option<IpAddr>> {
    if !all(text, HOST) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return ipv4(text.as_bytes()).map(|address| Some(address.into()));
    }
    Some(None)
}

/// An IPv4 address out of digits and dots. No octet starts with a zero, which some would read as octal.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split(|&byte| byte == b'.');
    for octet in &mut octets {
        let digits = parts.next()?;
        if !(1..=3).contains(&digits.len()) || (digits.len() > 1 && digits[0] == b'0') {
            return None;
        }
        let value = digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
        *octet = u8::try_from(value).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// Reads an address that may or may not stand in brackets, as in a `received` parameter (RFC 5118 section 4.5).
pub(super) fn bare_ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(inner) => ipv6(inner.strip_suffix(']')?).map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Host<'_>, Option<u16>)> {
        HostPort::read(text, text).map(|found| (found.host(text), found.port))
    }

    fn ip(text: &str) -> Host<'_> {
        Host::Ip(text.parse().unwrap())
    }

    #[test]
    fn names_and_addresses() {
        assert_eq!(read("a-1.example.com"), Some((Host::Name("a-1.example.com"), None)));
        assert_eq!(read("a_b:5070"), Some((Host::Name("a_b"), Some(5070))));
        assert_eq!(read("192.0.2.1:05060"), Some((ip("192.0.2.1"), Some(5060))));
        assert_eq!(read("[2001:db8::10]:5070"), Some((ip("2001:db8::10"), Some(5070))));
        assert_eq!(read("[2001:db8::10:5070]"), Some((ip("2001:db8::10:5070"), None)));
        assert_eq!(read("[::ffff:192.0.2.2]"), Some((ip("::ffff:192.0.2.2"), None)));
        assert_eq!(read("spindle.example.com : 5060"), Some((Host::Name("spindle.example.com"), Some(5060))));
    }

    #[test]
    fn three_colons_of_the_old_grammar_are_read() {
        assert_eq!(read("[2001:db8:::192.0.2.1]"), Some((ip("2001:db8::192.0.2.1"), None)));
        assert_eq!(read("[2001:::db8:::1]"), None);
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [
            "",
            ":5060",
            "a:",
            "a:0",
            "a:65536",
            "a:5060x",
            "a:-1",
            "a b",
            "a/b",
            "ä.example",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "1.2.3.04",
            "1..2.3",
            "12",
            "2001:db8::10",
            "[2001:db8::10",
            "[2001:db8::10]5060",
            "[]",
            "[192.0.2.1]",
            "[fe80::1%eth0]",
            "[::1]x",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_written_as_uris_want_them() {
        assert_eq!(ip("2001:db8::10").to_string(), "[2001:db8::10]");
        assert_eq!(ip("192.0.2.1").to_string(), "192.0.2.1");
        assert_eq!(bare_ip("[2001:db8::1]"), bare_ip("2001:db8::1"));
        assert_eq!(bare_ip("host"), None);
    }
}
