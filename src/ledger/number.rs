//! The inventory: masking numbers that the operator adds while the service runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::whole;
use crate::base::settings::AnswerUrl;
use crate::base::{PhoneNumber, Timestamp};

/// A masking number of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// The number.
    #[serde(with = "whole")]
    pub number: PhoneNumber,
    /// Its country (ISO 3166), as its country code and national number tell.
    pub country: Option<Box<str>>,
    /// The pool that sessions draw it from; `None`: drawn by nobody, only named.
    pub pool: Option<Arc<str>>,
    /// The trunk that it is rented on, which may show it.
    pub trunk: Option<Arc<str>>,
    /// The web service that says what becomes of its calls, before any session or mapping does.
    pub answer: Option<AnswerUrl>,
    /// Where it is in its life.
    pub state: NumberState,
    /// When it was added.
    pub added_at: Timestamp,
}

/// Where a number is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberState {
    /// New sessions may draw it.
    Active,
    /// No new session draws it; those that have it keep it, and calls on it go on.
    Draining,
    /// Nothing has it any more: calls on it are refused as on any number that is not ours.
    Retired,
}

impl NumberState {
    /// As in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NumberState::Active => "active",
            NumberState::Draining => "draining",
            NumberState::Retired => "retired",
        }
    }
}
