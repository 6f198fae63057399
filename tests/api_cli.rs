//! The command line over the API.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use maskline::ledger::{CallRecord, Entry, Outcome, TurnedAwayInvite};
use serde_json::Value;
use support::desk::{ALL, Desk, READ, START, record};
use tempfile::TempDir;

/// A folder with the settings of a service.
struct Office(TempDir);

impl Office {
    fn of(desk: &Desk, tokens: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let text = format!("[api]\nlisten = \"{}\"\n{tokens}\n[numbers]\ncountry = \"IN\"\n", desk.address);
        fs::write(folder.path().join("config.toml"), text).unwrap();
        Self(folder)
    }

    fn run(&self, line: &str) -> (i32, String, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_maskline"))
            .args(line.split(' '))
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// The standard output of what succeeds.
    fn ok(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!((code, &*err), (0, ""), "{line}: {out}");
        out
    }
}

#[test]
fn sessions_and_numbers_are_kept_from_a_terminal() {
    let desk = Desk::open();
    let office = Office::of(&desk, "");
    let token = office.0.path().join("api-token");
    fs::write(&token, format!("{ALL}\n")).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    for last in [3, 4] {
        let added = office.ok(&format!("numbers add +91804555010{last} --pool p --trunk carrier"));
        assert!(added.contains("state     active\n"), "{added}");
    }
    let create = "sessions create --first +919876500011 --second +919876500012 --pool p --expiry 3600 --reference r --json";
    let made: Value = serde_json::from_str(&office.ok(create)).unwrap();
    let id = made["id"].as_str().unwrap();
    let list = office.ok("sessions list --status active --party +919876500012");
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("ID  ") && lines[1].starts_with(id), "{list}");
    assert!(lines[1].contains("  active  +919876500011  +9180455501") && lines[1].ends_with("  r"), "{list}");
    assert!(office.ok(&format!("sessions show {id}")).contains("reference                      r\n"));
    let dials = made["first_party_number"].as_str().unwrap();
    let explained = office.ok(&format!("explain --from +919876500011 --to {dials}"));
    assert!(
        explained.starts_with("- ") && explained.contains("calls +919876500012 by trunk carrier, where +91"),
        "{explained}"
    );
    assert!(office.ok(&format!("sessions close {id}")).contains("closed\n"));
    assert!(
        office
            .ok(&format!("explain --from +919876500011 --to {dials}"))
            .ends_with("refused: session-closed\n")
    );
    assert!(office.ok("numbers drain +918045550103").contains("draining"));
    assert!(office.ok("numbers list --pool p").contains("+918045550103  IN       p     carrier  draining"));
    desk.pass(1);
    assert_eq!(office.ok("numbers remove +918045550103"), "removed\n");
    let page = office.ok("sessions list --limit 1");
    assert!(page.lines().last().unwrap().starts_with("more with --cursor "), "{page}");
}

#[test]
fn sessions_and_numbers_are_changed_from_a_terminal() {
    let desk = Desk::open();
    let office = Office::of(&desk, &format!("tokens = [\"{ALL}\"]"));
    let json = |line: &str| -> Value { serde_json::from_str(&office.ok(&format!("{line} --json"))).unwrap() };
    for last in [3, 4, 5] {
        office.ok(&format!("numbers add +91804555010{last} --pool p"));
    }
    let create = |second: u8| {
        json(&format!("sessions create --first +91987650001{second} --second +91987650002{second} --pool p"))
    };
    let [session, other] = [1, 2].map(create);
    let id = session["id"].as_str().unwrap();
    assert_eq!(session["expires_at"], Value::Null);
    // A change that is read, and one that is for programs.
    let changed =
        office.ok(&format!("sessions change {id} --expiry 60 --callback-url https://example.com/x"));
    let has = |line: &str| changed.lines().any(|has| has.split_whitespace().eq(line.split(' ')));
    assert!(
        has("expires_at 2026-11-22T08:16:30.000Z") && has("callback_url https://example.com/x"),
        "{changed}"
    );
    let changed = json(&format!("sessions change {id} --first +919876500019 --second +919876500022"));
    assert_eq!(changed["first_party"], "+919876500019");
    assert_eq!(other["second_party_number"], session["second_party_number"]);
    assert_eq!(
        changed["second_party_number"], "+918045550105",
        "that of the pool is taken for the other's party"
    );
    let changed = json(&format!("sessions change {id} --first-number +918045550101 --expiry 0"));
    assert_eq!(
        (&changed["first_party_number"], &changed["expires_at"]),
        (&"+918045550101".into(), &Value::Null)
    );
    assert_eq!(
        json(&format!("sessions change {id} --number +918045550102"))["virtual_number"],
        "+918045550102"
    );
    // Closed or expired, it goes on again.
    office.ok(&format!("sessions close {id}"));
    assert_eq!(json(&format!("sessions reopen {id}"))["status"], "active");
    office.ok(&format!("sessions change {id} --expiry 1"));
    desk.pass(1000);
    let (code, _, err) = office.run(&format!("sessions reopen {id}"));
    assert!(code == 1 && err.contains("session_expiry has passed"), "{err}");
    assert_eq!(json(&format!("sessions reopen {id} --expiry 60"))["expires_at"], "2026-11-22T08:16:31.000Z");

    let number = |line: &str| json(&format!("numbers {line}"));
    assert_eq!(number("drain +918045550104")["state"], "draining");
    assert_eq!(number("activate +918045550104")["state"], "active");
    let moved = number("change +918045550104 --pool q --trunk carrier");
    assert_eq!((&moved["pool"], &moved["trunk"]), (&"q".into(), &"carrier".into()));
    let moved = number("change +918045550104 --no-pool");
    assert_eq!(
        (&moved["pool"], &moved["trunk"]),
        (&Value::Null, &"carrier".into()),
        "what is not named stays"
    );
    assert_eq!(number("change +918045550104 --no-trunk")["trunk"], Value::Null);
    let asks = |answer: Value| (answer["answer_url"].clone(), answer["answer_method"].clone());
    let url = "http://127.0.0.1:8001/answer";
    let rent = format!("add +918045550106 --answer-url {url} --answer-method GET");
    assert_eq!(asks(number(&rent)), (url.into(), "GET".into()));
    let list = office.ok("numbers list");
    let row = |number: &str| list.lines().find(|line| line.starts_with(number)).unwrap();
    assert!(row("NUMBER").contains("STATE   ASKS            ADDED"), "{list}");
    assert!(row("+918045550106").contains("active  127.0.0.1:8001  2026"), "{list}");
    assert!(row("+918045550105").contains("active  -               2026"), "{list}");
    let explained = office.ok("explain --from +919876500011 --to +918045550106");
    assert!(explained.ends_with("\nasks the web service, which decides\n"), "{explained}");
    let asked = asks(number("change +918045550106 --answer-url https://a.example/ --answer-method POST"));
    assert_eq!(asked, ("https://a.example/".into(), "POST".into()));
    assert_eq!(asks(number("change +918045550106 --no-answer-url")), (Value::Null, Value::Null));
    for wrong in [
        "numbers add +918045550107 --answer-method GET".to_owned(),
        "numbers change +918045550106 --answer-method PUT".to_owned(),
        "numbers change +918045550106 --no-answer-url --answer-method GET".to_owned(),
        format!("sessions change {id}"),
        "sessions change --expiry 9".to_owned(),
        format!("sessions change {id} --number +918045550101 --first-number +918045550102"),
        "numbers change +918045550104".to_owned(),
        "numbers change +918045550104 --pool p --no-pool".to_owned(),
    ] {
        assert_eq!(office.run(&wrong).0, 2, "{wrong}");
    }
    let (code, _, err) = office.run("sessions reopen nobody");
    assert_eq!((code, &*err), (1, "maskline: Not Found: there is no such session\n"));
    let (code, _, err) = office.run("numbers activate +918045550109");
    assert!(code == 1 && err.contains("no such number"), "{err}");
}

#[test]
fn calls_are_listed_shown_placed_and_hung_up() {
    let desk = Desk::open();
    let office =
        Office::of(&desk, &format!("tokens = [{{ token = \"{READ}\", scopes = [\"read\"] }}, \"{ALL}\"]"));
    desk.keep(&[Entry::Ended(Box::new(record("over", START, Outcome::Answered)))]);
    let list = office.ok("calls list --result answered --number +918045550101");
    let row = "over  2026-11-22T08:15:30.000Z  carrier  +919876500001  +918045550101  +919876500002  +918045550102  answered  0:00";
    assert_eq!(list.lines().nth(1).unwrap(), row, "with the token that may do most");
    let shown = office.ok("calls show over");
    assert!(
        shown.contains("outcome      answered\n") && shown.ends_with("- +9180******01 was dialled\n"),
        "{shown}"
    );
    let invite = TurnedAwayInvite {
        id: "turned".into(),
        at: START,
        source: "carrier".into(),
        dialled: None,
        caller: None,
        status: 503,
        cause: 34,
        trace: Vec::new(),
    };
    desk.keep(&[Entry::Ended(Box::new(CallRecord::turned_away(invite)))]);
    let shown = office.ok("calls show turned");
    let legs: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("LEG")).collect();
    assert_eq!(
        legs[..2],
        [
            "LEG      STARTED                   RESULT   STATUS  CAUSE  TALKED  HUNG UP  LOST",
            "carrier  2026-11-22T08:15:30.000Z  refused  503     34     0:00    -        -",
        ]
    );
    let place = "calls place --first +919876500001 --second +919876500002 --show +918045550101 --no-confirm --return-window 0 --json";
    let placed: Value = serde_json::from_str(&office.ok(place)).unwrap();
    assert!(!desk.calls.placed.lock().unwrap()[0].confirm);
    let id = placed["id"].as_str().unwrap();
    assert!(office.ok(&format!("calls hang-up {id}")).contains("in-progress"));
    assert_eq!(*desk.calls.hung_up.lock().unwrap(), [id]);
}

#[test]
fn what_goes_wrong_is_told_in_words_and_by_the_exit_code() {
    let desk = Desk::open();
    let office = Office::of(&desk, &format!("tokens = [\"{ALL}\"]"));
    let (code, out, err) = office.run("sessions create --first +919876500011 --second 112 --pool p");
    assert_eq!((code, &*out), (1, ""));
    assert!(
        err.starts_with("maskline: Unprocessable Entity\n  second_party is an emergency number"),
        "{err}"
    );
    let (code, out, err) = office.run("sessions show nobody --json");
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()["status"].as_u64()), (1, Some(404)));
    assert_eq!(err, "maskline: Not Found: there is no such session\n");
    assert_eq!(office.run("sessions create").0, 2, "the command line is wrong");
    assert_eq!(office.run("calls place --first +919876500001").0, 2);
    let foreign = Office::of(&desk, "tokens = [\"a-token-of-somebody\"]");
    let (code, _, err) = foreign.run("calls list");
    assert!(code == 1 && err.contains("Unauthorized: the token is none"), "{err}");
    let untold = Office::of(&desk, "");
    let (code, _, err) = untold.run("calls list");
    assert!(code == 3 && err.contains("cannot read the token") && err.contains("api-token"), "{err}");
    let broken = Office::of(&desk, "tokens = 7");
    let (code, _, err) = broken.run("calls list");
    assert!(code == 1 && err.contains("config.toml:3: api.tokens"), "{err}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = TempDir::new().unwrap();
    let text = format!("[api]\nlisten = \"{closed}\"\ntokens = [\"{ALL}\"]\n[numbers]\ncountry = \"IN\"\n");
    fs::write(nobody.path().join("config.toml"), text).unwrap();
    let (code, _, err) = Office(nobody).run("numbers list");
    assert!(
        code == 3 && err.contains("does not answer") && err.contains("is `maskline serve` running?"),
        "{err}"
    );
}
