//! Numbers that stand in a text which is no number, hidden. What a text is made of decides where one may be:
//!
//! - [`hide_runs`], for what people write: a number may have anything but letters between its digits, and its last two
//!   digits stay, as in the redacted form of a number.
//! - [`hide_host`], for the host of a URL: dots and dashes part its digits, since an address has many of them; where one
//!   run is as long as a number, no digit at all stays, since the others may belong to it.

use uuid::Uuid;

/// As many digits in a row may be a number.
const DIGITS: usize = 7;
/// Letters of a UUID as it is written, with its dashes.
const UUID: usize = 36;

/// Hides every run of seven digits or more but for its last two. Whatever is neither a letter nor a digit is looked
/// through; a UUID is no number.
#[must_use]
pub fn hide_runs(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let (mut runs, mut run, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(&letter) = letters.get(at) {
        if is_uuid(&letters, at) {
            runs.push(std::mem::take(&mut run));
            at += UUID;
            continue;
        }
        if letter.is_numeric() {
            run.push(at);
        } else if letter.is_alphanumeric() || letter == '*' {
            runs.push(std::mem::take(&mut run));
        }
        at += 1;
    }
    runs.push(run);
    for run in runs.into_iter().filter(|run| run.len() >= DIGITS) {
        run[..run.len() - 2].iter().for_each(|&at| letters[at] = '*');
    }
    letters.into_iter().collect()
}

/// Hides every digit of a host, with its port, in which a run of digits is as long as a number.
#[must_use]
pub fn hide_host(host: &str) -> String {
    let is_digit = |letter: &char| letter.is_ascii_digit();
    if host.split(|letter| !is_digit(&letter)).all(|run| run.len() < DIGITS) {
        return host.to_owned();
    }
    host.chars().map(|letter| if is_digit(&letter) { '*' } else { letter }).collect()
}

/// Whether a UUID stands here, as a word of its own.
fn is_uuid(letters: &[char], at: usize) -> bool {
    let is_word = |letter: Option<&char>| letter.is_some_and(|letter| letter.is_alphanumeric());
    letters.get(at + 8) == Some(&'-')
        && !is_word(at.checked_sub(1).and_then(|before| letters.get(before)))
        && !is_word(letters.get(at + UUID))
        && letters
            .get(at..at + UUID)
            .is_some_and(|word| Uuid::try_parse(&word.iter().collect::<String>()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_hidden_whatever_stands_between_their_digits() {
        for (text, hidden) in [
            ("9876500001", "********01"),
            ("phone 919876500091", "phone **********91"),
            ("91,43,00,00,00,01", "**,**,**,**,**,01"),
            ("91_43_00 00:00/01", "**_**_** **:**/01"),
            ("+91 (98765) 00-001", "+** (*****) **-*01"),
            ("٩٨٧٦٥٠٠٠٠١", "********٠١"),
            ("room 12, floor 3", "room 12, floor 3"),
            ("+9198******01 was dialled", "+9198******01 was dialled"),
        ] {
            assert_eq!(hide_runs(text), hidden);
        }
    }

    #[test]
    fn a_host_with_a_number_has_no_digits() {
        for host in ["hooks.example:8443", "10.20.30.40:123456"] {
            assert_eq!(hide_host(host), host);
        }
        assert_eq!(hide_host("call-9876500001.example:80"), "call-**********.example:**");
    }

    #[test]
    fn a_uuid_is_no_number_and_hides_none() {
        let text = "session 01912345-0000-7000-8000-123456789012 goes to 9876500001";
        assert_eq!(hide_runs(text), text.replace("98765000", "********"));
        let longer = "01912345-0000-7000-8000-1234567890129";
        assert!(hide_runs(longer).starts_with("********-"), "one digit more is none");
    }
}
