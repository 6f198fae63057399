//! Sounds of the relay's own: their frequency and cadence as they arrive, and how they give way to the other side.

use super::speech::format_of;
use super::*;
use crate::audio::Decoder;
use crate::base::g711::Law;
use crate::base::tones::{CallTone, CallTones};

/// One second on, one off, at 425 Hz.
const TONE: CallTone = CallTone { hertz: [425, 0], cadence: [1_000, 1_000, 0, 0, 0, 0] };

fn sounds(sent: Vec<Sent>) -> Vec<Sent> {
    sent.into_iter().filter(|sent| is_rtp(sent) && !sent.payload().is_empty()).collect()
}

fn samples(sent: &[Sent], law: Law) -> Vec<i16> {
    sent.iter().flat_map(|sent| sent.payload().iter().map(|code| law.decode(*code))).collect()
}

/// The frequency of a stretch, by how often it rises through zero.
fn hertz(samples: &[i16]) -> usize {
    let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    rises * 8_000 / samples.len()
}

#[test]
fn a_side_hears_a_tone_at_its_pitch_every_20_ms() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    let sent = sounds(world.run(MS(3_000)));
    assert_eq!(sent.len(), 151);
    assert!(sent.iter().all(|sent| (sent.side, &*sent.to.to_string()) == (Side::A, A)));
    for (count, pair) in sent.windows(2).enumerate() {
        assert_eq!(pair[1].after - pair[0].after, MS(20));
        let (one, next) = (pair[0].rtp(), pair[1].rtp());
        assert_eq!(next.sequence, one.sequence.wrapping_add(1));
        assert_eq!(next.timestamp, one.timestamp.wrapping_add(160));
        assert_eq!((next.ssrc, next.payload_type, next.payload.len()), (one.ssrc, 8, 160));
        assert_eq!((one.marker, next.marker), (count == 0, false));
    }
    let heard = samples(&sent, Law::A);
    assert!((424..=426).contains(&hertz(&heard[..8_000])), "{}", hertz(&heard[..8_000]));
    assert!(heard[8_000..16_000].iter().all(|sample| sample.abs() <= 8), "a pause");
    assert!((424..=426).contains(&hertz(&heard[16_000..24_000])));
}

#[test]
fn it_is_written_in_the_first_format_of_the_side_that_we_speak() {
    let opus = Codec::Opus { fec: true, stereo: false };
    let g729 = Codec::G729 { annexb: false };
    for (formats, payload_type, clock) in [
        (vec![(Codec::Pcmu, 0, 77), (Codec::Pcma, 8, 8)], 77, 8_000),
        (vec![(g729, 18, 18), (Codec::G722, 9, 79), (Codec::Pcma, 8, 8)], 79, 8_000),
        (vec![(TONES, 101, 101), (opus, 111, 112), (Codec::G722, 9, 9)], 112, 48_000),
    ] {
        let mut world = World::blank();
        world.set(Side::A, endpoint(A, &formats));
        world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
        let sent = sounds(world.run(MS(1_000)));
        assert_eq!(sent.len(), 51);
        for pair in sent.windows(2) {
            let (one, next) = (pair[0].rtp(), pair[1].rtp());
            assert_eq!(next.payload_type, payload_type);
            assert_eq!(next.timestamp, one.timestamp.wrapping_add(clock / 50));
        }
        let format = format_of(&formats.iter().find(|map| map.2 == payload_type).unwrap().0).unwrap();
        let mut decoder = Decoder::new(format, format.rate()).unwrap();
        let mut heard = Vec::new();
        sent[..50].iter().for_each(|sent| decoder.decode(sent.payload(), &mut heard).unwrap());
        let heard = &heard[heard.len() / 5..];
        let rises = heard.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((339..=341).contains(&rises), "{format:?}: {rises} in 800 ms");
        assert!(heard.iter().any(|sample| sample.abs() > 5_000), "{format:?}");
    }
}

#[test]
fn a_side_without_a_format_that_we_speak_hears_it_once_it_has_one() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(Codec::G729 { annexb: false }, 18, 18)]));
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    assert_eq!(sounds(world.run(MS(400))).len(), 0, "nothing that the side could not read");
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8)]));
    assert_eq!(sounds(world.run(MS(400))).len(), 20, "once it can be heard it is");
    world.set(Side::A, endpoint(A, &[(Codec::G722, 9, 9)]));
    let sent = sounds(world.run(MS(400)));
    assert!(sent.len() == 20 && sent.iter().all(|sent| sent.rtp().payload_type == 9), "and in another");
}

#[test]
fn the_other_side_waits_and_follows_on_in_the_same_stream() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    let tones = sounds(world.run(MS(1_000)));
    assert!(world.talk(Side::B, 1, 5).iter().all(Option::is_none), "the other side is not heard");
    let tones: Vec<Sent> = tones.into_iter().chain(sounds(world.run(MS(0)))).collect();
    world.relay.stop(Side::A);
    assert_eq!(sounds(world.run(MS(1_000))).len(), 0);
    let last = tones.last().unwrap();
    let talk: Vec<Sent> = world.talk(Side::B, 6, 3).into_iter().flatten().collect();
    assert_eq!(talk.len(), 3);
    let (before, after) = (last.rtp(), talk[0].rtp());
    assert_eq!(after.ssrc, before.ssrc, "one source for the whole call");
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert!(after.marker, "a new spurt of talk");
    let gone = (talk[0].after - last.after).as_millis();
    assert_eq!(u128::from(after.timestamp.wrapping_sub(before.timestamp)), gone * 8, "as the clock has run");
    assert_eq!(talk[2].rtp().timestamp, after.timestamp.wrapping_add(320));
}

#[test]
fn a_tone_after_wideband_audio_runs_on_its_own_clock() {
    let mut world = World::blank();
    let opus = Codec::Opus { fec: false, stereo: false };
    let formats = [(Codec::Pcma, 8, 8), (opus, 111, 111)];
    world.set(Side::A, endpoint(A, &formats));
    world.set(Side::B, endpoint(B, &formats));
    for count in 0..5 {
        assert!(world.send(Side::B, &rtp(111, count, u32::from(count) * 960, 1)).is_some());
        world.now += MS(20);
    }
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    let sent = sounds(world.run(MS(100)));
    for pair in sent.windows(2) {
        assert_eq!(pair[1].rtp().timestamp, pair[0].rtp().timestamp.wrapping_add(160));
    }
    assert_eq!(sent.len(), 6);
}

#[test]
fn a_side_on_hold_hears_nothing_and_the_sound_goes_on() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    world.change(Side::A, |endpoint| endpoint.sends = false);
    assert_eq!(sounds(world.run(MS(500))).len(), 0);
    world.change(Side::A, |endpoint| endpoint.sends = true);
    let sent = sounds(world.run(MS(500)));
    assert!((24..=26).contains(&sent.len()), "{}", sent.len());
    assert!(sent[0].rtp().marker);
}

#[test]
fn a_sound_that_goes_on_does_not_begin_again() {
    let mut world = World::new();
    let mut sent = Vec::new();
    for sound in [TONE, TONE, CallTones::of("FR").busy] {
        world.relay.sound(world.now, Side::A, Sound::Tone(sound));
        sent.push(sounds(world.run(MS(990))));
    }
    let begins = |sent: &Vec<Sent>| sent.iter().filter(|sent| sent.rtp().marker).count();
    assert_eq!(sent.iter().map(begins).collect::<Vec<_>>(), [1, 0, 1], "another takes its place");
}

#[test]
fn digits_keyed_before_the_other_side_is_there_are_told() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (TONES, 101, 101)]));
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    for (sequence, payload) in [(1, [1, 10, 1, 64]), (2, [1, 0x8a, 3, 32]), (3, [1, 0x8a, 3, 32])] {
        assert_eq!(world.send(Side::A, &rtp_with(&payload, 101, sequence, 800, 5)), None);
    }
    let digit = Digit::from_char('1').unwrap();
    let told = Event::Digit { relay: RelayId(1), from: Side::A, digit, duration: MS(100) };
    assert_eq!(world.events(), [told]);
    world.change(Side::A, |endpoint| endpoint.receives = false);
    world.send(Side::A, &rtp_with(&[2, 0x8a, 3, 32], 101, 4, 4_000, 5));
    assert_eq!(world.events(), [], "not where nothing of it is to be taken");
}

#[test]
fn the_key_that_had_the_other_side_called_is_not_heard_there() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (TONES, 101, 101)]));
    world.relay.sound(world.now, Side::A, Sound::Tone(TONE));
    let end = |sequence, timestamp| rtp_with(&[1, 0x8a, 3, 32], 101, sequence, timestamp, 5);
    world.send(Side::A, &end(1, 800));
    assert_eq!(world.events().len(), 1);
    world.relay.stop(Side::A);
    world.set(Side::B, endpoint(B, &[(Codec::Pcma, 8, 8), (TONES, 97, 97)]));
    assert_eq!(
        [world.send(Side::A, &end(2, 800)), world.send(Side::A, &end(3, 800))],
        [None, None],
        "its repeats"
    );
    let next = world.send(Side::A, &end(4, 4_000)).expect("the next one is for the other side");
    assert_eq!(next.rtp().payload_type, 97);
}

#[test]
fn whoever_is_there_next_has_a_stream_of_its_own() {
    let mut world = World::blank();
    let formats = [(Codec::Pcma, 8, 8)];
    let mut heard = |there| {
        world.set(Side::B, endpoint(there, &formats));
        world.relay.sound(world.now, Side::B, Sound::Tone(TONE));
        let sent = sounds(world.run(MS(100)));
        assert!(sent.iter().all(|sent| sent.to.to_string() == there));
        world.set(Side::B, Endpoint::default());
        assert!(sounds(world.run(MS(100))).is_empty(), "nobody is there");
        sent[0].rtp().ssrc
    };
    assert_ne!(heard(B), heard("192.0.2.7:4000"), "nothing ties the two together");
}
