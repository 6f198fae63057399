//! Click-to-call, as it should go: the first party is called by the masking number, then the second, and both talk.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use maskline::base::Side;
use maskline::base::tones::CallTones;
use maskline::call::Order;
use maskline::ledger::{HungUp, LegRecord, Outcome};
use maskline::relay::Sound;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);
/// What the first party hears while the second's telephone rings.
fn ringback() -> Sound {
    Sound::Tone(CallTones::of("IN").ringback)
}

#[test]
fn both_parties_see_the_masking_number_and_talk() {
    let world = World::new();
    world.place(world.order());
    let mut first = world.incoming(ALPHA);
    let invite = first.invited.clone().unwrap();
    assert!(invite.start().starts_with(&format!("INVITE sip:{ALICE}@127.0.0.2")), "{invite}");
    assert_eq!(invite.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    assert_eq!(world.invites(BETA), 0, "the second is not called before the first has answered");
    first.ring();
    world.pass(2 * SECOND);
    first.answer();
    first.expect("ACK");
    let mut second = world.incoming(BETA);
    let other = second.invited.clone().unwrap();
    assert!(other.start().starts_with(&format!("INVITE sip:{BOB}@127.0.0.3")), "{other}");
    for invite in [&invite, &other] {
        for header in ["From", "P-Asserted-Identity"] {
            assert!(invite.header(header).starts_with(&format!("<sip:{M1}@127.0.0.1>")), "{invite}");
        }
    }
    assert_eq!(world.sound(), Some(ringback()));
    second.ring();
    world.pass(3 * SECOND);
    second.answer();
    second.expect("ACK");
    let relay = world.relay();
    assert_eq!(relay.sounds, [None, None]);
    assert!(relay.sides.iter().all(|side| side.sends && side.receives), "{relay:?}");
    world.pass(20 * SECOND);
    second.hang_up(&mut first);
    let record = world.end();
    assert_eq!((record.outcome, record.hung_up), (Outcome::Answered, Some(HungUp::Callee)));
    assert_eq!((&*record.id, &*record.source, record.dialled), ("order-1", "api", None));
    let numbers = [record.caller, record.destination, record.shown].map(|number| number.unwrap().reveal());
    assert_eq!(numbers, [ALICE, BOB, M1]);
    assert_eq!(record.legs.iter().map(|leg| &*leg.peer).collect::<Vec<_>>(), ["alpha", "beta"]);
    assert!((20_000..20_100).contains(&record.billable_ms), "{record:?}");
    assert!((23_000..23_200).contains(&record.legs[0].billable_ms), "{record:?}");
    assert!(record.trace.iter().all(|step| !step.contains(&ALICE[6..])), "{:?}", record.trace);
}

#[test]
fn each_step_is_told_once() {
    let world = World::new();
    let (mut first, second) = world.bridged(world.order());
    let mut again = second;
    first.hang_up(&mut again);
    world.end();
    let seen = |leg: &LegRecord| [leg.ringing_ms.is_some(), leg.answered_ms.is_some()];
    let steps: Vec<Vec<[bool; 2]>> =
        world.told().iter().map(|record| record.legs.iter().map(seen).collect()).collect();
    let (called, rings, answered) = ([false, false], [true, false], [true, true]);
    let expected =
        [vec![called], vec![rings], vec![answered], vec![answered, rings], vec![answered, answered]];
    assert_eq!(steps, expected);
    assert!(world.told().iter().all(|record| record.outcome == Outcome::InProgress));
}

#[test]
fn a_key_confirms_by_event_or_by_info() {
    for by_info in [false, true] {
        let world = World::new();
        let mut first = world.summon(Order { confirm: true, ..world.order() });
        first.answer();
        first.expect("ACK");
        assert!(matches!(world.sound(), Some(Sound::Prompt(_))), "it is told what to press");
        assert!(world.relay().sides[Side::A.index()].receives, "its keys are heard");
        world.pass(5 * SECOND);
        assert_eq!(world.invites(BETA), 0);
        if by_info {
            let info = first.request("INFO");
            first.send(info.body("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n"));
            first.expect(200);
        } else {
            world.press('1');
        }
        let mut second = world.incoming(BETA);
        assert_eq!(world.sound(), Some(ringback()));
        second.answer();
        second.expect("ACK");
        first.hang_up(&mut second);
        assert_eq!(world.end().hung_up, Some(HungUp::Caller));
    }
}

#[test]
fn a_prompt_of_the_operators_own_and_the_tones_of_the_country() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompt.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    (0..4_000).for_each(|_| wav.write_sample(0_i16).unwrap());
    wav.finalize().unwrap();
    let table = format!("[call]\nconfirm_prompt = \"{}\"", path.display());
    let world = World::with(&with_table(&table).replace("\"IN\"", "\"GB\""), 1);
    let mut first = world.summon(Order { confirm: true, ..world.order() });
    first.answer();
    first.expect("ACK");
    assert_eq!(world.sound(), Some(Sound::Prompt(vec![0xd5; 4_000].into())));
    world.press('1');
    world.incoming(BETA).say(486);
    world.pass(SECOND);
    assert_eq!(world.sound(), Some(Sound::Tone(CallTones::of("GB").busy)));
    first.expect("BYE");
    first.ok();
    world.end();
}

#[test]
fn the_second_is_offered_what_the_first_took() {
    let world = World::new();
    let mut first = world.summon(world.order());
    first.media = first.media.clone().formats(&["0 PCMU/8000", "101 telephone-event/8000"]);
    first.answer();
    first.expect("ACK");
    let mut second = world.incoming(BETA);
    assert_eq!(second.invited.as_ref().unwrap().sdp_codecs(), ["PCMU/8000", "telephone-event/8000"]);
    second.answer();
    second.expect("ACK");
    first.refute("INVITE", SECOND);
    first.hang_up(&mut second);
    world.end();
}

#[test]
fn the_first_is_told_where_the_second_took_less() {
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    second.media = second.media.clone().formats(&["0 PCMU/8000"]);
    second.answer();
    second.expect("ACK");
    let offer = first.expect("INVITE");
    assert_eq!(offer.sdp_codecs(), ["PCMU/8000"]);
    first.media = first.media.clone().formats(&["0 PCMU/8000"]);
    first.answer();
    first.expect("ACK");
    second.refute("INVITE", SECOND);
    let formats = world.relay().sides.map(|side| side.formats.len());
    assert_eq!(formats, [1, 1]);
    first.hang_up(&mut second);
    world.end();
}

#[test]
fn a_second_party_that_speaks_nothing_of_it() {
    let world = World::new();
    let (mut first, mut second) = world.reach(world.order());
    second.media = second.media.clone().formats(&["9 G722/8000"]);
    second.answer();
    second.expect("ACK");
    second.expect("BYE");
    second.ok();
    first.expect("BYE");
    first.ok();
    assert_eq!(world.end().outcome, Outcome::NoCommonCodec);
}

/// A change of media of one party that the other takes.
fn change(one: &mut Leg, other: &mut Leg, media: Sdp, expected: &str) {
    one.reinvite(media);
    let offer = other.expect("INVITE");
    assert_eq!(offer.sdp_direction(), expected);
    let direction = if expected == "sendonly" { "recvonly" } else { "sendrecv" };
    other.media = other.media.clone().direction(direction);
    other.answer();
    other.expect("ACK");
    one.expect(200);
    one.ack();
}

#[test]
fn what_parties_change_later_goes_as_in_any_call() {
    let world = World::new();
    let (mut first, mut second) = world.bridged(world.order());
    let (a, b) = (first.media.clone(), second.media.clone());
    change(&mut first, &mut second, a.clone().direction("sendonly"), "sendonly");
    assert!(world.relay().silence > Duration::from_secs(300), "a hold may be long");
    change(&mut first, &mut second, a.clone().direction("sendrecv"), "sendrecv");
    change(&mut second, &mut first, b.clone().direction("sendonly"), "sendonly");
    change(&mut second, &mut first, b.direction("sendrecv"), "sendrecv");
    first.update(a.formats(&["9 G722/8000", "8 PCMA/8000"]));
    let offer = second.expect("INVITE");
    assert_eq!(offer.sdp_codecs(), ["G722/8000", "PCMA/8000"], "now that no sound of ours is needed");
    second.media = second.media.clone().formats(&["9 G722/8000"]);
    second.answer();
    second.expect("ACK");
    first.expect(200);
    let info = second.request("INFO");
    second.send(info.body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"));
    second.expect(200);
    first.expect("INFO");
    first.ok();
    first.hang_up(&mut second);
    world.end();
}

#[test]
fn a_first_party_that_changes_its_media_while_it_waits() {
    let world = World::new();
    let mut first = world.summon(Order { confirm: true, ..world.order() });
    first.answer();
    first.expect("ACK");
    // It moves, and says so, while it hears the prompt.
    first.reinvite(first.media.clone().at("127.0.0.2", 41_000));
    first.expect(200);
    first.ack();
    world.pass(SECOND);
    assert_eq!(world.relay().sides[0].rtp, Some(address("127.0.0.2:41000")));
    world.press('1');
    let mut second = world.incoming(BETA);
    second.ring();
    // It puts on hold what it hears, asks for an offer, and tells of less.
    first.reinvite(first.media.clone().direction("sendonly"));
    assert_eq!(first.expect(200).sdp_direction(), "recvonly");
    first.ack();
    let invite = first.request("INVITE");
    first.send(invite);
    let offer = first.expect(200);
    assert_eq!(offer.sdp_codecs(), ["PCMA/8000", "PCMU/8000", "telephone-event/8000"]);
    first.media = first.media.clone().formats(&["8 PCMA/8000"]).direction("sendrecv");
    let ack = first.ack_draft().sdp(&first.media);
    first.send(ack);
    world.pass(SECOND);
    // The second was offered more than what the first speaks now.
    second.answer();
    second.expect("ACK");
    let offer = second.expect("INVITE");
    assert_eq!(offer.sdp_codecs(), ["PCMA/8000"]);
    second.media = second.media.clone().formats(&["8 PCMA/8000"]);
    second.answer();
    second.expect("ACK");
    assert!(world.relay().sides.iter().all(|side| side.sends && side.formats.len() == 1));
    first.hang_up(&mut second);
    world.end();
}

#[test]
fn early_media_of_the_second_are_heard_where_its_trunk_says_so() {
    for (key, is_heard) in [("early_media = \"ringback\"", false), ("early_media = \"relay\"", true)] {
        let world = World::with(&with_trunk_key("beta", key), 1);
        let (mut first, mut second) = world.reach(world.order());
        second.say_with_media(183);
        world.pass(SECOND);
        let relay = world.relay();
        assert_eq!(relay.sounds[0].is_none(), is_heard);
        assert_eq!(
            [relay.sides[0].sends && relay.sides[1].receives, relay.sides[1].sends],
            [is_heard, false]
        );
        second.say(486);
        world.pass(SECOND);
        assert_eq!(world.sound(), Some(Sound::Tone(CallTones::of("IN").busy)));
        assert!(world.relay().sides[0].receives);
        first.expect("BYE");
        first.ok();
        assert_eq!(world.end().outcome, Outcome::Busy);
    }
}
