//! Reading addresses, networks, listeners, targets and ports.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::table::{Read, Value};
use super::values::text;
use super::{Listen, Target, TargetHost};
use crate::base::Transport;

/// The address of a listener.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let help = "write an address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\"";
    text.parse().map_err(|_| format!("\"{text}\" is no address: {help}"))
}

/// An address that others can reach.
pub(super) fn address(value: &Value<'_>) -> Read<IpAddr> {
    text(|text| match text.parse::<IpAddr>() {
        Ok(address) if !address.is_unspecified() && !address.is_multicast() => Ok(address),
        _ => {
            Err(format!("\"{text}\" is no address that others can reach: write one, as in \"198.51.100.7\""))
        }
    })(value)
}

/// A network, or one address.
pub(super) fn network(value: &Value<'_>) -> Read<IpNet> {
    text(|text| {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(address));
        }
        let network: IpNet = text.parse().map_err(|_| {
            format!("\"{text}\" is no network: write one, as in \"203.0.113.0/24\" or \"203.0.113.10\"")
        })?;
        if network.trunc() != network {
            let (whole, one) = (network.trunc(), network.addr());
            return Err(format!("\"{text}\" has bits beyond its prefix: write \"{whole}\" or \"{one}\""));
        }
        if network.prefix_len() == 0 {
            let message =
                "is the whole world, and whoever it names is believed: write the networks of the carrier";
            return Err(message.to_owned());
        }
        Ok(network)
    })(value)
}

/// A listener, as in `udp:127.0.0.1:5060`.
pub(super) fn listen(value: &Value<'_>) -> Read<Listen> {
    text(|text| {
        let help = "write the transport and the address, as in \"udp:127.0.0.1:5060\" or \"tcp:[::1]:5060\"";
        let (transport, address) = text.split_once(':').unwrap_or(("", text));
        let transport = match transport {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => return Err("not in this version: write \"tcp:...\" or \"udp:...\"".to_owned()),
            _ => return Err(format!("\"{text}\" is no listener: {help}")),
        };
        let address = address.parse().map_err(|_| format!("\"{text}\" is no listener: {help}"))?;
        Ok(Listen { transport, address })
    })(value)
}

/// Where a trunk's calls go, as in `sip:203.0.113.10:5060;transport=udp`.
pub(super) fn target(value: &Value<'_>) -> Read<Target> {
    text(|text| {
        let wrong = |why: &str| format!("{why}: write it as in \"sip:203.0.113.10:5060;transport=udp\"");
        let mut parts = text.split(';');
        let (scheme, place) = parts.next().and_then(|uri| uri.split_once(':')).unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => {}
            "sips" => return Err("TLS is not in this version: write a sip: URI".to_owned()),
            _ => return Err(wrong("is no sip: URI")),
        }
        let mut transport = Transport::Udp;
        for parameter in parts {
            transport = match parameter.to_ascii_lowercase().as_str() {
                "transport=udp" => Transport::Udp,
                "transport=tcp" => Transport::Tcp,
                "transport=tls" => return Err("TLS is not in this version: write transport=tcp".to_owned()),
                _ => return Err(wrong("has a parameter other than transport=udp or transport=tcp")),
            };
        }
        if place.contains('@') {
            return Err(wrong("has a user, which is the number called and comes from the mapping"));
        }
        let (host, port) =
            host_and_port(place).ok_or_else(|| wrong("has no host, or a port that is none"))?;
        Ok(Target { host, port, transport })
    })(value)
}

fn host_and_port(place: &str) -> Option<(TargetHost, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (TargetHost::Ip(IpAddr::V6(host.parse().ok()?)), after)
        }
        None => {
            let end = place.find(':').unwrap_or(place.len());
            (host(&place[..end])?, &place[end..])
        }
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse().ok().filter(|&port: &u16| port != 0)?),
        None if port.is_empty() => None,
        None => return None,
    };
    Some((host, port))
}

fn host(text: &str) -> Option<TargetHost> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return (!address.is_unspecified() && !address.is_multicast()).then_some(TargetHost::Ip(address));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let named = text.len() <= 253
        && text.trim_end_matches('.').split('.').all(label)
        && !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    named.then(|| TargetHost::Name(text.into()))
}

/// A range of ports for media: an even first and an odd last.
pub(super) fn ports(value: &Value<'_>) -> Read<RangeInclusive<u16>> {
    text(|text| {
        let help = "write them as in \"20000-29999\"";
        let range = text.split_once('-').map(|(first, last)| (first.trim().parse(), last.trim().parse()));
        let Some((Ok(first), Ok(last))) = range else {
            return Err(format!("is no range of ports from 1 to 65535: {help}"));
        };
        match (first, last) {
            (first, last) if first > last => Err(format!("the first port is above the last: {help}")),
            (0..1024, _) => Err(format!("ports under 1024 are the system's: {help}")),
            (first, last) if first % 2 == 1 || last % 2 == 0 => {
                Err(format!("the first port has to be even (RTP) and the last odd (RTCP): {help}"))
            }
            (first, last) if last - first < 3 => {
                Err(format!("a call takes two pairs, and here is no room for one: {help}"))
            }
            (first, last) => Ok(first..=last),
        }
    })(value)
}
