//! The book: every session that a call may meet and every masking number, in memory.

/// The shared in-memory index.
#[derive(Debug, Default)]
pub struct Book;

impl Book {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}
