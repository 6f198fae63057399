//! The machine and the services of these tests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use crate::call::{Asking, CallKey, Policy};
use crate::ledger::CallRecord;
use crate::net::{Machine, Services};
use crate::relay;
use crate::route::{Decision, Dialled, Dialling, Errand, Placed, Question, Refusal, RefusalKind};
use crate::switch::{Command, Input, Output};
use crate::voice::Prompt;

/// How long a puppet works at a message that makes work: at two turns of those longer than it may be behind.
const WORK: Duration = Duration::from_millis(8);

/// Tells what it hears, echoes a message to its flow, and on a command says what the test has laid out.
pub(super) struct Puppet {
    pub(super) shard: u8,
    pub(super) heard: Sender<(u8, Input)>,
    pub(super) says: Receiver<Output>,
    pub(super) out: VecDeque<Output>,
    pub(super) due: Option<Instant>,
}

impl Machine for Puppet {
    #[expect(clippy::disallowed_methods, reason = "it stands for a machine that is slow")]
    fn handle(&mut self, now: Instant, input: Input) {
        match &input {
            Input::Message { flow, bytes } if bytes.starts_with(b"ECHO") => {
                self.out.push_back(Output::Send { flow: *flow, bytes: bytes.clone() });
            }
            Input::Message { bytes, .. } if bytes.starts_with(b"WAKE") => self.due = Some(now),
            Input::Message { bytes, .. } if bytes.starts_with(b"FAIL") => panic!("as the test asks"),
            Input::Message { bytes, .. } if bytes.starts_with(b"WORK") => std::thread::sleep(WORK),
            Input::Command(_) => self.out.extend(self.says.try_iter()),
            Input::Clock(_) => return,
            _ => {}
        }
        let _ = self.heard.send((self.shard, input));
    }

    fn advance(&mut self, _now: Instant) {
        self.due = None;
        let _ = self.heard.send((self.shard, Input::Command(Command::HangUpAll)));
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn calls(&self) -> usize {
        7
    }
}

/// Services that know one answer, and tell the test when messages are to wait.
pub(super) struct Fixed {
    pub(super) has_noted: bool,
    pub(super) asked: Sender<()>,
    pub(super) overtaken: Sender<u64>,
}

impl Services for Fixed {
    fn decide(&mut self, _call: CallKey, _id: Box<str>, _question: Box<Question>) -> Option<Decision> {
        Some(Decision::Refuse(Refusal::new(RefusalKind::NotOurs)))
    }

    fn dial(&mut self, _dialling: &Dialling) -> Result<Dialled, Refusal> {
        Err(Refusal::new(RefusalKind::NoRoute))
    }

    fn prepare(&mut self, _call: CallKey, _tag: u32, _prompts: Vec<Prompt>, _beep: bool) {}

    fn ask(&mut self, _call: CallKey, _asking: Box<Asking>) {}

    fn tell(&mut self, _asking: Box<Asking>) {}

    fn place(&mut self, _errand: &Errand) -> Result<Placed, Refusal> {
        Err(Refusal::new(RefusalKind::NoRoute))
    }

    fn media(&mut self, command: relay::Command) -> Option<relay::Event> {
        Some(relay::Event::Opened { relay: command.relay(), ports: [4000, 4002] })
    }

    fn flush(&mut self) -> bool {
        true
    }

    fn reconfigure(&mut self, _policy: &Arc<Policy>) {}

    fn progress(&mut self, _call: CallKey, _record: Box<CallRecord>) {}

    fn record(&mut self, _record: Box<CallRecord>) {
        self.has_noted = true;
    }

    fn settle(&mut self) -> bool {
        let has_noted = std::mem::take(&mut self.has_noted);
        if has_noted {
            let _ = self.asked.send(());
        }
        has_noted
    }

    fn overtaken(&mut self, messages: u64) {
        let _ = self.overtaken.send(messages);
    }
}
