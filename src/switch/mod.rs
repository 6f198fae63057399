//! Floor 6: the switch, one for each shard: it owns the shard's transactions, dialogs and calls, and is a pure
//! machine as a whole.
//!
//! [`Switch::handle`] takes what happened and [`Switch::advance`] the time; [`Switch::poll`] gives what is to be
//! done, and [`Switch::next_deadline`] when to come back. It has no locks, no sockets and no clock.

mod clients;
mod deadlines;
mod hops;
mod inbound;
mod io;
mod lapsing;
mod limits;
mod load;
mod local;
mod location;
mod orders;
mod outbound;
mod probing;
mod realm;
mod registrar;
mod responses;
mod servers;
mod source;
mod turned_away;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use crate::base::time::Anchor;
use crate::base::{Metrics, Random, Side};
use crate::call::{Call, CallKey, Context, Destination, Effect, LegId, Policy, Purpose};
use crate::mask::Cause;
use crate::relay;
use crate::route::{Decision, Plan};

pub use io::{Command, Input, Output};
pub use location::{Binding, Registry};

use clients::Clients;
use deadlines::Deadlines;
use servers::Servers;
use turned_away::TurnedAway;

/// One shard's switch.
pub struct Switch {
    shard: u8,
    policy: Arc<Policy>,
    registry: Arc<Registry>,
    anchor: Anchor,
    random: Random,
    calls: Slab<Entry>,
    generation: u32,
    /// Which leg a message inside a dialog is for, by our tag.
    legs: HashMap<Box<str>, (CallKey, LegId)>,
    servers: Servers,
    clients: Clients,
    /// Calls whose trunk has a name that is being looked up.
    resolving: HashMap<u64, Resolving>,
    /// Where the party of a side is, on its way to the call that asked.
    located: Option<(Side, u32, Vec<Destination>)>,
    /// Counts the look-ups.
    lookups: u64,
    deadlines: Deadlines<Due>,
    effects: VecDeque<Effect>,
    outputs: VecDeque<Output>,
    is_draining: bool,
    /// Messages come faster than they are taken in.
    is_behind: bool,
    turned_away: TurnedAway,
    leaks: u64,
    metrics: Arc<Metrics>,
}

/// A call that waits for a look-up, with the settings that its plan was made under.
struct Resolving {
    call: CallKey,
    /// The side whose party is looked for, and the call's own number for that; none where a decision waits for it.
    side: Option<(Side, u32)>,
    plan: Plan,
    policy: Arc<Policy>,
}

struct Entry {
    generation: u32,
    /// Out only while it handles an event.
    call: Option<Box<Call>>,
    deadline: Option<Instant>,
    /// It counts toward the load mark.
    counts: bool,
}

/// A message that the egress guard did not let out: a request of this leg for this purpose, or a response.
type Stopped = Option<(LegId, Purpose)>;

/// Whose deadline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Server(usize),
    Client(usize),
    Call(usize),
    /// What has left no record is to be logged.
    Tell,
}

impl Switch {
    /// The switch of a shard. All shards of a process share the registry.
    #[must_use]
    pub fn new(
        shard: u8,
        policy: Arc<Policy>,
        registry: Arc<Registry>,
        random: Random,
        anchor: Anchor,
    ) -> Self {
        let metrics = Arc::new(Metrics::default());
        Self {
            shard,
            policy,
            registry,
            anchor,
            random,
            calls: Slab::new(),
            generation: 0,
            legs: HashMap::new(),
            servers: Servers::new(Arc::clone(&metrics)),
            clients: Clients::new(Arc::clone(&metrics)),
            resolving: HashMap::new(),
            located: None,
            lookups: 0,
            deadlines: Deadlines::new(),
            effects: VecDeque::new(),
            outputs: VecDeque::new(),
            is_draining: false,
            is_behind: false,
            turned_away: TurnedAway::default(),
            leaks: 0,
            metrics,
        }
    }

    /// The same switch, before anything has happened, with its counts kept here.
    #[must_use]
    pub fn counted_in(self, metrics: Arc<Metrics>) -> Self {
        let (servers, clients) = (Servers::new(Arc::clone(&metrics)), Clients::new(Arc::clone(&metrics)));
        Self { servers, clients, metrics, ..self }
    }

    /// Takes something that happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message { flow, bytes } => self.message(now, flow, bytes),
            Input::FlowLost { flow } => self.flow_lost(now, &flow),
            Input::Resolved { id, addresses } => self.resolved(now, id, &addresses),
            Input::Decided { call, decision } => self.decided(now, call, decision),
            Input::Placed { call, answer } => self.with_call(now, call, |call, ctx| call.placed(ctx, answer)),
            Input::Dialled { call, answer } => {
                self.with_call(now, call, |call, ctx| call.dialled(ctx, answer));
            }
            Input::Prepared { call, tag, sound, notes } => {
                self.with_call(now, call, |call, ctx| call.prepared(ctx, tag, sound, notes));
            }
            Input::Told { call, purpose, answer, notes } => {
                self.with_call(now, call, |call, ctx| call.told(ctx, purpose, answer, notes));
            }
            Input::Media(event) => self.media(now, event),
            Input::Clock(wall) => self.anchor = Anchor::new(now, wall),
            Input::Behind(is_behind) => self.is_behind = is_behind,
            Input::Command(Command::Reconfigure(policy)) => self.policy = policy,
            Input::Command(Command::Call(order)) => self.order(now, *order),
            Input::Command(Command::Drain) => self.is_draining = true,
            Input::Command(Command::HangUp { call }) => {
                self.with_call(now, call, |call, ctx| call.hang_up(ctx, Cause::Normal));
            }
            Input::Command(Command::HangUpAll) => {
                self.with_calls(now, |call, ctx| call.hang_up(ctx, Cause::NoCircuit));
            }
            Input::Command(Command::CloseAll) => self.with_calls(now, Call::close),
        }
    }

    /// Fires what is due.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.deadlines.due(now) {
            match due {
                Due::Server(slot) => self.server_due(now, slot),
                Due::Client(slot) => self.client_due(now, slot),
                Due::Call(slot) => self.call_due(now, slot),
                Due::Tell => self.tell_turned_away(),
            }
        }
    }

    /// When [`Switch::advance`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next thing that is to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many calls there are, those included that are being set up or taken down.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many transactions there are.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// How many messages the egress guard has stopped. Anything but 0 is an alarm.
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.leaks
    }

    fn media(&mut self, now: Instant, event: relay::Event) {
        let key = CallKey::of_relay(event.relay());
        if let relay::Event::Opened { relay, .. } = event
            && self.call(key).is_none()
        {
            // The call has not waited for its ports.
            self.outputs.push_back(Output::Media(relay::Command::Close { relay }));
        }
        self.with_call(now, key, |call, ctx| call.media(ctx, event));
    }

    fn decided(&mut self, now: Instant, key: CallKey, decision: Decision) {
        let decision = self.unless_probing(now, key, decision);
        if matches!(decision, Decision::Bridge(_) | Decision::Follow(_)) && !self.enter(now, key, &decision) {
            return;
        }
        let destinations = match &decision {
            Decision::Refuse(_) | Decision::Ask(_) | Decision::Follow(_) => Vec::new(),
            Decision::Bridge(plan) => match self.destinations(now, &self.policy, plan) {
                hops::Hops::Known(destinations) => destinations,
                hops::Hops::Ask(question) => {
                    let id = self.next_lookup();
                    let policy = self.policy.clone();
                    self.resolving
                        .insert(id, Resolving { call: key, side: None, plan: plan.clone(), policy });
                    let hops::Name { host, port, transport } = question;
                    return self.outputs.push_back(Output::Resolve { id, host, port, transport });
                }
            },
        };
        self.with_call(now, key, |call, ctx| call.decided(ctx, decision, destinations));
    }

    /// The id of a look-up: one that comes late is not taken for the next one of its call.
    fn next_lookup(&mut self) -> u64 {
        self.lookups += 1;
        self.lookups
    }

    fn resolved(&mut self, now: Instant, id: u64, addresses: &[std::net::SocketAddr]) {
        let Some(Resolving { call, side, plan, policy }) = self.resolving.remove(&id) else { return };
        let destinations = hops::destinations_at(&policy, &plan, addresses);
        self.with_call(now, call, |call, ctx| match side {
            Some((side, serial)) => call.located(ctx, side, serial, destinations),
            None => call.decided(ctx, Decision::Bridge(plan), destinations),
        });
    }

    /// Lets every call handle an event.
    fn with_calls(&mut self, now: Instant, event: impl Fn(&mut Call, &mut Context<'_>)) {
        let keys: Vec<CallKey> =
            self.calls.iter().map(|(slot, entry)| self.key(slot, entry.generation)).collect();
        for key in keys {
            self.with_call(now, key, &event);
        }
    }

    fn call_due(&mut self, now: Instant, slot: usize) {
        let key = self.key(slot, self.calls[slot].generation);
        self.with_call(now, key, Call::expire);
    }

    fn key(&self, slot: usize, generation: u32) -> CallKey {
        let slot = u32::try_from(slot).expect("a shard holds fewer than 2^24 calls");
        CallKey { shard: self.shard, slot, generation }
    }

    /// Makes room for a call.
    fn reserve(&mut self) -> CallKey {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let slot = self.calls.insert(Entry { generation, call: None, deadline: None, counts: false });
        self.key(slot, generation)
    }

    fn call(&self, key: CallKey) -> Option<&Call> {
        let entry = self.calls.get(key.slot as usize)?;
        entry.call.as_deref().filter(|_| entry.generation == key.generation)
    }

    /// Lets a call handle an event and does what it wants done; nothing where the call has ended.
    fn with_call(&mut self, now: Instant, key: CallKey, event: impl FnOnce(&mut Call, &mut Context<'_>)) {
        let Some(entry) = self.calls.get_mut(key.slot as usize) else { return };
        if entry.generation != key.generation {
            return;
        }
        let Some(mut call) = entry.call.take() else { return };
        event(&mut call, &mut self.context(now));
        self.put_back(now, key, call);
    }

    fn context(&mut self, now: Instant) -> Context<'_> {
        Context {
            now,
            policy: &self.policy,
            anchor: &self.anchor,
            random: &mut self.random,
            effects: &mut self.effects,
        }
    }

    /// Does what a call wants done, and keeps it or lets it go.
    fn put_back(&mut self, now: Instant, key: CallKey, mut call: Box<Call>) {
        loop {
            let stopped = self.carry_out(now, key, &call);
            let located = self.located.take();
            if stopped.is_empty() && located.is_none() {
                break;
            }
            if !stopped.is_empty() {
                call.leaked(&mut self.context(now));
            }
            for (leg, purpose) in stopped.into_iter().flatten() {
                call.unanswered(&mut self.context(now), leg, purpose);
            }
            if let Some((side, serial, destinations)) = located {
                call.located(&mut self.context(now), side, serial, destinations);
            }
        }
        let slot = key.slot as usize;
        let is_over = call.is_over();
        let entry = &mut self.calls[slot];
        let at = call.deadline().filter(|_| !is_over);
        self.deadlines.set(Due::Call(slot), &mut entry.deadline, at);
        if entry.counts && !call.needs_ports() {
            entry.counts = false;
            self.registry.load.leave();
        }
        if is_over {
            for leg in call.legs() {
                self.legs.remove(&call.leg(leg).dialog.local_tag);
            }
            self.calls.remove(slot);
            if self.calls.is_empty() && self.calls.capacity() > servers::SPARE {
                (self.calls, self.legs) = Default::default();
            }
        } else {
            entry.call = Some(call);
        }
    }
}
