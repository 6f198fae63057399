//! The writer of each leg's messages.
//!
//! Every function here takes values of the crossing, the leg's own state, and for a response the echo of that
//! same leg's request. This file must not name a received message; a test over its imports holds it to that.

use std::time::Duration;

use bytes::Bytes;

use super::{Asserted, Cause};
use crate::relay::Digit;
use crate::sip::{Echo, Method, Name, Status, Writer};
use crate::transaction::RequestHead;

/// The one product name that is told to anyone.
const PRODUCT: &str = "Maskline";
/// The methods that we answer, in a fixed order.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO";
const SDP: &str = "application/sdp";

/// A response of a leg, before the echo of its request is put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// A session description.
    pub body: Option<Bytes>,
    /// Our Contact, for what makes or refreshes a dialog.
    pub contact: Option<Box<str>>,
    /// Why, as a number.
    pub cause: Option<Cause>,
    /// Seconds after which to try again.
    pub retry_after: Option<u8>,
    /// Header fields that the kind of response calls for: Unsupported, Accept, a challenge.
    pub headers: Vec<(Name, Box<str>)>,
}

impl Reply {
    /// A reply with nothing but its status.
    #[must_use]
    pub fn bare() -> Self {
        Self::default()
    }

    /// A reply that says why.
    #[must_use]
    pub fn because(cause: Cause) -> Self {
        Self { cause: Some(cause), ..Self::default() }
    }

    /// A reply inside a dialog, or one that makes it.
    #[must_use]
    pub fn in_dialog(contact: &str, body: Option<Bytes>) -> Self {
        Self { body, contact: Some(contact.into()), ..Self::default() }
    }

    /// With one more header field.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<Box<str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A response. `tag` is our tag of the dialog, or a fresh one; a 100 carries none.
#[must_use]
pub fn response(status: Status, echo: &Echo, tag: &str, reply: &Reply) -> Bytes {
    let tag = (status != Status::TRYING).then_some(tag);
    let mut writer = Writer::response(status, echo, tag);
    if let Some(contact) = &reply.contact {
        writer.header(Name::Contact, contact);
        writer.header(Name::Allow, ALLOW);
    }
    if matches!(status, Status::METHOD_NOT_ALLOWED | Status::NOT_IMPLEMENTED) {
        writer.header(Name::Allow, ALLOW);
    }
    for (name, value) in &reply.headers {
        writer.header(*name, value);
    }
    if let Some(seconds) = reply.retry_after {
        writer.header(Name::RetryAfter, seconds);
    }
    reason(&mut writer, reply.cause);
    writer.header(Name::Server, PRODUCT);
    match &reply.body {
        Some(body) => writer.body(SDP, body),
        None => writer.finish(),
    }
}

/// The answer to OPTIONS (RFC 3261 section 11.2).
#[must_use]
pub fn capabilities() -> Reply {
    Reply::bare().with(Name::Allow, ALLOW).with(Name::Accept, SDP)
}

/// The INVITE that opens a leg.
#[must_use]
pub fn invite(head: &RequestHead, contact: &str, shown: &Asserted, offer: &[u8]) -> Bytes {
    let mut writer = head.write(&Method::INVITE);
    writer.header(Name::Contact, contact);
    if let Some((name, value)) = &shown.header {
        writer.header(*name, value);
    }
    writer.header(Name::Allow, ALLOW).header(Name::UserAgent, PRODUCT);
    writer.body(SDP, offer)
}

/// An INVITE inside a dialog.
#[must_use]
pub fn reinvite(head: &RequestHead, contact: &str, offer: &[u8]) -> Bytes {
    let mut writer = head.write(&Method::INVITE);
    writer.header(Name::Contact, contact).header(Name::Allow, ALLOW).header(Name::UserAgent, PRODUCT);
    writer.body(SDP, offer)
}

/// The ACK of a 2xx.
#[must_use]
pub fn ack(head: &RequestHead) -> Bytes {
    head.write(&Method::ACK).finish()
}

/// The end of a leg.
#[must_use]
pub fn bye(head: &RequestHead, cause: Cause) -> Bytes {
    let mut writer = head.write(&Method::BYE);
    reason(&mut writer, Some(cause));
    writer.header(Name::UserAgent, PRODUCT);
    writer.finish()
}

/// A digit for a party that takes it by INFO alone.
#[must_use]
pub fn info(head: &RequestHead, digit: Digit, duration: Duration) -> Bytes {
    let mut writer = head.write(&Method::INFO);
    writer.header(Name::UserAgent, PRODUCT);
    let body = format!("Signal={}\r\nDuration={}\r\n", digit.to_char(), duration.as_millis());
    writer.body("application/dtmf-relay", body.as_bytes())
}

fn reason(writer: &mut Writer, cause: Option<Cause>) {
    if let Some(cause) = cause {
        writer.header(Name::Reason, format_args!("Q.850;cause={}", cause.value()));
    }
}
