//! What crosses and what is said, in tables.

mod crossing;
mod describe;
mod digits;
mod read;

use bytes::Bytes;

use super::read::{BodyFault, Heard, media};
use crate::base::settings::CodecName;
use crate::sdp;
use crate::sip::{Message, Request};

/// Every codec, in the order of the shipped settings.
const ORDER: [CodecName; 7] = [
    CodecName::Opus,
    CodecName::G722,
    CodecName::AmrWb,
    CodecName::Pcma,
    CodecName::Pcmu,
    CodecName::Amr,
    CodecName::G729,
];

/// A description of a party at 192.0.2.1; `lines` are its m-line and what follows, parted by `|`.
fn sdp(lines: &str) -> String {
    let lines = lines.replace('|', "\r\n");
    format!("v=0\r\no=bob 1 1 IN IP4 10.0.0.9\r\ns=Bob\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}\r\n")
}

fn read(lines: &str) -> Result<Heard, BodyFault> {
    media(&sdp::parse(sdp(lines).as_bytes()).unwrap(), &ORDER)
}

fn heard(lines: &str) -> Heard {
    read(lines).unwrap()
}

/// The m-line of the audio stream and the lines after it, parted by `|`.
fn audio(body: &Bytes) -> String {
    let text = std::str::from_utf8(body).unwrap();
    let from = text.find("m=audio").expect("an audio line");
    text[from..].trim_end().replace("\r\n", "|")
}

/// The version of the o-line.
fn version(body: &Bytes) -> u64 {
    let text = std::str::from_utf8(body).unwrap();
    text.split(' ').nth(2).unwrap().parse().unwrap()
}

/// A request with a body; `headers` are whole lines.
fn request(headers: &str, body: &str) -> Request {
    let length = body.len();
    let text = format!(
        "INFO sip:us@198.51.100.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
         From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: call\r\nCSeq: 1 INFO\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    match Message::parse(text.into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}
