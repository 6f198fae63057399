//! The event of a session that has expired, from the running service: told while it runs, told at the next start of one
//! that expired in between, and told once.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::subnet::Subnet;
use tempfile::TempDir;

const TOKEN: &str = "the-token-of-all-scopes";

/// The service, run again and again in one folder.
struct Service {
    folder: TempDir,
    subnet: Subnet,
    child: Option<std::process::Child>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Service {
    fn new() -> Self {
        let (folder, subnet) = (TempDir::new().unwrap(), Subnet::new());
        let settings = format!(
            "[sip]\nlisten = [\"udp:127.0.0.1:5060\"]\n[api]\nlisten = \"127.0.0.1:8080\"\ntokens = [\"{TOKEN}\"]\n\
             [numbers]\ncountry = \"IN\"\nowned = [\"+918045550101\"]\n[media]\nports = \"40000-40099\"\n"
        );
        std::fs::write(folder.path().join("config.toml"), subnet.rewrite(&settings)).unwrap();
        Self { folder, subnet, child: None }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_maskline"))
            .current_dir(self.folder.path())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.ask("GET", "/readyz", "").starts_with("HTTP/1.1 200") {
            assert!(Instant::now() < deadline, "it does not start");
            sleep(Duration::from_millis(20));
        }
    }

    /// The answer; nothing where there is none.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut answer = Vec::new();
        if let Ok(mut stream) = TcpStream::connect((self.subnet.host(1), self.subnet.api)) {
            // A stream of events is read until it has been silent for so long.
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let _ = write!(
                stream,
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.read_to_end(&mut answer);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Creates a session that expires in a second, and tells its id.
    fn session(&self, second: u8) -> String {
        let body = json!({ "first_party": "+919876500011", "second_party": format!("+9198765000{second}"),
            "first_party_number": "+918045550101", "second_party_number": "+918045550101", "session_expiry": 1,
            "metadata": { "shop": 7 } });
        let answer = self.ask("POST", "/v1/sessions", &body.to_string());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The sessions that were told to have expired, in the order of the events.
    fn expired(&self) -> Vec<Value> {
        let events = self.ask("GET", "/v1/events?after=0", "");
        let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
        events.filter(|event| event["type"] == "session.expired").collect()
    }

    fn await_expired(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let expired = self.expired();
            if expired.len() >= count {
                assert_eq!(expired.len(), count, "{expired:#?}");
                return expired;
            }
            assert!(Instant::now() < deadline, "{expired:#?}");
            sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn an_expiry_is_told_once_whether_the_service_runs_or_not() {
    let mut service = Service::new();
    service.start();
    let first = service.session(12);
    let told = service.await_expired(1);
    let event = &told[0];
    assert_eq!((&event["session"], &event["data"]["id"]), (&json!(first), &json!(first)));
    assert_eq!((&event["at"], &event["data"]["status"]), (&event["data"]["expires_at"], &json!("expired")));
    assert_eq!(event["data"]["metadata"], json!({ "shop": 7 }));
    let second = service.session(13);
    service.kill();
    // Expired, and for longer than is waited, while nobody runs.
    sleep(Duration::from_secs(12));
    service.start();
    let told = service.await_expired(2);
    assert_eq!((&told[0]["session"], &told[1]["session"]), (&json!(first), &json!(second)));
    service.kill();
    service.start();
    // Time for two more looks.
    sleep(Duration::from_secs(7));
    assert_eq!(service.expired(), told, "each once, whatever is started");
}
