//! The repeated tables of the settings file: every key of `[[trunks]]`, `[[phones]]` and `[[mappings]]`.

use super::addresses::{network, target};
use super::table::{Flaw, Read, Table, Value};
use super::values::{boolean, link, list, name, number, prefix, secret, some, text, whole, word};
use super::{
    AnswerUrl, EarlyMedia, IdentityIn, IdentityOut, Leads, Mapping, NumberFormat, Phone, REFUSALS_PER_SECOND,
    Target, Trunk,
};
use crate::base::link::Method;

const FORMATS: [(&str, NumberFormat); 3] = [
    ("e164", NumberFormat::E164),
    ("e164-no-plus", NumberFormat::E164NoPlus),
    ("national", NumberFormat::National),
];
const IDENTITIES_IN: [(&str, IdentityIn); 3] =
    [("pai", IdentityIn::Pai), ("rpid", IdentityIn::Rpid), ("from", IdentityIn::From)];
const IDENTITIES_OUT: [(&str, IdentityOut); 3] =
    [("pai", IdentityOut::Pai), ("rpid", IdentityOut::Rpid), ("from", IdentityOut::From)];
const EARLY_MEDIA: [(&str, EarlyMedia); 2] =
    [("ringback", EarlyMedia::Ringback), ("relay", EarlyMedia::Relay)];

const METHODS: [(&str, Method); 2] = [("POST", Method::Post), ("GET", Method::Get)];

/// Reads a row of `[[trunks]]`.
pub(super) fn trunk(table: &mut Table<'_, '_>) -> Option<Trunk> {
    let name = table.need("name", "one, as in name = \"carrier\"", name);
    let sources =
        table.need("sources", "who may call, as in sources = [\"203.0.113.0/24\"]", some(true, network));
    let targets = table.need("target", "where its calls go, as in \"sip:203.0.113.10:5060\"", one_target);
    let prefixes = table.or("prefixes", Vec::new(), some(false, prefix));
    later(table);
    let format_in = table.take("format_in", word(&FORMATS));
    let format_out = table.or("format_out", NumberFormat::E164, word(&FORMATS));
    let identity_in = table.or("identity_in", IdentityIn::default(), word(&IDENTITIES_IN));
    let identity_out = table.or("identity_out", IdentityOut::default(), word(&IDENTITIES_OUT));
    let allowed_show = table.take("allowed_show", list(number));
    let media_sources = table.or("media_sources", Vec::new(), list(network));
    let early_media = table.or("early_media", EarlyMedia::default(), word(&EARLY_MEDIA));
    let refuse = table.or("refuse", 404, refuse);
    let refusals_per_second = table.or("refusals_per_second", REFUSALS_PER_SECOND, whole(1..=1_000_000));
    Some(Trunk {
        name: name?.into(),
        sources: sources?,
        targets: targets?,
        prefixes,
        format_in,
        format_out,
        identity_in,
        identity_out,
        allowed_show,
        media_sources,
        early_media,
        refuse,
        refusals_per_second,
    })
}

/// What a trunk can do in later versions.
fn later(table: &mut Table<'_, '_>) {
    for key in ["username", "password"] {
        table.later(key, "take it out, and have the carrier know this host by its address");
    }
    for key in ["max_calls", "max_cps"] {
        table.later(key, "take it out, and have the carrier limit its calls");
    }
    if table.take("register", boolean) == Some(true) {
        let instead = "take it out, and have the carrier send calls to this host's address";
        table.fault("register", format!("not in this version: {instead}"));
    }
    if table.take("srtp", word(&[("off", false), ("offer", true), ("require", true)])) == Some(true) {
        table.fault("srtp", "not in this version: write \"off\", or take it out");
    }
}

/// One target, with or without a list around it.
fn one_target(value: &Value<'_>) -> Read<Vec<Target>> {
    let targets = some(true, target)(value)?;
    let second = value.get_ref().as_array().and_then(|array| array.get(1));
    second.map_or(Ok(targets), |second| {
        let message = "not in this version: write one target, since no other would be tried".to_owned();
        Err(vec![Flaw { offset: second.span().start, message }])
    })
}

fn refuse(value: &Value<'_>) -> Read<u16> {
    match whole(100..=699)(value) {
        Ok(404) => Ok(404),
        Ok(403) => Ok(403),
        Ok(480) => Ok(480),
        _ => {
            let message = "is no status of a refusal: write 404, 403 or 480".to_owned();
            Err(vec![Flaw { offset: value.span().start, message }])
        }
    }
}

/// Reads a row of `[[phones]]`.
pub(super) fn phone(table: &mut Table<'_, '_>) -> Option<Phone> {
    let username = table.need("username", "one, as in username = \"agent\"", name);
    let password = table.need("password", "one, as in password = \"...\"", secret);
    let number = table.need("number", "the phone's own, as in number = \"+9198...\"", number);
    let early_media = table.or("early_media", EarlyMedia::default(), word(&EARLY_MEDIA));
    Some(Phone { username: username?.into(), password: password?, number: number?, early_media })
}

/// Reads a row of `[[mappings]]`.
pub(super) fn mapping(table: &mut Table<'_, '_>) -> Option<Mapping> {
    let dialled = table.need("dialled", "the masking number that is called", number);
    let caller = table.take("caller", number);
    let leads = if table.has("answer_url") { asks(table) } else { goes(table) };
    let early_media = table.take("early_media", word(&EARLY_MEDIA));
    Some(Mapping { dialled: dialled?, caller, leads: leads?, early_media })
}

/// A row that leads to a number.
fn goes(table: &mut Table<'_, '_>) -> Option<Leads> {
    let destination = table.need("destination", "the number to call, or answer_url: whom to ask", number);
    let show = table.need("show", "the masking number to show there", number);
    if table.take("answer_method", word(&METHODS)).is_some() {
        table.fault("answer_method", "says how answer_url is asked: write that, or take this out");
    }
    Some(Leads::To { destination: destination?, show: show? })
}

/// A row that leads to what a web service answers.
fn asks(table: &mut Table<'_, '_>) -> Option<Leads> {
    for key in ["destination", "show"] {
        if table.take(key, number).is_some() {
            table.fault(key, "is for the web service to say: take it out, or take answer_url out");
        }
    }
    let method = table.or("answer_method", Method::default(), word(&METHODS));
    let url = table.take("answer_url", text(link))?;
    Some(Leads::Ask(AnswerUrl { url: url.into(), method }))
}
