//! The scanner: where the start line, the header fields and the body of a message lie.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use memchr::memchr;

use super::fault::{Fault, Kind};
use super::limits;
use super::name::Name;
use super::span::Span;
use super::token::{CONTROL, SPACE, TOKEN, is, is_blank, run};

/// One header field: its name as written, the name it is known by, and its value without the blanks around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) name: Option<Name>,
    pub(super) label: Span,
    pub(super) value: Span,
}

/// Where the parts of a message lie.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) start: Span,
    pub(super) lines: Vec<Line>,
    /// The first byte after the empty line.
    pub(super) body: usize,
    folded: bool,
}

/// Most messages have fewer header fields than this.
const USUAL_LINES: usize = 24;

/// What a byte is read as that is not UTF-8: the control character made for it, which nothing that matters may hold.
pub(super) const SUBSTITUTE: u8 = 0x1a;

/// Finds the parts of a message (RFC 3261 section 7).
pub(super) fn scan(raw: &[u8]) -> Result<Scan, Fault> {
    if raw.len() > limits::MESSAGE {
        return Err(Fault::MessageTooLarge);
    }
    let start = blank_lines(raw);
    if start == raw.len() {
        return Err(Fault::Empty);
    }
    let (end, mut at) = line_end(raw, start)?;
    let mut lines = Vec::with_capacity(USUAL_LINES);
    let mut folds = 0;
    while !raw[at..].starts_with(b"\r\n") {
        let from = at;
        let (mut end, mut next) = line_end(raw, at)?;
        while raw.get(next).copied().is_some_and(is_blank) {
            (end, next) = line_end(raw, next)?;
            folds += 1;
        }
        if end - from > limits::LINE {
            return Err(Fault::LineTooLong);
        }
        if lines.len() == limits::HEADERS {
            return Err(Fault::TooManyHeaders);
        }
        lines.push(field(raw, from, end)?);
        at = next;
    }
    let found = Scan { start: Span::new(start, end), lines, body: at + 2, folded: folds > 0 };
    // Each line, the empty one too, ends in two control bytes. Only where there are more need they be looked at.
    let ends = 2 * (found.lines.len() + folds + 2);
    if controls(&raw[start..found.body]) != ends && !found.is_clean(raw) {
        return Err(Fault::Control);
    }
    Ok(found)
}

impl Scan {
    /// Whether each control byte of the start line and the header fields is part of a fold, or escaped.
    fn is_clean(&self, raw: &[u8]) -> bool {
        let next = self.lines.iter().skip(1).map(|line| usize::from(line.label.start));
        let ends = next.chain([self.body - 2]).map(|next| next - 2);
        let mut fields = self.lines.iter().zip(ends);
        controls(&raw[self.start.range()]) == 0
            && fields.all(|(line, end)| only_escaped(&raw[usize::from(line.label.end)..end]))
    }
}

/// How many bytes of line ends stand before the start line (RFC 3261 section 7.5).
pub(super) fn blank_lines(raw: &[u8]) -> usize {
    raw.chunks_exact(2).take_while(|pair| pair == b"\r\n").count() * 2
}

/// Where the line that starts at `at` ends, and where the next one starts.
fn line_end(raw: &[u8], at: usize) -> Result<(usize, usize), Fault> {
    let feed = at + memchr(b'\n', &raw[at..]).ok_or(Fault::Unterminated)?;
    if feed == at || raw[feed - 1] != b'\r' {
        return Err(Fault::Control);
    }
    if feed - 1 - at > limits::LINE {
        return Err(Fault::LineTooLong);
    }
    Ok((feed - 1, feed + 1))
}

/// Reads the header field between two positions. White space may stand before the colon (HCOLON).
#[inline]
fn field(raw: &[u8], from: usize, end: usize) -> Result<Line, Fault> {
    let text = &raw[from..end];
    let name = run(text, TOKEN);
    let colon = name + text[name..].iter().take_while(|&&byte| is_blank(byte)).count();
    if name == 0 || text.get(colon) != Some(&b':') {
        return Err(Fault::HeaderLine);
    }
    let value = trimmed(text, colon + 1);
    Ok(Line {
        name: Name::read(&text[..name]),
        label: Span::new(from, from + name),
        value: Span::new(from + value.start, from + value.end),
    })
}

/// The part of `text` from `start` on, without white space and folds at its ends.
fn trimmed(text: &[u8], start: usize) -> Range<usize> {
    let start = start + run(&text[start..], SPACE);
    let end = text[start..].iter().rposition(|&byte| !is(byte, SPACE)).map_or(start, |last| start + last + 1);
    start..end
}

/// How many control bytes there are. Comparisons and sums of single bytes, so that the compiler takes many at once.
fn controls(text: &[u8]) -> usize {
    let is_control = |byte: u8| u8::from(byte < 0x20) & u8::from(byte != b'\t') | u8::from(byte == 0x7f);
    let some = |bytes: &[u8]| usize::from(bytes.iter().map(|&byte| is_control(byte)).sum::<u8>());
    text.chunks(usize::from(u8::MAX)).map(some).sum()
}

/// Whether every control byte is part of a fold, or escaped within a quoted string.
fn only_escaped(text: &[u8]) -> bool {
    let mut quoted = false;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted && !matches!(text.get(at + 1), Some(b'\r' | b'\n')) => at += 1,
            b'\r' if text[at + 1..].starts_with(b"\n") && text.get(at + 2).copied().is_some_and(is_blank) => {
                at += 1
            }
            byte if is(byte, CONTROL) => return false,
            _ => {}
        }
        at += 1;
    }
    true
}

/// The head of a message as text: folds become blanks (RFC 3261 section 7.3.1), and bytes that are not UTF-8 become
/// SUB characters, so that every span stays where it is.
pub(super) fn text(raw: &Bytes, found: &Scan) -> ByteString {
    let head = raw.slice(..found.body);
    let mut copy = if found.folded {
        head.to_vec()
    } else {
        match ByteString::try_from(head.clone()) {
            Ok(text) => return text,
            Err(_) => head.to_vec(),
        }
    };
    for at in 2..copy.len() {
        if is_blank(copy[at]) && copy[at - 2..at] == *b"\r\n" {
            copy[at - 2..at].fill(b' ');
        }
    }
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&copy[at..]) {
        at += error.valid_up_to();
        copy[at] = SUBSTITUTE;
    }
    String::from_utf8(copy).expect("what is not UTF-8 was replaced").into()
}

/// What kind of message this was meant to be.
pub(super) fn kind(raw: &[u8]) -> Kind {
    let raw = &raw[blank_lines(raw)..];
    let word = run(raw, TOKEN);
    match (&raw[..word], raw.get(word)) {
        (b"ACK", Some(b' ')) => Kind::Ack,
        (version, Some(b'/')) if version.eq_ignore_ascii_case(b"SIP") => Kind::Response,
        ([_, ..], Some(b' ')) => Kind::Request,
        _ => Kind::Noise,
    }
}

/// The header fields of a message that [`scan`] refused, as far as they can be told apart. Those with control bytes
/// are left out, and overlong ones.
pub(super) fn salvage(raw: &[u8]) -> Vec<Line> {
    let raw = &raw[..raw.len().min(limits::MESSAGE)];
    let mut lines = Vec::new();
    let mut ends = memchr::memchr_iter(b'\n', raw).skip_while(|&feed| feed < blank_lines(raw)).peekable();
    let mut at = ends.next().map_or(raw.len(), |feed| feed + 1);
    while let Some(mut feed) = ends.next() {
        while raw.get(feed + 1).copied().is_some_and(is_blank) && ends.peek().is_some() {
            feed = ends.next().expect("it was peeked");
        }
        let end = if raw[..feed].ends_with(b"\r") { feed - 1 } else { feed };
        if end <= at || lines.len() == limits::HEADERS {
            break;
        }
        if end - at <= limits::LINE {
            lines.extend(field(raw, at, end).ok().filter(|line| only_escaped(&raw[line.value.range()])));
        }
        at = feed + 1;
    }
    lines
}

/// The Call-ID of a message that was not parsed yet, for the choice of who parses it. For every message that
/// [`Message::parse`](super::Message::parse) accepts it is the same as [`Head::call_id`](super::Head::call_id).
#[must_use]
pub fn call_id(raw: &[u8]) -> Option<&[u8]> {
    let mut at = blank_lines(raw);
    loop {
        at += memchr(b'\n', &raw[at..])? + 1;
        let line = &raw[at..];
        if line.starts_with(b"\r\n") {
            return None;
        }
        let label = match line.first()? {
            b'i' | b'I' => 1,
            b'c' | b'C' if line.len() > 7 && line[..7].eq_ignore_ascii_case(b"call-id") => 7,
            _ => continue,
        };
        let value = label + line[label..].iter().take_while(|&&byte| is_blank(byte)).count();
        if line.get(value) == Some(&b':') {
            let mut end = value + memchr(b'\n', &line[value..])?;
            while line.get(end + 1).copied().is_some_and(is_blank) {
                end += 1 + memchr(b'\n', &line[end + 1..])?;
            }
            return Some(&line[trimmed(&line[..end], value + 1)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(raw: &str) -> Result<Vec<(Option<Name>, &str)>, Fault> {
        let found = scan(raw.as_bytes())?;
        Ok(found.lines.iter().map(|line| (line.name, line.value.of(raw))).collect())
    }

    #[test]
    fn fields_are_found_and_folds_kept_in_place() {
        let raw = "\r\n\r\nX\r\nTO :\r\n a\r\nx-y:b \r\n\t c\r\ns:\r\n\r\nbody";
        let found = lines(raw).unwrap();
        assert_eq!(found, [(Some(Name::To), "a"), (None, "b \r\n\t c"), (Some(Name::Subject), "")]);
        let bytes = Bytes::from(raw);
        let found = scan(&bytes).unwrap();
        assert_eq!(&bytes[found.body..], b"body");
        assert_eq!(found.lines[1].value.of(&text(&bytes, &found)), "b   \t c");
    }

    #[test]
    fn what_is_not_utf8_becomes_one_character_each() {
        let bytes = Bytes::from_static(b"X\r\nS: J\xf6rg \xff\xfe\xc3\xa9\r\n\r\n\xff");
        let found = scan(&bytes).unwrap();
        assert_eq!(found.lines[0].value.of(&text(&bytes, &found)), "J\x1arg \x1a\x1aé");
    }

    #[test]
    fn bare_controls_are_refused_and_escaped_ones_are_not() {
        for field in [
            "S: a\0b",
            "S: a\rb",
            "S: \r a",
            "S: a\r",
            "S: \x7f",
            "S: \"a\0\"",
            "S: \\\0",
            "S: \"\\\r\"",
            "\0S: a",
            "S\0: a",
        ] {
            let fault = lines(&format!("X\r\n{field}\r\nT: y\r\n\r\n")).unwrap_err();
            assert!(matches!(fault, Fault::Control | Fault::HeaderLine), "{field:?}: {fault}");
            assert!(lines(&format!("X\r\nT: y\r\n{field}\r\n\r\n")).is_err(), "{field:?} at the end");
        }
        assert_eq!(lines("X\0\r\nS: a\r\n\r\n"), Err(Fault::Control));
        assert_eq!(lines("X\r\nS: a\nT: b\r\n\r\n"), Err(Fault::Control));
        let escaped = "\"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f}\" <sip:a@b>";
        assert_eq!(lines(&format!("X\r\nt: {escaped}\r\n\r\n")), Ok(vec![(Some(Name::To), escaped)]));
        assert!(lines("X\r\nS: a\tb\r\n\r\n").is_ok());
    }

    #[test]
    fn lines_that_are_no_fields_are_refused() {
        for line in [" S: a", "S", "S a: b", ": a", "S\r\n : a", "Sé: a", "S(x): a"] {
            assert_eq!(lines(&format!("X\r\n{line}\r\n\r\n")), Err(Fault::HeaderLine), "{line:?}");
        }
        assert_eq!(lines("X\r\nS: a\r\n"), Err(Fault::Unterminated));
        assert_eq!(lines("X"), Err(Fault::Unterminated));
        assert_eq!(lines("\r\n\r\n"), Err(Fault::Empty));
        assert_eq!(lines(""), Err(Fault::Empty));
    }

    #[test]
    fn limits_hold() {
        let value = |length| format!("X\r\nS: {}\r\n\r\n", "a".repeat(length));
        assert!(lines(&value(limits::LINE - 3)).is_ok());
        assert_eq!(lines(&value(limits::LINE)), Err(Fault::LineTooLong));
        let folded = format!("X\r\nS: {}\r\n\r\n", "aaaaaaa\r\n ".repeat(limits::LINE / 10));
        assert_eq!(lines(&folded), Err(Fault::LineTooLong));
        let many = |count| format!("X\r\n{}\r\n", "S: a\r\n".repeat(count));
        assert_eq!(lines(&many(limits::HEADERS)).unwrap().len(), limits::HEADERS);
        assert_eq!(lines(&many(limits::HEADERS + 1)), Err(Fault::TooManyHeaders));
        assert_eq!(lines(&"\r\n".repeat(limits::MESSAGE)), Err(Fault::MessageTooLarge));
    }

    #[test]
    fn the_call_id_is_found_without_parsing() {
        let find = |raw: &'static str| call_id(raw.as_bytes());
        assert_eq!(find("X\r\nInvalid: 1\r\nI \t: a@b \r\nCall-ID: c\r\n\r\n"), Some(&b"a@b"[..]));
        assert_eq!(find("\r\nX\r\ncALL-id:\r\n\ta\r\n\r\n"), Some(&b"a"[..]));
        assert_eq!(find("X\r\nS: a\r\n i: b\r\n\r\ni: c\r\n"), None);
        assert_eq!(find("i: a\r\n\r\n"), None);
        assert_eq!(find("X\r\ni: a"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn kinds_are_told_by_the_first_word() {
        assert_eq!(kind(b"ACK sip:a SIP/2.0\r\n"), Kind::Ack);
        assert_eq!(kind(b"\r\nINVITE <> SIP/2.0\r\n"), Kind::Request);
        assert_eq!(kind(b"sip/2.0 99999 x\r\n"), Kind::Response);
        assert_eq!(kind(b"\x16\x03\x01"), Kind::Noise);
        assert_eq!(kind(b""), Kind::Noise);
        assert_eq!(kind(b" INVITE"), Kind::Noise);
    }
}
