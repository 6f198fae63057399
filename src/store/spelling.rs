//! How a party's number may be written in a text: with its calling code or as in its own country, in one run of digits or
//! with separators between them.

use std::ops::Range;

use crate::base::PhoneNumber;

/// What may stand between the digits of one number. A URL has `+` or `%20` for a blank.
pub(super) const SEPARATORS: [&str; 10] = ["%20", " ", "-", ".", "(", ")", "/", "_", ",", "+"];
/// What may stand before a number of its own country.
const NATIONAL: [&str; 4] = ["", "0", "8", "06"];
/// What may stand before a calling code.
const INTERNATIONAL: [&str; 4] = ["", "0", "00", "011"];
/// Digits of the shortest national number that is looked for without its calling code.
const SHORTEST: usize = 7;
/// Digits of the shortest that a number in JSON may be without its calling code: many are something else.
const SHORTEST_BARE: usize = 9;

/// Calling codes of two digits (ITU-T E.164): no other begins with one of them, and all but 1 and 7 have three.
const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 \
     92 93 94 95 98";

/// A party's number, ready to be found.
pub(super) struct Spelling {
    code: String,
    national: String,
}

impl Spelling {
    pub(super) fn of(party: PhoneNumber) -> Self {
        let digits = party.as_u64().to_string();
        let national = &digits[calling_code(&digits)..];
        let national = if national.len() < SHORTEST { digits.as_str() } else { national };
        let code = digits.strip_suffix(national).unwrap_or_default().to_owned();
        Self { code, national: national.to_owned() }
    }

    /// The digits that are the end of every way to write it.
    pub(super) fn end(&self) -> &str {
        &self.national
    }

    /// Whether a text may have it: it has where this is false for no text.
    pub(super) fn may_be_in(&self, text: &str) -> bool {
        let text = text.replace(SEPARATORS[0], "");
        let separators = SEPARATORS[1..].concat();
        text.replace(|letter| separators.contains(letter), "").contains(&self.national)
    }

    /// Whether a number in JSON is it.
    pub(super) fn is(&self, number: u64) -> bool {
        let digits = number.to_string();
        let is_bare = digits == self.national && digits.len() >= SHORTEST_BARE;
        is_bare || digits.strip_prefix(&self.code).is_some_and(|national| national == self.national)
    }

    /// The text with something else in its place. `None` where it is not in there.
    pub(super) fn replaced(&self, text: &str, by: &str) -> Option<String> {
        let (mut out, mut done, mut from) = (String::new(), 0, 0);
        while let Some(start) = next_digit(text, from) {
            let runs = runs(text, start);
            let mut first = 0;
            while first < runs.len() {
                let last = (first..runs.len()).rev().find(|last| self.is_written(text, &runs[first..=*last]));
                if let Some(last) = last {
                    out.push_str(&text[done..runs[first].start]);
                    if out.ends_with('+') {
                        out.pop();
                    }
                    out.push_str(by);
                    done = runs[last].end;
                }
                first = last.unwrap_or(first) + 1;
            }
            from = runs.last().map_or(text.len(), |run| run.end);
        }
        out.push_str(&text[done..]);
        (done > 0).then_some(out)
    }

    /// Whether these runs of digits together are the number.
    fn is_written(&self, text: &str, runs: &[Range<usize>]) -> bool {
        let longest = self.code.len() + self.national.len() + 5;
        if runs.iter().map(ExactSizeIterator::len).sum::<usize>() > longest {
            return false;
        }
        let digits: String = runs.iter().map(|run| &text[run.clone()]).collect();
        let Some(before) = digits.strip_suffix(&self.national) else { return false };
        // As in +91 (0) 98765 00002.
        let code = before.strip_suffix('0').filter(|code| code.ends_with(&self.code)).unwrap_or(before);
        let prefix = code.strip_suffix(&self.code);
        NATIONAL.contains(&before) || prefix.is_some_and(|prefix| INTERNATIONAL.contains(&prefix))
    }
}

/// How many digits the calling code has; a table of its own, since the whole metadata takes long to read.
fn calling_code(digits: &str) -> usize {
    match digits {
        _ if digits.starts_with(['1', '7']) => 1,
        _ if TWO_DIGITS.split(' ').any(|code| digits.starts_with(code)) => 2,
        _ => 3,
    }
}

/// Where the next digit is that is not part of a percent escape.
fn next_digit(text: &str, mut from: usize) -> Option<usize> {
    loop {
        let at = from + text[from..].find(|letter: char| letter.is_ascii_digit() || letter == '%')?;
        let escape = text.as_bytes()[at..].get(..3).filter(|escape| escape[0] == b'%');
        match escape {
            Some(escape) if escape[1..].iter().all(u8::is_ascii_hexdigit) => from = at + 3,
            _ if text.as_bytes()[at] == b'%' => from = at + 1,
            _ => return Some(at),
        }
    }
}

/// The runs of digits from here on that have only separators between them.
pub(super) fn runs(text: &str, start: usize) -> Vec<Range<usize>> {
    let (mut runs, mut at) = (Vec::new(), start);
    loop {
        let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return runs;
        }
        runs.push(at..at + length);
        at += length;
        while let Some(separator) = SEPARATORS.iter().find(|separator| text[at..].starts_with(**separator)) {
            at += separator.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written_and_no_other_is() {
        let spelling = Spelling::of("+919876500002".parse().unwrap());
        for written in [
            "0 98765 00002",
            "09876500002",
            "9876500002",
            "+91-9876500002",
            "00919876500002",
            "0091 98765-00002",
            "+91 (0) 98765.00002",
            "98765_00002",
            "98765,00002",
            "+91+98765+00002",
            "%2B91%2098765%2000002",
            "tel:+919876500002;x",
            "12 +91 98765 00002",
            "(98765) 000-02, 98765 00003",
            "%209876500002",
        ] {
            assert!(spelling.may_be_in(written), "{written}");
            let without = spelling.replaced(written, "[erased]").expect(written);
            assert!(without.contains("[erased]") && !without.contains("00002"), "{without}");
            assert_eq!(spelling.replaced(&without, "[erased]"), None, "once is enough");
        }
        for other in ["+9198765000021", "10919876500002", "98765 00003", "98765 x 00002", "50%, 100%", "%"] {
            assert_eq!(spelling.replaced(other, "[erased]"), None, "{other}");
        }
        let two = spelling.replaced("a +91 98765 00002, 09876500002 b 98765 00003", "#").unwrap();
        assert_eq!(two, "a #, # b 98765 00003");
        assert!(spelling.is(919_876_500_002) && spelling.is(9_876_500_002) && !spelling.is(500_002));
    }
}
