//! The search for one phone's data in what the other received.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use memchr::memmem;

/// How something reached a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Sip,
    Rtp,
    Rtcp,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Path::Sip => "SIP",
            Path::Rtp => "RTP",
            Path::Rtcp => "RTCP",
        })
    }
}

/// One datagram that a phone received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: Path,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// One thing about a phone that the other must not learn.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// What it is, as it stands in the table.
    pub(super) what: &'static str,
    pub(super) value: Value,
}

/// The forms that such a thing has.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A name, an id: something written.
    Text(String),
    /// A telephone number in E.164.
    Number(String),
    /// A network address.
    Address(IpAddr),
    /// A number of 32 bits out of an RTP header.
    Word(u32),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Number(text) => f.write_str(text),
            Value::Address(address) => address.fmt(f),
            Value::Word(word) => write!(f, "{word:08x}"),
        }
    }
}

/// One place where a token was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leak {
    pub(super) what: &'static str,
    /// How it was written.
    pub(super) spelling: &'static str,
    pub(super) path: Path,
    /// Which datagram of the phone's, counted from 0.
    pub(super) datagram: usize,
}

/// Looks through every byte for every token in every spelling.
pub(super) fn search(tokens: &[Token], received: &[Received]) -> Vec<Leak> {
    let needles: Vec<(&Token, Vec<Needle>)> =
        tokens.iter().map(|token| (token, needles(&token.value))).collect();
    let mut leaks = Vec::new();
    for (datagram, Received { path, from, bytes }) in received.iter().enumerate() {
        let lower = bytes.to_ascii_lowercase();
        for (token, needles) in &needles {
            let found =
                needles.iter().filter(|needle| needle.is_in(bytes, &lower)).map(|needle| needle.spelling);
            let source = matches!(token.value, Value::Address(address) if address == from.ip());
            leaks.extend(found.chain(source.then_some("the source of a datagram")).map(|spelling| Leak {
                what: token.what,
                spelling,
                path: *path,
                datagram,
            }));
        }
    }
    leaks
}

/// One spelling of a token.
struct Needle {
    spelling: &'static str,
    bytes: Vec<u8>,
    any_case: bool,
}

impl Needle {
    fn any_case(spelling: &'static str, text: &str) -> Self {
        Self { spelling, bytes: text.to_ascii_lowercase().into(), any_case: true }
    }

    fn exact(spelling: &'static str, bytes: Vec<u8>) -> Self {
        Self { spelling, bytes, any_case: false }
    }

    fn is_in(&self, bytes: &[u8], lower: &[u8]) -> bool {
        memmem::find(if self.any_case { lower } else { bytes }, &self.bytes).is_some()
    }
}

fn needles(value: &Value) -> Vec<Needle> {
    match value {
        Value::Text(text) => written(text),
        Value::Number(number) => {
            // With or without +, 00, 0 and country code: the last ten digits stand in all of them.
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            let digits = &digits[digits.len().saturating_sub(10)..];
            let swapped =
                digits.as_bytes().chunks_exact(2).map(|pair| (pair[1] - b'0') << 4 | (pair[0] - b'0'));
            let mut needles = written(digits);
            needles.push(Needle::exact("BCD, nibbles swapped", swapped.collect()));
            needles
        }
        Value::Address(address) => {
            let octets = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            let mut needles = written(&address.to_string());
            needles.push(Needle::any_case("hexadecimal octets", &hex(&octets)));
            needles.push(Needle::exact("octets", octets));
            needles
        }
        Value::Word(word) => {
            let octets = word.to_be_bytes().to_vec();
            vec![
                Needle::any_case("decimal", &word.to_string()),
                Needle::any_case("hexadecimal", &hex(&octets)),
                Needle::exact("octets", octets),
            ]
        }
    }
}

/// The spellings of a text.
fn written(text: &str) -> Vec<Needle> {
    let reversed: String = text.chars().rev().collect();
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut needles = vec![
        Needle::any_case("as it is", text),
        Needle::any_case("reversed", &reversed),
        Needle::any_case("percent-encoded", &escaped),
        Needle::any_case("hexadecimal", &hex(text.as_bytes())),
    ];
    if text.bytes().any(|byte| byte == b' ') {
        needles.push(Needle::any_case("percent-encoded blanks", &text.replace(' ', "%20")));
    }
    needles.extend((0..3).map(|shift| Needle::exact("base64", base64(text.as_bytes(), shift))));
    needles
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What base64 makes of a text that has `shift` bytes before it, without the characters that its surroundings change.
fn base64(text: &[u8], shift: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| {
        let byte = at / 8;
        byte.checked_sub(shift)
            .and_then(|byte| text.get(byte))
            .is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    };
    let first = (shift * 8).div_ceil(6);
    let end = (shift + text.len()) * 8 / 6;
    let sextet = |place: usize| (0..6).fold(0, |value, at| value << 1 | usize::from(bit(place * 6 + at)));
    (first..end).map(|place| ALPHABET[sextet(place)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: Value) -> Vec<Token> {
        vec![Token { what: "it", value }]
    }

    fn received(bytes: &[u8]) -> Vec<Received> {
        vec![Received { path: Path::Sip, from: "127.0.0.1:5060".parse().unwrap(), bytes: bytes.into() }]
    }

    fn finds(value: Value, bytes: &[u8]) -> bool {
        !search(&token(value), &received(bytes)).is_empty()
    }

    #[test]
    fn finds_a_number_however_it_is_written() {
        let number = || Value::Number("+919876500002".into());
        for text in [
            "<sip:+919876500002@h>",
            "tel:09876500002",
            "00919876500002",
            "i=9876500002",
            "2000056789",
            "%39%38%37%36%35%30%30%30%30%32",
            "39383736353030303032",
            "X: OTg3NjUwMDAwMg==",
            "X: KzkxOTg3NjUwMDAwMg==",
            "X: eCs5MTk4NzY1MDAwMDI=",
        ] {
            assert!(finds(number(), format!("INVITE sip:x SIP/2.0\r\n{text}\r\n").as_bytes()), "{text}");
        }
        assert!(finds(number(), b"\x00\x89\x67\x05\x00\x20\x00"), "BCD");
        for text in ["+919876500001", "987650000", "+918045550102", ""] {
            assert!(!finds(number(), text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn finds_a_text_in_any_case_and_spelling() {
        let name = || Value::Text("Asha Rao".into());
        for text in
            ["asha rao", "ASHA RAO", "Asha%20Rao", "%41%73%68%61%20%52%61%6F", "oaR ahsA", "417368612052616F"]
        {
            assert!(finds(name(), text.as_bytes()), "{text}");
        }
        assert!(!finds(name(), b"Asha\r\nRao") && !finds(name(), b"Ravi Kumar"));
    }

    #[test]
    fn finds_base64_at_each_alignment() {
        // "Asha Rao" behind nothing, one byte and two.
        for text in ["QXNoYSBSYW8=", "eEFzaGEgUmFv", "eHhBc2hhIFJhbw==", "eHhBc2hhIFJhb3g="] {
            assert!(finds(Value::Text("Asha Rao".into()), text.as_bytes()), "{text}");
        }
        assert!(!finds(Value::Text("Asha Rao".into()), b"QXNOYSBSYW8="), "case matters in base64");
    }

    #[test]
    fn finds_an_address_in_text_in_octets_and_as_a_source() {
        let address = || Value::Address("127.0.0.3".parse().unwrap());
        assert!(finds(address(), b"c=IN IP4 127.0.0.3\r\n"));
        assert!(finds(address(), b"\x80\x08\x7f\x00\x00\x03"));
        assert!(finds(address(), b"7F000003"));
        assert!(!finds(address(), b"127.0.0.1 127.0.0.2"));
        let mut direct = received(b"");
        direct[0].from = "127.0.0.3:4000".parse().unwrap();
        let leaks = search(&token(address()), &direct);
        assert_eq!(leaks[0].spelling, "the source of a datagram");
    }

    #[test]
    fn finds_a_word_of_an_rtp_header() {
        let ssrc = || Value::Word(0x8765_4321);
        for bytes in [&b"\x80\x08\0\0\0\0\0\0\x87\x65\x43\x21"[..], b"a=ssrc:2271560481 x", b"87654321"] {
            assert!(finds(ssrc(), bytes), "{bytes:?}");
        }
        assert!(!finds(ssrc(), b"\x21\x43\x65\x87"));
    }

    #[test]
    fn says_where_each_leak_was() {
        let mut received = received(b"nothing");
        received.push(Received {
            path: Path::Rtcp,
            bytes: b"\x81\xca cname".to_vec(),
            ..received[0].clone()
        });
        let leaks = search(&token(Value::Text("CNAME".into())), &received);
        assert_eq!(leaks, [Leak { what: "it", spelling: "as it is", path: Path::Rtcp, datagram: 1 }]);
    }
}
