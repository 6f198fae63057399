//! INVITEs of trunks and phones that are answered before there is a call: the records that they leave.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::limits::Rate;
use super::local::Objection;
use super::{Due, Output, Switch};
use crate::base::{Flow, hide_runs};
use crate::ledger::{CallRecord, TurnedAwayInvite};
use crate::mask::Cause;
use crate::route::{self, Source, Step};
use crate::sip::{Malformed, Method, Request, Status};

/// How many records the INVITEs that a trunk or phone has turned away may leave: no flood of them fills the disk.
const RECORDS: Rate = Rate { per_second: 10.0, burst: 100.0 };
/// How often it is logged how many have left none.
const TELL: Duration = Duration::from_secs(10);

/// What is remembered of INVITEs that were turned away.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    hasher: RandomState,
    /// Those that have left a record and may come again: most have no transaction that knows them.
    recorded: HashSet<u64>,
    since: VecDeque<(Instant, u64)>,
    /// How many of each trunk or phone have left no record, since it was last told.
    left_out: HashMap<Arc<str>, u64>,
    /// How many calls of each were refused to callers who had been refused too often.
    pub(super) probing: HashMap<Arc<str>, u64>,
    /// How many requests the load mark has turned away, since it was last told.
    pub(super) overload: u64,
    deadline: Option<Instant>,
}

impl TurnedAway {
    /// Forgets what can't come again.
    fn forget(&mut self, now: Instant, lasts: Duration) {
        while let Some((_, key)) = self.since.pop_front_if(|(at, _)| now >= *at + lasts) {
            self.recorded.remove(&key);
        }
    }
}

impl Switch {
    /// Answers a request that something stands against; an INVITE leaves a record.
    pub(super) fn turn_away(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &Request,
        source: Source,
        objection: &Objection,
    ) {
        let Objection { status, reply, why } = objection;
        let (via, call_id) = (request.via().as_str(), request.call_id());
        let key = self.turned_away.hasher.hash_one((flow.remote, via, call_id, request.cseq().number));
        if *request.method() == Method::INVITE && self.is_recorded(now, source, key) {
            let question = self.question(source, request);
            let steps = route::introduce(&self.policy.index, &question);
            self.record_turned_away(now, source, *status, why, &steps);
        }
        // What a flood brings keeps nothing here.
        match *status {
            Status::SERVICE_UNAVAILABLE => {
                self.answer_statelessly(flow, &request.echo(flow.remote), *status, reply);
            }
            status => self.refuse(now, flow, request, status, reply),
        }
    }

    /// Writes the record of an INVITE of a trunk that could not be read. It has no transaction: one that comes again
    /// is known by its bytes. Of a phone there is none, since what cannot be read proves nobody.
    pub(super) fn record_unread(&mut self, now: Instant, flow: &Flow, malformed: &Malformed) {
        let Some(place) = self.policy.index.trunk_at(flow.remote.ip()) else { return };
        let Some(bytes) = malformed.invite() else { return };
        let key = self.turned_away.hasher.hash_one((flow.remote, bytes));
        let source = Source::Trunk(place);
        if !self.is_recorded(now, source, key) {
            return;
        }
        let from = Step::FromTrunk(self.policy.index.trunk(place).name.clone());
        self.record_turned_away(now, source, malformed.fault.status(), &malformed.fault, &[from]);
    }

    /// Whether an INVITE leaves a record now: it is allowed one, and has left none when it came before.
    fn is_recorded(&mut self, now: Instant, source: Source, key: u64) -> bool {
        self.turned_away.forget(now, self.policy.timings().timeout());
        if self.turned_away.recorded.contains(&key) || !self.may_record(now, source) {
            return false;
        }
        self.turned_away.recorded.insert(key);
        self.turned_away.since.push_back((now, key));
        true
    }

    /// Whether a trunk's or phone's INVITE that is turned away may leave a record; those that may not are counted.
    fn may_record(&mut self, now: Instant, source: Source) -> bool {
        let may = self.registry.turned_away.take(now, source, RECORDS);
        if !may {
            let name = self.policy.index.name(source);
            *self.turned_away.left_out.entry(name).or_default() += 1;
            self.tell_later(now);
        }
        may
    }

    /// Something is to be logged, together with what else comes until then.
    pub(super) fn tell_later(&mut self, now: Instant) {
        let at = self.turned_away.deadline.unwrap_or(now + TELL);
        self.deadlines.set(Due::Tell, &mut self.turned_away.deadline, Some(at));
    }

    /// Logs what was turned away since the last time: for the load, and without a record.
    pub(super) fn tell_turned_away(&mut self) {
        self.deadlines.set(Due::Tell, &mut self.turned_away.deadline, None);
        for (source, invites) in self.turned_away.left_out.drain() {
            let source = hide_runs(&source);
            tracing::warn!(%source, invites, "turned away too fast to leave a record each");
        }
        for (source, calls) in self.turned_away.probing.drain() {
            let source = hide_runs(&source);
            tracing::warn!(%source, calls, "refused undecided: their callers try one number after another");
        }
        let requests = std::mem::take(&mut self.turned_away.overload);
        if requests > 0 {
            tracing::warn!(requests, "answered 503, since this node was above its load mark");
        }
    }

    /// Writes a record with the steps up to where the INVITE was turned away, with this status.
    fn record_turned_away(
        &mut self,
        now: Instant,
        source: Source,
        status: Status,
        why: &dyn Display,
        steps: &[Step],
    ) {
        let reason = format!("turned away with {}: {why}", status.code());
        let record = CallRecord::turned_away(TurnedAwayInvite {
            id: self.random.token(20).into(),
            at: self.anchor.unix_millis(now),
            source: self.policy.index.name(source).as_ref().into(),
            dialled: Step::dialled(steps),
            caller: Step::caller(steps),
            status: status.code(),
            cause: if status == Status::SERVICE_UNAVAILABLE { Cause::NoCircuit } else { Cause::Rejected }
                .value(),
            trace: steps.iter().map(Step::to_string).chain([reason]).collect(),
        });
        self.outputs.push_back(Output::Record(Box::new(record)));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use bytes::Bytes;

    use super::*;
    use crate::base::settings::Settings;
    use crate::base::time::Anchor;
    use crate::base::{Random, Shards, Transport};
    use crate::call::Policy;
    use crate::route::Index;
    use crate::sip::Message;
    use crate::switch::{Input, Registry, servers};

    const SETTINGS: &str = r#"
        [sip]
        listen = ["udp:127.0.0.1:5060"]
        [media]
        ports = "20000-29999"
        [api]
        listen = "127.0.0.1:8080"
        [store]
        url = "sqlite:maskline.db"
        [numbers]
        country = "IN"
        [[trunks]]
        name = "alpha"
        sources = ["127.0.0.2/32"]
        target = "sip:127.0.0.2:5060"
    "#;

    fn message(method: &str) -> Bytes {
        Bytes::from(format!(
            "{method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{method}\r\n\
             From: <sip:a@127.0.0.2>;tag=a\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: {method}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ))
    }

    /// A flood of requests that each want a transaction is answered without one, once there are too many.
    #[test]
    fn a_full_table_is_left_alone() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        let now = Instant::now();
        let settings = Settings::parse(SETTINGS, Path::new("test.toml")).unwrap();
        let index = Arc::new(Index::new(Arc::new(settings)));
        let policy = Policy { index, listeners: Vec::new(), shards: Shards::new(1), max_calls: usize::MAX };
        let mut random = Random::from_number(1);
        let registry = Arc::new(Registry::new(now, &mut random));
        let anchor = Anchor::new(now, SystemTime::UNIX_EPOCH);
        let mut switch = Switch::new(0, Arc::new(policy), registry, random, anchor);
        let [local, remote] = [1, 2].map(|host| ([127, 0, 0, host], 5060).into());
        let flow = Flow { transport: Transport::Udp, local, remote, connection: None };
        let Ok(Message::Request(request)) = Message::parse(message("BYE")) else { panic!("a request") };
        for _ in 0..servers::MOST {
            switch.servers.insert(switch.policy.timings(), &request, flow, "tag".into());
        }
        for (method, status) in [("INVITE", "503"), ("OPTIONS", "503"), ("SUBSCRIBE", "503")] {
            switch.handle(now, Input::Message { flow, bytes: message(method) });
            let mut answers = Vec::new();
            while let Some(output) = switch.poll() {
                match output {
                    Output::Answer { bytes, .. } => answers.push(bytes),
                    Output::Record(_) => {}
                    _ => panic!("{method} is answered without a transaction"),
                }
            }
            let [answer] = &answers[..] else { panic!("one answer") };
            assert!(answer.starts_with(format!("SIP/2.0 {status} ").as_bytes()), "{answer:?}");
        }
        assert_eq!((switch.transactions(), switch.calls()), (servers::MOST, 0));
    }
}
