//! When something is due.

use std::collections::BTreeSet;
use std::time::Instant;

/// The deadlines of one shard: one at most for each owner, taken out again when it is no longer wanted, so that
/// nothing is left of what ended early.
#[derive(Debug)]
pub(super) struct Deadlines<K>(BTreeSet<(Instant, K)>);

impl<K: Ord + Copy> Deadlines<K> {
    pub(super) fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Moves an owner's deadline; `set` is where the owner keeps what is set.
    pub(super) fn set(&mut self, owner: K, set: &mut Option<Instant>, at: Option<Instant>) {
        if *set == at {
            return;
        }
        if let Some(before) = set.take() {
            self.0.remove(&(before, owner));
        }
        if let Some(at) = at {
            self.0.insert((at, owner));
        }
        *set = at;
    }

    /// The next one.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The owner of the next one that is due; its deadline stays set until the owner moves it.
    pub(super) fn due(&self, now: Instant) -> Option<K> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, owner)| *owner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn gives_owners_in_the_order_of_their_times_and_none_before() {
        let start = start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut deadlines = Deadlines::new();
        assert_eq!((deadlines.next(), deadlines.due(at(1_000))), (None, None));
        let mut set = [None; 3];
        for (owner, ms) in [(0, 300), (1, 100), (2, 200)] {
            deadlines.set(owner, &mut set[owner], Some(at(ms)));
        }
        assert_eq!(deadlines.next(), Some(at(100)));
        assert_eq!(deadlines.due(at(99)), None);
        for owner in [1, 2, 0] {
            assert_eq!(deadlines.due(at(300)), Some(owner));
            assert_eq!(deadlines.due(at(300)), Some(owner), "until the owner moves it");
            deadlines.set(owner, &mut set[owner], None);
        }
        assert_eq!((deadlines.next(), set), (None, [None; 3]));
    }

    #[test]
    fn an_owner_has_one_deadline_however_often_it_moves() {
        let start = start();
        let mut deadlines = Deadlines::new();
        let mut set = None;
        for ms in [500, 100, 900, 900, 300] {
            deadlines.set(7, &mut set, Some(start + Duration::from_millis(ms)));
        }
        assert_eq!(deadlines.0.len(), 1);
        assert_eq!(deadlines.next(), Some(start + Duration::from_millis(300)));
        deadlines.set(7, &mut set, None);
        deadlines.set(7, &mut set, None);
        assert_eq!(deadlines.0.len(), 0, "nothing is left of what ended early");
    }

    #[test]
    fn owners_with_the_same_time_do_not_get_in_each_others_way() {
        let start = start();
        let mut deadlines = Deadlines::new();
        let (mut one, mut two) = (None, None);
        deadlines.set(1, &mut one, Some(start));
        deadlines.set(2, &mut two, Some(start));
        deadlines.set(1, &mut one, None);
        assert_eq!(deadlines.due(start), Some(2));
    }

    proptest! {
        #[test]
        fn it_holds_what_its_owners_hold(moves in prop::collection::vec((0usize..8, prop::option::of(0u64..50)), 0..200)) {
            let start = start();
            let mut deadlines = Deadlines::new();
            let mut set = [None; 8];
            let mut model = BTreeMap::new();
            for (owner, ms) in moves {
                let at = ms.map(|ms| start + Duration::from_millis(ms));
                deadlines.set(owner, &mut set[owner], at);
                match at {
                    Some(at) => model.insert(owner, at),
                    None => model.remove(&owner),
                };
                prop_assert_eq!(deadlines.0.len(), model.len());
                prop_assert_eq!(deadlines.next(), model.values().min().copied());
                prop_assert_eq!(set[owner], at);
            }
        }
    }
}
