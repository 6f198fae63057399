//! A web service that answers as a test likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What is answered.
pub(crate) enum Answer {
    /// A status.
    Status(u16),
    /// A status with more text than anyone reads.
    Long(u16),
    /// The way to another URL.
    Redirect(String),
    /// Nothing: the connection is closed.
    Close,
    /// 200, so much later.
    Late(Duration),
    /// 500, so much later.
    LateFailure(Duration),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) json: Value,
    /// Whether the answer was 2xx and came at once.
    pub(crate) is_taken: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| &*header.1)
    }

    /// When it was signed with this secret, as a web service finds out from what has come: `None` where it was not.
    pub(crate) fn signed_at(&self, secret: &str) -> Option<u64> {
        let (seconds, signature) =
            self.header("maskline-signature")?.strip_prefix("t=")?.split_once(",v1=")?;
        let url = format!("http://{}{}", self.header("host")?, self.path);
        let signed = [format!("{seconds}.{}.{url}.", self.method).as_bytes(), &self.body].concat();
        (hmac(secret.as_bytes(), &signed) == signature).then(|| seconds.parse().ok())?
    }
}

/// HMAC-SHA256 (RFC 2104) with a key of up to 64 bytes, in hexadecimal.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let padded = |pad: u8| -> Vec<u8> {
        (0..64).map(|place| key.get(place).copied().unwrap_or_default() ^ pad).collect()
    };
    let inner = Sha256::digest([&padded(0x36)[..], text].concat());
    let outer = Sha256::digest([&padded(0x5c)[..], &inner].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct State {
    seen: Vec<Request>,
    first_bytes: Vec<Vec<u8>>,
    connections: usize,
    at_once: usize,
    most_at_once: usize,
}

type Answers = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// The service. It ends with the process.
pub(crate) struct Web {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Web {
    /// Starts it. `answers` is given each request, and how often it has come, this time included.
    pub(crate) fn start(answers: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (answers, shared): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&state));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, state) = (Arc::clone(&answers), Arc::clone(&shared));
                state.lock().unwrap().connections += 1;
                thread::spawn(move || serve(stream.unwrap(), &*answers, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests so far, in the order of their coming.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// What each connection began with that sent no request.
    pub(crate) fn first_bytes(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().first_bytes.clone()
    }

    /// The most requests that waited for their answer at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }

    /// Counts the most at one time anew.
    pub(crate) fn count_anew(&self) {
        let mut state = self.state.lock().unwrap();
        state.most_at_once = state.at_once;
    }

    /// Waits for so many requests.
    pub(crate) fn wait(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.state.lock().unwrap().seen.len() < count {
            assert!(Instant::now() < end, "{count} requests");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(stream: TcpStream, answers: &Answers, state: &Mutex<State>) {
    let mut first = [0; 2];
    if stream.peek(&mut first).is_err() || first != *b"PO" {
        state.lock().unwrap().first_bytes.push(first.to_vec());
        return;
    }
    let mut reader = BufReader::new(&stream);
    while let Some(mut request) = read(&mut reader) {
        let answer = {
            let mut state = state.lock().unwrap();
            let id = request.header("maskline-event-id").unwrap().to_owned();
            let before = |seen: &&Request| seen.header("maskline-event-id") == Some(&*id);
            let tries = state.seen.iter().filter(before).count() + 1;
            let answer = answers(&request, tries);
            request.is_taken = matches!(answer, Answer::Status(200..300) | Answer::Long(200..300));
            state.seen.push(request);
            state.at_once += 1;
            state.most_at_once = state.most_at_once.max(state.at_once);
            answer
        };
        let goes_on = write(&stream, &answer).is_ok();
        state.lock().unwrap().at_once -= 1;
        if !goes_on || matches!(answer, Answer::Close) {
            return;
        }
    }
}

fn write(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let plain = |status| format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
    let text = match answer {
        Answer::Status(204) => "HTTP/1.1 204 X\r\n\r\n".to_owned(),
        Answer::Status(status) => plain(*status),
        Answer::Long(status) => {
            format!("HTTP/1.1 {status} X\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000))
        }
        Answer::Redirect(url) => format!("HTTP/1.1 307 X\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"),
        Answer::Close => return Ok(()),
        Answer::Late(time) => {
            thread::sleep(*time);
            plain(200)
        }
        Answer::LateFailure(time) => {
            thread::sleep(*time);
            plain(500)
        }
    };
    stream.write_all(text.as_bytes())
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|header| header.0 == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let json = serde_json::from_slice(&body).ok()?;
    Some(Request { method, path, headers, body, json, is_taken: false })
}
