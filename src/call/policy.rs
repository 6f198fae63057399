//! The settings as a call needs them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::settings::Settings;
use crate::base::{Flow, Shards, Transport};
use crate::route::Index;
use crate::sip::Host;
use crate::transaction::Timings;

/// One listener, with the addresses that go into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Its transport.
    pub transport: Transport,
    /// The address it is bound to.
    pub bind: SocketAddr,
    /// The address that peers reach it at: in Via and Contact.
    pub public: SocketAddr,
    /// The address that media ports beside it are bound to.
    pub media_bind: IpAddr,
    /// The address that peers reach those at: in SDP.
    pub media_public: IpAddr,
}

/// The settings in force, arranged for look-up. Replaced as a whole when the file is read again.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Numbers, mappings, trunks and phones.
    pub index: Arc<Index>,
    /// The listeners; never empty.
    pub listeners: Vec<Listener>,
    /// Which shard a Call-ID belongs to.
    pub shards: Shards,
    /// How many calls the process takes at a time.
    pub max_calls: usize,
}

impl Policy {
    /// The settings file.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.index.settings()
    }

    /// The transaction timers.
    #[must_use]
    pub fn timings(&self) -> Timings {
        let sip = &self.settings().sip;
        Timings { t1: sip.t1, t2: sip.t2, t4: sip.t4 }
    }

    /// The listener that a flow uses.
    #[must_use]
    pub fn listener(&self, flow: &Flow) -> &Listener {
        let same = |listener: &&Listener| listener.transport == flow.transport && listener.bind == flow.local;
        self.listeners.iter().find(same).unwrap_or(&self.listeners[0])
    }

    /// The flow to an address: by the first listener of its transport and family, one on loopback for an address
    /// on loopback where there is one.
    #[must_use]
    pub fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let fits = |listener: &&Listener| {
            listener.transport == transport && listener.bind.is_ipv4() == remote.is_ipv4()
        };
        let near = |listener: &&Listener| listener.bind.ip().is_loopback() == remote.ip().is_loopback();
        let mut fitting = self.listeners.iter().filter(fits);
        let listener = fitting.clone().find(near).or_else(|| fitting.next())?;
        Some(Flow { transport, local: listener.bind, remote, connection: None })
    }

    /// The Via value of a request on a flow, with the response asked back to where it came from (RFC 3581).
    #[must_use]
    pub fn via(&self, flow: &Flow, branch: &str) -> String {
        let transport = flow.transport.token();
        format!("SIP/2.0/{transport} {};branch={branch};rport", self.listener(flow).public)
    }

    /// A Contact on a flow's listener; `user` is random.
    #[must_use]
    pub fn contact(&self, flow: &Flow, user: &str) -> Box<str> {
        let public = self.listener(flow).public;
        match flow.transport {
            Transport::Udp => format!("<sip:{user}@{public}>"),
            Transport::Tcp => format!("<sip:{user}@{public};transport=tcp>"),
            Transport::Tls => format!("<sips:{user}@{public}>"),
        }
        .into()
    }

    /// Our own host as it stands in From and To on a flow: without a port.
    #[must_use]
    pub fn host(&self, flow: &Flow) -> String {
        Host::Ip(self.listener(flow).public.ip()).to_string()
    }
}
