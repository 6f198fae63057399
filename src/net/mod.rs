//! Floor 7. Sockets and the shard's thread loop.
//!
//! A shard is a thread that owns one machine (the switch), its UDP sockets and the connections it opened or
//! accepted. Each message goes to the shard that owns its Call-ID, whichever shard's socket it arrived at. The
//! machine never waits: what it puts out is done at once where it can be (deciding, opening a relay), or handed to a task
//! or a thread whose result comes back as an input. Messages leave at the end of a turn, or once the journal has what
//! was noted before them (`outbox.rs`).

mod backlog;
mod clock;
mod listen;
mod outbox;
mod post;
mod resolve;
mod shard;
mod stream;
mod streams;
mod tally;
mod udp;

pub use listen::{ListenFault, Sockets, bind, outward_address};
pub use post::Post;
pub use shard::{Handle, Seat, seats};
pub use streams::StreamLimits;
pub use tally::Tally;

use std::sync::Arc;
use std::time::Instant;

use crate::call::{Asking, CallKey, Policy};
use crate::ledger::CallRecord;
use crate::relay;
use crate::route::{Decision, Dialled, Dialling, Errand, Placed, Question, Refusal};
use crate::switch::{Input, Output, Switch};
use crate::voice::Prompt;

/// What a shard drives: the switch, or a stand-in for it.
pub trait Machine: Send + 'static {
    /// Takes one input.
    fn handle(&mut self, now: Instant, input: Input);
    /// Lets the timers fire that are due.
    fn advance(&mut self, now: Instant);
    /// When the next timer is due.
    fn next_deadline(&self) -> Option<Instant>;
    /// The next thing to do.
    fn poll(&mut self) -> Option<Output>;
    /// How many calls it holds.
    fn calls(&self) -> usize;
}

impl Machine for Switch {
    fn handle(&mut self, now: Instant, input: Input) {
        Switch::handle(self, now, input);
    }

    fn advance(&mut self, now: Instant) {
        Switch::advance(self, now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        Switch::next_deadline(self)
    }

    fn poll(&mut self) -> Option<Output> {
        Switch::poll(self)
    }

    fn calls(&self) -> usize {
        Switch::calls(self)
    }
}

/// What a machine needs done that is no matter of the network. Nothing here may block.
pub trait Services: Send + 'static {
    /// From now on these settings are in force, as the machine is about to hear: a decision is always made under the
    /// settings that its question was asked under.
    fn reconfigure(&mut self, policy: &Arc<Policy>);
    /// Decides a call; `None` where a web service is asked, and the decision comes by the shard's [`Post`].
    fn decide(&mut self, call: CallKey, id: Box<str>, question: Box<Question>) -> Option<Decision>;
    /// Finds how the targets of a document can be reached.
    ///
    /// # Errors
    /// Why none of them may be called.
    fn dial(&mut self, dialling: &Dialling) -> Result<Dialled, Refusal>;
    /// Has prompts brought to a sound, which comes by the shard's [`Post`].
    fn prepare(&mut self, call: CallKey, tag: u32, prompts: Vec<Prompt>, beep: bool);
    /// Asks a web service how a call goes on; the answer comes by the shard's [`Post`].
    fn ask(&mut self, call: CallKey, asking: Box<Asking>);
    /// Tells a web service.
    fn tell(&mut self, asking: Box<Asking>);
    /// Finds whether the parties of an order may be called, and where.
    ///
    /// # Errors
    /// Why they may not.
    fn place(&mut self, errand: &Errand) -> Result<Placed, Refusal>;
    /// Carries out an order to the media engine. Gives the event that answers it, where that is known at once; all
    /// others come by the shard's [`Post`].
    fn media(&mut self, command: relay::Command) -> Option<relay::Event>;
    /// Hands over the orders that still wait; false while some have to wait on.
    fn flush(&mut self) -> bool;
    /// Takes note of how far a call has come.
    fn progress(&mut self, call: CallKey, record: Box<CallRecord>);
    /// Writes down a call.
    fn record(&mut self, record: Box<CallRecord>);
    /// Has [`Post::kept`] called once what was noted of calls so far is where a kill of the process does not reach it:
    /// messages wait for that. False where nothing was noted since it was last asked for.
    fn settle(&mut self) -> bool;
    /// So many messages have left without having waited long enough.
    fn overtaken(&mut self, messages: u64);
}

#[cfg(test)]
mod tests;
