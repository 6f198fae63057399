//! Callers who try which masking numbers lead anywhere.
//!
//! The uniform refusal tells nothing, but that a call goes through does. So the refusals are counted for each caller of
//! a source, and a caller who has had too many gets that same refusal for every call, whatever the decision was, until
//! its time has passed. Others behind the same trunk are not touched, and how fast numbers can be tried is bounded.

use std::time::Instant;

use super::Switch;
use super::limits::Rate;
use crate::base::settings::REFUSALS_PER_SECOND;
use crate::call::{Call, CallKey};
use crate::route::{Decision, Refusal, RefusalKind, Source, Step, Treatment};

/// So many seconds' worth of refusals may come at once.
const BURST: f64 = 10.0;
/// Callers who withhold their number count as one for each trunk, so that together they may have so many times the
/// refusals of one: it takes a flood of calls for any of them to shut the others out.
const WITHHELD: f64 = 20.0;

impl Switch {
    /// The decision of a call, or in its place the uniform refusal where the caller has been refused too often.
    pub(super) fn unless_probing(&mut self, now: Instant, key: CallKey, decision: Decision) -> Decision {
        let Some(caller) = self.call(key).and_then(Call::caller) else { return decision };
        let (source, number) = caller;
        let rate = self.refusals(source, number.is_none());
        let refusals = &self.registry.refusals;
        let treatment = match &decision {
            Decision::Bridge(_) | Decision::Ask(_) | Decision::Follow(_) => None,
            Decision::Refuse(refusal) => Some(refusal.kind.treatment()),
        };
        let is_within = match treatment {
            Some(Treatment::Special) => true,
            Some(Treatment::Uniform) => refusals.take(now, caller, rate),
            _ => refusals.has(now, &caller, rate),
        };
        if is_within {
            return decision;
        }
        let name = self.policy.index.name(source);
        *self.turned_away.probing.entry(name).or_default() += 1;
        self.tell_later(now);
        let mut trace = decision.into_trace();
        trace.push(Step::RefusedTooOften);
        Decision::Refuse(Refusal { kind: RefusalKind::RefusedTooOften, trace })
    }

    /// How many refusals each caller of a source may have.
    fn refusals(&self, source: Source, is_withheld: bool) -> Rate {
        let trunk = match source {
            Source::Trunk(place) => self.policy.settings().trunks.get(place),
            Source::Phone(_) => None,
        };
        let of_one = f64::from(trunk.map_or(REFUSALS_PER_SECOND, |trunk| trunk.refusals_per_second));
        let per_second = if is_withheld { of_one * WITHHELD } else { of_one };
        Rate { per_second, burst: per_second * BURST }
    }
}
