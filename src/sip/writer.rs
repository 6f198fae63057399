//! The writer: the only way a message of ours comes to be.

use std::fmt::{self, Display, Write};

use bytes::Bytes;

use super::echo::Echo;
use super::method::Method;
use super::name::Name;
use super::span::Span;
use super::status::Status;

/// Writes one message: the start line, header fields in the order they are given, the body.
///
/// Control bytes (CR, LF, NUL, ...) in what it is given are dropped, so that no value can start a header of its own.
pub struct Writer {
    out: Vec<u8>,
}

/// Most messages are shorter than this.
const USUAL_LENGTH: usize = 1024;

impl Writer {
    /// Starts a request. Blanks in the URI are dropped too.
    #[must_use]
    pub fn request(method: &Method, uri: &str) -> Self {
        let mut writer = Self { out: Vec::with_capacity(USUAL_LENGTH) };
        writer.out.extend(method.as_str().bytes().filter(u8::is_ascii_graphic));
        writer.out.push(b' ');
        writer.out.extend(uri.bytes().filter(|&byte| byte > b' ' && byte != 0x7f));
        writer.out.extend(b" SIP/2.0\r\n");
        writer
    }

    /// Starts a response: with what is repeated of the request, and with `to_tag`, if the request's To has no tag
    /// yet (RFC 3261 section 8.2.6.2; a 100 is given none). Record-Route is repeated in 101 to 299 to a request that
    /// can form a dialog, Timestamp in 100.
    #[must_use]
    pub fn response(status: Status, echo: &Echo, to_tag: Option<&str>) -> Self {
        let mut writer = Self { out: Vec::with_capacity(USUAL_LENGTH) };
        let _ = write!(Clean(&mut writer.out), "SIP/2.0 {status}");
        writer.out.extend(b"\r\n");
        writer.header(Name::Via, &echo.via);
        writer.repeat(Name::Via, &echo.raw, &echo.vias);
        writer.repeat(Name::From, &echo.raw, echo.from.as_slice());
        writer.repeat(Name::To, &echo.raw, echo.to.as_slice());
        if let (Some(tag), None, Some(_), 101..) = (to_tag, echo.to_tag(), echo.to, status.code()) {
            writer.out.truncate(writer.out.len() - 2);
            let _ = write!(Clean(&mut writer.out), ";tag={tag}");
            writer.out.extend(b"\r\n");
        }
        writer.repeat(Name::CallId, &echo.raw, echo.call_id.as_slice());
        writer.repeat(Name::CSeq, &echo.raw, echo.cseq.as_slice());
        match status.code() {
            100 => writer.repeat(Name::Timestamp, &echo.raw, echo.timestamp.as_slice()),
            101..=299 => writer.repeat(Name::RecordRoute, &echo.raw, &echo.record_routes),
            _ => {}
        }
        writer
    }

    /// Repeats header fields of the request, byte by byte: escapes in quoted strings, and folds, go back as they came.
    fn repeat(&mut self, name: Name, raw: &[u8], values: &[Span]) {
        for value in values {
            self.label(name);
            self.out.extend(&raw[value.range()]);
            self.out.extend(b"\r\n");
        }
    }

    /// Writes a header field.
    pub fn header(&mut self, name: Name, value: impl Display) -> &mut Self {
        self.label(name);
        let _ = write!(Clean(&mut self.out), "{value}");
        self.out.extend(b"\r\n");
        self
    }

    fn label(&mut self, name: Name) {
        self.out.extend(name.as_str().as_bytes());
        self.out.extend(b": ");
    }

    /// Ends the message with a body of this type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Bytes {
        self.header(Name::ContentType, content_type);
        self.end(body)
    }

    /// Ends the message without a body.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.end(b"")
    }

    fn end(mut self, body: &[u8]) -> Bytes {
        self.header(Name::ContentLength, body.len());
        self.out.extend(b"\r\n");
        self.out.extend(body);
        self.out.into()
    }
}

/// Prints nothing of the message.
impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("written", &self.out.len()).finish_non_exhaustive()
    }
}

/// Text without its control bytes.
struct Clean<'a>(&'a mut Vec<u8>);

impl Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.as_bytes().split(u8::is_ascii_control) {
            self.0.extend(part);
        }
        Ok(())
    }
}
