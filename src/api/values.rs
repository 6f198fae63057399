//! The values of fields: what may stand in them, and how the OpenAPI document describes them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::problem::FieldError;
use crate::base::link::{WRITE_LINK, read_link};
use crate::base::number::NumberFault;
use crate::base::{PhoneNumber, Timestamp};
use crate::session::LONGEST_REFERENCE;

/// A text that means something.
pub(super) trait Meaning: Sized {
    /// What to write, for a value of another type.
    const WRITE: &'static str;

    /// Reads it; else says what is wrong and what to write instead, without repeating it.
    fn read(text: &str) -> Result<Self, Cow<'static, str>>;

    /// Its name in the OpenAPI document.
    const NAME: &'static str;

    /// How it is described.
    fn describe(schema: ObjectBuilder) -> ObjectBuilder;
}

/// A field that holds such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: Meaning> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<T>(PhantomData<T>);
        impl<T: Meaning> Visitor<'_> for Reads<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WRITE)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                T::read(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Reads(PhantomData)).map(Self)
    }
}

impl<T: Meaning> PartialSchema for Text<T> {
    fn schema() -> RefOr<Schema> {
        T::describe(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))).into()
    }
}

impl<T: Meaning> ToSchema for Text<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }
}

/// A number in a request, written E.164 with its plus.
pub(super) type E164 = Text<PhoneNumber>;

impl Meaning for PhoneNumber {
    const NAME: &'static str = "PhoneNumber";
    const WRITE: &'static str = "a number in quotes, with + and its country code, as in \"+9198...\"";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        text.parse().map_err(|fault| {
            let wrong = match fault {
                _ if (1..=6).contains(&digits) && text.len() <= 8 => {
                    "is an emergency number or a short code, which is never masked"
                }
                NumberFault::NoPlus => "does not begin with + and the country code",
                NumberFault::NotADigit => "has characters other than digits after the +",
                NumberFault::Length => "does not have the 7 to 15 digits of a number after the +",
            };
            format!("{wrong}: write all of a number without spaces, as in \"+9198...\"").into()
        })
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("A phone number in E.164, with its +."))
            .pattern(Some(r"^\+[1-9][0-9]{6,14}$"))
            .min_length(Some(8))
            .max_length(Some(16))
            .examples(["+919876500001"])
    }
}

/// A moment in a request.
pub(super) type Moment = Text<Timestamp>;

impl Meaning for Timestamp {
    const NAME: &'static str = "Timestamp";
    const WRITE: &'static str = "a time, as in \"2026-11-22T08:15:30Z\" (RFC 3339)";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let wrong = "is no time from 1970 to 9999-12-30: write one as in \"2026-11-22T08:15:30Z\" (RFC 3339)";
        text.parse().map_err(|_| wrong.into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("A moment from 1970 to 9999-12-30T21:59:59Z (RFC 3339)."))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-11-22T08:15:30Z"])
    }
}

/// The name of a pool or a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named(pub(super) Box<str>);

impl Meaning for Named {
    const NAME: &'static str = "Name";
    const WRITE: &'static str = "a name in quotes";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(harmless) {
            return Ok(Self(text.into()));
        }
        Err("is no name: write 1 to 64 letters, digits, dots, dashes or underscores".into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema.pattern(Some("^[A-Za-z0-9._-]{1,64}$")).examples(["delivery"])
    }
}

/// The name of a pool or a trunk, in a request.
pub(super) type Name = Text<Named>;

/// The operator's own id for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference(pub(super) Box<str>);

impl Meaning for Reference {
    const NAME: &'static str = "Reference";
    const WRITE: &'static str = "a text in quotes";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        if (1..=LONGEST_REFERENCE).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.into()));
        }
        let write = format!("write 1 to {LONGEST_REFERENCE} characters, no control characters");
        Err(format!("is no reference: {write}").into())
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some("Your own id, unique over all sessions; no control characters."))
            .pattern(Some(format!(r"^[^\x00-\x1f\x7f-\x9f]{{1,{LONGEST_REFERENCE}}}$")))
            .examples(["order-4711"])
    }
}

/// Such an id, in a request.
pub(super) type OwnId = Text<Reference>;

/// Where callbacks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link(pub(super) Box<str>);

impl Meaning for Link {
    const NAME: &'static str = "Url";
    const WRITE: &'static str = "a URL in quotes, as in \"https://example.com/events\"";

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let wrong = || format!("is no URL to call: {WRITE_LINK}").into();
        read_link(text).map(|_| Self(text.into())).ok_or_else(wrong)
    }

    fn describe(schema: ObjectBuilder) -> ObjectBuilder {
        schema
            .description(Some(
                "A URL with http or https, without a user and a fragment, 2048 characters at most.",
            ))
            .pattern(Some(r##"^https?://[!"$-.0->A-\[\]-~][!"$-\[\]-~]*$"##))
            .max_length(Some(2048))
            .examples(["https://example.com/events"])
    }
}

/// Such a place, in a request.
pub(super) type Url = Text<Link>;

/// A whole number from `MIN` to `MAX`, in requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<const MIN: u32, const MAX: u32>;
        impl<const MIN: u32, const MAX: u32> Visitor<'_> for Reads<MIN, MAX> {
            type Value = u32;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
                let whole = u32::try_from(value).ok().filter(|whole| (MIN..=MAX).contains(whole));
                whole.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<u32, E> {
                Err(E::invalid_value(Unexpected::Signed(value), &self))
            }

            /// JSON does not tell 60.0 from 60.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
            fn visit_f64<E: Error>(self, value: f64) -> Result<u32, E> {
                if value.fract() == 0.0 && (f64::from(MIN)..=f64::from(MAX)).contains(&value) {
                    return Ok(value as u32);
                }
                Err(E::invalid_value(Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_u64(Reads::<MIN, MAX>).map(Self)
    }
}

impl<const MIN: u32, const MAX: u32> PartialSchema for Whole<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(MIN))
            .maximum(Some(MAX))
            .into()
    }
}

impl<const MIN: u32, const MAX: u32> ToSchema for Whole<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        format!("From{MIN}To{MAX}").into()
    }
}

/// Seconds of a call, up to a week.
pub(super) type CallSeconds = Whole<1, 604_800>;
/// Seconds of ringing.
pub(super) type RingSeconds = Whole<1, 600>;

/// What is kept for the operator as it is: a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metadata(pub(super) Map<String, Value>);

impl Metadata {
    /// Bytes of it, written as JSON.
    const BYTES: usize = 8192;
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }
        let map = deserializer.deserialize_map(Reads)?;
        if serde_json::to_string(&map).map_or(usize::MAX, |text| text.len()) > Self::BYTES {
            return Err(D::Error::custom("is too long: write an object of 8192 bytes at most"));
        }
        Ok(Self(map))
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some("Whatever you want to find again: a JSON object of 8192 bytes at most."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Metadata {}

/// A field of the interface that this version does not serve: it may be left out, null or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unserved {
    is_asked_for: bool,
}

impl<'de> Deserialize<'de> for Unserved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self { is_asked_for: value != Value::Bool(false) })
    }
}

impl PartialSchema for Unserved {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Boolean))
            .description(Some("Not served in this version: leave it out, or write false."))
            .enum_values(Some([false]))
            .into()
    }
}

impl ToSchema for Unserved {}

/// Says of each field that is asked for and not served that it is not.
pub(super) fn refuse_unserved(fields: &[(&str, Option<Unserved>)]) -> Vec<FieldError> {
    let asked = fields.iter().filter(|(_, value)| value.is_some_and(|value| value.is_asked_for));
    let error = |(field, _): &(&str, _)| FieldError {
        field: (*field).to_owned(),
        detail: "is not served in this version: leave it out".to_owned(),
    };
    asked.map(error).collect()
}

/// A number as this token may see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub(super) struct Shown(String);

impl Shown {
    /// Whole, or redacted.
    pub(super) fn new(number: PhoneNumber, whole: bool) -> Self {
        Self(if whole { number.reveal() } else { number.to_string() })
    }
}

impl PartialSchema for Shown {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some(
                "A phone number in E.164: whole for a token with the scope `read-numbers`, else redacted.",
            ))
            .pattern(Some(r"^\+[0-9*]{7,15}$"))
            .examples(["+9198******02"])
            .into()
    }
}

impl ToSchema for Shown {
    fn name() -> Cow<'static, str> {
        "ShownNumber".into()
    }
}
