//! Floor 1. RTP and RTCP on the wire: `rtp-rs` and `rtcp-types` read what comes in, and what goes out is written
//! here from numbers alone, so that no byte of a header can pass from one leg to the other.

pub mod event;
pub mod packet;
pub mod rtcp;

pub use event::Tone;
pub use packet::{HEADER, Header, Received};
pub use rtcp::{Block, Goodbye, Heard, Report, Sent};
