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
        writer.label(Name::Via);
        writer.out.extend(echo.via.as_bytes());
        writer.out.extend(b"\r\n");
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

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::SocketAddr;

    use crate::sip::{Malformed, Message};

    const INVITE: &str = concat!(
        "INVITE sip:bob@example.com SIP/2.0\r\n",
        "Via: SIP/2.0/UDP 192.0.2.1:5080;rport;branch=z9hG4bKa , SIP/2.0/TCP h;branch=b\r\n",
        "Record-Route: <sip:p1;lr>\r\n",
        "v: SIP/2.0/TLS h\r\n",
        "Record-Route: <sip:p2;lr>\r\n",
        "f: \"A\\\0\" <sip:a@example.org>\r\n ;tag=1\r\n",
        "t: sip:bob@example.com\r\n",
        "i: 1@x\r\n",
        "CSeq: 0007 INVITE\r\n",
        "Timestamp: 54\r\n",
        "Subject: secret\r\n",
        "l: 0\r\n\r\n",
    );

    fn parse(text: &str) -> Result<Message, Malformed> {
        Message::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn source() -> SocketAddr {
        "198.51.100.9:4444".parse().unwrap()
    }

    fn echo(text: &str) -> Echo {
        match parse(text) {
            Ok(Message::Request(request)) => request.echo(source()),
            Err(malformed) => malformed.echo(source()).unwrap(),
            Ok(_) => panic!("it is a request"),
        }
    }

    fn response(status: Status, echo: &Echo) -> String {
        String::from_utf8(Writer::response(status, echo, Some("own")).finish().to_vec()).unwrap()
    }

    #[test]
    fn a_response_repeats_what_it_must_and_nothing_more() {
        let text = response(Status::OK, &echo(INVITE));
        assert_eq!(
            text,
            concat!(
                "SIP/2.0 200 OK\r\n",
                "Via: SIP/2.0/UDP 192.0.2.1:5080;rport=4444;branch=z9hG4bKa;received=198.51.100.9\r\n",
                "Via:  SIP/2.0/TCP h;branch=b\r\n",
                "Via: SIP/2.0/TLS h\r\n",
                "From: \"A\\\0\" <sip:a@example.org>\r\n ;tag=1\r\n",
                "To: sip:bob@example.com;tag=own\r\n",
                "Call-ID: 1@x\r\n",
                "CSeq: 0007 INVITE\r\n",
                "Record-Route: <sip:p1;lr>\r\n",
                "Record-Route: <sip:p2;lr>\r\n",
                "Content-Length: 0\r\n\r\n",
            )
        );
        let Ok(Message::Response(response)) = parse(&text) else { panic!("it is a response") };
        assert_eq!((response.via_count(), response.to().tag()), (3, Some("own")));
    }

    #[test]
    fn a_100_has_the_timestamp_and_no_tag_and_no_route() {
        let text = response(Status::TRYING, &echo(INVITE));
        assert!(text.contains("To: sip:bob@example.com\r\n") && text.contains("Timestamp: 54\r\n"), "{text}");
        assert!(!text.contains("Record-Route"), "{text}");
    }

    #[test]
    fn a_tag_that_is_there_stays_and_failures_have_no_route() {
        let text = response(
            Status::NOT_FOUND,
            &echo(&INVITE.replace("bob@example.com\r\ni", "bob@example.com;tag=9\r\ni")),
        );
        assert!(text.contains("To: sip:bob@example.com;tag=9\r\n") && !text.contains("own"), "{text}");
        assert!(!text.contains("Record-Route"), "{text}");
    }

    #[test]
    fn a_malformed_request_is_answered_by_what_could_be_read() {
        let text = response(
            Status::BAD_REQUEST,
            &echo(&INVITE.replace("t: sip:bob@example.com", "t: \"Bob <sip:b@x>")),
        );
        assert!(
            text.contains("To: \"Bob <sip:b@x>;tag=own\r\n") && text.contains("CSeq: 0007 INVITE\r\n"),
            "{text}"
        );
        let text = response(Status::BAD_REQUEST, &echo(&INVITE.replace("t: sip:bob@example.com\r\n", "")));
        assert!(!text.contains("\r\nTo:") && text.contains("rport=4444"), "{text}");
        let text = response(Status::BAD_REQUEST, &echo(&INVITE.replace(";rport;", ";;rport;")));
        assert!(text.contains("Via: SIP/2.0/UDP 192.0.2.1:5080;received=198.51.100.9\r\n"), "{text}");
        let text =
            response(Status::BAD_REQUEST, &echo(&INVITE.replace("i: 1@x", "i: 1\0x").replace("\r\n", "\n")));
        assert!(!text.contains("Call-ID") && text.contains("CSeq: 0007 INVITE\r\n"), "{text}");
        let text = response(
            Status::BAD_REQUEST,
            &echo(&INVITE.replace("i: 1@x", "i: 1 x").replace("UDP 192", "UDP\r\n 192")),
        );
        assert!(text.contains("SIP/2.0/UDP   192.0.2.1:5080;rport=4444"), "{text}");
    }

    #[test]
    fn acks_responses_and_noise_are_not_answered() {
        for line in ["ACK sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK"] {
            let text = INVITE.replace("INVITE sip:bob@example.com SIP/2.0", line).replace("i: 1@x\r\n", "");
            assert!(parse(&text).unwrap_err().echo(source()).is_none(), "{line}");
        }
        assert!(parse("\0\0\0\0").unwrap_err().echo(source()).is_none());
        assert!(parse("INVITE sip:a SIP/2.0\r\n\r\n").unwrap_err().echo(source()).is_none());
    }

    #[test]
    fn no_value_can_start_a_header_of_its_own() {
        let mut writer = Writer::request(&Method::Other("X\r\nA: b".into()), "sip:a b\r\n\0@c");
        writer.header(Name::Subject, "x\r\nBcc: y\0\u{7f}\t").header(Name::MaxForwards, 70);
        let text = writer.body("text/plain\r\nZ: 1", b"\r\n\0");
        assert_eq!(
            &text[..],
            &b"XA:b sip:ab@c SIP/2.0\r\nSubject: xBcc: y\r\nMax-Forwards: 70\r\n\
               Content-Type: text/plainZ: 1\r\nContent-Length: 3\r\n\r\n\r\n\0"[..]
        );
    }

    #[test]
    fn nothing_of_it_reaches_a_debug_print() {
        let writer = Writer::request(&Method::INVITE, "sip:+43123456@h");
        assert!(!format!("{writer:?}{:?}", echo(INVITE)).contains("43123456"));
    }
}
