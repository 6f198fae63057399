//! The HTTP API of a running instance, asked as an operator's own service asks it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long an answer or an event may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The API of one instance, with its token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    address: SocketAddr,
    token: String,
}

impl Api {
    /// The API at this address; the token is the one that the instance has left in its folder.
    pub(crate) fn of(folder: &Path, at: (IpAddr, u16)) -> Self {
        let token = std::fs::read_to_string(folder.join("api-token")).expect("made at the first start");
        Self { address: at.into(), token: token.trim().to_owned() }
    }

    /// The answer to a request: its status, and its body as JSON where it is some.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, body) = self.try_ask(method, path, body).expect("the API answers");
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// A GET that is answered with 200.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {body:#}");
        body
    }

    /// A POST that is answered with 201.
    pub(crate) fn create(&self, path: &str, body: &Value) -> Value {
        let (status, body) = self.ask("POST", path, Some(body));
        assert_eq!(status, 201, "{path}: {body:#}");
        body
    }

    /// Every item of a list, page by page.
    pub(crate) fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=1000{next}"));
            all.extend(page[name].as_array().expect("a list").iter().cloned());
            let Some(cursor) = page["next"].as_str() else { return all };
            next = format!("&cursor={cursor}");
        }
    }

    /// What `/metrics` tells under this name.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, metrics) = self.ask("GET", "/metrics", None);
        let metrics = metrics.as_str().expect("text").to_owned();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// Waits until an answer of the API is as it should be.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            sleep(Duration::from_millis(20));
        }
    }

    /// The events after the one with this id, and from then on as they happen.
    pub(crate) fn events(&self, after: u64) -> Events {
        let stream = self.send("GET", &format!("/v1/events?after={after}"), None, PATIENCE * 10);
        Events::of(stream.expect("the API answers"))
    }

    /// The status and the body of an answer, where one comes.
    pub(crate) fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<(u16, String)> {
        let mut answer = String::new();
        self.send(method, path, body, PATIENCE)?.read_to_string(&mut answer)?;
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        let length = head.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length.is_some_and(|length: usize| length != body.len()) {
            return Err(cut());
        }
        Ok((status, body.to_owned()))
    }

    /// By HTTP 1.0, so that the answer comes in one piece and its end is the connection's.
    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(patience))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )?;
        Ok(stream)
    }
}

/// A stream of events that is being read.
pub(crate) struct Events(Receiver<Value>);

impl Events {
    /// Reads server-sent events, until the end.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, events) = channel();
        spawn(move || {
            let (mut id, mut kind) = (String::new(), String::new());
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                match line.split_once(": ") {
                    Some(("id", text)) => text.clone_into(&mut id),
                    Some(("event", text)) => text.clone_into(&mut kind),
                    Some(("data", text)) => {
                        let data: Value = serde_json::from_str(text).unwrap_or(Value::Null);
                        assert_eq!((&*data["id"].to_string(), data["type"].as_str()), (&*id, Some(&*kind)));
                        if sender.send(data).is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        });
        Self(events)
    }

    /// The next one.
    pub(crate) fn next(&self) -> Value {
        self.0.recv_timeout(PATIENCE).expect("an event comes, each with its id and its type in front")
    }

    /// The next ones, which must be of these types and rise in their ids.
    pub(crate) fn expect(&self, kinds: &[&str]) -> Vec<Value> {
        let events: Vec<Value> = kinds.iter().map(|_| self.next()).collect();
        let told: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a string")).collect();
        assert_eq!(told, kinds, "{events:#?}");
        assert!(events.is_sorted_by(|one, next| one["id"].as_u64() < next["id"].as_u64()), "{events:#?}");
        events
    }

    /// What has come and was not read yet.
    pub(crate) fn unread(&self) -> Vec<Value> {
        self.0.try_iter().collect()
    }
}
