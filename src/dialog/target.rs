//! From a route set and a remote target to a Request-URI, Route header fields and a next hop.

use std::net::SocketAddr;

use crate::base::{Flow, Transport};
use crate::sip::{Address, Uri};

/// The Request-URI and the Route values of RFC 3261 section 12.2.1.1: with a strict router first, it takes the
/// Request-URI and the target goes last.
pub(super) fn route(target: &str, routes: &[Box<str>]) -> (Box<str>, Vec<Box<str>>) {
    let Some(first) = routes.first() else { return (target.into(), Vec::new()) };
    match Address::parse(first) {
        Ok(address) if address.uri().param("lr").is_none() => {
            let mut rest: Vec<Box<str>> = routes[1..].to_vec();
            rest.push(format!("<{target}>").into());
            (request_uri(address.uri()), rest)
        }
        _ => (target.into(), routes.to_vec()),
    }
}

/// A URI without the parts that must not stand in a Request-URI: header fields and `method` (RFC 3261 section
/// 19.1.1, table 1).
pub(super) fn request_uri(uri: &Uri) -> Box<str> {
    let text = uri.as_str();
    if !uri.has_headers() && uri.param("method").is_none() {
        return text.into();
    }
    let host = text.find('@').map_or(0, |at| at + 1);
    let end = text[host..].find([';', '?']).map_or(text.len(), |at| host + at);
    let mut clean = text[..end].to_owned();
    for (name, value) in uri.params().filter(|(name, _)| !name.eq_ignore_ascii_case("method")) {
        clean.push(';');
        clean.push_str(name);
        if let Some(value) = value {
            clean.push('=');
            clean.push_str(value);
        }
    }
    clean.into()
}

/// The socket address that a route value or a URI names, where it names one and not a host.
pub(super) fn address(value: &str, transport: Transport) -> Option<SocketAddr> {
    let parsed;
    let uri = if value.contains('<') {
        parsed = Address::parse(value).ok()?;
        parsed.uri().clone()
    } else {
        Uri::parse(value).ok()?
    };
    let ip = uri.host()?.ip()?.to_canonical();
    let port = uri.port().unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
    let routable = !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast(ip) && port != 0;
    routable.then(|| SocketAddr::new(ip, port))
}

fn is_broadcast(ip: std::net::IpAddr) -> bool {
    matches!(ip, std::net::IpAddr::V4(v4) if v4.is_broadcast())
}

/// The flow to an address, on the standing connection where the peer has one from that host; an address of the
/// other family, which this listener can't reach, falls back to the flow.
pub(super) fn hop(flow: Flow, named: Option<SocketAddr>) -> Flow {
    match named {
        Some(remote) if remote.is_ipv4() == flow.local.is_ipv4() => {
            let connection = flow.connection.filter(|_| remote.ip() == flow.remote.ip());
            Flow { remote, connection, ..flow }
        }
        _ => flow,
    }
}
