//! Maskline: a self-hosted number-masking switch.
//!
//! A standalone SIP back-to-back user agent that ends a call on a number its operator owns, decides who the
//! call is for, opens a second leg that shows a masking number, and relays the media between the two, so that
//! neither party learns the other's number. `ARCHITECTURE.md` is the map of the floors below.

pub mod api;
pub mod app;
pub mod audio;
pub mod base;
pub mod call;
pub mod cli;
pub mod demo;
pub mod dialog;
pub mod hook;
pub mod ledger;
pub mod mask;
pub mod media;
pub mod net;
pub mod relay;
pub mod route;
pub mod rtp;
pub mod script;
pub mod sdp;
pub mod session;
pub mod sip;
pub mod store;
pub mod switch;
pub mod transaction;
pub mod voice;
