//! What a shard's switch needs done: deciding, media, and telling how far calls have come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answers::{Answers, Deciding, Job};
use super::calls::LiveCalls;
use super::desk::now;
use crate::base::Metrics;
use crate::base::metrics::{CallState, Directed, Direction, InState, WithResult};
use crate::call::{Asking, CallKey, Policy};
use crate::ledger::{Book, CallRecord, Entry, Event, EventKind};
use crate::net::{Post, Services};
use crate::route::{self, Decision, Dialled, Dialling, Errand, Placed, Question, Refusal};
use crate::store::KeeperWriter;
use crate::voice::Prompt;
use crate::{media, relay};

/// One shard's way to the rest of the process.
pub(super) struct Wiring {
    pub(super) policy: Arc<Policy>,
    pub(super) book: Arc<Book>,
    pub(super) media: media::Handle,
    pub(super) keeper: KeeperWriter,
    pub(super) calls: Arc<LiveCalls>,
    pub(super) answers: Answers,
    pub(super) metrics: Arc<Metrics>,
    /// The way back into the shard.
    pub(super) post: Post,
    /// Something was noted of a call that messages are to wait for.
    pub(super) has_noted: bool,
}

impl Services for Wiring {
    fn reconfigure(&mut self, policy: &Arc<Policy>) {
        self.policy = Arc::clone(policy);
    }

    #[expect(clippy::disallowed_methods, reason = "the edge: how long a decision takes is measured here")]
    fn decide(&mut self, call: CallKey, id: Box<str>, question: Box<Question>) -> Option<Decision> {
        let begun = Instant::now();
        let decision = route::admit(&self.policy.index, &self.book, now(), &question);
        self.metrics.decision.observe(begun.elapsed().as_secs_f64());
        match decision {
            Decision::Ask(inquiry) => {
                let (index, post) = (Arc::clone(&self.policy.index), self.post.clone());
                let deciding = Deciding { call, id, question, inquiry, index, post };
                self.answers.hand(Job::Decide(Box::new(deciding)));
                None
            }
            decision => {
                keep_effects(&self.keeper, &decision);
                Some(decision)
            }
        }
    }

    fn dial(&mut self, dialling: &Dialling) -> Result<Dialled, Refusal> {
        route::dial(&self.policy.index, &self.book, now(), dialling)
    }

    fn prepare(&mut self, call: CallKey, tag: u32, prompts: Vec<Prompt>, beep: bool) {
        self.answers.hand(Job::Prepare { call, tag, prompts, beep, post: self.post.clone() });
    }

    fn ask(&mut self, call: CallKey, asking: Box<Asking>) {
        let (index, post) = (Arc::clone(&self.policy.index), self.post.clone());
        self.answers.hand(Job::Ask { call, asking, index, post });
    }

    fn tell(&mut self, asking: Box<Asking>) {
        self.answers.hand(Job::Tell { asking, index: Arc::clone(&self.policy.index) });
    }

    fn place(&mut self, errand: &Errand) -> Result<Placed, Refusal> {
        route::place(&self.policy.index, &self.book, now(), errand)
    }

    fn media(&mut self, command: relay::Command) -> Option<relay::Event> {
        self.media.command(command)
    }

    fn flush(&mut self) -> bool {
        self.media.flush()
    }

    fn progress(&mut self, call: CallKey, record: Box<CallRecord>) {
        let record: Arc<CallRecord> = Arc::from(record);
        let before = self.calls.goes_on(call, &record);
        let kind = kind_of(&record);
        self.count_state(before.as_deref(), Some(&record));
        if kind != EventKind::CallRinging {
            self.keeper.write(Entry::Running(Box::new(CallRecord::clone(&record))));
        }
        // Who is called need not wait for a disk: a call that nobody has answered leaves nothing to bill.
        self.has_noted |= kind == EventKind::CallAnswered;
        // A call that was ordered comes further before the second party rings.
        if before.is_none_or(|before| kind_of(&before) != kind) {
            self.tell_event(kind, &record);
        }
    }

    fn record(&mut self, record: Box<CallRecord>) {
        let shown = Arc::new(CallRecord::clone(&record));
        let before = self.calls.ended(&shown);
        self.count_state(before.as_deref(), None);
        self.count_end(&record);
        self.keeper.write(Entry::Ended(record));
        self.has_noted = true;
        self.tell_event(EventKind::CallEnded, &shown);
    }

    fn settle(&mut self) -> bool {
        if self.has_noted {
            let post = self.post.clone();
            self.keeper.when_written(move |is_so| post.kept(is_so));
        }
        std::mem::take(&mut self.has_noted)
    }

    fn overtaken(&mut self, messages: u64) {
        self.metrics.overtaken.inc_by(messages);
    }
}

/// What a call that goes on has come to.
fn kind_of(record: &CallRecord) -> EventKind {
    match (record.answered_ms, record.ringing_ms) {
        (Some(_), _) => EventKind::CallAnswered,
        (None, Some(_)) => EventKind::CallRinging,
        (None, None) => EventKind::CallStarted,
    }
}

/// What a call does to its session outlives the process.
pub(super) fn keep_effects(keeper: &KeeperWriter, decision: &Decision) {
    let Decision::Bridge(plan) = decision else { return };
    let Some(session) = plan.session else { return };
    if let Some(caller) = plan.caller.filter(|_| plan.binds) {
        keeper.write(Entry::Bound { session, caller });
    }
    if let Some(expires_at) = plan.extends {
        keeper.write(Entry::Extended { session, expires_at, version: plan.version });
    }
}

impl Wiring {
    fn tell_event(&self, kind: EventKind, record: &CallRecord) {
        let event = Event::of_call(now(), kind, record, &self.book);
        self.keeper.write(Entry::Event(Box::new(event)));
    }

    fn count_state(&self, before: Option<&CallRecord>, after: Option<&CallRecord>) {
        let state = |record: &CallRecord| match record.answered_ms {
            Some(_) => CallState::Connected,
            None => CallState::SettingUp,
        };
        let gauge = |record| self.metrics.calls.get_or_create_owned(&InState { state: state(record) });
        if let Some(before) = before.filter(|before| before.is_going_on()) {
            gauge(before).dec();
        }
        if let Some(after) = after {
            gauge(after).inc();
        }
    }

    fn count_end(&self, record: &CallRecord) {
        let result = record.outcome.as_str();
        self.metrics.calls_ended.get_or_create(&WithResult { result }).inc();
        let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
        if let Some(set_up) = record.ringing_ms.or(record.answered_ms) {
            self.metrics.setup.observe(seconds(set_up));
        }
        let packets = |direction| self.metrics.packets.get_or_create_owned(&Directed { direction });
        for media in record.legs.iter().filter_map(|leg| leg.media.as_ref()) {
            packets(Direction::Received).inc_by(media.packets_received);
            packets(Direction::Sent).inc_by(media.packets_sent);
            self.metrics.packets_lost.inc_by(media.packets_lost);
            self.metrics.packets_dropped.inc_by(media.dropped);
        }
    }
}
