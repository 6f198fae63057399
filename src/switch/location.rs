//! What all shards share: who is registered where, the digest realm, and what is counted.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::lapsing::Lapsing;
use super::limits::Buckets;
use super::load::Load;
use super::realm::Realm;
use crate::base::{Flow, PhoneNumber, Random};
use crate::route::Source;
use crate::sip::Uri;

/// How many contacts a phone may have at a time.
pub(super) const MOST_CONTACTS: usize = 10;

/// One contact of a phone (RFC 3261 section 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The URI of its Contact.
    pub uri: Uri,
    /// The path that its REGISTER came by: requests go back by it, through a NAT as well.
    pub flow: Flow,
    /// When it lapses.
    pub expires: Instant,
    /// The REGISTER it was last set by.
    pub call_id: Box<str>,
    /// That one's CSeq number.
    pub cseq: u32,
}

/// The registered contacts of all phones, and the challenges they answer. Guards of the maps are never held
/// beyond one call.
#[derive(Debug)]
pub struct Registry {
    bindings: DashMap<Arc<str>, Vec<Binding>>,
    /// The hosts that a phone is registered from.
    hosts: Lapsing<IpAddr, ()>,
    pub(super) realm: Realm,
    pub(super) load: Load,
    /// The uniform refusals that each caller of a source may still have.
    pub(super) refusals: Buckets<(Source, Option<PhoneNumber>)>,
    /// The records that INVITEs which are turned away may still leave.
    pub(super) turned_away: Buckets<Source>,
}

/// What a REGISTER asks for one contact.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) uri: Uri,
    /// `None` removes it.
    pub(super) lasts: Option<Duration>,
}

impl Registry {
    /// An empty registry; challenges are keyed from `random`.
    #[must_use]
    pub fn new(now: Instant, random: &mut Random) -> Self {
        Self {
            bindings: DashMap::new(),
            hosts: Lapsing::new(now),
            realm: Realm::new(now, random),
            load: Load::default(),
            refusals: Buckets::new(now),
            turned_away: Buckets::new(now),
        }
    }

    /// The contacts of a phone that have not lapsed, the latest first.
    #[must_use]
    pub fn contacts(&self, now: Instant, username: &str) -> Vec<Binding> {
        let mut known = self.bindings.get(username).map(|known| known.clone()).unwrap_or_default();
        known.retain(|binding| binding.expires > now);
        known.reverse();
        known
    }

    /// Whether a phone is registered from this address.
    #[must_use]
    pub(super) fn knows(&self, now: Instant, address: IpAddr) -> bool {
        self.hosts.holds(now, &address)
    }

    /// Applies a REGISTER as a whole: false, and nothing done, where it is older than one already applied to a
    /// contact (RFC 3261 section 10.3). Contacts are the same whose URIs are equivalent; of two in one REGISTER, the
    /// last counts.
    pub(super) fn apply(
        &self,
        now: Instant,
        username: &Arc<str>,
        flow: Flow,
        changes: &[Change],
        (call_id, cseq): (&str, u32),
    ) -> bool {
        let mut known = self.bindings.entry(username.clone()).or_default();
        let mut next: Vec<Binding> = known.iter().filter(|binding| binding.expires > now).cloned().collect();
        let is_changed =
            |binding: &Binding| changes.iter().any(|change| change.uri.is_equivalent(&binding.uri));
        let is_newer = |binding: &Binding| *binding.call_id == *call_id && binding.cseq >= cseq;
        if next.iter().any(|binding| is_newer(binding) && is_changed(binding)) {
            return false;
        }
        for change in changes {
            next.retain(|binding| !change.uri.is_equivalent(&binding.uri));
            if let Some(lasts) = change.lasts {
                let (uri, expires) = (change.uri.clone(), now + lasts);
                next.push(Binding { uri, flow, expires, call_id: call_id.into(), cseq });
                // A phone that comes from a new port with each start pushes out its oldest contact.
                next.drain(..next.len().saturating_sub(MOST_CONTACTS));
            }
        }
        if let Some(until) = next.iter().map(|binding| binding.expires).max() {
            let mut known = self.hosts.entry(now, flow.remote.ip(), || ((), until));
            known.until = until.max(known.until);
        }
        *known = next;
        true
    }

    /// A connection is gone: so are the contacts behind it.
    pub(super) fn lost(&self, flow: &Flow) {
        if flow.connection.is_none() {
            return;
        }
        for mut known in self.bindings.iter_mut() {
            known.retain(|binding| binding.flow.connection != flow.connection);
        }
    }
}
