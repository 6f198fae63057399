//! Tokens that are put into every field of one party's messages, and the search for them in what the other got.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::rc::Rc;

use maskline::base::Side;
use md5::Md5;
use rustc_hash::FxHashMap;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word of letters and digits.
    Word(String),
    /// A telephone number: its digits, country code first.
    Number(String),
    /// An IPv4 address, or another text that is looked for as it is.
    Verbatim(String),
    /// A field of 32 bits.
    Bits(u32),
}

/// One token, and where it was put.
#[derive(Debug, Clone)]
pub struct Token {
    pub side: Side,
    pub field: String,
    pub value: Value,
}

/// All the tokens of one run.
#[derive(Clone, Default)]
pub struct Canary(Rc<RefCell<Vec<Token>>>);

impl Canary {
    fn add(&self, side: Side, field: &str, value: impl FnOnce(usize) -> Value) -> Value {
        let mut tokens = self.0.borrow_mut();
        let value = value(tokens.len());
        tokens.push(Token { side, field: field.into(), value: value.clone() });
        value
    }

    /// A word that stands nowhere else.
    pub fn word(&self, side: Side, field: &str) -> String {
        let letter = if side == Side::A { 'a' } else { 'b' };
        let value = self.add(side, field, |count| Value::Word(format!("cnary{letter}{count:05}")));
        let Value::Word(word) = value else { unreachable!() };
        word
    }

    /// A telephone number that stands nowhere else, with its plus.
    pub fn number(&self, side: Side, field: &str) -> String {
        let digits = |count: usize| 919_950_000_000 + count * 7_919 + 31_337;
        let value = self.add(side, field, |count| Value::Number(digits(count).to_string()));
        let Value::Number(number) = value else { unreachable!() };
        format!("+{number}")
    }

    /// An address that stands nowhere else.
    pub fn address(&self, side: Side, field: &str) -> String {
        let address = |count: usize| format!("198.18.{}.{}", 100 + count / 100 % 100, 100 + count % 100);
        let value = self.add(side, field, |count| Value::Verbatim(address(count)));
        let Value::Verbatim(address) = value else { unreachable!() };
        address
    }

    /// Nine digits that stand nowhere else.
    pub fn digits(&self, side: Side, field: &str) -> String {
        let digits = |count: usize| (730_000_000 + count * 7_919).to_string();
        let value = self.add(side, field, |count| Value::Verbatim(digits(count)));
        let Value::Verbatim(digits) = value else { unreachable!() };
        digits
    }

    /// A field of 32 bits that stands nowhere else.
    pub fn bits(&self, side: Side, field: &str) -> u32 {
        let mixed = |bits: u32| (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
        let bits = |count: usize| mixed(mixed(u32::try_from(count + 1).unwrap()));
        let value = self.add(side, field, |count| Value::Bits(bits(count)));
        let Value::Bits(bits) = value else { unreachable!() };
        bits
    }

    /// A value that is a party's own without having been made here.
    pub fn own(&self, side: Side, field: &str, value: Value) {
        self.add(side, field, |_| value);
    }

    pub fn tokens(&self) -> Vec<Token> {
        self.0.borrow().clone()
    }

    /// The tokens of a side.
    pub fn of(&self, side: Side) -> Vec<Token> {
        self.tokens().into_iter().filter(|token| token.side == side).collect()
    }
}

/// In which reading of what was sent a form is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// Byte by byte.
    Exact,
    /// In lower case, after percent escapes were undone.
    Folded,
    /// The same without blanks, dashes, dots and brackets.
    Squeezed,
}

/// One way of writing a token.
pub struct Form {
    pub kind: &'static str,
    pub reading: Reading,
    pub bytes: Vec<u8>,
}

/// Every way in which a token is looked for.
pub fn forms(value: &Value) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |kind, reading, bytes: Vec<u8>| forms.push(Form { kind, reading, bytes });
    let spellings = match value {
        Value::Word(word) | Value::Verbatim(word) => {
            add("raw", Reading::Folded, word.to_ascii_lowercase().into_bytes());
            vec![word.clone(), word.to_ascii_uppercase()]
        }
        Value::Number(digits) => {
            let national = &digits[2..];
            add("raw", Reading::Folded, national.into());
            add("with separators", Reading::Squeezed, national.into());
            for digits in [digits.clone(), national.into(), format!("0{national}"), format!("00{digits}")] {
                add("BCD", Reading::Exact, bcd(&digits, true));
                add("BCD as digits", Reading::Folded, hex(&bcd(&digits, true)).into());
                add("plain BCD", Reading::Exact, bcd(&digits, false));
            }
            let national = national.to_owned();
            let written = ["+", "", "00"].map(|prefix| format!("{prefix}{digits}"));
            written.into_iter().chain([format!("0{national}"), national]).collect()
        }
        Value::Bits(bits) => {
            let bytes = bits.to_be_bytes();
            add("raw", Reading::Exact, bytes.into());
            add("reversed", Reading::Exact, bits.to_le_bytes().into());
            add("base64", Reading::Exact, base64(&bytes)[..5].into());
            let written = [bits.to_string(), hex(&bytes)];
            written.iter().for_each(|text| add("written", Reading::Folded, text.clone().into()));
            written.into()
        }
    };
    for spelling in spellings.iter().collect::<BTreeSet<_>>() {
        let bytes = spelling.as_bytes();
        let backwards: String = spelling.chars().rev().collect();
        add("reversed", Reading::Folded, backwards.to_ascii_lowercase().trim_end_matches('+').into());
        add("hex", Reading::Folded, hex(bytes).into());
        for core in base64_cores(bytes) {
            add("base64", Reading::Exact, core);
        }
        let digests: [(&str, Vec<u8>); 3] = [
            ("MD5", Md5::digest(bytes).to_vec()),
            ("SHA-1", Sha1::digest(bytes).to_vec()),
            ("SHA-256", Sha256::digest(bytes).to_vec()),
        ];
        for (kind, digest) in digests {
            add(kind, Reading::Folded, hex(&digest).into());
            add(kind, Reading::Exact, base64_cores(&digest).swap_remove(0));
            add(kind, Reading::Exact, digest);
        }
    }
    forms
}

/// No form is shorter.
const START: usize = 4;

/// Where tokens were found.
pub type Found = BTreeMap<usize, BTreeSet<&'static str>>;

/// One form of one token: its bytes, its place in the list of tokens, and its kind.
type Needle = (Vec<u8>, usize, &'static str);

/// All forms of some tokens, arranged by their first bytes so that a text is walked once.
pub struct Needles(BTreeMap<Reading, FxHashMap<[u8; START], Vec<Needle>>>);

impl Needles {
    pub fn new(tokens: &[Token]) -> Self {
        let mut needles = Self(BTreeMap::new());
        for (place, token) in tokens.iter().enumerate() {
            for Form { kind, reading, bytes } in forms(&token.value) {
                let start = *bytes.first_chunk().expect("a form that short would be found by chance");
                let starts = needles.0.entry(reading).or_default();
                starts.entry(start).or_default().push((bytes, place, kind));
            }
        }
        needles
    }

    /// Looks in what was sent; gives the places of the tokens found, and the forms.
    pub fn search(&self, sent: &[u8]) -> Found {
        let folded = percent_decoded(sent).to_ascii_lowercase();
        let squeezed: Vec<u8> = folded.iter().copied().filter(|byte| !b" -.()".contains(byte)).collect();
        let mut found = Found::new();
        for (reading, starts) in &self.0 {
            let text: &[u8] = match reading {
                Reading::Exact => sent,
                Reading::Folded => &folded,
                Reading::Squeezed => &squeezed,
            };
            for (at, window) in text.array_windows::<START>().enumerate() {
                let candidates = starts.get(window).into_iter().flatten();
                for (_, place, kind) in candidates.filter(|(bytes, ..)| text[at..].starts_with(bytes)) {
                    found.entry(*place).or_default().insert(kind);
                }
            }
        }
        found
    }
}

/// Looks for tokens in what was sent, in all forms; gives the places of those found and the forms.
pub fn search(sent: &[u8], tokens: &[Token]) -> Found {
    Needles::new(tokens).search(sent)
}

/// What was found, a line each.
pub fn report(found: &Found, tokens: &[Token]) -> String {
    let mut text = String::new();
    for (place, kinds) in found {
        let token = &tokens[*place];
        writeln!(text, "{:?} {}: {:?} as {kinds:?}", token.side, token.field, token.value).unwrap();
    }
    text
}

pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Digits as packed in telephone signalling: two in a byte, the first in the lower half where `swapped`. A last
/// digit that stands alone is left out, since fillers differ.
pub fn bcd(digits: &str, swapped: bool) -> Vec<u8> {
    let pair = |pair: &[u8]| {
        let (first, second) = (pair[0] - b'0', pair[1] - b'0');
        if swapped { second << 4 | first } else { first << 4 | second }
    };
    digits.as_bytes().chunks_exact(2).map(pair).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What stands in the base64 of any text that these bytes are part of: one form for each way they can be aligned,
/// without the characters that neighbours take part in.
pub fn base64_cores(bytes: &[u8]) -> Vec<Vec<u8>> {
    (0..3)
        .map(|skip| {
            let skipped = (3 - skip) % 3;
            let whole = &bytes[skipped.min(bytes.len())..];
            let whole = &whole[..whole.len() / 3 * 3];
            whole.chunks_exact(3).flat_map(base64_group).collect()
        })
        .collect()
}

fn base64_group(group: &[u8]) -> [u8; 4] {
    let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
    [18, 12, 6, 0].map(|shift| BASE64[(bits >> shift & 63) as usize])
}

/// The base64 of bytes, padded.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = chunk.to_vec();
        group.resize(3, 0);
        let coded = base64_group(&group);
        out.extend(coded[..=chunk.len()].iter().map(|byte| char::from(*byte)));
        out.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    out
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap());
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}
