//! Finding the description in a multipart body (RFC 5621, RFC 2046).

use super::{Fault, limits};

/// The session description in a SIP body: the body itself if its Content-Type is `application/sdp`, else the
/// first such part of a multipart body. All other parts are left unread.
///
/// # Errors
/// [`Fault::NoSdp`] where there is none, [`Fault::Required`] where another part must be understood,
/// [`Fault::Multipart`] or [`Fault::TooLarge`] where the body cannot be read.
pub fn pick_sdp<'a>(content_type: &str, body: &'a [u8]) -> Result<&'a [u8], Fault> {
    if body.len() > limits::BODY {
        return Err(Fault::TooLarge);
    }
    let mut parts_left = limits::PARTS;
    find(content_type, body, limits::DEPTH, &mut parts_left)?.ok_or(Fault::NoSdp)
}

fn find<'a>(
    content_type: &str,
    body: &'a [u8],
    depth: usize,
    left: &mut usize,
) -> Result<Option<&'a [u8]>, Fault> {
    let (media_type, _) = split(content_type);
    if media_type.eq_ignore_ascii_case("application/sdp") {
        return Ok(Some(body));
    }
    if !starts_with_ignore_case(media_type, "multipart/") {
        return Ok(None);
    }
    let boundary = parameter(content_type, "boundary").ok_or(Fault::Multipart)?;
    if boundary.is_empty() || boundary.len() > 70 || !boundary.is_ascii() {
        return Err(Fault::Multipart);
    }
    if depth == 0 {
        return Err(Fault::TooLarge);
    }
    let mut found = None;
    for part in parts(body, &boundary)? {
        *left = left.checked_sub(1).ok_or(Fault::TooLarge)?;
        let part = Part::parse(part)?;
        let sdp = if part.plain { find(&part.content_type, part.body, depth - 1, left)? } else { None };
        if sdp.is_none() && part.required {
            return Err(Fault::Required);
        }
        found = found.or(sdp);
    }
    Ok(found)
}

/// What lies between the delimiter lines.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<&'a [u8]>, Fault> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut offset = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let delimiter = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
        if let Some(rest @ (b"" | b"--")) = delimiter.map(|rest| rest.trim_ascii()) {
            if let Some(start) = start {
                parts.push(without_line_end(&body[start..offset]));
            }
            if rest == b"--" {
                return Ok(parts);
            }
            start = Some(offset + line.len());
        }
        offset += line.len();
    }
    Err(Fault::Multipart)
}

/// The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

struct Part<'a> {
    content_type: String,
    /// Not encoded in any way.
    plain: bool,
    /// It says that it must be understood.
    required: bool,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn parse(raw: &'a [u8]) -> Result<Self, Fault> {
        let mut part = Part { content_type: "text/plain".into(), plain: true, required: false, body: &[] };
        let mut header = String::new();
        let mut offset = 0;
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            offset += line.len();
            let line = std::str::from_utf8(line).map_err(|_| Fault::Multipart)?;
            let text = line.trim_end_matches(['\r', '\n']);
            if text.starts_with([' ', '\t']) && !header.is_empty() {
                header.push_str(text);
                continue;
            }
            part.take(&std::mem::replace(&mut header, text.to_owned()))?;
            if text.is_empty() {
                part.body = &raw[offset..];
                return Ok(part);
            }
        }
        part.take(&header)?;
        Ok(part)
    }

    /// Takes one header line of the part.
    fn take(&mut self, header: &str) -> Result<(), Fault> {
        if header.is_empty() {
            return Ok(());
        }
        let (name, value) = header.split_once(':').ok_or(Fault::Multipart)?;
        let (name, value) = (name.trim_end(), value.trim());
        if name.eq_ignore_ascii_case("content-type") {
            value.clone_into(&mut self.content_type);
        } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
            self.plain = ["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
        } else if name.eq_ignore_ascii_case("content-encoding") {
            self.plain = value.eq_ignore_ascii_case("identity");
        } else if name.eq_ignore_ascii_case("content-disposition") {
            self.required =
                parameter(value, "handling").is_some_and(|value| value.eq_ignore_ascii_case("required"));
        }
        Ok(())
    }
}

/// A header value before its parameters, and the parameters.
fn split(value: &str) -> (&str, &str) {
    let (head, rest) = value.split_once(';').unwrap_or((value, ""));
    (head.trim(), rest)
}

/// The value of a parameter, without quotes and escapes.
fn parameter(value: &str, name: &str) -> Option<String> {
    let (_, mut rest) = split(value);
    while let Some((key, after)) = rest.split_once('=') {
        // A parameter without a value may stand before this key.
        let key = key.rsplit(';').next().unwrap_or(key).trim();
        let after = after.trim_start();
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (text, after) = after.split_once(';').unwrap_or((after, ""));
                (text.trim().to_owned(), after)
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = after;
    }
    None
}

/// The text up to the closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => text.push(characters.next()?.1),
            _ => text.push(character),
        }
    }
    None
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIP_I: &[u8] = b"preamble\r\n--uniq\r\nContent-Type: application/ISUP;version=nxv3\r\n\
        Content-Disposition: signal;handling=optional\r\n\r\n\x01\x00\x49\x00\r\n--uniq\r\n\
        content-type: application\r\n /sdp\r\n\r\nbad fold\r\n--uniq  \r\nContent-Type : Application/SDP; charset=utf-8\r\n\r\n\
        v=0\r\ns=-\r\n--uniq--\r\nepilogue";

    #[test]
    fn a_plain_body_is_the_description() {
        assert_eq!(pick_sdp("application/sdp", b"v=0"), Ok(&b"v=0"[..]));
        assert_eq!(pick_sdp("Application/SDP;charset=utf-8", b"v=0"), Ok(&b"v=0"[..]));
        assert_eq!(pick_sdp("application/isup", b"\x01"), Err(Fault::NoSdp));
        assert_eq!(pick_sdp("", b"v=0"), Err(Fault::NoSdp));
    }

    #[test]
    fn the_sdp_part_is_found_among_others() {
        let sdp = pick_sdp("multipart/mixed;boundary=\"uniq\"", SIP_I);
        assert_eq!(sdp, Ok(&b"v=0\r\ns=-"[..]));
        assert_eq!(pick_sdp("MULTIPART/mixed; x; y=\"a;b\\\"\" ; Boundary = uniq", SIP_I), sdp);
    }

    #[test]
    fn a_part_that_must_be_understood_is_a_fault() {
        let body = String::from_utf8_lossy(SIP_I).replace("handling=optional", "handling=required");
        assert_eq!(pick_sdp("multipart/mixed;boundary=uniq", body.as_bytes()), Err(Fault::Required));
    }

    #[test]
    fn a_required_sdp_part_is_understood() {
        let body = b"--b\r\nContent-Disposition: session;handling=required\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--";
        assert_eq!(pick_sdp("multipart/mixed;boundary=b", body), Ok(&b"v=0"[..]));
    }

    #[test]
    fn encoded_parts_are_not_read() {
        let body =
            b"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--";
        assert_eq!(pick_sdp("multipart/mixed;boundary=b", body), Err(Fault::NoSdp));
    }

    #[test]
    fn nested_parts_are_found_up_to_a_depth() {
        let nest = |levels: usize| {
            (0..levels).fold(("application/sdp".to_owned(), "v=0".to_owned()), |(kind, body), level| {
                let body = format!("--b{level}\r\nContent-Type: {kind}\r\n\r\n{body}\r\n--b{level}--\r\n");
                (format!("multipart/mixed;boundary=b{level}"), body)
            })
        };
        let (kind, body) = nest(limits::DEPTH);
        assert_eq!(pick_sdp(&kind, body.as_bytes()), Ok(&b"v=0"[..]));
        let (kind, body) = nest(limits::DEPTH + 1);
        assert_eq!(pick_sdp(&kind, body.as_bytes()), Err(Fault::TooLarge));
    }

    #[test]
    fn broken_or_endless_bodies_are_faults() {
        assert_eq!(pick_sdp("multipart/mixed", SIP_I), Err(Fault::Multipart));
        assert_eq!(pick_sdp("multipart/mixed;boundary=", SIP_I), Err(Fault::Multipart));
        assert_eq!(pick_sdp("multipart/mixed;boundary=other", SIP_I), Err(Fault::Multipart));
        let body = format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(limits::PARTS + 1));
        assert_eq!(pick_sdp("multipart/mixed;boundary=b", body.as_bytes()), Err(Fault::TooLarge));
        assert_eq!(pick_sdp("application/sdp", &[b'a'; limits::BODY + 1]), Err(Fault::TooLarge));
    }

    proptest! {
        #[test]
        fn never_panics(kind in "(multipart/mixed)?;? ?boundary=\\PC{0,4}", lines in prop::collection::vec("(--\\PC{0,4}(--)?|\\PC{0,12})", 0..20)) {
            let _ = pick_sdp(&kind, lines.join("\r\n").as_bytes());
        }
    }
}
