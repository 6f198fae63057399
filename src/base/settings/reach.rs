//! Whether calls of a mapping can reach their destination, as far as the file tells before any call.

use std::collections::HashSet;

use super::file::Draft;
use super::report::Report;
use super::{Leads, Mapping, Trunk};
use crate::base::PhoneNumber;

const NOWHERE: &str = "is no phone's number, and no trunk takes it: write a destination that one takes, or add its \
                       prefix to a trunk";
const SHOWN_NOWHERE: &str = "may be shown by no trunk that takes the destination: add it to the allowed_show of one \
                             that does, or write a number that stands there";

/// Where calls can go.
pub(super) struct Reach<'d> {
    phones: HashSet<PhoneNumber>,
    trunks: Vec<(&'d Trunk, Option<HashSet<PhoneNumber>>)>,
}

impl<'d> Reach<'d> {
    /// `None` where a trunk or a phone could not be read: it might be the one that takes a call.
    pub(super) fn known(draft: &'d Draft, report: &Report<'_>) -> Option<Self> {
        let certain = !report.has_fault_in("trunks") && !report.has_fault_in("phones");
        certain.then(|| Self {
            phones: draft.phones.iter().map(|(_, phone)| phone.number).collect(),
            trunks: draft.trunks.iter().map(|(_, trunk)| (trunk, showable(trunk))).collect(),
        })
    }

    /// What keeps every call of the mapping from its destination: the key, its number, and what is wrong with it.
    pub(super) fn fault(&self, mapping: &Mapping) -> Option<(&'static str, PhoneNumber, &'static str)> {
        let Leads::To { destination, show } = mapping.leads else { return None };
        if self.phones.contains(&destination) {
            return None;
        }
        let mut takers =
            self.trunks.iter().filter(|(trunk, _)| trunk.takes(destination).is_some()).peekable();
        if takers.peek().is_none() {
            return Some(("destination", destination, NOWHERE));
        }
        let shown =
            takers.any(|(_, showable)| showable.as_ref().is_none_or(|numbers| numbers.contains(&show)));
        (!shown).then_some(("show", show, SHOWN_NOWHERE))
    }
}

/// The numbers that a trunk may show; `None`: every owned one.
fn showable(trunk: &Trunk) -> Option<HashSet<PhoneNumber>> {
    trunk.allowed_show.as_ref().map(|numbers| numbers.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Settings;

    #[test]
    fn a_mapping_that_no_call_could_follow_is_told() {
        let file = |trunk: &str, destination: &str| {
            format!(
                "[numbers]\ncountry = \"IN\"\nowned = [\"+918045550101\", \"+918045550102\"]\n\
                 [[trunks]]\nname = \"a\"\nsources = [\"127.0.0.2\"]\ntarget = \"sip:127.0.0.2\"\n\
                 prefixes = [\"+44\", \"+4420\"]\n{trunk}\n\
                 [[phones]]\nusername = \"agent\"\npassword = \"secret\"\nnumber = \"+919876500001\"\n\
                 [[mappings]]\ndialled = \"+918045550101\"\ndestination = \"{destination}\"\n\
                 show = \"+918045550102\"\n"
            )
        };
        let told = |trunk: &str, destination: &str| -> Vec<String> {
            let faults = Settings::parse(&file(trunk, destination), Path::new("config.toml"))
                .err()
                .unwrap_or_default();
            faults
                .iter()
                .map(|fault| format!("{}: {} {}", fault.line.unwrap(), fault.key, fault.message))
                .collect()
        };
        let other = |more: &str| {
            format!("[[trunks]]\nname = \"b\"\nsources = [\"127.0.0.3\"]\ntarget = \"sip:127.0.0.3\"\n{more}")
        };
        let (london, delhi, agent) = ("+442071838750", "+911123456789", "+919876500001");
        let only_m1 = "allowed_show = [\"+918045550101\"]";
        for (trunk, destination) in [
            (String::new(), london),
            (String::new(), agent),
            ("allowed_show = []".into(), agent),
            (other(""), delhi),
            (other("prefixes = [\"+91\"]"), delhi),
            (format!("{only_m1}\n{}", other("")), london),
        ] {
            assert_eq!(told(&trunk, destination), Vec::<String>::new(), "{trunk}");
        }
        let nowhere = told("", delhi);
        assert_eq!(nowhere.len(), 1, "{nowhere:?}");
        let start = "16: mappings.destination +9111******89 is no phone's number, and no trunk takes it";
        assert!(nowhere[0].starts_with(start), "{nowhere:?}");
        for trunk in
            [only_m1.to_owned(), "allowed_show = []".into(), format!("{only_m1}\n{}", other(only_m1))]
        {
            let unshown = told(&trunk, london);
            assert_eq!(unshown.len(), 1, "{unshown:?}");
            assert!(
                unshown[0].contains(": mappings.show +9180******02 may be shown by no trunk"),
                "{unshown:?}"
            );
        }
        for unread in [other("max_cps = 1"), other("prefixes = 1"), other("").replace("trunks", "trunk")] {
            let faults = told(&unread, delhi);
            assert!(
                faults.len() == 1 && !faults[0].contains("mappings"),
                "it might take the call: {faults:?}"
            );
        }
    }
}
