//! From the tree to the document.

use std::time::Duration;

use super::attributes::{Given, Notes};
use super::fault::{Fault, Note, Warning, Wrong};
use super::node::{Content, Node};
use super::{
    Dtmf, Element, GatherKind, Hangup, HangupReason, Hidden, Link, Play, Prompt, Redirect, Response, Speak,
    Tones, Voice, Wait, dial, gather, json, record, xml,
};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The document.
    pub response: Response,
    /// What of it was passed over.
    pub warnings: Vec<Warning>,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// XML.
    Xml,
    /// JSON.
    Json,
}

impl Form {
    /// The form of a document: what its first character shows, or else what its media type says (`text/html` and
    /// none at all are common).
    #[must_use]
    pub fn of(media_type: Option<&str>, body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let is_json = || media_type.is_some_and(|name| name.to_ascii_lowercase().contains("json"));
        match body.trim_ascii_start().first() {
            Some(b'<') => Self::Xml,
            Some(b'{' | b'[') => Self::Json,
            _ if is_json() => Self::Json,
            _ => Self::Xml,
        }
    }
}

/// Reads a document of at most `limit` bytes in either form, given its media type (`Content-Type`).
///
/// # Errors
/// Where it is no [`Response`].
pub fn read(media_type: Option<&str>, body: &[u8], limit: usize) -> Result<Read, Fault> {
    match Form::of(media_type, body) {
        Form::Json => json::read_json(body, limit),
        Form::Xml => {
            let parameters = media_type.unwrap_or_default().split(';').skip(1);
            let charset = parameters.filter_map(|parameter| parameter.split_once('='));
            let mut charset = charset.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
            xml::read_charset(body, limit, charset.next().map(|(_, value)| value.trim().trim_matches('"')))
        }
    }
}

/// The elements of a document.
const ALLOWED: &[&str] = &[
    "Dial",
    "Speak",
    "Play",
    "Wait",
    "Gather",
    "GetDigits",
    "GetInput",
    "Record",
    "PreAnswer",
    "Redirect",
    "Hangup",
    "DTMF",
];
/// The elements that can be heard.
const PROMPTS: &[&str] = &["Speak", "Play", "Wait"];
/// Every element, and Vobiz's other spelling of one.
pub(super) const NAMES: [&str; 15] = [
    "Response",
    "Dial",
    "Number",
    "User",
    "Speak",
    "Play",
    "Wait",
    "Gather",
    "GetDigits",
    "GetInput",
    "Record",
    "PreAnswer",
    "Redirect",
    "Hangup",
    "DTMF",
];

pub(super) fn interpret(root: &Node) -> Result<Read, Fault> {
    if root.name != "Response" {
        return Err(Wrong::Root(root.label()).at(root.place));
    }
    let mut notes = Notes::default();
    Given::new(root, "Response", &mut notes).end();
    no_text(root, "Response", &mut notes);
    let mut response = Response::default();
    for node in root.elements() {
        // Vobiz's text has Record nested in Dial, its samples have it beside: it begins with the answer either way.
        for record in node.elements().filter(|within| node.name == "Dial" && within.name == "Record") {
            response.elements.push(Element::Record(Box::new(record::read(record, true, &mut notes))));
        }
        response.elements.extend(element(node, &mut notes)?);
    }
    Ok(Read { response, warnings: notes.0 })
}

fn element(node: &Node, notes: &mut Notes) -> Result<Option<Element>, Fault> {
    let element = match node.name.as_str() {
        "Dial" => Element::Dial(Box::new(dial::read(node, notes)?)),
        "Speak" | "Play" | "Wait" => {
            let prompt = prompt(node, "Response", notes)?;
            return Ok(prompt.map(|prompt| match prompt {
                Prompt::Speak(speak) => Element::Speak(speak),
                Prompt::Play(play) => Element::Play(play),
                Prompt::Wait(wait) => Element::Wait(wait),
            }));
        }
        "Gather" => Element::Gather(Box::new(gather::read(node, GatherKind::Gather, notes)?)),
        "GetDigits" => Element::Gather(Box::new(gather::read(node, GatherKind::GetDigits, notes)?)),
        "GetInput" => Element::Gather(Box::new(gather::read(node, GatherKind::GetInput, notes)?)),
        "Record" => Element::Record(Box::new(record::read(node, false, notes))),
        "PreAnswer" | "Preanswer" => {
            Given::new(node, "PreAnswer", notes).end();
            Element::PreAnswer(prompts(node, "PreAnswer", notes)?)
        }
        "Redirect" => Element::Redirect(redirect(node, notes)?),
        "Hangup" => Element::Hangup(hangup(node, notes)),
        "DTMF" => return Ok(dtmf(node, notes).map(Element::Dtmf)),
        _ => {
            let wrong = Wrong::Element { element: node.label(), within: "Response", allowed: ALLOWED };
            return Err(wrong.at(node.place));
        }
    };
    Ok(Some(element))
}

/// The prompts within an element.
pub(super) fn prompts(node: &Node, within: &'static str, notes: &mut Notes) -> Result<Vec<Prompt>, Fault> {
    no_text(node, within, notes);
    let mut prompts = Vec::new();
    for node in node.elements() {
        prompts.extend(prompt(node, within, notes)?);
    }
    Ok(prompts)
}

fn prompt(node: &Node, within: &'static str, notes: &mut Notes) -> Result<Option<Prompt>, Fault> {
    match node.name.as_str() {
        "Speak" => Ok(speak(node, notes).map(Prompt::Speak)),
        "Play" => play(node, notes).map(|play| Some(Prompt::Play(play))),
        "Wait" => Ok(Some(Prompt::Wait(wait(node, notes)))),
        _ => Err(Wrong::Element { element: node.label(), within, allowed: PROMPTS }.at(node.place)),
    }
}

fn no_text(node: &Node, element: &'static str, notes: &mut Notes) {
    if node.content.iter().any(|content| matches!(content, Content::Text(text) if !text.trim().is_empty())) {
        notes.add(node.place, element, Note::Text);
    }
}

fn speak(node: &Node, notes: &mut Notes) -> Option<Speak> {
    if node.elements().next().is_some() {
        notes.add(node.place, "Speak", Note::Markup);
    }
    let mut given = Given::new(node, "Speak", notes);
    let voice = |text: &str| match text.to_ascii_uppercase().as_str() {
        "WOMAN" => Some(Voice::Woman),
        "MAN" => Some(Voice::Man),
        _ => {
            let is_name = text.len() <= 64
                && text.chars().all(|letter| letter.is_alphanumeric() || "._-*".contains(letter));
            is_name.then(|| Voice::Named(text.into()))
        }
    };
    let language = |text: &str| {
        let is_tag =
            text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_tag.then(|| Box::from(text))
    };
    let speak = Speak {
        text: Hidden::new(node.words()),
        voice: given.read("voice", voice).unwrap_or_default(),
        language: given.read("language", language).unwrap_or_else(|| "en-US".into()),
        times: given.whole("loop", 0..=1_000).unwrap_or(1),
    };
    if speak.text.reveal().is_empty() {
        given.note(Note::LeftOut);
    }
    given.end();
    (!speak.text.reveal().is_empty()).then_some(speak)
}

fn play(node: &Node, notes: &mut Notes) -> Result<Play, Fault> {
    let mut given = Given::new(node, "Play", notes);
    let times = given.whole("loop", 0..=1_000).unwrap_or(1);
    given.end();
    Ok(Play { link: link(node, "Play")?, times })
}

/// The URL that an element has as its text.
fn link(node: &Node, element: &'static str) -> Result<Link, Fault> {
    Link::read(&node.words()).ok_or_else(|| Wrong::Needs { element, what: "the URL" }.at(node.place))
}

fn wait(node: &Node, notes: &mut Notes) -> Wait {
    no_text(node, "Wait", notes);
    let mut given = Given::new(node, "Wait", notes);
    let is_silence = given.flag("silence").unwrap_or(false);
    let least = given.millis("minSilence", 1..=3_600_000).unwrap_or(Duration::from_secs(2));
    // Plivo also takes a list of the beep's properties.
    let beep = |text: &str| Some(!matches!(text.to_ascii_lowercase().as_str(), "false" | "0" | "no"));
    let wait = Wait {
        length: given.seconds("length", 1..=86_400).unwrap_or(Duration::from_secs(1)),
        until_silence: is_silence.then_some(least),
        until_beep: given.read("beep", beep).unwrap_or(false) && !is_silence,
    };
    given.end();
    wait
}

fn redirect(node: &Node, notes: &mut Notes) -> Result<Redirect, Fault> {
    let mut given = Given::new(node, "Redirect", notes);
    let method = given.method("method");
    given.end();
    Ok(Redirect { link: link(node, "Redirect")?, method })
}

fn hangup(node: &Node, notes: &mut Notes) -> Hangup {
    no_text(node, "Hangup", notes);
    let mut given = Given::new(node, "Hangup", notes);
    let reason = |text: &str| match text.to_ascii_lowercase().as_str() {
        "rejected" => Some(HangupReason::Rejected),
        "busy" => Some(HangupReason::Busy),
        _ => None,
    };
    let hangup =
        Hangup { reason: given.read("reason", reason), schedule: given.seconds("schedule", 1..=86_400) };
    given.end();
    hangup
}

/// Vobiz leaves the element out where it has anything else in it than tones.
fn dtmf(node: &Node, notes: &mut Notes) -> Option<Dtmf> {
    let mut given = Given::new(node, "DTMF", notes);
    let is_async = given.flag("async").unwrap_or(true);
    let tones = Tones::read(&node.words());
    if tones.is_none() {
        given.note(Note::LeftOut);
    }
    given.end();
    tones.map(|tones| Dtmf { tones, is_async })
}
