//! Saying that a disk takes nothing, without saying it all the time.

use std::io;

/// Bytes that wait in memory when the log warns again, and then with each doubling.
const BACKLOG: usize = 4 * 1024 * 1024;

/// What has been said of one disk.
#[derive(Default)]
pub(super) struct Complaint {
    /// Bytes that wait when it is said again; `None` before the first time.
    next: Option<usize>,
}

impl Complaint {
    /// The disk has not taken what waits: so many bytes.
    pub(super) fn about(&mut self, error: &io::Error, bytes: usize) {
        if self.next.is_none_or(|next| bytes >= next) {
            tracing::error!(%error, bytes, "call records wait in memory: the disk takes none");
            self.next = Some(bytes.max(BACKLOG) * 2);
        }
    }

    /// The disk has taken all.
    pub(super) fn is_over(&mut self) {
        self.next = None;
    }
}
