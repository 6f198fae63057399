//! What a session may be.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Expires, Fault};
use crate::base::numbering::{Kind, Special};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{NumberState, Session};
use crate::route::Ours;

/// Ten years: nothing lasts longer, in seconds.
const LONGEST: u64 = 10 * 365 * 24 * 3600;
/// How long a party may ring at most, in seconds; as in the settings.
const LONGEST_RINGING: u64 = 600;
/// Characters of a reference at most.
pub const LONGEST_REFERENCE: usize = 128;

/// The rules at a moment.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) ours: Ours<'a>,
    pub(super) now: Timestamp,
}

impl Rules<'_> {
    /// A party is a number that may be called, and none of ours.
    pub(super) fn party(self, field: &'static str, number: PhoneNumber) -> Result<(), Fault> {
        match self.ours.index.numbering().special_number(number) {
            Some(Special::Emergency) => {
                return Err(invalid(field, "is an emergency number, which is never masked"));
            }
            Some(Special::ShortCode) => return Err(invalid(field, "is a short code, which is never masked")),
            None if self.ours.have(number) => {
                return Err(invalid(field, "is a masking number of ours: give the person's own number"));
            }
            None => {}
        }
        if Kind::of(number).is_premium_rate {
            return Err(invalid(field, "is a premium-rate number: whoever calls it pays its owner"));
        }
        Ok(())
    }

    /// Two parties are two.
    pub(super) fn parties(
        self,
        first: Option<PhoneNumber>,
        second: Option<PhoneNumber>,
    ) -> Result<(), Fault> {
        if first.is_some() && first == second {
            return Err(invalid("second_party", "is the first party too: a session is between two"));
        }
        Ok(())
    }

    /// A number that is named has to be one that a new session may have.
    pub(super) fn dials(self, field: &'static str, number: PhoneNumber) -> Result<(), Fault> {
        match self.ours.book.state(number) {
            Some(NumberState::Retired) => Err(invalid(field, "is retired: name an active number")),
            Some(NumberState::Draining) => {
                Err(invalid(field, "is draining: no new session gets it; name an active number"))
            }
            None if !self.ours.index.owns(number) => {
                Err(invalid(field, "is not ours: add it to the inventory, or to [numbers] owned, first"))
            }
            Some(NumberState::Active) | None => Ok(()),
        }
    }

    /// What a session stands on that goes on again: the world may have changed since its end.
    pub(super) fn stands(self, session: &Session) -> Result<(), Fault> {
        let parties = [("first_party", session.first.number), ("second_party", session.second.number)];
        let mut known = parties.into_iter().filter_map(|(field, party)| Some((field, party?)));
        let all = known
            .try_for_each(|(field, party)| self.party(field, party))
            .and_then(|()| self.dials("first_party_number", session.first.dials))
            .and_then(|()| self.dials("second_party_number", session.second.dials))
            .and_then(|()| self.mapped(session));
        all.map_err(|fault| match fault {
            Fault::Invalid { field, reason } => Fault::Unfit { field, reason },
            fault => fault,
        })
    }

    /// The channels of a session that a mapping of the settings has for the same caller.
    pub(super) fn mapped(self, session: &Session) -> Result<(), Fault> {
        let mapped = session.channels().into_iter().find(|(number, party)| {
            party.is_some_and(|party| self.ours.index.mapping_for(*number, party).is_some())
        });
        mapped.map_or(Ok(()), |channel| Err(Fault::taken(session, channel)))
    }

    /// When a session begins.
    pub(super) fn start(self, starts_at: Option<Timestamp>) -> Result<Timestamp, Fault> {
        let starts_at = starts_at.unwrap_or(self.now).max(self.now);
        if starts_at > self.latest() {
            return Err(invalid("starts_at", "is more than ten years from now"));
        }
        Ok(starts_at)
    }

    /// When a session expires that begins at a moment.
    pub(super) fn expiry(self, expires: Expires, starts_at: Timestamp) -> Result<Timestamp, Fault> {
        let from = starts_at.max(self.now);
        let (field, expires_at) = match expires {
            Expires::Never => return Ok(Timestamp::MAX),
            Expires::In(0) => return Err(invalid("session_expiry", "has to be 1 second at least")),
            Expires::In(seconds) => ("session_expiry", from.after(Duration::from_secs(seconds))),
            Expires::At(at) => ("expires_at", at),
        };
        match () {
            () if expires_at <= self.now => Err(invalid(field, "lies in the past")),
            () if expires_at <= starts_at => Err(invalid(field, "is not after the start")),
            () if expires_at > self.latest() => Err(invalid(field, "is more than ten years from now")),
            () => Ok(expires_at),
        }
    }

    fn latest(self) -> Timestamp {
        self.now.after(Duration::from_secs(LONGEST))
    }
}

/// Seconds from 1 on.
pub(super) fn seconds(field: &'static str, value: Option<u64>) -> Result<Option<u32>, Fault> {
    value.map(|value| within(field, value, 1..=LONGEST)).transpose()
}

/// Seconds of ringing.
pub(super) fn ringing(value: Option<u64>) -> Result<Option<u32>, Fault> {
    value.map(|value| within("ring_timeout", value, 1..=LONGEST_RINGING)).transpose()
}

/// Seconds of rest.
pub(super) fn cooloff(value: u64) -> Result<u32, Fault> {
    within("virtual_number_cooloff_period", value, 0..=LONGEST)
}

/// A reference can be read and written by people.
pub(super) fn reference(reference: &str) -> Result<(), Fault> {
    let is_fit = (1..=LONGEST_REFERENCE).contains(&reference.chars().count());
    if !is_fit || reference.chars().any(char::is_control) {
        let reason = format!("has 1 to {LONGEST_REFERENCE} characters, none of which is a control character");
        return Err(invalid("reference", &reason));
    }
    Ok(())
}

fn within(field: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<u32, Fault> {
    let fitting = u32::try_from(value).ok().filter(|_| range.contains(&value));
    fitting.ok_or_else(|| {
        invalid(field, &format!("is a number of seconds from {} to {}", range.start(), range.end()))
    })
}

pub(super) fn invalid(field: &'static str, reason: &str) -> Fault {
    Fault::Invalid { field, reason: reason.to_owned() }
}
