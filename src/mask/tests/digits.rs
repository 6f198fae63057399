//! Digits in INFO bodies.

use std::time::Duration;

use super::request;
use crate::mask::read::digit;

fn read(content_type: &str, body: &str) -> Option<(char, u64)> {
    let (digit, duration) = digit(&request(&format!("Content-Type: {content_type}\r\n"), body))?;
    assert_eq!(duration.subsec_nanos() % 1_000_000, 0);
    Some((digit.to_char(), u64::try_from(duration.as_millis()).unwrap()))
}

#[test]
fn dtmf_relay_names_a_signal_and_a_duration_in_ms() {
    let rows: &[(&str, Option<(char, u64)>)] = &[
        ("Signal=5\r\nDuration=160\r\n", Some(('5', 160))),
        ("Signal= 5\nDuration= 160", Some(('5', 160))),
        ("signal = *\r\nDURATION = 90\r\n", Some(('*', 90))),
        ("Duration=100\r\nSignal=#\r\n", Some(('#', 100))),
        ("Signal=d\r\n", Some(('D', 250))),
        ("Signal=10\r\nDuration=100", Some(('*', 100))),
        ("Signal=11\r\nDuration=100", Some(('#', 100))),
        ("Signal=1\r\nDuration=0", Some(('1', 40))),
        ("Signal=1\r\nDuration=39", Some(('1', 40))),
        ("Signal=1\r\nDuration=999999", Some(('1', 5_000))),
        ("Signal=1\r\nDuration=99999999999999999999999", Some(('1', 250))),
        ("Signal=1\r\nDuration=-1", Some(('1', 250))),
        ("Signal=1\r\nDuration=fast", Some(('1', 250))),
        ("Signal=12\r\n", None),
        ("Signal=16\r\n", None),
        ("Signal=E\r\n", None),
        ("Signal=+919876500002\r\n", None),
        ("Signal=\r\n", None),
        ("Signal=٣\r\n", None),
        ("Duration=100\r\n", None),
        ("5", None),
    ];
    for (body, expected) in rows {
        assert_eq!(read("application/dtmf-relay", body), *expected, "{body}");
        assert_eq!(read("Application/DTMF-Relay; charset=utf-8", body), *expected, "{body}");
    }
}

#[test]
fn plain_dtmf_is_the_digit_alone() {
    for (body, expected) in
        [("5", Some('5')), (" #\r\n", Some('#')), ("a", Some('A')), ("55", None), ("", None)]
    {
        let expected = expected.map(|digit| (digit, 250));
        assert_eq!(read("application/dtmf", body), expected, "{body}");
    }
}

#[test]
fn no_other_body_is_a_digit() {
    for content_type in
        ["text/plain", "application/sdp", "application/dtmf-relayed", "application/hook-flash"]
    {
        assert_eq!(read(content_type, "Signal=5\r\nDuration=160\r\n"), None, "{content_type}");
    }
    assert_eq!(digit(&request("", "Signal=5")), None, "without a type");
    assert_eq!(
        digit(&request("Content-Type: application/dtmf-relay\r\n", "Signal=5")).unwrap().1,
        Duration::from_millis(250)
    );
}
