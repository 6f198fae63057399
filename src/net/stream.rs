//! One stream connection: reading frames, writing what waits, and the deadlines that a slow or silent peer meets.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::streams::{Connection, StreamLimits, Streams, Ticket};
use crate::base::{Flow, Transport};
use crate::sip::{Frame, Framer, StreamFault};

/// The answer to a keep-alive ping (RFC 5626 section 3.5.1).
const PONG: Bytes = Bytes::from_static(b"\r\n");
/// After how long a quiet peer is probed by the kernel.
const PROBE: Duration = Duration::from_secs(120);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    /// The peer closed it, or the network did.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What it sent cannot be cut into messages.
    #[error("{0}")]
    Framing(StreamFault),
    /// A message did not come in, or go out, in time.
    #[error("the peer is too slow")]
    Slow,
    /// Nothing came for long, or nothing that we took up.
    #[error("it was idle")]
    Idle,
    /// The peer let too much wait to be read.
    #[error("the peer does not read")]
    Full,
}

/// Accepts connections for as long as the thread runs.
pub(super) async fn accept(listener: TcpListener, local: SocketAddr, streams: Arc<Streams>, shard: u8) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let flow = Flow { transport: Transport::Tcp, local, remote, connection: None };
                match streams.admit(flow, shard) {
                    Some(ticket) => spawn(async move { finish(&flow, serve(stream, ticket).await) }),
                    None => tracing::debug!(%flow, "too many connections: one is closed"),
                }
            }
            Err(error) => {
                // Most likely no descriptor is left: wait for one rather than ask again and again.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Opens the connection of a ticket and serves it.
pub(super) fn open(ticket: Ticket) {
    spawn(async move {
        let flow = ticket.connection.flow;
        let connect = ticket.streams.limits.connect;
        let end = match timeout(connect, connected(&flow)).await {
            Ok(Ok(stream)) => serve(stream, ticket).await,
            Ok(Err(error)) => Err(End::Io(error)),
            Err(_) => Err(End::Slow),
        };
        finish(&flow, end);
    });
}

fn finish(flow: &Flow, end: Result<Infallible, End>) {
    let Err(end) = end;
    tracing::debug!(%flow, %end, "a connection has ended");
}

/// Connects from the listener's own address, which is what the peer knows us by.
async fn connected(flow: &Flow) -> io::Result<TcpStream> {
    let socket = if flow.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !flow.local.ip().is_unspecified() {
        socket.bind(SocketAddr::new(flow.local.ip(), 0))?;
    }
    socket.connect(flow.remote).await
}

/// Reads and writes until one of them ends.
async fn serve(mut stream: TcpStream, mut ticket: Ticket) -> Result<Infallible, End> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE))?;
    let (reader, writer) = stream.split();
    let Ticket { streams, connection, queue, .. } = &mut ticket;
    tokio::select! {
        end = read(reader, streams, connection) => end,
        end = write(writer, queue, connection, streams.limits.write) => end,
        () = connection.close.notified() => Err(End::Full),
    }
}

async fn write(
    mut stream: WriteHalf<'_>,
    queue: &mut mpsc::UnboundedReceiver<Bytes>,
    connection: &Connection,
    limit: Duration,
) -> Result<Infallible, End> {
    loop {
        // The connection itself holds a sender, so that the queue never ends before it.
        let Some(bytes) = queue.recv().await else { return Err(End::Idle) };
        timeout(limit, stream.write_all(&bytes)).await.map_err(|_| End::Slow)??;
        connection.written(&bytes);
    }
}

async fn read(stream: ReadHalf<'_>, streams: &Streams, connection: &Connection) -> Result<Infallible, End> {
    let mut framer = Framer::new();
    let mut patience = Patience::new(Instant::now());
    loop {
        match timeout_at(patience.deadline(&streams.limits, connection.is_used()), stream.readable()).await {
            Ok(ready) => ready?,
            // What was sent meanwhile may have given the peer more time.
            Err(_) if patience.deadline(&streams.limits, connection.is_used()) > Instant::now() => continue,
            Err(_) => return Err(patience.end()),
        }
        if !take(&stream, &mut framer)? {
            continue;
        }
        let mut is_pinged = false;
        while let Some(frame) = framer.next().map_err(End::Framing)? {
            match frame {
                Frame::Message(bytes) => {
                    patience.proven.get_or_insert(Instant::now());
                    patience.partial_since = None;
                    streams.posts.deliver(connection.shard, connection.flow, bytes).await;
                }
                Frame::Ping => is_pinged = true,
                Frame::Pong => {}
            }
        }
        // One for all that came at once: what it costs us to answer does not grow with what a peer sends.
        if is_pinged && !connection.enqueue(PONG, streams.limits.queue) {
            return Err(End::Full);
        }
        let now = Instant::now();
        patience.heard(now, framer.is_partial());
        if patience.deadline(&streams.limits, connection.is_used()) <= now {
            return Err(patience.end());
        }
        // Whoever never stops sending has one read of each turn, as everybody else.
        tokio::task::yield_now().await;
    }
}

/// Moves what has arrived into the framer; false where nothing had. The buffer is on the stack for just this
/// moment, so that an idle connection holds none.
fn take(stream: &ReadHalf<'_>, framer: &mut Framer) -> Result<bool, End> {
    let mut buffer = [0; 16 * 1024];
    match stream.try_read(&mut buffer) {
        Ok(0) => Err(End::Io(io::ErrorKind::UnexpectedEof.into())),
        Ok(length) => {
            framer.push(&buffer[..length]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(End::Io(error)),
    }
}

/// How long a peer is waited for.
#[derive(Debug)]
struct Patience {
    opened: Instant,
    last_heard: Instant,
    /// Since when an incomplete message is there.
    partial_since: Option<Instant>,
    /// Since when the peer has sent a whole message.
    proven: Option<Instant>,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { opened: now, last_heard: now, partial_since: None, proven: None }
    }

    fn heard(&mut self, now: Instant, partial: bool) {
        self.last_heard = now;
        self.partial_since = if partial { self.partial_since.or(Some(now)) } else { None };
    }

    /// Whether a message is awaited, and not just any sign of life.
    fn is_pressing(&self) -> bool {
        self.partial_since.is_some() || self.proven.is_none()
    }

    /// What the end is called when the deadline has passed.
    fn end(&self) -> End {
        if self.is_pressing() { End::Slow } else { End::Idle }
    }

    fn deadline(&self, limits: &StreamLimits, used: bool) -> Instant {
        let last = match (used, self.proven) {
            // A connection on which we speak first has nothing to prove.
            (true, _) => self.last_heard + limits.idle,
            // However often a stranger speaks, it wins no time.
            (false, Some(since)) => since + limits.unanswered,
            (false, None) => self.opened + limits.message,
        };
        self.partial_since.map_or(last, |since| last.min(since + limits.message))
    }
}

#[expect(clippy::disallowed_methods, reason = "an edge file: a connection is a task of its shard's thread")]
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_to_prove_itself_and_then_may_be_quiet() {
        let limits = StreamLimits::default();
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut patience = Patience::new(start);
        assert_eq!(patience.deadline(&limits, false), start + limits.message);
        patience.heard(later(5), true);
        patience.heard(later(9), true);
        assert_eq!(patience.deadline(&limits, false), start + limits.message, "bytes one by one win no time");
        patience.heard(later(9), false);
        assert_eq!(patience.deadline(&limits, false), start + limits.message, "pings prove nothing");
        patience.proven = Some(later(9));
        patience.heard(later(30), false);
        assert_eq!(
            patience.deadline(&limits, false),
            later(9) + limits.unanswered,
            "nor do messages of a stranger"
        );
        assert_eq!(patience.deadline(&limits, true), later(30) + limits.idle);
        patience.heard(later(35), true);
        patience.heard(later(39), true);
        assert_eq!(patience.deadline(&limits, true), later(35) + limits.message);
        patience.heard(later(65), false);
        patience.heard(later(65), true);
        assert_eq!(
            patience.deadline(&limits, false),
            later(9) + limits.unanswered,
            "nor does a message begun"
        );
    }
}
