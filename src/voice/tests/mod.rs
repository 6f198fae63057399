//! Documents as applications write them.

mod refused;

use std::time::Duration;

use super::*;

fn xml(text: &str) -> Result<Read, Fault> {
    read_xml(text.as_bytes(), limits::DOCUMENT)
}

/// The elements of a document that leaves nothing to be noted.
fn clean(text: &str) -> Vec<Element> {
    let read = xml(text).unwrap();
    assert_eq!(read.warnings, [], "{text}");
    read.response.elements
}

fn one(within: &str) -> Element {
    clean(&format!("<Response>{within}</Response>")).remove(0)
}

fn dial(within: &str) -> Dial {
    let Element::Dial(dial) = one(within) else { panic!("a Dial") };
    *dial
}

fn gathered(within: &str) -> Gather {
    let Element::Gather(gather) = one(within) else { panic!("a Gather") };
    *gather
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What the public masking samples of Vobiz send: one-way, PIN, and both of their refusals.
#[test]
fn the_masking_samples_are_read() {
    let declared = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let read = clean(&format!(
        "{declared}<Response><Dial callerId=\"918045550101\" timeout=\"30\"><Number>919876500002</Number></Dial></Response>"
    ));
    let Element::Dial(dial) = &read[0] else { panic!("a Dial") };
    assert_eq!(dial.caller_id.as_ref().unwrap().reveal(), "918045550101");
    assert_eq!(dial.timeout, Some(seconds(30)));
    let [Target::Number { number, tones: None, on_preanswer: false }] = &dial.targets[..] else {
        panic!("one number")
    };
    assert_eq!(number.reveal(), "919876500002");

    let text = format!(
        "{declared}<Response><Gather action=\"/collect-pin\" method=\"POST\" inputType=\"dtmf\" numDigits=\"4\" finishOnKey=\"#\" \
         executionTimeout=\"15\"><Speak>Please enter your access PIN.</Speak></Gather>\
         <Speak>Goodbye.</Speak><Hangup reason=\"no_input\"/></Response>"
    );
    let read = xml(&text).unwrap();
    let [Element::Gather(pin), Element::Speak(_), Element::Hangup(hangup)] = &read.response.elements[..]
    else {
        panic!("three elements")
    };
    assert_eq!((pin.action.as_ref().unwrap().reveal(), pin.most_keys), ("/collect-pin", 4));
    assert_eq!(*hangup, Hangup::default());
    let warnings: Vec<_> = read.warnings.iter().map(Warning::to_string).collect();
    let column = text.find("<Hangup").unwrap() + 1;
    assert_eq!(warnings, [format!("line 1, column {column}: <Hangup>: the value of reason cannot be read")]);
}

#[test]
fn a_dial_has_its_defaults_and_everything_that_it_may_have() {
    let plain = dial("<Dial><Number>+14155550100</Number></Dial>");
    assert_eq!(
        (plain.timeout, plain.time_limit, plain.confirm_timeout),
        (None, seconds(14_400), seconds(120))
    );
    assert!(plain.redirect && !plain.hangup_on_star && plain.music.is_none() && plain.caller_id.is_none());
    assert_eq!((plain.method, plain.callback_method), (Method::Post, Method::Post));
    let full = dial(
        "<Dial action='/done?x=1&amp;y=2' method='get' hangupOnStar='TRUE' timeLimit='100000' timeout=' 20 ' callerId='' \
         callerName='Support' confirmSound='/sound' confirmKey='#' confirmTimeout='10' dialMusic='real' callbackUrl='/live' \
         callbackMethod='GET' redirect='false' digitsMatch='123, 9*' digitsMatchBLeg='0'>\
         <Number sendDigits='wwww2410' sendOnPreanswer='true'>1 (415) 555-0101</Number>\
         <User>\n sip:alice@phone.example\n</User></Dial>"
            .replace("timeLimit='100000'", "timeLimit='86400'")
            .as_str(),
    );
    assert_eq!(full.action.unwrap().reveal(), "/done?x=1&y=2");
    assert_eq!((full.time_limit, full.timeout, full.caller_id), (seconds(86_400), Some(seconds(20)), None));
    assert_eq!((full.confirm_key, full.music), (Key::read('#'), Some(DialMusic::Real)));
    assert!(full.hangup_on_star && !full.redirect);
    assert_eq!((full.method, full.callback_method), (Method::Get, Method::Get));
    let rows: Vec<&str> = full.digits_match.iter().map(Hidden::reveal).collect();
    assert_eq!((rows, full.digits_match_b_leg.len()), (vec!["123", "9*"], 1));
    let [Target::Number { number, tones: Some(_), on_preanswer: true }, Target::User { uri, .. }] =
        &full.targets[..]
    else {
        panic!("a number and a user")
    };
    assert_eq!((number.reveal(), uri.reveal()), ("14155550101", "sip:alice@phone.example"));
    let shown = format!("{:?}", (number, uri, &full.confirm_sound));
    assert_eq!(shown, "(***, ***, Some(***))");
}

#[test]
fn a_number_directly_in_dial_and_a_record_within_are_what_vobiz_documents() {
    assert_eq!(dial("<Dial>+14155551234</Dial>").targets.len(), 1);
    let read =
        clean("<Response><Dial><Record maxLength='600'/><Number>14155551234</Number></Dial></Response>");
    let [Element::Record(record), Element::Dial(_)] = &read[..] else { panic!("a Record and a Dial") };
    assert!(record.from_dial_answer && record.most == seconds(600));
}

#[test]
fn the_three_elements_that_collect_keys_have_their_own_defaults() {
    for (name, kind) in [("Gather", GatherKind::Gather), ("GetInput", GatherKind::GetInput)] {
        let gather = gathered(&format!("<{name}/>"));
        assert_eq!((gather.kind, gather.timeout, gather.next_key), (kind, seconds(15), None));
        assert_eq!((gather.most_keys, gather.tries, gather.finish_on_key), (32, 1, Key::read('#')));
        assert!(gather.hears_keys && gather.redirect && gather.log && !gather.beep);
        let auto = gathered(&format!("<{name} digitEndTimeout='auto' finishOnKey=''/>"));
        assert_eq!((auto.next_key, auto.finish_on_key), (None, None));
    }
    let digits = gathered("<GetDigits/>");
    assert_eq!((digits.timeout, digits.next_key), (seconds(5), Some(seconds(2))));
    assert_eq!((digits.most_keys, digits.valid_keys, digits.log), (99, Keys::ALL, true));
    let full = gathered(
        "<GetDigits action='https://a/x' timeout='7' digitTimeout='3' numDigits='1' finishOnKey='none' retries='2' \
         redirect='false' playBeep='true' validDigits='123' invalidDigitsSound='/no.mp3' log='false'>\
         <Speak>Press 1.</Speak><Play loop='2'>/menu.mp3</Play><Wait length='3'/></GetDigits>",
    );
    assert_eq!((full.timeout, full.next_key, full.most_keys), (seconds(7), Some(seconds(3)), 1));
    assert_eq!((full.finish_on_key, full.tries, full.valid_keys), (None, 2, Keys::read("123").unwrap()));
    assert!(full.beep && !full.log && !full.redirect);
    assert!(matches!(
        &full.prompts[..],
        [Prompt::Speak(_), Prompt::Play(Play { times: 2, .. }), Prompt::Wait(_)]
    ));
}

#[test]
fn speech_is_passed_over() {
    let read =
        xml("<Response><Gather inputType='dtmf speech' hints='a'/><GetInput inputType='speech'/></Response>")
            .unwrap();
    let [Element::Gather(both), Element::Gather(speech)] = &read.response.elements[..] else { panic!("two") };
    assert_eq!((both.hears_keys, speech.hears_keys), (true, false));
    let notes: Vec<&Note> = read.warnings.iter().map(|warning| &warning.note).collect();
    assert_eq!(notes, [&Note::Speech, &Note::Ignored("hints"), &Note::Speech]);
}

#[test]
fn a_record_has_the_defaults_that_serve_both() {
    let Element::Record(plain) = one("<Record/>") else { panic!("a Record") };
    assert_eq!((plain.redirect, plain.timeout, plain.most), (None, seconds(60), seconds(60)));
    assert_eq!((plain.finish_on_key, plain.beep, plain.format), (Keys::ALL, true, FileFormat::Mp3));
    let Element::Record(full) = one(
        "<Record action='/r' redirect='false' fileFormat='WAV' finishOnKey='none' recordSession='true' playBeep='false' \
         callbackUrl='/ready' maxLength='3600' timeout='10'/>",
    ) else {
        panic!("a Record")
    };
    assert_eq!((full.redirect, full.format, full.finish_on_key), (Some(false), FileFormat::Wav, Keys::NONE));
    assert!(full.whole_session && !full.beep && full.most == seconds(3600) && full.timeout == seconds(10));
    for attribute in ["recordSession", "startOnDialAnswer"] {
        let Element::Record(beside) = one(&format!("<Record {attribute}='true'/>")) else {
            panic!("a Record")
        };
        assert!(beside.is_beside() && beside.most > seconds(86_400), "to the end of the call");
    }
}

#[test]
fn the_plain_elements_are_read() {
    let text = "<Response xml:lang='en'><PreAnswer><Speak voice='Polly.Aditi' language='hi-IN' loop='0'>A &lt; B &#x41;\n<![CDATA[<b>]]>\
                </Speak></PreAnswer><Preanswer/><Wait silence='true' minSilence='500' beep='true' length='5'/><Wait beep='duration=300'/>\
                <Redirect method='GET'> https://a/next </Redirect><Hangup reason='busy' schedule='60'/>\
                <DTMF async='false'>1WW2#</DTMF><!-- done --></Response>"
        .replace(" xml:lang='en'", "");
    let read = clean(&text);
    let Element::PreAnswer(prompts) = &read[0] else { panic!("a PreAnswer") };
    let [Prompt::Speak(speak)] = &prompts[..] else { panic!("a Speak") };
    assert_eq!((speak.text.reveal(), speak.times), ("A < B A <b>", 0));
    assert_eq!((&speak.voice, &*speak.language), (&Voice::Named("Polly.Aditi".into()), "hi-IN"));
    assert_eq!(read[1], Element::PreAnswer(Vec::new()));
    let half = Some(Duration::from_millis(500));
    assert_eq!(read[2], Element::Wait(Wait { length: seconds(5), until_silence: half, until_beep: false }));
    assert_eq!(read[3], Element::Wait(Wait { length: seconds(1), until_silence: None, until_beep: true }));
    let Element::Redirect(redirect) = &read[4] else { panic!("a Redirect") };
    assert_eq!((redirect.link.reveal(), redirect.method), ("https://a/next", Method::Get));
    let hangup = Hangup { reason: Some(HangupReason::Busy), schedule: Some(seconds(60)) };
    assert_eq!(read[5], Element::Hangup(hangup));
    assert!(matches!(&read[6], Element::Dtmf(Dtmf { is_async: false, .. })));
    assert_eq!(clean("<Response></Response>"), []);
}

#[test]
fn encodings_that_are_declared_are_read() {
    let text = |body: &[u8], media_type| {
        let read = read(media_type, body, limits::DOCUMENT).unwrap();
        let Some(Element::Speak(speak)) = read.response.elements.first().cloned() else { panic!("a Speak") };
        speak.text.reveal().to_owned()
    };
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><Response><Speak>caf\xe9</Speak></Response>";
    assert_eq!(text(latin, Some("application/xml")), "café");
    assert_eq!(text(b"\xef\xbb\xbf<Response><Speak>caf\xc3\xa9</Speak></Response>", None), "café");
    assert_eq!(
        text(b"\n<Response><Speak>caf\xe9</Speak></Response>", Some("text/xml; charset=\"latin1\"")),
        "café"
    );
    let broken = read(None, b"<Response><Speak>caf\xe9</Speak></Response>", limits::DOCUMENT);
    assert_eq!(broken.unwrap_err().wrong, Wrong::Encoding);
}

/// The same in both forms.
#[test]
fn json_says_the_same_as_xml() {
    let json = r#"{"response": [
        {"speak": "Please hold."},
        {"preAnswer": [{"play": {"text": "/a.wav", "loop": 2}}, {"wait": null}]},
        {"gather": {"action": "/pin", "numDigits": 4, "log": false, "content": [{"play": "/ask.wav"}, {"speak": "Digits."}]}},
        {"getDigits": {"speak": "Press 1.", "finishOnKey": 1}},
        {"dial": {"callerId": "918045550101", "timeout": 30, "number": ["919876500001", {"text": 919876500002, "sendDigits": "1"}],
                  "user": "sip:a@b", "callerName": null}},
        {"redirect": "/next"}, {"hangup": {}}, {"dtmf": {"text": "12", "async": false}}
    ]}"#;
    let text = "<Response><Speak>Please hold.</Speak><PreAnswer><Play loop='2'>/a.wav</Play><Wait/></PreAnswer>\
         <Gather action='/pin' numDigits='4' log='false'><Play>/ask.wav</Play><Speak>Digits.</Speak></Gather>\
         <GetDigits finishOnKey='1'><Speak>Press 1.</Speak></GetDigits>\
         <Dial callerId='918045550101' timeout='30'><Number>919876500001</Number><Number sendDigits='1'>919876500002</Number>\
         <User>sip:a@b</User></Dial><Redirect>/next</Redirect><Hangup/><DTMF async='false'>12</DTMF></Response>";
    let read = read(Some("application/json; charset=utf-8"), json.as_bytes(), limits::DOCUMENT).unwrap();
    assert_eq!((read.response.elements, read.warnings), (clean(text), Vec::new()));
}

#[test]
fn the_form_is_seen_whatever_the_media_type_says() {
    for (media_type, body, form) in [
        (Some("text/html"), "  <Response/>", Form::Xml),
        (Some("application/json"), "<Response/>", Form::Xml),
        (Some("text/plain"), "\u{feff}\n{}", Form::Json),
        (Some("application/json"), "", Form::Json),
        (None, "hello", Form::Xml),
    ] {
        assert_eq!(Form::of(media_type, body.as_bytes()), form, "{media_type:?} {body}");
    }
}

#[test]
fn every_url_can_be_changed_and_only_prompts_are_kept_where_they_are_asked_for() {
    let text = "<Response><Dial action='1' confirmSound='2' callbackUrl='3' dialMusic='4'>14155551234</Dial><Play>5</Play>\
                <Gather action='6' invalidDigitsSound='7'><Play>8</Play></Gather><Record action='9' callbackUrl='10'/>\
                <PreAnswer><Wait/><Play>11</Play></PreAnswer><Redirect>12</Redirect><Hangup/></Response>";
    let mut response = xml(text).unwrap().response;
    let mut seen = Vec::new();
    let changed: Result<(), ()> = response.each_link(&mut |link| {
        seen.push(link.reveal().parse::<u32>().unwrap());
        *link = Link::read("/other").unwrap();
        Ok(())
    });
    assert_eq!((changed, seen), (Ok(()), (1..=12).collect()));
    let none: Result<(), ()> =
        response.each_link(&mut |link| if link.reveal() == "/other" { Ok(()) } else { Err(()) });
    assert_eq!(none, Ok(()));
    assert!(matches!(&response.prompts()[..], [Prompt::Play(_)]));
}
