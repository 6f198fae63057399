//! A carrier on both sides of the switch, which places and answers many plain calls.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::agent::{Agent, header, status};

/// A trunk whose calls come from 127.0.0.2 and go to 127.0.0.3, one number that anyone may call, and two for sessions.
pub(crate) const SETTINGS: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
[media]
ports = "20000-20399"
[api]
listen = "127.0.0.1:8080"
[numbers]
country = "IN"
owned = ["+918045550101", "+918045550102", "+918045550103"]
[[trunks]]
name = "carrier"
sources = ["127.0.0.2/32", "127.0.0.3/32"]
target = "sip:127.0.0.3:5060;transport=udp"
[[mappings]]
dialled = "+918045550103"
destination = "+919876500002"
show = "+918045550103"
"#;

/// The number that anyone may call.
pub(crate) const OPEN: &str = "+918045550103";

/// A whole call to [`OPEN`], hung up by its caller when they have talked for so long; `None` where the service is dead
/// before that is answered.
pub(crate) fn call(
    at: SocketAddr,
    caller: &Agent,
    number: &str,
    talk: Duration,
    is_dead: &dyn Fn() -> bool,
) -> Option<()> {
    let invite = caller.invite(at, number, OPEN);
    let ok = ask(at, caller, &invite, is_dead)?;
    caller.send(at, caller.within(&invite, &ok, "ACK"));
    sleep(talk);
    ask(at, caller, &caller.within(&invite, &ok, "BYE"), is_dead).map(drop)
}

/// Sends a request, and waits for its 200.
fn ask(at: SocketAddr, caller: &Agent, request: &str, is_dead: &dyn Fn() -> bool) -> Option<String> {
    let (_, method) = header(request, "CSeq")?.split_once(' ')?;
    let deadline = Instant::now() + Duration::from_secs(20);
    caller.send(at, request);
    while !is_dead() {
        assert!(Instant::now() < deadline, "no answer to {request}");
        let Some((message, _)) = caller.receive(Duration::from_millis(50)) else { continue };
        let is_answer = header(&message, "CSeq").is_some_and(|cseq| cseq.ends_with(method));
        match status(&message) {
            Some(200) if is_answer => return Some(message),
            Some(300..) if is_answer => panic!("a call is refused: {message}"),
            _ => {}
        }
    }
    None
}

/// Answers every call, and every end of one. It ends with the process.
pub(crate) fn answer(callee: &Agent) {
    loop {
        let Some((request, from)) = callee.receive(Duration::from_secs(60)) else { continue };
        if request.starts_with("INVITE ") {
            callee.send(from, callee.answer(&request, "180 Ringing"));
        }
        if !request.starts_with("ACK ") && !request.starts_with("SIP/2.0 ") {
            callee.send(from, callee.answer(&request, "200 OK"));
        }
    }
}
