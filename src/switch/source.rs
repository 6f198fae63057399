//! Who is speaking: from the socket's address and a digest, never from what a header says alone.

use std::time::Instant;

use super::Switch;
use crate::base::Flow;
use crate::base::settings::DigestHash;
use crate::route::Source;
use crate::sip::digest::{Algorithm, Challenge, Credentials};
use crate::sip::{Host, Method, Name, Request, Scheme, Status, Uri};

use super::realm::Nonce;
use crate::mask::write::Reply;

/// The realm that phones are asked for.
const REALM: &str = "maskline";

/// Who a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A trunk, or a phone that has proved it.
    Known(Source),
    /// Somebody who has to prove to be a phone.
    Challenged {
        /// The last proof was good but for its age.
        stale: bool,
    },
    /// Nobody: silence.
    Unknown,
}

impl Switch {
    /// Who a request outside any dialog comes from.
    pub(super) fn speaker(&self, now: Instant, request: &Request, flow: &Flow) -> Speaker {
        let address = flow.remote.ip();
        let index = &self.policy.index;
        let user = request.from().uri().user();
        let claims_phone = user.as_deref().and_then(|user| index.phone_named(user)).is_some();
        let is_at_us = self.is_at_us(request);
        let trunk = index.trunk_at(address);
        match (request.method(), trunk) {
            (&Method::REGISTER, _) => self.prove(now, request, flow),
            (_, Some(_)) if claims_phone && is_at_us => self.prove(now, request, flow),
            (_, Some(place)) => Speaker::Known(Source::Trunk(place)),
            // The same for every name, so that none can be told from another.
            (&Method::INVITE, None) if is_at_us => self.prove(now, request, flow),
            (_, None) if is_at_us && self.registry.knows(now, address) => self.prove(now, request, flow),
            (_, None) => Speaker::Unknown,
        }
    }

    /// Whether a trunk, or a registered phone, is at an address: those are told what is wrong.
    pub(super) fn is_acquainted(&self, now: Instant, flow: &Flow) -> bool {
        let address = flow.remote.ip();
        self.policy.index.trunk_at(address).is_some() || self.registry.knows(now, address)
    }

    /// Whether a request's From claims to be an address of ours: at one of our listeners, or at the very host that
    /// the request is sent to.
    fn is_at_us(&self, request: &Request) -> bool {
        let Some(host) = host_of(request.from().uri()) else { return false };
        let is_listener = |ip: std::net::IpAddr| {
            self.policy
                .listeners
                .iter()
                .any(|listener| listener.public.ip() == ip || listener.bind.ip() == ip)
        };
        match host {
            Host::Ip(ip) if is_listener(ip) => true,
            host => host_of(request.uri()).is_some_and(|ours| ours == host),
        }
    }

    /// Checks the proof that a request carries. One that is for another URI is as good as none, and is answered like
    /// every other wrong one. A source that has brought too many wrong ones is answered so whatever it brings.
    fn prove(&self, now: Instant, request: &Request, flow: &Flow) -> Speaker {
        let source = flow.remote.ip();
        let realm = &self.registry.realm;
        let credentials = request.headers(Name::Authorization).filter_map(Credentials::parse);
        let Some(credentials) = credentials.filter(|credentials| credentials.realm == REALM).last() else {
            return Speaker::Challenged { stale: false };
        };
        if !realm.may_prove(now, source, &credentials.nonce) {
            return Speaker::Challenged { stale: false };
        }
        let phone = self.policy.index.phone_named(&credentials.username);
        let claimed = request.from().uri().user();
        let is_right = phone.filter(|phone| {
            let account = self.policy.index.phone(*phone);
            claimed.as_deref() == Some(&account.username)
                && credentials.is_for(request.uri())
                && credentials.verify(request.method(), &account.password)
        });
        let Some(phone) = is_right else {
            realm.proved_wrong(now, source);
            return Speaker::Challenged { stale: false };
        };
        match realm.check(now, source, &credentials.nonce, credentials.nonce_count) {
            Nonce::Fresh => {
                realm.trust(source);
                Speaker::Known(Source::Phone(phone))
            }
            Nonce::Stale => Speaker::Challenged { stale: true },
            Nonce::Foreign => Speaker::Challenged { stale: false },
        }
    }

    /// The challenge, in the order of the settings (RFC 8760 section 2.4). `None` where the source has drawn too many.
    pub(super) fn challenge(&mut self, now: Instant, flow: &Flow, stale: bool) -> Option<(Status, Reply)> {
        let source = flow.remote.ip();
        if !self.registry.realm.may_challenge(now, source) {
            return None;
        }
        let nonce = self.registry.realm.nonce(now, source, self.random.next_u32());
        let challenge = |algorithm| Challenge {
            realm: REALM.into(),
            nonce: nonce.clone(),
            opaque: None,
            algorithm,
            session: false,
            stale,
            qop: true,
        };
        let hashes = self.policy.settings().sip.digest.iter().map(|hash| match hash {
            DigestHash::Md5 => Algorithm::Md5,
            DigestHash::Sha256 => Algorithm::Sha256,
        });
        let reply = hashes.fold(Reply::bare(), |reply, algorithm| {
            reply.with(Name::WwwAuthenticate, challenge(algorithm).to_string())
        });
        Some((Status::UNAUTHORIZED, reply))
    }
}

fn host_of(uri: &Uri) -> Option<Host<'_>> {
    matches!(uri.scheme(), Scheme::Sip | Scheme::Sips).then(|| uri.host()).flatten()
}
