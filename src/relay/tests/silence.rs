//! Silence, and keeping paths open through it.

use super::*;
use crate::rtp::{Goodbye, Report};

const SECOND: Duration = Duration::from_secs(1);

fn silent() -> Event {
    Event::Silent { relay: RelayId(1) }
}

#[test]
fn silence_of_both_sides_is_told_once() {
    let mut world = World::new();
    world.talk(Side::A, 1, 50);
    world.run(299 * SECOND);
    assert_eq!(world.events(), []);
    world.run(SECOND);
    assert_eq!(world.events(), [silent()]);
    world.run(1000 * SECOND);
    assert_eq!(world.events(), []);
    world.talk(Side::B, 1, 1);
    world.run(300 * SECOND);
    assert_eq!(world.events(), [silent()], "a second spell");
}

#[test]
fn either_side_breaks_the_silence_by_rtp_or_rtcp() {
    let mut world = World::new();
    let mut report = [0; OWN];
    let length =
        Report { ssrc: 1, sent: None, block: None, cname: b"x", goodbye: Goodbye::No }.write(&mut report);
    for _ in 0..10 {
        world.run(200 * SECOND);
        world.relay.rtcp(world.now, Side::B, "[2001:db8::2]:6001".parse().unwrap(), &report[..length]);
        world.run(200 * SECOND);
        world.talk(Side::A, 1, 1);
    }
    assert_eq!(world.events(), []);
    world.run(200 * SECOND);
    for _ in 0..100 {
        world.send_from(Side::A, "203.0.113.66:4000", &rtp(8, 2, 0, 1));
        world.run(SECOND);
    }
    assert_eq!(world.events(), [silent()], "packets of strangers do not");
}

#[test]
fn hold_makes_the_limit_longer() {
    let mut world = World::new();
    world.run(299 * SECOND);
    world.relay.limit_silence(3600 * SECOND);
    world.run(3300 * SECOND);
    assert_eq!(world.events(), []);
    world.run(SECOND);
    assert_eq!(world.events(), [silent()]);
}

#[test]
fn silence_is_not_counted_before_signalling_has_told_of_a_side() {
    let mut world = World::blank();
    world.run(1000 * SECOND);
    assert_eq!(world.events(), []);
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8)]));
    world.run(299 * SECOND);
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8)]));
    world.run(SECOND);
    assert_eq!(world.events(), [silent()], "a refresh is no sign of life");
}

#[test]
fn silence_is_counted_while_both_sides_are_told_to_be_silent() {
    let mut world = World::blank();
    let held = Endpoint { receives: false, sends: false, ..endpoint(A, &[(Codec::Pcma, 8, 8)]) };
    world.set(Side::A, held.clone());
    world.set(Side::B, held);
    world.run(299 * SECOND);
    assert_eq!(world.events(), []);
    world.run(SECOND);
    assert_eq!(world.events(), [silent()], "two that vanish on hold are not kept for ever");
}

#[test]
fn a_side_that_hears_nothing_is_kept_alive() {
    let mut world = World::new();
    world.talk(Side::A, 100, 5);
    let stream = world.talk(Side::A, 105, 1).remove(0).unwrap().rtp();
    let sent = world.run(60 * SECOND);
    let alive = |side| sent.iter().filter(move |sent| is_rtp(sent) && sent.side == side).collect::<Vec<_>>();
    assert_eq!((alive(Side::A).len(), alive(Side::B).len()), (4, 4), "every 15 s");
    let read = alive(Side::B)[0].rtp();
    assert!(read.payload.is_empty() && !read.marker);
    assert!(!world.relay.legs[1].endpoint.formats.iter().any(|map| map.send == read.payload_type));
    assert_eq!((read.ssrc, read.sequence), (stream.ssrc, stream.sequence.wrapping_add(1)));
    assert_eq!(read.timestamp, stream.timestamp.wrapping_add(15 * 8000));
    let next = world.talk(Side::A, 106, 1).remove(0).unwrap().rtp();
    assert_eq!(next.sequence, stream.sequence.wrapping_add(5), "the keep-alives have their numbers");
}

#[test]
fn a_side_that_hears_audio_needs_no_keep_alive() {
    let mut world = World::new();
    let mut alive = Vec::new();
    for index in 0..40 {
        world.talk(Side::A, 1 + index * 10, 10);
        alive.extend(world.run(SECOND).into_iter().filter(is_rtp));
    }
    assert!(!alive.is_empty() && alive.iter().all(|sent| sent.side == Side::A), "B hears A");
}

#[test]
fn hold_is_kept_alive_too() {
    let mut world = World::new();
    world.change(Side::B, |b| (b.sends, b.receives) = (false, false));
    assert!(world.run(16 * SECOND).iter().any(|sent| is_rtp(sent) && sent.side == Side::B));
}
