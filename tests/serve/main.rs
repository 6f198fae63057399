//! The binary as an operator meets it: `check`, starting, signals, draining.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod node;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use node::{Instance, MASKLINE, PATIENCE, command};
use rustix::process::Signal;
use support::agent::{header, of_invite};

/// A trunk whose calls come from 127.0.0.2 and go to 127.0.0.3, and one mapping that anyone may call.
const SETTINGS: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
t1 = "100ms"
[media]
ports = "20000-20019"
[api]
listen = "127.0.0.1:8080"
[numbers]
country = "IN"
owned = ["+918045550101"]
[call]
drain = "30s"
[[trunks]]
name = "carrier"
sources = ["127.0.0.2/32", "127.0.0.3/32"]
target = "sip:127.0.0.3:5060;transport=udp"
[[mappings]]
dialled = "+918045550101"
destination = "+919876500002"
show = "+918045550101"
"#;

fn run(arguments: &[&str], folder: &Path) -> Output {
    command(MASKLINE, arguments, folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_call_too_many_is_sent_elsewhere() {
    let one = SETTINGS.replace("drain =", "max_calls = 1\ndrain =");
    let mut instance = Instance::start(&one);
    instance.ring();
    instance.invite();
    let (refusal, _) = instance.caller.expect("SIP/2.0 503");
    assert!(header(&refusal, "Retry-After").is_some(), "{refusal}");
    instance.reload(&one.replace("max_calls = 1", "max_calls = 2"));
    instance.await_log("are in force");
    instance.options();
    instance.caller.expect("SIP/2.0 200");
}

#[test]
fn the_shipped_settings_are_without_fault() {
    let checked = run(&["check"], Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(checked.status.success(), "{}", text(&checked.stdout));
}

#[test]
fn check_tells_each_fault_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[sip]\nlisten = [\"udp:nowhere\"]\nspeed = 3\n").unwrap();
    let checked = run(&["check", "--config", "bad.toml"], folder.path());
    assert_eq!(checked.status.code(), Some(1));
    let told = text(&checked.stdout);
    assert!(told.contains("bad.toml:2: sip.listen") && told.contains("bad.toml:3: sip.speed"), "{told}");
    let started = run(&["serve", "--config", "bad.toml"], folder.path());
    assert_eq!(started.status.code(), Some(1));
    assert!(text(&started.stderr).contains("bad.toml:2: sip.listen"), "the same faults stop a start");
}

#[test]
fn without_a_settings_file_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["serve"]] {
        let started = run(arguments, folder.path());
        assert_eq!(started.status.code(), Some(1));
        assert!(text(&started.stderr).contains("no settings file at config.toml"));
    }
}

#[test]
fn a_port_in_use_is_named() {
    let running = Instance::start(SETTINGS);
    let started = run(&["serve"], running.folder.path());
    assert_eq!(started.status.code(), Some(1));
    let told = text(&started.stderr);
    assert!(told.contains(&format!("cannot listen on udp:{}", running.subnet.switch())), "{told}");
}

#[test]
fn the_log_says_how_many_calls_there_is_room_for_and_why() {
    let mut instance = Instance::launch(SETTINGS, MASKLINE, &[]);
    let line = instance.await_log("room for this many calls");
    assert!(line.contains("INFO") && line.contains("[media] ports bound it"), "{line}");
    assert!(line.contains("calls=5"), "{line}");
    // Of 160 descriptors 128 are for itself and 20 for connections: room for three calls, where the ports have five.
    let few = ["-c", "ulimit -n 160 && exec \"$0\"", MASKLINE];
    let mut instance = Instance::launch(SETTINGS, "sh", &few);
    let line = instance.await_log("room for this many calls");
    assert!(line.contains("WARN") && line.contains("open files bound it"), "{line}");
    assert!(line.contains("calls=3") && line.contains("descriptors=160"), "{line}");
    instance.await_log(": ready");
}

/// That a start takes less than a second is for a bench to see (`benches/load`); here, that it waits for nobody: no
/// name is looked up and no trunk asked before it is ready. `clippy.toml` keeps out what would wait in place.
#[test]
fn it_serves_at_once_and_until_it_is_told_to_stop() {
    let instance =
        Instance::start(&SETTINGS.replace("sip:127.0.0.3:5060;transport=udp", "sip:carrier.invalid"));
    assert!(instance.get("/readyz").starts_with("HTTP/1.1 200"));
    instance.options();
    let (first, _) = instance.caller.receive(PATIENCE).unwrap();
    assert!(first.starts_with("SIP/2.0 200"), "nothing comes before the answer: {first}");
    instance.signal(Signal::TERM);
    assert!(instance.end().is_empty());
}

#[test]
fn a_faulty_file_leaves_the_settings_and_the_calls_as_they_are() {
    let mut instance = Instance::start(SETTINGS);
    let call = instance.talk();
    instance.reload("[sip]\nlisten = 5\n");
    instance.await_log("config.toml:2: sip.listen");
    instance.await_log("those that were in force stay");
    let other = instance.talk();
    instance.hang_up(&call);
    instance.hang_up(&other);
    instance.signal(Signal::TERM);
    assert_eq!(instance.end().len(), 2);
}

#[test]
fn a_changed_mapping_is_for_new_calls_alone() {
    let mut instance = Instance::start(SETTINGS);
    let call = instance.talk();
    instance.reload(&SETTINGS.replace("+919876500002", "+919876500003"));
    instance.await_log("read again");
    let ringing = instance.ring();
    assert!(ringing.offered.starts_with("INVITE sip:+919876500003@"), "{}", ringing.offered);
    instance.send(&of_invite(&ringing.invite, "CANCEL"));
    instance.accept_cancel(&ringing);
    instance.hang_up(&call);
    instance.signal(Signal::TERM);
    let records = instance.end();
    let [cancelled, answered] = &records[..] else { panic!("{records:?}") };
    assert_eq!(
        (&cancelled["destination"], &cancelled["outcome"]),
        (&"+919876500003".into(), &"cancelled".into())
    );
    assert_eq!(
        (&answered["destination"], &answered["outcome"]),
        (&"+919876500002".into(), &"answered".into())
    );
}

#[test]
fn a_trunk_that_was_taken_out_is_a_stranger_at_once() {
    let mut instance = Instance::start(SETTINGS);
    instance.reload(&SETTINGS.replace("\"127.0.0.2/32\", ", ""));
    instance.await_log("read again");
    instance.options();
    let heard = instance.caller.receive(Duration::from_millis(300));
    assert!(heard.is_none(), "it is no trunk any more: {heard:?}");
}

#[test]
fn draining_lets_a_ringing_call_be_given_up() {
    let mut instance = Instance::start(SETTINGS);
    let ringing = instance.ring();
    instance.signal(Signal::TERM);
    instance.await_log("draining");
    instance.refuses_calls();
    instance.send(&of_invite(&ringing.invite, "CANCEL"));
    instance.accept_cancel(&ringing);
    let [refused, cancelled] = &instance.end()[..] else { panic!("a record for each of two INVITEs") };
    assert_eq!((&refused["status"], &cancelled["outcome"]), (&503.into(), &"cancelled".into()));
}

#[test]
fn draining_lets_an_established_call_go_on_until_somebody_hangs_up() {
    let mut instance = Instance::start(SETTINGS);
    let call = instance.talk();
    instance.signal(Signal::TERM);
    instance.await_log("draining");
    instance.refuses_calls();
    instance.hang_up(&call);
    let [refused, ended] = &instance.end()[..] else { panic!("a record for each of two INVITEs") };
    assert_eq!(refused["status"], 503);
    assert_eq!((&ended["outcome"], &ended["hung_up"]), (&"answered".into(), &"caller".into()));
}

#[test]
fn a_ringing_call_that_outlasts_the_draining_is_ended() {
    let instance = Instance::start(&SETTINGS.replace("\"30s\"", "\"100ms\""));
    let ringing = instance.ring();
    instance.signal(Signal::INT);
    instance.accept_cancel(&ringing);
    instance.caller.expect("SIP/2.0 480");
    instance.send(&of_invite(&ringing.invite, "ACK"));
    assert_eq!(instance.end().len(), 1);
}

#[test]
fn an_established_call_that_outlasts_the_draining_is_hung_up_on_both_legs() {
    let instance = Instance::start(&SETTINGS.replace("\"30s\"", "\"100ms\""));
    instance.talk();
    instance.signal(Signal::TERM);
    for party in [&instance.caller, &instance.callee] {
        instance.accept(party, "BYE sip:");
    }
    let records = instance.end();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((&records[0]["outcome"], &records[0]["hung_up"]), (&"answered".into(), &"operator".into()));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut instance = Instance::start(SETTINGS);
    instance.ring();
    instance.signal(Signal::TERM);
    instance.await_log("draining");
    instance.signal(Signal::TERM);
    assert_eq!(instance.wait().code(), Some(1));
}
