//! What the web service is told of the legs of a Dial, and what a leg is sent when it is connected.

use super::effect::LegId;
use super::{Call, Context};
use crate::base::Side;
use crate::mask::Cause;
use crate::voice::{DialLeg, Event, Key, LegStep, Target};

impl Call {
    /// The called party is on the line: the service is told, and the tones that belong to the target are sent.
    pub(super) fn greet(&mut self, ctx: &mut Context<'_>) {
        let Some(taken) = self.dialogue().and_then(|dial| dial.taken) else { return };
        self.tell_leg(ctx, taken, LegStep::Connected);
        let way = self.leg(taken).way;
        let tones = self.dialogue().and_then(|dial| {
            let place = usize::from(dial.plans.get(way)?.0);
            match dial.dial.targets.get(place.checked_sub(1)?)? {
                Target::Number { tones, .. } | Target::User { tones, .. } => tones.clone(),
            }
        });
        if let Some(tones) = tones {
            self.send_tones(ctx, Side::B, None, &tones);
        }
    }

    /// A key of a party who is connected: where a row is complete with it, the service is told.
    pub(super) fn match_row(&mut self, ctx: &mut Context<'_>, by: Side, key: Key) {
        let Some(dial) = self.dialogue() else { return };
        let (row, taken) = (dial.rows[by.index()].press(key), dial.taken);
        if let (Some(row), Some(taken)) = (row, taken) {
            self.tell_leg(ctx, taken, LegStep::Digits { row, is_b: by == Side::B });
        }
    }

    /// Tells the service of a leg, where the document says where.
    pub(super) fn tell_leg(&mut self, ctx: &mut Context<'_>, leg: LegId, step: LegStep) {
        let Some(dial) = self.dialogue() else { return };
        let Some(link) = dial.dial.callback.clone() else { return };
        let method = dial.dial.callback_method;
        let event = Event::DialLeg(self.leg_told(leg, step));
        self.tell(ctx, link, method, event);
    }

    /// What is told of a leg.
    pub(super) fn leg_told(&mut self, leg: LegId, step: LegStep) -> DialLeg {
        let way = self.leg(leg).way;
        let dialled = self.following.as_ref().map(|following| following.dialled);
        let found = self.dialogue().and_then(|dial| dial.plans.get(way));
        let (position, from, to) = match found {
            Some((place, plan)) => (*place, plan.show, Some(plan.destination)),
            None => (0, dialled.expect("only a call with a document tells"), None),
        };
        let (a_leg, b_leg) = (self.notes.id().into(), self.notes.leg_id(leg));
        DialLeg { step, a_leg, b_leg, from, to, position: position.into() }
    }

    /// The end of the leg that was connected is told.
    pub(super) fn tell_leg_end(&mut self, ctx: &mut Context<'_>) {
        let Some(taken) = self.dialogue().and_then(|dial| dial.taken) else { return };
        let notes = &self.leg(taken).notes;
        let ended = notes.ended.unwrap_or(ctx.now);
        let lasted = notes.answered.map(|from| ended.saturating_duration_since(from)).unwrap_or_default();
        let (seconds, cause) = (lasted.as_secs(), notes.cause.map_or(16, Cause::value));
        let billed = seconds + u64::from(lasted.subsec_millis() > 0);
        self.tell_leg(ctx, taken, LegStep::Hangup { cause, seconds, billed });
    }
}
