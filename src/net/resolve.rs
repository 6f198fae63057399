//! Looking up host names, off the shard's thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Post;
use crate::switch::Input;

/// How long a look-up may take: well within a caller's patience for a first response.
const PATIENCE: Duration = Duration::from_secs(4);
/// The port of a name that comes without one (RFC 3263 section 4.2).
const SIP: u16 = 5060;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// Which kinds of address a transport's listeners can reach.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Families {
    /// Counts a listener's address.
    pub(super) fn add(&mut self, listener: SocketAddr) {
        if listener.is_ipv4() { self.v4 = true } else { self.v6 = true }
    }

    fn reach(self, address: &SocketAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }
}

/// Looks up the A and AAAA records of a host, in the system's order of preference (RFC 6724). The answer reaches
/// the shard as [`Input::Resolved`], empty where there is none in time.
pub(super) fn start(id: u64, host: Arc<str>, port: Option<u16>, families: Families, post: Post) {
    #[expect(clippy::disallowed_methods, reason = "an edge file: the look-up must not hold up the shard")]
    tokio::spawn(async move {
        let found =
            tokio::time::timeout(PATIENCE, tokio::net::lookup_host((&*host, port.unwrap_or(SIP)))).await;
        let mut addresses: Vec<SocketAddr> = match found {
            Ok(Ok(found)) => found.filter(|address| families.reach(address)).take(ADDRESSES).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        addresses.dedup();
        if addresses.is_empty() {
            tracing::debug!("a host name has no address that a listener can reach");
        }
        post.input(Input::Resolved { id, addresses });
    });
}
