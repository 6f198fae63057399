//! Torture messages at the level of the parser: our own, and those of the folders in `MASKLINE_CORPORA`, if it is set.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use maskline::sip::{Address, Fault, Malformed, Message, Name, Status, Writer, limits};

/// What every case is made of, by replacing one part of it.
const REGISTER: &str = concat!(
    "REGISTER sip:registrar.example SIP/2.0\r\n",
    "Via: SIP/2.0/UDP 192.0.2.33:5062;branch=z9hG4bKmaskline1\r\n",
    "Max-Forwards: 70\r\n",
    "From: \"Ann\" <sip:ann@registrar.example>;tag=a77\r\n",
    "To: <sip:ann@registrar.example>\r\n",
    "Call-ID: 7f2c@192.0.2.33\r\n",
    "CSeq: 19 REGISTER\r\n",
    "Contact: <sip:ann@192.0.2.33:5062>;expires=300\r\n",
    "Subject: none\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Length: 4\r\n",
    "\r\n",
    "body",
);

fn edited(part: &str, other: &str) -> Vec<u8> {
    assert!(REGISTER.contains(part), "{part:?} is a part of the message");
    REGISTER.replacen(part, other, 1).into_bytes()
}

fn source() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 40000))
}

/// Reads a message, and what of it is only parsed when it is asked for.
fn read(raw: &[u8]) -> Result<Message, Malformed> {
    Message::parse(Bytes::copy_from_slice(raw))
}

fn lazy_fault(message: &Message) -> Option<Fault> {
    let addresses = [Name::Route, Name::RecordRoute, Name::PAssertedIdentity, Name::ReferTo];
    let fault = addresses.into_iter().find_map(|name| message.addresses(name).find_map(Result::err));
    fault.or_else(|| message.contacts().find_map(Result::err))
}

/// Answers a request, well-formed or not. No line of the answer ends in anything but CRLF.
fn answer(raw: &[u8]) -> Option<Bytes> {
    let (status, echo) = match read(raw) {
        Ok(Message::Request(request)) => (Status::NOT_FOUND, request.echo(source())),
        Ok(Message::Response(_)) => return None,
        Err(malformed) => (malformed.fault.status(), malformed.echo(source())?),
    };
    let answer = Writer::response(status, &echo, Some("t1")).finish();
    let mut lines = answer.split(|&byte| byte == b'\n');
    assert!(lines.all(|line| line.is_empty() || line.ends_with(b"\r")), "{answer:?}");
    Some(answer)
}

#[test]
fn odd_messages_that_are_well_formed() {
    let cases: &[(&str, &str)] = &[
        // White space and folding.
        ("From: ", "fRoM \t :\t"),
        ("From: \"Ann\"", "From:\r\n \"Ann\"\r\n\t"),
        (";tag=a77", "\r\n ;\r\n tag\r\n =\r\n a77\r\n "),
        ("CSeq: 19 REGISTER", "CSeq: 0019\r\n\t REGISTER"),
        ("Via: SIP/2.0/UDP 192", "v:SIP / 2.0\t/ \r\n UDP\t192"),
        (":5062;branch", " : 5062 ; branch"),
        ("Subject: none", "Subject:"),
        ("Subject: none", "s: \r\n "),
        ("REGISTER sip", "\r\n\r\nREGISTER sip"),
        // Quoting and escapes.
        ("\"Ann\" ", "\"\""),
        ("\"Ann\"", "\"<sip:x@y>;tag=1, \\\" \\\\\""),
        ("\"Ann\"", "\"\\\u{1}\\\u{7f}\\\t\""),
        ("\"Ann\"", "Ann of~the `Hill'"),
        ("\"Ann\"", "Änn"),
        ("\"Ann\" <sip:ann@registrar.example>;", "sip:ann@registrar.example;"),
        ("sip:ann@", "sip:%61%6E%6e;x=y/?:%00@"),
        ("sip:ann@", "sip:*21*ann#@"),
        ("<sip:ann@registrar.example>;tag", "<tel:+43-1-234;ext=7>;tag"),
        ("sip:registrar.example ", "sips:[2001:db8::7]:5061;transport=tls;lr "),
        ("sip:registrar.example ", "x-unknown+1:anything?goes "),
        ("192.0.2.33:5062;branch", "[::ffff:192.0.2.33]:5062;received=[2001:db8::1];branch"),
        // Names and lists.
        ("Subject: none", "Max-Forwards-Not: 1\r\nX!%'*: ;;,\"\r\nX!%'*: again"),
        ("Subject: none", "Supported: ,,a,\r\nk: b"),
        ("Subject: none", "User-Agent: 5\" phone\r\nUser-Agent: twice"),
        ("maskline1", "maskline1, SIP/2.0/UDP x;branch=2"),
        ("Max-Forwards: 70\r\n", ""),
        ("Max-Forwards: 70", "Max-Forwards: 000"),
        (";branch=z9hG4bKmaskline1", ""),
        (";tag=a77", ""),
        ("z9hG4bKmaskline1", "Z9HG4BK%x;y=\"\\\0,\\\"\t\""),
        ("7f2c@192.0.2.33", "(<\"odd\">)@[]{}/?:\\"),
        ("Content-Type", "Date: Fri, 30 Feb 2026 25:61:00 CET\r\nContent-Type"),
        // The body.
        ("Content-Length: 4\r\n", ""),
        ("Content-Length: 4", "L: 0004"),
        ("Content-Length: 4", "Content-Length: 2"),
        ("body", "\0\r\n\r\n\u{ff}"),
        ("body", "body and then some"),
    ];
    for (part, other) in cases {
        let case = edited(part, other);
        match read(&case) {
            Ok(message) => assert_eq!(lazy_fault(&message), None, "{part:?} -> {other:?}"),
            Err(malformed) => panic!("{part:?} -> {other:?}: {malformed}"),
        }
        let answer = answer(&case).expect("a request is answered");
        let answer = read(&answer).expect("our own answer can be read");
        assert_eq!(answer.cseq().number, 19, "{part:?} -> {other:?}");
    }
}

#[test]
fn malformed_messages_are_refused_for_the_right_reason() {
    use Fault::{
        BodyTooLarge, Control, Header, HeaderLine, MethodMismatch, Missing, Repeated, RequestUri, StartLine,
        Truncated, Unterminated, Version,
    };
    let long = format!("Content-Length: {}\r\n\r\n{}", limits::BODY + 1, "x".repeat(limits::BODY + 1));
    let cases: &[(&str, &str, Fault)] = &[
        // The start line.
        ("REGISTER sip", "REGISTER  sip", RequestUri),
        ("REGISTER sip", " REGISTER sip", StartLine),
        ("REGISTER sip", "REG(ISTER) sip", StartLine),
        (" SIP/2.0\r\nVia", " SIP/2.0 \r\nVia", StartLine),
        (" SIP/2.0\r\nVia", "\r\nVia", StartLine),
        (" SIP/2.0\r\nVia", " SIP/2.00\r\nVia", Version),
        (" SIP/2.0\r\nVia", " SIP/3.1\r\nVia", Version),
        (" SIP/2.0\r\nVia", " HTTP/1.1\r\nVia", StartLine),
        (" SIP/2.0\r\nVia", " SIP/2.0\r\n\tx\r\nVia", HeaderLine),
        ("sip:registrar.example ", "<sip:registrar.example> ", RequestUri),
        ("sip:registrar.example ", "sip:registrar.example; lr ", RequestUri),
        ("sip:registrar.example ", "sip:registrar.example?Route=x ", RequestUri),
        ("sip:registrar.example ", "sip:2001:db8::10 ", RequestUri),
        ("sip:registrar.example ", "sip:a%0@registrar.example ", RequestUri),
        ("sip:registrar.example ", "registrar.example ", RequestUri),
        ("sip:registrar.example ", "sip:registrar.example\0 ", Control),
        // Smuggling.
        ("Subject: none", "Subject: a\nTo: <sip:b@x>", Control),
        ("Subject: none", "Subject: a\rTo: <sip:b@x>", Control),
        ("Subject: none", "Subject: a\0", Control),
        ("Subject: none", "Subject: \"a\u{8}\"", Control),
        ("Subject: none", "Subject none", HeaderLine),
        ("Subject: none", "Sub ject: none", HeaderLine),
        ("Subject: none", "Sübject: none", HeaderLine),
        ("Subject: none", ": none", HeaderLine),
        ("Subject: none", "f: <sip:b@x>;tag=1", Repeated(Name::From)),
        ("Subject: none", "TO : <sip:ann@registrar.example>", Repeated(Name::To)),
        ("Subject: none", "i:\r\n 7f2c@192.0.2.33", Repeated(Name::CallId)),
        ("Subject: none", "cseq: 19 REGISTER", Repeated(Name::CSeq)),
        ("Subject: none", "max-forwards: 70", Repeated(Name::MaxForwards)),
        ("Subject: none", "L: 4", Repeated(Name::ContentLength)),
        ("Subject: none", "c: application/sdp", Repeated(Name::ContentType)),
        ("Subject: none", "Expires: 1\r\nExpires: 2", Repeated(Name::Expires)),
        // What must be there.
        ("Via: SIP/2.0/UDP 192.0.2.33:5062;branch=z9hG4bKmaskline1\r\n", "", Missing(Name::Via)),
        ("From: \"Ann\" <sip:ann@registrar.example>;tag=a77\r\n", "", Missing(Name::From)),
        ("To: <sip:ann@registrar.example>\r\n", "", Missing(Name::To)),
        ("Call-ID: 7f2c@192.0.2.33\r\n", "", Missing(Name::CallId)),
        ("CSeq: 19 REGISTER\r\n", "", Missing(Name::CSeq)),
        // Values.
        ("CSeq: 19 REGISTER", "CSeq: 19 INVITE", MethodMismatch),
        ("CSeq: 19 REGISTER", "CSeq: 19 register", MethodMismatch),
        ("CSeq: 19 REGISTER", "CSeq: 4294967296 REGISTER", Header(Name::CSeq)),
        ("CSeq: 19 REGISTER", "CSeq: REGISTER", Header(Name::CSeq)),
        ("Max-Forwards: 70", "Max-Forwards: 256", Header(Name::MaxForwards)),
        ("Max-Forwards: 70", "Max-Forwards: -1", Header(Name::MaxForwards)),
        ("7f2c@192.0.2.33", "7f2c @192.0.2.33", Header(Name::CallId)),
        ("7f2c@192.0.2.33", "7f2cé", Header(Name::CallId)),
        ("7f2c@192.0.2.33", "", Header(Name::CallId)),
        ("\"Ann\" ", "\"Ann ", Header(Name::From)),
        ("\"Ann\" ", "Bell, Ann ", Header(Name::From)),
        ("<sip:ann@registrar.example>;tag", "< sip:ann@registrar.example >;tag", Header(Name::From)),
        (";tag=a77", ";tag=a77;tag=a78", Header(Name::From)),
        (";tag=a77", ";tag=", Header(Name::From)),
        (";tag=a77", ";tag=a77, <sip:b@x>;tag=1", Header(Name::From)),
        (";tag=a77", ";;", Header(Name::From)),
        ("To: <sip:ann@registrar.example>", "To: sip:ann@registrar.example?x=y", Header(Name::To)),
        ("z9hG4bKmaskline1", "z9hG4bK", Header(Name::Via)),
        ("z9hG4bKmaskline1", "a;branch=b", Header(Name::Via)),
        ("192.0.2.33:5062;branch", "192.0.2.33:99999;branch", Header(Name::Via)),
        ("192.0.2.33:5062;branch", "2001:db8::1;branch", Header(Name::Via)),
        ("Via: ", "Via: ,", Header(Name::Via)),
        // Lengths.
        ("Content-Length: 4", "Content-Length: 5", Truncated),
        ("Content-Length: 4", "Content-Length: 99999999999999999999", Truncated),
        ("Content-Length: 4", "Content-Length: -4", Header(Name::ContentLength)),
        ("Content-Length: 4", "Content-Length: 4, 4", Header(Name::ContentLength)),
        ("Content-Length: 4", "Content-Length:", Header(Name::ContentLength)),
        ("Content-Length: 4\r\n\r\nbody", "", Unterminated),
        ("Content-Length: 4\r\n\r\nbody", &long, BodyTooLarge),
    ];
    for (part, other, fault) in cases {
        let case = edited(part, other);
        let malformed = read(&case).expect_err(&format!("{part:?} -> {other:?}"));
        assert_eq!(malformed.fault, *fault, "{part:?} -> {other:?}");
        answer(&case);
    }
}

#[test]
fn other_malformed_messages_are_refused_when_they_are_looked_into() {
    for contact in ["sip:a@b?x=y", "<sip:a@b", "\"A <sip:a@b>", "<sip:a@b>;;;;", "sip:a b@c", "ä"] {
        let message =
            read(&edited("<sip:ann@192.0.2.33:5062>;expires=300", contact)).expect("the rest is well-formed");
        assert_eq!(lazy_fault(&message), Some(Fault::Header(Name::Contact)), "{contact:?}");
    }
}

#[test]
fn every_piece_of_a_message_is_handled() {
    let whole = REGISTER.as_bytes();
    for end in 0..whole.len() - 4 {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
        answer(&whole[..end]);
    }
    for at in 0..whole.len() {
        for byte in [0, b'\r', b'\n', b' ', b'"', b'<', b'>', b';', b',', b':', b'%', b'\\', 0x80, 0xff] {
            let mut message = whole.to_vec();
            message[at] = byte;
            answer(&message);
            message.insert(at, byte);
            answer(&message);
        }
    }
}

/// Messages that an RFC calls invalid, but that are read all the same.
const READ_ALL_THE_SAME: &[(&str, &str)] = &[
    ("baddate", "RFC 4475 section 3.1.2.12: Date is not used here, and need not be looked at"),
    ("ipv6-bug-abnf-3-colons", "RFC 5118 section 4.10: be liberal with what RFC 3261's own grammar produced"),
];

/// Messages whose fault lies in the application in the RFC's eyes, but that are refused here already.
const REFUSED_ALREADY: &[(&str, &str)] = &[
    ("multi01", "RFC 4475 section 3.3.8: headers that may stand only once are repeated, 400"),
    ("mcl01", "RFC 4475 section 3.3.9: two Content-Lengths, 400"),
];

#[test]
fn the_corpora_of_the_rfcs() {
    let Ok(folder) = std::env::var("MASKLINE_CORPORA") else { return };
    for corpus in ["rfc4475", "rfc5118"] {
        let folder = Path::new(&folder).join(corpus);
        let index = std::fs::read_to_string(folder.join("index.tsv")).expect("the corpus has an index");
        for row in index.lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let (name, class) = (columns[0], columns[2]);
            let kind = if corpus == "rfc4475" { columns[3] } else { "request" };
            let raw = std::fs::read(folder.join(format!("{name}.dat"))).expect("the message is there");
            let valid = match class.split('(').next() {
                Some("invalid") => READ_ALL_THE_SAME.iter().any(|(exception, _)| *exception == name),
                _ => REFUSED_ALREADY.iter().all(|(exception, _)| *exception != name),
            };
            let result = read(&raw);
            let fault = match &result {
                Ok(message) => lazy_fault(message),
                Err(malformed) => Some(malformed.fault),
            };
            assert_eq!(fault.is_none(), valid, "{name} ({class}): {fault:?}");
            if let Err(malformed) = result {
                assert_eq!(
                    malformed.echo(source()).is_some(),
                    kind == "request",
                    "{name}: responses are dropped"
                );
            }
        }
    }
}

#[test]
fn a_display_name_comes_out_as_it_was_meant() {
    let Ok(message) = read(&edited("\"Ann\"", "\"\\\0 \\\"Ann\\\\\"")) else { panic!("it is well-formed") };
    assert_eq!(message.from().display().as_deref(), Some("\0 \"Ann\\"));
    assert!(Address::parse(message.from().as_str()).is_ok());
}
