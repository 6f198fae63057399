//! Whose packets are taken: the source of a side is learned once, from where signalling says it may be, and then
//! locked, so that nobody can talk into a call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::control::Endpoint;

/// How long the source that was just left may not be learned again: packets of the old address are still on
/// their way when the new one is agreed.
const LEFT: Duration = Duration::from_secs(2);

/// One locked address.
#[derive(Debug, Default)]
struct Lock {
    held: Option<SocketAddr>,
    left: Option<(SocketAddr, Instant)>,
}

impl Lock {
    /// Gives up the address, which is not to be learned again for a while.
    fn release(&mut self, now: Instant) {
        if let Some(held) = self.held.take() {
            self.left = Some((held, now + LEFT));
        }
    }

    fn has_just_left(&self, now: Instant, source: SocketAddr) -> bool {
        self.left.is_some_and(|(left, until)| left == source && now < until)
    }
}

/// The sources of one side, RTP's and RTCP's.
#[derive(Debug, Default)]
pub(super) struct Gate {
    rtp: Lock,
    rtcp: Lock,
}

impl Gate {
    /// Whether an RTP packet is the side's own. The first that is `plausible` and comes from an allowed place
    /// locks its source.
    #[inline]
    pub(super) fn admits_rtp(
        &mut self,
        now: Instant,
        source: SocketAddr,
        endpoint: &Endpoint,
        plausible: bool,
    ) -> bool {
        match self.rtp.held {
            Some(held) => held == source,
            None => plausible && self.learn_rtp(now, source, endpoint),
        }
    }

    fn learn_rtp(&mut self, now: Instant, source: SocketAddr, endpoint: &Endpoint) -> bool {
        let stale = self.rtp.has_just_left(now, source) && endpoint.rtp != Some(source);
        if stale || !allows(endpoint, source) {
            return false;
        }
        self.rtp = Lock { held: Some(source), left: None };
        let elsewhere = |held: SocketAddr| held.ip() != source.ip() && endpoint.rtcp != Some(held);
        if self.rtcp.held.is_some_and(elsewhere) {
            self.rtcp.release(now);
        }
        true
    }

    /// Whether an RTCP packet is the side's own. The source of the first is locked: it must be the signalled
    /// one or on the host that RTP comes from, or while that is not known yet, in an allowed place.
    pub(super) fn admits_rtcp(&mut self, now: Instant, source: SocketAddr, endpoint: &Endpoint) -> bool {
        if let Some(held) = self.rtcp.held {
            return held == source;
        }
        let signalled = endpoint.rtcp == Some(source);
        let stale = self.rtcp.has_just_left(now, source) && !signalled;
        let near = self.rtp.held.is_none_or(|rtp| rtp.ip() == source.ip() || signalled);
        let admitted = !stale && near && allows(endpoint, source);
        if admitted {
            self.rtcp = Lock { held: Some(source), left: None };
        }
        admitted
    }

    /// Whether this is the locked source of RTP.
    pub(super) fn is_rtp_source(&self, source: SocketAddr) -> bool {
        self.rtp.held == Some(source)
    }

    /// The signalled address has changed: both sources are learned anew.
    pub(super) fn unlock(&mut self, now: Instant) {
        self.rtp.release(now);
        self.rtcp.release(now);
    }

    /// Where to send RTP: to where it comes from, as far as that is known, else to where the description says;
    /// nowhere while the side wants none.
    #[inline]
    pub(super) fn rtp_target(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        let signalled = endpoint.rtp?;
        Some(self.rtp.held.unwrap_or(signalled))
    }

    /// Where to send RTCP: to where it comes from; else beside a source of RTP that is not the signalled host,
    /// since that one is behind an address translator; else to where the description says.
    pub(super) fn rtcp_target(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        let signalled = endpoint.rtp?;
        let beside = |rtp: SocketAddr| SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1));
        let translated = self.rtp.held.filter(|held| held.ip() != signalled.ip()).map(beside);
        let described = endpoint.rtcp.unwrap_or_else(|| beside(signalled));
        Some(self.rtcp.held.or(translated).unwrap_or(described)).filter(|target| target.port() != 0)
    }
}

fn allows(endpoint: &Endpoint, source: SocketAddr) -> bool {
    endpoint.sources.iter().any(|network| network.contains(&source.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(rtp: &str, sources: &[&str]) -> Endpoint {
        Endpoint {
            rtp: Some(rtp.parse().unwrap()),
            sources: sources.iter().map(|network| network.parse().unwrap()).collect(),
            ..Endpoint::default()
        }
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    #[test]
    fn locks_the_first_allowed_source() {
        let (mut gate, now) = (Gate::default(), start());
        let side = endpoint("192.0.2.1:4000", &["192.0.2.1/32", "198.51.100.0/24"]);
        assert!(!gate.admits_rtp(now, at("203.0.113.9:4000"), &side, true), "not an allowed place");
        assert!(!gate.admits_rtp(now, at("198.51.100.7:1234"), &side, false), "not plausible");
        assert_eq!(gate.rtp_target(&side), Some(at("192.0.2.1:4000")), "nothing learned: as described");
        assert!(gate.admits_rtp(now, at("198.51.100.7:1234"), &side, true));
        assert_eq!(gate.rtp_target(&side), Some(at("198.51.100.7:1234")));
        assert!(
            !gate.admits_rtp(now, at("192.0.2.1:4000"), &side, true),
            "locked, even for the described one"
        );
        assert!(!gate.admits_rtp(now, at("198.51.100.7:1235"), &side, true), "locked to the port, too");
    }

    #[test]
    fn a_source_just_left_is_not_learned_again() {
        let (mut gate, now) = (Gate::default(), start());
        let side = endpoint("192.0.2.1:4000", &["192.0.2.0/24"]);
        assert!(gate.admits_rtp(now, at("192.0.2.1:4000"), &side, true));
        gate.unlock(now);
        let moved = endpoint("192.0.2.2:5000", &["192.0.2.0/24"]);
        assert!(!gate.admits_rtp(now, at("192.0.2.1:4000"), &moved, true), "still on its way");
        assert!(gate.admits_rtp(now + LEFT, at("192.0.2.1:4000"), &moved, true), "it never moved");
        gate.unlock(now);
        assert!(gate.admits_rtp(now, at("192.0.2.1:4000"), &side, true), "described anew");
    }

    #[test]
    fn rtcp_follows_the_host_of_rtp() {
        let (mut gate, now) = (Gate::default(), start());
        let side = endpoint("192.0.2.1:4000", &["192.0.2.0/24"]);
        assert!(gate.admits_rtcp(now, at("192.0.2.9:7001"), &side), "RTP is not known yet");
        assert!(gate.admits_rtp(now, at("192.0.2.5:4000"), &side, true));
        assert!(!gate.admits_rtcp(now, at("192.0.2.9:7001"), &side), "another host than RTP's");
        assert_eq!(gate.rtcp_target(&side), Some(at("192.0.2.5:4001")), "behind a translator");
        assert!(gate.admits_rtcp(now, at("192.0.2.5:61000"), &side));
        assert_eq!(gate.rtcp_target(&side), Some(at("192.0.2.5:61000")));
    }

    #[test]
    fn rtcp_goes_where_the_description_says() {
        let gate = Gate::default();
        let mut side = endpoint("[2001:db8::1]:4000", &[]);
        assert_eq!(gate.rtcp_target(&side), Some(at("[2001:db8::1]:4001")));
        side.rtcp = Some(at("[2001:db8::1]:9"));
        assert_eq!(gate.rtcp_target(&side), Some(at("[2001:db8::1]:9")));
        side.rtp = None;
        assert_eq!(gate.rtcp_target(&side), None);
        assert_eq!(gate.rtp_target(&side), None);
    }
}
