//! The HTTP server: connections and their limits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use super::guests::{Guest, Guests};
use super::tls::Tls;

/// Connections at a time; further ones wait in the listener's queue.
const CONNECTIONS: usize = 512;
/// How long a head may take to come in, and a connection may lie idle between two requests.
const HEAD: Duration = Duration::from_secs(15);
/// How long a client may leave what is sent to it unread.
const UNREAD: Duration = Duration::from_secs(30);
/// Bytes of a head.
const HEAD_BYTES: usize = 16 * 1024;
/// Header fields of a request.
const HEADERS: usize = 64;
/// How long to wait after a connection could not be accepted, as when descriptors are short.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until the runtime ends: HTTP, or where there is a certificate, HTTPS alone.
///
/// # Errors
/// None: what befalls a single connection ends that connection.
#[expect(clippy::disallowed_methods, reason = "the edge: each connection is a task of its own")]
pub async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router) -> io::Result<()> {
    let (places, guests) = (Arc::new(Semaphore::new(CONNECTIONS)), Guests::default());
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (tls, router, guest) = (tls.clone(), router.clone(), guests.admit());
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection(stream, tls, router, &guest) => {}
                        () = guest.has_to_go() => {}
                    }
                    guest.cross_out();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection, to its end. What goes wrong with it concerns its client alone.
async fn connection(stream: TcpStream, tls: Option<Tls>, router: Router, guest: &Guest) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let stream = Box::pin(stream);
    match tls {
        None => converse(stream, router, guest).await,
        // Whoever speaks plain HTTP here, or does not shake hands in time, is left without an answer.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                converse(stream, router, guest).await;
            }
        }
    }
}

/// Request by request.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    guest: &Guest,
) {
    // Whoever reads the token of a request tells its connection.
    let answer = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(guest.clone());
        router.clone().call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    let _ = served.await;
}
