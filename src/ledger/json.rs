//! JSON that is written once and handed on as it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The text of a JSON value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Something as JSON.
    ///
    /// # Panics
    /// Where JSON cannot say it: a map whose keys are no texts. The ledger's types have none.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        Self(to_raw_value(value).expect("the ledger's types have nothing that JSON cannot say"))
    }

    /// As a tree.
    ///
    /// # Panics
    /// Never: it was JSON when it was taken in.
    #[must_use]
    pub fn tree(&self) -> Value {
        serde_json::from_str(self.0.get()).expect("it was JSON when it was taken in")
    }
}

/// The text.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

/// The same text: trees may be equal where texts are not.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}
