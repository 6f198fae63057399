//! Fetching a file over HTTP: a name is looked up by us, and what is found is called or refused, after a redirect too.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT, CONTENT_ENCODING, HeaderName, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::PromptFault;
use super::fresh::Fresh;
use crate::base::link::read_link;
use crate::hook::answer::resolve;
use crate::hook::client::{Door, Pool, cause, pool};
use crate::hook::fault::SendFault;

/// Bytes of a file at most.
pub(super) const LARGEST: usize = 10_000_000;
/// Files that are in memory at a time. Servers that do not answer hold up nobody.
const AT_ONCE: usize = 16;
/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Connections to a host that are kept for the next file.
const KEPT: usize = 8;
/// What may be answered.
const ACCEPTED: &str = "audio/wav, audio/mpeg, audio/*;q=0.9, */*;q=0.1";

/// Fetches files.
pub(super) struct Fetcher {
    pool: Pool,
    /// How long a file may take, with its redirects, to its last byte.
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// What a server sent.
pub(super) enum Fetched {
    /// A file. For how long it is good: `None`, where it is not to be kept.
    File {
        /// What is in it.
        content: Vec<u8>,
        /// What was said of it.
        fresh: Option<Fresh>,
        /// Its room, to be held until it is read.
        room: OwnedSemaphorePermit,
    },
    /// The word that what is known has not changed, and what is said of it now.
    Same(Option<Fresh>),
}

impl Fetcher {
    /// One with a pool of its own.
    pub(super) fn new(allow_private: bool, connect_timeout: Duration, timeout: Duration) -> io::Result<Self> {
        Self::through(Door::new(allow_private, connect_timeout), timeout)
    }

    fn through(door: Door, timeout: Duration) -> io::Result<Self> {
        Ok(Self { pool: pool(door, KEPT)?, timeout, room: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Fetches a file, unless it is the same as what is known.
    pub(super) async fn fetch(&self, url: &str, known: Option<&Fresh>) -> Result<Fetched, PromptFault> {
        timeout(self.timeout, self.follow(url, known)).await.unwrap_or(Err(SendFault::Timeout.into()))
    }

    async fn follow(&self, url: &str, known: Option<&Fresh>) -> Result<Fetched, PromptFault> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let asked = Instant::now();
            let reply = self.pool.request(request(&url, known)?).await.map_err(|error| cause(&error))?;
            let fresh = Fresh::read(reply.headers(), asked);
            match reply.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => url = redirected(&url, &reply)?,
                304 => {
                    let known = known.ok_or(SendFault::Status(304))?;
                    return Ok(Fetched::Same(fresh.map(|fresh| fresh.again(known))));
                }
                200..=299 => return self.content(reply, fresh).await,
                status => return Err(SendFault::Status(status).into()),
            }
        }
        Err(PromptFault::Redirects)
    }

    async fn content(&self, reply: Response<Incoming>, fresh: Option<Fresh>) -> Result<Fetched, PromptFault> {
        if header(&reply, &CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(PromptFault::Coded);
        }
        let mut body = reply.into_body();
        if body.size_hint().lower() > LARGEST as u64 {
            return Err(PromptFault::Large);
        }
        let room = Arc::clone(&self.room).acquire_owned().await.expect("it is never closed");
        let mut content = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| SendFault::Broken)?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if content.len() + data.len() > LARGEST {
                return Err(PromptFault::Large);
            }
            content.extend_from_slice(data);
        }
        Ok(Fetched::File { content, fresh, room })
    }
}

fn request(url: &str, known: Option<&Fresh>) -> Result<Request<Full<Bytes>>, PromptFault> {
    let uri = read_link(url).ok_or(PromptFault::Link)?;
    let mut request = Request::get(uri).header(USER_AGENT, "Maskline").header(ACCEPT, ACCEPTED);
    for (name, value) in known.into_iter().flat_map(Fresh::conditions) {
        request = request.header(name, value);
    }
    request.body(Full::default()).map_err(|_| PromptFault::Link)
}

/// Where a redirect leads. From https it leads nowhere else: a URL may have numbers in it.
fn redirected(url: &str, reply: &Response<Incoming>) -> Result<String, PromptFault> {
    let next =
        header(reply, &LOCATION).and_then(|location| resolve(url, location)).ok_or(PromptFault::Link)?;
    if url.starts_with("https:") && !next.reveal().starts_with("https:") {
        return Err(PromptFault::Downgrade);
    }
    Ok(next.reveal().to_owned())
}

fn header<'a>(reply: &'a Response<Incoming>, name: &HeaderName) -> Option<&'a str> {
    reply.headers().get(name)?.to_str().ok()
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
        let fetcher = Fetcher::through(door, Duration::from_secs(20)).unwrap();
        let fetched = fetcher.fetch(&url, None).await;
        assert_eq!(fetched.err(), Some(PromptFault::Send(SendFault::Private)));
        second.set_nonblocking(true).unwrap();
        assert!(second.accept().is_err(), "nobody came");
    }
}
