//! The two people of the demonstration, and the settings of the instance between them.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::base::settings::{FileFault, Settings};

/// One of the two people, at a phone with an address of its own.
#[derive(Debug)]
pub(super) struct Person {
    /// In the tables.
    pub(super) role: &'static str,
    /// The name that the phone shows to whom it calls.
    pub(super) name: &'static str,
    /// The account, as the phone registers it.
    pub(super) username: &'static str,
    /// Its password.
    pub(super) password: &'static str,
    /// The real number.
    pub(super) number: &'static str,
    /// Where the phone is.
    pub(super) address: Ipv4Addr,
    /// What the phone calls itself.
    pub(super) agent: &'static str,
    /// Whom the phone belongs to.
    pub(super) organisation: &'static str,
    /// The tone that it speaks with, in Hz.
    pub(super) tone: u16,
}

/// Where the instance is.
pub(super) const SWITCH: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The masking number that the caller dials.
pub(super) const DIALLED: &str = "+918045550101";
/// The masking number that the callee sees.
pub(super) const SHOWN: &str = "+918045550102";

pub(super) const CALLER: Person = Person {
    role: "the caller",
    name: "Asha Rao",
    username: "asha.rao",
    password: "a-password-of-this-run-alone",
    number: "+919876500001",
    address: Ipv4Addr::new(127, 0, 0, 2),
    agent: "Ashafon/4.2 (build 8841)",
    organisation: "Rao & Daughters, Pune",
    tone: 440,
};

pub(super) const CALLEE: Person = Person {
    role: "the callee",
    name: "Ravi Kumar",
    username: "ravi.kumar",
    password: "another-password-of-this-run",
    number: "+919876500002",
    address: Ipv4Addr::new(127, 0, 0, 3),
    agent: "KumarPhone 17.1 beta",
    organisation: "Kumar Transport Co.",
    tone: 620,
};

/// Settings of an instance that nobody else reaches: loopback, ports that the system chooses, records in `folder`.
///
/// # Errors
/// What is wrong with them, which a test holds to nothing.
pub(super) fn settings(folder: &Path) -> Result<Settings, Vec<FileFault>> {
    let phone = |person: &Person| {
        let Person { username, password, number, .. } = person;
        format!("[[phones]]\nusername = \"{username}\"\npassword = \"{password}\"\nnumber = \"{number}\"\n")
    };
    let mapping = |dialled, caller: &Person, destination: &Person, show| {
        let (caller, destination) = (caller.number, destination.number);
        format!(
            "[[mappings]]\ndialled = \"{dialled}\"\ncaller = \"{caller}\"\ndestination = \"{destination}\"\n\
             show = \"{show}\"\n"
        )
    };
    let text = [
        format!("[sip]\nlisten = [\"udp:{SWITCH}:0\"]\n[media]\nports = \"20000-59999\"\nthreads = 1\n"),
        format!("[api]\nlisten = \"{SWITCH}:0\"\n[store]\nurl = \"sqlite:demo.db\"\n"),
        format!("[numbers]\ncountry = \"IN\"\nowned = [\"{DIALLED}\", \"{SHOWN}\"]\n"),
        phone(&CALLER),
        phone(&CALLEE),
        mapping(DIALLED, &CALLER, &CALLEE, SHOWN),
        mapping(SHOWN, &CALLEE, &CALLER, DIALLED),
    ];
    Settings::parse(&text.concat(), &folder.join("demo.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_without_fault_and_keep_to_themselves() {
        let settings = settings(Path::new("/folder")).unwrap();
        assert!(settings.sip.listen.iter().all(|listen| listen.address.ip().is_loopback()));
        assert!(settings.sip.listen.iter().all(|listen| listen.address.port() == 0));
        assert_eq!(settings.records.path, Path::new("/folder/records.jsonl"));
        assert!(settings.trunks.is_empty());
    }

    #[test]
    fn what_one_person_has_is_in_nothing_of_the_other() {
        let words = |person: &Person| {
            let Person { name, username, number, agent, organisation, .. } = *person;
            [name, username, &number[1..], agent, organisation].map(str::to_lowercase)
        };
        for one in words(&CALLER) {
            for other in words(&CALLEE) {
                assert!(!one.contains(&other) && !other.contains(&one), "{one}, {other}");
            }
        }
    }
}
