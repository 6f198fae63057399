//! `[speech]`: the command that speaks texts.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Speech;
use super::table::Table;
use super::values::{duration, some, text, whole};

/// What speaks where the file names nothing.
const ESPEAK: [&str; 5] = ["espeak-ng", "-v", "{espeak}", "--stdin", "--stdout"];
/// What an argument may leave to each text.
const PLACEHOLDERS: [&str; 3] = ["{language}", "{voice}", "{espeak}"];
const MEGABYTE: u64 = 1_000_000;
const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// Reads the table. `folder` is where relative paths start.
pub(super) fn speech(table: &mut Table<'_, '_>, folder: &Path) -> Speech {
    let mut command =
        table.or("command", ESPEAK.map(str::to_owned).to_vec(), |value| some(false, text(argument))(value));
    if command[0].is_empty() || command[0].contains('{') {
        table.fault(
            "command",
            "names no program: write the program first, as in [\"espeak-ng\", \"--stdin\"]",
        );
    }
    // A bare name is looked for as a shell does.
    if command[0].contains('/') {
        command[0] = folder.join(&command[0]).display().to_string();
    }
    let cache = table.or("cache", PathBuf::from("speech"), |value| text(path)(value));
    Speech {
        command,
        timeout: table.or("timeout", Duration::from_secs(10), duration(TIMES)),
        at_once: table.or("at_once", 2, whole(1..=64)) as usize,
        cache: folder.join(cache),
        cache_bytes: u64::from(table.or("cache_mb", 200, whole(0..=1_000_000))) * MEGABYTE,
    }
}

/// An argument, in which every word in braces is a placeholder.
fn argument(argument: &str) -> Result<String, String> {
    let words = argument.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    for word in words.filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())) {
        if !PLACEHOLDERS.contains(&format!("{{{word}}}").as_str()) {
            return Err(format!(
                "has the unknown placeholder {{{word}}}: write {}; the text comes on standard input, the sound goes \
                 to standard output",
                PLACEHOLDERS.join(", ")
            ));
        }
    }
    Ok(argument.to_owned())
}

fn path(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        Err("is no folder: write one, as in \"speech\"".to_owned())
    } else {
        Ok(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    const SHIPPED: &str = include_str!("../../../config.toml");

    /// What is read of a table, or the faults in it.
    fn read(speech: &str) -> Result<Speech, Vec<String>> {
        let text = format!("[numbers]\ncountry = \"IN\"\n[speech]\n{speech}\n");
        let read = Settings::parse(&text, Path::new("/etc/maskline/config.toml"));
        read.map(|settings| settings.speech).map_err(|faults| {
            faults
                .iter()
                .map(|fault| format!("{} {}: {}", fault.line.unwrap(), fault.key, fault.message))
                .collect()
        })
    }

    #[test]
    fn the_defaults_are_those_of_the_shipped_file() {
        let section = SHIPPED.split_once("\n[speech]\n").unwrap().1.split("\n[").next().unwrap();
        let keys =
            section.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = "));
        let keys: Vec<&str> = keys.collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        let (left_out, written) = (read("").unwrap(), read(&keys.join("\n")).unwrap());
        assert_eq!(left_out, written);
        assert_eq!(written.command, ESPEAK);
        assert_eq!((written.timeout, written.at_once), (Duration::from_secs(10), 2));
        assert_eq!(
            (written.cache.to_str(), written.cache_bytes),
            (Some("/etc/maskline/speech"), 200_000_000)
        );
    }

    #[test]
    fn another_engine_is_read() {
        let speech = read(
            "command = [\"./say\", \"--voice={voice}\", \"{\\\"rate\\\": 1}\"]\ncache = \"/var/x\"\ncache_mb = 0\nat_once = 8",
        );
        let speech = speech.unwrap();
        assert_eq!(speech.command, ["/etc/maskline/./say", "--voice={voice}", "{\"rate\": 1}"]);
        assert_eq!((speech.cache.to_str(), speech.cache_bytes, speech.at_once), (Some("/var/x"), 0, 8));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        for (line, fault) in [
            ("command = []", "command: is empty"),
            ("command = \"espeak-ng\"", "command: is a text: write a list"),
            ("command = [\"\"]", "command: names no program"),
            ("command = [\"{voice}\"]", "command: names no program"),
            ("command = [\"say\", \"{text}\"]", "command: has the unknown placeholder {text}"),
            ("command = [\"say\", \"-f={file}\"]", "command: has the unknown placeholder {file}"),
            ("timeout = \"1ms\"", "timeout: is out of bounds"),
            ("at_once = 0", "at_once: write a whole number from 1 to 64"),
            ("cache = \"\"", "cache: is no folder"),
            ("cache_mb = -1", "cache_mb: write a whole number"),
            ("voice = \"x\"", "voice: unknown key"),
        ] {
            let found = read(line).unwrap_err();
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("4 speech.{fault}")),
                "{line}: {found:?}"
            );
        }
    }
}
