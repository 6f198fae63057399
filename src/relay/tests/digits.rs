//! Telephone events, both ways.

use super::*;
use crate::audio::dtmf::Heard;
use crate::audio::{Decoder, Detector, Format, Resampler};

fn key(event: u8, end: bool, duration: u16) -> Vec<u8> {
    let [high, low] = duration.to_be_bytes();
    vec![event, (u8::from(end) << 7) | 0x40 | 33, high, low]
}

fn digit(key: char) -> Digit {
    Digit::from_char(key).unwrap()
}

/// A key held for 60 ms, its end sent three times, audio before and after.
fn press(world: &mut World, event: u8, from: u16) -> Vec<Option<Sent>> {
    let start = u32::from(from) * 160;
    let durations = [(160, false), (320, false), (480, true), (480, true), (480, true)];
    let mut out = world.talk(Side::A, from, 1);
    for (sequence, (duration, end)) in (from + 1..).zip(durations) {
        let tone = rtp_with(&key(event, end, duration), 101, sequence, start + 160, 1);
        out.push(world.send(Side::A, &tone));
        world.now += MS(20);
    }
    out.extend(world.talk(Side::A, from + 6, 1));
    out
}

#[test]
fn tones_are_written_anew() {
    let mut world = World::new();
    let sent: Vec<_> = press(&mut world, 11, 100).into_iter().map(Option::unwrap).collect();
    let base = sent[0].rtp();
    for (index, (tone, (duration, end))) in
        sent[1..6].iter().zip([(160, 0), (320, 0), (480, 0x80), (480, 0x80), (480, 0x80)]).enumerate()
    {
        let [high, low] = u16::to_be_bytes(duration);
        assert_eq!(tone.payload(), [11, end | 10, high, low], "no reserved bit, our volume");
        let read = tone.rtp();
        assert_eq!((read.payload_type, read.marker), (97, index == 0));
        assert_eq!(read.timestamp, base.timestamp.wrapping_add(160), "one timestamp for the whole tone");
        assert_eq!(read.sequence, base.sequence.wrapping_add(1 + index as u16));
    }
    assert_eq!(sent[6].rtp().timestamp, base.timestamp.wrapping_add(960));
    assert_eq!(world.events(), [], "the other side hears it itself");
}

#[test]
fn tones_are_told_once_where_the_other_side_has_none() {
    let mut world = World::new();
    world.change(Side::B, |b| b.formats.truncate(1));
    let sent = press(&mut world, 5, 100);
    assert_eq!(sent.iter().flatten().count(), 2, "the audio around it");
    let steps = sent[6].as_ref().unwrap().rtp().sequence - sent[0].as_ref().unwrap().rtp().sequence;
    assert_eq!(steps, 1, "and no gap between");
    let told = Event::Digit { relay: RelayId(1), from: Side::A, digit: digit('5'), duration: MS(60) };
    assert_eq!(world.events(), [told]);
}

#[test]
fn a_tone_without_an_end_is_told_after_a_while() {
    let mut world = World::new();
    world.change(Side::B, |b| b.formats.truncate(1));
    world.send(Side::A, &rtp_with(&key(3, false, 800), 101, 1, 160, 1));
    world.run(MS(299));
    assert_eq!(world.events(), []);
    world.run(MS(1));
    let told = Event::Digit { relay: RelayId(1), from: Side::A, digit: digit('3'), duration: MS(100) };
    assert_eq!(world.events(), [told]);
}

#[test]
fn only_digits_pass() {
    let mut world = World::new();
    assert!(press(&mut world, 16, 100)[1..6].iter().all(Option::is_none), "flash");
    let short = rtp_with(&[5, 0x8a, 0], 101, 200, 160, 1);
    assert_eq!(world.send(Side::A, &short), None);
    let long = [&key(5, false, 160)[..], b"and more"].concat();
    let sent = world.send(Side::A, &rtp_with(&long, 101, 201, 160, 1)).unwrap();
    assert_eq!(sent.payload().len(), 4, "the rest does not pass");
}

#[test]
fn tones_change_clocks() {
    let mut world = World::new();
    let wide = Codec::TelephoneEvent { clock: 48000 };
    world.change(Side::B, |b| b.formats[1].codec = wide);
    world.talk(Side::A, 1, 1);
    let tone = world.send(Side::A, &rtp_with(&key(1, true, 800), 101, 2, 320, 1)).unwrap();
    assert_eq!(tone.payload()[2..], 4800u16.to_be_bytes());
}

#[test]
fn a_source_of_its_own_for_tones_makes_no_double_digits() {
    let mut world = World::new();
    let mut stamps = Vec::new();
    for index in 0..5u16 {
        assert!(world.send(Side::A, &rtp(8, 100 + index, u32::from(index) * 160, 1)).is_some());
        let tone = rtp_with(&key(7, index == 4, 160 * (index + 1)), 101, 900 + index, 77, 2);
        stamps.push(world.send(Side::A, &tone).unwrap().rtp().timestamp);
        world.now += MS(20);
    }
    assert!(stamps.windows(2).all(|pair| pair[0] == pair[1]), "{stamps:?}");
}

#[test]
fn digits_are_played_to_a_side() {
    let mut world = World::new();
    let before = world.talk(Side::A, 100, 5).pop().flatten().unwrap().rtp();
    world.relay.play(world.now, Side::B, digit('9'), MS(100));
    let mut tones = world.run(MS(50));
    assert_eq!(world.talk(Side::A, 105, 1), [None], "the caller's audio waits");
    tones.extend(world.run(MS(500)));
    tones.retain(|sent| sent.port == Port::Rtp);
    assert_eq!(tones.len(), 7);
    for (index, tone) in tones.iter().enumerate() {
        let read = tone.rtp();
        assert_eq!((tone.to, tone.side), (B.parse().unwrap(), Side::B));
        assert_eq!((read.payload_type, read.marker, tone.payload()[0]), (97, index == 0, 9));
        assert_eq!(read.timestamp, before.timestamp.wrapping_add(160));
        assert_eq!(read.sequence, before.sequence.wrapping_add(1 + index as u16));
        assert_eq!(read.ssrc, before.ssrc);
    }
    let ends: Vec<_> = tones.iter().map(|tone| tone.payload()[1] & 0x80 != 0).collect();
    assert_eq!(ends, [false, false, false, false, true, true, true]);
    let after = world.talk(Side::A, 140, 1).remove(0).unwrap().rtp();
    assert_eq!((after.sequence, after.marker), (before.sequence.wrapping_add(8), true));
}

#[test]
fn digits_are_not_played_where_they_cannot_be_heard() {
    let mut world = World::new();
    world.set(Side::B, endpoint(B, &[(Codec::G729 { annexb: false }, 18, 18)]));
    world.relay.play(world.now, Side::B, digit('1'), MS(100));
    world.change(Side::A, |a| a.sends = false);
    world.relay.play(world.now, Side::A, digit('1'), MS(100));
    assert!(!world.run(MS(1000)).iter().any(is_rtp));
    world.change(Side::A, |a| a.sends = true);
    world.relay.play(world.now, Side::A, digit('1'), MS(100));
    world.change(Side::A, |a| a.sends = false);
    assert!(!world.run(MS(1000)).iter().any(is_rtp), "held before it began");
}

/// The digits that a side hears in its speech, and how long.
fn heard(sent: &[Sent], format: Format) -> Vec<(char, u32)> {
    let rate = if format == Format::Opus { 8_000 } else { format.rate() };
    let (mut decoder, mut resampler) = (Decoder::new(format, rate).unwrap(), Resampler::new(rate, 8_000));
    let (mut samples, mut narrow, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    sent.iter().for_each(|sent| decoder.decode(sent.payload(), &mut samples).unwrap());
    resampler.process(&samples, &mut narrow);
    narrow.resize(narrow.len() + 800, 0);
    Detector::default().hear(&narrow, |heard| {
        if let Heard::Ended { event, ms } = heard {
            keys.push((Digit::from_event(event).unwrap().to_char(), ms));
        }
    });
    keys
}

#[test]
fn a_side_without_events_hears_digits_in_its_speech() {
    let opus = Codec::Opus { fec: false, stereo: false };
    for (codec, clock) in [(Codec::Pcmu, 8_000), (Codec::Pcma, 8_000), (Codec::G722, 8_000), (opus, 48_000)] {
        let mut world = World::new();
        world.set(Side::B, endpoint(B, &[(codec, 98, 99)]));
        for key in "07#7".chars() {
            world.relay.play(world.now, Side::B, digit(key), MS(100));
        }
        let mut sent = world.run(MS(300));
        assert_eq!(world.talk(Side::A, 105, 1), [None], "the caller's audio waits");
        sent.extend(world.run(MS(700)));
        sent.retain(is_rtp);
        assert_eq!(sent.len(), 32, "4 digits of 100 ms, a pause of 60 ms behind each");
        for (index, pair) in sent.windows(2).enumerate() {
            let (one, next) = (pair[0].rtp(), pair[1].rtp());
            assert_eq!((one.payload_type, one.marker), (99, index == 0));
            assert_eq!(next.timestamp.wrapping_sub(one.timestamp), clock / 50);
            assert_eq!(next.sequence, one.sequence.wrapping_add(1));
        }
        let heard = heard(&sent, speech::format_of(&codec).unwrap());
        let keys: String = heard.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, "07#7", "{codec:?}");
        assert!(heard.iter().all(|(_, ms)| (80..=115).contains(ms)), "{codec:?}: {heard:?}");
    }
}

#[test]
fn digits_in_speech_go_over_a_sound_and_end_with_a_hold() {
    let mut world = World::new();
    world.set(Side::B, endpoint(B, &[(Codec::Pcma, 98, 99)]));
    world.relay.sound(world.now, Side::B, Sound::Prompt(vec![0xd5; 80_000].into()));
    world.run(MS(90));
    world.relay.play(world.now, Side::B, digit('3'), MS(100));
    let sent: Vec<Sent> = world.run(MS(300)).into_iter().filter(is_rtp).collect();
    assert_eq!(heard(&sent, Format::Pcma).iter().map(|(key, _)| *key).collect::<String>(), "3");
    assert!((14..=16).contains(&sent.len()), "one or the other: {} packets", sent.len());
    world.relay.play(world.now, Side::B, digit('4'), MS(1_000));
    world.run(MS(50));
    world.change(Side::B, |b| b.sends = false);
    assert_eq!(world.run(MS(300)).into_iter().filter(is_rtp).count(), 0);
    world.change(Side::B, |b| b.sends = true);
    let sent: Vec<Sent> = world.run(MS(300)).into_iter().filter(is_rtp).collect();
    assert_eq!(heard(&sent, Format::Pcma), [], "what was on its way is forgotten, as events are");
}
