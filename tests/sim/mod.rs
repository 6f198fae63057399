//! A whole switch in one test: its clock, its network, its media engine and the parties around it, all in virtual
//! time. Nothing here sleeps or opens a socket, and a run is the same for the same seed.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs, clippy::unwrap_used)]
#![allow(clippy::wrong_self_convention)]

pub mod agenda;
pub mod aviary;
pub mod canary;
pub mod count;
pub mod crowd;
pub mod draft;
pub mod engine;
pub mod fields;
pub mod leg;
pub mod logs;
pub mod media;
pub mod orders;
pub mod parties;
pub mod phone;
pub mod play;
pub mod reports;
pub mod robot;
pub mod scene;
pub mod sdp;
pub mod service;
pub mod text;
pub mod wire;
pub mod world;

pub use draft::Draft;
pub use leg::{Leg, Want};
pub use parties::connect;
pub use phone::Phone;
pub use robot::{Plan, Robot, State};
pub use scene::*;
pub use sdp::Sdp;
pub use text::Text;
pub use wire::{Conditions, Datagram};
pub use world::World;
