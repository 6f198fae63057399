//! The house is built in floors: a module uses those below it, and neither its neighbours nor what is above. And the
//! writers of a leg's messages do not know what a received message is, so that nothing of one can get into them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files of `src`, floor by floor; the files of the topmost are its steps.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["sip", "sdp", "rtp", "voice", "audio"],
    &["transaction", "relay", "script"],
    &["dialog", "ledger"],
    &["mask", "route"],
    &["call", "session"],
    &["switch", "media"],
    &["net", "store", "hook", "api"],
    &["app"],
    &["demo"],
    &["cli"],
    &["main"],
];
/// The writers of legs, and what they must not name.
const WRITERS: [&str; 4] = ["write.rs", "describe.rs", "identity.rs", "crossing.rs"];
const RECEIVED: [&str; 9] =
    ["Request", "Response", "Message", "Head", "Description", "Heard", "parse", "pick_sdp", "read"];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Every Rust file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A source without its comments and its texts.
fn code(source: &str) -> String {
    let mut out = String::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default();
        out.extend(line.split('"').step_by(2));
        out.push('\n');
    }
    out
}

/// The words of a piece of code.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// The modules of the crate that a source names: `crate::x`, and each `x` of `crate::{x::.., y}`.
fn named(source: &str) -> BTreeSet<String> {
    let code = code(source);
    let mut found = BTreeSet::new();
    for (at, mark) in code.match_indices("crate::") {
        let rest = code[at + mark.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            found.extend(words(rest).next().map(str::to_owned));
            continue;
        };
        let (mut depth, mut is_first) = (0, true);
        for part in group.split_inclusive(['{', '}', ',']) {
            if depth == 0 && is_first {
                found.extend(words(part).next().map(str::to_owned));
            }
            match part.chars().last() {
                Some('{') => (depth, is_first) = (depth + 1, false),
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => is_first = true,
            }
        }
    }
    found
}

/// The folder or file of `src` that a source is in.
fn module(source: &Path, root: &Path) -> String {
    let inside = source.strip_prefix(root).expect("it was found there");
    let first = inside.components().next().expect("a path has a part").as_os_str();
    Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn each_floor_stands_on_those_below() {
    let root = root();
    let mut faults = Vec::new();
    let mut seen = 0;
    for path in files(&root) {
        let own = module(&path, &root);
        if own == "lib" {
            continue;
        }
        let Some(own_floor) = floor(&own) else {
            faults.push(format!("{own} stands on no floor"));
            continue;
        };
        for used in named(&fs::read_to_string(&path).expect("a source")) {
            seen += 1;
            let is_below = floor(&used).is_some_and(|used_floor| used_floor < own_floor);
            if used != own && !is_below {
                faults.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert!(seen > 100, "the sources were read");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn writers_of_a_leg_name_no_received_message() {
    for name in WRITERS {
        let source = fs::read_to_string(root().join("mask").join(name)).expect("a source");
        let named = received(&source);
        assert!(named.is_empty(), "src/mask/{name} names {named:?}");
    }
}

/// What of the received a source names, outside its tests.
fn received(source: &str) -> Vec<String> {
    let code = code(source.split("#[cfg(test)]").next().unwrap_or_default());
    words(&code).filter(|word| RECEIVED.contains(word)).map(str::to_owned).collect()
}

/// The checks' own controls.
#[test]
fn what_is_not_allowed_is_seen() {
    let source = "use crate::{base::{Flow, x}, sip::Head,\n    relay};\nuse crate::call::Call;\n\
                  // use crate::api;\nlet x = crate::net::y(\"crate::hook\");";
    let seen: Vec<String> = named(source).into_iter().collect();
    assert_eq!(seen, ["base", "call", "net", "relay", "sip"]);
    assert_eq!(received("use crate::sip::{Echo, Head};"), ["Head"]);
    assert_eq!(received("fn f(x: &crate::sip::Request) {}"), ["Request"]);
    assert_eq!(received("let d = sdp::parse(b); use super::read::Heard;"), ["parse", "read", "Heard"]);
    assert!(received("/// Request\nuse x::RequestHead; #[cfg(test)] mod t { use y::Request; }").is_empty());
}

#[test]
fn no_source_grows_beyond_what_can_be_read_at_once() {
    let long: Vec<String> = files(&root())
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).expect("a source").lines().count();
            (lines > 400).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "a file that grows has two jobs: {long:#?}");
}
