//! Any bytes as a datagram: reading does not panic, what is read holds together, and the answer can be read.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use maskline::sip::digest::{Challenge, Credentials};
use maskline::sip::{Message, Name, Status, Writer, call_id};

fuzz_target!(|data: &[u8]| {
    let raw = Bytes::copy_from_slice(data);
    let source = "192.0.2.7:4000".parse().expect("it is an address");
    let message = match Message::parse(raw.clone()) {
        Ok(message) => message,
        Err(malformed) => {
            let Some(echo) = malformed.echo(source) else { return };
            let answer = Writer::response(malformed.fault.status(), &echo, Some("t")).finish();
            assert!(answer.split(|&byte| byte == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
            return;
        }
    };
    assert_eq!(call_id(&raw), Some(message.call_id().as_bytes()));
    for &name in Name::ALL {
        let _ = (message.number(name), message.with_params(name).map(|(_, params)| params.count()));
        for address in message.addresses(name).flatten() {
            assert_eq!(address.detached(), address);
            let _ = (address.display(), address.uri().user());
        }
        for value in message.headers(name) {
            let _ = (Challenge::parse(value), Credentials::parse(value));
        }
    }
    let _ =
        (message.contacts().count(), message.content_type().map(|media| media.param("boundary").is_some()));
    let Message::Request(request) = message else { return };
    let echo = request.echo(source);
    let answer = Message::parse(Writer::response(Status::OK, &echo, Some("t")).finish());
    let answer = answer.expect("the answer to a well-formed request is well-formed");
    assert_eq!((answer.call_id(), answer.cseq()), (request.call_id(), request.cseq()));
    assert_eq!(answer.via().branch(), request.via().branch());
    assert_eq!(answer.via_count(), request.via_count());
    assert_eq!(answer.from().tag(), request.from().tag());
});
