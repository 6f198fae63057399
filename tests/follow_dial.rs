//! Calls on a number whose web service decides them: whom its documents call, and what comes of it.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "support/session.rs"]
mod session;
mod sim;

use std::time::Duration;

use maskline::base::link::Method;
use maskline::base::settings::AnswerUrl;
use maskline::base::tones::CallTones;
use maskline::base::{Random, Timestamp};
use maskline::ledger::{HungUp, Number, NumberState, Outcome, Party, SessionId};
use maskline::relay::Sound;
use session::plain;
use sim::service::URL;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
const CAROL: &str = "+919722293848";

fn dial(numbers: &[&str]) -> String {
    let numbers: String = numbers.iter().map(|number| format!("<Number>{}</Number>", &number[1..])).collect();
    format!("<Response><Dial>{numbers}</Dial></Response>")
}

#[test]
fn a_plain_dial_answers_the_caller_when_the_called_party_does() {
    let world = World::following(&[&dial(&[BOB])]);
    let mut caller = world.dial(IDLE);
    caller.expect(100);
    let mut callee = world.incoming(BETA);
    let invite = callee.invited.clone().unwrap();
    assert!(
        invite.header("From").starts_with(&format!("<sip:{IDLE}@")),
        "the number dialled is shown: {invite}"
    );
    assert!(!invite.to_string().contains(&ALICE[4..]), "{invite}");
    callee.ring();
    caller.expect(180);
    callee.answer();
    let answer = caller.expect(200);
    assert_eq!(answer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    caller.ack();
    callee.expect("ACK");
    world.pass(20 * SECOND);
    callee.hang_up(&mut caller);
    let record = world.end();
    assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Callee)));
    assert_eq!((record.status, record.cause), (Some(200), 16));
    let numbers = [record.caller, record.dialled, record.destination, record.shown];
    assert_eq!(numbers.map(|number| number.unwrap().reveal()), [ALICE, IDLE, BOB, IDLE]);
    assert!((20_000..20_100).contains(&record.billable_ms), "{record:?}");
    assert!(record.trace.iter().all(|step| !step.contains(&ALICE[6..]) && !step.contains(&BOB[6..])));
    let asked = world.asked();
    let first: Vec<(&str, Option<&str>)> =
        ["From", "To", "Direction", "CallStatus", "Event"].map(|name| (name, asked[0].get(name))).into();
    let told = |text: &'static str| Some(text);
    assert_eq!(
        first,
        [
            ("From", told(&ALICE[1..])),
            ("To", told(&IDLE[1..])),
            ("Direction", told("inbound")),
            ("CallStatus", told("ringing")),
            ("Event", told("StartApp"))
        ]
    );
    assert_eq!((asked.len(), &*asked[0].url, asked[0].get("CallUUID")), (1, URL, Some(&*record.id)));
}

#[test]
fn a_decision_that_takes_long_is_waited_for_with_ringing() {
    let world = World::following(&[&dial(&[BOB])]);
    world.edit().service.delay = 3 * SECOND;
    let mut caller = world.dial(IDLE);
    caller.expect(100);
    caller.refute(180, SECOND / 2);
    caller.expect(180);
    let mut callee = world.incoming(BETA);
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.expect("ACK");
    caller.hang_up(&mut callee);
    assert_eq!(world.end().hung_up, Some(HungUp::Caller));
}

#[test]
fn a_service_that_does_not_answer_leaves_the_call_to_what_is_mapped() {
    // No answer, and nothing else is mapped: the uniform refusal.
    let world = World::following(&[]);
    let mut caller = world.dial(IDLE);
    let refusal = caller.expect(404);
    caller.acknowledge(&refusal);
    let record = world.end();
    assert_eq!((record.outcome, record.status), (Outcome::Refused, Some(404)));
    assert!(record.trace.iter().any(|step| step.contains("no web service says")), "{:?}", record.trace);
    // The same, where this caller has a row of its own: that goes first, and nobody is asked.
    let row = format!(
        "[[mappings]]\ndialled = \"{IDLE}\"\ncaller = \"{ALICE}\"\ndestination = \"{BOB}\"\nshow = \"{M2}\"\n"
    );
    let world = World::with(&format!("{}{row}", sim::service::with_service()), 1);
    let caller = world.dial(IDLE);
    let (mut caller, mut callee) = connect(caller, world.incoming(BETA));
    caller.hang_up(&mut callee);
    world.end();
    assert_eq!(world.asked().len(), 0);
}

#[test]
fn a_number_of_the_inventory_asks_its_own_service_and_falls_back_to_its_sessions() {
    const RENTED: &str = FOREIGN;
    let world = || {
        let world = World::new();
        world.get().book.put_number(Number {
            number: RENTED.parse().unwrap(),
            country: None,
            pool: Some("delivery".into()),
            trunk: None,
            answer: Some(AnswerUrl { url: URL.into(), method: Method::Post }),
            state: NumberState::Active,
            added_at: Timestamp::default(),
        });
        let [first, second] = [(ALICE, RENTED), (BOB, M1)]
            .map(|(party, dials)| Party { number: party.parse().ok(), dials: dials.parse().unwrap() });
        let start = Timestamp::from(world.get().wall);
        let id = SessionId::new(start, &mut Random::from_number(1));
        world.get().book.put(&plain(id, [first, second], start));
        (world, id)
    };
    // The service answers: whom it says is called, whatever the session of the caller says.
    let (asked, _) = world();
    asked.edit().service.answers.push_back(dial(&[CAROL]));
    let caller = asked.dial(RENTED);
    let carol = asked.incoming(BETA);
    let invite = carol.invited.clone().unwrap();
    assert!(invite.start().contains(CAROL) && leg::user_of(invite.header("From")) == RENTED, "{invite}");
    let (mut caller, mut carol) = connect(caller, carol);
    caller.hang_up(&mut carol);
    let record = asked.end();
    assert_eq!((record.destination.unwrap().reveal(), record.session), (CAROL.to_owned(), None));
    assert_eq!((asked.asked().len(), &*asked.asked()[0].url), (1, URL));
    // It does not: the session of the pair.
    let (dead, session) = world();
    let caller = dead.dial(RENTED);
    let bob = dead.incoming(BETA);
    let invite = bob.invited.clone().unwrap();
    assert!(invite.start().contains(BOB) && leg::user_of(invite.header("From")) == M1, "{invite}");
    let (mut caller, mut bob) = connect(caller, bob);
    bob.hang_up(&mut caller);
    let record = dead.end();
    assert_eq!((record.outcome, record.session), (Outcome::Answered, Some(session)));
    assert!(record.trace.iter().any(|step| step.contains("no web service says")), "{:?}", record.trace);
    assert_eq!(dead.asked().len(), 1);
}

#[test]
fn all_ring_at_once_and_the_first_who_answers_has_the_call() {
    let world = World::following(&[&dial(&[BOB, CAROL])]);
    let mut caller = world.dial(IDLE);
    let (one, two) = (world.incoming(BETA), world.incoming(BETA));
    let (mut bob, mut carol) =
        if one.invited.as_ref().unwrap().start().contains(BOB) { (one, two) } else { (two, one) };
    bob.ring();
    carol.ring();
    caller.expect(180);
    carol.answer();
    caller.expect(200);
    caller.ack();
    carol.expect("ACK");
    bob.expect("CANCEL");
    bob.ok();
    bob.say(487);
    bob.expect("ACK");
    world.pass(5 * SECOND);
    caller.hang_up(&mut carol);
    let record = world.end();
    assert_eq!(record.destination.unwrap().reveal(), CAROL, "who took the call");
    assert_eq!(record.legs.len(), 3);
    assert!(record.legs.iter().filter(|leg| leg.billable_ms > 0).count() == 2, "{:?}", record.legs);
}

#[test]
fn what_is_shown_is_ours_or_nobody_is_called() {
    let shows = |number: &str| {
        format!("<Response><Dial callerId=\"{}\"><Number>{}</Number></Dial></Response>", number, &BOB[1..])
    };
    let world = World::following(&[&shows(&M2[1..])]);
    let mut caller = world.dial(IDLE);
    let mut callee = world.incoming(BETA);
    assert!(callee.invited.as_ref().unwrap().header("From").starts_with(&format!("<sip:{M2}@")));
    callee.say(486);
    caller.expect(486);
    world.end();
    for foreign in [ALICE, FOREIGN, "112"] {
        let world = World::following(&[&shows(foreign)]);
        let mut caller = world.dial(IDLE);
        caller.expect(480);
        let record = world.end();
        assert_eq!((world.invites(BETA), record.outcome), (0, Outcome::Unreachable), "{foreign}");
        assert!(
            record.trace.iter().any(|step| step.contains("to be shown is not ours")),
            "{:?}",
            record.trace
        );
    }
}

#[test]
fn nobody_is_called_who_may_not_be() {
    for (target, said) in [
        ("<Number>112</Number>", "an emergency number"),
        ("<Number>918045550102</Number>", "a masking number of ours"),
        ("<Number>919811152637</Number>", "both parties are the same"),
        ("<User>sip:nobody@elsewhere.example</User>", "no phone of ours"),
    ] {
        let world = World::following(&[&format!("<Response><Dial>{target}</Dial></Response>")]);
        let mut caller = world.dial(IDLE);
        caller.expect(480);
        let record = world.end();
        assert!(record.trace.iter().any(|step| step.contains(said)), "{said}: {:?}", record.trace);
        assert_eq!(world.invites(BETA) + world.invites(ALPHA), 0);
    }
    // A target that may not be called does not hold up the others.
    let world = World::following(&[
        "<Response><Dial><Number>112</Number><Number>919722293847</Number></Dial></Response>",
    ]);
    let mut caller = world.dial(IDLE);
    world.incoming(BETA).say(603);
    caller.expect(480);
    world.end();
}

#[test]
fn the_action_is_asked_when_nobody_answers_and_says_whom_to_call_next() {
    let first =
        "<Response><Dial timeout=\"10\" action=\"/next\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first, &dial(&[CAROL])]);
    let mut caller = world.dial(IDLE);
    let mut bob = world.incoming(BETA);
    bob.ring();
    caller.expect(180);
    bob.expect("CANCEL");
    bob.ok();
    bob.say(487);
    bob.expect("ACK");
    let mut carol = world.incoming(BETA);
    assert!(carol.invited.as_ref().unwrap().start().contains(CAROL));
    carol.answer();
    caller.expect(200);
    caller.ack();
    carol.expect("ACK");
    caller.hang_up(&mut carol);
    let record = world.end();
    assert_eq!((record.outcome, record.legs.len()), (Outcome::Answered, 3));
    let asked = world.asked();
    assert_eq!(asked[1].url, "http://app.example/next");
    let told = ["Event", "DialStatus", "DialRingStatus", "DialHangupCause", "CallStatus"];
    assert_eq!(
        told.map(|name| asked[1].get(name).unwrap()),
        ["DialAction", "no-answer", "true", "NO_ANSWER", "ringing"]
    );
}

#[test]
fn a_caller_who_was_connected_goes_on_with_what_the_action_answers() {
    let first = "<Response><Dial action=\"/over\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first, &dial(&[CAROL])]);
    let caller = world.dial(IDLE);
    let (mut caller, mut bob) = connect(caller, world.incoming(BETA));
    world.pass(5 * SECOND);
    bob.bye();
    bob.expect(200);
    let mut carol = world.incoming(BETA);
    assert_eq!(world.sound(), Some(Sound::Tone(CallTones::of("IN").ringback)), "the caller hears ringing");
    caller.refute("BYE", SECOND);
    carol.answer();
    carol.expect("ACK");
    assert_eq!(world.sound(), None);
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives));
    world.pass(5 * SECOND);
    carol.hang_up(&mut caller);
    let record = world.end();
    assert_eq!(
        (record.outcome, record.hung_up, record.legs.len()),
        (Outcome::Answered, Some(HungUp::Callee), 3)
    );
    assert_eq!(record.destination.unwrap().reveal(), CAROL);
    let asked = world.asked();
    assert_eq!(
        ["DialStatus", "CallStatus"].map(|name| asked[1].get(name).unwrap()),
        ["completed", "in-progress"]
    );
    assert!(asked[1].get("DialBLegUUID").unwrap().ends_with(".b0"));
}

#[test]
fn a_hunt_without_end_comes_to_one() {
    let world = World::following(&[]);
    let hunt = "<Response><Dial timeout=\"1\" action=\"/next\"><Number>919722293847</Number>\
                <Number>919722293848</Number><Number>919722293849</Number></Dial></Response>";
    world.edit().service.answers.extend((0..90).map(|_| hunt.to_owned()));
    let mut caller = world.dial(IDLE);
    let mut called = 0;
    while caller.unread(480).is_none() {
        for _ in 0..3 {
            if let Some(mut callee) = world.next_incoming(BETA) {
                callee.say(486);
                called += 1;
            }
        }
        world.pass(SECOND / 4);
    }
    assert!((195..=200).contains(&called), "{called}");
    let record = world.end();
    assert_eq!((record.legs.len(), record.outcome), (called + 1, Outcome::Unreachable));
}

#[test]
fn who_is_called_next_is_offered_what_the_caller_has() {
    let first = "<Response><Dial action=\"/over\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first, &dial(&[CAROL])]);
    let mut caller = world.caller(ALPHA, ALICE, IDLE);
    caller.media = caller.media.clone().formats(&["8 PCMA/8000", "101 telephone-event/8000"]);
    caller.call();
    let (mut caller, mut bob) = connect(caller, world.incoming(BETA));
    bob.bye();
    bob.expect(200);
    let mut carol = world.incoming(BETA);
    assert_eq!(carol.invited.as_ref().unwrap().sdp_codecs(), ["PCMA/8000", "telephone-event/8000"]);
    carol.answer();
    carol.expect("ACK");
    caller.hang_up(&mut carol);
    world.end();
}

#[test]
fn a_caller_whom_one_party_held_is_heard_by_the_next() {
    let first = "<Response><Dial action=\"/over\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first, &dial(&[CAROL])]);
    let caller = world.dial(IDLE);
    let (mut caller, mut bob) = connect(caller, world.incoming(BETA));
    bob.reinvite(bob.media.clone().direction("sendonly"));
    caller.expect("INVITE");
    caller.media = caller.media.clone().direction("recvonly");
    caller.answer();
    caller.expect("ACK");
    bob.expect(200);
    bob.ack();
    bob.bye();
    bob.expect(200);
    let again = caller.expect("INVITE");
    assert!(!again.body().contains("a=sendonly"), "{again}");
    caller.media = caller.media.clone().direction("sendrecv");
    caller.answer();
    let mut carol = world.incoming(BETA);
    carol.answer();
    carol.expect("ACK");
    // It was offered what the caller had said before: now it is told of the rest.
    carol.expect("INVITE");
    carol.answer();
    carol.expect("ACK");
    world.pass(SECOND);
    assert!(world.relay().sides.iter().all(|side| side.sends && side.receives && !side.is_apart));
    caller.hang_up(&mut carol);
    world.end();
}

#[test]
fn a_caller_who_gives_up_is_told_to_the_action() {
    let first = "<Response><Dial action=\"/over\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first]);
    let mut caller = world.dial(IDLE);
    let mut bob = world.incoming(BETA);
    bob.ring();
    caller.expect(180);
    caller.cancel();
    caller.expect(200);
    caller.expect(487);
    bob.expect("CANCEL");
    bob.ok();
    bob.say(487);
    bob.expect("ACK");
    assert_eq!(world.end().outcome, Outcome::Cancelled);
    let asked = world.asked();
    assert_eq!((asked[1].get("DialStatus"), asked[1].is_told), (Some("cancel"), true));
}

#[test]
fn a_service_refuses_with_the_reason_that_it_gives() {
    for (hangup, status, outcome) in [
        ("<Hangup reason=\"busy\"/>", 486, Outcome::Busy),
        ("<Hangup reason=\"rejected\"/>", 480, Outcome::Rejected),
        ("<Hangup/>", 480, Outcome::Unreachable),
        ("", 480, Outcome::Unreachable),
    ] {
        let world = World::following(&[&format!("<Response>{hangup}</Response>")]);
        let mut caller = world.dial(IDLE);
        caller.expect(status);
        assert_eq!(world.end().outcome, outcome, "{hangup}");
    }
}

#[test]
fn the_end_is_told_where_the_settings_say_so() {
    let settings =
        format!("[webhooks]\nhangup_url = \"http://app.example/end\"\n{}", sim::service::with_service());
    let world = World::with(&settings, 1);
    world.edit().service.answers.push_back(dial(&[BOB]));
    let caller = world.dial(IDLE);
    let (mut caller, mut bob) = connect(caller, world.incoming(BETA));
    world.pass(61 * SECOND);
    caller.hang_up(&mut bob);
    world.end();
    let asked = world.asked();
    let end = asked.last().unwrap();
    assert_eq!((&*end.url, end.is_told), ("http://app.example/end", true));
    let told = ["Event", "HangupCause", "Duration", "BillDuration", "CallStatus"];
    assert_eq!(
        told.map(|name| end.get(name).unwrap()),
        ["Hangup", "NORMAL_CLEARING", "61", "62", "completed"]
    );
}

#[test]
fn a_time_limit_ends_the_called_party_and_not_the_caller() {
    let first =
        "<Response><Dial timeLimit=\"30\" action=\"/over\"><Number>919722293847</Number></Dial></Response>";
    let world = World::following(&[first, "<Response><Hangup/></Response>"]);
    let caller = world.dial(IDLE);
    let (mut caller, mut bob) = connect(caller, world.incoming(BETA));
    world.pass(29 * SECOND);
    bob.expect("BYE");
    bob.ok();
    caller.expect("BYE");
    caller.ok();
    let record = world.end();
    assert!((30_000..30_100).contains(&record.billable_ms), "{record:?}");
    assert_eq!(world.asked()[1].get("DialStatus"), Some("completed"));
}
