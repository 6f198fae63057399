//! How many calls there were, by what went over the wire: the records have to say the same.

use std::collections::{BTreeMap, BTreeSet};

use maskline::ledger::CallRecord;

use super::scene;
use super::text::Text;
use super::world::{Inner, World};

impl World {
    /// Each call that the switch took has one record, and each record is of one of them, or of an INVITE that was
    /// turned away at the door, as its last step says.
    pub fn check_records(&self) {
        let inner = self.get();
        let ids: BTreeSet<_> = inner.records.iter().map(|record| &record.id).collect();
        assert_eq!(ids.len(), inner.records.len(), "a call has two records\n{}", inner.ladder());
        let is_turned_away = |record: &&CallRecord| {
            record.trace.last().is_some_and(|step| step.starts_with("turned away with"))
        };
        let of_calls = inner.records.iter().filter(|record| !is_turned_away(record)).count();
        assert_eq!(of_calls, inner.taken(), "a record for each call\n{}", inner.ladder());
    }
}

impl Inner {
    /// How many INVITEs outside any dialog reached the switch, their repetitions left out.
    pub fn arrived(&self) -> usize {
        let switch = scene::address(scene::SWITCH);
        let came = self.wire.iter().filter(|sent| sent.to == switch && sent.copies > 0);
        let invites =
            came.filter(|sent| sent.bytes.starts_with(b"INVITE ")).map(|sent| Text::new(&sent.bytes));
        let new = invites.filter(|invite| invite.to_tag().is_none());
        new.map(|invite| invite.header("Via").to_owned()).collect::<BTreeSet<_>>().len()
    }

    /// How many calls the switch took: it says 100 to each before anything else (what it turns away at the door gets
    /// none), and one final response, under a tag that is no other call's. Torn copies of its INVITE, which can't be
    /// told from it by their Via, are answered with 400 or 505.
    fn taken(&self) -> usize {
        let mut finals: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let responses = self.wire.iter().filter(|sent| sent.bytes.starts_with(b"SIP/2.0 "));
        for sent in responses.filter(|sent| sent.from == scene::address(scene::SWITCH)) {
            let text = Text::new(&sent.bytes);
            let Some(via) = text.get("Via") else { continue };
            if !text.get("CSeq").is_some_and(|cseq| cseq.ends_with(" INVITE")) {
                continue;
            }
            let transaction = (sent.to, via.to_owned());
            match (text.status(), text.to_tag()) {
                (Some(100), None) => drop(finals.entry(transaction).or_default()),
                (Some(400 | 505), _) => {}
                (Some(200..), Some(tag)) => {
                    if let Some(tags) = finals.get_mut(&transaction) {
                        tags.insert(tag.to_owned());
                    }
                }
                _ => {}
            }
        }
        finals.values().map(|tags| tags.len().max(1)).sum()
    }
}
