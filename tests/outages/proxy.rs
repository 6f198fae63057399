//! A wire that can be cut: a TCP proxy on loopback.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// What goes through it, as long as it is whole.
#[derive(Default)]
struct Wire {
    is_cut: bool,
    streams: Vec<TcpStream>,
}

/// The proxy. It ends with the process.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wire: Arc<Mutex<Wire>>,
}

impl Proxy {
    /// Leads to a server.
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        let address = listener.local_addr().expect("it is bound");
        let wire = Arc::new(Mutex::new(Wire::default()));
        let shared = Arc::clone(&wire);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut wire = shared.lock().expect("nothing fails under the lock");
                if let (false, Ok(there)) = (wire.is_cut, TcpStream::connect(server)) {
                    wire.streams.extend(carry(&stream, &there));
                    wire.streams.extend(carry(&there, &stream));
                }
            }
        });
        Self { address, wire }
    }

    /// Every connection ends, and none is made.
    pub(crate) fn cut(&self) {
        let mut wire = self.wire.lock().expect("nothing fails under the lock");
        wire.is_cut = true;
        wire.streams.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// Connections can be made again.
    pub(crate) fn mend(&self) {
        self.wire.lock().expect("nothing fails under the lock").is_cut = false;
    }
}

/// Carries bytes one way until one of the two ends.
fn carry(from: &TcpStream, to: &TcpStream) -> Option<TcpStream> {
    let (mut from, mut to, kept) = (from.try_clone().ok()?, to.try_clone().ok()?, from.try_clone().ok()?);
    spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    Some(kept)
}
