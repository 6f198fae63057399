//! One shard's socket on a UDP listener.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::io::Errno;
use tokio::net::UdpSocket;

/// Messages that may wait for room in the kernel's buffer; what comes beyond is lost as on any network, and is
/// retransmitted.
const WAITING: usize = 4096;

/// A datagram socket that never blocks, and holds back for a moment what the kernel cannot take.
#[derive(Debug)]
pub(super) struct UdpPort {
    local: SocketAddr,
    socket: UdpSocket,
    waiting: VecDeque<(Bytes, SocketAddr)>,
}

impl UdpPort {
    /// Hands a bound socket to this thread's runtime.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { local, socket: UdpSocket::from_std(socket)?, waiting: VecDeque::new() })
    }

    /// The listener's bound address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next datagram that may be a SIP message, if one is there now. Keep-alives (RFC 5626 section 3.5.1, and
    /// the zeros that some phones send) are passed over, and what no answer could be sent to.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<(Bytes, SocketAddr)> {
        loop {
            let (length, from) = self.socket.try_recv_from(buffer).ok()?;
            let datagram = &buffer[..length];
            if from.port() != 0 && datagram.iter().any(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
                return Some((Bytes::copy_from_slice(datagram), from));
            }
        }
    }

    /// Sends a datagram, now or as soon as the kernel takes it.
    ///
    /// # Errors
    /// Where the network says that there is no way to the peer.
    pub(super) fn send(&mut self, bytes: Bytes, to: SocketAddr) -> io::Result<()> {
        if self.waiting.is_empty() {
            match self.try_send(&bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        if self.waiting.len() < WAITING {
            self.waiting.push_back((bytes, to));
        }
        Ok(())
    }

    fn try_send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        match self.socket.try_send_to(bytes, to) {
            // The interface's queue is full: lost, as on any network.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Ready when a datagram may be read. Sends what waits on the way.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let _ = self.poll_flush(context);
        self.socket.poll_recv_ready(context).map(|_| ())
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some((bytes, to)) = self.waiting.front() {
            if let Err(error) = ready!(self.socket.poll_send_ready(context)) {
                tracing::debug!(%error, "a UDP listener cannot send");
                self.waiting.clear();
                break;
            }
            match self.try_send(bytes, *to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => drop(self.waiting.pop_front()),
            }
        }
        Poll::Ready(())
    }
}
