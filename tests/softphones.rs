//! Two softphones, registered as the shipped `agent` and `customer`, call each other through the shipped settings: both
//! hear the other's tone, and neither sees the other's number.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::path::Path;

use support::instance::Instance;
use support::softphone::{Account, Softphone};
use support::tone::{self, tenths_with};

/// What each phone plays, in Hz.
const TONES: [f64; 2] = [440.0, 1000.0];
/// How long a call lasts.
const SECONDS: u64 = 4;
/// How much of the other's tone each must hear, in tenths of a second.
const TENTHS: usize = 35;

#[test]
fn two_softphones_talk_over_udp() {
    talk_both_ways("udp");
}

#[test]
fn two_softphones_talk_over_tcp() {
    talk_both_ways("tcp");
}

/// A phone of the shipped settings: its name, password and number, and the number of the pair that it dials.
struct Party {
    username: String,
    password: String,
    number: String,
    dials: String,
}

fn parties(settings: &str) -> [Party; 2] {
    let settings: toml::Table = settings.parse().expect("the shipped settings are TOML");
    ["agent", "customer"].map(|name| {
        let row_of = |section: &str, key: &str, value: &str| {
            let rows = settings[section].as_array().expect("an array of tables");
            let row = rows.iter().find(|row| row.get(key).and_then(toml::Value::as_str) == Some(value));
            row.unwrap_or_else(|| panic!("no {key} {value} in the shipped {section}")).clone()
        };
        let text = |row: &toml::Value, key: &str| row[key].as_str().expect("a string").to_owned();
        let phone = row_of("phones", "username", name);
        let number = text(&phone, "number");
        let dials = text(&row_of("mappings", "caller", &number), "dialled");
        Party { username: name.to_owned(), password: text(&phone, "password"), number, dials }
    })
}

fn talk_both_ways(transport: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let settings = std::fs::read_to_string(path).expect("config.toml is shipped");
    let parties = parties(&settings);
    let switch = Instance::start(&settings);
    let registrar = switch.subnet.switch();
    let start = |party: &Party, tone| {
        let (username, password) = (&*party.username, &*party.password);
        let account = Account { username, password, registrar, transport, answers: true };
        Softphone::start(switch.folder(), &account, tone)
    };
    let [agent, customer] = &parties;
    let mut phones = [start(agent, TONES[0]), start(customer, TONES[1])];

    for (calls, [from, to]) in [(1, [0, 1]), (2, [1, 0])] {
        let dialled = &parties[from].dials;
        phones[from].command("dial", &format!("sip:{dialled}@{registrar};transport={transport}"));
        let incoming = phones[to].wait_for_event("CALL_ESTABLISHED");
        let shown = incoming["peeruri"].as_str().expect("a call has a peer");
        let masked = &parties[to].dials;
        assert!(shown.contains(masked.as_str()), "{shown} is shown in place of {masked}");

        for phone in [0, 1] {
            phones[phone].wait_for_event("CALL_ESTABLISHED");
            phones[phone].wait_for_audio(SECONDS);
        }
        phones[if calls == 1 { from } else { to }].command("hangup", "");
        for phone in [0, 1] {
            phones[phone].wait_for_event("CALL_CLOSED");
            let heard = phones[phone].heard();
            let [other_tone, own_tone] =
                [TONES[1 - phone], TONES[phone]].map(|tone| tenths_with(&heard, tone));
            assert!(other_tone >= TENTHS, "{other_tone} tenths of a second of the other's tone were heard");
            assert_eq!(own_tone, 0, "its own tone came back");
            let seen = phones[phone].seen();
            let other = &parties[1 - phone];
            for mark in [&other.number[1..], &format!("{}@", other.username)] {
                assert!(!seen.contains(mark), "a phone saw {mark} of the other:\n{seen}");
            }
            phones[phone].forget();
        }
        switch.wait_for_records(calls);
    }
    drop(phones);
    switch.stop();
}

#[test]
fn a_tone_is_told_from_another() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("tone.wav");
    tone::write(&path, TONES[0], 2);
    let samples = tone::read(&path);
    assert_eq!(TONES.map(|tone| tenths_with(&samples, tone)), [20, 0]);
}
