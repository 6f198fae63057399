//! Where a call on a masking number goes: by a session, or by a mapping of the settings.

use std::sync::Arc;

use super::decide::Deciding;
use super::{RefusalKind, Step};
use crate::base::PhoneNumber;
use crate::base::numbering::Kind;
use crate::base::settings::{EarlyMedia, Leads, Mapping};
use crate::ledger::{Live, SessionStatus};

/// Where a call goes, and what is shown there.
pub(super) struct Way {
    pub(super) destination: PhoneNumber,
    pub(super) show: PhoneNumber,
    /// What the caller hears while the destination rings, where the row says so.
    pub(super) early_media: Option<EarlyMedia>,
    /// The session that it goes by.
    pub(super) session: Option<Arc<Live>>,
    /// Whether the caller becomes the session's second party.
    pub(super) binds: bool,
}

impl Way {
    /// Where a row leads; none where it leads to a web service.
    fn of(row: &Mapping) -> Option<Self> {
        let Leads::To { destination, show } = row.leads else { return None };
        Some(Self { destination, show, early_media: row.early_media, session: None, binds: false })
    }
}

impl Deciding<'_> {
    /// The way from the number dialled: the caller's own session, a row for this caller, a session that waits for its
    /// second party, a row for anyone; the first of these that there is.
    ///
    /// A session that is over no longer hides what the number is otherwise for, with one exception: while its numbers
    /// rest, its parties become nobody else's second party.
    pub(super) fn way(
        &mut self,
        dialled: PhoneNumber,
        caller: Option<PhoneNumber>,
    ) -> Result<Way, RefusalKind> {
        if !self.ours().serve(dialled) {
            return Err(self.refuse(Step::DialledNotOurs, RefusalKind::NotOurs));
        }
        let (mut refusal, mut rests) = (None, false);
        if let Some((live, caller)) =
            caller.and_then(|caller| Some((self.book.pair(dialled, caller)?, caller)))
        {
            match self.enter(&live) {
                Ok(()) => return self.across(live, dialled, caller),
                Err(kind) => (refusal, rests) = (Some(kind), live.free_at > self.at),
            }
        }
        let own = caller.and_then(|caller| self.index.mapping_for(dialled, caller));
        if let Some(way) = own.and_then(Way::of) {
            self.trace.push(Step::MappedForCaller(way.destination));
            return Ok(way);
        }
        if let Some(live) = self.book.half_known(dialled).filter(|_| !rests) {
            match self.join(live, caller) {
                Ok(way) => return Ok(way),
                Err(kind) => refusal = refusal.or(Some(kind)),
            }
        }
        if let Some(way) = self.index.mapping_for_anyone(dialled).and_then(Way::of) {
            self.trace.push(Step::MappedForAnyone(way.destination));
            return Ok(way);
        }
        Err(refusal.unwrap_or_else(|| self.nothing(dialled)))
    }

    /// Whether a session takes calls now.
    pub(super) fn enter(&mut self, live: &Live) -> Result<(), RefusalKind> {
        let (step, kind) = match live.status(self.at) {
            SessionStatus::Active => return Ok(()),
            SessionStatus::Closed if let Some(step) = self.replaced(live) => {
                (step, RefusalKind::CallerNotAllowed)
            }
            SessionStatus::NotStarted => (Step::SessionNotStarted(live.id), RefusalKind::SessionNotStarted),
            SessionStatus::Expired => (Step::SessionExpired(live.id), RefusalKind::SessionExpired),
            SessionStatus::Closed => (Step::SessionClosed(live.id), RefusalKind::SessionClosed),
        };
        Err(self.refuse(step, kind))
    }

    /// What a change took from a session, where this is that and not the session itself.
    fn replaced(&self, live: &Live) -> Option<Step> {
        let session = self.book.session(live.id)?;
        let parties = [session.first, session.second];
        match () {
            () if parties.contains(&live.first) => None,
            () if parties.iter().any(|party| party.number == live.first.number) => {
                Some(Step::NumberReplaced(live.id))
            }
            () => Some(Step::PartyReplaced(live.id)),
        }
    }

    /// From one party of a session to the other.
    fn across(
        &mut self,
        live: Arc<Live>,
        dialled: PhoneNumber,
        caller: PhoneNumber,
    ) -> Result<Way, RefusalKind> {
        let other = live.other(dialled, caller);
        let Some((destination, show)) = other.and_then(|other| Some((other.number?, other.dials))) else {
            return Err(self.refuse(Step::PartyUnknown(live.id), RefusalKind::PartyUnknown));
        };
        self.trace.push(Step::Session(live.id, destination));
        Ok(Way { destination, show, early_media: None, session: Some(live), binds: false })
    }

    /// Into a session that waits for its second party. Whoever becomes that will be called too, so that it must be
    /// a number that may be called.
    fn join(&mut self, live: Arc<Live>, caller: Option<PhoneNumber>) -> Result<Way, RefusalKind> {
        self.enter(&live)?;
        let may = |caller: &PhoneNumber| {
            live.bind_first_caller
                && live.first.number != Some(*caller)
                && self.index.numbering().special_number(*caller).is_none()
                && !Kind::of(*caller).is_premium_rate
        };
        match (caller.filter(may), live.first.number) {
            (Some(_), Some(destination)) => {
                self.trace.push(Step::SessionBinds(live.id, destination));
                let show = live.first.dials;
                Ok(Way { destination, show, early_media: None, session: Some(live), binds: true })
            }
            _ => Err(self.refuse(Step::SessionWaits(live.id), RefusalKind::CallerNotAllowed)),
        }
    }

    /// What to say where nothing was found for the caller.
    fn nothing(&mut self, dialled: PhoneNumber) -> RefusalKind {
        if self.index.is_mapped(dialled) {
            self.refuse(Step::NoMappingForCaller, RefusalKind::CallerNotAllowed)
        } else if self.book.has_sessions(dialled) {
            self.refuse(Step::NoSessionForCaller, RefusalKind::CallerNotAllowed)
        } else {
            self.refuse(Step::NoMapping, RefusalKind::NoMapping)
        }
    }
}
