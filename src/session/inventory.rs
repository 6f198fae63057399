//! The inventory: adding, changing and removing masking numbers.

use std::sync::Arc;

use super::rules::invalid;
use super::{Fault, NewNumber, NumberChange, Removed, Sessions};
use crate::base::link::Method;
use crate::base::numbering::Kind;
use crate::base::settings::AnswerUrl;
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::{Number, NumberState, Page, SessionFilter, SessionStatus};
use crate::route::Index;

/// Characters of a pool's name at most.
const LONGEST_NAME: usize = 64;

impl Sessions {
    pub(super) async fn add(&self, new: NewNumber, now: Timestamp) -> Result<(Number, bool), Fault> {
        let index = (self.in_force)();
        fitting(&index, new.pool.as_deref(), new.trunk.as_deref())?;
        let number = Number {
            number: new.number,
            country: Kind::of(new.number).country,
            pool: new.pool,
            trunk: new.trunk,
            answer: asked(None, new.answer_url.map(Some), new.answer_method)?,
            state: NumberState::Active,
            added_at: now,
        };
        match self.book.number(new.number) {
            Some(stood) if stood.state != NumberState::Retired => {
                let is_so = (&stood.pool, &stood.trunk, &stood.answer)
                    == (&number.pool, &number.trunk, &number.answer);
                return if is_so {
                    Ok((Number::clone(&stood), false))
                } else {
                    Err(Fault::NumberTaken(new.number))
                };
            }
            _ => self.nobodys(&index, new.number, now).await?,
        }
        self.store.put_number(&number).await?;
        self.book.put_number(number.clone());
        Ok((number, true))
    }

    pub(super) async fn amend_number(
        &self,
        number: PhoneNumber,
        change: NumberChange,
        now: Timestamp,
    ) -> Result<Number, Fault> {
        let stood = self.book.number(number).ok_or(Fault::NotFound)?;
        let next = Number {
            pool: change.pool.unwrap_or_else(|| stood.pool.clone()),
            trunk: change.trunk.unwrap_or_else(|| stood.trunk.clone()),
            answer: asked(stood.answer.as_ref(), change.answer_url, change.answer_method)?,
            state: change.state.unwrap_or(stood.state),
            ..Number::clone(&stood)
        };
        let index = (self.in_force)();
        fitting(&index, next.pool.as_deref(), next.trunk.as_deref())?;
        if stood.state == NumberState::Retired && next.state != NumberState::Retired {
            self.nobodys(&index, number, now).await?;
        }
        let retires = next.state == NumberState::Retired && stood.state != NumberState::Retired;
        if retires && self.is_in_use(&stood, &index, now) {
            self.book.put_number(Number::clone(&stood));
            return Err(Fault::NumberInUse(number));
        }
        if let Err(fault) = self.store.put_number(&next).await {
            self.book.put_number(Number::clone(&stood));
            return Err(fault.into());
        }
        self.book.put_number(next.clone());
        Ok(next)
    }

    pub(super) async fn remove(&self, number: PhoneNumber, now: Timestamp) -> Result<Removed, Fault> {
        let stood = self.book.number(number).ok_or(Fault::NotFound)?;
        let is_retired = stood.state == NumberState::Retired;
        let drained = Number { state: NumberState::Draining, ..Number::clone(&stood) };
        let is_in_use = !is_retired && self.is_in_use(&stood, &(self.in_force)(), now);
        let kept = match is_in_use {
            true => self.store.put_number(&drained).await,
            false => self.store.remove_number(number).await,
        };
        if let Err(fault) = kept {
            self.book.put_number(Number::clone(&stood));
            return Err(fault.into());
        }
        if is_in_use {
            return Ok(Removed::Draining(drained));
        }
        self.book.remove_number(number);
        Ok(Removed::Gone)
    }

    /// Whether anything has a number. From here on it is draining in the book: whoever reserves it now looks at its
    /// state afterwards, so that either sees the other.
    fn is_in_use(&self, stood: &Number, index: &Index, now: Timestamp) -> bool {
        let number = stood.number;
        self.book.put_number(Number { state: NumberState::Draining, ..stood.clone() });
        let mut rows = index.settings().mappings.iter();
        rows.any(|row| row.dialled == number || row.show() == Some(number)) || self.book.is_used(number, now)
    }

    /// A number that becomes ours is nobody's own and can be called.
    async fn nobodys(&self, index: &Index, number: PhoneNumber, now: Timestamp) -> Result<(), Fault> {
        if index.numbering().special_number(number).is_some() {
            return Err(invalid("number", "is an emergency number or a short code"));
        }
        let settings = index.settings();
        let mut rows = settings.mappings.iter();
        let is_someones = rows.any(|row| row.destination() == Some(number) || row.caller == Some(number));
        if is_someones || index.phone_of(number).is_some() {
            return Err(invalid(
                "number",
                "is a phone's, or a mapping leads to it: it can be no masking number",
            ));
        }
        for status in [SessionStatus::Active, SessionStatus::NotStarted] {
            let filter = SessionFilter {
                party: Some(number),
                status: Some((status, now)),
                ..SessionFilter::default()
            };
            let page = Page { after: None, limit: 1 };
            if let Some(session) = self.store.sessions(&filter, &page).await?.first() {
                let reason = format!("is a party of session {}: it can be no masking number", session.id);
                return Err(Fault::Invalid { field: "number", reason });
            }
        }
        Ok(())
    }
}

/// The web service of a number: what is not named of it stays, and it is asked by POST at first.
fn asked(
    stood: Option<&AnswerUrl>,
    url: Option<Option<Arc<str>>>,
    method: Option<Method>,
) -> Result<Option<AnswerUrl>, Fault> {
    let url = url.unwrap_or_else(|| stood.map(|answer| Arc::clone(&answer.url)));
    match (url, method) {
        (Some(url), method) => {
            let method = method.or(stood.map(|answer| answer.method)).unwrap_or_default();
            Ok(Some(AnswerUrl { url, method }))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(invalid("answer_method", "says how answer_url is asked: write that too, or take this out"))
        }
    }
}

/// A pool has a name that people can read, and a trunk is one of the settings'.
fn fitting(index: &Index, pool: Option<&str>, trunk: Option<&str>) -> Result<(), Fault> {
    let is_name = |name: &str| {
        (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    if !pool.is_none_or(is_name) {
        return Err(invalid("pool", "has 1 to 64 characters, none of which is a control character"));
    }
    if trunk.is_some_and(|name| !index.settings().trunks.iter().any(|trunk| &*trunk.name == name)) {
        return Err(invalid("trunk", "is none of [[trunks]] in the settings"));
    }
    Ok(())
}
