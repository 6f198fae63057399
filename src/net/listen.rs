//! Opening the listeners: for each shard a socket of its own on the same ports, between which the kernel spreads
//! the peers.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::base::Transport;
use crate::base::settings::Listen;

/// Bytes that the kernel may hold for a UDP listener while its shard is busy: two seconds of 2,000 calls a second.
const RECEIVE_BUFFER: usize = 16 * 1024 * 1024;
/// Bytes that may wait to leave a UDP listener.
const SEND_BUFFER: usize = 4 * 1024 * 1024;
/// TCP connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {}:{}: {error}", listen.transport.token().to_ascii_lowercase(), listen.address)]
pub struct ListenFault {
    /// The listener.
    pub listen: Listen,
    /// What the system said.
    pub error: io::Error,
}

/// The sockets of one shard.
#[derive(Debug, Default)]
pub struct Sockets {
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: Vec<TcpListener>,
}

/// Opens every listener once per shard. Gives each shard's sockets, and the listeners as they were bound: where a
/// port was 0, with the port that the system chose.
///
/// # Errors
/// The first listener that cannot be opened.
pub fn bind(listen: &[Listen], shards: usize) -> Result<(Vec<Sockets>, Vec<Listen>), ListenFault> {
    let mut sockets: Vec<Sockets> = (0..shards).map(|_| Sockets::default()).collect();
    let mut bound = Vec::with_capacity(listen.len());
    for &listen in listen {
        let opened = open_for_all(listen, &mut sockets).map_err(|error| ListenFault { listen, error })?;
        bound.push(opened);
    }
    Ok((sockets, bound))
}

fn open_for_all(listen: Listen, sockets: &mut [Sockets]) -> io::Result<Listen> {
    let mut bound = listen;
    let shared = sockets.len() > 1;
    if shared {
        // With SO_REUSEPORT the port of another running instance would open as well: try without it first.
        bound.address = local(&open(listen, false)?)?;
    }
    for sockets in sockets {
        let socket = open(bound, shared)?;
        bound.address = local(&socket)?;
        match listen.transport {
            Transport::Udp => sockets.udp.push(socket.into()),
            Transport::Tcp => sockets.tcp.push(socket.into()),
            Transport::Tls => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS is not served yet"));
            }
        }
    }
    Ok(bound)
}

fn local(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the bound address is no IP address"))
}

fn open(listen: Listen, shared: bool) -> io::Result<Socket> {
    let domain = Domain::for_address(listen.address);
    let (kind, protocol) = match listen.transport {
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
        Transport::Tcp | Transport::Tls => (Type::STREAM, Protocol::TCP),
    };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if domain == Domain::IPV6 {
        // `[::]` and `0.0.0.0` are two listeners, so that every address is of the kind it seems.
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    if listen.transport == Transport::Udp {
        enlarge_buffers(&socket);
        socket.bind(&listen.address.into())?;
    } else {
        socket.set_reuse_address(true)?;
        socket.bind(&listen.address.into())?;
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// Asks for large buffers: beyond `net.core.rmem_max` where we may, else up to it.
fn enlarge_buffers(socket: &Socket) {
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    let granted = socket.recv_buffer_size().unwrap_or(0);
    if granted < 1024 * 1024 {
        tracing::info!(granted, "a UDP listener's buffer is small: raise net.core.rmem_max for bursts");
    }
}

/// The address of the interface that routes outward, of one kind, found without sending anything; `None` where no
/// route leads out.
#[must_use]
pub fn outward_address(ipv6: bool) -> Option<std::net::IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): never a host, and connecting a UDP socket sends nothing.
    let (any, far): (SocketAddr, SocketAddr) = if ipv6 {
        (([0u16; 8], 0).into(), ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9).into())
    } else {
        (([0u8; 4], 0).into(), ([192, 0, 2, 1], 9).into())
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(transport: Transport, port: u16) -> Listen {
        Listen { transport, address: ([127, 0, 0, 1], port).into() }
    }

    #[test]
    fn each_shard_has_its_own_socket_on_the_same_port() {
        let listen = [loopback(Transport::Udp, 0), loopback(Transport::Tcp, 0)];
        let (sockets, bound) = bind(&listen, 3).unwrap();
        for shard in &sockets {
            assert_eq!(shard.udp[0].local_addr().unwrap(), bound[0].address);
            assert_eq!(shard.tcp[0].local_addr().unwrap(), bound[1].address);
        }
    }

    #[test]
    fn a_port_in_use_is_a_fault_even_with_several_shards() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (_running, bound) = bind(&[loopback(transport, 0)], 2).unwrap();
            for shards in 1..3 {
                let fault = bind(&bound, shards).unwrap_err();
                assert_eq!(fault.error.kind(), io::ErrorKind::AddrInUse);
                assert!(fault.to_string().contains(&bound[0].address.to_string()));
            }
        }
    }

    #[test]
    fn ipv4_and_ipv6_wildcards_share_a_port() {
        let (_v6, bound) =
            match bind(&[Listen { transport: Transport::Udp, address: "[::]:0".parse().unwrap() }], 1) {
                Ok(opened) => opened,
                Err(_) => return, // A machine without IPv6.
            };
        let v4 =
            Listen { transport: Transport::Udp, address: ([0, 0, 0, 0], bound[0].address.port()).into() };
        assert!(bind(&[v4], 1).is_ok());
    }
}
