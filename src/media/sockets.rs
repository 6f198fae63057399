//! The two sockets toward one side.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::OpenFault;
use super::ports::Ports;
use crate::relay::Port;

/// Expedited forwarding (RFC 3246), the class that voice is marked with.
const VOICE: u32 = 46 << 2;

/// A bound pair.
#[derive(Debug)]
pub(super) struct Sockets {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// The even port, which goes back to the pool after use.
    pub(super) port: u16,
}

impl Sockets {
    pub(super) fn get(&self, port: Port) -> &UdpSocket {
        match port {
            Port::Rtp => &self.rtp,
            Port::Rtcp => &self.rtcp,
        }
    }

    /// Closes the pair, and only then gives it back.
    pub(super) fn release(self, ports: &Ports, now: Instant) {
        let port = self.port;
        drop(self);
        ports.give(port, now);
    }

    /// Binds a pair out of the pool on the address. Pairs that other programs hold are passed over.
    pub(super) fn bind(address: IpAddr, ports: &Ports, now: Instant) -> Result<Self, OpenFault> {
        for _ in 0..ports.total() {
            let port = ports.take(now).ok_or(OpenFault::NoPorts)?;
            match bind_pair(address, port) {
                Ok(sockets) => return Ok(sockets),
                Err(source) => {
                    ports.give(port, now);
                    match Errno::from_io_error(&source) {
                        Some(Errno::ADDRINUSE | Errno::ACCESS) => {}
                        Some(Errno::MFILE | Errno::NFILE) => return Err(OpenFault::NoDescriptors),
                        _ => return Err(OpenFault::Address { address, source }),
                    }
                }
            }
        }
        Err(OpenFault::NoPorts)
    }
}

fn bind_pair(address: IpAddr, port: u16) -> io::Result<Sockets> {
    let bind = |port| bind(SocketAddr::new(address, port));
    Ok(Sockets { rtp: bind(port)?, rtcp: bind(port + 1)?, port })
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(VOICE)?;
    } else {
        socket.set_tos_v4(VOICE)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::*;
    use crate::base::Random;

    fn pool(range: std::ops::RangeInclusive<u16>) -> (Ports, Instant) {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        let now = Instant::now();
        (Ports::new(&range, Duration::ZERO, &mut Random::from_number(1)), now)
    }

    #[test]
    fn ports_in_use_are_passed_over() {
        let (ports, now) = pool(17900..=17903);
        let taken = UdpSocket::bind("127.0.0.1:17903").unwrap();
        let pair = Sockets::bind(Ipv4Addr::LOCALHOST.into(), &ports, now).unwrap();
        assert_eq!(pair.port, 17900);
        assert_eq!(pair.get(Port::Rtcp).local_addr().unwrap().port(), 17901);
        let none = Sockets::bind(Ipv4Addr::LOCALHOST.into(), &ports, now);
        assert!(matches!(none, Err(OpenFault::NoPorts)), "{none:?}");
        drop(taken);
        assert_eq!(Sockets::bind(Ipv4Addr::LOCALHOST.into(), &ports, now).unwrap().port, 17902);
    }

    #[test]
    fn an_address_that_is_not_ours_is_told_and_keeps_no_port() {
        let (ports, now) = pool(17910..=17913);
        let fault = Sockets::bind("192.0.2.1".parse().unwrap(), &ports, now).unwrap_err();
        assert!(matches!(fault, OpenFault::Address { .. }), "{fault}");
        assert_eq!(ports.free(), 2);
        assert!(Sockets::bind(Ipv6Addr::LOCALHOST.into(), &ports, now).is_ok());
    }
}
