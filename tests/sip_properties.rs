//! What must hold for any text and any bytes.

use std::borrow::Cow;

use bytes::Bytes;
use maskline::sip::{Address, Frame, Framer, Head, Message, Method, Name, Status, Uri, Writer, call_id};
use proptest::prelude::*;

/// A text as a quoted string (RFC 3261 section 25.1).
fn quoted(text: &str) -> String {
    text.chars().fold(String::from("\""), |mut out, character| {
        out.extend(['"', '\\'].contains(&character).then_some('\\'));
        out.push(character);
        out
    }) + "\""
}

/// A text with every byte escaped that is not a letter or a digit.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| match byte {
        byte if byte.is_ascii_alphanumeric() => out + &char::from(byte).to_string(),
        byte => out + &format!("%{byte:02x}"),
    })
}

/// A request with everything that it must have.
fn request() -> Writer {
    let mut writer = Writer::request(&Method::INVITE, "sip:b@example.com");
    writer
        .header(Name::Via, "SIP/2.0/UDP 192.0.2.1:5080;rport;branch=z9hG4bKa")
        .header(Name::From, "<sip:a@example.com>;tag=1")
        .header(Name::To, "<sip:b@example.com>")
        .header(Name::CallId, "c1")
        .header(Name::CSeq, "1 INVITE");
    writer
}

/// Text that looks like a piece of a message.
fn piece() -> impl Strategy<Value = String> {
    let marks = "[\r\n\t \"<>;,:=@%/\\\\?.\\[\\]\u{0}a0é-]{0,12}";
    let words = proptest::sample::select(
        &[
            "sip:",
            "SIP/2.0",
            "INVITE ",
            "\r\nVia: SIP/2.0/UDP h",
            "\r\nf: <sip:a@b>;tag=1",
            "\r\nTo: <sip:b@c>",
            "\r\ni: 1",
            "\r\nCSeq: 1 INVITE",
            "\r\nl: 3",
            "\r\n\r\n",
            "\r\n ",
            "z9hG4bK",
            "tag=",
            "\r\nm: *",
            "tel:+1",
            "[::1]",
            "200 OK",
        ][..],
    );
    prop_oneof![marks, words.prop_map(String::from)]
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let pieces = proptest::collection::vec(piece(), 0..30).prop_map(|pieces| pieces.concat().into_bytes());
    let bent = (proptest::collection::vec((any::<prop::sample::Index>(), piece()), 0..4)).prop_map(|edits| {
        let mut raw = request().body("text/plain", b"abc").to_vec();
        for (at, piece) in edits {
            let at = at.index(raw.len());
            raw.splice(at..at, piece.bytes());
        }
        raw
    });
    prop_oneof![pieces, bent, proptest::collection::vec(any::<u8>(), 0..300)]
}

/// Looks at everything that a message has.
fn look(message: &Message) -> usize {
    let head: &Head = message;
    let lists: usize =
        Name::ALL.iter().map(|&name| head.values(name).count() + head.addresses(name).count()).sum();
    let single =
        Name::ALL.iter().filter(|&&name| head.with_params(name).is_some() || head.number(name).is_some());
    let users = [head.from(), head.to()]
        .map(|address| (address.display(), address.uri().user().map(Cow::into_owned)));
    lists
        + single.count()
        + head.contacts().count()
        + users.len()
        + usize::from(head.content_type().is_some())
}

proptest! {
    #[test]
    fn any_value_is_one_header_field(text in any::<String>(), body in proptest::collection::vec(any::<u8>(), 0..50)) {
        let mut writer = request();
        writer.header(Name::Subject, &text).header(Name::Organization, "x");
        let message = Message::parse(writer.body(&text, &body)).expect("no value breaks a message");
        let clean: String = text.chars().filter(|character| !character.is_ascii_control()).collect();
        prop_assert_eq!(message.header(Name::Subject), Some(clean.trim_matches(' ')));
        prop_assert_eq!(message.header(Name::ContentType), Some(clean.trim_matches(' ')));
        prop_assert_eq!(message.header(Name::Organization), Some("x"));
        prop_assert_eq!(&message.body()[..], &body[..]);
    }

    #[test]
    fn display_names_and_users_come_out_as_they_went_in(
        name in "[^\\pC]{0,30}", user in any::<String>(), tag in "[a-z0-9]{1,9}",
    ) {
        let text = format!("{} <sip:{}@example.com>;tag={tag}", quoted(&name), escaped(&user));
        let address = Address::parse(&text).expect("it is an address");
        prop_assert_eq!(address.display(), Some(Cow::Borrowed(&name[..])));
        prop_assert_eq!(address.uri().user(), Some(Cow::Borrowed(&user[..])));
        prop_assert_eq!(address.tag(), Some(&tag[..]));
        prop_assert_eq!(address.as_str(), &text);
        let escapes: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let same = Uri::parse(&format!("SIP:{escapes}@EXAMPLE.com")).expect("it is a URI");
        prop_assert!(address.uri().is_equivalent(&same));
    }

    #[test]
    fn nothing_is_too_odd_to_be_read_or_refused(raw in messages()) {
        let raw = Bytes::from(raw);
        let source = "198.51.100.9:4444".parse().expect("it is an address");
        let echo = match Message::parse(raw.clone()) {
            Ok(message) => {
                look(&message);
                prop_assert_eq!(call_id(&raw), Some(message.call_id().as_bytes()));
                let Message::Request(request) = message else { return Ok(()) };
                let echo = request.echo(source);
                let answer = Message::parse(Writer::response(Status::OK, &echo, Some("t")).finish());
                let answer = answer.expect("the answer to a well-formed request is well-formed");
                prop_assert_eq!(answer.call_id(), request.call_id());
                prop_assert_eq!(answer.cseq(), request.cseq());
                prop_assert_eq!(answer.via_count(), request.via_count());
                prop_assert_eq!(answer.via().branch(), request.via().branch());
                prop_assert_eq!(answer.from().tag(), request.from().tag());
                prop_assert_eq!(answer.to().tag(), request.to().tag().or(Some("t")));
                return Ok(());
            }
            Err(malformed) => malformed.echo(source),
        };
        if let Some(echo) = echo {
            let answer = Writer::response(Status::BAD_REQUEST, &echo, Some("t")).finish();
            prop_assert!(answer.ends_with(b"\r\nContent-Length: 0\r\n\r\n"));
            let mut lines = answer.split(|&byte| byte == b'\n');
            prop_assert!(lines.all(|line| line.is_empty() || line.ends_with(b"\r")));
        }
    }

    #[test]
    fn a_stream_is_cut_the_same_however_it_arrives(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5), size in 1..400_usize,
    ) {
        let written: Vec<Bytes> = bodies.iter().map(|body| request().body("a/b", body)).collect();
        let mut framer = Framer::new();
        let mut read = Vec::new();
        for chunk in written.concat().chunks(size) {
            framer.push(chunk);
            while let Some(frame) = framer.next().expect("the stream is well-formed") {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, written.into_iter().map(Frame::Message).collect::<Vec<_>>());
    }

    #[test]
    fn any_stream_is_read_or_refused(raw in messages(), size in 1..50_usize) {
        let mut framer = Framer::new();
        'stream: for chunk in raw.chunks(size) {
            framer.push(chunk);
            loop {
                match framer.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
    }
}
