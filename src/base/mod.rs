//! Floor 0: the small types that everything above speaks in: numbers that print redacted, secrets, ids, the
//! seams for randomness and time, network flows, and the settings.

pub mod flow;
pub mod g711;
pub mod hide;
pub mod link;
pub mod metrics;
pub mod number;
pub mod numbering;
pub mod random;
pub mod secret;
pub mod settings;
pub mod shard;
pub mod side;
pub mod time;
pub mod timestamp;
pub mod tones;

pub use flow::{ConnectionId, Flow, Transport};
pub use hide::{hide_host, hide_runs};
pub use metrics::Metrics;
pub use number::PhoneNumber;
pub use random::Random;
pub use secret::Secret;
pub use shard::Shards;
pub use side::Side;
pub use timestamp::Timestamp;
