//! How large a message may be. Every size is in bytes.

/// A whole message: 64 KiB less one, so that a position in it fits 16 bits.
pub const MESSAGE: usize = 65_535;
/// The body.
pub const BODY: usize = 16 * 1024;
/// Header fields of one message (lines, folded ones counted once).
pub const HEADERS: usize = 100;
/// The start line, and each header field with its continuation lines.
pub const LINE: usize = 8 * 1024;
