//! The HTTP client. It looks up the name itself and connects to an address that it has found fit, so that a name cannot
//! turn into another address in between; and it follows no redirect.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
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
/// How long a connection is kept for the next callback, and how many to a host.
const IDLE: (Duration, usize) = (Duration::from_secs(30), 4);

/// Sends requests.
#[derive(Clone)]
pub(super) struct Client {
    http: Http<HttpsConnector<Door>, Full<Bytes>>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(settings: &Webhooks) -> io::Result<Self> {
        let door =
            Door { allows_private: settings.allow_private_webhooks, timeout: settings.connect_timeout };
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(io::Error::other)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(door);
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE.0)
            .pool_max_idle_per_host(IDLE.1)
            .build(https);
        Ok(Self { http, timeout: settings.timeout })
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
fn cause(error: &(dyn Error + 'static)) -> SendFault {
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
struct Door {
    allows_private: bool,
    timeout: Duration,
}

impl Door {
    async fn open(self, uri: Uri) -> Result<TokioIo<TcpStream>, SendFault> {
        let host = uri.host().ok_or(SendFault::Url)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let found = lookup_host((host, uri.port_u16().unwrap_or(usual))).await;
        let found: Vec<SocketAddr> = found.map_err(|_| SendFault::Name)?.collect();
        let fit = found.iter().filter(|address| self.allows_private || is_public(address.ip()));
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
