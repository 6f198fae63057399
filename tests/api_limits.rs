//! What the API does when too much is asked of it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::desk::{ALL, Desk, bearer};

fn connect(desk: &Desk) -> TcpStream {
    let stream = TcpStream::connect(desk.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// The first line of what comes next.
fn first_line(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    let length = stream.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn health_is_told_while_every_place_is_taken() {
    let desk = Desk::open();
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n",
        bearer(ALL)
    );
    let begun = |_| {
        let mut stream = connect(&desk);
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..256).map(begun).collect();
    let is_full = (0..1000).any(|_| desk.get("/v1/numbers").status == 503);
    assert!(is_full, "all places are taken in the end");
    assert_eq!([desk.get("/healthz").status, desk.get("/readyz").status], [200, 200]);
    assert_eq!(first_line(&mut slow[0]), "HTTP/1.1 408 Request Timeout", "a body may take 10 s");
}

#[test]
fn connections_without_a_token_make_room_for_those_that_come_after_them() {
    let desk = Desk::open();
    let request = format!("GET /v1/numbers HTTP/1.1\r\nHost: x\r\n{}\r\n", bearer(ALL));
    let mut known = connect(&desk);
    known.write_all(request.as_bytes()).unwrap();
    assert_eq!(first_line(&mut known), "HTTP/1.1 200 OK");
    let mut idle: Vec<TcpStream> = (0..300).map(|_| connect(&desk)).collect();
    assert_eq!(desk.get("/healthz").status, 200);
    // Far sooner than one that sends nothing is cut off for it.
    idle[0].set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(idle[0].read(&mut [0]).unwrap(), 0, "the first has to go");
    known.write_all(request.as_bytes()).unwrap();
    assert_eq!(first_line(&mut known), "HTTP/1.1 200 OK", "who has shown a token stays");
    idle[299].write_all(request.as_bytes()).unwrap();
    assert_eq!(first_line(&mut idle[299]), "HTTP/1.1 200 OK", "and so do the last");
}
