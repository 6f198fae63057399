//! What it costs to read and to write a message, and what rsip takes for the same.

use std::hint::black_box;
use std::net::SocketAddr;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maskline::sip::{Framer, Message, Method, Name, Status, Uri, Writer, call_id};

/// An INVITE as a trunk sends it: 900 bytes with its SDP.
const INVITE: &str = concat!(
    "INVITE sip:+918045550101@198.51.100.7:5060;user=phone SIP/2.0\r\n",
    "Via: SIP/2.0/UDP 203.0.113.10:5060;rport;branch=z9hG4bK-524287-1---a3f1c6b2d4e5f607\r\n",
    "Max-Forwards: 68\r\n",
    "From: \"+919876500001\" <sip:+919876500001@203.0.113.10;user=phone>;tag=as58f4201b\r\n",
    "To: <sip:+918045550101@198.51.100.7;user=phone>\r\n",
    "Call-ID: 1a2b3c4d5e6f708192a3b4c5d6e7f809@203.0.113.10\r\n",
    "CSeq: 102 INVITE\r\n",
    "Contact: <sip:+919876500001@203.0.113.10:5060>\r\n",
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO\r\n",
    "Supported: timer, replaces\r\n",
    "P-Asserted-Identity: <sip:+919876500001@203.0.113.10>\r\n",
    "User-Agent: Trunk 4.2\r\n",
    "Content-Type: application/sdp\r\n",
    "Content-Length: 248\r\n",
    "\r\n",
    "v=0\r\no=root 1821 1821 IN IP4 203.0.113.10\r\ns=call\r\nc=IN IP4 203.0.113.10\r\nt=0 0\r\n",
    "m=audio 18540 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n",
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:150\r\na=sendrecv\r\n",
);

fn read(c: &mut Criterion) {
    let raw = Bytes::from_static(INVITE.as_bytes());
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    group.bench_function("message", |b| b.iter(|| Message::parse(black_box(raw.clone()))));
    group.bench_function("message, from a buffer of its own", |b| {
        b.iter(|| Message::parse(Bytes::copy_from_slice(black_box(INVITE.as_bytes()))));
    });
    group.bench_function("message, by rsip", |b| {
        b.iter(|| rsip::SipMessage::try_from(black_box(INVITE.as_bytes())))
    });
    group.bench_function("call-id alone", |b| b.iter(|| call_id(black_box(INVITE.as_bytes()))));
    group.bench_function("frame", |b| {
        let mut framer = Framer::new();
        b.iter(|| {
            framer.push(black_box(INVITE.as_bytes()));
            framer.next()
        });
    });
    group.finish();
    let text = "sip:+918045550101@198.51.100.7:5060;user=phone";
    c.bench_function("read/uri", |b| b.iter(|| Uri::parse(black_box(text))));
}

fn write(c: &mut Criterion) {
    let Ok(Message::Request(request)) = Message::parse(Bytes::from_static(INVITE.as_bytes())) else {
        panic!("the request is well-formed");
    };
    let source: SocketAddr = "203.0.113.10:5060".parse().expect("it is an address");
    c.bench_function("write/response", |b| {
        b.iter(|| {
            let echo = black_box(&request).echo(source);
            let mut writer = Writer::response(Status::RINGING, &echo, Some("k3j2h4g5"));
            writer.header(Name::Contact, "<sip:k3j2h4g5@198.51.100.7:5060>");
            writer.finish()
        });
    });
    let body = &INVITE.as_bytes()[INVITE.len() - 248..];
    c.bench_function("write/request", |b| {
        b.iter(|| {
            let mut writer =
                Writer::request(&Method::INVITE, black_box("sip:+919876500002@203.0.113.10:5060"));
            writer
                .header(
                    Name::Via,
                    format_args!("SIP/2.0/UDP {source};rport;branch=z9hG4bK{}", "a3f1c6b2d4e5f607"),
                )
                .header(Name::MaxForwards, 20)
                .header(Name::From, "<sip:+918045550102@198.51.100.7>;tag=k3j2h4g5")
                .header(Name::To, "<sip:+919876500002@203.0.113.10>")
                .header(Name::CallId, "q5zsy3mcbf7x2aphn4kd6wtg3i")
                .header(Name::CSeq, "1 INVITE")
                .header(Name::Contact, "<sip:k3j2h4g5@198.51.100.7:5060>")
                .header(Name::PAssertedIdentity, "<sip:+918045550102@198.51.100.7>");
            writer.body("application/sdp", body)
        });
    });
}

criterion_group!(benches, read, write);
criterion_main!(benches);
