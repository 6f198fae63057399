//! A corner of loopback for one test, so that tests run side by side on the ports that the product's files name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

/// The addresses 127.A.B.0 to 127.A.B.255: A comes from the process, B from the test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subnet {
    second: u8,
    third: u8,
    /// The SIP port that is free on every address of it.
    pub(crate) port: u16,
    /// The port of the HTTP API on [`Subnet::switch`].
    pub(crate) api: u16,
}

static NEXT: AtomicU8 = AtomicU8::new(1);

impl Subnet {
    /// A subnet that no other test uses.
    pub(crate) fn new() -> Self {
        let second = u8::try_from(64 + std::process::id() % 128).expect("64 to 191 fit");
        let third = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut subnet = Self { second, third, port: 0, api: 0 };
        subnet.port = subnet.free_port(5060);
        subnet.api = subnet.free_port(8080);
        subnet
    }

    /// The address that the files write as 127.0.0.`host`.
    pub(crate) fn host(self, host: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.second, self.third, host))
    }

    /// [`Subnet::host`] with the SIP port.
    pub(crate) fn at(self, host: u8) -> SocketAddr {
        SocketAddr::new(self.host(host), self.port)
    }

    /// Where the switch listens: 127.0.0.1 of the files.
    pub(crate) fn switch(self) -> SocketAddr {
        self.at(1)
    }

    /// The text of a settings file, moved here.
    pub(crate) fn rewrite(self, settings: &str) -> String {
        settings
            .replace("127.0.0.", &format!("127.{}.{}.", self.second, self.third))
            .replace(":5060", &format!(":{}", self.port))
            .replace(":8080", &format!(":{}", self.api))
    }

    /// The first of `wanted`, `wanted` + 10, ... that nothing holds, not even by listening on every address.
    fn free_port(self, wanted: u16) -> u16 {
        (wanted..60_000)
            .step_by(10)
            .find(|port| {
                let address = SocketAddr::new(self.host(1), *port);
                UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
            })
            .expect("one port of thousands is free")
    }
}
