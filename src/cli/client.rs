//! Asking the running service, over the API of the settings file and with its token.
//!
//! The client is hyper's, which the server has brought already: one connection, one request, no pool.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::sign::CertifiedKey;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::trust::connector;
use crate::api::tokens;
use crate::base::Secret;
use crate::base::settings::{FileFault, Settings};

/// How long an answer may take; the service gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(35);
/// Bytes of an answer.
const LONGEST: usize = 64 << 20;

/// Why there is no answer to show.
#[derive(Debug)]
#[non_exhaustive]
pub(super) enum Trouble {
    /// The settings file has faults.
    Settings(Vec<FileFault>),
    /// The token cannot be read.
    Token(PathBuf, io::Error),
    /// The service is not there.
    Unreachable(SocketAddr, String),
    /// The service does not do it.
    Refused(Value),
}

impl Trouble {
    /// What the command ends with.
    pub(super) fn code(&self) -> ExitCode {
        match self {
            Trouble::Settings(_) | Trouble::Refused(_) => ExitCode::from(1),
            Trouble::Token(..) | Trouble::Unreachable(..) => ExitCode::from(3),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Settings(faults) => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Trouble::Token(path, fault) => write!(
                f,
                "cannot read the token {}: {fault}; it is made when the service starts for the first time",
                path.display()
            ),
            Trouble::Unreachable(address, fault) => {
                write!(f, "the service does not answer at {address}: {fault}; is `maskline serve` running?")
            }
            Trouble::Refused(problem) => refusal(f, problem),
        }
    }
}

/// A problem document in words.
fn refusal(f: &mut fmt::Formatter<'_>, problem: &Value) -> fmt::Result {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    f.write_str(&text(&problem["title"]))?;
    if let Some(detail) = problem["detail"].as_str() {
        write!(f, ": {detail}")?;
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        write!(f, "\n  {} {}", text(&error["field"]), text(&error["detail"]))?;
    }
    Ok(())
}

/// The running service.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    /// The certificate that it has to show, where it is served by TLS.
    certificate: Option<Arc<CertifiedKey>>,
    token: Secret,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// The service that these settings describe, asked with the token of theirs that may do most.
    pub(super) fn of(config: &Path) -> Result<Self, Trouble> {
        let api = Settings::load(config).map_err(Trouble::Settings)?.api;
        let token = match api.tokens.iter().max_by_key(|token| token.scopes.len()) {
            Some(token) => token.token.clone(),
            None => tokens::read(&api.token_file).map_err(|fault| Trouble::Token(api.token_file, fault))?,
        };
        Ok(Self { address: here(api.listen), certificate: api.tls, token })
    }

    /// The JSON of an answer; null where there is none.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let unreachable = |fault: &dyn fmt::Display| Trouble::Unreachable(self.address, fault.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|fault| unreachable(&fault))?;
        let asked = runtime.block_on(async { timeout(PATIENCE, self.exchange(method, path, body)).await });
        let (is_success, answer) = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => return Err(unreachable(&fault)),
            Err(_) => return Err(unreachable(&"no answer in 35 s")),
        };
        let answer = if answer.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&answer) };
        let answer = answer.map_err(|_| unreachable(&"what answers there is not this service"))?;
        if is_success { Ok(answer) } else { Err(Trouble::Refused(answer)) }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(bool, Bytes), AnyError> {
        let stream = TcpStream::connect(self.address).await?;
        let Some(certificate) = &self.certificate else {
            return self.converse(stream, method, path, body).await;
        };
        let stream = connector(certificate)?.connect(self.address.ip().into(), stream).await?;
        self.converse(stream, method, path, body).await
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(bool, Bytes), AnyError> {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token.reveal()));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body)))?;
        let answer = async move {
            let response = sender.send_request(request).await?;
            let is_success = response.status().is_success();
            let body = Limited::new(response.into_body(), LONGEST).collect().await?;
            Ok((is_success, body.to_bytes()))
        };
        tokio::pin!(connection, answer);
        tokio::select! {
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended?;
                answer.await
            }
        }
    }
}

/// Where a listener is reached from its own machine.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A path with a query of what is there.
pub(super) fn with_query(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter_map(|(key, value)| value.map(|value| (*key, value))));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path to one thing.
pub(super) fn to(path: &str, id: &str) -> String {
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    // A blank is the one letter that a path writes otherwise than a query.
    format!("{path}/{}", id.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_carry_what_was_typed_and_nothing_more() {
        assert_eq!(to("/v1/numbers", "+918045550101"), "/v1/numbers/%2B918045550101");
        assert_eq!(to("/v1/calls", "a/../b c?d"), "/v1/calls/a%2F..%2Fb%20c%3Fd");
        let pairs = [("party", Some("+919876500001")), ("pool", None), ("limit", Some("5"))];
        assert_eq!(with_query("/v1/calls", &pairs), "/v1/calls?party=%2B919876500001&limit=5");
        assert_eq!(with_query("/v1/calls", &[]), "/v1/calls");
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        assert_eq!(here("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(here("[::]:8080".parse().unwrap()).to_string(), "[::1]:8080");
        assert_eq!(here("127.0.0.9:80".parse().unwrap()).to_string(), "127.0.0.9:80");
    }
}
