//! Torture messages: what a set holds, and what each message may be answered with.

use std::fs;
use std::path::Path;

/// One message of a set.
#[derive(Debug, Clone)]
pub(crate) struct Torture {
    /// The file's name, without its ending.
    pub(crate) name: String,
    /// The bytes as they go on the wire.
    pub(crate) bytes: Vec<u8>,
    /// It is for a stream.
    pub(crate) tcp: bool,
    /// What may come back.
    pub(crate) allowed: Allowed,
    /// What the set's index says, for the message of a failed test.
    pub(crate) index: String,
}

/// What may come back to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Nothing at all.
    Silence,
    /// A response, but not 400: the message is well formed.
    NotBad,
    /// Whatever it is: the RFC leaves it open.
    Anything,
    /// One of these, or nothing where silence is allowed.
    Statuses { listed: Vec<u16>, silence: bool },
}

impl Allowed {
    /// Whether this answer will do; `None` is silence.
    pub(crate) fn admits(&self, answer: Option<u16>) -> bool {
        match (self, answer) {
            (Self::Silence, answer) => answer.is_none(),
            (Self::NotBad, answer) => answer.is_some_and(|status| status != 400),
            (Self::Anything, _) => true,
            (Self::Statuses { silence, .. }, None) => *silence,
            (Self::Statuses { listed, .. }, Some(status)) => listed.contains(&status),
        }
    }
}

/// The messages of a folder, by its `index.tsv`. `exact`: the index lists this product's own answers; otherwise it is
/// an RFC's, which names the choices of many kinds of elements.
pub(crate) fn load(folder: &Path, ending: &str, exact: bool) -> Vec<Torture> {
    let path = folder.join("index.tsv");
    let index = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = index.lines();
    let columns: Vec<&str> = lines.next().expect("the first line names the columns").split('\t').collect();
    let read = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |name| {
            columns
                .iter()
                .position(|column| *column == name)
                .and_then(|at| cells.get(at))
                .copied()
                .unwrap_or("")
        };
        let file = folder.join(format!("{}.{ending}", cell("name")));
        Torture {
            name: cell("name").to_owned(),
            bytes: fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
            tcp: cell("via_transport") == "TCP",
            allowed: allowed(cell("class"), cell("kind"), cell("expected_UAS"), exact),
            index: line.to_owned(),
        }
    };
    lines.filter(|line| !line.is_empty()).map(read).collect()
}

fn allowed(class: &str, kind: &str, expected: &str, exact: bool) -> Allowed {
    let has = |words: &[&str]| words.iter().any(|word| expected.to_ascii_lowercase().contains(word));
    if kind == "response" || expected.starts_with("silence") {
        return Allowed::Silence;
    }
    let mut listed: Vec<u16> = expected
        .split(|next: char| !next.is_ascii_digit())
        .filter(|digits| digits.len() == 3)
        .filter_map(|digits| digits.parse().ok())
        .filter(|status| (200..700).contains(status))
        .collect();
    if exact {
        return Allowed::Statuses { listed, silence: has(&["silence"]) };
    }
    if class.starts_with("valid") {
        return Allowed::NotBad;
    }
    if has(&["liberal", "acceptable", "may ", "should ignore", "area"]) {
        return Allowed::Anything;
    }
    // Nobody in these messages is known here: asked who it is, or refused, where nothing else comes first.
    listed.push(401);
    if class == "app-error" {
        listed.push(404);
    }
    Allowed::Statuses { listed, silence: has(&["must not break", "drop", "discard"]) }
}
