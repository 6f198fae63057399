//! The walk of the README, run to the letter: its commands by a shell, its telephones by two softphones, against the
//! real binary with the shipped settings.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

#[path = "walk/shell.rs"]
mod shell;
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shell::{Shell, blocks};
use support::api::Events;
use support::instance::Instance;
use support::softphone::{Account, Softphone};
use support::tone::{tenths_before, tenths_with};

/// The real numbers of the two telephones, and their names.
const PARTIES: [(&str, &str); 2] = [("agent", "+919876500001"), ("customer", "+919876500002")];
/// What each plays, in Hz.
const TONES: [f64; 2] = [440.0, 1000.0];
/// What the first party dials and sees, and what the second does.
const MASKS: [&str; 2] = ["+918045550111", "+918045550112"];
/// How long a call lasts.
const SECONDS: u64 = 3;
/// How much of the other's tone each must hear, in tenths of a second.
const TENTHS: usize = 25;
/// How long a refusal takes, at least.
const REFUSAL: Duration = Duration::from_millis(200);

/// The service, the shell of the second terminal, and the two telephones.
struct Walk {
    shell: Shell,
    phones: [Softphone; 2],
    registrar: SocketAddr,
    // Ends after those who use it.
    switch: Instance,
}

impl Walk {
    /// As far as the first terminal and the set-up of the second, and the numbers. The second telephone is answered by
    /// hand where this says so.
    fn start(answers: bool, set_up: &[String]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
        let switch = Instance::start(&std::fs::read_to_string(path).expect("config.toml is shipped"));
        let registrar = switch.subnet.switch();
        let phone = |place: usize, answers| {
            let (username, password) = (PARTIES[place].0, &*format!("{}-demo-password", PARTIES[place].0));
            let account = Account { username, password, registrar, transport: "udp", answers };
            Softphone::start(switch.folder(), &account, TONES[place])
        };
        let phones = [phone(0, true), phone(1, answers)];
        let mut walk = Self { shell: Shell::start(switch.folder()), phones, registrar, switch };
        let told: Vec<String> = set_up.iter().map(|block| walk.run(block)).collect();
        assert_eq!(told[0], "", "nothing is to be said");
        let numbers: Vec<Value> = told[1].lines().map(|line| line.parse().expect("JSON")).collect();
        assert_eq!([&numbers[0]["number"], &numbers[1]["number"]], MASKS);
        walk
    }

    /// Runs what stands in the README, at this test's addresses; what it prints.
    fn run(&mut self, block: &str) -> String {
        self.shell.run(&self.switch.subnet.rewrite(block))
    }

    fn dial(&mut self, from: usize, dialled: &str) {
        self.phones[from].command("dial", &format!("sip:{dialled}@{}", self.registrar));
    }

    /// Waits until both have heard the other for a while.
    fn talk(&mut self) {
        for phone in &mut self.phones {
            phone.wait_for_event("CALL_ESTABLISHED");
            phone.wait_for_audio(SECONDS);
        }
    }

    /// The call is over: what each has heard, and that neither has seen anything of the other but the masking number.
    fn over(&mut self, shown: [&str; 2]) -> [Vec<f64>; 2] {
        let addresses = [0, 1].map(|place| self.phones[place].address.to_string());
        [0, 1].map(|place| {
            let phone = &mut self.phones[place];
            phone.wait_for_event("CALL_CLOSED");
            let heard = phone.heard();
            let tones = [TONES[1 - place], TONES[place]].map(|tone| tenths_with(&heard, tone));
            assert!(tones[0] >= TENTHS && tones[1] == 0, "of the other's tone and of its own: {tones:?}");
            let seen = phone.seen();
            let (name, number) = PARTIES[1 - place];
            assert!(
                seen.contains("INVITE sip:") && seen.contains(&addresses[place]),
                "it shows its messages"
            );
            for mark in [&number[3..], &format!("{name}@"), &format!("{name}-"), &*addresses[1 - place]] {
                assert!(!seen.contains(mark), "a telephone saw {mark} of the other:\n{seen}");
            }
            assert!(seen.contains(shown[place]), "{} is not shown:\n{seen}", shown[place]);
            phone.forget();
            heard
        })
    }
}

fn same_id<'e>(events: &'e [Value], field: &str) -> &'e str {
    let id = events[0][field].as_str().expect("each has one");
    assert!(events.iter().all(|event| event[field] == id), "{events:#?}");
    id
}

#[test]
fn a_session_from_creation_to_record() {
    let blocks = blocks("## A session, from creation to record");
    let [set_up, numbers, watch, create, close, read, _, _] = &blocks[..] else { panic!("{blocks:#?}") };
    let mut walk = Walk::start(true, &[set_up.clone(), numbers.clone()]);
    let watch = walk.switch.subnet.rewrite(watch);
    let (_watching, stream) = Shell::watch(walk.switch.folder(), &watch);
    let events = Events::of(stream);
    walk.switch.api().wait_until("somebody watches", |api| api.metric("maskline_event_streams") == 1.0);

    let session: Value = walk.run(create).parse().expect("the session as JSON");
    assert_eq!([&session["first_party_number"], &session["second_party_number"]], MASKS, "{session:#}");
    let created = events.expect(&["session.created"]);
    let session = same_id(&created, "session").to_owned();

    walk.dial(0, MASKS[0]);
    walk.talk();
    walk.phones[0].command("hangup", "");
    walk.over(MASKS);
    let told = events.expect(&["call.started", "call.ringing", "call.answered", "call.ended"]);
    let call = same_id(&told, "call").to_owned();
    assert_eq!(same_id(&told, "session"), session);
    let record = told[3]["data"].clone();

    assert_eq!(walk.run(close), "closed\n");
    events.expect(&["session.closed"]);
    let dialled = Instant::now();
    walk.dial(0, MASKS[0]);
    let refused = walk.phones[0].wait_for_event("CALL_CLOSED");
    assert!(dialled.elapsed() >= REFUSAL, "{refused}");
    assert_eq!(refused["param"], "404 Not Found");
    events.expect(&["call.ended"]);

    check_read(&walk.run(read), &call, &record);
    check_record(&record, &session);
    walk.switch.api().wait_until("all is kept", |api| api.metric("maskline_store_queue") == 0.0);
    assert_eq!(walk.switch.api().get(&format!("/v1/calls/{call}")), record, "as it was told");
    let lines = walk.switch.records();
    assert_eq!(lines.iter().filter(|line| line["id"] == *call).collect::<Vec<_>>(), [&record]);
    assert_eq!((lines.len(), &lines[1]["outcome"]), (2, &json!("refused")));
    assert!(events.unread().is_empty());
    let Walk { phones, switch, .. } = walk;
    drop(phones);
    switch.stop();
}

/// What reading the record prints: the table, the record for people, a part of it as JSON, and the lines of the file.
fn check_read(printed: &str, call: &str, record: &Value) {
    let row = printed.lines().find(|line| line.starts_with(call)).expect("it stands in the table");
    for part in [PARTIES[0].1, PARTIES[1].1, MASKS[0], MASKS[1], "answered"] {
        assert!(row.contains(part), "{row}");
    }
    assert!(printed.lines().any(|line| line.starts_with("hung_up") && line.ends_with("caller")), "{printed}");
    let (_, json) = printed.split_once("\n{\n").expect("the part as JSON");
    let (json, lines) = json.split_once("\n}\n").expect("its end");
    let part: Value = format!("{{{json}}}").parse().expect("it is JSON");
    assert_eq!((&part["shown"], &part["hung_up"]), (&json!(MASKS[1]), &json!("caller")));
    assert_eq!(part["mos"].as_array().map(Vec::len), Some(2), "one for each leg: {part}");
    let lines: Vec<Value> = lines.lines().map(|line| line.parse().expect("JSON")).collect();
    assert_eq!((&lines[0], lines.len()), (record, 2));
}

fn check_record(record: &Value, session: &str) {
    let numbers = ["caller", "dialled", "destination", "shown"].map(|name| &record[name]);
    assert_eq!(numbers, [PARTIES[0].1, MASKS[0], PARTIES[1].1, MASKS[1]]);
    assert_eq!((&record["session"], &record["hung_up"]), (&json!(session), &json!("caller")));
    let legs = record["legs"].as_array().expect("a list");
    let peers: Vec<&Value> = legs.iter().map(|leg| &leg["peer"]).collect();
    assert_eq!(peers, ["agent", "customer"]);
    for leg in legs {
        let mos = leg["media"]["mos"].as_f64().expect("it was estimated");
        assert!((4.0..=4.5).contains(&mos), "on loopback nothing is lost: {leg:#}");
        assert!(leg["billable_ms"].as_u64() >= Some(SECONDS * 1000), "{leg:#}");
    }
}

#[test]
fn click_to_call_and_the_way_back() {
    let blocks = blocks("## A session, from creation to record");
    let [set_up, numbers, _, _, _, _, place, hang_up] = &blocks[..] else { panic!("{blocks:#?}") };
    let mut walk = Walk::start(false, &[set_up.clone(), numbers.clone()]);
    let events = walk.switch.api().events(0);
    assert_eq!(walk.run(place), "");
    events.expect(&["session.created", "call.started"]);
    walk.phones[0].wait_for_event("CALL_ESTABLISHED");
    walk.phones[0].wait_for_audio(1);
    assert!(!walk.phones[1].has_seen_event("CALL_INCOMING"), "nobody has pressed the key yet");
    walk.phones[0].command("sndcode", "1");
    walk.phones[1].wait_for_event("CALL_INCOMING");
    walk.phones[0].wait_for_audio(4);
    walk.phones[1].command("accept", "");
    walk.talk();
    // Beyond what the first had heard before the second answered.
    walk.phones[0].wait_for_audio(5 + SECONDS);
    let printed = walk.run(hang_up);
    let heard = walk.over([MASKS[0]; 2]);
    let tones = tenths_before(&heard[0], TONES[1]);
    assert!(tones >= 10, "{tones} tenths of a second of the prompt and the ringing were heard");
    let told = events.expect(&["call.ringing", "call.answered", "call.ended"]);
    assert_eq!(printed.lines().next(), Some(same_id(&told, "call")));
    let record = &told[2]["data"];
    assert_eq!((&record["hung_up"], &record["shown"]), (&json!("operator"), &json!(MASKS[0])));

    // The way back.
    walk.dial(1, MASKS[0]);
    walk.talk();
    walk.phones[0].command("hangup", "");
    walk.over([MASKS[0]; 2]);
    let told = events.expect(&["call.started", "call.ringing", "call.answered", "call.ended"]);
    assert_eq!((&told[3]["data"]["hung_up"], &told[3]["session"]), (&json!("callee"), &record["session"]));
    walk.switch.wait_for_records(2);
    let Walk { phones, switch, .. } = walk;
    drop(phones);
    switch.stop();
}
