//! Positions in a text of at most 64 KiB.

/// From `start` to before `end`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) end: u16,
}

impl Span {
    /// A span between two positions that lie within [`super::limits::MESSAGE`].
    pub(super) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= super::limits::MESSAGE);
        Self { start: start as u16, end: end as u16 }
    }

    /// Where `part`, a slice of `whole`, stands in it.
    pub(super) fn within(whole: &str, part: &str) -> Self {
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        Self::new(start, start + part.len())
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.range()]
    }
}
