use proptest::prelude::*;

use super::*;

fn read(country: &str, user: &str, bare: Option<NumberFormat>) -> Result<String, Unreadable> {
    Numbering::of(country).unwrap().read(user, None, bare).map(PhoneNumber::reveal)
}

#[track_caller]
fn reads(country: &str, bare: Option<NumberFormat>, users: &[&str], number: &str) {
    for user in users {
        assert_eq!(read(country, user, bare), Ok(number.to_owned()), "{user} in {country} as {bare:?}");
    }
}

#[test]
fn every_way_to_write_a_number_is_that_number() {
    let ways = [
        "+918045550101",
        "00918045550101",
        "08045550101",
        "8045550101",
        "918045550101",
        "+91-80-4555.0101",
        "(080) 4555 0101",
        "+918045550101;ext=22",
        "+918045550101;phone-context=example.com",
        "8045550101;phone-context=+91",
        "08045550101;phone-context=+91",
        "45550101;phone-context=+9180",
    ];
    for bare in [None, Some(NumberFormat::E164), Some(NumberFormat::E164NoPlus), Some(NumberFormat::National)]
    {
        reads("IN", bare, &ways, "+918045550101");
    }
}

#[test]
fn countries_with_other_prefixes() {
    reads("US", None, &["2125550100", "12125550100", "+12125550100", "0012125550100"], "+12125550100");
    reads("US", None, &["011442071838750", "00442071838750"], "+442071838750");
    reads("AU", None, &["0011442071838750", "+442071838750"], "+442071838750");
    reads("RU", None, &["84951234567", "4951234567", "74951234567"], "+74951234567");
    reads("RU", None, &["810442071838750"], "+442071838750");
    reads("HU", None, &["0612345678", "12345678"], "+3612345678");
    reads("ES", None, &["912345678", "34912345678"], "+34912345678");
    reads("IT", None, &["0612345678", "00390612345678"], "+390612345678");
}

#[test]
fn bare_digits_are_read_by_the_trunks_format() {
    // Ten digits: an Indian mobile number, or a Singaporean one after its calling code.
    reads("IN", None, &["6591234567"], "+916591234567");
    reads("IN", Some(NumberFormat::National), &["6591234567"], "+916591234567");
    reads("IN", Some(NumberFormat::E164), &["6591234567"], "+6591234567");
    reads("IN", Some(NumberFormat::E164NoPlus), &["442071838750"], "+442071838750");
    // No Iranian number has eight digits, so that this one is national all the same.
    reads("IN", Some(NumberFormat::E164), &["9876500002"], "+919876500002");
}

#[test]
fn what_stays_ambiguous_is_refused() {
    assert_eq!(read("DE", "4930123456", None), Err(Unreadable::Ambiguous));
    assert_eq!(read("IT", "393331234567", None), Err(Unreadable::Ambiguous));
    reads("DE", Some(NumberFormat::E164), &["4930123456"], "+4930123456");
    reads("DE", Some(NumberFormat::National), &["4930123456"], "+494930123456");
}

#[test]
fn what_is_no_number_is_refused() {
    for user in [
        "804555010",
        "1234567",
        "0080",
        "+0918045550101",
        "00000000000",
        "999123456789",
        "+918045550101000099",
    ] {
        assert_eq!(read("IN", user, None), Err(Unreadable::Length), "{user}");
    }
    for user in
        ["anonymous", "+91804555010x", "٠8045550101", "0804555010\u{ff11}", "+91%38045550101", "8045*"]
    {
        assert_eq!(read("IN", user, None), Err(Unreadable::Character), "{user}");
    }
    assert_eq!(read("IN", "", None), Err(Unreadable::Empty));
}

#[test]
fn an_unknown_context_is_refused() {
    let india = Numbering::of("IN").unwrap();
    for (user, context) in [
        ("8045550101", "example.com"),
        ("8045550101", "91"),
        ("8045550101", ""),
        ("8045550101", "+"),
        ("8045550101", "+999"),
        ("1234", "+91"),
        ("8045550101", "+44;phone-context=+91"),
        ("8045550101;phone-context=+44", "+91"),
    ] {
        assert_eq!(india.read(user, Some(context), None), Err(Unreadable::Context), "{user} in {context}");
    }
    let reading = india.read("2071838750", Some("+44"), None).map(PhoneNumber::reveal);
    assert_eq!(reading, Ok("+442071838750".into()));
}

#[test]
fn emergency_numbers_are_matched_as_a_whole() {
    let india = Numbering::of("IN").unwrap();
    for user in
        ["112", "911", "999", "100", "101", "102", "108", "+112", "1-1-2", " 112 ", "112;phone-context=+91"]
    {
        assert_eq!(india.special(user), Some(Special::Emergency), "{user}");
    }
    for user in ["sos", "SOS", "urn:service:sos", "urn:service:sos.police", "URN:SERVICE:SOS"] {
        assert_eq!(india.special(user), Some(Special::Emergency), "{user}");
    }
    for user in ["0112", "1121", "1098", "155260", "139", "+91112", "*67", "#31#", "*21*9876500002#"] {
        assert_eq!(india.special(user), Some(Special::ShortCode), "{user}");
    }
    // 011 is Delhi, 1124 begins as 112 does, and neither has anything to do with an emergency.
    for user in ["01123456789", "1124567890", "+911124567890", "9111234567", "", "alice", "sosa"] {
        assert_eq!(india.special(user), None, "{user}");
    }
}

#[test]
fn short_codes_behind_a_calling_code_are_known() {
    let india = Numbering::of("IN").unwrap();
    let special = |number: &str| india.special_number(number.parse().unwrap());
    assert_eq!(special("+44116123"), Some(Special::ShortCode));
    assert_eq!(special("+49116117"), Some(Special::ShortCode));
    assert_eq!(special("+91155260"), Some(Special::ShortCode));
    assert_eq!(special("+9100101"), Some(Special::ShortCode));
    assert_eq!(special("+919876500002"), None);
    assert_eq!(special("+442071838750"), None);
    assert_eq!(special("+6834000"), None, "numbers of Niue have four digits");
    assert_eq!(special("+9991234567"), None);
}

#[test]
fn numbers_are_written_as_the_trunk_wants_them() {
    let write = |country: &str, number: &str, format| {
        Numbering::of(country).unwrap().write(number.parse().unwrap(), format)
    };
    assert_eq!(write("IN", "+919876500002", NumberFormat::E164), "+919876500002");
    assert_eq!(write("IN", "+919876500002", NumberFormat::E164NoPlus), "919876500002");
    assert_eq!(write("IN", "+919876500002", NumberFormat::National), "09876500002");
    assert_eq!(write("IN", "+442071838750", NumberFormat::National), "00442071838750");
    assert_eq!(write("US", "+12125550100", NumberFormat::National), "2125550100");
    assert_eq!(write("US", "+442071838750", NumberFormat::National), "011442071838750");
    assert_eq!(write("IT", "+390612345678", NumberFormat::National), "0612345678");
}

proptest! {
    #[test]
    fn nothing_written_makes_it_fall_over(user in "\\PC{0,40}", context in proptest::option::of("\\PC{0,12}")) {
        for country in ["IN", "US", "DE", "IT", "RU"] {
            let numbering = Numbering::of(country).unwrap();
            let _ = numbering.special(&user);
            if let Ok(number) = numbering.read(&user, context.as_deref(), None) {
                let _ = numbering.special_number(number);
                prop_assert!(number.reveal().len() >= 8);
            }
        }
    }

    #[test]
    fn a_number_is_read_back_from_every_format(national in 6_000_000_000_u64..9_999_999_999) {
        let india = Numbering::of("IN").unwrap();
        let number = PhoneNumber::from_digits(&format!("91{national}")).unwrap();
        for format in [NumberFormat::E164, NumberFormat::E164NoPlus, NumberFormat::National] {
            prop_assert_eq!(india.read(&india.write(number, format), None, Some(format)), Ok(number));
            prop_assert_eq!(india.read(&india.write(number, format), None, None), Ok(number));
        }
    }

    #[test]
    fn separators_change_nothing(national in 6_000_000_000_u64..9_999_999_999, places in proptest::collection::vec((0_usize..12, "[-. ()]"), 0..6)) {
        let india = Numbering::of("IN").unwrap();
        let mut user = format!("0{national}");
        for (place, separator) in places {
            user.insert_str(place.min(user.len()), &separator);
        }
        let number = PhoneNumber::from_digits(&format!("91{national}")).unwrap();
        prop_assert_eq!(india.read(&user, None, None), Ok(number));
    }

    #[test]
    fn no_number_begins_an_emergency(rest in "[0-9]{4,12}") {
        let india = Numbering::of("IN").unwrap();
        let user = format!("112{rest}");
        prop_assert_eq!(india.special(&user), None);
    }
}
