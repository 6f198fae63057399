//! Messages out of a stream (RFC 3261 section 18.3, RFC 5626 section 3.5.1).

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memmem};

use super::limits;
use super::name::Name;
use super::token::{TOKEN, is_blank, number, run, trim, trim_start};

/// One thing that came in on a stream.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message.
    Message(Bytes),
    /// A keep-alive that is answered with CRLF.
    Ping,
    /// The answer to our keep-alive.
    Pong,
}

/// Prints nothing of a message.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Message(bytes) => write!(f, "Message({} bytes)", bytes.len()),
            Frame::Ping => f.write_str("Ping"),
            Frame::Pong => f.write_str("Pong"),
        }
    }
}

/// Why a stream cannot be read any further, and is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// A message without Content-Length: its end is unknown.
    #[error("a message on a stream has no Content-Length")]
    NoLength,
    /// Content-Length stands twice, or is no number.
    #[error("Content-Length on a stream is malformed or repeated")]
    BadLength,
    /// A message of more than [`limits::MESSAGE`] bytes.
    #[error("a message on a stream is too large")]
    TooLarge,
    /// What came is not SIP.
    #[error("the stream does not carry SIP")]
    NotSip,
}

/// Cuts a stream into messages. Push what was read, then take frames until there are none.
#[derive(Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the buffer was searched for the end of the header fields.
    searched: usize,
    /// The length of the message at the front, once its header fields are complete.
    length: Option<usize>,
    /// A single CRLF was read, which was taken for a pong: another one makes it a ping.
    half_ping: bool,
}

/// Prints nothing of what was read.
impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes that were read. Frames are to be taken out before more is read, which bounds the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun and is not complete: a peer may take only so long over one.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next frame, if one is complete.
    ///
    /// # Errors
    /// [`StreamFault`] where the stream cannot be read any further.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and goes on where more bytes come")]
    pub fn next(&mut self) -> Result<Option<Frame>, StreamFault> {
        if self.length.is_none() {
            if let Some(frame) = self.keep_alive() {
                return Ok(Some(frame));
            }
            self.length = self.message_length()?;
        }
        match self.length {
            Some(length) if length <= self.buffer.len() => {
                self.length = None;
                self.searched = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Takes a keep-alive off the front. A CRLF alone counts as a pong at once; one more makes a ping.
    fn keep_alive(&mut self) -> Option<Frame> {
        if !self.buffer.starts_with(b"\r\n") {
            self.half_ping &= matches!(&self.buffer[..], b"" | b"\r");
            return None;
        }
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.buffer.advance(4);
            self.half_ping = false;
            return Some(Frame::Ping);
        }
        self.buffer.advance(2);
        self.half_ping = !self.half_ping;
        Some(if self.half_ping { Frame::Pong } else { Frame::Ping })
    }

    /// The length of the message at the front, header fields and body, once its header fields are complete.
    fn message_length(&mut self) -> Result<Option<usize>, StreamFault> {
        self.check_start()?;
        let Some(found) = memmem::find(&self.buffer[self.searched..], b"\r\n\r\n") else {
            if self.buffer.len() > limits::MESSAGE {
                return Err(StreamFault::TooLarge);
            }
            self.searched = self.buffer.len().saturating_sub(3);
            return Ok(None);
        };
        let head = self.searched + found + 4;
        let length = head.saturating_add(content_length(&self.buffer[..head])?);
        if length > limits::MESSAGE { Err(StreamFault::TooLarge) } else { Ok(Some(length)) }
    }

    /// Checks as early as possible that the first line is one of SIP.
    fn check_start(&self) -> Result<(), StreamFault> {
        let line = match memchr(b'\n', &self.buffer) {
            Some(end) => &self.buffer[..end],
            None if self.buffer.len() > limits::LINE => return Err(StreamFault::NotSip),
            None => return Ok(()),
        };
        let version = line.windows(4).any(|part| part.eq_ignore_ascii_case(b"SIP/"));
        if version { Ok(()) } else { Err(StreamFault::NotSip) }
    }
}

/// The one Content-Length of a message's header fields.
fn content_length(head: &[u8]) -> Result<usize, StreamFault> {
    let mut found = None;
    let mut at = 0;
    while let Some(feed) = memchr(b'\n', &head[at..]) {
        at += feed + 1;
        let line = &head[at..];
        let label = run(line, TOKEN);
        if Name::read(&line[..label]) != Some(Name::ContentLength) {
            continue;
        }
        let value = std::str::from_utf8(&line[label..logical_length(line)]).ok();
        let value = value.and_then(|value| trim_start(value).strip_prefix(':'));
        let length = value.and_then(|value| number(trim(value))).ok_or(StreamFault::BadLength)?;
        if found.replace(length).is_some() {
            return Err(StreamFault::BadLength);
        }
    }
    found.ok_or(StreamFault::NoLength)
}

/// The length of the first line together with those that continue it.
fn logical_length(text: &[u8]) -> usize {
    let is_end = |&feed: &usize| !text.get(feed + 1).copied().is_some_and(is_blank);
    memchr::memchr_iter(b'\n', text).find(is_end).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &str = "OPTIONS sip:h SIP/2.0\r\nCall-ID: 1\r\nl: 4\r\n\r\nbody";

    fn frames(framer: &mut Framer, bytes: &[u8]) -> Vec<Frame> {
        framer.push(bytes);
        std::iter::from_fn(|| framer.next().unwrap()).collect()
    }

    fn message() -> Frame {
        Frame::Message(Bytes::from_static(PING.as_bytes()))
    }

    fn fault(bytes: &[u8]) -> StreamFault {
        let mut framer = Framer::new();
        framer.push(bytes);
        framer.next().unwrap_err()
    }

    #[test]
    fn messages_come_out_however_the_stream_is_cut() {
        let stream = format!("{PING}{PING}\r\n\r\n{PING}");
        for size in 1..stream.len() {
            let mut framer = Framer::new();
            let found: Vec<Frame> =
                stream.as_bytes().chunks(size).flat_map(|chunk| frames(&mut framer, chunk)).collect();
            let messages = found.iter().filter(|frame| **frame == message()).count();
            assert_eq!((messages, found.contains(&Frame::Ping)), (3, true), "cut every {size} bytes");
            assert!(!framer.is_partial());
        }
    }

    #[test]
    fn keep_alives_are_told_apart() {
        let mut framer = Framer::new();
        assert_eq!(frames(&mut framer, b"\r\n\r\n"), [Frame::Ping]);
        assert_eq!(frames(&mut framer, b"\r\n"), [Frame::Pong]);
        assert_eq!(frames(&mut framer, b"\r\n"), [Frame::Ping]);
        assert_eq!(frames(&mut framer, b"\r"), []);
        assert_eq!(frames(&mut framer, b"\n"), [Frame::Pong]);
        assert_eq!(frames(&mut framer, PING.as_bytes()), [message()]);
        assert_eq!(frames(&mut framer, b"\r\n"), [Frame::Pong]);
    }

    #[test]
    fn a_length_must_stand_once_and_be_a_number() {
        let with = |lines: &str| format!("OPTIONS sip:h SIP/2.0\r\n{lines}\r\n\r\n");
        for lines in ["X: 1", "Subject: x\r\n l: 0", "Content-Length-X: 0", "X: l: 0"] {
            assert_eq!(fault(with(lines).as_bytes()), StreamFault::NoLength, "{lines}");
        }
        for lines in [
            "l: 1\r\nContent-Length: 1",
            "l: 0\r\nl: 0",
            "l: -1",
            "l:",
            "l: 0x1",
            "l: 1 1",
            "l 1",
            "l: \u{661}",
        ] {
            assert_eq!(fault(with(lines).as_bytes()), StreamFault::BadLength, "{lines}");
        }
        for lines in ["CONTENT-LENGTH \t:\t000", "L:\r\n 0", "L: 0 \r\n  "] {
            let text = with(lines);
            let whole = Frame::Message(Bytes::from(text.clone()));
            assert_eq!(frames(&mut Framer::new(), text.as_bytes()), [whole], "{lines:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let head = "OPTIONS sip:h SIP/2.0\r\n";
        assert_eq!(fault(format!("{head}l: 65536\r\n\r\n").as_bytes()), StreamFault::TooLarge);
        assert_eq!(
            fault(format!("{head}l: 99999999999999999999999\r\n\r\n").as_bytes()),
            StreamFault::TooLarge
        );
        assert_eq!(
            fault(format!("{head}X: {}", "x".repeat(limits::MESSAGE)).as_bytes()),
            StreamFault::TooLarge
        );
        let mut framer = Framer::new();
        framer.push(format!("{head}l: 20000\r\n\r\n").as_bytes());
        assert_eq!(framer.next(), Ok(None));
        assert!(framer.is_partial());
    }

    #[test]
    fn what_is_not_sip_is_refused_at_its_first_line() {
        assert_eq!(fault(b"GET / HTTP/1.1\r\n"), StreamFault::NotSip);
        assert_eq!(fault(&[0x16; limits::LINE + 1]), StreamFault::NotSip);
    }
}
