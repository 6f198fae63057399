//! The XML form. quick-xml tells the events: it expands no entity, fetches nothing and keeps nothing. What they may be
//! is decided here: no document type, no entities but XML's own five, and bounds to all that grows.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::encoding::decode;
use super::fault::{Fault, Place, Wrong};
use super::node::{Content, Count, Node};
use super::read::{Read, interpret};

/// Reads a document of at most `limit` bytes.
///
/// # Errors
/// Where it is no XML that is allowed, or no [`super::Response`].
pub fn read_xml(body: &[u8], limit: usize) -> Result<Read, Fault> {
    read_charset(body, limit, None)
}

/// The same, where the media type names an encoding.
pub(super) fn read_charset(body: &[u8], limit: usize, charset: Option<&str>) -> Result<Read, Fault> {
    if body.len() > limit {
        return Err(Wrong::TooLarge(limit).at(None));
    }
    let text = decode(body, charset).map_err(|wrong| wrong.at(None))?;
    interpret(&Tree::new(&text).build()?)
}

/// The tree while it grows.
struct Tree<'a> {
    reader: Reader<&'a [u8]>,
    places: Places<'a>,
    count: Count,
    open: Vec<Node>,
    root: Option<Node>,
}

impl<'a> Tree<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            reader: Reader::from_str(text),
            places: Places { text, offset: 0, place: Place { line: 1, column: 1 } },
            count: Count::default(),
            open: Vec::new(),
            root: None,
        }
    }

    fn build(mut self) -> Result<Node, Fault> {
        loop {
            let place = Some(self.places.at(self.reader.buffer_position()));
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let place = self.places.at(self.reader.error_position());
                    return Err(broken(&error).at(Some(place)));
                }
            };
            match event {
                Event::Start(start) => {
                    let node = self.start(&start, place)?;
                    self.open.push(node);
                }
                Event::Empty(start) => {
                    let node = self.start(&start, place)?;
                    self.close(node);
                }
                Event::End(_) => {
                    let node = self.open.pop().ok_or_else(|| Wrong::Xml.at(place))?;
                    self.close(node);
                }
                Event::Text(text) => self.text(utf8(&text), place)?,
                Event::CData(text) => self.text(utf8(&text), place)?,
                Event::GeneralRef(name) => {
                    let letter = resolve(utf8(&name)).ok_or_else(|| Wrong::Entity.at(place))?;
                    self.text(letter.encode_utf8(&mut [0; 4]), place)?;
                }
                Event::DocType(_) => return Err(Wrong::Doctype.at(place)),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() => return self.root.ok_or_else(|| Wrong::Xml.at(place)),
                Event::Eof => return Err(Wrong::Xml.at(place)),
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, place: Option<Place>) -> Result<Node, Fault> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(Wrong::Xml.at(place));
        }
        self.count.one(self.open.len() + 1, place)?;
        let mut node = Node::new(utf8(start.name().as_ref()), place);
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| Wrong::Xml.at(place))?;
            let value = unescape(utf8(&attribute.value)).ok_or_else(|| Wrong::Entity.at(place))?;
            node.give(utf8(attribute.key.as_ref()), value)?;
        }
        Ok(node)
    }

    fn close(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(parent) => parent.content.push(Content::Element(node)),
            None => self.root = Some(node),
        }
    }

    fn text(&mut self, text: &str, place: Option<Place>) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(parent) => match parent.content.last_mut() {
                Some(Content::Text(before)) => before.push_str(text),
                _ => parent.content.push(Content::Text(text.to_owned())),
            },
            None if text.trim().is_empty() => {}
            None => return Err(Wrong::Xml.at(place)),
        }
        Ok(())
    }
}

/// A piece of the text that the reader was given, which was UTF-8.
fn utf8(piece: &[u8]) -> &str {
    str::from_utf8(piece).unwrap_or_default()
}

/// A bare `&` has its own fault: it is the most common one.
fn broken(error: &quick_xml::Error) -> Wrong {
    use quick_xml::errors::IllFormedError::UnclosedReference;
    match error {
        quick_xml::Error::IllFormed(UnclosedReference) => Wrong::Entity,
        _ => Wrong::Xml,
    }
}

/// What stands between `&` and `;`: one of the five entities of XML (section 4.6), or a character by its number.
fn resolve(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let letter = char::from_u32(is_number.then(|| u32::from_str_radix(digits, radix).ok())??)?;
    (!letter.is_control() || matches!(letter, '\t' | '\n' | '\r')).then_some(letter)
}

/// An attribute's value.
fn unescape(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';')?;
        out.push_str(before);
        out.push(resolve(name)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// Tells lines and columns of offsets that only grow.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    place: Place,
}

impl Places<'_> {
    fn at(&mut self, offset: u64) -> Place {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        if let Some(passed) = self.text.get(self.offset..offset) {
            for letter in passed.chars() {
                match letter {
                    '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                    _ => self.place.column += 1,
                }
            }
            self.offset = offset;
        }
        self.place
    }
}
