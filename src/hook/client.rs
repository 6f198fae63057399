//! The HTTP client. It looks up the name itself and connects to an address that it has found fit, so that a name cannot
//! turn into another address in between; and it follows no redirect.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

use super::fault::SendFault;
use super::guard::is_public;
use crate::base::settings::Webhooks;

/// Bytes of an answer that are read, so that its connection can be used again.
const ANSWER: usize = 64 * 1024;
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections to a host that are kept for callbacks.
const KEPT: usize = super::pace::MOST;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Client {
    http: Pool,
    timeout: Duration,
}

/// Requests over connections that a [`Door`] opens and a pool keeps.
pub(super) type Pool = Http<HttpsConnector<Door>, Full<Bytes>>;

/// A pool that keeps so many idle connections to a host.
pub(super) fn pool(door: Door, idle: usize) -> io::Result<Pool> {
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(io::Error::other)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(door);
    let http = Http::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .build(https);
    Ok(http)
}

impl Client {
    pub(super) fn new(settings: &Webhooks) -> io::Result<Self> {
        let door = Door::new(settings.allow_private_webhooks, settings.connect_timeout);
        Ok(Self { http: pool(door, KEPT)?, timeout: settings.timeout })
    }

    /// Sends a request; well where the answer is 2xx.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<(), SendFault> {
        let end = Instant::now() + self.timeout;
        let answer = timeout_at(end, self.http.request(request)).await.map_err(|_| SendFault::Timeout)?;
        let answer = answer.map_err(|error| cause(&error))?;
        let status = answer.status();
        let mut body = answer.into_body();
        let read = async {
            let mut length = 0;
            while length < ANSWER
                && let Some(Ok(frame)) = body.frame().await
            {
                length += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        let _ = timeout_at(end, read).await;
        if status.is_success() { Ok(()) } else { Err(SendFault::Status(status.as_u16())) }
    }
}

/// Our own fault within the client's, where there is one.
pub(super) fn cause(error: &(dyn Error + 'static)) -> SendFault {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An error that is kept within an I/O error is not among its sources.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let within = within.and_then(|error| error.downcast_ref());
        if let Some(fault) = error.downcast_ref().or(within) {
            return *fault;
        }
        cause = error.source();
    }
    SendFault::Broken
}

/// Opens connections to where they may go.
#[derive(Clone, Copy)]
pub(super) struct Door {
    /// Whether an address may be called.
    fits: fn(IpAddr) -> bool,
    look_up: fn(String, u16) -> Found,
    timeout: Duration,
}

/// The addresses of a name, once they are known.
type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

impl Door {
    pub(super) fn new(allows_private: bool, timeout: Duration) -> Self {
        let fits = if allows_private { |_| true } else { is_public };
        let look_up =
            |host, port| -> Found { Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) }) };
        Self { fits, look_up, timeout }
    }

    /// One that calls what a test allows.
    #[cfg(test)]
    pub(super) fn to(fits: fn(IpAddr) -> bool) -> Self {
        Self { fits, ..Self::new(true, Duration::from_secs(5)) }
    }

    async fn open(self, uri: Uri) -> Result<TokioIo<TcpStream>, SendFault> {
        let host = uri.host().ok_or(SendFault::Url)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let found = (self.look_up)(host.to_owned(), uri.port_u16().unwrap_or(usual)).await;
        let found = found.map_err(|_| SendFault::Name)?;
        let fit = found.iter().filter(|address| (self.fits)(address.ip()));
        let mut fault = if found.is_empty() { SendFault::Name } else { SendFault::Private };
        for address in fit {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(TokioIo::new(stream));
                }
                Err(_) => fault = SendFault::Connect,
            }
        }
        Err(fault)
    }
}

impl Service<Uri> for Door {
    type Response = TokioIo<TcpStream>;
    type Error = SendFault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SendFault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SendFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let door = *self;
        Box::pin(
            async move { timeout(door.timeout, door.open(uri)).await.unwrap_or(Err(SendFault::Timeout)) },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use tokio::net::TcpListener;

    use super::*;

    /// How often the name was looked up.
    static TURNS: AtomicU8 = AtomicU8::new(0);

    /// A name that turns into another address each time it is looked up.
    fn rebinding(_: String, port: u16) -> Found {
        let last = TURNS.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, last], port))]) })
    }

    #[tokio::test]
    async fn the_address_that_was_found_fit_is_the_one_that_is_called() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let only_the_first = |address| address == IpAddr::from([127, 0, 0, 1]);
        let door = Door { look_up: rebinding, ..Door::to(only_the_first) };
        let uri: Uri = format!("http://rebinding.example:{port}/").parse().unwrap();
        let stream = door.open(uri.clone()).await.unwrap();
        assert_eq!(stream.inner().peer_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(TURNS.load(Ordering::SeqCst), 1, "looked up once, and called where that led");
        assert!(
            matches!(door.open(uri).await, Err(SendFault::Private)),
            "the next time it is found elsewhere"
        );
    }
}
