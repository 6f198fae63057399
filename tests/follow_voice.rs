//! Calls that follow a document with more in it than whom to call: prompts, keys, tones and waits.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::ledger::{HungUp, Outcome};
use maskline::relay::{Keys, Sound};
use maskline::voice::Prompt;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
const DIAL: &str = "<Response><Dial><Number>919722293847</Number></Dial></Response>";
const PIN: &str = "<Response><Gather action=\"/pin\" numDigits=\"4\" executionTimeout=\"5\"><Speak>Your PIN</Speak></Gather>\
                   <Hangup/></Response>";

fn document(elements: &str) -> String {
    format!("<Response>{elements}</Response>")
}

/// A caller who was answered by the switch itself.
fn answered(world: &World) -> Leg {
    let mut caller = world.dial(IDLE);
    let answer = caller.expect(200);
    assert_eq!(answer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    caller.ack();
    caller
}

fn is_playing(world: &World) -> bool {
    matches!(world.sound(), Some(Sound::Clips(_)))
}

#[test]
fn a_text_is_spoken_to_a_caller_who_is_answered_for_it() {
    let world = World::following(&[&document("<Speak>Hello</Speak><Play>/a.wav</Play>")]);
    let mut caller = answered(&world);
    assert!(is_playing(&world) && world.relay().sides[0].sends);
    world.heard_out();
    let mut ends = || {
        world.heard_out();
        caller.expect("BYE");
        caller.ok();
    };
    ends();
    let record = world.end();
    assert_eq!(
        (record.outcome, record.hung_up, record.cause),
        (Outcome::Answered, Some(HungUp::Operator), 16)
    );
    assert_eq!((record.legs.len(), record.destination), (1, None));
    let prompts = &world.get().service.prompts;
    assert!(matches!(prompts[0][..], [Prompt::Speak(_)]) && matches!(prompts[1][..], [Prompt::Play(_)]));
    assert!(!record.trace.iter().any(|step| step.contains("Hello")), "{:?}", record.trace);
}

#[test]
fn a_pin_leads_to_the_other_party() {
    for by_info in [false, true] {
        let world = World::following(&[PIN, DIAL]);
        let mut caller = answered(&world);
        assert!(is_playing(&world));
        assert_eq!(world.relay().keys[0], Keys::Keep, "nobody else hears the keys");
        let press = |caller: &mut Leg, key: char| {
            if by_info {
                let signal = format!("Signal={key}\r\nDuration=160\r\n");
                let info = caller.request("INFO").body("application/dtmf-relay", signal);
                caller.send(info);
                caller.expect(200);
            } else {
                world.keys(&key.to_string());
            }
        };
        press(&mut caller, '4');
        world.pass(SECOND / 10);
        assert_eq!(world.sound(), None, "the first key cuts the prompt off");
        "711".chars().for_each(|key| press(&mut caller, key));
        let mut callee = world.incoming(BETA);
        let asked = &world.asked()[1];
        assert_eq!((&*asked.url, asked.get("Digits")), ("http://app.example/pin", Some("4711")));
        assert_eq!(asked.get("CallStatus"), Some("in-progress"));
        callee.ring();
        callee.answer();
        callee.expect("ACK");
        let relay = world.relay();
        assert!(relay.sounds == [None, None] && relay.keys[0] == Keys::Cross);
        assert!(relay.sides.iter().all(|side| side.sends && side.receives));
        caller.hang_up(&mut callee);
        let record = world.end();
        assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Caller)));
        assert!(!format!("{record:?}").contains("4711"), "{record:?}");
        world.get();
    }
}

#[test]
fn a_caller_who_presses_nothing_is_hung_up_by_the_next_element() {
    let world = World::following(&[PIN]);
    let mut caller = answered(&world);
    world.heard_out();
    caller.refute("BYE", 4 * SECOND);
    caller.expect("BYE");
    caller.ok();
    let record = world.end();
    assert_eq!((record.hung_up, world.asked().len()), (Some(HungUp::Operator), 1));
    assert!(record.trace.iter().any(|step| step.contains("pressed no key")), "{:?}", record.trace);
}

#[test]
fn early_media_are_heard_before_the_answer_and_cost_the_caller_nothing() {
    let early = document(
        "<PreAnswer><Speak>One moment</Speak></PreAnswer><Dial><Number>919722293847</Number></Dial>",
    );
    let world = World::following(&[&early]);
    let mut caller = world.dial(IDLE);
    let progress = caller.expect(183);
    assert_eq!(progress.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    assert!(is_playing(&world));
    let side = &world.relay().sides[0];
    assert!(side.sends && !side.receives, "it is not heard yet: {side:?}");
    caller.refute(200, 2 * SECOND);
    world.heard_out();
    let mut callee = world.incoming(BETA);
    callee.ring();
    callee.answer();
    let answer = caller.expect(200);
    assert_eq!(answer.sdp_codecs(), progress.sdp_codecs());
    caller.ack();
    callee.expect("ACK");
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives));
    world.pass(10 * SECOND);
    callee.hang_up(&mut caller);
    let record = world.end();
    assert!((10_000..10_300).contains(&record.billable_ms), "{record:?}");
}

#[test]
fn a_refusal_with_an_announcement_is_never_an_answer() {
    let early = document("<PreAnswer><Speak>Not in service</Speak></PreAnswer><Hangup reason=\"rejected\"/>");
    let world = World::following(&[&early]);
    let mut caller = world.dial(IDLE);
    caller.expect(183);
    world.heard_out();
    caller.expect(480);
    let record = world.end();
    assert_eq!((record.outcome, record.billable_ms), (Outcome::Rejected, 0));
}

#[test]
fn a_caller_without_an_offer_is_offered_ours_and_hears_when_it_has_answered() {
    let world = World::following(&[&document("<Speak>Hello</Speak>")]);
    let mut caller = world.caller(ALPHA, ALICE, IDLE);
    let invite = caller.request("INVITE");
    caller.send(invite);
    let answer = caller.expect(200);
    assert_eq!(answer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    world.pass(SECOND / 10);
    assert_eq!(world.sound(), None, "nobody knows where to");
    let ack = caller.ack_draft().sdp(&caller.media);
    caller.send(ack);
    world.pass(SECOND / 10);
    assert!(is_playing(&world));
    world.heard_out();
    caller.expect("BYE");
    caller.ok();
    world.end();
}

#[test]
fn tones_and_pauses_are_sent_in_time() {
    let world = World::following(&[&document("<DTMF async=\"false\">1w2</DTMF><Speak>Done</Speak>")]);
    let mut caller = answered(&world);
    world.pass(SECOND / 10);
    let sent =
        || world.relay().digits.iter().map(|(to, digit, _)| (*to, digit.to_char())).collect::<Vec<_>>();
    assert_eq!(sent(), [(Side::A, '1')]);
    assert!(!is_playing(&world), "what follows waits");
    world.pass(SECOND / 2);
    assert_eq!(sent().len(), 1, "half a second between them");
    world.pass(SECOND / 2);
    assert_eq!(sent(), [(Side::A, '1'), (Side::A, '2')]);
    assert!(is_playing(&world));
    caller.bye();
    caller.expect(200);
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
}

#[test]
fn tones_that_were_begun_come_to_their_end_whoever_answers_meanwhile() {
    let world = World::following(&[&document(
        "<DTMF>12345678</DTMF><Dial><Number sendDigits=\"9\">919722293847</Number></Dial>",
    )]);
    let mut caller = answered(&world);
    let mut callee = world.incoming(BETA);
    callee.answer();
    callee.expect("ACK");
    world.pass(4 * SECOND);
    let sent: String = world.relay().digits.iter().map(|(_, digit, _)| digit.to_char()).collect();
    assert_eq!(sent, "123456789");
    callee.hang_up(&mut caller);
    assert_eq!(world.end().hung_up, Some(HungUp::Callee));
}

#[test]
fn tones_for_one_who_is_gone_are_not_sent_to_the_next() {
    let dials = document(
        "<Dial><Number sendDigits=\"wwwwwwww4711\">919722293847</Number></Dial><Dial><Number>919722293848</Number></Dial>",
    );
    let world = World::following(&[&dials]);
    let caller = world.dial(IDLE);
    let (mut caller, mut one) = connect(caller, world.incoming(BETA));
    world.pass(SECOND);
    one.bye();
    one.expect(200);
    let mut two = world.incoming(BETA);
    two.answer();
    two.expect("ACK");
    world.pass(10 * SECOND);
    assert!(world.relay().digits.is_empty());
    two.hang_up(&mut caller);
    world.end();
}

#[test]
fn a_caller_who_hangs_up_ends_all_that_was_to_come() {
    let world = World::following(&[PIN]);
    world.edit().service.preparation = 3 * SECOND;
    let mut caller = answered(&world);
    caller.bye();
    caller.expect(200);
    let record = world.end();
    assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Caller)));
    assert!(world.asked().len() == 1 && world.get().switch.transactions() == 0);
}

#[test]
fn a_service_that_fails_in_the_call_ends_it() {
    let world = World::following(&[PIN]);
    let mut caller = answered(&world);
    world.keys("1234");
    caller.expect("BYE");
    caller.ok();
    let record = world.end();
    assert_eq!(record.hung_up, Some(HungUp::Operator));
    assert!(record.trace.iter().any(|step| step.contains("did not say how to go on")), "{:?}", record.trace);
}

#[test]
fn a_star_ends_the_called_party_where_the_document_says_so() {
    let dial = document("<Dial hangupOnStar=\"true\" action=\"/over\"><Number>919722293847</Number></Dial>");
    let world = World::following(&[&dial, &document("<Speak>Bye</Speak>")]);
    let caller = world.dial(IDLE);
    let (mut caller, mut callee) = connect(caller, world.incoming(BETA));
    assert_eq!(world.relay().keys[0], Keys::Tell);
    world.keys("1");
    callee.refute("BYE", SECOND);
    world.keys("*");
    callee.expect("BYE");
    callee.ok();
    assert!(is_playing(&world), "the caller stays");
    world.heard_out();
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.asked()[1].get("DialStatus"), Some("completed"));
    world.end();
}

#[test]
fn an_answered_caller_who_dials_hears_ringing_and_the_reason() {
    let world = World::following(&[
        &document("<Speak>Hello</Speak><Dial action=\"/next\"><Number>919722293847</Number></Dial>"),
        &document("<Speak>Nobody there</Speak>"),
    ]);
    let mut caller = answered(&world);
    world.heard_out();
    let mut callee = world.incoming(BETA);
    assert_eq!(
        callee.invited.as_ref().unwrap().sdp_codecs(),
        ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]
    );
    assert!(matches!(world.sound(), Some(Sound::Tone(_))));
    callee.say(486);
    callee.expect("ACK");
    world.pass(SECOND / 10);
    assert!(is_playing(&world));
    assert_eq!(world.asked()[1].get("DialStatus"), Some("busy"));
    world.heard_out();
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.end().outcome, Outcome::Answered);
}

#[test]
fn a_target_of_another_family_is_called_from_ports_of_its_own() {
    let settings = sim::service::with_service()
        .replace("\"tcp:127.0.0.1:5060\"", "\"tcp:127.0.0.1:5060\", \"udp:[::1]:5060\"")
        .replace("target = \"sip:127.0.0.3:5060\"", "target = \"sip:[::1]:5090\"")
        .replace("\"127.0.0.4/32\"", "\"::1/128\"");
    for is_full in [false, true] {
        let world = World::with(&settings, 1);
        let first =
            document("<Speak>Hello</Speak><Dial action=\"/over\"><Number>919722293847</Number></Dial>");
        world.edit().service.answers.extend([first, document("<Speak>Bye</Speak>")]);
        let mut caller = answered(&world);
        world.edit().engine.is_full = is_full;
        let before = world.relay().ports;
        world.heard_out();
        if is_full {
            assert_eq!(world.asked()[1].get("DialStatus"), Some("failed"));
            assert!(is_playing(&world), "the caller stays");
            world.heard_out();
            caller.expect("BYE");
            caller.ok();
            world.end();
            continue;
        }
        let mut callee = world.incoming("[::1]:5090");
        let invite = callee.invited.clone().unwrap();
        let after = world.relay().ports;
        assert!(after[0] == before[0] && after[1] != before[1]);
        assert!(
            invite.body().contains("c=IN IP6 ::1")
                && invite.body().contains(&format!("m=audio {} ", after[1]))
        );
        callee.answer();
        callee.expect("ACK");
        caller.hang_up(&mut callee);
        world.end();
    }
}

#[test]
fn a_service_is_told_that_nothing_was_pressed_where_the_settings_say_so() {
    let settings = format!("[webhooks]\npost_empty_digits = true\n{}", sim::service::with_service());
    let world = World::with(&settings, 1);
    world.edit().service.answers.extend([PIN.to_owned(), document("<Speak>Bye</Speak>")]);
    let mut caller = answered(&world);
    world.heard_out();
    world.pass(6 * SECOND);
    assert_eq!((world.asked().len(), world.asked()[1].get("Digits")), (2, Some("")));
    world.heard_out();
    caller.expect("BYE");
    caller.ok();
    world.end();
}

#[test]
fn as_many_elements_as_a_document_may_have() {
    let many = "<Record playBeep=\"false\"/>".repeat(499);
    let world = World::following(&[&document(&many)]);
    let mut caller = answered(&world);
    caller.expect("BYE");
    caller.ok();
    assert_eq!(world.end().hung_up, Some(HungUp::Operator));
}
