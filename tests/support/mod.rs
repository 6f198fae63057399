//! What the tests of the running binary share.
#![allow(dead_code, reason = "each test uses its part of it")]

pub(crate) mod agent;
pub(crate) mod api;
pub(crate) mod asked;
pub(crate) mod carrier;
pub(crate) mod database;
pub(crate) mod desk;
pub(crate) mod instance;
pub(crate) mod memory;
pub(crate) mod numbers;
pub(crate) mod sipp;
pub(crate) mod softphone;
pub(crate) mod subnet;
pub(crate) mod tone;
pub(crate) mod torture;
