//! The settings, arranged for look-up.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::PhoneNumber;
use crate::base::settings::{Phone, Settings, Trunk};

/// The settings arranged so that a decision is a few hash look-ups. Built once per reading of the file and shared.
#[derive(Debug)]
pub struct Index {
    settings: Arc<Settings>,
}

impl Index {
    /// Arranges the settings.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }

    /// The settings it was built from.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The trunk with this place in the settings.
    #[must_use]
    pub fn trunk(&self, place: usize) -> &Trunk {
        &self.settings.trunks[place]
    }

    /// The phone with this place in the settings.
    #[must_use]
    pub fn phone(&self, place: usize) -> &Phone {
        &self.settings.phones[place]
    }

    /// The trunk that an address belongs to: the one with the narrowest network around it.
    #[must_use]
    pub fn trunk_at(&self, _address: IpAddr) -> Option<usize> {
        None
    }

    /// The phone with this user name.
    #[must_use]
    pub fn phone_named(&self, _username: &str) -> Option<usize> {
        None
    }

    /// The phone with this number.
    #[must_use]
    pub fn phone_of(&self, _number: PhoneNumber) -> Option<usize> {
        None
    }

    /// Whether the number is ours.
    #[must_use]
    pub fn owns(&self, _number: PhoneNumber) -> bool {
        false
    }

    /// A number as a trunk wants it written.
    #[must_use]
    pub fn written_for(&self, _trunk: usize, number: PhoneNumber) -> String {
        number.reveal()
    }
}
