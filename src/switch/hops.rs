//! From a plan to the places where the callee is tried.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Switch;
use crate::base::settings::{IdentityOut, Target as Hop, TargetHost};
use crate::base::{Flow, Transport};
use crate::call::{Destination, Policy};
use crate::mask::Asserted;
use crate::route::{Plan, Source, Target};
use crate::sip::Host;

/// Where a plan leads.
pub(super) enum Hops {
    /// To these places; none where nobody is registered.
    Known(Vec<Destination>),
    /// To a name that has to be looked up.
    Ask(Name),
}

/// A name to look up.
pub(super) struct Name {
    pub(super) host: Arc<str>,
    pub(super) port: Option<u16>,
    pub(super) transport: Transport,
}

impl Switch {
    /// The places that a plan leads to, by the settings that it was made under.
    pub(super) fn destinations(&self, now: Instant, policy: &Policy, plan: &Plan) -> Hops {
        match &plan.target {
            Target::Phone(place) => Hops::Known(self.contacts(now, policy, plan, *place)),
            Target::Trunks(_) => match hop(policy, plan) {
                Some((_, Hop { host: TargetHost::Name(host), port, transport })) => {
                    Hops::Ask(Name { host: host.clone(), port: *port, transport: *transport })
                }
                Some((_, Hop { host: TargetHost::Ip(ip), port, .. })) => {
                    let address = SocketAddr::new(*ip, port.unwrap_or(5060));
                    Hops::Known(destinations_at(policy, plan, &[address]))
                }
                None => Hops::Known(Vec::new()),
            },
        }
    }

    /// The contacts of a phone, all of which ring.
    fn contacts(&self, now: Instant, policy: &Policy, plan: &Plan, place: usize) -> Vec<Destination> {
        let phone = policy.index.phone(place);
        let bindings = self.registry.contacts(now, &phone.username);
        let destination = |binding: super::Binding| {
            let flow: Flow = binding.flow;
            let host = policy.host(&flow);
            Destination {
                uri: binding.uri.as_str().into(),
                to: format!("<sip:{}@{host}>", phone.username).into(),
                flow,
                origin: Source::Phone(place),
                peer: phone.username.clone(),
                shown: Asserted::new(&plan.show.reveal(), &host, IdentityOut::Pai),
                early_media: plan.early_media.unwrap_or(phone.early_media),
                media_sources: Vec::new(),
                way: 0,
            }
        };
        bindings.into_iter().map(destination).collect()
    }
}

/// The place that a plan leads to at the first of these addresses that a listener can reach.
pub(super) fn destinations_at(policy: &Policy, plan: &Plan, addresses: &[SocketAddr]) -> Vec<Destination> {
    let Some((place, hop)) = hop(policy, plan) else { return Vec::new() };
    let mut flows = addresses.iter().filter_map(|address| policy.flow_to(hop.transport, *address));
    let Some(flow) = flows.next() else { return Vec::new() };
    let trunk = policy.index.trunk(place);
    let host = match &hop.host {
        TargetHost::Name(name) => name.to_string(),
        TargetHost::Ip(ip) => Host::Ip(*ip).to_string(),
    };
    let number = policy.index.written_for(place, plan.destination);
    let port = hop.port.map(|port| format!(":{port}")).unwrap_or_default();
    let transport = if hop.transport == Transport::Tcp { ";transport=tcp" } else { "" };
    let shown = policy.index.written_for(place, plan.show);
    vec![Destination {
        uri: format!("sip:{number}@{host}{port}{transport}").into(),
        to: format!("<sip:{number}@{host}>").into(),
        flow,
        origin: Source::Trunk(place),
        peer: trunk.name.clone(),
        shown: Asserted::new(&shown, &policy.host(&flow), trunk.identity_out),
        early_media: plan.early_media.unwrap_or(trunk.early_media),
        media_sources: trunk.media_sources.clone(),
        way: 0,
    }]
}

/// The trunk that is chosen, and its target.
fn hop<'p>(policy: &'p Policy, plan: &Plan) -> Option<(usize, &'p Hop)> {
    let Target::Trunks(places) = &plan.target else { return None };
    let place = *places.first()?;
    Some((place, policy.settings().trunks.get(place)?.targets.first()?))
}
