//! Playlists: heard once, to the sample, and told when they are over.

use std::sync::Arc;

use super::*;
use crate::audio::{Clip, Decoder, Format, Prompt};
use crate::base::g711::Law;
use crate::base::tones::CallTone;

fn clip(height: i16, ms: usize) -> Part {
    Part::Clip(Arc::new(Prompt::new(&Clip::new(8_000, vec![height; ms * 8]).unwrap())))
}

fn list(parts: &[Part], times: u32, tag: u32) -> Sound {
    Sound::Clips(Playlist { parts: parts.into(), times, tag })
}

fn played(to: Side, tag: u32) -> Event {
    Event::Played { relay: RelayId(1), to, tag }
}

fn samples(sent: &[Sent]) -> Vec<i16> {
    let packets = sent.iter().filter(|sent| is_rtp(sent) && !sent.payload().is_empty());
    packets.flat_map(|sent| sent.payload().iter().map(|code| Law::A.decode(*code))).collect()
}

#[test]
fn it_is_heard_so_many_times_and_told_when_the_last_packet_has_had_its_time() {
    let mut world = World::new();
    world.relay.sound(
        world.now,
        Side::A,
        list(&[clip(1_000, 30), Part::Silence(MS(10)), clip(-3_000, 50)], 2, 7),
    );
    let sent = world.run(MS(179));
    assert_eq!(world.events(), [], "180 ms last 180 ms");
    let heard = samples(&sent);
    let near = |range: std::ops::Range<usize>, height: i16| {
        heard[range.start * 8..range.end * 8].iter().all(|sample| (sample - height).abs() <= 64)
    };
    assert_eq!(heard.len(), 180 * 8);
    for begin in [0, 90] {
        assert!(near(begin..begin + 30, 1_000) && near(begin + 30..begin + 40, 0));
        assert!(near(begin + 40..begin + 90, -3_000));
    }
    assert!(!world.run(MS(1)).iter().any(is_rtp));
    assert_eq!(world.events(), [played(Side::A, 7)]);
    assert!(!world.run(MS(1_000)).iter().any(is_rtp));
    assert_eq!(world.events(), [], "told once");
    assert!(world.talk(Side::B, 1, 1)[0].is_some(), "and the other side is heard again");
}

#[test]
fn what_is_stopped_or_gives_way_is_not_told() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 100)], 1, 1));
    world.run(MS(50));
    world.relay.stop(Side::A);
    world.run(MS(100));
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 100)], 1, 2));
    world.run(MS(50));
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 100)], 1, 3));
    world.run(MS(200));
    assert_eq!(world.events(), [played(Side::A, 3)]);
}

#[test]
fn one_that_goes_on_does_not_begin_again_unless_its_tag_is_another() {
    let mut world = World::new();
    let part = clip(1_000, 100);
    for (tag, wait) in [(1, 60), (1, 39), (2, 100)] {
        world.relay.sound(world.now, Side::B, list(std::slice::from_ref(&part), 1, tag));
        world.run(MS(wait));
    }
    assert_eq!(world.events(), [played(Side::B, 2)], "the first had a ms left");
}

#[test]
fn an_endless_one_goes_on_and_an_empty_one_is_over_at_once() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 25), Part::Silence(MS(5))], 0, 1));
    let sent = world.run(Duration::from_secs(60));
    assert_eq!(samples(&sent).len(), 3_001 * 160);
    assert_eq!(world.events(), []);
    world.relay.sound(world.now, Side::A, list(&[], 0, 2));
    world.run(MS(0));
    assert_eq!(world.events(), [played(Side::A, 2)]);
}

#[test]
fn time_passes_where_it_cannot_be_heard() {
    for change in [(|a: &mut Endpoint| a.sends = false) as fn(&mut Endpoint), |a| {
        a.formats[0].codec = Codec::G729 { annexb: false }
    }] {
        let mut world = World::new();
        world.relay.sound(world.now, Side::A, list(&[clip(1_000, 500)], 1, 9));
        world.run(MS(90));
        world.change(Side::A, change);
        assert_eq!(samples(&world.run(MS(400))).len(), 0);
        assert_eq!(world.events(), []);
        world.run(MS(60));
        assert_eq!(world.events(), [played(Side::A, 9)]);
    }
}

#[test]
fn a_side_that_changes_its_codec_hears_it_go_on() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 200), clip(6_000, 200)], 1, 4));
    world.run(MS(99));
    world.change(Side::A, |a| a.formats[0] = PayloadMap { codec: Codec::G722, receive: 9, send: 9 });
    let mut decoder = Decoder::new(Format::G722, 16_000).unwrap();
    let mut heard = Vec::new();
    for sent in world.run(MS(281)).iter().filter(|sent| is_rtp(sent)) {
        assert_eq!(sent.rtp().payload_type, 9);
        decoder.decode(sent.payload(), &mut heard).unwrap();
    }
    assert_eq!(heard.len(), 300 * 16);
    let change = heard.iter().position(|sample| *sample > 3_500).unwrap();
    assert!((99..=104).contains(&(change / 16)), "100 ms on, at {} ms", change / 16);
    world.run(MS(20));
    assert_eq!(world.events(), [played(Side::A, 4)]);
}

#[test]
fn a_digit_is_sent_over_it() {
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, list(&[clip(1_000, 400)], 1, 5));
    world.run(MS(99));
    world.relay.play(world.now, Side::A, Digit::from_char('1').unwrap(), MS(100));
    let sent = world.run(MS(281));
    let tones = sent.iter().filter(|sent| is_rtp(sent) && sent.rtp().payload_type == 101).count();
    let clips = samples(
        &sent.into_iter().filter(|sent| is_rtp(sent) && sent.rtp().payload_type == 8).collect::<Vec<_>>(),
    );
    assert_eq!(tones, 7);
    assert!((7..=9).contains(&(clips.len() / 160)), "{} packets", clips.len() / 160);
    world.run(MS(20));
    assert_eq!(world.events(), [played(Side::A, 5)], "in its time");
}

#[test]
fn a_beep_is_heard() {
    let beep = CallTone { hertz: [1_000, 0], cadence: [200, 0, 0, 0, 0, 0] };
    let mut world = World::new();
    world.relay.sound(world.now, Side::A, list(&[Part::Tone(beep, MS(200))], 1, 6));
    let heard = samples(&world.run(MS(200)));
    let rises = heard.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    assert!((198..=200).contains(&rises), "{rises}");
    assert_eq!(world.events(), [played(Side::A, 6)]);
}
