//! Recordings that go on: the one that is an element of its own, and those beside the elements.

use std::time::Instant;

use super::machine::Action;
use super::want::{Want, Wants};
use crate::voice::{Event, Hidden, Key, Record, Recorded};

/// Why a recording ended (`RecordingEndReason`).
const KEY: &str = "FinishedOnKey";
const LONG: &str = "maxLength";
const GONE: &str = "HungUp";
pub(super) const SILENT: &str = "RecordingTimeout";

/// The recordings of a call.
#[derive(Debug, Default)]
pub(super) struct Recordings(Vec<Recording>);

#[derive(Debug)]
struct Recording {
    tag: u32,
    record: Box<Record>,
    /// When it is long enough.
    until: Option<Instant>,
    /// Why it was ended, and by which key.
    ended: Option<(&'static str, Hidden)>,
}

impl Recordings {
    pub(super) fn start(&mut self, record: Box<Record>, wants: &mut Wants) -> u32 {
        let tag = wants.tag();
        wants.add(Want::Record { tag, record: record.clone() });
        self.0.push(Recording { tag, record, until: None, ended: None });
        tag
    }

    /// It begins. One that goes on beside the elements has its `action` told now: no element waits for its end.
    pub(super) fn begin(&mut self, now: Instant, tag: u32, recorded: Recorded, wants: &mut Wants) {
        let Some(recording) = self.find(tag) else { return };
        recording.until = now.checked_add(recording.record.most);
        if recording.record.is_beside() {
            wants.extend(recording.action().map(|action| action.tell(Event::Record(recorded))));
        }
    }

    /// The caller pressed a key while it was recorded.
    pub(super) fn press(&mut self, tag: u32, key: Key, wants: &mut Wants) {
        if self.find(tag).is_some_and(|recording| recording.record.finish_on_key.has(key)) {
            self.stop(tag, KEY, Some(key), wants);
        }
    }

    /// Ends it, if that was not done before.
    pub(super) fn stop(&mut self, tag: u32, reason: &'static str, key: Option<Key>, wants: &mut Wants) {
        if let Some(recording) = self.find(tag).filter(|recording| recording.ended.is_none()) {
            let digits = key.map(|key| Hidden::new(key.sign().to_string())).unwrap_or_default();
            recording.ended = Some((reason, digits));
            wants.add(Want::StopRecording { tag });
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter_map(Recording::deadline).min()
    }

    /// Ends those that are long enough.
    pub(super) fn expire(&mut self, due: Instant, wants: &mut Wants) {
        let long = self.0.iter().filter(|recording| recording.deadline().is_some_and(|at| at <= due));
        let tags: Vec<u32> = long.map(|recording| recording.tag).collect();
        tags.into_iter().for_each(|tag| self.stop(tag, LONG, None, wants));
    }

    /// The call is over, and they end with it.
    pub(super) fn hang_up(&mut self) {
        for recording in &mut self.0 {
            recording.ended.get_or_insert((GONE, Hidden::default()));
        }
    }

    /// It is over: its `callback` is told. What is left is its `action`, if that was not told before, and what it is told.
    pub(super) fn end(
        &mut self,
        tag: u32,
        mut recorded: Recorded,
        wants: &mut Wants,
    ) -> Option<(Option<Action>, Event)> {
        let index = self.0.iter().position(|recording| recording.tag == tag)?;
        let mut recording = self.0.swap_remove(index);
        if let Some((reason, digits)) = recording.ended.take() {
            (recorded.reason, recorded.digits) = (Some(reason), digits);
        }
        let event = Event::Record(recorded);
        if let Some(link) = recording.record.callback.take() {
            let method = recording.record.callback_method;
            wants.add(Want::Tell { link, method, event: event.clone() });
        }
        Some((recording.action(), event))
    }

    fn find(&mut self, tag: u32) -> Option<&mut Recording> {
        self.0.iter_mut().find(|recording| recording.tag == tag)
    }
}

impl Recording {
    fn deadline(&self) -> Option<Instant> {
        if self.ended.is_none() { self.until } else { None }
    }

    /// Its `action`, once.
    fn action(&mut self) -> Option<Action> {
        let link = self.record.action.take()?;
        Some(Action { link, method: self.record.method, redirect: self.record.redirect })
    }
}
