//! The element that connects the caller.

use std::time::Duration;

use super::attributes::{Given, Notes};
use super::fault::{Fault, Note, Wrong};
use super::node::Node;
use super::{Hidden, Key, Link, Method, Tones, WrittenNumber};

/// Connects the caller to the first of its targets who answers (or, with `confirmSound` and `confirmKey`, who presses
/// the key).
///
/// Vobiz, "Dial XML element", "Dial status reporting" and "Confirm to answer call"; Plivo, "The Dial element" and "Call
/// Routing".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Who is dialled, all at once; at least one.
    pub targets: Vec<Target>,
    /// The number to show. The platforms show the caller's own where it is left out; here that never happens.
    pub caller_id: Option<WrittenNumber>,
    /// The name to show, at most 50 characters.
    pub caller_name: Option<Hidden>,
    /// How long it rings; Vobiz has 120 s where it is left out, Plivo nothing.
    pub timeout: Option<Duration>,
    /// How long the parties may talk, 4 h by default, 24 h at most.
    pub time_limit: Duration,
    /// What is asked when it is over.
    pub action: Option<Link>,
    /// How it is asked.
    pub method: Method,
    /// Whether the call goes on with what `action` answers; the default.
    pub redirect: bool,
    /// Whether the caller's `*` ends the other leg; not by default.
    pub hangup_on_star: bool,
    /// What the called party hears before it is connected.
    pub confirm_sound: Option<Link>,
    /// The key that takes the call. Without `confirmSound` it does nothing, as both platforms have it.
    pub confirm_key: Option<Key>,
    /// How long the key is waited for, 120 s by default (Plivo; Vobiz names none).
    pub confirm_timeout: Duration,
    /// What the caller hears meanwhile; where it is left out, the number's own way.
    pub music: Option<DialMusic>,
    /// What is told of each leg as it goes.
    pub callback: Option<Link>,
    /// How it is told.
    pub callback_method: Method,
    /// Keys of the caller that are told to `callback`, each row of 1 to 32.
    pub digits_match: Vec<Hidden>,
    /// The same, of the called party.
    pub digits_match_b_leg: Vec<Hidden>,
}

/// What the caller hears while it rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialMusic {
    /// `real`: ringing.
    Real,
    /// What a document of prompts says.
    Link(Link),
}

/// Who is dialled.
///
/// Vobiz, "Number" and "User"; Plivo, "The Number element" and "The User element". A number directly in Dial is one
/// more Number, as Vobiz documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A telephone number.
    Number {
        /// The number.
        number: WrittenNumber,
        /// Tones after its answer.
        tones: Option<Tones>,
        /// Whether they are sent before it answers; not by default.
        on_preanswer: bool,
    },
    /// A SIP address.
    User {
        /// The address, `sip:` or `sips:`, of printable ASCII.
        uri: Hidden,
        /// Tones after its answer.
        tones: Option<Tones>,
        /// Whether they are sent before it answers; not by default.
        on_preanswer: bool,
    },
}

/// What may stand in Dial. A Record there, of which Vobiz's text speaks, is read as one before it.
const WITHIN: &[&str] = &["Number", "User"];

pub(super) fn read(node: &Node, notes: &mut Notes) -> Result<Dial, Fault> {
    let targets = targets(node, notes)?;
    let mut given = Given::new(node, "Dial", notes);
    let caller_id = match given.text("callerId") {
        None => None,
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(WrittenNumber::read(text).ok_or_else(|| needs(node, "Dial", "callerId"))?),
    };
    let dial = Dial {
        targets,
        caller_id,
        caller_name: given
            .filled("callerName")
            .map(|name| Hidden::new(name.chars().take(50).collect::<String>())),
        timeout: given.seconds("timeout", 1..=86_400),
        time_limit: given.seconds("timeLimit", 1..=86_400).unwrap_or(Duration::from_secs(14_400)),
        action: given.link("action"),
        method: given.method("method"),
        redirect: given.flag("redirect").unwrap_or(true),
        hangup_on_star: given.flag("hangupOnStar").unwrap_or(false),
        confirm_sound: given.link("confirmSound"),
        confirm_key: given.key("confirmKey").flatten(),
        confirm_timeout: given.seconds("confirmTimeout", 1..=86_400).unwrap_or(Duration::from_secs(120)),
        music: music(&mut given),
        callback: given.link("callbackUrl"),
        callback_method: given.method("callbackMethod"),
        digits_match: patterns(&mut given, "digitsMatch"),
        digits_match_b_leg: patterns(&mut given, "digitsMatchBLeg"),
    };
    given.ignored(&["sipHeaders", "callType"]);
    given.end();
    Ok(dial)
}

fn targets(node: &Node, notes: &mut Notes) -> Result<Vec<Target>, Fault> {
    let mut targets = Vec::new();
    let text = node.own_text();
    if !text.is_empty() {
        targets.push(number(&text, None, false).ok_or_else(|| needs(node, "Dial", "the number"))?);
    }
    for within in node.elements() {
        match within.name.as_str() {
            "Number" | "User" => targets.push(target(within, notes)?),
            "Record" => {}
            _ => {
                let wrong = Wrong::Element { element: within.label(), within: "Dial", allowed: WITHIN };
                return Err(wrong.at(within.place));
            }
        }
    }
    if targets.is_empty() {
        return Err(needs(node, "Dial", "a Number or User"));
    }
    Ok(targets)
}

fn needs(node: &Node, element: &'static str, what: &'static str) -> Fault {
    Wrong::Needs { element, what }.at(node.place)
}

fn number(text: &str, tones: Option<Tones>, on_preanswer: bool) -> Option<Target> {
    WrittenNumber::read(text).map(|number| Target::Number { number, tones, on_preanswer })
}

fn target(node: &Node, notes: &mut Notes) -> Result<Target, Fault> {
    let is_number = node.name == "Number";
    let mut given = Given::new(node, if is_number { "Number" } else { "User" }, notes);
    let tones = given.read("sendDigits", Tones::read);
    let on_preanswer = given.flag("sendOnPreanswer").unwrap_or(false);
    given.ignored(&["sipHeaders", "sendDigitsMode", "sipAuthUsername", "sipAuthPassword"]);
    given.end();
    let text = node.words();
    if is_number {
        return number(&text, tones, on_preanswer).ok_or_else(|| needs(node, "Number", "the number"));
    }
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_uri = matches!(scheme.as_deref(), Some("sip" | "sips"))
        && (5..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    let uri = is_uri.then(|| Hidden::new(text)).ok_or_else(|| needs(node, "User", "a SIP address"))?;
    Ok(Target::User { uri, tones, on_preanswer })
}

fn music(given: &mut Given<'_>) -> Option<DialMusic> {
    match given.filled("dialMusic")? {
        real if real.eq_ignore_ascii_case("real") => Some(DialMusic::Real),
        text => match Link::read(text) {
            Some(link) => Some(DialMusic::Link(link)),
            None => {
                given.note(Note::Unread("dialMusic"));
                None
            }
        },
    }
}

/// Rows of keys, parted by commas.
fn patterns(given: &mut Given<'_>, name: &'static str) -> Vec<Hidden> {
    let Some(text) = given.filled(name) else { return Vec::new() };
    let is_row =
        |row: &&str| (1..=32).contains(&row.len()) && row.chars().all(|sign| Key::read(sign).is_some());
    let rows: Vec<&str> = text.split(',').map(str::trim).collect();
    if rows.len() > 32 || !rows.iter().all(is_row) {
        given.note(Note::Unread(name));
    }
    rows.into_iter().filter(is_row).take(32).map(Hidden::new).collect()
}
