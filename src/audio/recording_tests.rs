//! A recording from packets as networks bring them.

use proptest::prelude::*;

use super::*;

const RATE: u32 = 8_000;

/// Packets of 20 ms whose samples count on from 1, so that each sample shows where it belongs.
fn packet(number: u32) -> Vec<i16> {
    (0..160).map(|at| (number * 160 + at + 1) as i16).collect()
}

fn stamp(number: u32) -> Stamp {
    Stamp { ssrc: 1, timestamp: 4_294_966_000_u32.wrapping_add(number * 160), clock: 8_000 }
}

/// Both channels of what was written.
fn channels(file: &[u8]) -> [Vec<i16>; 2] {
    let samples: Vec<i16> = file.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

/// A recording of one side, from (number, arrival in ms) of packets; written every 20 ms, until 2 s.
fn recorded(packets: &[(u32, u64)]) -> Vec<i16> {
    let (mut recording, mut file) = (Recording::new(RATE), Vec::new());
    for ms in (0..=2_000).step_by(20) {
        for (number, _) in packets.iter().filter(|(_, arrival)| arrival.div_ceil(20) * 20 == ms) {
            recording.hear(Side::A, stamp(*number), ms * 8, &packet(*number));
        }
        recording.write(ms * 8, &mut file);
    }
    recording.finish(16_000, &mut file);
    let [heard, other] = channels(&file);
    assert_eq!((heard.len(), other.len()), (16_000, 16_000), "2 s, whatever came");
    assert!(other.iter().all(|sample| *sample == 0), "the other side said nothing");
    heard
}

/// The packets of the first second in time, each when it ends.
fn in_time() -> Vec<(u32, u64)> {
    (0..50).map(|number| (number, u64::from(number) * 20 + 20)).collect()
}

/// The sample at each moment of the first second, as long as the packets of these numbers were heard.
fn expected(is_heard: impl Fn(u32) -> bool) -> Vec<i16> {
    (0..50).flat_map(|number| if is_heard(number) { packet(number) } else { vec![0; 160] }).collect()
}

#[test]
fn what_comes_in_time_is_where_it_belongs() {
    let heard = recorded(&in_time());
    assert_eq!(heard[..8_000], expected(|_| true));
    assert!(heard[8_000..].iter().all(|sample| *sample == 0));
}

#[test]
fn what_is_lost_is_silence_and_the_rest_stays_in_its_place() {
    let packets: Vec<_> = in_time().into_iter().filter(|(number, _)| number % 7 != 3).collect();
    assert_eq!(recorded(&packets)[..8_000], expected(|number| number % 7 != 3));
}

#[test]
fn late_twice_and_out_of_order_end_where_they_belong() {
    let mut packets = in_time();
    packets[10].1 += 400;
    packets[20].1 += 60;
    packets.push((5, 300));
    packets.extend((30..40).map(|number| (number, 900)));
    packets.reverse();
    assert_eq!(recorded(&packets)[..8_000], expected(|_| true));
}

#[test]
fn what_is_too_late_is_silence() {
    let mut packets = in_time();
    packets[10].1 += 600;
    assert_eq!(recorded(&packets)[..8_000], expected(|number| number != 10));
}

#[test]
fn a_stall_of_the_network_moves_nothing_after_it() {
    let packets: Vec<_> = in_time()
        .into_iter()
        .map(|(number, ms)| (number, if number < 20 { ms } else { ms.max(800) }))
        .collect();
    assert_eq!(recorded(&packets)[..8_000], expected(|_| true));
}

#[test]
fn a_timestamp_that_jumps_and_a_new_stream_go_on_from_their_arrival() {
    for change in [
        |stamp: Stamp| Stamp { timestamp: stamp.timestamp.wrapping_add(80_000), ..stamp },
        |stamp: Stamp| Stamp { ssrc: 2, timestamp: 77, ..stamp },
    ] {
        let (mut recording, mut file) = (Recording::new(RATE), Vec::new());
        recording.hear(Side::B, stamp(0), 160, &packet(0));
        recording.hear(Side::B, change(stamp(1)), 1_120, &packet(1));
        recording.finish(1_600, &mut file);
        let heard = &channels(&file)[1];
        assert_eq!((&heard[..160], &heard[960..1_120]), (&packet(0)[..], &packet(1)[..]));
        assert!(heard[160..960].iter().all(|sample| *sample == 0));
    }
}

#[test]
fn a_timestamp_that_jumps_back_is_believed_after_a_while() {
    let (mut recording, mut file) = (Recording::new(RATE), Vec::new());
    for number in 0..100 {
        let timestamp = if number < 50 { 800_000 } else { 0 } + number * 160;
        let arrived = u64::from(number + 1) * 160;
        recording.hear(Side::A, Stamp { timestamp, ..stamp(0) }, arrived, &packet(number));
        recording.write(arrived, &mut file);
    }
    recording.finish(16_000, &mut file);
    let heard = &channels(&file)[0];
    let late = LATE_PACKETS + 50;
    assert_eq!(heard[..8_000], expected(|_| true));
    assert!(heard[8_000..late as usize * 160].iter().all(|sample| *sample == 0));
    assert_eq!(heard[late as usize * 160..], (late..100).flat_map(packet).collect::<Vec<_>>());
}

#[test]
fn clocks_other_than_the_recording_s_count_the_same_time() {
    let (mut recording, mut file) = (Recording::new(16_000), Vec::new());
    let sound: Vec<i16> = (1..=3_200).collect();
    for (number, samples) in (0..).zip(sound.chunks(320)) {
        let opus = Stamp { ssrc: 9, timestamp: number * 960, clock: 48_000 };
        recording.hear(Side::A, opus, u64::from(number + 1) * 320, samples);
        let g722 = Stamp { ssrc: 9, timestamp: number * 160, clock: 8_000 };
        recording.hear(Side::B, g722, u64::from(number + 1) * 320, samples);
    }
    recording.finish(3_200, &mut file);
    assert_eq!(channels(&file), [sound.clone(), sound]);
}

#[test]
fn a_pause_is_silence_of_its_length() {
    let (mut recording, mut file) = (Recording::new(RATE), Vec::new());
    for number in 0..50 {
        let now = u64::from(number + 1) * 160;
        if number == 10 {
            recording.pause(10 * 160 - 80);
            recording.pause(12 * 160);
        }
        if number == 20 {
            recording.resume(20 * 160);
        }
        // One packet of the pause arrives after it.
        if number != 19 {
            recording.hear(Side::A, stamp(number), now, &packet(number));
        }
        if number == 22 {
            recording.hear(Side::A, stamp(19), now, &packet(19));
        }
        recording.write(now, &mut file);
    }
    recording.finish(8_000, &mut file);
    let mut wanted = expected(|number| !(10..20).contains(&number));
    wanted[1_520..1_600].fill(0);
    assert_eq!(channels(&file)[0], wanted);
    assert!(recording.pauses.is_empty(), "what is written is forgotten");
}

proptest! {
    #[test]
    fn any_packets_make_a_recording_of_the_right_length(
        packets in prop::collection::vec((any::<bool>(), 0..3_u32, any::<u32>(), 0..5_000_u64, 0..2_000_usize), 0..60),
        clock in 0..50_000_u32,
    ) {
        let (mut recording, mut file, mut now) = (Recording::new(RATE), Vec::new(), 0);
        for (is_a, ssrc, timestamp, passed, count) in packets {
            now += passed;
            let side = if is_a { Side::A } else { Side::B };
            recording.hear(side, Stamp { ssrc, timestamp, clock }, now, &vec![1; count]);
            recording.write(now, &mut file);
        }
        recording.finish(now, &mut file);
        prop_assert_eq!(file.len() as u64, now * 4);
    }

    #[test]
    fn packets_in_any_order_within_the_hold_make_the_same(delays in prop::collection::vec(0..300_u64, 50)) {
        let packets: Vec<_> =
            in_time().into_iter().zip(delays).map(|((number, ms), late)| (number, ms + if number == 0 { 0 } else { late })).collect();
        prop_assert_eq!(&recorded(&packets)[..8_000], &expected(|_| true)[..]);
    }
}
