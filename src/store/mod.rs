//! Floor 7. What is kept on disk.

mod records;

pub use records::{RecordWriter, Records, RecordsFault};
