//! What a shard does for its machine: it asks the services, and sends what may leave.

use std::time::Instant;

use bytes::Bytes;

use super::Shard;
use crate::base::{Flow, Transport};
use crate::net::outbox::Parcel;
use crate::net::resolve::Asker;
use crate::net::{Machine, Services};
use crate::switch::{Input, Output};

impl<M: Machine, S: Services> Shard<M, S> {
    /// Does what the machine puts out, and sends what may leave.
    pub(super) fn execute(&mut self, now: Instant) {
        loop {
            self.carry_out(now);
            if self.outbox.wants_answer() && self.services.settle() {
                self.outbox.ask(now);
            }
            match self.outbox.next(now) {
                Some(Parcel { flow, bytes, is_answer: true }) => self.answer(&flow, bytes),
                Some(Parcel { flow, bytes, is_answer: false }) => self.send(now, flow, bytes),
                None => break,
            }
        }
        let messages = self.outbox.overtaking();
        if messages > 0 {
            self.services.overtaken(messages);
        }
    }

    /// Does what the machine puts out. Messages are put aside.
    fn carry_out(&mut self, now: Instant) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Send { flow, bytes } => self.outbox.put(Parcel { flow, bytes, is_answer: false }),
                Output::Answer { flow, bytes } => self.outbox.put(Parcel { flow, bytes, is_answer: true }),
                Output::Resolve { id, host, port, transport } => {
                    let families = self.families[usize::from(transport.is_reliable())];
                    let post = self.streams.posts.get(self.index).clone();
                    self.resolver.ask(now, host, port, Asker { id, families, post });
                }
                Output::Decide { call, id, question } => {
                    if let Some(decision) = self.services.decide(call, id, question) {
                        self.machine.handle(now, Input::Decided { call, decision });
                    }
                }
                Output::Dial { call, dialling } => {
                    let answer = self.services.dial(&dialling);
                    self.machine.handle(now, Input::Dialled { call, answer });
                }
                Output::Prepare { call, tag, prompts, beep } => {
                    self.services.prepare(call, tag, prompts, beep);
                }
                Output::Ask { call, asking } => self.services.ask(call, asking),
                Output::Tell(asking) => self.services.tell(asking),
                Output::Place { call, errand } => {
                    let answer = self.services.place(&errand);
                    self.machine.handle(now, Input::Placed { call, answer });
                }
                Output::Media(command) => {
                    if let Some(event) = self.services.media(command) {
                        self.machine.handle(now, Input::Media(event));
                    }
                }
                Output::Progress { call, record } => self.services.progress(call, record),
                Output::Record(record) => self.services.record(record),
            }
        }
    }

    fn send(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let sent = match flow.transport {
            Transport::Udp => self.send_datagram(&flow, bytes),
            Transport::Tcp => self.streams.send(&flow, bytes, self.index).is_ok(),
            Transport::Tls => false,
        };
        if !sent {
            tracing::debug!(%flow, "a message cannot be sent");
            self.machine.handle(now, Input::FlowLost { flow });
        }
    }

    /// Answers where it can be done at once: nobody waits for the answer to have left.
    fn answer(&mut self, flow: &Flow, bytes: Bytes) {
        match flow.transport {
            Transport::Udp => {
                self.send_datagram(flow, bytes);
            }
            Transport::Tcp => self.streams.answer(flow, bytes),
            Transport::Tls => {}
        }
    }

    fn send_datagram(&mut self, flow: &Flow, bytes: Bytes) -> bool {
        let port = self.udp.iter_mut().find(|port| port.local() == flow.local);
        port.is_some_and(|port| port.send(bytes, flow.remote).is_ok())
    }
}
