//! What is wrong with a settings file although every value can be read.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::file::Draft;
use super::reach::Reach;
use super::report::{Place, Report};
use super::{Leads, Mapping, Phone, Settings, Sip, Target, TargetHost};
use crate::base::numbering::Numbering;
use crate::base::{PhoneNumber, Transport};

/// The passwords of the file that comes with the program: whoever has read it knows them.
pub(super) const SHIPPED_PASSWORDS: [&str; 2] = ["agent-demo-password", "customer-demo-password"];

const SPECIAL: &str = "is an emergency number or a short code, which is never masked: take it out";
const NOT_OWNED: &str = "is not owned: add it to numbers.owned, or write one that is";
const NOT_SHOWN: &str =
    "is not owned, and only owned numbers are shown: add it to numbers.owned, or write one that is";
const LOOPS: &str = "is a masking number of ours, so that the call would loop: write a party's real number";
const OUR_CALLER: &str =
    "is a masking number of ours, and a caller who claims one is refused: write a party's real number";
const CALLS_ITSELF: &str = "would be called by itself: write the other party as destination";

/// Adds whatever is wrong to the report.
pub(super) fn check(draft: &Draft, report: &mut Report<'_>) {
    let settings = draft.settings();
    let numbering = Numbering::of(&settings.numbers.country);
    let owned_is_known = !report.has_fault("numbers.owned");
    let numbers = Numbers {
        settings,
        owned: settings.numbers.owned.iter().copied().collect(),
        owned_is_known,
        numbering,
    };
    listeners(settings, report);
    owned(&numbers, report);
    trunks(draft, &numbers, report);
    phones(draft, &numbers, report);
    mappings(draft, &numbers, report);
}

/// What is known of numbers.
struct Numbers<'d> {
    settings: &'d Settings,
    owned: HashSet<PhoneNumber>,
    /// False where the list of owned numbers could not be read, so that nothing can be missing from it.
    owned_is_known: bool,
    numbering: Option<Numbering>,
}

impl Numbers<'_> {
    fn owns(&self, number: PhoneNumber) -> bool {
        self.owned.contains(&number)
    }

    fn lacks(&self, number: PhoneNumber) -> bool {
        self.owned_is_known && !self.owns(number)
    }

    fn is_special(&self, number: PhoneNumber) -> bool {
        self.numbering.as_ref().is_some_and(|numbering| numbering.special_number(number).is_some())
    }
}

fn place(table: &'static str, row: usize, key: &'static str, item: usize) -> Place {
    Place { table, row, key, item }
}

/// Tells of every value that has stood at another place before.
fn twice<T: Eq + Hash>(
    values: impl IntoIterator<Item = (T, Place)>,
    what: &str,
    write: &str,
    report: &mut Report<'_>,
) {
    let mut seen: HashMap<T, Place> = HashMap::new();
    for (value, place) in values {
        if let Some(first) = seen.get(&value) {
            let line = report.line_at(*first).unwrap_or_default();
            report.fault_at(place, format!("{what} on line {line} already: {write}"));
        } else {
            seen.insert(value, place);
        }
    }
}

fn listeners(settings: &Settings, report: &mut Report<'_>) {
    let listen = &settings.sip.listen;
    let places = listen.iter().enumerate().map(|(item, listen)| (listen, place("sip", 0, "listen", item)));
    twice(places, "stands", "write each listener once", report);
    for listen in listen.iter().filter(|listen| listen.transport == Transport::Udp) {
        let port = listen.address.port();
        if settings.media.ports.contains(&port) {
            let message = format!("holds port {port}, where SIP is heard: write a range without it");
            report.fault_at(place("media", 0, "ports", 0), message);
        }
    }
}

fn owned(numbers: &Numbers<'_>, report: &mut Report<'_>) {
    let owned = || {
        let owned = numbers.settings.numbers.owned.iter().enumerate();
        owned.map(|(item, number)| (*number, place("numbers", 0, "owned", item)))
    };
    twice(owned(), "stands", "write each number once", report);
    for (number, place) in owned().filter(|(number, _)| numbers.is_special(*number)) {
        report.fault_at(place, format!("{number} {SPECIAL}"));
    }
}

fn trunks(draft: &Draft, numbers: &Numbers<'_>, report: &mut Report<'_>) {
    let names = draft.trunks.iter().map(|(row, trunk)| (&trunk.name, place("trunks", *row, "name", 0)));
    twice(names, "names a trunk that stands", "write another name", report);
    // A network within another trunk's is told apart by its longer prefix; the same one twice is not.
    let sources = draft.trunks.iter().flat_map(|(row, trunk)| {
        let sources = trunk.sources.iter().enumerate();
        sources.map(move |(item, source)| (source, place("trunks", *row, "sources", item)))
    });
    twice(sources, "is a source that stands", "write each source at one trunk", report);
    for (row, trunk) in &draft.trunks {
        for (item, number) in trunk.allowed_show.iter().flatten().enumerate() {
            if numbers.lacks(*number) {
                report.fault_at(place("trunks", *row, "allowed_show", item), format!("{number} {NOT_OWNED}"));
            }
        }
        for (item, target) in trunk.targets.iter().enumerate() {
            if is_ours(target, &draft.settings().sip) {
                let message = "is where we listen ourselves: write the address of the carrier";
                report.fault_at(place("trunks", *row, "target", item), message);
            }
        }
    }
}

fn is_ours(target: &Target, sip: &Sip) -> bool {
    sip.listen.iter().any(|listen| {
        listen.transport == target.transport
            && target.host == TargetHost::Ip(listen.address.ip())
            && target.port.unwrap_or(5060) == listen.address.port()
    })
}

fn phones(draft: &Draft, numbers: &Numbers<'_>, report: &mut Report<'_>) {
    let names =
        draft.phones.iter().map(|(row, phone)| (&phone.username, place("phones", *row, "username", 0)));
    twice(names, "names a phone that stands", "write another user name", report);
    let of = draft.phones.iter().map(|(row, phone)| (phone.number, place("phones", *row, "number", 0)));
    twice(of, "is the number of a phone that stands", "write another number", report);
    for (row, phone) in &draft.phones {
        for (key, message) in phone_faults(phone, numbers) {
            report.fault_at(place("phones", *row, key, 0), message);
        }
    }
}

fn phone_faults(phone: &Phone, numbers: &Numbers<'_>) -> Vec<(&'static str, String)> {
    let number = phone.number;
    let mut faults = Vec::new();
    if numbers.owns(number) {
        faults
            .push(("number", format!("{number} is a masking number of ours: write the phone's own number")));
    }
    if numbers.is_special(number) {
        faults.push(("number", format!("{number} {SPECIAL}")));
    }
    let open = numbers.settings.sip.listen.iter().find(|listen| !listen.address.ip().is_loopback());
    if let Some(open) = open
        && SHIPPED_PASSWORDS.contains(&phone.password.reveal())
    {
        let message = format!(
            "is the password of the shipped file, which everyone knows, while {} is heard: write one of your own, \
             or listen on 127.0.0.1 only",
            open.address
        );
        faults.push(("password", message));
    }
    faults
}

fn mappings(draft: &Draft, numbers: &Numbers<'_>, report: &mut Report<'_>) {
    let keys = draft
        .mappings
        .iter()
        .map(|(row, mapping)| ((mapping.dialled, mapping.caller), place("mappings", *row, "dialled", 0)));
    twice(keys, "is mapped for the same caller", "take one of the two rows out", report);
    let reach = Reach::known(draft, report);
    for (row, mapping) in &draft.mappings {
        let mut faults = mapping_faults(mapping, numbers);
        if faults.is_empty() {
            faults.extend(reach.as_ref().and_then(|reach| reach.fault(mapping)));
        }
        for (key, number, message) in faults {
            report.fault_at(place("mappings", *row, key, 0), format!("{number} {message}"));
        }
    }
}

fn mapping_faults(
    mapping: &Mapping,
    numbers: &Numbers<'_>,
) -> Vec<(&'static str, PhoneNumber, &'static str)> {
    let Mapping { dialled, caller, .. } = *mapping;
    let mut faults = Vec::new();
    if numbers.is_special(dialled) {
        faults.push(("dialled", dialled, SPECIAL));
    } else if numbers.lacks(dialled) {
        faults.push(("dialled", dialled, NOT_OWNED));
    }
    match caller {
        Some(caller) if numbers.owns(caller) => faults.push(("caller", caller, OUR_CALLER)),
        Some(caller) if matches!(mapping.leads, Leads::To { destination, .. } if destination == caller) => {
            faults.push(("caller", caller, CALLS_ITSELF));
        }
        _ => {}
    }
    let Leads::To { destination, show } = mapping.leads else { return faults };
    if numbers.owns(destination) {
        faults.push(("destination", destination, LOOPS));
    } else if numbers.is_special(destination) {
        faults.push(("destination", destination, SPECIAL));
    }
    if numbers.lacks(show) {
        faults.push(("show", show, NOT_SHOWN));
    }
    faults
}
