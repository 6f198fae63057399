//! A SIP user agent in a few lines: a UDP socket and text. Enough to place a plain call, and to look at each message.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long an agent waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

static NEXT: AtomicU32 = AtomicU32::new(1);

/// One party at one address.
pub(crate) struct Agent {
    socket: UdpSocket,
    /// Where it is.
    pub(crate) address: SocketAddr,
}

impl Agent {
    /// A party that listens at this address; at any port of it for port 0.
    pub(crate) fn bind(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).expect("the address is this test's own");
        let address = socket.local_addr().expect("it is bound");
        Self { socket, address }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&self, to: SocketAddr, message: impl AsRef<[u8]>) {
        self.socket.send_to(message.as_ref(), to).expect("loopback takes a datagram");
    }

    /// The next message, if one comes in time.
    pub(crate) fn receive(&self, at_most: Duration) -> Option<(String, SocketAddr)> {
        let mut buffer = [0; 65_536];
        self.socket.set_read_timeout(Some(at_most.max(Duration::from_millis(1)))).expect("the time is not 0");
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        Some((String::from_utf8_lossy(&buffer[..length]).into_owned(), from))
    }

    /// The next message whose first line holds this; others are passed over.
    pub(crate) fn expect(&self, first_line: &str) -> (String, SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.receive(left) {
                Some((message, from)) if message.lines().next().unwrap_or("").contains(first_line) => {
                    return (message, from);
                }
                Some((message, _)) => passed.push(message),
                None => break,
            }
        }
        panic!("{first_line} did not come to {}; what came: {passed:#?}", self.address);
    }

    /// An INVITE for `dialled` from `number`, with the start of a Call-ID of one's own.
    pub(crate) fn invite(&self, switch: SocketAddr, number: &str, dialled: &str) -> String {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let at = self.address;
        with_body(
            &format!(
                "INVITE sip:{dialled}@{switch} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK-{id};rport\r\n\
                 From: <sip:{number}@{at}>;tag=a{id}\r\nTo: <sip:{dialled}@{switch}>\r\nCall-ID: call-{id}@{at}\r\n\
                 CSeq: 1 INVITE\r\nContact: <sip:agent@{at}>\r\nMax-Forwards: 70\r\n"
            ),
            &sdp(at),
        )
    }

    /// The next request within the dialog that `ok`, a 200 to `invite`, made.
    pub(crate) fn within(&self, invite: &str, ok: &str, method: &str) -> String {
        let contact = header(ok, "Contact").and_then(uri_within).expect("a 200 to INVITE has a Contact");
        let (number, at) = (if method == "ACK" { 1 } else { 2 }, self.address);
        let branch = NEXT.fetch_add(1, Ordering::Relaxed);
        let [from, to, call_id] = ["From", "To", "Call-ID"]
            .map(|name| header(if name == "To" { ok } else { invite }, name).expect("each"));
        format!(
            "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK-{branch};rport\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// The answer to a request, with SDP where it is a 200 to an INVITE.
    pub(crate) fn answer(&self, request: &str, status: &str) -> String {
        let mut answer = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or("");
            if ["Via", "From", "To", "Call-ID", "CSeq"].contains(&name) {
                let tag = if name == "To" && !line.contains(";tag=") { ";tag=b" } else { "" };
                answer += &format!("{line}{tag}\r\n");
            }
        }
        answer += &format!("Contact: <sip:agent@{}>\r\n", self.address);
        let has_sdp = request.starts_with("INVITE") && status.starts_with("200");
        with_body(&answer, &if has_sdp { sdp(self.address) } else { String::new() })
    }
}

/// A call that goes on.
pub(crate) struct Established {
    invite: String,
    ok: String,
}

/// A whole call: `caller` dials, `callee` answers, the caller hangs up. Fails the test where anything is missing.
pub(crate) fn place_call(switch: SocketAddr, caller: &Agent, callee: &Agent, number: &str, dialled: &str) {
    let call = establish(switch, caller, callee, number, dialled);
    hang_up(switch, caller, callee, &call);
}

/// `caller` dials, `callee` rings and answers.
pub(crate) fn establish(
    switch: SocketAddr,
    caller: &Agent,
    callee: &Agent,
    number: &str,
    dialled: &str,
) -> Established {
    let invite = caller.invite(switch, number, dialled);
    caller.send(switch, &invite);
    let (offered, from) = callee.expect("INVITE sip:");
    callee.send(from, callee.answer(&offered, "180 Ringing"));
    callee.send(from, callee.answer(&offered, "200 OK"));
    let (ok, _) = caller.expect("SIP/2.0 200");
    caller.send(switch, caller.within(&invite, &ok, "ACK"));
    callee.expect("ACK sip:");
    Established { invite, ok }
}

/// `caller` hangs up.
pub(crate) fn hang_up(switch: SocketAddr, caller: &Agent, callee: &Agent, call: &Established) {
    caller.send(switch, caller.within(&call.invite, &call.ok, "BYE"));
    let (bye, from) = callee.expect("BYE sip:");
    callee.send(from, callee.answer(&bye, "200 OK"));
    caller.expect("SIP/2.0 200");
}

/// A request with the ids of an INVITE, without its body: its CANCEL, or the ACK of its failure.
pub(crate) fn of_invite(invite: &str, method: &str) -> String {
    let (head, _) = invite.split_once("Content-Type").expect("an INVITE of these agents has SDP");
    format!("{}Content-Length: 0\r\n\r\n", head.replace("INVITE", method))
}

/// The value of the first header field of this name, written as the switch and these agents write it.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The status of a response.
pub(crate) fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

fn uri_within(address: &str) -> Option<&str> {
    address.split_once('<')?.1.split_once('>').map(|(uri, _)| uri)
}

fn with_body(head: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn sdp(at: SocketAddr) -> String {
    let ip = at.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
}
