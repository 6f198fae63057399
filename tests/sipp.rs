//! The scenarios of `sip-scenarios/`, each played by sipp against the real binary.
//!
//! A scenario says what each side must see; this harness adds what holds for all of them: neither side's messages
//! hold a trace of the other's, one record is written for each call, the log holds no phone number, and the
//! process is as well afterwards as before.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use support::instance::Instance;
use support::numbers::Numbers;
use support::sipp::{Sipp, Wire};

/// How a scenario is played, where it is not the common way.
struct Stage {
    /// The last part of the caller's and the callee's address.
    hosts: [u8; 2],
    /// What each speaks to the switch.
    wires: [Wire; 2],
    /// The caller is at ::1.
    caller_on_ipv6: bool,
    /// Replacements in the settings.
    settings: &'static [(&'static str, &'static str)],
    /// The `outcome` of the call's record; none is written where this is empty.
    outcome: &'static str,
    /// The `hung_up` of the record, where the parties were connected.
    hung_up: &'static str,
    /// How long the longer side may take.
    at_most: Duration,
}

const COMMON: Stage = Stage {
    hosts: [2, 3],
    wires: [Wire::Udp, Wire::Udp],
    caller_on_ipv6: false,
    settings: &[],
    outcome: "answered",
    hung_up: "caller",
    at_most: Duration::from_secs(30),
};

/// Connected, and ended by one that is not the caller.
fn ended_by(hung_up: &'static str) -> Stage {
    Stage { hung_up, ..COMMON }
}

/// Never connected.
fn failed(outcome: &'static str) -> Stage {
    Stage { outcome, hung_up: "", ..COMMON }
}

/// Not even a call.
fn no_call() -> Stage {
    failed("")
}

macro_rules! scenarios {
    ($($name:ident $(: $stage:expr)?,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                #[allow(unused_mut, unused_assignments, reason = "most scenarios take the common stage")]
                let mut stage = COMMON;
                $(stage = $stage;)?
                play(&stringify!($name).replace('_', "-"), &stage);
            }
        )*
    };
}

scenarios! {
    // The plain call.
    answered_call,
    callee_hangs_up: ended_by("callee"),
    callee_calls_back: Stage { hosts: [3, 2], ..COMMON },
    both_hang_up_at_once,
    time_limit_ends_the_call: ended_by("max-duration"),
    silence_ends_the_call: Stage {
        settings: &[("max_duration = \"12s\"", "silence = \"30s\"")],
        at_most: Duration::from_secs(60),
        ..ended_by("silence")
    },
    // Set-up that fails.
    caller_cancels_while_ringing: failed("cancelled"),
    cancel_before_ringing: failed("cancelled"),
    callee_answers_after_cancel: failed("cancelled"),
    callee_busy: failed("busy"),
    callee_declines: failed("rejected"),
    no_answer_ring_timeout: failed("no-answer"),
    callee_says_nothing: failed("no-answer"),
    redirect_ends_as_480: failed("unreachable"),
    server_error_ends_as_480: failed("unreachable"),
    callee_challenges: failed("rejected"),
    no_common_codec_488: failed("no-common-codec"),
    answer_without_sdp: failed("unreachable"),
    // Ringing and early media.
    early_media_is_not_relayed,
    early_media_is_relayed: Stage { hosts: [2, 4], ..COMMON },
    provisional_responses_become_ringing,
    // Offers, answers, codecs.
    late_offer,
    multipart_offer,
    hold_and_resume,
    callee_holds: ended_by("callee"),
    hold_by_update,
    codec_change_by_reinvite,
    refresh_is_answered_here,
    update_refresh,
    callee_moves: ended_by("callee"),
    fax_reinvite_gets_488,
    reinvite_glare_491: ended_by("callee"),
    // Transactions and dialogs.
    forked_answers,
    lost_ack: Stage { outcome: "no-acknowledgement", ..ended_by("failure") },
    missing_max_forwards,
    compact_headers,
    tcp_caller: Stage { wires: [Wire::Tcp, Wire::Udp], ..COMMON },
    tcp_callee: Stage { hosts: [2, 5], wires: [Wire::Udp, Wire::Tcp], ..COMMON },
    ipv6_caller: Stage {
        caller_on_ipv6: true,
        settings: &[
            ("\"tcp:127.0.0.1:5060\"", "\"udp:[::1]:5060\""),
            ("\"127.0.0.2/32\"", "\"::1/128\""),
        ],
        ..COMMON
    },
    identity_as_rpid: Stage { hosts: [2, 6], ..COMMON },
    anonymous_caller_on_a_one_way_number,
    // Within the call.
    dtmf_by_info,
    refer_is_refused: ended_by("callee"),
    message_stays_here,
    // Nobody is called.
    unknown_caller_is_refused: failed("refused"),
    unmapped_number_is_refused: failed("refused"),
    foreign_number_is_refused: failed("refused"),
    own_number_as_caller_is_refused: failed("refused"),
    emergency_number_is_refused: failed("refused"),
    unknown_codec_488: failed("no-common-codec"),
    unknown_body_415: failed("refused"),
    unknown_extension_420: failed("refused"),
    spent_max_forwards_483: failed("refused"),
    options_answered: no_call(),
    unknown_method_501: no_call(),
    message_is_refused_405: no_call(),
    subscribe_is_refused: no_call(),
    unknown_dialog_481: no_call(),
    register_is_challenged: no_call(),
    phone_calls_after_a_challenge: Stage { hosts: [7, 3], ..COMMON },
    unknown_source_gets_silence: Stage { hosts: [9, 3], ..no_call() },
}

fn scenarios_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sip-scenarios"))
}

#[test]
fn every_scenario_file_is_played() {
    let played: BTreeSet<String> = NAMES.iter().map(|name| name.replace('_', "-")).collect();
    let files = fs::read_dir(scenarios_folder()).expect("the folder is there");
    let names = files.map(|file| file.expect("the folder can be listed").file_name().into_string().unwrap());
    let there: BTreeSet<String> = names
        .filter_map(|file| file.strip_suffix(".xml").map(str::to_owned))
        .map(|file| file.rsplit_once('.').expect("NAME.caller.xml or NAME.callee.xml").0.to_owned())
        .collect();
    assert_eq!(played, there);
}

fn play(name: &str, stage: &Stage) {
    let template = fs::read_to_string(scenarios_folder().join("config.toml")).expect("it lies beside them");
    let settings = stage.settings.iter().fold(template, |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the settings");
        text.replace(from, to)
    });
    let switch = Instance::start(&settings);
    let [caller_at, callee_at] = stage.hosts.map(|host| switch.subnet.at(host));
    let callee = Callee::start(name, &switch, stage.wires[1], callee_at);

    let ipv6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let [from, to] = match stage.caller_on_ipv6 {
        true => [ipv6(switch.subnet.port + 1), ipv6(switch.subnet.port)],
        false => [caller_at, switch.subnet.switch()],
    };
    let mut caller = Sipp::caller(switch.folder(), name, stage.wires[0], from, to);
    caller.finish(stage.at_most);
    let received = callee.finish(stage.at_most);

    let caller_marks = ["caller-leak".to_owned(), format!("{}", caller_at.ip()), digits_of(stage.hosts[0])];
    let callee_marks = ["callee-leak".to_owned(), format!("{}", callee_at.ip()), digits_of(stage.hosts[1])];
    assert_no_trace(&received, &caller_marks);
    if name != "foreign-number-is-refused" {
        assert_no_trace(&caller.received(), &callee_marks);
    }
    check_record(&switch, stage);
    assert!(
        switch.answers("/healthz") && switch.answers("/readyz"),
        "the switch is unwell:\n{}",
        switch.log()
    );
    switch.stop();
}

fn check_record(switch: &Instance, stage: &Stage) {
    let records = switch.wait_for_records(usize::from(!stage.outcome.is_empty()));
    for record in records {
        let text = |field: &str| record[field].as_str().unwrap_or("").to_owned();
        assert_eq!([text("outcome"), text("hung_up")], [stage.outcome, stage.hung_up], "{record:#}");
    }
}

/// The other end of a scenario: sipp, or, where nobody is to be called, a socket that must stay empty.
enum Callee {
    Plays(Box<Sipp>),
    MustHearNothing(UdpSocket),
}

impl Callee {
    fn start(name: &str, switch: &Instance, wire: Wire, at: SocketAddr) -> Self {
        if scenarios_folder().join(format!("{name}.callee.xml")).exists() {
            return Self::Plays(Box::new(Sipp::callee(switch.folder(), name, wire, at)));
        }
        let socket = UdpSocket::bind(at).expect("the subnet is this test's own");
        socket.set_nonblocking(true).expect("a UDP socket can be");
        Self::MustHearNothing(socket)
    }

    /// Waits for its end, and gives back what it received.
    fn finish(self, at_most: Duration) -> Vec<String> {
        match self {
            Self::Plays(mut sipp) => {
                sipp.finish(at_most);
                sipp.received()
            }
            Self::MustHearNothing(socket) => {
                let mut buffer = [0; 65_536];
                if let Ok(length) = socket.recv(&mut buffer) {
                    panic!("nobody was to be called:\n{}", String::from_utf8_lossy(&buffer[..length]));
                }
                Vec::new()
            }
        }
    }
}

/// The digits that the files give to the party at 127.0.0.`host`, without the country code.
fn digits_of(host: u8) -> String {
    format!("98765000{:02}", if host < 4 { host - 1 } else { host })
}

fn assert_no_trace(messages: &[String], marks: &[String]) {
    for message in messages {
        for mark in marks {
            let at = message
                .match_indices(mark.as_str())
                .find(|(at, _)| !message[at + mark.len()..].starts_with(|next: char| next.is_ascii_digit()));
            assert!(at.is_none(), "a trace of the other side, {mark}:\n{message}");
        }
    }
}

/// The control of what every instance is searched for.
#[test]
fn a_number_is_found_in_a_log_and_in_a_record() {
    let numbers = Numbers::of("caller = \"+919876500001\" listen = \"udp:127.0.0.1:5060\"");
    for line in [
        "+919876500001",
        "sip:919876500001@h",
        "tel:09876500001",
        "x9876500002y",
        "00441632960001",
        "+1632960",
    ] {
        assert_eq!(numbers.find(&format!("a line\nuri={line} z\n")), Some(&*format!("uri={line} z")));
    }
    for line in
        ["2026-11-22T20:03:27.123456Z", "0x7ffd1234567890", "+9198******01", "127.0.0.1:5060", "123456789"]
    {
        assert_eq!(numbers.find(line), None);
    }
    let record = |trace: &str| serde_json::json!({"caller": "+919876500001", "received_at": 1_700_000_000_000_u64, "trace": [trace]});
    numbers.check_record(&record("the caller is +9198******01"));
    assert!(std::panic::catch_unwind(|| numbers.check_record(&record("9876500001"))).is_err());
}
