//! What can be wrong with a document, and what was passed over.

use std::fmt;

/// Where in the text of a document something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The character within the line, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A name out of a document: at most 32 characters, of which all that do not belong into a name are `?`, and digits are
/// `*` where there are five or more, which may be a telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Box<str>);

impl Label {
    /// What may be shown of a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let is_numeric = name.chars().filter(char::is_ascii_digit).count() >= 5;
        let shown = name.chars().take(32).map(|letter| match letter {
            '0'..='9' if is_numeric => '*',
            '_' | '-' | '.' | ':' | '0'..='9' | 'a'..='z' | 'A'..='Z' => letter,
            _ => '?',
        });
        Self(shown.collect())
    }

    /// The label's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a document cannot be followed, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{wrong}", at(*.place))]
pub struct Fault {
    /// Where, as far as it is known: in JSON, only where its syntax is broken.
    pub place: Option<Place>,
    /// What is wrong.
    pub wrong: Wrong,
}

fn at(place: Option<Place>) -> String {
    place.map_or_else(String::new, |place| format!("{place}: "))
}

/// What is wrong with a document. It holds nothing of it but [`Label`]s.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// More bytes than the caller allows.
    #[error("the document has more than {0} bytes")]
    TooLarge(usize),
    /// No text at all.
    #[error("the document is empty")]
    Empty,
    /// The bytes are not in the declared encoding, or that is none of UTF-8, US-ASCII and ISO-8859-1.
    #[error("the document's encoding cannot be read: write UTF-8")]
    Encoding,
    /// A control character that XML does not allow.
    #[error("a control character stands in the document")]
    Control,
    /// A document type declaration.
    #[error("a DOCTYPE is not allowed")]
    Doctype,
    /// An entity other than the five that XML has, or a bare `&`.
    #[error("an entity other than &amp; &lt; &gt; &quot; &apos; and &#...; is not allowed: write & as &amp;")]
    Entity,
    /// It is not well-formed XML.
    #[error("the XML is not well-formed")]
    Xml,
    /// It is not JSON.
    #[error("the JSON cannot be read")]
    Json,
    /// It is JSON of another shape than the module describes.
    #[error("<{0}>: this is not the JSON of an element")]
    Shape(Label),
    /// More than [`super::limits::ELEMENTS`] elements.
    #[error("there are too many elements")]
    TooMany,
    /// More than [`super::limits::ATTRIBUTES`] attributes.
    #[error("<{0}> has too many attributes")]
    TooManyAttributes(Label),
    /// Elements within one another, deeper than [`super::limits::DEPTH`].
    #[error("elements stand too deep within one another")]
    TooDeep,
    /// The outermost element is another one than Response.
    #[error("the document is <{0}>, and not <Response>")]
    Root(Label),
    /// An element that is not known in that place.
    #[error("<{element}> is not known in <{within}>; allowed are {}", allowed.join(", "))]
    Element {
        /// The element.
        element: Label,
        /// What it stands in.
        within: &'static str,
        /// What may stand there.
        allowed: &'static [&'static str],
    },
    /// Something without which an element means nothing is missing or cannot be read.
    #[error("<{element}>: {what} is missing or cannot be read")]
    Needs {
        /// The element.
        element: &'static str,
        /// What it needs.
        what: &'static str,
    },
}

impl Wrong {
    /// The fault at a place.
    pub(super) fn at(self, place: Option<Place>) -> Fault {
        Fault { place, wrong: self }
    }
}

/// Something that was passed over, so that the call goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, in XML.
    pub place: Option<Place>,
    /// In which element.
    pub element: &'static str,
    /// What.
    pub note: Note,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{}>: {}", at(self.place), self.element, self.note)
    }
}

/// What was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// An attribute that the element does not have.
    #[error("the attribute {0} is not known")]
    Unknown(Label),
    /// An attribute that the platforms have, and that does nothing here.
    #[error("the attribute {0} does nothing here")]
    Ignored(&'static str),
    /// An attribute whose value cannot be read: its default holds.
    #[error("the value of {0} cannot be read")]
    Unread(&'static str),
    /// An attribute whose value is out of range: the nearest holds.
    #[error("the value of {0} is out of range")]
    OutOfRange(&'static str),
    /// Text where none belongs.
    #[error("text stands where none belongs")]
    Text,
    /// SSML, of which only the words are spoken.
    #[error("markup within is left out")]
    Markup,
    /// Speech, which is not recognised here.
    #[error("speech is not recognised here")]
    Speech,
    /// An element that cannot do anything and is left out.
    #[error("the element is left out")]
    LeftOut,
}
