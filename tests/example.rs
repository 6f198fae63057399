//! The application of examples/masking_app says what becomes of real calls between two softphones. `EXAMPLE_PYTHON` names
//! a Python with its requirements; `./test` makes one.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

#[path = "example/app.rs"]
mod app;
mod support;

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use app::{App, URL};
use serde_json::Value;
use support::instance::Instance;
use support::softphone::{Account, Softphone};
use support::tone::{tenths_before, tenths_with};

const SECRET: &str = "what the application checks signatures with";
/// What each phone plays, in Hz.
const TONES: [f64; 2] = [440.0, 1000.0];
/// How long a call lasts, in seconds, and how much of the other's tone each must hear in it, in tenths of one.
const SECONDS: u64 = 3;
const TENTHS: usize = 25;
/// The phones of the shipped settings.
const NAMES: [&str; 2] = ["agent", "customer"];
const NUMBERS: [&str; 2] = ["919876500001", "919876500002"];
/// What each of them dials to reach the other.
const DIALS: [&str; 2] = ["+918045550101", "+918045550102"];
/// The number at which the application asks for a code.
const PIN_NUMBER: &str = "+918045550103";
/// How much speech has to be heard there, in tenths of a second.
const SPEECH: usize = 20;

fn python() -> Option<String> {
    let python = std::env::var("EXAMPLE_PYTHON").ok();
    if python.is_none() {
        eprintln!("not run: EXAMPLE_PYTHON names no Python");
    }
    python
}

/// A row that has the application asked.
fn asking(dialled: &str) -> String {
    format!("[[mappings]]\ndialled = \"{dialled}\"\nanswer_url = \"{URL}/answer\"\n")
}

/// The switch on the shipped settings, with these rows in place of theirs.
fn switch(rows: &str) -> Instance {
    switch_on(|shipped| shipped, rows)
}

/// The same, with other changes.
fn switch_on(change: impl FnOnce(String) -> String, rows: &str) -> Instance {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let shipped = change(std::fs::read_to_string(path).expect("config.toml is shipped"));
    let (before, rest) = shipped.split_once("\n[[mappings]]\n").expect("it has rows");
    let (_, after) = rest.split_once("\n[webhooks]\n").expect("and then web services");
    let webhooks = format!("[webhooks]\nsecret = \"{SECRET}\"\nhangup_url = \"{URL}/hangup\"");
    assert!(after.contains("allow_private_webhooks = true"), "as a loopback address needs it");
    Instance::start(&format!("{before}\n{rows}\n{webhooks}\n{after}"))
}

fn phones(switch: &Instance) -> [Softphone; 2] {
    [0, 1].map(|phone| {
        let (username, registrar) = (NAMES[phone], switch.subnet.switch());
        let password = format!("{username}-demo-password");
        let account = Account { username, password: &password, registrar, transport: "udp", answers: true };
        Softphone::start(switch.folder(), &account, TONES[phone])
    })
}

fn dial(switch: &Instance, phone: &mut Softphone, number: &str) {
    phone.command("dial", &format!("sip:{number}@{};transport=udp", switch.subnet.switch()));
}

/// Both are connected, `shown` is what the called one sees, each hears the other's tone and not its own, and nothing of
/// one is seen by the other; then one of them hangs up. Gives back all that the caller has heard.
fn talk(phones: &mut [Softphone; 2], called: usize, shown: &str, hangs_up: usize) -> Vec<f64> {
    let mut caller_heard = Vec::new();
    let incoming = phones[called].wait_for_event("CALL_ESTABLISHED");
    let peer = incoming["peeruri"].as_str().expect("a call has a peer");
    assert!(peer.contains(shown), "{peer} is shown in place of {shown}");
    for phone in &mut *phones {
        phone.wait_for_event("CALL_ESTABLISHED");
        phone.wait_for_audio(SECONDS);
    }
    phones[hangs_up].command("hangup", "");
    for phone in [0, 1] {
        phones[phone].wait_for_event("CALL_CLOSED");
        let heard = phones[phone].heard();
        let [others, own] = [TONES[1 - phone], TONES[phone]].map(|tone| tenths_with(&heard, tone));
        assert!(others >= TENTHS, "{} heard {others} tenths of a second of the other's tone", NAMES[phone]);
        assert_eq!(own, 0, "its own tone came back");
        let seen = phones[phone].seen();
        for mark in [NUMBERS[1 - phone], &format!("{}@", NAMES[1 - phone])] {
            assert!(!seen.contains(mark), "a phone saw {mark} of the other:\n{seen}");
        }
        phones[phone].forget();
        if phone != called {
            caller_heard = heard;
        }
    }
    caller_heard
}

/// The trace of the record with this place, which the API shows as well.
fn trace(switch: &Instance, place: usize) -> Vec<String> {
    let record = switch.wait_for_records(place + 1).swap_remove(place);
    let id = record["id"].as_str().expect("a record has an id");
    let api = switch.api();
    api.wait_until("the database has the record", |api| {
        api.get(&format!("/v1/calls/{id}"))["trace"].is_array()
    });
    let shown = api.get(&format!("/v1/calls/{id}"));
    assert_eq!(shown["trace"], record["trace"], "the API shows what the record has");
    let steps = record["trace"].as_array().expect("a list").iter();
    steps.map(|step| step.as_str().expect("text").to_owned()).collect()
}

/// Fails where these are not steps of a trace, in this order.
fn assert_steps(trace: &[String], expected: &[&str]) {
    let mut rest = trace.iter();
    for part in expected {
        assert!(rest.any(|step| step.contains(part)), "no {part} where it should be in {trace:#?}");
    }
}

#[test]
fn the_two_parties_of_a_row_reach_each_other() {
    let Some(python) = python() else { return };
    let switch = switch(&DIALS.map(asking).concat());
    let app = App::start(&python, &switch, SECRET);
    let mut phones = phones(&switch);
    for (place, [from, to]) in [[0, 1], [1, 0]].into_iter().enumerate() {
        dial(&switch, &mut phones[from], DIALS[from]);
        talk(&mut phones, to, DIALS[to], if place == 0 { from } else { to });
        assert_steps(
            &trace(&switch, place),
            &[
                "the web service at ",
                " ms: asked ",
                " bytes of XML",
                "<Dial>, element 1 of document 1",
                "the document calls +9198******",
                &format!("the destination is phone {}", NAMES[to]),
            ],
        );
        let id = switch.records()[place]["id"].as_str().expect("a record has an id").to_owned();
        app.wait_for(&format!("call {id}: NORMAL_CLEARING after"));
    }
    let log = app.log();
    assert_eq!(log.matches("POST /answer HTTP/1.1\" 200").count(), 2, "asked once for each call:\n{log}");
    assert_eq!(log.matches("POST /dial-status HTTP/1.1\" 200").count(), 2, "once for each Dial:\n{log}");
    assert_eq!(log.matches(" NORMAL_CLEARING after ").count(), 2, "told the end once of each:\n{log}");
    assert!(
        NUMBERS.iter().chain(&DIALS).all(|number| !log.contains(&number[2..])),
        "numbers in its log:\n{log}"
    );
    drop(phones);
    switch.stop();
}

#[test]
fn a_caller_with_a_code_reaches_its_party() {
    let Some(python) = python() else { return };
    let owned = |settings: String| settings.replace("0102\"]", &format!("0102\", \"{PIN_NUMBER}\"]"));
    let switch = switch_on(owned, &asking(PIN_NUMBER));
    let app = App::start(&python, &switch, SECRET);
    let mut phones = phones(&switch);
    dial(&switch, &mut phones[0], PIN_NUMBER);
    phones[0].wait_for_event("CALL_ESTABLISHED");
    phones[0].wait_for_audio(1);
    press(&mut phones[0], "1234");
    app.wait_for("POST /pin?attempt=1 HTTP/1.1\" 200");
    // What it hears now is that the code is not known, and the question again.
    phones[0].wait_for_audio(3);
    press(&mut phones[0], "4711");
    app.wait_for("POST /pin?attempt=2 HTTP/1.1\" 200");
    let heard = talk(&mut phones, 1, PIN_NUMBER, 1);
    let speech = tenths_before(&heard, TONES[1]);
    assert!(speech >= SPEECH, "{speech} tenths of a second of speech before the other's tone");
    assert_steps(
        &trace(&switch, 0),
        &[
            "<Gather>, element 1 of document 1",
            "the caller pressed keys",
            "<Gather>, element 1 of document 2",
            "the caller pressed keys",
            "<Speak>, element 1 of document 3",
            "<Dial>, element 2 of document 3",
        ],
    );
    assert!(!switch.log().contains("Digits="), "what was pressed is in the log");
    drop(phones);
    switch.stop();
}

/// Presses keys as a person does.
fn press(phone: &mut Softphone, keys: &str) {
    for key in keys.chars() {
        phone.command("sndcode", &key.to_string());
        sleep(Duration::from_millis(300));
    }
}

#[test]
fn without_the_application_a_call_goes_by_what_is_mapped_or_is_refused() {
    // The agent's row asks; for anyone else, and where nobody answers, the same number leads to the customer.
    let own = asking(DIALS[0]).replace("answer_url", &format!("caller = \"+{}\"\nanswer_url", NUMBERS[0]));
    let anyone = format!(
        "[[mappings]]\ndialled = \"{}\"\ndestination = \"+{}\"\nshow = \"{}\"\n",
        DIALS[0], NUMBERS[1], DIALS[1]
    );
    let switch = switch(&[own, anyone, asking(DIALS[1])].concat());
    let mut phones = phones(&switch);
    let asked = [
        "the web service at ",
        " ms: asked ",
        "failed: nobody takes the connection",
        " again",
        "failed: nobody takes the connection",
        "no web service says what becomes of the call",
    ];

    dial(&switch, &mut phones[0], DIALS[0]);
    talk(&mut phones, 1, DIALS[1], 0);
    let mapped = "a mapping for anyone goes to +9198******02";
    assert_steps(&trace(&switch, 0), &[&asked[..], &[mapped]].concat());

    dial(&switch, &mut phones[1], DIALS[1]);
    assert_refused(&mut phones[1]);
    assert_steps(&trace(&switch, 1), &asked);
    assert_eq!(outcome(&switch, 1), "refused");
    drop(phones);
    switch.stop();
}

#[test]
fn what_is_not_signed_with_its_secret_the_application_does_not_serve() {
    let Some(python) = python() else { return };
    let switch = switch(&asking(DIALS[0]));
    let app = App::start(&python, &switch, "another secret");
    let mut phones = phones(&switch);
    dial(&switch, &mut phones[0], DIALS[0]);
    assert_refused(&mut phones[0]);
    assert_steps(&trace(&switch, 0), &["failed: the answer is 403", "failed: the answer is 403"]);
    assert!(!app.log().contains(" 200 OK"), "{}", app.log());
    drop(phones);
    switch.stop();
}

fn assert_refused(phone: &mut Softphone) {
    let closed = phone.wait_for_event("CALL_CLOSED");
    let why = closed["param"].as_str().expect("a call ends for a reason");
    assert!(why.starts_with("404 "), "{closed:#}");
}

fn outcome(switch: &Instance, place: usize) -> Value {
    switch.records()[place]["outcome"].clone()
}
