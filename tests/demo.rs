//! The demonstration, as the binary shows it.

use std::fs;
use std::process::Command;

/// The two cells of a row of the table.
fn row<'a>(output: &'a str, section: &str, label: &str) -> Vec<&'a str> {
    let section = output.find(section).expect("each section is there");
    let rows = output[section..].lines().take_while(|line| !line.is_empty());
    let row = rows.map(str::trim).find_map(|line| line.strip_prefix(label)).expect("each row is there");
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn it_shows_a_masked_call_from_both_sides_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_maskline"))
        .arg("demo")
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.ends_with("Audio passed both ways, and nothing of one side reached the other.\n"), "{text}");
    assert_eq!(errors, "");

    let (saw, hidden) = ("What it saw", "What was hidden");
    assert_eq!(row(&text, saw, "To"), ["<sip:+918045550101@127.0.0.1>", "its own"]);
    assert_eq!(row(&text, saw, "From"), ["its own", "<sip:+918045550102@127.0.0.1>"]);
    assert_eq!(row(&text, saw, "P-Asserted-Identity"), ["none", "<sip:+918045550102@127.0.0.1>"]);
    assert_eq!(row(&text, saw, "user agent"), ["Maskline", "Maskline"]);
    let tones = row(&text, saw, "tone heard");
    assert!(tones[0].starts_with("620 Hz") && tones[1].starts_with("440 Hz"), "{tones:?}");
    let (ssrcs, reporters) = (row(&text, saw, "RTP SSRC"), row(&text, saw, "RTCP report by"));
    assert_eq!(reporters, ssrcs, "whose audio each hears, that one reports on its own");
    assert!(reporters[0] != reporters[1] && reporters.iter().all(|ssrc| ssrc.len() == 8), "{reporters:?}");
    for label in ["SDP origin", "audio from"] {
        let cells = row(&text, saw, label);
        assert!(cells.len() == 2 && cells.iter().all(|cell| cell.contains("127.0.0.1")), "{cells:?}");
    }
    assert_eq!(row(&text, hidden, "number"), ["+919876500002", "+919876500001"]);
    assert_eq!(row(&text, hidden, "address"), ["127.0.0.3", "127.0.0.2"]);
    assert_eq!(row(&text, hidden, "found"), ["nothing", "nothing"]);
    assert!(text.contains("The operator's record: answered"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
}
