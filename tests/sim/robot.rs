//! Parties that act by themselves over a bad network: they retransmit, acknowledge and answer by the rules of RFC
//! 3261, each from a small table of what they still have to say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::draft::Draft;
use super::leg::Leg;
use super::text::Text;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// What a party means to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How a callee answers.
    pub answer: u16,
    /// How long it rings before.
    pub rings: Duration,
    /// When the caller gives up, from its INVITE, if the call is not answered by then.
    pub patience: Duration,
    /// When the party hangs up, from the answer; `None`: never.
    pub talks: Option<Duration>,
    /// When it puts the other on hold, from the answer.
    pub holds: Option<Duration>,
}

/// Something that is sent again and again.
struct Pending {
    draft: Draft,
    at: Instant,
    interval: Duration,
    until: Instant,
    /// Whether the interval stays below T2.
    is_capped: bool,
}

/// One party.
pub struct Robot {
    pub leg: Leg,
    pub plan: Plan,
    pub is_caller: bool,
    /// Sent again until it is answered, by what it is.
    pending: BTreeMap<String, Pending>,
    /// The responses given to requests, by branch and method.
    given: BTreeMap<(String, String), Draft>,
    /// What is to be done, and when.
    todo: Vec<(Instant, Todo)>,
    acks: BTreeMap<u32, Draft>,
    pub state: State,
    pub final_status: Option<u16>,
}

/// Where a party believes to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Calling,
    Talking,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Todo {
    Answer,
    GiveUp,
    HangUp,
    Hold,
}

impl Robot {
    /// A caller that sends its INVITE now.
    pub fn caller(mut leg: Leg, plan: Plan, now: Instant) -> Self {
        let invite = leg.invite();
        leg.invite = Some(invite.clone());
        let mut robot = Self::new(leg, plan, true);
        robot.todo.push((now + plan.patience, Todo::GiveUp));
        robot.repeat(now, "INVITE", invite, false);
        robot
    }

    /// A callee that was just invited.
    pub fn callee(leg: Leg, plan: Plan, now: Instant) -> Self {
        let mut robot = Self::new(leg, plan, false);
        robot.ring();
        robot.todo.push((now + plan.rings, Todo::Answer));
        robot
    }

    fn new(leg: Leg, plan: Plan, is_caller: bool) -> Self {
        Self {
            leg,
            plan,
            is_caller,
            pending: BTreeMap::new(),
            given: BTreeMap::new(),
            todo: Vec::new(),
            acks: BTreeMap::new(),
            state: State::Calling,
            final_status: None,
        }
    }

    pub fn at(&self) -> SocketAddr {
        self.leg.at
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        let pending = self.pending.values().map(|pending| pending.at.min(pending.until));
        pending.chain(self.todo.iter().map(|(at, _)| *at)).min()
    }

    fn repeat(&mut self, now: Instant, what: &str, draft: Draft, is_capped: bool) {
        self.leg.send(draft.clone());
        let pending = Pending { draft, at: now + T1, interval: T1, until: now + T1 * 64, is_capped };
        self.pending.insert(what.to_owned(), pending);
    }

    fn request(&mut self, now: Instant, method: &str, draft: Draft) {
        self.repeat(now, method, draft, method != "INVITE");
    }

    fn ring(&mut self) {
        let invited = self.leg.invited.clone().unwrap();
        let ringing = self.leg.response(&invited, 180);
        self.give(&invited, ringing);
    }

    /// Answers a request, now and each time it comes again.
    fn give(&mut self, request: &Text, draft: Draft) {
        let key = (request.branch().to_owned(), request.cseq_method().to_owned());
        self.given.insert(key, draft.clone());
        self.leg.send(draft);
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        let (due, later) = self.todo.iter().partition(|(at, _)| *at <= now);
        self.todo = later;
        let due: Vec<(Instant, Todo)> = due;
        for (_, todo) in due {
            self.act(now, todo);
        }
        let mut given_up = Vec::new();
        for (what, pending) in &mut self.pending {
            if pending.until <= now {
                given_up.push(what.clone());
            } else if pending.at <= now {
                self.leg.send(pending.draft.clone());
                let doubled = pending.interval * 2;
                pending.interval = if pending.is_capped { doubled.min(T2) } else { doubled };
                pending.at = now + pending.interval;
            }
        }
        for what in given_up {
            self.pending.remove(&what);
            if what == "INVITE" || what == "200" {
                self.over();
            }
        }
    }

    fn act(&mut self, now: Instant, todo: Todo) {
        match todo {
            Todo::Answer if self.state == State::Calling => {
                let invited = self.leg.invited.clone().unwrap();
                let mut response = self.leg.response(&invited, self.plan.answer);
                if self.plan.answer == 200 {
                    response = response.sdp(&self.leg.media);
                    self.talk(now);
                } else {
                    self.state = State::Over;
                }
                self.final_status = Some(self.plan.answer);
                self.give(&invited, response.clone());
                self.repeat(now, "200", response, true);
            }
            Todo::GiveUp if self.state == State::Calling => {
                let cancel = self.leg.cancel_draft();
                self.request(now, "CANCEL", cancel);
            }
            Todo::HangUp if self.state == State::Talking => {
                self.state = State::Over;
                let bye = self.leg.request("BYE");
                self.request(now, "BYE", bye);
            }
            Todo::Hold if self.state == State::Talking && !self.pending.contains_key("INVITE") => {
                self.leg.media = self.leg.media.clone().direction("sendonly");
                let invite = self.leg.invite();
                self.leg.invite = Some(invite.clone());
                self.request(now, "INVITE", invite);
            }
            _ => {}
        }
    }

    fn talk(&mut self, now: Instant) {
        self.state = State::Talking;
        let Plan { talks, holds, .. } = self.plan;
        self.todo.extend(talks.map(|talks| (now + talks, Todo::HangUp)));
        self.todo.extend(holds.map(|holds| (now + holds, Todo::Hold)));
    }

    fn over(&mut self) {
        self.state = State::Over;
        self.pending.retain(|what, _| what == "BYE" || what == "CANCEL");
        self.todo.clear();
    }

    /// A message came.
    pub fn receive(&mut self, now: Instant, text: &Text) {
        if text.status().is_some() {
            return self.response(now, text);
        }
        let key = (text.branch().to_owned(), text.cseq_method().to_owned());
        if let Some(draft) = self.given.get(&key) {
            return self.leg.send(draft.clone());
        }
        match text.method().unwrap() {
            "ACK" => {
                self.pending.remove("200");
            }
            "CANCEL" => {
                let ok = self.leg.response(text, 200);
                self.give(text, ok);
                if self.state == State::Calling {
                    let invited = self.leg.invited.clone().unwrap();
                    let terminated = self.leg.response(&invited, 487);
                    self.give(&invited, terminated.clone());
                    self.over();
                    self.final_status = Some(487);
                    self.repeat(now, "200", terminated, true);
                }
            }
            "BYE" => {
                let ok = self.leg.response(text, 200);
                self.give(text, ok);
                self.pending.remove("200");
                self.over();
            }
            "INVITE" => self.reinvited(now, text),
            _ => {
                let ok = self.leg.response(text, 200);
                self.give(text, ok);
            }
        }
    }

    fn reinvited(&mut self, now: Instant, text: &Text) {
        let refusal = match self.state {
            State::Talking if self.pending.contains_key("INVITE") => Some(491),
            State::Talking => None,
            _ => Some(481),
        };
        let draft = match refusal {
            Some(status) => self.leg.response(text, status),
            None => {
                let direction = if text.sdp_direction() == "sendonly" { "recvonly" } else { "sendrecv" };
                self.leg.response(text, 200).sdp(self.leg.media.clone().direction(direction))
            }
        };
        self.give(text, draft.clone());
        self.repeat(now, "200", draft, true);
    }

    fn response(&mut self, now: Instant, text: &Text) {
        let status = text.status().unwrap();
        let method = text.cseq_method().to_owned();
        if status < 200 {
            if method == "INVITE" {
                self.pending.remove("INVITE");
            }
            return;
        }
        if method != "INVITE" {
            self.pending.remove(&method);
            return;
        }
        let is_first_time = !self.acks.contains_key(&text.cseq());
        if is_first_time {
            self.pending.remove("INVITE");
            let ack = self.leg.acknowledge(text);
            self.acks.insert(text.cseq(), ack);
        }
        let ack = self.acks[&text.cseq()].clone();
        self.leg.send(ack);
        if is_first_time && self.final_status.is_none() {
            self.final_status = Some(status);
            if status == 200 { self.talk(now) } else { self.over() }
        }
    }
}
