//! Both parties, the operator and the media engine do anything at any time; rubbish comes from everywhere. Each call
//! still ends, with one record, and no other call notices.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::{Random, Side};
use maskline::relay::{Digit, Event};
use maskline::switch::Command;
use proptest::prelude::*;
use sim::*;

/// One thing that somebody does.
#[derive(Debug, Clone, Copy)]
enum Act {
    CallerSends(&'static str),
    CalleeSends(&'static str),
    CalleeAnswers(u16, bool),
    CalleeAnswersRequest(u16),
    CallerAnswersRequest(u16),
    Silent,
    Digit,
    Full,
    Mute,
    HangUpAll,
    SlowDecision(u64),
    Repeat,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let method =
        || prop::sample::select(vec!["ACK", "BYE", "CANCEL", "INVITE", "UPDATE", "INFO", "OPTIONS", "REFER"]);
    let status =
        || prop::sample::select(vec![100, 180, 183, 200, 202, 302, 408, 481, 486, 487, 488, 491, 500, 603]);
    prop_oneof![
        3 => method().prop_map(Act::CallerSends),
        3 => method().prop_map(Act::CalleeSends),
        5 => (status(), any::<bool>()).prop_map(|(status, media)| Act::CalleeAnswers(status, media)),
        4 => status().prop_map(Act::CalleeAnswersRequest),
        4 => status().prop_map(Act::CallerAnswersRequest),
        1 => Just(Act::Silent),
        1 => Just(Act::Digit),
        1 => Just(Act::Full),
        1 => Just(Act::Mute),
        1 => Just(Act::HangUpAll),
        1 => (0_u64..8_000).prop_map(Act::SlowDecision),
        1 => Just(Act::Repeat),
        5 => (0_u64..40_000).prop_map(Act::Pass),
    ]
}

/// The two ends as far as they have come.
struct Ends {
    world: World,
    caller: Leg,
    callee: Option<Leg>,
}

impl Ends {
    /// Reads what came.
    fn read(&mut self) {
        if self.callee.is_none() {
            let is_new = |text: &Text| text.method() == Some("INVITE") && text.to_tag().is_none();
            let invite = self.world.unread(address(BETA), is_new);
            self.callee = invite.map(|invite| Leg::invited(&self.world, address(BETA), invite));
        }
        for leg in [Some(&mut self.caller), self.callee.as_mut()].into_iter().flatten() {
            while leg.read_any() {}
        }
    }

    fn send(leg: &mut Leg, method: &str) {
        let media = leg.media.clone();
        let draft = match method {
            "ACK" if leg.invite.is_some() => leg.ack_draft().sdp(media),
            "CANCEL" if leg.invite.is_some() => leg.cancel_draft(),
            "INVITE" | "UPDATE" => {
                let media = if leg.cseq.is_multiple_of(2) { media.direction("sendonly") } else { media };
                leg.request(method).sdp(media)
            }
            "INFO" => leg.request(method).body("application/dtmf", "5"),
            _ => leg.request(method),
        };
        leg.send(draft);
    }

    fn answer(leg: &mut Leg, request: Option<Text>, status: u16, media: bool) {
        let Some(request) = request else { return };
        let response = leg.response(&request, status);
        let response = if media { response.sdp(&leg.media) } else { response };
        leg.send(response);
    }

    fn act(&mut self, act: Act) {
        let world = self.world.clone();
        let has_relay = !world.get().engine.open.is_empty();
        match act {
            Act::CallerSends(method) => Self::send(&mut self.caller, method),
            Act::CallerAnswersRequest(status) => {
                let asked = self.caller.asked.clone();
                Self::answer(&mut self.caller, asked, status, status < 300);
            }
            Act::Silent if has_relay => world.tell(|relay| Event::Silent { relay }),
            Act::Digit if has_relay => world.tell(|relay| Event::Digit {
                relay,
                from: Side::A,
                digit: Digit::from_char('1').unwrap(),
                duration: Duration::from_millis(100),
            }),
            Act::Full => world.edit().engine.is_full = true,
            Act::Mute => world.edit().engine.is_mute = true,
            Act::HangUpAll => world.command(Command::HangUpAll),
            Act::SlowDecision(millis) => world.edit().decision_delay = Duration::from_millis(millis),
            Act::Repeat => {
                let last = world.get().wire.iter().rfind(|sent| sent.to == address(SWITCH)).cloned();
                last.into_iter().for_each(|sent| world.send(sent.from, sent.bytes));
            }
            Act::Pass(millis) => world.pass(Duration::from_millis(millis)),
            _ => {
                if let Some(callee) = &mut self.callee {
                    match act {
                        Act::CalleeSends(method) => Self::send(callee, method),
                        Act::CalleeAnswers(status, media) => {
                            Self::answer(callee, callee.invited.clone(), status, media);
                        }
                        Act::CalleeAnswersRequest(status) => {
                            Self::answer(callee, callee.asked.clone(), status, status < 300);
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Ends all that is left, and checks that nothing remains and each call that came in has its record.
fn check(world: &World) {
    world.pass(Duration::from_secs(100));
    world.command(Command::HangUpAll);
    world.pass(Duration::from_secs(110));
    let inner = world.get();
    let ladder = || inner.ladder();
    assert_eq!(inner.switch.calls(), 0, "calls remain\n{}", ladder());
    assert_eq!(inner.switch.transactions(), 0, "transactions remain\n{}", ladder());
    assert!(inner.engine.open.is_empty(), "ports remain\n{}", ladder());
    assert_eq!(inner.switch.next_deadline(), None, "a deadline remains\n{}", ladder());
    assert_eq!(inner.switch.leaks(), 0, "{}", ladder());
    world.check_records();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_at_any_time(acts in prop::collection::vec(act(), 1..40), starts_connected in any::<bool>()) {
        let world = World::new();
        let mut ends = if starts_connected {
            let (caller, callee) = world.established();
            Ends { world: world.clone(), caller, callee: Some(callee) }
        } else {
            Ends { world: world.clone(), caller: world.dial(M1), callee: None }
        };
        for act in acts {
            world.pass(Duration::from_millis(20));
            ends.read();
            ends.act(act);
        }
        world.pass(Duration::from_secs(10));
        check(&world);
        prop_assert!(world.get().records.len() >= world.get().arrived(), "{}", world.ladder());
    }
}

/// What the caller of the one good call hears, with rubbish all around.
fn with_rubbish(seed: u64, mut rubbish: impl FnMut(&World, &mut Random)) {
    let world = World::with(SETTINGS, 5);
    let mut random = Random::from_number(seed);
    let mut other = world.caller(ALPHA, ALICE, M1);
    other.call();
    let (mut other, mut other_callee) = connect(other, world.incoming(BETA));
    let (mut caller, mut callee) = world.established();
    let mut quiet = |world: &World| (0..40).for_each(|_| rubbish(world, &mut random));
    quiet(&world);
    let (a, b) = (caller.media.clone(), callee.media.clone());
    caller.reinvite(a.direction("sendonly"));
    callee.expect("INVITE");
    quiet(&world);
    callee.media = b.direction("recvonly");
    callee.answer();
    callee.expect("ACK");
    assert_eq!(caller.expect(200).sdp_direction(), "recvonly");
    caller.ack();
    quiet(&world);
    world.pass(Duration::from_secs(2));
    caller.hang_up(&mut callee);
    assert_eq!(world.get().records.iter().filter(|record| record.billable_ms > 1_900).count(), 1);
    quiet(&world);
    let _ = (&mut other, &mut other_callee);
    check(&world);
}

#[test]
fn random_bytes_disturb_nobody() {
    for seed in 0..30 {
        with_rubbish(seed, |world, random| {
            let from = [ALPHA, BETA, STRANGER, AGENT][random.next_u32() as usize % 4];
            let mut bytes = vec![0; random.next_u32() as usize % 1_500];
            random.fill(&mut bytes);
            world.send(address(from), bytes);
        });
    }
}

#[test]
fn torn_messages_of_one_call_disturb_no_other() {
    for seed in 0..60 {
        with_rubbish(seed, |world, random| {
            let mut pick = |most: usize| random.next_u64() as usize % most;
            let (from, mut bytes) = {
                let inner = world.get();
                // Only the first call's messages: those of the good one are another Call-ID's.
                let call_id = Text::new(&inner.wire[0].bytes).call_id().to_owned();
                let is_of_it = |sent: &&Datagram| {
                    sent.to == address(SWITCH) && String::from_utf8_lossy(&sent.bytes).contains(&call_id)
                };
                let sent: Vec<_> = inner.wire.iter().filter(is_of_it).collect();
                let sent = sent[pick(sent.len())];
                (sent.from, sent.bytes.clone())
            };
            for _ in 0..1 + pick(6) {
                let at = pick(bytes.len());
                match pick(4) {
                    0 => bytes[at] = pick(256).to_le_bytes()[0],
                    1 => drop(bytes.drain(at..(at + pick(30)).min(bytes.len()))),
                    2 => {
                        let copied = bytes[at..(at + pick(60)).min(bytes.len())].to_vec();
                        bytes.splice(at..at, copied);
                    }
                    _ => bytes.insert(at, b"\r\n:;,<>\"\\ \0@%"[pick(13)]),
                }
                if bytes.is_empty() {
                    return;
                }
            }
            world.send(from, bytes);
        });
    }
}
