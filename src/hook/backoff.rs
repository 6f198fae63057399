//! When a callback that was not delivered is sent again.

use std::time::Duration;

use crate::base::{Random, Timestamp};
use crate::ledger::Settled;

/// The longest wait is between half of this and all of it.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How old an event may be before it is given up.
pub(super) const AGE: Duration = Duration::from_secs(24 * 3600);

/// What becomes of a callback that was not delivered at its `tries`-th try: it is due again after 1 to 2 s, 2 to 4 s,
/// and so on to 15 minutes, or it is given up, a day after its event.
pub(super) fn after(tries: u32, event_at: Timestamp, now: Timestamp, random: &mut Random) -> Settled {
    if now >= event_at.after(AGE) {
        return Settled::Over(now);
    }
    let whole = Duration::from_secs(1 << tries.clamp(1, 16)).min(LONGEST);
    Settled::Again(now.after(whole.mul_f64(0.5 + f64::from(random.next_u32()) / f64::from(u32::MAX) / 2.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour_and_end_after_a_day() {
        let mut random = Random::from_number(1);
        let (start, mut now, mut tries) = (Timestamp::from_millis(1_795_335_330_000), 0, 0);
        let mut waits = Vec::new();
        loop {
            tries += 1;
            let at = start.after(Duration::from_millis(now));
            match after(tries, start, at, &mut random) {
                Settled::Again(due) => {
                    waits.push(due.as_millis() - at.as_millis());
                    now = due.as_millis() - start.as_millis();
                }
                Settled::Over(at) => {
                    assert_eq!(at.as_millis(), start.as_millis() + now);
                    break;
                }
            }
        }
        for (place, wait) in waits.iter().enumerate() {
            let whole = (2000_u64 << place.min(20)).min(900_000);
            assert!((whole / 2..=whole).contains(wait), "{place}: {wait}");
        }
        assert!((86_400_000..86_400_000 + 900_000).contains(&now), "{now}");
        assert!((96 + 9..=192 + 10).contains(&waits.len()), "{}", waits.len());
        let distinct: std::collections::BTreeSet<_> = waits[12..].iter().collect();
        assert!(distinct.len() > waits.len() / 2, "not all at the same moment");
    }
}
