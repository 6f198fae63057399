//! From a route set and a remote target to a Request-URI, Route header fields and a next hop.

use std::net::SocketAddr;

use crate::base::{Flow, Transport};
use crate::sip::{Address, Host, Uri};

/// The Request-URI and the Route values of RFC 3261 section 12.2.1.1: with a strict router first, it takes the
/// Request-URI and the target goes last.
pub(super) fn route(target: &str, routes: &[Box<str>]) -> (Box<str>, Vec<Box<str>>) {
    let Some(first) = routes.first() else { return (target.into(), Vec::new()) };
    match Address::parse(first) {
        Ok(address) if address.uri().param("lr").is_none() => {
            let mut rest: Vec<Box<str>> = routes[1..].to_vec();
            rest.push(format!("<{target}>").into());
            (address.uri().as_str().into(), rest)
        }
        _ => (target.into(), routes.to_vec()),
    }
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
    let Host::Ip(ip) = uri.host()? else { return None };
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
