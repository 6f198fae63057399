//! What a call wants done.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Flow, Side};
use crate::ledger::CallRecord;
use crate::mask::write::Reply;
use crate::relay;
use crate::route::{Dialling, Errand, Index, Plan, Question};
use crate::sip::Status;
use crate::transaction::RequestHead;
use crate::voice::{Link, Method, Pair, Prompt};

/// A call. The generation keeps what comes late from reaching a call that took an ended one's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// The shard that the call lives in.
    pub shard: u8,
    /// The place in the shard's table; less than 2^24.
    pub slot: u32,
    /// Counts the calls of the shard.
    pub generation: u32,
}

impl CallKey {
    /// The id of the call's relay.
    #[must_use]
    pub fn relay(self) -> relay::RelayId {
        let slot = u64::from(self.slot & 0xff_ffff);
        relay::RelayId(u64::from(self.shard) << 56 | u64::from(self.generation) << 24 | slot)
    }

    /// The call of a relay.
    #[must_use]
    pub fn of_relay(relay: relay::RelayId) -> Self {
        let bytes = relay.0.to_be_bytes();
        Self {
            shard: bytes[0],
            generation: u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]),
            slot: u32::from_be_bytes([0, bytes[5], bytes[6], bytes[7]]),
        }
    }
}

/// A leg of a call: the one that a call came in by, or an attempt to reach the party of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LegId {
    /// Its side: A is the caller's, or the first party's of a call that was ordered.
    pub side: Side,
    /// Its place among the legs of its side.
    place: u8,
}

impl LegId {
    /// The leg that a call came in by.
    pub const CALLER: Self = Self { side: Side::A, place: 0 };

    /// The leg with a place among those of its side.
    #[must_use]
    pub fn new(side: Side, place: usize) -> Self {
        Self { side, place: u8::try_from(place).expect("a side has fewer than 256 legs") }
    }

    /// Its place among the legs of its side.
    #[must_use]
    pub fn place(self) -> usize {
        self.place.into()
    }
}

/// A server transaction of the switch that waits for a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerId(pub usize);

/// What a request of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Opens a leg.
    Invite,
    /// Carries an offer inside a dialog.
    Reinvite,
    /// Ends a leg.
    Bye,
    /// Carries a digit.
    Digit,
}

/// A request to the web service whose document a call follows.
#[derive(Clone, PartialEq, Eq)]
pub struct Asking {
    /// Where.
    pub link: Link,
    /// How.
    pub method: Method,
    /// The parameters.
    pub pairs: Vec<Pair>,
    /// Whether it may answer with anything, so that no other URL need be tried.
    pub is_optional: bool,
    /// What the answer is for.
    pub purpose: AskedFor,
}

/// What an answer of a web service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// The call goes on with it.
    Script,
    /// A called party hears it before it is connected: the one with this number.
    Screen(u32),
    /// The caller hears it while others ring: those of the Dial with this number.
    Music(u32),
}

/// The parameters hold numbers.
impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("method", &self.method).finish_non_exhaustive()
    }
}

/// One thing that a call wants done.
pub enum Effect {
    /// Answer a request.
    Respond {
        /// The request's transaction.
        to: ServerId,
        /// The status.
        status: Status,
        /// What else the response says.
        reply: Reply,
    },
    /// The 2xx of an INVITE has been acknowledged.
    Acknowledged(ServerId),
    /// Send a request through a transaction of its own.
    Request {
        /// The leg that sends it.
        leg: LegId,
        /// What it is for.
        purpose: Purpose,
        /// Where it goes.
        flow: Flow,
        /// The branch of its Via.
        branch: Box<str>,
        /// What its ACK and its CANCEL repeat.
        head: RequestHead,
        /// The request.
        bytes: Bytes,
    },
    /// Send the ACK of a 2xx, now and each time the 2xx comes again.
    Acknowledge {
        /// The leg whose INVITE was accepted.
        leg: LegId,
        /// Where it goes.
        flow: Flow,
        /// The request.
        bytes: Bytes,
    },
    /// Cancel a leg's INVITE, as soon as that is allowed.
    Cancel(LegId),
    /// Messages with this tag at our end are for this leg.
    Follow {
        /// The leg.
        leg: LegId,
        /// Our tag of its dialog.
        tag: Box<str>,
    },
    /// Ask whether a party of an order may be called, and where: comes back by [`Call::placed`](super::Call::placed).
    Place(Box<Errand>),
    /// Find out where the party of a side is: comes back by [`Call::located`](super::Call::located).
    Locate {
        /// The side.
        side: Side,
        /// Comes back.
        serial: u32,
        /// Whom to call.
        plan: Box<Plan>,
        /// The settings that the plan was made under.
        index: Arc<Index>,
    },
    /// Decide the call.
    Decide {
        /// The id of its record.
        id: Box<str>,
        /// What is known of it.
        question: Box<Question>,
    },
    /// Find how the targets of a document can be reached: comes back by [`Call::dialled`](super::Call::dialled).
    Dial(Box<Dialling>),
    /// Bring prompts to a sound: comes back by [`Call::prepared`](super::Call::prepared).
    Prepare {
        /// Comes back.
        tag: u32,
        /// The prompts.
        prompts: Vec<Prompt>,
        /// Whether a beep follows them.
        beep: bool,
    },
    /// Ask the web service how to go on: comes back by [`Call::told`](super::Call::told).
    Ask(Box<Asking>),
    /// Tell the web service; nothing comes back.
    Tell(Box<Asking>),
    /// Tell the media engine.
    Media(relay::Command),
    /// The call has come so far: its callee is called, it rings, it is answered. Each is told once.
    Progress(Box<CallRecord>),
    /// The call is over: write its record and forget it.
    Record(Box<CallRecord>),
}
