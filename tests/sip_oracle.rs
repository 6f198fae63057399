//! Ordinary messages, read by us and by rsip, an independent parser: both must find the same.
//!
//! Ordinary means: what rsip reads rightly. It does not know compact forms, unknown methods and IPv6 hosts, takes a
//! user part with a dot for a host, drops the plus of a `tel:` number, and keeps one Via only.

use bytes::Bytes;
use maskline::sip::{Host, Message, Name, Request};
use proptest::prelude::*;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::{HasHeaders, HeadersExt};

/// The methods that rsip knows.
const METHODS: &[&str] = &[
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "UPDATE",
    "PRACK",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "PUBLISH",
];

/// What an ordinary request is made of.
#[derive(Debug, Clone)]
struct Ordinary {
    method: &'static str,
    target: String,
    via: String,
    from: String,
    to: String,
    tags: (String, Option<String>),
    call_id: String,
    sequence: u32,
    max_forwards: u8,
    contact: String,
    subject: String,
    body: Vec<u8>,
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}(\\.[a-z]{2,6}){1,2}",
        any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string())
    ]
}

fn port() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), (1..=u16::MAX).prop_map(|port| format!(":{port}"))]
}

fn uri() -> impl Strategy<Value = String> {
    let params =
        prop_oneof![Just(""), Just(";transport=tcp"), Just(";user=phone;transport=udp"), Just(";lr")];
    (prop_oneof![Just("sip"), Just("sips")], "[+]?[a-z0-9]{1,12}", host(), port(), params)
        .prop_map(|(scheme, user, host, port, params)| format!("{scheme}:{user}@{host}{port}{params}"))
}

fn address() -> impl Strategy<Value = String> {
    (prop_oneof![Just(String::new()), "\"[A-Za-z][A-Za-z ]{0,10}[a-z]\" ", "[A-Z][a-z]{1,8} "], uri())
        .prop_map(|(name, uri)| format!("{name}<{uri}>"))
}

fn via() -> impl Strategy<Value = String> {
    let transport = prop_oneof![Just("UDP"), Just("TCP"), Just("TLS")];
    (transport, host(), port(), "[a-zA-Z0-9]{1,20}").prop_map(|(transport, host, port, branch)| {
        format!("SIP/2.0/{transport} {host}{port};branch=z9hG4bK{branch}")
    })
}

fn ordinary() -> impl Strategy<Value = Ordinary> {
    let addresses = (uri(), via(), address(), address(), address());
    let ids =
        ("[a-z0-9]{1,12}", proptest::option::of("[a-z0-9]{1,12}"), "[a-zA-Z0-9-]{1,30}(@[a-z0-9.]{1,20})?");
    let rest = (
        any::<u32>(),
        any::<u8>(),
        "[A-Za-z0-9]([ -~]{0,40}[A-Za-z0-9])?",
        proptest::collection::vec(any::<u8>(), 0..200),
    );
    (proptest::sample::select(METHODS), addresses, ids, rest).prop_map(
        |(
            method,
            (target, via, from, to, contact),
            (tag, to_tag, call_id),
            (sequence, max_forwards, subject, body),
        )| {
            let tags = (tag, to_tag);
            Ordinary {
                method,
                target,
                via,
                from,
                to,
                tags,
                call_id,
                sequence,
                max_forwards,
                contact,
                subject,
                body,
            }
        },
    )
}

impl Ordinary {
    fn write(&self) -> Vec<u8> {
        let to_tag = self.tags.1.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: {}\r\nMax-Forwards: {}\r\nFrom: {};tag={}\r\nTo: {}{to_tag}\r\nCall-ID: {}\r\n\
             CSeq: {} {}\r\nContact: {}\r\nSubject: {}\r\nContent-Length: {}\r\n\r\n",
            self.method,
            self.target,
            self.via,
            self.max_forwards,
            self.from,
            self.tags.0,
            self.to,
            self.call_id,
            self.sequence,
            self.method,
            self.contact,
            self.subject,
            self.body.len(),
        )
        .into_bytes();
        text.extend(&self.body);
        text
    }
}

fn request(raw: &[u8]) -> Request {
    match Message::parse(Bytes::copy_from_slice(raw)) {
        Ok(Message::Request(request)) => request,
        other => panic!("an ordinary request is read: {other:?}"),
    }
}

/// Compares a URI as we read it with the same as rsip read it.
fn same_uri(ours: &maskline::sip::Uri, theirs: &rsip::Uri) -> Result<(), TestCaseError> {
    let user = theirs.auth.as_ref().map(|auth| auth.user.clone());
    prop_assert_eq!(ours.user().map(|user| user.into_owned()), user);
    prop_assert_eq!(ours.port(), theirs.host_with_port.port.map(u16::from));
    match (ours.host(), &theirs.host_with_port.host) {
        (Some(Host::Ip(ours)), rsip::Host::IpAddr(theirs)) => prop_assert_eq!(ours, *theirs),
        (Some(Host::Name(ours)), rsip::Host::Domain(theirs)) => prop_assert_eq!(ours, theirs.to_string()),
        (ours, theirs) => prop_assert!(false, "{:?} is not {:?}", ours, theirs),
    }
    let transport = theirs.params.iter().find_map(|param| match param {
        rsip::Param::Transport(transport) => Some(transport.to_string().to_lowercase()),
        _ => None,
    });
    prop_assert_eq!(ours.param("transport").flatten().map(str::to_owned), transport);
    Ok(())
}

proptest! {
    #[test]
    fn both_parsers_find_the_same(ordinary in ordinary()) {
        let raw = ordinary.write();
        let ours = request(&raw);
        let theirs = rsip::Request::try_from(&raw[..]).expect("rsip reads ordinary requests");

        prop_assert_eq!(ours.method().as_str(), theirs.method.to_string());
        same_uri(ours.uri(), &theirs.uri)?;
        prop_assert_eq!(&ours.body()[..], &theirs.body[..]);

        let via = theirs.via_header().unwrap().typed().unwrap();
        prop_assert_eq!(ours.via().transport(), via.transport.to_string());
        prop_assert_eq!(ours.via().branch(), via.branch().map(rsip::param::Branch::value));
        prop_assert_eq!(ours.via().port(), via.uri.host_with_port.port.map(u16::from));

        let from = theirs.from_header().unwrap().typed().unwrap();
        same_uri(ours.from().uri(), &from.uri)?;
        prop_assert_eq!(ours.from().tag(), from.tag().map(rsip::param::Tag::value));
        let to = theirs.to_header().unwrap().typed().unwrap();
        same_uri(ours.to().uri(), &to.uri)?;
        prop_assert_eq!(ours.to().tag(), to.tag().map(rsip::param::Tag::value));
        let contact = theirs.contact_header().unwrap().typed().unwrap();
        same_uri(ours.contact().unwrap().unwrap().uri(), &contact.uri)?;

        prop_assert_eq!(ours.call_id(), theirs.call_id_header().unwrap().value());
        let sequence = theirs.cseq_header().unwrap().typed().unwrap();
        prop_assert_eq!(ours.cseq().number, sequence.seq);
        prop_assert_eq!(ours.cseq().method.as_str(), sequence.method.to_string());
        prop_assert_eq!(u32::from(ours.max_forwards().unwrap()), theirs.max_forwards_header().unwrap().num().unwrap());
        let subject = theirs.headers().iter().find_map(|header| match header {
            rsip::Header::Subject(subject) => Some(subject.value()),
            _ => None,
        });
        prop_assert_eq!(ours.header(Name::Subject), subject);
    }
}
