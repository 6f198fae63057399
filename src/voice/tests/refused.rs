//! Documents as they should not be: what is passed over, what is refused, and that nothing panics.

use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> String {
    xml(text).unwrap_err().to_string()
}

fn notes(within: &str) -> Vec<String> {
    let read = xml(&format!("<Response>{within}</Response>")).unwrap();
    read.warnings.iter().map(Warning::to_string).collect()
}

#[test]
fn what_does_nothing_is_noted_and_the_call_goes_on() {
    for (within, expected) in [
        ("<Gather timeout='10'/>", "<Gather>: the attribute timeout is not known"),
        ("<Wait length='soon'/>", "<Wait>: the value of length cannot be read"),
        ("<Wait length='0'/>", "<Wait>: the value of length is out of range"),
        ("<Wait length='-3.5'/>", "<Wait>: the value of length is out of range"),
        ("<Gather executionTimeout='90'/>", "<Gather>: the value of executionTimeout is out of range"),
        ("<Dial sipHeaders='a=b'>14155551234</Dial>", "<Dial>: the attribute sipHeaders does nothing here"),
        ("<Dial confirmKey='12'>14155551234</Dial>", "<Dial>: the value of confirmKey cannot be read"),
        ("<Speak>a <break time='1s'/> b</Speak>", "<Speak>: markup within is left out"),
        ("<Speak> </Speak>", "<Speak>: the element is left out"),
        ("<DTMF>1,2</DTMF>", "<DTMF>: the element is left out"),
        ("words", "<Response>: text stands where none belongs"),
        ("<Hangup n919876500001='1'/>", "<Hangup>: the attribute n************ is not known"),
    ] {
        let notes = notes(within);
        assert_eq!(notes.len(), 1, "{within}: {notes:?}");
        assert!(notes[0].ends_with(expected), "{within}: {notes:?}");
    }
    assert!(xml("<Response><Speak/><DTMF>x</DTMF></Response>").unwrap().response.elements.is_empty());
    let many = "<Wait x='1'/>".repeat(100);
    assert_eq!(notes(&many).len(), limits::WARNINGS);
}

#[test]
fn what_is_not_known_is_refused_with_its_place_and_what_is_allowed() {
    let said = fault("<Response>\n  <Speak>é</Speak><Conference>room</Conference>\n</Response>");
    assert_eq!(
        said,
        "line 2, column 19: <Conference> is not known in <Response>; allowed are Dial, Speak, Play, Wait, Gather, GetDigits, \
         GetInput, Record, PreAnswer, Redirect, Hangup, DTMF"
    );
    for (text, expected) in [
        ("<Response><speak>a</speak></Response>", "line 1, column 11: <speak> is not known in <Response>"),
        (
            "<Response><Dial><Sip/></Dial></Response>",
            "line 1, column 17: <Sip> is not known in <Dial>; allowed are Number, User",
        ),
        (
            "<Response><Gather><Dial/></Gather></Response>",
            "<Dial> is not known in <Gather>; allowed are Speak, Play, Wait",
        ),
        (
            "<Response><Dial/></Response>",
            "line 1, column 11: <Dial>: a Number or User is missing or cannot be read",
        ),
        ("<Response><Dial><Number/></Dial></Response>", "<Number>: the number is missing or cannot be read"),
        (
            "<Response><Dial><User>alice</User></Dial></Response>",
            "<User>: a SIP address is missing or cannot be read",
        ),
        (
            "<Response><Dial callerId='{{id}}'>14155551234</Dial></Response>",
            "<Dial>: callerId is missing or cannot be read",
        ),
        ("<Response><Play/></Response>", "<Play>: the URL is missing or cannot be read"),
        ("<html><body/></html>", "line 1, column 1: the document is <html>, and not <Response>"),
    ] {
        let said = fault(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn broken_and_dangerous_xml_is_refused() {
    let deep = format!("<Response>{}{}</Response>", "<Gather>".repeat(12), "</Gather>".repeat(12));
    let many = format!("<Response>{}</Response>", "<Wait/>".repeat(500));
    let attributes: String = (0..49).map(|count| format!(" a{count}=''")).collect();
    for (text, wrong) in [
        ("<!DOCTYPE r [<!ENTITY a 'b'>]><Response>&a;</Response>", Wrong::Doctype),
        ("<!DOCTYPE Response SYSTEM 'file:///etc/passwd'><Response/>", Wrong::Doctype),
        ("<Response><Speak>&nbsp;</Speak></Response>", Wrong::Entity),
        ("<Response><Speak>Tom & Jerry</Speak></Response>", Wrong::Entity),
        ("<Response><Speak>&#0;</Speak></Response>", Wrong::Entity),
        ("<Response><Dial action='/a?b=1&c=2'>14155551234</Dial></Response>", Wrong::Entity),
        ("<Response><Speak>a</Response>", Wrong::Xml),
        ("<Response>", Wrong::Xml),
        ("<Response/><Response/>", Wrong::Xml),
        ("<Response/>after", Wrong::Xml),
        ("before<Response/>", Wrong::Xml),
        ("<Response><Wait length='1' length='2'/></Response>", Wrong::Xml),
        ("<Response><Wait length=1/></Response>", Wrong::Xml),
        ("no document", Wrong::Xml),
        ("", Wrong::Empty),
        ("<Response>\u{1}</Response>", Wrong::Control),
        (&*deep, Wrong::TooDeep),
        (&*many, Wrong::TooMany),
        (&*format!("<Response><Wait{attributes}/></Response>"), Wrong::TooManyAttributes(Label::new("Wait"))),
    ] {
        assert_eq!(xml(text).map_err(|fault| fault.wrong), Err(wrong), "{}", &text[..text.len().min(80)]);
    }
    let late = fault("\n\n<?xml version='1.0'?>\n<Response><Stream/></Response>");
    assert!(late.starts_with("line 4, column 11: <Stream> is not known"), "{late}");
    assert_eq!(read_xml(b"<Response/>", 10).unwrap_err().wrong, Wrong::TooLarge(10));
    assert!(read_xml(b"<Response/>", 11).is_ok());
    assert!(
        fault("<Response>\n<Speak>&unknown;</Speak></Response>").starts_with("line 2, column 8: an entity")
    );
}

#[test]
fn json_of_another_shape_is_refused() {
    let json = |text: &str| read_json(text.as_bytes(), limits::DOCUMENT).map_err(|fault| fault.to_string());
    for (text, said) in [
        ("", "the document is empty"),
        ("[]", "<>: this is not the JSON of an element"),
        ("{}", "<>: this is not the JSON of an element"),
        (r#"{"answer": []}"#, "the document is <answer>, and not <Response>"),
        (r#"{"response": ["speak"]}"#, "<>: this is not the JSON of an element"),
        (r#"{"response": [{"speak": "a", "play": "b"}]}"#, "<speak>: this is not the JSON of an element"),
        (
            r#"{"response": [{"conference": "a"}]}"#,
            "<conference> is not known in <Response>; allowed are Dial",
        ),
        (r#"{"response": [{"wait": {"length": [1]}}]}"#, "<Wait>: this is not the JSON of an element"),
        (
            r#"{"response": [{"wait": {"length": 1, "length": 2}}]}"#,
            "<Wait>: this is not the JSON of an element",
        ),
        (r#"{"response": [{"dial": {"number": "x"}}]}"#, "<Number>: the number is missing or cannot be read"),
        ("{\"response\": [\n{\"speak\": \"a\u{1}\"}]}", "line 2, column 13: the JSON cannot be read"),
        ("{\"response\": [\n}", "line 2, column 1: the JSON cannot be read"),
    ] {
        let fault = json(text).unwrap_err();
        assert!(fault.starts_with(said), "{text}: {fault}");
    }
    let read = read_json(br#"{"response": [{"hangup": {"when": "now"}}]}"#, 100).unwrap();
    assert_eq!(read.warnings[0].to_string(), "<Hangup>: the attribute when is not known");
    assert_eq!(read_json(b"{\"response\": []}", 5).unwrap_err().wrong, Wrong::TooLarge(5));
}

/// Text that looks like a piece of a document.
fn piece() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(
        &[
            "<Response>",
            "</Response>",
            "<Dial callerId='919876500001'>",
            "</Dial>",
            "<Number>919876500001</Number>",
            "<Gather ",
            "numDigits='9'",
            "<Speak>",
            "</Speak>",
            "<![CDATA[",
            "]]>",
            "&amp;",
            "&#x41;",
            "<!--",
            "-->",
            "<?xml encoding='latin1'?>",
            "{\"response\":[",
            "{\"dial\":",
            "\"number\":",
            "]}",
            "<Wait length='1e9'/>",
            "<DTMF>1w</DTMF>",
            "<Play>/a</Play>",
        ][..],
    );
    prop_oneof!["[<>&;/='\"{}:,\\[\\]a0é \\n-]{0,8}", words.prop_map(String::from)]
}

proptest! {
    #[test]
    fn nothing_panics_and_no_number_is_printed(
        pieces in proptest::collection::vec(piece(), 0..30),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let text = format!("<Response>{}</Response>", pieces.concat());
        for body in [pieces.concat().as_bytes(), text.as_bytes(), &noise] {
            for read in [read(None, body, 1_000), read_xml(body, 100_000), read_json(body, 100_000)] {
                let printed = format!("{read:?}");
                prop_assert!(!printed.contains("9876500001"), "{printed}");
            }
        }
    }
}
