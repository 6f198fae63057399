//! A phone's way to the switch: one UDP socket, and a note of every datagram that comes in.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::now;
use super::phone::PhoneFault;
use super::search::{Path, Received};
use crate::sip::{Message, Method, Request, Response};

/// The interval before a request goes out again (RFC 3261 section 17.1.1.1).
const T1: Duration = Duration::from_millis(500);
/// How long a phone waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Larger than any datagram.
const BUFFER: usize = 65_536;

/// The signalling socket of a phone.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UdpSocket,
    /// Where the phone is.
    pub(super) address: SocketAddr,
    /// Where the switch is.
    pub(super) switch: SocketAddr,
    /// What came in.
    pub(super) received: Vec<Received>,
}

impl Wire {
    /// Opens a socket on a port that the system chooses.
    pub(super) fn open(address: IpAddr, switch: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((address, 0))?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, switch, received: Vec::new() })
    }

    pub(super) fn send(&self, message: &[u8]) -> Result<(), PhoneFault> {
        self.socket.send_to(message, self.switch)?;
        Ok(())
    }

    /// The next message, if one comes until then.
    pub(super) fn next(&mut self, until: Instant) -> Result<Option<Message>, PhoneFault> {
        let mut buffer = [0; BUFFER];
        loop {
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return Ok(None);
            }
            let Some((length, from)) = receive(&self.socket, &mut buffer, left)? else { return Ok(None) };
            let bytes = buffer[..length].to_vec();
            self.received.push(Received { path: Path::Sip, from, bytes: bytes.clone() });
            if let Ok(message) = Message::parse(bytes.into()) {
                return Ok(Some(message));
            }
        }
    }

    /// Sends a request, again and again until it is answered, and gives its final response.
    pub(super) fn ask(&mut self, method: &Method, request: &Bytes) -> Result<Response, PhoneFault> {
        let Ok(Message::Request(sent)) = Message::parse(request.clone()) else {
            return Err(PhoneFault::Unreadable(method.clone()));
        };
        let (deadline, mut interval) = (now() + PATIENCE, T1);
        let mut repeat_at = now();
        while now() < deadline {
            if now() >= repeat_at {
                self.send(request)?;
                repeat_at = now() + interval;
                interval *= 2;
            }
            let Some(message) = self.next(repeat_at.min(deadline))? else { continue };
            let Message::Response(response) = message else { continue };
            if response.cseq() != sent.cseq() || response.call_id() != sent.call_id() {
                continue;
            }
            if response.status().is_final() {
                return Ok(response);
            }
            repeat_at = deadline;
        }
        Err(PhoneFault::Unanswered(method.clone()))
    }

    /// Waits for a request of this method, sending `again` all the while, if there is anything to repeat.
    pub(super) fn expect(&mut self, method: &Method, again: Option<&Bytes>) -> Result<Request, PhoneFault> {
        let deadline = now() + PATIENCE;
        while now() < deadline {
            if let Some(message) = again {
                self.send(message)?;
            }
            let until = if again.is_some() { now() + T1 } else { deadline };
            if let Some(Message::Request(request)) = self.next(until.min(deadline))?
                && request.method() == method
            {
                return Ok(request);
            }
        }
        Err(PhoneFault::Missing(method.clone()))
    }
}

/// One datagram, if one comes within this time.
pub(super) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
    at_most: Duration,
) -> io::Result<Option<(usize, SocketAddr)>> {
    // A timeout of nothing would wait for good.
    socket.set_read_timeout(Some(at_most.max(Duration::from_micros(100))))?;
    match socket.recv_from(buffer) {
        Ok(received) => Ok(Some(received)),
        // The time is up; or an earlier datagram of ours found nobody at its port.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
