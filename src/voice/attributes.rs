//! Reads the attributes of an element. What cannot be read is noted, and the default holds: a call is worth more than a
//! typing error.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{Label, Note, Place, Warning};
use super::limits;
use super::node::Node;
use super::{Key, Link, Method};

/// What was passed over so far.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Warning>);

impl Notes {
    pub(super) fn add(&mut self, place: Option<Place>, element: &'static str, note: Note) {
        if self.0.len() < limits::WARNINGS {
            self.0.push(Warning { place, element, note });
        }
    }
}

/// The attributes of an element that have not been read yet.
pub(super) struct Given<'a> {
    place: Option<Place>,
    element: &'static str,
    left: Vec<(&'a str, &'a str)>,
    notes: &'a mut Notes,
}

impl<'a> Given<'a> {
    pub(super) fn new(node: &'a Node, element: &'static str, notes: &'a mut Notes) -> Self {
        let left = node.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self { place: node.place, element, left, notes }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.add(self.place, self.element, note);
    }

    /// A text as it is written.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let index = self.left.iter().position(|(other, _)| *other == name)?;
        Some(self.left.swap_remove(index).1)
    }

    /// A text that is not empty.
    pub(super) fn filled(&mut self, name: &str) -> Option<&'a str> {
        self.text(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// What a function makes of a text that is not empty.
    pub(super) fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(self.filled(name)?);
        if value.is_none() {
            self.note(Note::Unread(name));
        }
        value
    }

    pub(super) fn link(&mut self, name: &'static str) -> Option<Link> {
        self.read(name, Link::read)
    }

    pub(super) fn method(&mut self, name: &'static str) -> Method {
        let method = |text: &str| match text.to_ascii_uppercase().as_str() {
            "GET" => Some(Method::Get),
            "POST" => Some(Method::Post),
            _ => None,
        };
        self.read(name, method).unwrap_or_default()
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        })
    }

    /// One key; none where the empty text or `none` is written.
    pub(super) fn key(&mut self, name: &'static str) -> Option<Option<Key>> {
        let text = self.text(name)?.trim();
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (None, _) => Some(None),
            (Some(sign), None) if Key::read(sign).is_some() => Some(Key::read(sign)),
            _ if text.eq_ignore_ascii_case("none") => Some(None),
            _ => {
                self.note(Note::Unread(name));
                None
            }
        }
    }

    /// A whole number within a range, or the nearest in it; a fraction is cut off.
    pub(super) fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.count(name, range).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub(super) fn seconds(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.count(name, range).map(Duration::from_secs)
    }

    pub(super) fn millis(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.count(name, range).map(Duration::from_millis)
    }

    /// Seconds; none for `auto` too.
    pub(super) fn seconds_or_auto(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let is_auto =
            |(other, value): &(&str, &str)| *other == name && value.trim().eq_ignore_ascii_case("auto");
        if self.left.iter().any(is_auto) {
            self.text(name);
            return None;
        }
        self.seconds(name, range)
    }

    fn count(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.read(name, |text| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let (is_below, digits) = whole.strip_prefix('-').map_or((false, whole), |digits| (true, digits));
            let is_number =
                digits.len() <= 18 && format!("{digits}{fraction}").bytes().all(|byte| byte.is_ascii_digit());
            let number: u64 = is_number.then(|| digits.parse().ok())??;
            Some(if is_below { 0 } else { number })
        })?;
        let nearest = number.clamp(*range.start(), *range.end());
        if nearest != number {
            self.note(Note::OutOfRange(name));
        }
        Some(nearest)
    }

    /// Attributes that are known and do nothing.
    pub(super) fn ignored(&mut self, names: &[&'static str]) {
        for name in names {
            if self.text(name).is_some() {
                self.note(Note::Ignored(name));
            }
        }
    }

    /// Notes what nobody has read.
    pub(super) fn end(mut self) {
        for (name, _) in std::mem::take(&mut self.left) {
            self.note(Note::Unknown(Label::new(name)));
        }
    }
}
