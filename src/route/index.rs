//! The settings, arranged for look-up.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Source;
use crate::base::PhoneNumber;
use crate::base::numbering::Numbering;
use crate::base::settings::{Mapping, Phone, Settings, Trunk};

/// The settings arranged so that a decision is a few hash look-ups. Built once per reading of the file and shared.
#[derive(Debug)]
pub struct Index {
    settings: Arc<Settings>,
    numbering: Numbering,
    owned: FxHashSet<PhoneNumber>,
    exact: FxHashMap<(PhoneNumber, PhoneNumber), Mapping>,
    open: FxHashMap<PhoneNumber, Mapping>,
    mapped: FxHashSet<PhoneNumber>,
    /// Every trunk's networks, the narrowest first.
    sources: Vec<(IpNet, usize)>,
    /// The caller IDs that each trunk's `allowed_show` lists.
    showable: Vec<Option<FxHashSet<PhoneNumber>>>,
    phones_by_name: FxHashMap<Arc<str>, usize>,
    phones_by_number: FxHashMap<PhoneNumber, usize>,
}

impl Index {
    /// Arranges the settings.
    ///
    /// # Panics
    /// Where their country is unknown, which reading a file has ruled out.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let numbering = Numbering::of(&settings.numbers.country)
            .expect("a country without numbering is refused when the settings are read");
        let mut sources: Vec<(IpNet, usize)> = places(&settings.trunks)
            .flat_map(|(place, trunk)| trunk.sources.iter().map(move |source| (*source, place)))
            .collect();
        sources.sort_by_key(|(source, _)| std::cmp::Reverse(source.prefix_len()));
        let (mut exact, mut open) = (FxHashMap::default(), FxHashMap::default());
        for mapping in &settings.mappings {
            match mapping.caller {
                Some(caller) => exact.insert((mapping.dialled, caller), mapping.clone()),
                None => open.insert(mapping.dialled, mapping.clone()),
            };
        }
        let show = |trunk: &Trunk| trunk.allowed_show.as_ref().map(|show| show.iter().copied().collect());
        Self {
            numbering,
            owned: settings.numbers.owned.iter().copied().collect(),
            exact,
            open,
            mapped: settings
                .mappings
                .iter()
                .filter(|mapping| mapping.destination().is_some())
                .map(|mapping| mapping.dialled)
                .collect(),
            sources,
            showable: settings.trunks.iter().map(show).collect(),
            phones_by_name: places(&settings.phones)
                .map(|(at, phone)| (phone.username.clone(), at))
                .collect(),
            phones_by_number: places(&settings.phones).map(|(at, phone)| (phone.number, at)).collect(),
            settings,
        }
    }

    /// The settings it was built from.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The country's numbering rules.
    #[must_use]
    pub fn numbering(&self) -> &Numbering {
        &self.numbering
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

    /// The name of a trunk or phone, as it stands in records.
    #[must_use]
    pub fn name(&self, source: Source) -> Arc<str> {
        match source {
            Source::Trunk(place) => self.trunk(place).name.clone(),
            Source::Phone(place) => self.phone(place).username.clone(),
        }
    }

    /// The trunk that an address belongs to: the one with the narrowest network around it.
    #[must_use]
    pub fn trunk_at(&self, address: IpAddr) -> Option<usize> {
        let address = address.to_canonical();
        self.sources.iter().find(|(source, _)| source.contains(&address)).map(|(_, trunk)| *trunk)
    }

    /// The phone with this user name.
    #[must_use]
    pub fn phone_named(&self, username: &str) -> Option<usize> {
        self.phones_by_name.get(username).copied()
    }

    /// The phone with this number.
    #[must_use]
    pub fn phone_of(&self, number: PhoneNumber) -> Option<usize> {
        self.phones_by_number.get(&number).copied()
    }

    /// Whether the settings say that the number is ours. The inventory may have more: see [`super::Ours`].
    #[must_use]
    pub fn owns(&self, number: PhoneNumber) -> bool {
        self.owned.contains(&number)
    }

    /// A number as a trunk wants it written, by its `format_out`.
    #[must_use]
    pub fn written_for(&self, trunk: usize, number: PhoneNumber) -> String {
        self.numbering.write(number, self.trunk(trunk).format_out)
    }

    /// The row for this very caller.
    pub(crate) fn mapping_for(&self, dialled: PhoneNumber, caller: PhoneNumber) -> Option<&Mapping> {
        self.exact.get(&(dialled, caller))
    }

    /// The row for anyone.
    pub(crate) fn mapping_for_anyone(&self, dialled: PhoneNumber) -> Option<&Mapping> {
        self.open.get(&dialled)
    }

    /// Whether any row has the number dialled.
    pub(super) fn is_mapped(&self, dialled: PhoneNumber) -> bool {
        self.mapped.contains(&dialled)
    }

    /// The trunks that take a destination: the longest matching prefix first, then in the order of the file. Those
    /// without prefixes take what is left, so they come last.
    pub(super) fn trunks_to(&self, destination: PhoneNumber) -> Vec<usize> {
        let mut matching: Vec<(usize, usize)> = places(&self.settings.trunks)
            .filter_map(|(place, trunk)| trunk.takes(destination).map(|length| (length, place)))
            .collect();
        matching.sort_by_key(|(length, place)| (std::cmp::Reverse(*length), *place));
        matching.into_iter().map(|(_, place)| place).collect()
    }

    /// The caller IDs that a trunk's `allowed_show` lists; `None`: it lists none.
    pub(super) fn allowed_show(&self, trunk: usize) -> Option<&FxHashSet<PhoneNumber>> {
        self.showable[trunk].as_ref()
    }
}

/// Each row with its place.
fn places<T>(rows: &[T]) -> impl Iterator<Item = (usize, &T)> {
    rows.iter().enumerate()
}
