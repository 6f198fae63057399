//! Messages on their way out. They wait for what the shard noted of its calls before them, until the journal has it:
//! nobody hears of a call that a kill of the process would make forgotten.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::base::Flow;

/// How long messages wait at most: where a disk hangs, calls matter more than their records.
const PATIENCE: Duration = Duration::from_millis(200);

/// A message that is to leave.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) flow: Flow,
    pub(super) bytes: Bytes,
    /// It is for somebody who may be anybody ([`Output::Answer`](crate::switch::Output::Answer)).
    pub(super) is_answer: bool,
}

/// A shard's messages on their way out, in the order in which they leave.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Those of this turn.
    new: VecDeque<Parcel>,
    /// Those of the turns before, each with how many answers of the journal it waits for.
    waiting: VecDeque<(u64, Parcel)>,
    /// When the journal was asked: it answers in this order.
    asked: VecDeque<Instant>,
    /// How many answers have come.
    answers: u64,
    /// The journal takes too long: nobody waits for it until it has answered all that it was asked.
    hangs: bool,
    overtaking: u64,
}

impl Outbox {
    /// Adds a message.
    pub(super) fn put(&mut self, parcel: Parcel) {
        self.new.push_back(parcel);
    }

    /// Whether the journal is to be asked: there are messages that would wait for its answer.
    pub(super) fn wants_answer(&self) -> bool {
        !self.new.is_empty() && !self.hangs
    }

    /// The journal has been asked: the messages of this turn wait for its answer.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked.push_back(now);
    }

    /// The journal has answered: it has what was noted before it was asked, or its disk does not take it now.
    pub(super) fn answer(&mut self, is_written: bool) {
        self.asked.pop_front();
        self.answers += 1;
        if !is_written {
            let (first, answers) =
                (|waits: u64| self.waiting.partition_point(|(answers, _)| *answers < waits), self.answers);
            self.overtaking += (first(answers + 1) - first(answers)) as u64;
        }
        if self.hangs && self.asked.is_empty() {
            self.hangs = false;
            tracing::info!("the journal takes records again");
        }
    }

    /// The next message that may leave.
    pub(super) fn next(&mut self, now: Instant) -> Option<Parcel> {
        let answers = self.answers + self.asked.len() as u64;
        self.waiting.extend(self.new.drain(..).map(|parcel| (answers, parcel)));
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.hangs = true;
            tracing::error!("the journal's disk hangs: calls go on, and their records wait");
        }
        let may_leave = |(answers, _): &mut (u64, Parcel)| self.hangs || *answers <= self.answers;
        let (answers, parcel) = self.waiting.pop_front_if(may_leave)?;
        self.overtaking += u64::from(answers > self.answers);
        Some(parcel)
    }

    /// When the next message leaves even if the journal does not answer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let asked = self.asked.front().filter(|_| !self.hangs && !self.waiting.is_empty())?;
        Some(*asked + PATIENCE)
    }

    /// How many messages have left before the journal had what they were to wait for, since this was last asked.
    pub(super) fn overtaking(&mut self) -> u64 {
        std::mem::take(&mut self.overtaking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Transport;

    fn put(outbox: &mut Outbox, name: &'static str) {
        let any = ([127, 0, 0, 1], 5060).into();
        let flow = Flow { transport: Transport::Udp, local: any, remote: any, connection: None };
        outbox.put(Parcel { flow, bytes: Bytes::from_static(name.as_bytes()), is_answer: false });
    }

    /// What leaves now, one after the other.
    fn leaving(outbox: &mut Outbox, now: Instant) -> String {
        std::iter::from_fn(|| outbox.next(now))
            .map(|parcel| String::from_utf8_lossy(&parcel.bytes).into_owned())
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
    fn begun() -> (Outbox, Instant) {
        (Outbox::default(), Instant::now())
    }

    #[test]
    fn messages_wait_for_what_was_noted_before_them_and_keep_their_order() {
        let (mut outbox, now) = begun();
        put(&mut outbox, "a");
        assert_eq!(leaving(&mut outbox, now), "a", "nothing was noted");
        for message in ["b", "c"] {
            put(&mut outbox, message);
            assert!(outbox.wants_answer());
            outbox.ask(now);
            assert_eq!(leaving(&mut outbox, now), "");
        }
        put(&mut outbox, "d");
        assert_eq!(leaving(&mut outbox, now), "", "nothing was noted, and yet it is not to be first");
        outbox.answer(true);
        assert_eq!(leaving(&mut outbox, now), "b");
        outbox.answer(true);
        assert_eq!((leaving(&mut outbox, now).as_str(), outbox.deadline()), ("cd", None));
        assert_eq!(outbox.overtaking(), 0);
        outbox.ask(now);
        assert_eq!(outbox.deadline(), None, "nobody waits for this answer");
    }

    #[test]
    fn a_disk_that_hangs_is_waited_for_once() {
        let (mut outbox, start) = begun();
        let late = start + PATIENCE;
        for message in ["a", "b"] {
            put(&mut outbox, message);
            outbox.ask(start);
            assert_eq!(leaving(&mut outbox, late - Duration::from_millis(1)), "");
        }
        assert_eq!(outbox.deadline(), Some(late));
        assert_eq!((leaving(&mut outbox, late).as_str(), outbox.overtaking()), ("ab", 2));
        put(&mut outbox, "c");
        assert!(!outbox.wants_answer());
        assert_eq!((leaving(&mut outbox, late).as_str(), outbox.overtaking()), ("c", 1));
        outbox.answer(true);
        put(&mut outbox, "d");
        assert_eq!(leaving(&mut outbox, late), "d", "one answer is still to come");
        outbox.answer(true);
        put(&mut outbox, "e");
        assert!(outbox.wants_answer());
        outbox.ask(late);
        assert_eq!((leaving(&mut outbox, late).as_str(), outbox.overtaking()), ("", 1));
    }

    #[test]
    fn a_full_disk_holds_up_nobody() {
        let (mut outbox, now) = begun();
        for message in ["a", "b"] {
            put(&mut outbox, message);
            outbox.ask(now);
            assert_eq!(leaving(&mut outbox, now), "");
        }
        outbox.answer(false);
        assert_eq!((leaving(&mut outbox, now).as_str(), outbox.overtaking()), ("a", 1));
        outbox.answer(true);
        assert_eq!((leaving(&mut outbox, now).as_str(), outbox.overtaking()), ("b", 0));
    }
}
