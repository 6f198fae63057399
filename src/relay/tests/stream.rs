//! Our stream to a side: what of the other side's packets passes, and how.

use super::*;

/// Sequence and timestamp steps between packets that came out one after the other.
fn steps(sent: &[Option<Sent>]) -> Vec<(u16, u32)> {
    let read: Vec<_> = sent.iter().flatten().map(Sent::rtp).collect();
    read.windows(2)
        .map(|pair| {
            let sequence = pair[1].sequence.wrapping_sub(pair[0].sequence);
            (sequence, pair[1].timestamp.wrapping_sub(pair[0].timestamp))
        })
        .collect()
}

#[test]
fn payload_passes_under_a_header_of_ours() {
    let mut world = World::new();
    let mut loaded = vec![0xb1, 8, 0x12, 0x34, 0, 0, 0, 160, 9, 9, 9, 9];
    loaded.extend(*b"CSRC");
    loaded.extend([0xbe, 0xde, 0, 1]);
    loaded.extend(*b"XTENvoicePAD");
    loaded.push(4);
    let sent = world.send(Side::A, &loaded).unwrap();
    assert_eq!(sent.payload(), b"voice");
    assert_eq!(sent.bytes.len(), HEADER + 5);
    let header = sent.rtp();
    assert_eq!((sent.bytes[0], header.payload_type, header.marker), (0x80, 98, true));
    assert_ne!((header.ssrc, header.sequence, header.timestamp), (0x0909_0909, 0x1234, 160));
    let back = world.send(Side::B, &rtp(98, 1, 160, 0x0909_0909)).unwrap().rtp();
    assert_eq!(back.payload_type, 8);
    assert_ne!(back.ssrc, header.ssrc, "each side has a source of its own");
}

#[test]
fn order_and_spacing_pass_across_the_wrap() {
    let mut world = World::new();
    let sent = world.talk(Side::A, 65530, 12);
    let mut expected = vec![(1, 160); 11];
    expected[5] = (1, 160u32.wrapping_sub(65536 * 160));
    assert_eq!(steps(&sent), expected, "the test's own timestamps begin anew at the wrap");
    let markers: Vec<_> = sent.iter().flatten().map(|sent| sent.rtp().marker).collect();
    assert_eq!(markers.iter().filter(|marker| **marker).count(), 1, "the first alone");
}

#[test]
fn loss_and_reordering_pass_and_duplicates_do_not() {
    let mut world = World::new();
    let order = [10u16, 11, 14, 13, 13, 12, 14, 15];
    let sent: Vec<_> =
        order.iter().map(|seq| world.send(Side::A, &rtp(8, *seq, u32::from(*seq) * 160, 1))).collect();
    let base = sent[0].as_ref().unwrap().rtp();
    let places: Vec<_> = sent
        .iter()
        .map(|sent| {
            sent.as_ref().map(|sent| {
                let read = sent.rtp();
                (read.sequence.wrapping_sub(base.sequence), read.timestamp.wrapping_sub(base.timestamp) / 160)
            })
        })
        .collect();
    let at = |place: u16| Some((place, u32::from(place)));
    assert_eq!(places, [at(0), at(1), at(4), at(3), None, at(2), None, at(5)]);
    assert_eq!(world.quality(Side::A).packets_lost, 0);
}

#[test]
fn a_new_source_of_theirs_is_still_our_one() {
    let mut world = World::new();
    let before = world.talk(Side::A, 100, 3);
    let before = before.last().unwrap().as_ref().unwrap().rtp();
    world.now += MS(480);
    let after = world.send(Side::A, &rtp(8, 40000, 7, 0xfeed)).unwrap().rtp();
    assert_eq!(after.ssrc, before.ssrc);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(4000), "500 ms on");
    assert!(after.marker);
    let late = world.send(Side::A, &rtp(8, 102, 102 * 160, 1));
    assert_eq!(late, None, "a straggler of the old source does not bring it back");
    let next = world.send(Side::A, &rtp(8, 40001, 167, 0xfeed)).unwrap().rtp();
    assert_eq!((next.sequence, next.marker), (after.sequence.wrapping_add(1), false));
    assert_eq!(next.timestamp, after.timestamp.wrapping_add(160));
}

#[test]
fn a_restart_under_the_same_source_goes_on_too() {
    let mut world = World::new();
    let before = world.talk(Side::A, 100, 3);
    let before = before.last().unwrap().as_ref().unwrap().rtp();
    assert_eq!(world.send(Side::A, &rtp(8, 9000, 5, 1)), None, "one far jump proves nothing");
    let after = world.send(Side::A, &rtp(8, 9001, 165, 1)).unwrap().rtp();
    assert_eq!((after.sequence, after.marker), (before.sequence.wrapping_add(1), true));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
}

#[test]
fn unknown_payload_types_leave_no_gap() {
    let mut world = World::new();
    let mut sent = Vec::new();
    for (payload_type, sequence) in [(8, 1), (8, 2), (77, 3), (13, 4), (8, 6), (8, 5), (8, 7)] {
        sent.push(world.send(Side::A, &rtp(payload_type, sequence, u32::from(sequence) * 160, 1)));
    }
    assert!(sent[2].is_none() && sent[3].is_none());
    let places = steps(&sent);
    assert_eq!(places, [(1, 160), (2, 640), (65535, 65536u32.wrapping_sub(65536 + 160)), (2, 320)]);
    assert_eq!(world.quality(Side::A).dropped, 2);
}

#[test]
fn a_late_packet_cannot_be_placed_before_one_left_out() {
    let mut world = World::new();
    for (payload_type, sequence) in [(8, 1), (13, 3)] {
        world.send(Side::A, &rtp(payload_type, sequence, 0, 1));
    }
    assert_eq!(world.send(Side::A, &rtp(8, 2, 320, 1)), None);
    assert!(world.send(Side::A, &rtp(8, 4, 640, 1)).is_some());
}

#[test]
fn audio_after_a_hold_begins_anew() {
    let mut world = World::new();
    let before = world.talk(Side::A, 100, 1).remove(0).unwrap().rtp();
    world.change(Side::B, |b| b.sends = false);
    assert!(world.talk(Side::A, 101, 49).iter().all(Option::is_none));
    world.change(Side::B, |b| b.sends = true);
    let after = world.talk(Side::A, 150, 1).remove(0).unwrap().rtp();
    assert_eq!((after.sequence, after.marker), (before.sequence.wrapping_add(1), true));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(8000), "a second on");
}

#[test]
fn comfort_noise_passes_where_both_have_it() {
    let noise = Codec::ComfortNoise { clock: 8000 };
    let mut world = World::new();
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (noise, 13, 13)]));
    assert_eq!(world.send(Side::A, &rtp_with(&[60], 13, 1, 160, 1)), None);
    world.set(Side::B, endpoint(B, &[(Codec::Pcma, 98, 98), (noise, 19, 19)]));
    let sent = world.send(Side::A, &rtp_with(&[60], 13, 2, 320, 1)).unwrap();
    assert_eq!((sent.rtp().payload_type, sent.payload()), (19, &[60][..]));
}

#[test]
fn a_change_of_clock_keeps_time() {
    let opus = Codec::Opus { fec: false, stereo: false };
    let mut world = World::new();
    for (side, address) in [(Side::A, A), (Side::B, B)] {
        world.set(side, endpoint(address, &[(Codec::Pcma, 8, 8), (opus, 96, 96)]));
    }
    let narrow = world.send(Side::A, &rtp(8, 1, 160, 1)).unwrap().rtp();
    world.now += MS(20);
    let wide = world.send(Side::A, &rtp(96, 2, 1000, 1)).unwrap().rtp();
    assert_eq!(wide.timestamp, narrow.timestamp.wrapping_add(960));
    assert_eq!(wide.sequence, narrow.sequence.wrapping_add(1));
    assert_eq!(world.quality(Side::A).codec, Some(opus));
}
