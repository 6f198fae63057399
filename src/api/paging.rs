//! Lists in pages: a cursor says after which row the next page begins.

use std::borrow::Cow;
use std::fmt;

use utoipa::openapi::schema::ObjectBuilder;

use super::values::{Meaning, Text, Whole};
use crate::base::Timestamp;
use crate::ledger::Page;

/// Rows of a page where the request does not say.
pub(super) const ROWS: u32 = 100;

/// How many rows a page may have.
pub(super) type Limit = Whole<1, 1000>;

/// Such a place, in a request.
pub(super) type CursorText = Text<Cursor>;

/// The place of a row in a list that is sorted by time and id, the youngest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    at: Timestamp,
    id: Box<str>,
}

impl Cursor {
    /// The place of a row.
    pub(super) fn new(at: Timestamp, id: impl fmt::Display) -> Self {
        Self { at, id: id.to_string().into() }
    }

    /// Whether a row stands after this one.
    pub(super) fn is_before(&self, at: Timestamp, id: &str) -> bool {
        (at, id) < (self.at, &self.id)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.at.as_millis(), self.id)
    }
}

impl Meaning for Cursor {
    const NAME: &'static str = "Cursor";
    const WRITE: &'static str = "the `next` of the page before";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let wrong = "is no cursor: write the `next` of the page before, as it was";
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let (at, id) = text.split_once('.').ok_or(wrong)?;
        if id.is_empty() || id.len() > 64 || !id.bytes().all(is_id) || at.len() > 12 || at.starts_with('+') {
            return Err(wrong.into());
        }
        let at = u64::from_str_radix(at, 16).map_err(|_| wrong)?;
        Ok(Self { at: Timestamp::from_millis(at), id: id.into() })
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("The `next` of the page before, as it was."))
            .pattern(Some("^[0-9a-f]{1,12}[.][0-9a-z-]{1,64}$"))
    }
}

/// The page that a request asks for.
pub(super) fn page(limit: Option<Limit>, cursor: Option<CursorText>) -> Page {
    Page {
        after: cursor.map(|Text(cursor)| (cursor.at, cursor.id)),
        limit: limit.map_or(ROWS, |limit| limit.0),
    }
}

/// The cursor behind the last row of a page; none where the page was not filled, so that nothing follows.
pub(super) fn next<T>(rows: &[T], page: &Page, place: impl FnOnce(&T) -> Cursor) -> Option<String> {
    let last = rows.last().filter(|_| rows.len() >= page.limit as usize)?;
    Some(place(last).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor::new(Timestamp::from_millis(1_795_335_330_250), "abc-7");
        assert_eq!(Cursor::read(&cursor.to_string()), Ok(cursor.clone()));
        for wrong in ["", ".", "1.", ".a", "1.A", "g.a", "+1.a", "1234567890abc.a", "1.a/b", "1"] {
            assert!(Cursor::read(wrong).is_err(), "{wrong}");
        }
        let older = Timestamp::from_millis(1_795_335_330_249);
        assert!(cursor.is_before(older, "z") && cursor.is_before(cursor.at, "abc-6"));
        assert!(!cursor.is_before(cursor.at, "abc-7") && !cursor.is_before(cursor.at, "abd"));
    }
}
