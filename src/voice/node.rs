//! The tree that both forms of a document become.

use super::fault::{Fault, Label, Place, Wrong};
use super::limits;

/// An element.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) place: Option<Place>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) content: Vec<Content>,
}

/// What stands within an element.
#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Element(Node),
}

impl Node {
    pub(super) fn new(name: &str, place: Option<Place>) -> Self {
        Self { name: name.to_owned(), place, attributes: Vec::new(), content: Vec::new() }
    }

    /// What may be shown of its name.
    pub(super) fn label(&self) -> Label {
        Label::new(&self.name)
    }

    pub(super) fn give(&mut self, name: &str, value: String) -> Result<(), Fault> {
        if self.attributes.len() == limits::ATTRIBUTES {
            return Err(Wrong::TooManyAttributes(self.label()).at(self.place));
        }
        self.attributes.push((name.to_owned(), value));
        Ok(())
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Node> {
        self.content.iter().filter_map(|content| match content {
            Content::Element(node) => Some(node),
            Content::Text(_) => None,
        })
    }

    /// The words in it and in all elements within, one space between two.
    pub(super) fn words(&self) -> String {
        let mut text = String::new();
        self.gather(&mut text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn gather(&self, text: &mut String) {
        for content in &self.content {
            match content {
                Content::Text(words) => text.push_str(words),
                Content::Element(node) => {
                    text.push(' ');
                    node.gather(text);
                    text.push(' ');
                }
            }
        }
    }

    /// The text that stands in it itself.
    pub(super) fn own_text(&self) -> String {
        let texts = self.content.iter().map(|content| match content {
            Content::Text(text) => text.as_str(),
            Content::Element(_) => "",
        });
        texts.collect::<String>().trim().to_owned()
    }
}

/// Counts the elements of a document.
#[derive(Default)]
pub(super) struct Count(usize);

impl Count {
    /// One more, so many levels deep.
    pub(super) fn one(&mut self, depth: usize, place: Option<Place>) -> Result<(), Fault> {
        self.0 += 1;
        match () {
            () if self.0 > limits::ELEMENTS => Err(Wrong::TooMany.at(place)),
            () if depth > limits::DEPTH => Err(Wrong::TooDeep.at(place)),
            () => Ok(()),
        }
    }
}
