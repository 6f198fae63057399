//! Floor 6. Media engine threads and ports.
//!
//! Each thread owns the relays of its calls and waits on their sockets by epoll; a packet costs one `recvfrom` and
//! one `sendto`, and no allocation, lock or log line. The switch's threads speak to them through a [`Handle`] each:
//! opening binds the sockets on the spot, so that the ports are known at once; every other order goes by a bounded
//! channel, and waits in the handle while that is full.

mod engine;
mod ports;
mod sockets;
mod worker;

pub use engine::{Engine, EventSink, Handle, Options};

/// Why a relay cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFault {
    /// Every pair of ports is in use, by relays or by other programs.
    #[error("no pair of media ports is free: widen `ports` in [media]")]
    NoPorts,
    /// The process or the machine has no descriptor left.
    #[error("no descriptor is free for media ports: raise the limit of open files")]
    NoDescriptors,
    /// The address cannot be bound at all.
    #[error("media address {address} cannot be bound: {source}")]
    Address {
        /// The address asked for.
        address: std::net::IpAddr,
        /// What the system says.
        source: std::io::Error,
    },
}
