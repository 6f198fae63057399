//! The HTTP server.

use std::io;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::health::{Health, healthz, readyz};
use super::problem::Problem;

/// What is served at which path. The health checks need no token.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED))
        .with_state(health)
}

/// Serves until the runtime ends.
///
/// # Errors
/// Where the listener fails for good.
pub async fn serve(listener: TcpListener, health: Health) -> io::Result<()> {
    axum::serve(listener, router(health)).await
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::*;
    use crate::api::Readiness;

    /// A running server, and the state that it tells.
    fn start() -> (SocketAddr, Health) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health::default();
        let served = health.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { serve(TcpListener::from_std(listener).unwrap(), served).await })
        });
        (address, health)
    }

    fn ask(address: SocketAddr, line: &str) -> (String, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }

    #[test]
    fn readiness_follows_the_service() {
        let (address, health) = start();
        let ready = || ask(address, "GET /readyz");
        assert!(ready().0.starts_with("http/1.1 503"));
        health.set(Readiness::Ready);
        assert!(ready().0.starts_with("http/1.1 200"));
        health.set(Readiness::Draining);
        let (head, body) = ready();
        assert!(
            head.starts_with("http/1.1 503") && head.contains("content-type: application/problem+json"),
            "{head}"
        );
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["status"], &body["title"]), (&503.into(), &"Service Unavailable".into()));
        assert!(ask(address, "GET /healthz").0.starts_with("http/1.1 200"), "alive all the while");
    }

    #[test]
    fn everything_else_is_a_problem_document() {
        let (address, _health) = start();
        for (line, status) in [("GET /", 404), ("GET /%2B919876500001", 404), ("POST /readyz", 405)] {
            let (head, body) = ask(address, line);
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            assert!(!body.contains("98765"), "nothing of the request is in the answer");
        }
    }
}
