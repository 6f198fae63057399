//! Floor 2. Pure media: what happens to each RTP and RTCP packet.

pub mod control;

pub use control::{Command, Digit, Endpoint, Event, PayloadMap, Quality, RelayId};
