//! The addresses that peers know our listeners by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::base::settings::{Listen, Settings};
use crate::call::Listener;
use crate::net::outward_address;

/// The listeners as messages name them. A listener on one address is known by it; one on all addresses by
/// `advertise`, else by the interface that routes outward.
pub(super) fn listeners(settings: &Settings, bound: &[Listen]) -> Vec<Listener> {
    bound.iter().map(|listen| listener(settings, *listen, outward_address)).collect()
}

fn listener(settings: &Settings, listen: Listen, outward: impl Fn(bool) -> Option<IpAddr>) -> Listener {
    let bind = listen.address;
    let of_kind = |address: &IpAddr| address.is_ipv4() == bind.is_ipv4();
    let own = || if bind.ip().is_unspecified() { wildcard(bind.is_ipv6(), &outward) } else { bind.ip() };
    let public = settings.sip.advertise.filter(of_kind).unwrap_or_else(own);
    let media_public = settings.media.advertise.filter(of_kind).unwrap_or(public);
    Listener {
        transport: listen.transport,
        bind,
        public: SocketAddr::new(public, bind.port()),
        media_bind: bind.ip(),
        media_public,
    }
}

fn wildcard(ipv6: bool, outward: impl Fn(bool) -> Option<IpAddr>) -> IpAddr {
    outward(ipv6).unwrap_or_else(|| {
        tracing::warn!(ipv6, "no route leads out: other machines cannot reach us; set `advertise` in [sip]");
        if ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
    })
}
