//! What goes into a switch and what comes out of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::base::{Flow, Transport};
use crate::call::{AskedFor, Asking, CallKey, Order, Policy};
use crate::ledger::CallRecord;
use crate::relay;
use crate::route::{Decision, Dialled, Dialling, Errand, Placed, Question, Refusal};
use crate::voice::{Prompt, Response};

/// Something that happened outside.
#[derive(Debug)]
pub enum Input {
    /// One SIP message, as its transport framed it.
    Message {
        /// The path it came by.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// A connection was lost, or could not be opened.
    FlowLost {
        /// The path as it was asked for, or as messages came by it.
        flow: Flow,
    },
    /// A host name was looked up.
    Resolved {
        /// The id of the [`Output::Resolve`].
        id: u64,
        /// Its addresses, best first; none where there are none.
        addresses: Vec<SocketAddr>,
    },
    /// A call was decided.
    Decided {
        /// The call of the [`Output::Decide`].
        call: CallKey,
        /// The decision.
        decision: Decision,
    },
    /// It was found whether the parties of an order may be called, and where, by the settings in force.
    Placed {
        /// The call of the [`Output::Place`].
        call: CallKey,
        /// Where, or why they may not.
        answer: Result<Placed, Refusal>,
    },
    /// It was found how the targets of a document can be reached.
    Dialled {
        /// The call of the [`Output::Dial`].
        call: CallKey,
        /// How, or why none may be called.
        answer: Result<Dialled, Refusal>,
    },
    /// Prompts were brought to a sound.
    Prepared {
        /// The call of the [`Output::Prepare`].
        call: CallKey,
        /// Its tag.
        tag: u32,
        /// The sound; none where nothing of it can be played.
        sound: Option<relay::Sound>,
        /// What was wrong, in words without a number.
        notes: Vec<Box<str>>,
    },
    /// A web service has said how a call goes on.
    Told {
        /// The call of the [`Output::Ask`].
        call: CallKey,
        /// What it was asked for.
        purpose: AskedFor,
        /// What it answered; none where it failed for good.
        answer: Option<Box<Response>>,
        /// How it was asked, in words without a number.
        notes: Vec<Box<str>>,
    },
    /// The time of day now: the calls that begin from now on go by it in their records.
    Clock(SystemTime),
    /// Messages come faster than the shard takes them in, or no longer do.
    Behind(bool),
    /// An event of the media engine.
    Media(relay::Event),
    /// An order of the operator.
    Command(Command),
}

/// An order of the operator.
#[derive(Debug)]
pub enum Command {
    /// These settings are in force from now on; running calls go on.
    Reconfigure(Arc<Policy>),
    /// No new calls.
    Drain,
    /// Call two parties and connect them. A record comes of it in any case.
    Call(Box<Order>),
    /// End a call, however far it has come; nothing happens where it has ended.
    HangUp {
        /// The call of an [`Output::Progress`].
        call: CallKey,
    },
    /// End every call.
    HangUpAll,
    /// Write the record of every call now, whatever still waits for an answer: the process is about to end.
    CloseAll,
}

/// Something that is to be done outside.
pub enum Output {
    /// Send a message.
    Send {
        /// The path: for a stream without a connection, the standing one to that address or a new one.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// Answer a request of somebody who may be anybody: on the very connection that it came by, or not at all. It
    /// makes no acquaintance, so that nobody holds a connection by it, or has one opened.
    Answer {
        /// The path that the request came by.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// Look up a host name.
    Resolve {
        /// Comes back in [`Input::Resolved`].
        id: u64,
        /// The name.
        host: Arc<str>,
        /// The port, where one is set; else it is for the look-up to find (RFC 3263).
        port: Option<u16>,
        /// The transport.
        transport: Transport,
    },
    /// Decide a call.
    Decide {
        /// Comes back in [`Input::Decided`].
        call: CallKey,
        /// The id of its record.
        id: Box<str>,
        /// What is known of it.
        question: Box<Question>,
    },
    /// Find whether the parties of an order may be called, and where.
    Place {
        /// Comes back in [`Input::Placed`].
        call: CallKey,
        /// Whom to call.
        errand: Box<Errand>,
    },
    /// Find how the targets of a document can be reached.
    Dial {
        /// Comes back in [`Input::Dialled`].
        call: CallKey,
        /// Whom the document calls.
        dialling: Box<Dialling>,
    },
    /// Bring prompts to a sound.
    Prepare {
        /// Comes back in [`Input::Prepared`].
        call: CallKey,
        /// Comes back too.
        tag: u32,
        /// The prompts.
        prompts: Vec<Prompt>,
        /// Whether a beep follows them.
        beep: bool,
    },
    /// Ask a web service how a call goes on.
    Ask {
        /// Comes back in [`Input::Told`].
        call: CallKey,
        /// Where, and with what.
        asking: Box<Asking>,
    },
    /// Tell a web service; nothing comes back.
    Tell(Box<Asking>),
    /// Tell the media engine.
    Media(relay::Command),
    /// A call has come so far: its callee is called, it rings, it is answered. Each is told once, in this order, and
    /// none after the [`Output::Record`].
    Progress {
        /// Which call: what [`Command::HangUp`] wants to know.
        call: CallKey,
        /// Its record as it stands.
        record: Box<CallRecord>,
    },
    /// Write a call record.
    Record(Box<CallRecord>),
}
