//! Asks a web service what becomes of a call, and brings back the document that it answers: one try, one more, then the
//! fallback URL, all within one deadline. What was done is told step by step, for the call's record.
//!
//! A name is looked up by us, and what is found is called or refused ([`SendFault::Private`]), after a redirect too.
//! Asking keeps nothing but its own future: hundreds of services that do not answer cost some memory, and no thread.

mod fault;
mod link;
mod sign;
mod trace;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode};
use tokio::time::{Instant, timeout};

use super::client::{Door, Pool, cause, pool};
use super::fault::SendFault;
use super::worker::now;
use crate::base::link::{link_host, read_link};
use crate::base::{Random, Secret, hide_host};
use crate::voice::{self, Form, Link, Method, Pair, Read};

pub use fault::AskFault;
pub use link::resolve;
pub use trace::{Entry, Step, Trace, Turn};

/// How long all tries together may take, where the caller does not say.
pub const BUDGET: Duration = Duration::from_secs(6);
/// Redirects that are followed in a try.
const REDIRECTS: usize = 3;
/// What may be answered.
const ACCEPTED: &str = "application/xml, text/xml, application/json;q=0.9, */*;q=0.1";
/// Connections to a host that are kept for the next call.
const KEPT: usize = 64;

/// How services are asked.
#[derive(Debug, Clone)]
pub struct AskSettings {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the answer may then take, to its last byte.
    pub read_timeout: Duration,
    /// Whether loopback and private addresses may be called.
    pub allow_private: bool,
    /// The key of all signatures: what the platforms call the auth token.
    pub secret: Option<Secret>,
    /// Bytes of an answer at most.
    pub limit: usize,
}

impl Default for AskSettings {
    /// Half the budget for an answer, and what both platforms document as its size.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            read_timeout: BUDGET / 2,
            allow_private: false,
            secret: None,
            limit: voice::limits::DOCUMENT,
        }
    }
}

/// What is asked, and where.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The URL.
    pub url: &'a str,
    /// How it is asked, and the fallback too.
    pub method: Method,
    /// Where it is asked after two faults.
    pub fallback: Option<&'a str>,
    /// The parameters.
    pub pairs: &'a [Pair],
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, if there was a good one.
    pub answer: Option<Answer>,
    /// What was done.
    pub trace: Trace,
}

/// A good answer.
#[derive(Debug)]
pub struct Answer {
    /// The document, every URL in it absolute.
    pub read: Read,
    /// Where it came from, after all redirects.
    pub url: Link,
}

/// Asks services. Clones share their connections.
#[derive(Clone)]
pub struct Asker {
    pool: Pool,
    settings: AskSettings,
}

/// What a URL said.
enum Told {
    /// Something that may be a document.
    Document { media_type: Option<String>, body: Bytes },
    /// To ask elsewhere.
    Redirect { status: StatusCode, location: String },
}

impl Asker {
    /// An asker with a pool of its own.
    ///
    /// # Errors
    /// Where there is no TLS.
    pub fn new(settings: AskSettings) -> io::Result<Self> {
        let door = Door::new(settings.allow_private, settings.connect_timeout);
        Ok(Self { pool: pool(door, KEPT)?, settings })
    }

    /// Asks until there is a good answer, the tries are over, or the end has come. Each try has its share of the time
    /// that is left, so that a slow service does not take the fallback's.
    pub async fn ask(&self, question: &Question<'_>, end: Instant, random: &mut Random) -> Outcome {
        let mut trace = Trace::begin();
        let mut tries = VecDeque::from([(Turn::First, question.url), (Turn::Again, question.url)]);
        tries.extend(question.fallback.map(|url| (Turn::Fallback, url)));
        while let Some((turn, url)) = tries.pop_front() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                trace.add(Step::OutOfTime);
                break;
            }
            let share = left / u32::try_from(tries.len() + 1).expect("there are three tries");
            let attempt = self.attempt(turn, url, question, random, &mut trace);
            match timeout(share, attempt).await.unwrap_or(Err(SendFault::Timeout.into())) {
                Ok(answer) => return Outcome { answer: Some(answer), trace },
                Err(fault) => {
                    tries.retain(|(turn, _)| *turn != Turn::Again || !fault.is_lasting());
                    trace.add(Step::Failed(fault));
                }
            }
        }
        Outcome { answer: None, trace }
    }

    /// Tells a service: with a 2xx it knows, whatever else it answers, and without one it is told once more. A redirect
    /// is not followed.
    pub async fn tell(&self, question: &Question<'_>, end: Instant, random: &mut Random) {
        let most = self.settings.connect_timeout + self.settings.read_timeout;
        for _ in 0..2 {
            let Ok(request) = self.request(question.url, question.method, question.pairs, random) else {
                return;
            };
            let share = most.min(end.saturating_duration_since(Instant::now()));
            let told = timeout(share, self.pool.request(request)).await;
            if told.is_ok_and(|reply| reply.is_ok_and(|reply| reply.status().is_success())) {
                return;
            }
        }
    }

    /// One try, with the redirects that it leads to.
    async fn attempt(
        &self,
        turn: Turn,
        url: &str,
        question: &Question<'_>,
        random: &mut Random,
        trace: &mut Trace,
    ) -> Result<Answer, AskFault> {
        let mut at = (url.to_owned(), question.method);
        let mut seen = Vec::new();
        let most = self.settings.connect_timeout + self.settings.read_timeout;
        loop {
            let (url, method) = &at;
            trace.add(Step::Asked { turn, host: hide_host(&link_host(url)).into() });
            let request = self.request(url, *method, question.pairs, random)?;
            let told = timeout(most, self.exchange(request)).await.map_err(|_| SendFault::Timeout)??;
            match told {
                Told::Document { media_type, body } => {
                    return self.answer(url, media_type.as_deref(), &body, trace);
                }
                Told::Redirect { status, location } => {
                    trace.add(Step::Redirected { status: status.as_u16() });
                    let method = if status == StatusCode::SEE_OTHER { Method::Get } else { *method };
                    let next = (follow(url, &location)?, method);
                    seen.push(std::mem::replace(&mut at, next));
                    if seen.contains(&at) {
                        return Err(AskFault::Circle);
                    }
                    if seen.len() > REDIRECTS {
                        return Err(AskFault::Redirects);
                    }
                }
            }
        }
    }

    /// The request, signed.
    fn request(
        &self,
        url: &str,
        method: Method,
        pairs: &[Pair],
        random: &mut Random,
    ) -> Result<Request<Full<Bytes>>, AskFault> {
        let form = voice::form(pairs);
        // As the server will see it: with a path.
        let mut url = read_link(url).ok_or(SendFault::Url)?.to_string();
        let body = match method {
            Method::Post => form,
            Method::Get => {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&form);
                String::new()
            }
        };
        let mut request =
            Request::builder().uri(&url).header(USER_AGENT, "Maskline").header(ACCEPT, ACCEPTED);
        request = match method {
            Method::Get => request.method("GET"),
            Method::Post => request.method("POST").header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
        };
        if let Some(secret) = &self.settings.secret {
            let signed = sign::Signed { url: &url, method, pairs, body: body.as_bytes() };
            for (name, value) in sign::headers(secret, &signed, now().as_millis() / 1000, random) {
                request = request.header(name, value);
            }
        }
        request.body(Full::from(body)).map_err(|_| SendFault::Url.into())
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Told, AskFault> {
        let reply = self.pool.request(request).await.map_err(|error| cause(&error))?;
        let header =
            |name| reply.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = reply.status();
        if let (301 | 302 | 303 | 307 | 308, Some(location)) = (status.as_u16(), header(LOCATION)) {
            return Ok(Told::Redirect { status, location });
        }
        if !status.is_success() {
            return Err(SendFault::Status(status.as_u16()).into());
        }
        if header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(AskFault::Coded);
        }
        let media_type = header(CONTENT_TYPE);
        let body = self.body(reply.into_body()).await?;
        Ok(Told::Document { media_type, body })
    }

    /// The body, cut off where it is too long.
    async fn body(&self, mut body: Incoming) -> Result<Bytes, AskFault> {
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| SendFault::Broken)?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if read.len() + data.len() > self.settings.limit {
                return Err(AskFault::TooLarge(self.settings.limit));
            }
            read.extend_from_slice(data);
        }
        Ok(read.freeze())
    }

    /// The document, its URLs made absolute.
    fn answer(
        &self,
        url: &str,
        media_type: Option<&str>,
        body: &[u8],
        trace: &mut Trace,
    ) -> Result<Answer, AskFault> {
        trace.add(Step::Answered { form: Form::of(media_type, body), bytes: body.len() });
        let mut read = voice::read(media_type, body, self.settings.limit)?;
        for warning in &read.warnings {
            trace.add(Step::Warned(warning.clone()));
        }
        read.response.each_link(&mut |link| {
            *link = resolve(url, link.reveal()).ok_or(AskFault::Link)?;
            Ok::<(), AskFault>(())
        })?;
        let url = Link::read(url).ok_or(SendFault::Url)?;
        Ok(Answer { read, url })
    }
}

/// Where a redirect leads. From https it leads nowhere else: what is asked has numbers in it.
fn follow(url: &str, location: &str) -> Result<String, AskFault> {
    let next = resolve(url, location).ok_or(AskFault::Link)?;
    if url.starts_with("https:") && !next.reveal().starts_with("https:") {
        return Err(AskFault::Downgrade);
    }
    Ok(next.reveal().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{IpAddr, TcpListener};

    use super::*;

    /// The first address leads to another one of this machine, which is not allowed.
    #[tokio::test]
    async fn a_redirect_to_an_address_that_is_not_allowed_is_not_followed() {
        let (first, second) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.2:0").unwrap());
        let (url, trap) = (format!("http://{}/", first.local_addr().unwrap()), second.local_addr().unwrap());
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = first.accept() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = write!(
                    stream,
                    "HTTP/1.1 302 Found\r\nlocation: http://{trap}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        let door = Door::to(|address| address == IpAddr::from([127, 0, 0, 1]));
        let asker = Asker { pool: pool(door, 1).unwrap(), settings: AskSettings::default() };
        let question = Question { url: &url, method: Method::Post, fallback: None, pairs: &[] };
        let end = Instant::now() + Duration::from_secs(20);
        let outcome = asker.ask(&question, end, &mut Random::from_number(1)).await;
        let last = outcome.trace.entries().last().unwrap();
        assert_eq!(last.step, Step::Failed(AskFault::Send(SendFault::Private)));
        second.set_nonblocking(true).unwrap();
        assert!(second.accept().is_err(), "nobody came");
    }

    #[test]
    fn a_redirect_keeps_what_is_asked_out_of_the_clear() {
        assert_eq!(follow("https://a/b", "/c").unwrap(), "https://a/c");
        assert_eq!(follow("http://a/b", "https://c").unwrap(), "https://c/");
        assert_eq!(follow("https://a/b", "http://a/b"), Err(AskFault::Downgrade));
        assert_eq!(follow("https://a/b", "ftp://a"), Err(AskFault::Link));
    }
}
