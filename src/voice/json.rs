//! The JSON form, as the module describes it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fault::{Fault, Label, Place, Wrong};
use super::node::{Content, Count, Node};
use super::read::{NAMES, Read, interpret};

/// Reads a document of at most `limit` bytes.
///
/// # Errors
/// Where it is no JSON, or no [`super::Response`].
pub fn read_json(body: &[u8], limit: usize) -> Result<Read, Fault> {
    if body.len() > limit {
        return Err(Wrong::TooLarge(limit).at(None));
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(Wrong::Empty.at(None));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let place = Place { line: number(error.line()), column: number(error.column()) };
        Wrong::Json.at(Some(place))
    })?;
    interpret(&named(value, &mut Count::default(), 1)?)
}

/// An object with one key: an element by its name.
fn named(value: Value, count: &mut Count, depth: usize) -> Result<Node, Fault> {
    let Value::Object(mut fields) = value else { return Err(Wrong::Shape(Label::new("")).at(None)) };
    match (fields.pop(), fields.is_empty()) {
        (Some((name, value)), true) => element(&name, value, count, depth),
        (last, _) => {
            let name = fields.first().or(last.as_ref()).map_or("", |(name, _)| name);
            Err(Wrong::Shape(Label::new(name)).at(None))
        }
    }
}

/// An element and what it has.
fn element(name: &str, value: Value, count: &mut Count, depth: usize) -> Result<Node, Fault> {
    count.one(depth, None)?;
    let mut node = Node::new(known(name).unwrap_or(name), None);
    match value {
        Value::Null => {}
        Value::Text(text) => node.content.push(Content::Text(text)),
        Value::List(values) => {
            for value in values {
                node.content.push(Content::Element(named(value, count, depth + 1)?));
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                field(&mut node, &key, value, count, depth)?;
            }
        }
    }
    Ok(node)
}

fn field(node: &mut Node, key: &str, value: Value, count: &mut Count, depth: usize) -> Result<(), Fault> {
    match (key, value) {
        (_, Value::Null) => {}
        ("text", Value::Text(text)) => node.content.push(Content::Text(text)),
        ("content", Value::List(values)) => {
            for value in values {
                node.content.push(Content::Element(named(value, count, depth + 1)?));
            }
        }
        (name, Value::List(values)) if known(name).is_some() => {
            for value in values {
                node.content.push(Content::Element(element(name, value, count, depth + 1)?));
            }
        }
        (name, value) if known(name).is_some() => {
            node.content.push(Content::Element(element(name, value, count, depth + 1)?));
        }
        (name, Value::Text(text)) if node.attributes.iter().all(|(other, _)| other != name) => {
            node.give(name, text)?;
        }
        _ => return Err(Wrong::Shape(node.label()).at(None)),
    }
    Ok(())
}

/// The name of an element in XML.
fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// JSON in the order in which it is written; numbers and booleans as their text.
enum Value {
    Null,
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seen)
    }
}

struct Seen;

impl<'de> Visitor<'de> for Seen {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        let is_odd = |letter: char| letter < ' ' && !matches!(letter, '\t' | '\n' | '\r');
        if value.contains(is_odd) { Err(E::custom("control")) } else { Ok(Value::Text(value.to_owned())) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Value::Object(fields))
    }
}
