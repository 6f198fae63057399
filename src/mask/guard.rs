//! The egress guard: a last look at each message before it leaves, for digits that must not be in it.
//!
//! By construction none ever are; the guard is there for the day on which that is no longer true.

use crate::base::PhoneNumber;

/// Header fields that repeat what this same leg's party wrote, or that are drawn at random. A party could write a
/// guessed number there and learn from the guard's alarm that it guessed right, so they are left out.
const OWN_LEG: &[&str] = &["via", "from", "to", "call-id", "cseq", "route", "record-route", "timestamp"];

/// The digits that one leg must not see.
#[derive(Debug, Clone)]
pub struct Guard {
    needles: Vec<Box<[u8]>>,
    /// The Request-URI that opens the leg is what its own party registered.
    is_target_theirs: bool,
}

impl Guard {
    /// Guards against a number, by its last nine digits: they stand in each way of writing it. `shown` are the
    /// numbers that the leg is meant to see; where they end alike there is nothing to tell apart.
    #[must_use]
    pub fn new(hidden: PhoneNumber, shown: &[PhoneNumber]) -> Option<Self> {
        Self::against(&[hidden], shown)
    }

    /// The same against each of several numbers.
    #[must_use]
    pub fn against(hidden: &[PhoneNumber], shown: &[PhoneNumber]) -> Option<Self> {
        let needle = |hidden: &PhoneNumber| -> Option<Box<[u8]>> {
            let digits = hidden.reveal();
            let digits = &digits[1..];
            let needle = &digits[digits.len().saturating_sub(9)..];
            let is_shown = shown.iter().any(|number| number.reveal().ends_with(needle));
            (needle.len() >= 7 && !is_shown).then(|| needle.as_bytes().into())
        };
        let needles: Vec<_> = hidden.iter().filter_map(needle).collect();
        (!needles.is_empty()).then_some(Self { needles, is_target_theirs: false })
    }

    /// For a leg to a registered contact: its Request-URI is the party's own as well, so that nobody can register a
    /// guess and see whether calls still come.
    #[must_use]
    pub fn sparing_target(self) -> Self {
        Self { is_target_theirs: true, ..self }
    }

    /// Whether a message holds the hidden digits outside the fields of its own leg. `opens` tells that the message
    /// is the INVITE that opens the leg: its Request-URI, From and To are ours, and looked at as well.
    #[must_use]
    pub fn finds(&self, message: &[u8], opens: bool) -> bool {
        self.needles.iter().any(|needle| self.finds_one(needle, message, opens))
    }

    fn finds_one(&self, needle: &[u8], message: &[u8], opens: bool) -> bool {
        if !contains(message, needle) {
            return false;
        }
        let end = message.windows(4).position(|at| at == b"\r\n\r\n").unwrap_or(message.len());
        let (head, body) = message.split_at(end);
        let mut lines = head.split(|byte| *byte == b'\n');
        let start = lines.next().unwrap_or_default();
        let in_head = lines.any(|line| (opens || !is_own_leg(line)) && contains(line, needle));
        let in_body =
            body.split(|byte| *byte == b'\n').any(|line| !is_origin(line) && contains(line, needle));
        in_head || in_body || (opens && !self.is_target_theirs && contains(start, needle))
    }
}

fn is_own_leg(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = std::str::from_utf8(name).unwrap_or_default().trim();
    OWN_LEG.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The o-line of a session description: a long random number of ours, in which any seven digits turn up by chance
/// once in some hundred thousand calls.
fn is_origin(line: &[u8]) -> bool {
    line.starts_with(b"o=- ")
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("+919876500002".parse().unwrap(), &["+918045550102".parse().unwrap()]).unwrap()
    }

    #[test]
    fn finds_a_number_in_headers_and_body_in_each_form() {
        for text in
            ["X-A: +919876500002", "Reason: SIP;text=\"0919876500002\"", "Contact: <sip:9876500002@h>"]
        {
            let message = format!("BYE sip:x@h SIP/2.0\r\nTo: <sip:a@b>\r\n{text}\r\n\r\n");
            assert!(guard().finds(message.as_bytes(), false), "{text}");
        }
        assert!(guard().finds(b"INFO sip:x@h SIP/2.0\r\n\r\ni=9876500002", false));
    }

    #[test]
    fn lets_a_party_guess_in_its_own_fields_without_an_answer() {
        let message = b"SIP/2.0 200 OK\r\nFrom: \"+919876500002\" <sip:a@b>\r\nCall-ID: 919876500002\r\n\r\n";
        assert!(!guard().finds(message, false));
        assert!(guard().finds(message, true), "what we wrote ourselves is looked at");
    }

    #[test]
    fn finds_a_number_in_a_description_but_for_our_own_random_session_id() {
        let message = |line: &str| {
            format!("SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n{line}\r\ns=-\r\n")
        };
        assert!(!guard().finds(message("o=- 1238765000024 1 IN IP4 198.51.100.7").as_bytes(), false));
        for line in ["o=9876500002 1 1 IN IP4 198.51.100.7", "i=+919876500002", "a=x:876500002"] {
            assert!(guard().finds(message(line).as_bytes(), false), "{line}");
        }
    }

    #[test]
    fn looks_at_the_request_line_only_of_what_opens_a_leg() {
        let message = |line: &str| format!("{line}\r\nMax-Forwards: 70\r\n\r\n");
        let invite = message("INVITE sip:+919876500002@h SIP/2.0");
        assert!(guard().finds(invite.as_bytes(), true));
        assert!(!guard().finds(invite.as_bytes(), false), "inside a dialog it is the party's own Contact");
        assert!(!guard().finds(message("INVITE sip:+918045550102@h SIP/2.0").as_bytes(), true));
    }

    #[test]
    fn leaves_out_numbers_too_short_to_be_told_from_chance() {
        let guard = |number: &str| Guard::new(number.parse().unwrap(), &[]);
        assert!(guard("+1234567").is_some());
        assert!(guard("+1234567").unwrap().finds(b"SIP/2.0 200 OK\r\nX: 1234567\r\n\r\n", false));
        let long = guard("+123456789012345").unwrap();
        assert!(
            long.finds(b"SIP/2.0 200 OK\r\nX: 0789012345\r\n\r\n", false),
            "the last nine digits are enough"
        );
        assert!(!long.finds(b"SIP/2.0 200 OK\r\nX: 89012345\r\n\r\n", false));
    }

    #[test]
    fn takes_a_message_without_an_end_or_a_header_without_a_colon() {
        for message in [&b""[..], b"876500002", b"X\r\n876500002\r\n", b"A: b\r\n\xff876500002"] {
            assert_eq!(
                guard().finds(message, true),
                message.starts_with(b"8") || message.len() > 9,
                "{message:?}"
            );
        }
        assert!(guard().finds(b"SIP/2.0 200 OK\r\nX: 876500002", false), "cut off before the blank line");
    }

    #[test]
    fn has_nothing_to_look_for_where_the_shown_number_ends_alike() {
        let hidden = "+919876500002".parse().unwrap();
        assert!(Guard::new(hidden, &[hidden]).is_none());
    }
}
