//! The digest realm: challenges that can be checked without having been kept (RFC 7616).

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::lapsing::Lapsing;
use super::limits::{Buckets, Rate};
use crate::base::Random;

/// How long a nonce may be used.
const LIFETIME: Duration = Duration::from_secs(300);
/// Challenges that a source may draw. One that has answered a challenge rightly is no longer counted.
const CHALLENGES: Rate = Rate { per_second: 10.0, burst: 50.0 };

/// Wrong proofs that a source may bring. A right one gives none of them back: whoever has an account may not guess at the
/// others' passwords.
const GUESSES: Rate = Rate { per_second: 10.0, burst: 50.0 };

/// Nonces and what is remembered of them.
#[derive(Debug)]
pub(super) struct Realm {
    key: [u8; 32],
    started: Instant,
    /// The highest count that each nonce in use was used with.
    counts: Lapsing<Box<str>, u32>,
    /// The challenges that each source has left.
    challenges: Buckets<IpAddr>,
    /// The wrong proofs that each source has left.
    guesses: Buckets<IpAddr>,
}

/// What a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nonce {
    /// Ours and fresh.
    Fresh,
    /// Ours, but too old or used before: the client is to take the next.
    Stale,
    /// Not ours, or another source's.
    Foreign,
}

impl Realm {
    pub(super) fn new(now: Instant, random: &mut Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        let (challenges, guesses) = (Buckets::new(now), Buckets::new(now));
        Self { key, started: now, counts: Lapsing::new(now), challenges, guesses }
    }

    /// A nonce for a source: the time, a random salt, and a code over both and the source. The salt keeps phones
    /// behind one address, or requests of one phone, from being given the same nonce in the same millisecond, each
    /// of which would spend it for the other.
    pub(super) fn nonce(&self, now: Instant, source: IpAddr, salt: u32) -> String {
        let stamp = format!("{:016x}{salt:08x}", self.millis(now));
        let code = self.code(&stamp, source);
        stamp + &code
    }

    /// Whether a source's proof is to be looked at: it answers a nonce that the source was given, so that nobody can
    /// guess in another's name, and the source has not brought too many wrong ones.
    pub(super) fn may_prove(&self, now: Instant, source: IpAddr, nonce: &str) -> bool {
        let network = network(source);
        self.has_given(source, nonce)
            && !self.guesses.is_full_for(now, &network)
            && self.guesses.has(now, &network, GUESSES)
    }

    /// A source's proof was wrong.
    pub(super) fn proved_wrong(&self, now: Instant, source: IpAddr) {
        self.guesses.take(now, network(source), GUESSES);
    }

    fn has_given(&self, source: IpAddr, nonce: &str) -> bool {
        nonce
            .split_at_checked(24)
            .is_some_and(|(stamp, code)| self.code(stamp, source).as_bytes().ct_eq(code.as_bytes()).into())
    }

    /// Checks a nonce that a source answers, and counts its use.
    pub(super) fn check(&self, now: Instant, source: IpAddr, nonce: &str, count: Option<u32>) -> Nonce {
        let stamp = nonce.get(..16).filter(|_| self.has_given(source, nonce));
        let millis = stamp.and_then(|stamp| u64::from_str_radix(stamp, 16).ok());
        let Some(millis) = millis else { return Nonce::Foreign };
        let age = Duration::from_millis(self.millis(now).saturating_sub(millis));
        if age > LIFETIME {
            return Nonce::Stale;
        }
        let count = count.unwrap_or(1);
        let mut used = self.counts.entry(now, nonce.into(), || (0, now + LIFETIME));
        if count <= used.value {
            return Nonce::Stale;
        }
        used.value = count;
        Nonce::Fresh
    }

    /// Whether a source may draw another challenge. While too many others are counted, a new one gets none.
    pub(super) fn may_challenge(&self, now: Instant, source: IpAddr) -> bool {
        let source = network(source);
        !self.challenges.is_full_for(now, &source) && self.challenges.take(now, source, CHALLENGES)
    }

    /// A source answered rightly: what it drew is given back.
    pub(super) fn trust(&self, source: IpAddr) {
        self.challenges.fill(&network(source));
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn code(&self, stamp: &str, source: IpAddr) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(stamp.as_bytes());
        mac.update(source.to_string().as_bytes());
        mac.finalize().into_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What counts as one source: an address, or the /64 that one host of IPv6 has to itself.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::MOST;
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_nonce_counts_up_grows_old_and_belongs_to_its_source() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let nonce = realm.nonce(now, HERE, 7);
        assert_eq!(realm.check(now, THERE, &nonce, Some(1)), Nonce::Foreign);
        assert_eq!(realm.check(now, HERE, &nonce, Some(1)), Nonce::Fresh);
        assert_eq!(realm.check(now, HERE, &nonce, Some(1)), Nonce::Stale, "replayed");
        assert_eq!(realm.check(now, HERE, &nonce, Some(2)), Nonce::Fresh);
        assert_eq!(realm.check(now + LIFETIME * 2, HERE, &nonce, Some(3)), Nonce::Stale);
        assert_eq!(realm.check(now, HERE, "0000", Some(1)), Nonce::Foreign);
        assert_eq!(realm.check(now, HERE, "zzzzzzzzzzzzzzzz00", Some(1)), Nonce::Foreign);
    }

    #[test]
    fn two_nonces_of_one_moment_do_not_spend_each_other() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let (one, two) = (realm.nonce(now, HERE, 1), realm.nonce(now, HERE, 2));
        assert_eq!(realm.check(now, HERE, &one, Some(1)), Nonce::Fresh);
        assert_eq!(realm.check(now, HERE, &two, Some(1)), Nonce::Fresh);
        let forged = one.replacen("00000001", "00000003", 1);
        assert_eq!(realm.check(now, HERE, &forged, Some(1)), Nonce::Foreign);
    }

    #[test]
    fn a_source_runs_out_of_challenges_and_gets_them_back() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let drawn = (0..1_000).filter(|_| realm.may_challenge(now, HERE)).count();
        assert_eq!(drawn, 50);
        assert!(realm.may_challenge(now, THERE), "another source is not touched");
        assert!(realm.may_challenge(now + Duration::from_secs(1), HERE));
        realm.trust(HERE);
        assert!(realm.may_challenge(now, HERE));
    }

    #[test]
    fn a_source_runs_out_of_wrong_proofs_and_right_ones_give_none_back() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let nonce = realm.nonce(now, HERE, 1);
        assert!(!realm.may_prove(now, THERE, &nonce), "it was given to another");
        let mut guesses = 0;
        while realm.may_prove(now, HERE, &nonce) && guesses < 1_000 {
            realm.proved_wrong(now, HERE);
            realm.trust(HERE);
            guesses += 1;
        }
        assert_eq!(guesses, 50);
        assert!(realm.may_prove(now, THERE, &realm.nonce(now, THERE, 2)), "another source is not touched");
        assert!(realm.may_prove(now + Duration::from_secs(1), HERE, &nonce));
    }

    /// The source with a number, in 10.0.0.0/8.
    fn source(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    #[test]
    fn a_flood_of_challenges_is_bounded_and_forgotten() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let most = u32::try_from(MOST).unwrap();
        assert!((0..most).all(|number| realm.may_challenge(now, source(number))));
        assert!(!realm.may_challenge(now, HERE), "no place is left to count another");
        assert!(realm.may_challenge(now, source(0)), "those that are counted go on");
        assert_eq!(realm.challenges.len(), MOST);
        let later = now + Duration::from_secs(6);
        assert!(realm.may_challenge(later, HERE));
        assert_eq!(realm.challenges.len(), 1, "the others have all their challenges again");
    }

    #[test]
    fn nonces_in_use_are_forgotten_when_they_are_too_old_whatever_floods_the_challenges() {
        let now = start();
        let realm = Realm::new(now, &mut Random::from_number(1));
        let spend = |at: Instant, salt: u32| {
            let nonce = realm.nonce(at, HERE, salt);
            assert_eq!(realm.check(at, HERE, &nonce, Some(1)), Nonce::Fresh);
        };
        (0..5_000).for_each(|salt| spend(now, salt));
        (0..5_000).for_each(|number| assert!(realm.may_challenge(now, source(number))));
        let later = now + LIFETIME + Duration::from_secs(1);
        assert!(realm.may_challenge(later, HERE), "the flood goes on, and is swept in this second");
        spend(later, 9_999);
        assert_eq!(realm.counts.len(), 1);
    }
}
