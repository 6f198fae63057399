//! The canary's positive control: a writer that leaks on purpose, in every way that is looked for, has to be caught,
//! or the silence of the canary says nothing.

mod sim;

use std::collections::BTreeSet;

use maskline::base::Side;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use sim::aviary::Aviary;
use sim::canary::{Canary, Token, Value, base64, bcd, hex, report, search};
use sim::*;

/// Every token that one dressed INVITE holds.
fn tokens() -> Vec<Token> {
    let (world, canary) = (World::new(), Canary::default());
    let mut caller = world.caller(ALPHA, ALICE, M1);
    canary.dress(Side::A, &mut caller);
    caller.call();
    canary.tokens()
}

/// Writes every token in one way, each into a header of its own, and fails on the first that is not found.
fn control(way: &str, write: impl Fn(&Value) -> Option<Vec<u8>>) {
    let tokens = tokens();
    assert!(tokens.len() > 200, "an INVITE has many fields");
    let mut sent = b"INVITE sip:x@y SIP/2.0\r\n".to_vec();
    let mut written = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        if let Some(bytes) = write(&token.value) {
            sent.extend(b"X-Leak: ");
            sent.extend(bytes);
            sent.extend(b"\r\n");
            written.push(place);
        }
    }
    let found = search(&sent, &tokens);
    for place in &written {
        assert!(found.contains_key(place), "{way} hides {:?} from the search", tokens[*place]);
    }
    let others: Vec<_> = found.keys().filter(|place| !written.contains(place)).collect();
    assert!(others.is_empty(), "{way} makes the search see what is not there: {}", report(&found, &tokens));
    assert!(!written.is_empty());
}

fn text(value: &Value) -> &str {
    match value {
        Value::Word(text) | Value::Verbatim(text) | Value::Number(text) => text,
        Value::Bits(_) => unreachable!("SIP has no such fields"),
    }
}

/// A way of writing that takes the text of any token.
fn control_text(way: &str, write: impl Fn(&str) -> String) {
    control(way, |value| Some(write(text(value)).into_bytes()));
    control(&format!("{way} with a plus"), |value| match value {
        Value::Number(digits) => Some(write(&format!("+{digits}")).into_bytes()),
        _ => None,
    });
}

#[test]
fn finds_what_is_written_openly() {
    control_text("as it is", str::to_owned);
    control_text("in capitals", str::to_ascii_uppercase);
    control_text("in mixed case", |text| text[..4].to_ascii_uppercase() + &text[4..]);
    control_text("backwards", |text| text.chars().rev().collect());
    control_text("in the middle of others", |text| format!("x{text}x"));
}

#[test]
fn finds_what_is_coded() {
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    control_text("percent-encoded", percent);
    control_text("half of it percent-encoded", |text| percent(&text[..5]) + &text[5..]);
    control_text("in hex", |text| hex(text.as_bytes()));
    control_text("in hex of capitals", |text| hex(text.as_bytes()).to_ascii_uppercase());
    for before in ["", "x", "yz", "abc"] {
        control_text("in base64", |text| base64(format!("{before}{text}{before}").as_bytes()));
    }
}

#[test]
fn finds_what_is_hashed() {
    control_text("MD5", |text| hex(&Md5::digest(text)));
    control_text("SHA-1", |text| hex(&Sha1::digest(text)));
    control_text("SHA-256", |text| hex(&Sha256::digest(text)).to_ascii_uppercase());
    control_text("MD5 in base64", |text| base64(&Md5::digest(text)));
    control_text("SHA-1 in base64", |text| base64(&Sha1::digest(text)));
    control_text("SHA-256 in base64", |text| base64(&Sha256::digest(text)));
    control("SHA-256 in bytes", |value| Some(Sha256::digest(text(value)).to_vec()));
}

#[test]
fn finds_numbers_however_they_are_written() {
    let control_number = |way: &str, write: &dyn Fn(&str) -> Vec<u8>| {
        control(way, |value| match value {
            Value::Number(digits) => Some(write(digits)),
            _ => None,
        });
    };
    control_number("with 00", &|digits| format!("00{digits}").into());
    control_number("national", &|digits| digits[2..].into());
    control_number("national with 0", &|digits| format!("0{}", &digits[2..]).into());
    control_number("with dashes and blanks", &|digits| {
        format!("+{} {}-{}.({})", &digits[..2], &digits[2..5], &digits[5..9], &digits[9..]).into()
    });
    for (way, write) in [("BCD", true), ("plain BCD", false)] {
        control_number(way, &|digits| bcd(digits, write));
        control_number(way, &|digits| bcd(&digits[2..], write));
        control_number(way, &|digits| bcd(&format!("0{}", &digits[2..]), write));
        control_number(way, &|digits| [&[0x83, 0x90][..], &bcd(digits, write), &[0x0f]].concat());
    }
    control_number("BCD as digits", &|digits| hex(&bcd(digits, true)).into());
    control_number("hash of the national number", &|digits| hex(&Sha256::digest(&digits[2..])).into());
    control_number("hash with 00", &|digits| hex(&Md5::digest(format!("00{digits}"))).into());
}

/// A product that copies the last INVITE, or the last answer, of one leg into what it sends on the other.
#[test]
fn a_leaky_writer_is_caught_at_every_field() {
    let (world, canary) = (World::new(), Canary::default());
    world.edit().fault = Some(Box::new(|sent, to, bytes| {
        let start = String::from_utf8_lossy(&bytes[..12]).into_owned();
        let (from, what) = match &start[..7] {
            "INVITE " if to == address(BETA) => (ALPHA, "INVITE"),
            "SIP/2.0" if start.contains("200") && to == address(ALPHA) => (BETA, "SIP/2.0 200"),
            _ => return bytes,
        };
        let other = sent
            .iter()
            .rev()
            .find(|datagram| datagram.from == address(from) && datagram.bytes.starts_with(what.as_bytes()));
        let Some(other) = other else { return bytes };
        let copied = other.bytes.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte });
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let copied: Vec<u8> = copied.collect();
        let lossy = String::from_utf8_lossy(&copied).into_owned();
        [&bytes[..end], b"X-Leak: ", lossy.as_bytes(), b"\r\n", &bytes[end..]].concat()
    }));
    let mut caller = world.caller(ALPHA, ALICE, M1);
    canary.dress(Side::A, &mut caller);
    caller.call();
    let before_answer = canary.tokens().len();
    let mut callee = world.incoming(BETA);
    canary.dress(Side::B, &mut callee);
    callee.answer();
    caller.expect(200);
    let tokens = canary.tokens();
    for (side, at) in [(Side::A, ALPHA), (Side::B, BETA)] {
        let sent: Vec<u8> = world.received(at).into_iter().flat_map(|text| text.raw).collect();
        let found = search(&sent, &tokens);
        let fields = |places: &mut dyn Iterator<Item = usize>| -> BTreeSet<String> {
            places.map(|place| tokens[place].field.clone()).collect()
        };
        let others = tokens.iter().enumerate().filter(|(place, token)| {
            token.side == side.other() && (side == Side::A || *place < before_answer)
        });
        let put = fields(&mut others.map(|(place, _)| place));
        let seen = fields(&mut found.keys().copied().filter(|place| tokens[*place].side == side.other()));
        let missed: Vec<_> = put.difference(&seen).filter(|field| !is_not_in_it(field)).collect();
        assert!(missed.is_empty(), "copied to {side:?} and not found: {missed:#?}");
    }
}

/// What a copy of an INVITE, or of a 200, into one line of text cannot have: packed digits, and in the 200 the CSeq
/// of the callee's own requests.
fn is_not_in_it(field: &str) -> bool {
    field.contains("ISUP") || field == "CSeq"
}

/// A product that writes a party's words to its log, or into a field of the record that is not meant for them.
#[test]
fn a_word_in_the_log_or_in_the_record_is_found() {
    for [is_logged, is_recorded] in [[false, false], [true, false], [false, true]] {
        let aviary = Aviary::new();
        let (mut caller, mut callee) = aviary.established(Side::A);
        caller.hang_up(&mut callee);
        aviary.world.settle();
        let name = aviary.canary.tokens().into_iter().find(|token| token.field == "From name").unwrap();
        if is_logged {
            tracing::debug!(name = text(&name.value), "a call");
        }
        if is_recorded {
            aviary.world.edit().records[0].legs[1].peer = text(&name.value).into();
        }
        assert_eq!(aviary.found().contains("From name"), is_logged || is_recorded);
        assert!(is_logged || is_recorded || aviary.found().is_empty());
    }
}
