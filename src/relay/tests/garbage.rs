//! Anything at all may come in: nothing panics, and what goes out is always well-formed and ours.

use proptest::prelude::*;

use super::*;
use crate::rtp::Heard;

const CODECS: [Codec; 5] = [
    Codec::Pcma,
    Codec::Pcmu,
    Codec::G722,
    Codec::Opus { fec: true, stereo: true },
    Codec::G729 { annexb: true },
];

#[derive(Debug, Clone)]
enum Act {
    Rtp(Side, bool, Vec<u8>),
    Rtcp(Side, Vec<u8>),
    Play(Side, u8, u64),
    Hold(Side, bool, bool),
    Move(Side, u16),
    Speak(Side, usize),
    Listen(Side, usize),
    Sound(Side, bool),
    Wait(u64),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::A), Just(Side::B)]
}

/// Packets that are nearly right, so that they get far.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let nearly = (
        prop_oneof![4 => Just(0x80u8), 1 => any::<u8>()],
        prop_oneof![Just(8u8), Just(98), Just(101), Just(97), any::<u8>()],
        0u16..300,
        any::<u32>(),
        0u32..3,
        prop::collection::vec(any::<u8>(), 0..40),
    );
    let packet = nearly.prop_map(|(first, second, sequence, timestamp, ssrc, payload)| {
        let mut packet = rtp_with(&payload, 0, sequence, timestamp, ssrc);
        (packet[0], packet[1]) = (first, second);
        packet
    });
    prop_oneof![3 => packet, 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (side(), any::<bool>(), datagram()).prop_map(|(side, own, bytes)| Act::Rtp(side, own, bytes)),
        1 => (side(), datagram()).prop_map(|(side, bytes)| Act::Rtcp(side, bytes)),
        1 => (side(), 0u8..16, 0u64..500).prop_map(|(side, digit, ms)| Act::Play(side, digit, ms)),
        1 => (side(), any::<bool>(), any::<bool>()).prop_map(|(side, one, two)| Act::Hold(side, one, two)),
        1 => (side(), any::<u16>()).prop_map(|(side, port)| Act::Move(side, port)),
        1 => (side(), 0..CODECS.len()).prop_map(|(side, codec)| Act::Speak(side, codec)),
        1 => (side(), 0..3_usize).prop_map(|(side, keys)| Act::Listen(side, keys)),
        1 => (side(), any::<bool>()).prop_map(|(side, on)| Act::Sound(side, on)),
        4 => (0u64..200).prop_map(Act::Wait),
        1 => (0u64..40_000).prop_map(Act::Wait),
    ]
}

fn perform(world: &mut World, act: Act) -> Vec<Sent> {
    match act {
        Act::Rtp(side, own, bytes) => {
            let source = if own { [A, B][side.index()] } else { "203.0.113.66:1" };
            return world.send_from(side, source, &bytes).into_iter().collect();
        }
        Act::Rtcp(side, bytes) => {
            world.relay.rtcp(world.now, side, [A, B][side.index()].parse().unwrap(), &bytes);
        }
        Act::Play(side, digit, duration) => {
            world.relay.play(world.now, side, Digit::from_event(digit).unwrap(), MS(duration));
        }
        Act::Hold(side, receives, sends) => {
            world.change(side, |endpoint| (endpoint.receives, endpoint.sends) = (receives, sends));
        }
        Act::Move(side, port) => world.change(side, |endpoint| {
            if let Some(rtp) = &mut endpoint.rtp {
                rtp.set_port(port);
            }
        }),
        Act::Speak(side, codec) => world.change(side, |endpoint| endpoint.formats[0].codec = CODECS[codec]),
        Act::Listen(side, keys) => world.relay.listen(side, [Keys::Cross, Keys::Tell, Keys::Keep][keys]),
        Act::Sound(side, true) => world.relay.sound(world.now, side, Sound::Prompt(vec![1; 999].into())),
        Act::Sound(side, false) => world.relay.stop(side),
        Act::Wait(span) => return world.run(MS(span)),
    }
    Vec::new()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_what_goes_out_is_ours(acts in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new();
        let ours = [0, 1].map(|index: usize| world.relay.legs[index].outgoing.ssrc());
        let mut numbers = std::collections::HashSet::new();
        for act in acts {
            for sent in perform(&mut world, act) {
                let ssrc = ours[sent.side.index()];
                if sent.port == Port::Rtcp {
                    prop_assert!(Heard::read(&sent.bytes, 0).is_some());
                    prop_assert_eq!(&sent.bytes[4..8], &ssrc.to_be_bytes()[..]);
                } else {
                    let read = sent.rtp();
                    prop_assert_eq!((sent.bytes[0], read.ssrc), (0x80, ssrc));
                    prop_assert!(numbers.insert((sent.side, read.sequence)), "a number twice");
                }
            }
            world.events();
        }
    }
}
