//! Bytes as text.

use std::borrow::Cow;

use super::fault::Wrong;

/// The text of a document: as UTF-8, or as ISO-8859-1 where its media type (`charset`) or its own first line says so
/// (RFC 7303 section 3: a byte order mark counts most, then the media type). A declared UTF-16 is passed over
/// where the bytes are plainly not: that is what some libraries write in front of UTF-8.
pub(super) fn decode<'a>(body: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, Wrong> {
    let text = if let Some(body) = body.strip_prefix(b"\xef\xbb\xbf") {
        Cow::Borrowed(str::from_utf8(body).map_err(|_| Wrong::Encoding)?)
    } else {
        let name = charset.or_else(|| declared(body)).unwrap_or("utf-8").to_ascii_lowercase();
        match name.as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" => {
                Cow::Borrowed(str::from_utf8(body).map_err(|_| Wrong::Encoding)?)
            }
            "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" => {
                Cow::Owned(body.iter().copied().map(char::from).collect())
            }
            _ => return Err(Wrong::Encoding),
        }
    };
    let is_odd = |letter: char| letter < ' ' && !matches!(letter, '\t' | '\n' | '\r');
    match () {
        () if text.contains(is_odd) => Err(Wrong::Control),
        () if text.trim().is_empty() => Err(Wrong::Empty),
        () => Ok(text),
    }
}

/// The encoding that an XML declaration names.
fn declared(body: &[u8]) -> Option<&str> {
    let line = body.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = line.windows(2).take(200).position(|pair| pair == b"?>")?;
    let line = str::from_utf8(&line[..end]).ok()?;
    let value = line.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value[1..].split_once(quote).map(|(name, _)| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_the_media_type_and_the_first_line_count_in_this_order() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\xe9";
        assert!(decode(latin, None).unwrap().ends_with('é'));
        assert_eq!(decode(latin, Some("UTF-8")), Err(Wrong::Encoding));
        assert_eq!(decode(b"\xef\xbb\xbf\xc3\xa9", Some("iso-8859-1")).unwrap(), "é");
        assert_eq!(decode(b"\xe9", Some("latin1")).unwrap(), "é");
        assert_eq!(decode(b"<?xml encoding='utf-16'?><R/>", None).unwrap(), "<?xml encoding='utf-16'?><R/>");
        assert_eq!(decode(b"<?xml encoding='koi8-r'?>", None), Err(Wrong::Encoding));
        assert_eq!(decode(b"\xff\xfe<\0", None), Err(Wrong::Encoding));
        assert_eq!(decode(b"a\0", None), Err(Wrong::Control));
        assert_eq!(decode(b" \r\n", None), Err(Wrong::Empty));
    }
}
