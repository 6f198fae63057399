//! Drawing masking numbers from a pool.
//!
//! Numbers are used again and again, for other pairs: what has to be unique is the number dialled together with the
//! caller. Taking the first number that fits, in an order that never changes, keeps as few in use as can be.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Change, Fault, Wanted};
use crate::base::numbering::Kind;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Book, Channel, Number, NumberState, Party, Session, SessionId, SessionStatus};
use crate::route::Ours;

type Pool = Arc<[Arc<Number>]>;
/// Which channels of the book count as free.
type IsFree = fn(&Book, Channel, Timestamp) -> bool;

/// A draw for one session: each time it is asked, the best numbers that are free then.
pub(super) struct Draw {
    pool: Box<str>,
    has: usize,
    is_shared: bool,
    sides: [Side; 2],
    /// The session that it is for and what its parties dial, where it is drawn for anew.
    stood: Option<(SessionId, [PhoneNumber; 2])>,
    /// What another node was seen to have, though the book does not know it yet.
    taken: Vec<Channel>,
}

/// A party, and the numbers for it in order of choice.
struct Side {
    party: Option<PhoneNumber>,
    last: Vec<PhoneNumber>,
    pool: Pool,
    /// It has its number already, and keeps it.
    keeps: bool,
}

impl Draw {
    /// A draw from a pool. `last` is what the pair had before: what the first party dialled, and the second.
    pub(super) fn new(
        ours: Ours<'_>,
        wanted: &Wanted,
        (name, is_shared): (&str, bool),
        last: Option<[PhoneNumber; 2]>,
    ) -> Result<Self, Fault> {
        let Some(pool) = ours.book.pool(name) else { return Err(Fault::PoolUnknown { pool: name.into() }) };
        let is_in_pool =
            |number: &PhoneNumber| pool.binary_search_by_key(number, |number| number.number).is_ok();
        let last: Vec<PhoneNumber> = last.into_iter().flatten().filter(is_in_pool).collect();
        let side = |party: Option<PhoneNumber>, last: &[PhoneNumber]| {
            let near = party.unwrap_or(wanted.first_party);
            let pool = if wanted.geomatch { nearest_first(&pool, near) } else { Arc::clone(&pool) };
            Side { party, last: last.to_vec(), pool, keeps: false }
        };
        let (first, second) = (Some(wanted.first_party), wanted.second_party);
        let sides = match last[..] {
            [one, other] if !is_shared => [side(first, &[one]), side(second, &[other])],
            _ => [side(first, &last), side(second, &last)],
        };
        Ok(Self { pool: name.into(), has: pool.len(), is_shared, sides, stood: None, taken: Vec::new() })
    }

    /// A draw for a session from a pool that a change gives other parties, for those whose number it does not name: what
    /// was dialled in such a party's place comes first, so that it stays where it is free. The other party keeps its
    /// own, so that a session of one number for both may come to have two.
    pub(super) fn again(
        ours: Ours<'_>,
        stood: &Session,
        next: &Session,
        change: &Change,
        now: Timestamp,
    ) -> Option<Self> {
        let name = next.pool.as_deref()?;
        let draws = [
            next.first.number != stood.first.number && change.first_party_number.is_none(),
            next.second.number != stood.second.number && change.second_party_number.is_none(),
        ];
        if draws == [false; 2] {
            return None;
        }
        let pool = ours.book.pool(name).unwrap_or_default();
        let is_over = matches!(stood.status(now), SessionStatus::Closed | SessionStatus::Expired);
        // A number that is drained is kept by those who have it, and given to nobody again.
        let may_stay = |number| !is_over || ours.book.state(number) == Some(NumberState::Active);
        let side = |party: Party, draws: bool| Side {
            party: party.number,
            last: Some(party.dials).filter(|number| !draws || may_stay(*number)).into_iter().collect(),
            pool: if draws { Arc::clone(&pool) } else { Pool::default() },
            keeps: !draws,
        };
        Some(Self {
            pool: name.into(),
            has: pool.len(),
            is_shared: false,
            sides: [side(next.first, draws[0]), side(next.second, draws[1])],
            stood: Some((next.id, [next.first.dials, next.second.dials])),
            taken: Vec::new(),
        })
    }

    /// Whether a channel is one that it draws, and another could be drawn instead.
    pub(super) fn draws(&self, (_, party): Channel) -> bool {
        self.sides.iter().any(|side| side.party == party && !side.keeps)
    }

    /// Leaves a channel out from now on.
    pub(super) fn avoid(&mut self, channel: Channel) {
        self.taken.push(channel);
    }

    /// What the first party dials, and the second.
    pub(super) fn numbers(
        &self,
        ours: Ours<'_>,
        now: Timestamp,
        is_free: IsFree,
    ) -> Result<[PhoneNumber; 2], Fault> {
        let [first, second] = &self.sides;
        let is_free = |side: &Side, number| {
            let channel = (number, side.party);
            let is_free = || self.is_own(ours.book, channel, now) || is_free(ours.book, channel, now);
            side.keeps || is_free() && self.may(ours, channel)
        };
        if self.is_shared {
            let shared = first.choice().find(|number| is_free(first, *number) && is_free(second, *number));
            return shared.map(|number| [number; 2]).ok_or_else(|| self.exhausted(1));
        }
        let [firsts, seconds] = [first, second].map(|side| side.two(|number| is_free(side, number)));
        let mut pairs = firsts.iter().flat_map(|one| seconds.iter().map(move |other| [*one, *other]));
        let missing = 1 + usize::from(firsts.is_empty() && seconds.is_empty());
        let stands = |pair: &[PhoneNumber; 2]| self.stood.is_some_and(|(_, stood)| stood == *pair);
        pairs.find(|pair| pair[0] != pair[1] || stands(pair)).ok_or_else(|| self.exhausted(missing))
    }

    /// Whether the session that is drawn for has a channel that rests after a change of its own.
    fn is_own(&self, book: &Book, (number, party): Channel, now: Timestamp) -> bool {
        let live = match party {
            Some(party) => book.pair(number, party),
            None => book.half_known(number),
        };
        let is_it = |id: SessionId| live.is_some_and(|live| live.id == id && live.free_at > now);
        self.stood.is_some_and(|(id, _)| is_it(id))
    }

    /// Whether no mapping of the settings is for the same caller, and no other node was seen to have the channel.
    fn may(&self, ours: Ours<'_>, channel: Channel) -> bool {
        let (number, party) = channel;
        let is_mapped = ours.index.mapping_for_anyone(number).is_some()
            || party.is_some_and(|party| ours.index.mapping_for(number, party).is_some());
        !is_mapped && !self.taken.contains(&channel)
    }

    fn exhausted(&self, missing: usize) -> Fault {
        Fault::PoolExhausted { pool: self.pool.clone(), has: self.has, needs: self.has + missing }
    }
}

impl Side {
    fn choice(&self) -> impl Iterator<Item = PhoneNumber> {
        self.last.iter().copied().chain(self.pool.iter().map(|number| number.number))
    }

    /// The two best numbers that are free: where the best is the same for both parties, one takes its second.
    fn two(&self, is_free: impl Fn(PhoneNumber) -> bool) -> Vec<PhoneNumber> {
        let mut free = self.choice().filter(|number| is_free(*number));
        let best = free.next();
        let second = free.find(|number| Some(*number) != best);
        best.into_iter().chain(second).collect()
    }
}

/// A pool with the numbers of a party's country in front, and among these and the others those that begin most like
/// the party's own.
fn nearest_first(pool: &Pool, party: PhoneNumber) -> Pool {
    let (country, digits) = (Kind::of(party).country, party.reveal());
    let mut pool = pool.to_vec();
    pool.sort_by_cached_key(|number| {
        let is_abroad = country.is_none() || number.country != country;
        let whole = number.number.reveal();
        let common = whole.bytes().zip(digits.bytes()).take_while(|(one, other)| one == other).count();
        (is_abroad, Reverse(common))
    });
    pool.into()
}
