//! Nothing crosses in media either: every field of RTP and RTCP of one device holds a token of its own, and every
//! byte that the other device gets is searched for it. And two quite different devices that say the same sound the
//! same, byte by byte and to the microsecond.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::collections::BTreeSet;
use std::time::Duration;

use maskline::base::Side;
use maskline::relay::{Event, Port};
use maskline::rtp::packet::Received;
use sim::canary::{Canary, Token, Value, base64, hex, report, search};
use sim::media::{AUDIO, Booth, Device, STEP, TONES};

const AT: [&str; 2] = ["192.0.2.1:4000", "198.51.100.2:6000"];
const SIDES: [Side; 2] = [Side::A, Side::B];

/// Two devices full of tokens, and what they made the relay send.
struct Aviary {
    booth: Booth,
    canary: Canary,
    devices: [Device; 2],
}

impl Aviary {
    /// The devices say and send everything that there is; where `has_tones` is false, A has no telephone events.
    fn new(has_tones: bool) -> Self {
        let canary = Canary::default();
        let devices = SIDES.map(|side| Device::full(side, AT[side.index()], &canary));
        let mut booth = Booth::new([devices[0].at, devices[1].at]);
        booth.set(Side::A, has_tones);
        let mut aviary = Self { booth, canary, devices };
        for round in 0..4 {
            for place in [0, 1] {
                aviary.speak(place, round);
            }
        }
        aviary.booth.end();
        aviary
    }

    fn speak(&mut self, place: usize, round: u8) {
        let (booth, device) = (&mut self.booth, &mut self.devices[place]);
        for _ in 0..5 {
            device.talk(booth, 0xd5);
        }
        let dropped = booth.dropped(device.side);
        for report in device.reports() {
            device.send(booth, if round.is_multiple_of(2) { Port::Rtcp } else { Port::Rtp }, report);
        }
        assert_eq!(booth.dropped(device.side), dropped, "all of it was read");
        for event in [round, round + 16, round + 0x80] {
            let more = self.canary.word(device.side, "behind a telephone event").into_bytes();
            let tone = [&[event, 0xff, 0, 160][..], &more].concat();
            device.say(booth, TONES[place], 160, &tone);
            booth.pass(STEP);
        }
        if round == 3 {
            for stray in device.strays() {
                device.send(booth, Port::Rtp, stray.clone());
                device.send(booth, Port::Rtcp, stray);
            }
        }
    }

    fn sent(&self, place: usize) -> Vec<u8> {
        self.devices[place].sent.iter().flat_map(|sent| [&sent[..], b"\0\0"].concat()).collect()
    }
}

#[test]
fn no_field_of_a_stream_reaches_the_other_side() {
    for has_tones in [true, false] {
        let aviary = Aviary::new(has_tones);
        for side in SIDES {
            let heard = aviary.booth.bytes(side);
            assert!(heard.len() > 3000, "it heard the other, and reports of ours");
            let others = aviary.canary.of(side.other());
            let found = report(&search(&heard, &others), &others);
            assert!(found.is_empty(), "tokens crossed:\n{found}");
        }
    }
}

/// The search's own control: a relay that passes packets on as they are is caught at every field.
#[test]
fn a_relay_that_changes_nothing_is_caught_at_every_field() {
    let aviary = Aviary::new(true);
    for place in [0, 1] {
        let own = aviary.canary.of(SIDES[place]);
        let found = search(&aviary.sent(place), &own);
        let fields = |tokens: &mut dyn Iterator<Item = &Token>| -> BTreeSet<String> {
            tokens.map(|token| token.field.clone()).collect()
        };
        let put = fields(&mut own.iter());
        assert!(put.len() > 40, "{put:?}");
        assert_eq!(put, fields(&mut found.keys().map(|place| &own[*place])));
        // The timestamp before the first packet, and what was cut off the one that is cut short.
        assert_eq!(own.len() - found.len(), 3, "all that was sent is found");
    }
}

#[test]
fn a_field_of_bits_is_found_however_it_is_written() {
    let canary = Canary::default();
    for _ in 0..50 {
        canary.bits(Side::A, "bits");
    }
    let tokens = canary.tokens();
    for (place, token) in tokens.iter().enumerate() {
        let Value::Bits(bits) = token.value else { unreachable!() };
        let bytes = bits.to_be_bytes();
        let ways: [Vec<u8>; 6] = [
            bytes.into(),
            bits.to_le_bytes().into(),
            bits.to_string().into(),
            hex(&bytes).to_uppercase().into(),
            base64(&bytes).into(),
            base64(bits.to_string().as_bytes()).into(),
        ];
        for way in ways {
            let found = search(&[b"before ", &way[..], b" after"].concat(), &tokens);
            assert_eq!(found.keys().copied().collect::<Vec<_>>(), [place], "{way:?}");
        }
    }
}

/// Of a telephone event, a digit and its duration pass: no other event, no reserved bit, no volume, nothing behind.
#[test]
fn of_telephone_events_digits_alone_pass() {
    for from in SIDES {
        let mut devices = SIDES.map(|side| Device::new(side, AT[side.index()], 7, 100, 100));
        let mut booth = Booth::new([devices[0].at, devices[1].at]);
        let device = &mut devices[from.index()];
        device.talk(&mut booth, 0xd5);
        let to = from.other().index();
        for event in 0..=255 {
            let mut flags = BTreeSet::new();
            for odd in [0x00, 0x40, 0x3f, 0x7f, 0x2a] {
                booth.heard[to].clear();
                device.say(&mut booth, TONES[from.index()], 1600, &[event, odd, 0, 160, odd, event]);
                let heard = std::mem::take(&mut booth.heard[to]);
                assert_eq!(heard.len(), usize::from(event < 16), "event {event}");
                for (_, bytes) in heard {
                    let packet = Received::read(&bytes).unwrap();
                    assert_eq!((packet.payload_type, bytes.len()), (TONES[to], 16));
                    let payload = &bytes[packet.payload];
                    assert_eq!([payload[0], payload[2], payload[3]], [event, 0, 160]);
                    flags.insert(payload[1]);
                }
            }
            assert!(flags.len() <= 1, "the sender's bits show: {flags:?}");
        }
        device.say(&mut booth, TONES[from.index()], 1600, &[0, 0x80, 0, 160]);
        booth.set(from.other(), false);
        for event in 0..=255 {
            device.say(&mut booth, TONES[from.index()], 1600, &[event, 0xff, 0, 160]);
            booth.pass(STEP);
        }
        let digits = booth.events.iter().filter(|event| matches!(event, Event::Digit { .. })).count();
        assert_eq!(digits, 16, "the rest is not told either");
    }
}

/// What one side hears of a device that says a fixed piece; `odd` devices have all else different.
fn piece(from: Side, is_odd: bool, is_leaky: bool) -> Vec<(Duration, Vec<u8>)> {
    let canary = Canary::default();
    let mut devices = SIDES.map(|side| Device::new(side, AT[side.index()], 0x1234_5678, 1, 160));
    if is_odd {
        let at = ["203.0.113.77:31002", "203.0.113.78:31004"][from.index()];
        let odd = Device { sequence: 65_530, ..Device::full(from, at, &canary) };
        devices[from.index()] = odd;
    }
    let mut booth = Booth::new([devices[0].at, devices[1].at]);
    let [one, other] = devices.each_mut();
    let (talker, listener) = if from == Side::A { (one, other) } else { (other, one) };
    for round in 0..20 {
        talker.talk(&mut booth, round);
        listener.talk(&mut booth, 0x55);
        talker.sequence = talker.sequence.wrapping_add(u16::from(round % 7 == 3));
        if is_odd {
            for report in talker.reports() {
                talker.send(&mut booth, Port::Rtcp, report);
            }
        }
        let flags = if is_odd { 0x7f } else { 0x0a };
        talker.say(&mut booth, TONES[from.index()], 160, &[round % 16, flags, 0, 160]);
        booth.pass(STEP);
    }
    booth.end();
    let mut heard = booth.heard[from.other().index()].clone();
    if is_leaky {
        let sent = talker.sent.iter().find(|sent| sent[1] & 0x7f == AUDIO[from.index()]).unwrap();
        heard[0].1[2..4].copy_from_slice(&sent[2..4]);
    }
    heard
}

#[test]
fn one_device_sounds_like_another() {
    for from in SIDES {
        let [plain, odd] = [false, true].map(|is_odd| piece(from, is_odd, false));
        assert!(plain.len() > 40);
        assert_eq!(plain, odd, "from side {from:?}");
    }
}

/// The comparison's own control: a relay that lets one sequence number through is seen.
#[test]
fn even_a_sequence_number_that_crosses_is_seen() {
    for from in SIDES {
        assert_ne!(piece(from, false, true), piece(from, true, true));
    }
}
