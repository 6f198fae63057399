//! The crossing: the only thing that passes between the legs of a call.

use std::time::Duration;

use crate::relay::Digit;
use crate::sdp::{Codec, Direction};
use crate::sip::Status;

/// An event of one leg as the other leg may know it. Every field is out of a closed set or a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Crossing {
    /// The callee is being alerted.
    Ringing,
    /// The callee sends media before it answers.
    Progress(Media),
    /// The callee answered.
    Answer(Media),
    /// The callee's side did not take the call.
    Reject(Failure),
    /// A party asks for other media: hold, resume, another codec.
    Offer(Media),
    /// A party keyed a digit.
    Digit(Digit, Duration),
    /// A party hung up, or its leg broke.
    HangUp(Cause),
}

/// Media as one side wants or accepts them.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// Codecs in the order of our own list, telephone-event and comfort noise among them.
    pub codecs: Vec<Codec>,
    /// Milliseconds of audio in a packet, where the side asked for a length.
    pub ptime: Option<u8>,
    /// The direction as the side itself sees it.
    pub direction: Direction,
}

/// Why a call does not go through, out of the fixed set that a caller may learn; the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The callee is busy.
    Busy,
    /// The callee's side refused.
    Rejected,
    /// The callee did not answer in time.
    NoAnswer,
    /// Nothing that both sides can speak.
    NoCommonCodec,
    /// The callee can't be reached, or its side broke.
    Unreachable,
}

impl Failure {
    /// What a far side's final status (300 to 699) means to the caller. Its phrase, its headers and the number
    /// itself stay behind.
    #[must_use]
    pub fn from_status(status: Status) -> Self {
        match status.code() {
            486 | 600 => Failure::Busy,
            408 | 480 | 487 => Failure::NoAnswer,
            401 | 403 | 407 | 433 | 603 | 607 | 608 => Failure::Rejected,
            415 | 488 | 606 => Failure::NoCommonCodec,
            _ => Failure::Unreachable,
        }
    }

    /// The status that the caller gets.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Failure::Busy => Status::BUSY_HERE,
            Failure::NoCommonCodec => Status::NOT_ACCEPTABLE_HERE,
            Failure::NoAnswer | Failure::Unreachable | Failure::Rejected => Status::TEMPORARILY_UNAVAILABLE,
        }
    }

    /// The cause that goes with it.
    #[must_use]
    pub fn cause(self) -> Cause {
        match self {
            Failure::Busy => Cause::UserBusy,
            Failure::NoAnswer => Cause::NoAnswer,
            Failure::Unreachable => Cause::OutOfOrder,
            Failure::Rejected => Cause::Rejected,
            Failure::NoCommonCodec => Cause::Incompatible,
        }
    }
}

/// Why a leg ended: the values of ITU-T Q.850 that we use, written as `Reason: Q.850;cause=` (RFC 3326).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// 1: the number leads nowhere.
    Unallocated,
    /// 16: a party hung up.
    Normal,
    /// 17: busy.
    UserBusy,
    /// 19: alerted, but not answered.
    NoAnswer,
    /// 21: refused.
    Rejected,
    /// 26: answered by another of the callee's devices, or given up by the caller.
    NotSelected,
    /// 27: the destination can't be reached.
    OutOfOrder,
    /// 34: no port, or the node is stopping.
    NoCircuit,
    /// 41: a side broke in mid-call.
    TemporaryFailure,
    /// 88: no codec in common.
    Incompatible,
    /// 102: a time ran out: silence, the longest duration.
    Timer,
}

impl Cause {
    /// The cause value of Q.850 table 1.
    #[must_use]
    pub fn value(self) -> u8 {
        match self {
            Cause::Unallocated => 1,
            Cause::Normal => 16,
            Cause::UserBusy => 17,
            Cause::NoAnswer => 19,
            Cause::Rejected => 21,
            Cause::NotSelected => 26,
            Cause::OutOfOrder => 27,
            Cause::NoCircuit => 34,
            Cause::TemporaryFailure => 41,
            Cause::Incompatible => 88,
            Cause::Timer => 102,
        }
    }
}
