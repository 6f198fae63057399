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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::Transport;

    /// How a listener is known under settings with these keys, on a machine whose way out is 198.51.100.7.
    fn known(bind: &str, sip: &str, media: &str) -> (String, String) {
        let text = format!(
            "[sip]\nlisten = [\"udp:{bind}\"]\n{sip}\n[media]\nports = \"20000-20099\"\n{media}\n[api]\n\
             listen = \"127.0.0.1:8080\"\n[numbers]\ncountry = \"IN\"\nowned = [\"+918045550101\"]\n"
        );
        let settings = Settings::parse(&text, Path::new("test.toml")).unwrap();
        let listen = Listen { transport: Transport::Udp, address: bind.parse().unwrap() };
        let outward = |ipv6: bool| (!ipv6).then(|| IpAddr::from([198, 51, 100, 7]));
        let listener = listener(&settings, listen, outward);
        assert_eq!(listener.bind, listen.address);
        assert_eq!(listener.media_bind, listen.address.ip());
        (listener.public.to_string(), listener.media_public.to_string())
    }

    #[test]
    fn a_listener_is_known_by_what_others_can_reach() {
        let same = |public: &str, media: &str| (public.to_owned(), media.to_owned());
        assert_eq!(known("192.0.2.5:5060", "", ""), same("192.0.2.5:5060", "192.0.2.5"));
        assert_eq!(known("0.0.0.0:5060", "", ""), same("198.51.100.7:5060", "198.51.100.7"));
        assert_eq!(known("[::]:5060", "", ""), same("[::1]:5060", "::1"), "no route leads out");
        let advertise = "advertise = \"203.0.113.9\"";
        assert_eq!(known("0.0.0.0:5060", advertise, ""), same("203.0.113.9:5060", "203.0.113.9"));
        assert_eq!(known("192.0.2.5:5070", "", advertise), same("192.0.2.5:5070", "203.0.113.9"));
        assert_eq!(known("[2001:db8::5]:5060", advertise, ""), same("[2001:db8::5]:5060", "2001:db8::5"));
    }
}
