//! Floor 4: what may cross from one leg to the other, and the writer of each leg's messages.
//!
//! A leg is never built from the other leg's bytes. What passes is a [`Crossing`], which cannot hold a foreign
//! string. [`read`] turns what a leg received into crossings; [`write`] and [`describe`] turn a crossing and the
//! leg's own state into what the leg sends, and do not know what a received message is.

pub mod crossing;
pub mod describe;
pub mod guard;
pub mod identity;
pub mod read;
pub mod write;

pub use crossing::{Cause, Crossing, Failure, Media};
pub use describe::{LegMedia, RemoteMedia};
pub use identity::Asserted;

#[cfg(test)]
mod tests;
