//! The host of a URI or a Via.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::span::Span;
use super::token::{number, trim};

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
            let (host, rest) = part.split_at(part.find(':').unwrap_or(part.len()));
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

/// `Some(Some(_))` for an IPv4 address, `Some(None)` for a host name, `None` for neither.
#[allow(clippy::option_option)]
fn ipv4_or_name(text: &str) -> Option<Option<IpAddr>> {
    let is_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_numeric {
        return text.parse::<Ipv4Addr>().ok().map(|address| Some(address.into()));
    }
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        .then_some(None)
}

/// Reads an address that may or may not stand in brackets, as in a `received` parameter (RFC 5118 section 4.5).
pub(super) fn bare_ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(inner) => ipv6(inner.strip_suffix(']')?).map(IpAddr::V6),
        None => text.parse().ok(),
    }
}
