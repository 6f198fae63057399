//! What is wrong with an input, and where: never with any of its text.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::api::problem::{FieldError, Problem};

/// What is wrong with one field.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::api) struct Fault {
    /// The field, as in `metadata` or `tags[3]`; empty for the whole.
    path: String,
    detail: String,
}

impl std::error::Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.detail)
    }
}

impl Fault {
    fn new(path: &str, detail: impl Into<String>) -> Self {
        Self { path: harmless(path).to_owned(), detail: detail.into() }
    }

    /// The same, found within a field.
    pub(super) fn within(self, field: &str) -> Self {
        let path = match (harmless(field), &*self.path) {
            (field, "") => field.to_owned(),
            (field, inner) if inner.starts_with('[') => format!("{field}{inner}"),
            (field, inner) => format!("{field}.{inner}"),
        };
        Self { path, ..self }
    }

    /// The same, found in an item of a list.
    pub(super) fn at(self, item: usize) -> Self {
        let path = if self.path.is_empty() { format!("[{item}]") } else { format!("[{item}].{}", self.path) };
        Self { path, ..self }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        if fault.path.is_empty() {
            return Problem::all_invalid(Vec::new()).detail(fault.detail);
        }
        Problem::all_invalid(vec![FieldError { field: fault.path, detail: fault.detail }])
    }
}

/// The name of a field, where it is one: what else stands in its place may be anything, a number too.
fn harmless(name: &str) -> &str {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if (1..=40).contains(&name.len()) && name.bytes().all(is_name) { name } else { "(a field)" }
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self { path: String::new(), detail: message.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("is {}: write {expected}", kind(found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("cannot be that: write {expected}"))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("has another length: write {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("is none of the words it can be: write {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(field, format!("is not known here: take it out; known are {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(field, "is missing: write it")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(field, "stands twice: write it once")
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
        Unexpected::Float(_) => "a number that is not whole",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}
