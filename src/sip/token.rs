//! The character classes of RFC 3261 section 25.1.

/// A character of a `token`: a method, a header name, a tag.
pub(super) const TOKEN: u8 = 1;
/// A control byte that may not stand bare in a header: all but the tab.
pub(super) const CONTROL: u8 = 1 << 1;
/// Blank, tab, and the line ends of folding.
pub(super) const SPACE: u8 = 1 << 2;
/// Visible ASCII.
pub(super) const VISIBLE: u8 = 1 << 3;
/// What may stand in a URI and divides none of its parts: visible ASCII but for the characters that end a URI in a
/// header. Senders put `#`, `[` and others in user parts that RFC 3261 wants escaped; they do no harm.
pub(super) const PLAIN: u8 = 1 << 4;
/// What ends the value of a parameter.
pub(super) const VALUE_END: u8 = 1 << 5;
/// What ends the name of a parameter.
pub(super) const NAME_END: u8 = 1 << 6;
/// What may stand in the name of a host; underscores do, whatever RFC 1123 says.
pub(super) const HOST: u8 = 1 << 7;

/// The classes of every byte.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = classes_of(byte);
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

const fn classes_of(byte: u8) -> u8 {
    let mut classes = 0;
    if byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
    {
        classes |= TOKEN;
    }
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
        classes |= HOST;
    }
    if byte.is_ascii_control() && byte != b'\t' {
        classes |= CONTROL;
    }
    if byte.is_ascii_graphic() {
        classes |= VISIBLE;
    }
    if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'@' | b';' | b'?' | b'%') {
        classes |= PLAIN;
    }
    match byte {
        b' ' | b'\t' | b'\r' | b'\n' => classes | SPACE | VALUE_END | NAME_END,
        b';' | b'"' | b',' => classes | VALUE_END | NAME_END,
        b'=' => classes | NAME_END,
        _ => classes,
    }
}

/// Whether a byte is of one of these classes.
pub(super) fn is(byte: u8, classes: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// Whether a byte is a blank or a tab.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where a byte first stands, in a text too short for `memchr` to be worth its set-up.
pub(super) fn find(text: &[u8], wanted: u8) -> Option<usize> {
    text.iter().position(|&byte| byte == wanted)
}

/// How many bytes at the start are of none of these classes.
pub(super) fn until(text: &[u8], classes: u8) -> usize {
    text.iter().position(|&byte| is(byte, classes)).unwrap_or(text.len())
}

/// How many bytes at the start are of one of these classes.
pub(super) fn run(text: &[u8], classes: u8) -> usize {
    text.iter().position(|&byte| !is(byte, classes)).unwrap_or(text.len())
}

/// Whether there is at least one byte, and each is of one of these classes.
pub(super) fn all(text: &str, classes: u8) -> bool {
    !text.is_empty() && run(text.as_bytes(), classes) == text.len()
}

/// The text without white space at its ends: blanks, tabs, and the line ends of folding.
pub(super) fn trim(text: &str) -> &str {
    let text = trim_start(text);
    let end = text.bytes().rposition(|byte| !is(byte, SPACE)).map_or(0, |last| last + 1);
    &text[..end]
}

/// The text without white space at its start.
pub(super) fn trim_start(text: &str) -> &str {
    &text[run(text.as_bytes(), SPACE)..]
}

/// The length of the quoted string that the text starts with, both quotes included (RFC 3261 section 25.1).
pub(super) fn quoted_length(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// What a quoted string says: without its quotes, and with its escapes undone.
pub(super) fn unquote(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.into();
    };
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain.into()
}

/// Whether the text is digits only, one at least.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a decimal number, which may be written with leading zeros; `None` where it is none or does not fit.
pub(super) fn number<N: TryFrom<u64>>(text: &str) -> Option<N> {
    if !is_number(text) {
        return None;
    }
    let digits = text.bytes().map(|digit| u64::from(digit - b'0'));
    N::try_from(digits.fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(digit))).ok()
}

/// Reads a count of seconds; one that is too large to be true counts as the largest there is.
pub(super) fn seconds(text: &str) -> Option<u32> {
    is_number(text).then(|| number(text).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings_end_at_the_first_quote_that_is_not_escaped() {
        assert_eq!(quoted_length(br#""a" b"#), Some(3));
        assert_eq!(quoted_length(br#""a\"b" c"#), Some(6));
        assert_eq!(quoted_length(br#""a\\" c"#), Some(5));
        assert_eq!(quoted_length(br#""a\""#), None);
        assert_eq!(quoted_length(b"\""), None);
        assert_eq!(quoted_length(b"a"), None);
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unquote(r#""J \\\"X\" Ü""#), r#"J \"X" Ü"#);
        assert_eq!(unquote("plain"), "plain");
        assert_eq!(unquote("\""), "\"");
    }

    #[test]
    fn numbers_may_have_leading_zeros_and_nothing_else() {
        assert_eq!(number::<u8>("0068"), Some(68));
        assert_eq!(number::<u8>("256"), None);
        assert_eq!(number::<u64>("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(number::<u32>("99999999999999999999999"), None);
        for text in ["", "-1", "+1", " 1", "1 ", "1a", "٣"] {
            assert_eq!(number::<u32>(text), None, "{text:?}");
        }
        assert_eq!(seconds("99999999999999999999999"), Some(u32::MAX));
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn trimming_takes_the_ends_only() {
        assert_eq!(trim(" \t a b\r\n "), "a b");
        assert_eq!(trim(" \t"), "");
    }
}
