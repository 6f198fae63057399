//! Who is let in.

use super::*;

#[test]
fn injected_packets_are_refused_and_counted() {
    let mut world = World::new();
    assert!(world.send(Side::A, &rtp(8, 1, 160, 1)).is_some());
    for source in ["192.0.2.1:4002", "203.0.113.66:4000", "[2001:db8::2]:6000"] {
        assert_eq!(world.send_from(Side::A, source, &rtp(8, 2, 320, 1)), None, "{source}");
    }
    assert_eq!(world.quality(Side::A).dropped, 3);
    assert_eq!(world.quality(Side::A).packets_received, 1);
    let next = world.send(Side::A, &rtp(8, 2, 320, 1)).expect("the party goes on");
    assert_eq!(next.to, B.parse().unwrap());
}

#[test]
fn injection_before_the_party_speaks_learns_nothing() {
    let mut world = World::new();
    assert_eq!(world.send_from(Side::B, "[2001:db8::bad]:6000", &rtp(98, 1, 160, 9)), None);
    let to_b = world.send(Side::A, &rtp(8, 1, 160, 1)).unwrap();
    assert_eq!(to_b.to, B.parse().unwrap(), "as described");
    assert!(world.send(Side::B, &rtp(98, 1, 160, 2)).is_some());
}

#[test]
fn audio_goes_back_to_where_it_came_from() {
    let mut world = World::new();
    world.change(Side::A, |a| {
        a.rtp = Some("10.1.2.3:4000".parse().unwrap());
        a.sources = vec!["198.51.100.7/32".parse().unwrap()];
    });
    world.send_from(Side::A, "198.51.100.7:33333", &rtp(8, 1, 160, 1)).unwrap();
    let back = world.send(Side::B, &rtp(98, 1, 160, 2)).unwrap();
    assert_eq!(back.to, "198.51.100.7:33333".parse().unwrap(), "through its address translator");
}

#[test]
fn a_refresh_keeps_the_lock_and_a_move_learns_anew() {
    let mut world = World::new();
    world.change(Side::A, |a| a.sources = vec!["192.0.2.0/24".parse().unwrap()]);
    world.send(Side::A, &rtp(8, 1, 160, 1)).unwrap();
    world.change(Side::A, |a| a.formats.truncate(1));
    assert_eq!(world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 2, 320, 1)), None, "same address: locked");
    world.change(Side::A, |a| a.rtp = None);
    world.change(Side::A, |a| a.rtp = Some(A.parse().unwrap()));
    assert_eq!(world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 2, 320, 1)), None, "hold is no move");
    world.change(Side::A, |a| a.rtp = Some("192.0.2.9:4000".parse().unwrap()));
    assert_eq!(world.send(Side::B, &rtp(98, 1, 1, 2)).unwrap().to, "192.0.2.9:4000".parse().unwrap());
    assert_eq!(world.send(Side::A, &rtp(8, 2, 320, 1)), None, "a late one of the old address locks nothing");
    assert!(world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 3, 480, 5)).is_some());
    assert_eq!(world.send(Side::A, &rtp(8, 3, 480, 1)), None);
}

#[test]
fn nothing_flows_before_the_answer() {
    let mut world = World::new();
    world.change(Side::A, |a| a.receives = false);
    assert_eq!(world.send(Side::A, &rtp(8, 1, 160, 1)), None, "the caller cannot talk yet");
    assert!(world.send(Side::B, &rtp(98, 1, 160, 2)).is_some(), "but hears early media");
    assert_eq!(world.send_from(Side::A, "192.0.2.1:4444", &rtp(8, 2, 320, 1)), None);
    world.change(Side::A, |a| a.receives = true);
    assert!(world.send(Side::A, &rtp(8, 2, 320, 1)).is_some(), "its source was learned while it waited");
}

#[test]
fn hold_stops_audio_toward_the_side() {
    let mut world = World::new();
    world.change(Side::B, |b| b.sends = false);
    assert_eq!(world.send(Side::A, &rtp(8, 1, 160, 1)), None);
    assert!(world.send(Side::B, &rtp(98, 1, 160, 2)).is_some(), "music on hold");
    world.change(Side::A, |a| a.rtp = Some("0.0.0.0:4000".parse().unwrap()));
    assert_eq!(world.send(Side::B, &rtp(98, 2, 320, 2)), None, "the old way of holding");
}

#[test]
fn before_anything_is_set_nothing_happens() {
    let mut world = World::blank();
    assert_eq!(world.send(Side::A, &rtp(8, 1, 160, 1)), None);
    assert_eq!(world.relay.deadline(), None);
    assert_eq!(world.run(Duration::from_secs(1000)), []);
    assert_eq!(world.events(), []);
}

#[test]
fn a_side_with_other_ports_is_learned_anew() {
    let mut world = World::new();
    world.change(Side::A, |a| a.sources = vec!["192.0.2.0/24".parse().unwrap()]);
    world.send(Side::A, &rtp(8, 1, 160, 1)).unwrap();
    assert_eq!(world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 2, 320, 1)), None);
    world.relay.moved(Side::A);
    assert!(world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 3, 480, 1)).is_some());
    assert_eq!(world.send(Side::A, &rtp(8, 4, 640, 1)), None, "and locked again");
    world.relay.moved(Side::A);
    assert!(
        world.send_from(Side::A, "192.0.2.9:4000", &rtp(8, 5, 800, 1)).is_some(),
        "the same may come back"
    );
}
