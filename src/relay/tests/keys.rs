//! Keys told to the switch, of telephone events and of tones in speech.

use super::*;
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::audio::{Encoder, KeySound, frame};

const OPUS: Codec = Codec::Opus { fec: false, stereo: false };

fn digit(key: char) -> Digit {
    Digit::from_char(key).unwrap()
}

fn begun(key: char) -> Event {
    Event::Key { relay: RelayId(1), from: Side::A, digit: digit(key) }
}

fn ended(key: char, ms: u64) -> Event {
    Event::Digit { relay: RelayId(1), from: Side::A, digit: digit(key), duration: MS(ms) }
}

/// The packets of a telephone event of 60 ms, each after the other.
fn event(world: &mut World, code: u8, from: u16, timestamp: u32) -> Vec<Option<Sent>> {
    let parts = [(160u16, 0), (320, 0), (480, 0x80), (480, 0x80), (480, 0x80)];
    let mut sent = Vec::new();
    for (sequence, (duration, end)) in (from..).zip(parts) {
        let [high, low] = duration.to_be_bytes();
        sent.push(world.send(Side::A, &rtp_with(&[code, end | 10, high, low], 101, sequence, timestamp, 1)));
        world.now += MS(20);
    }
    sent
}

/// A side that speaks one codec and has no telephone events.
struct Talker {
    encoder: Encoder,
    clock: u32,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
}

impl Talker {
    fn new(world: &mut World, codec: Codec, payload_type: u8) -> Self {
        let format = speech::format_of(&codec).unwrap();
        world.set(Side::A, endpoint(A, &[(codec, payload_type, payload_type)]));
        let encoder = Encoder::new(format, format.rate()).unwrap();
        Self { encoder, clock: format.clock(), payload_type, sequence: 0, timestamp: 0 }
    }

    /// 20 ms go by, in which nothing is sent, or something that is lost.
    fn skip(&mut self, world: &mut World, is_lost: bool) {
        self.sequence += u16::from(is_lost);
        self.timestamp += self.clock / 50;
        world.run(MS(20));
    }

    /// 20 ms of a sound, silence after its end.
    fn say(&mut self, world: &mut World, sound: &mut KeySound) -> Option<Sent> {
        let mut samples = vec![0; frame(self.encoder.rate())];
        sound.fill(&mut samples);
        let mut payload = [0; LONGEST_PAYLOAD];
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let packet = rtp_with(&payload[..length], self.payload_type, self.sequence, self.timestamp, 1);
        self.sequence += 1;
        self.timestamp += self.clock / 50;
        let sent = world.send(Side::A, &packet);
        world.run(MS(20));
        sent
    }

    /// A key of 100 ms and 100 ms of silence.
    fn press(&mut self, world: &mut World, key: char) -> Vec<Option<Sent>> {
        let mut sound = self.key(key, 100);
        (0..10).map(|_| self.say(world, &mut sound)).collect()
    }

    fn key(&self, key: char, ms: u32) -> KeySound {
        KeySound::new(digit(key).event(), ms, self.encoder.rate()).unwrap()
    }
}

/// One key was pressed, for so long or nearly.
fn assert_pressed(events: &[Event], key: char, ms: u64) {
    let [first, Event::Digit { digit: told, duration, from: Side::A, .. }] = events else {
        panic!("{events:?}");
    };
    assert_eq!((first, *told), (&begun(key), digit(key)));
    assert!(duration.abs_diff(MS(ms)) <= MS(20), "{duration:?}");
}

#[test]
fn an_event_is_told_when_it_begins_and_when_it_ends_and_crosses() {
    let mut world = World::new();
    world.relay.listen(Side::A, Keys::Tell);
    let first = world.send(Side::A, &rtp_with(&[5, 10, 0, 160], 101, 1, 800, 1));
    assert!(first.is_some());
    assert_eq!(world.events(), [begun('5')], "at once");
    let sent = event(&mut world, 5, 2, 800);
    assert!(sent.iter().all(Option::is_some));
    assert_eq!(world.events(), [ended('5', 60)]);
    world.run(MS(1_000));
    assert_eq!(world.events(), [], "once");
}

#[test]
fn an_event_that_is_kept_does_not_cross_nor_do_its_repeats() {
    let mut world = World::new();
    let before = world.talk(Side::A, 1, 1).remove(0).unwrap().rtp();
    world.relay.listen(Side::A, Keys::Keep);
    let kept = event(&mut world, 11, 2, 320);
    assert!(kept.iter().all(Option::is_none));
    assert_eq!(world.events(), [begun('#'), ended('#', 60)]);
    world.relay.listen(Side::A, Keys::Cross);
    assert_eq!(world.send(Side::A, &rtp_with(&[11, 0x8a, 1, 224], 101, 7, 320, 1)), None, "a repeat");
    let after = world.talk(Side::A, 8, 1).remove(0).unwrap().rtp();
    assert_eq!(after.sequence, before.sequence.wrapping_add(1), "no gap is left");
    assert!(event(&mut world, 5, 9, 9 * 160).iter().all(Option::is_some), "the next one crosses");
    assert_eq!(world.events(), []);
}

#[test]
fn a_kept_event_that_outlasts_its_keeping_is_told_to_its_end() {
    let mut world = World::new();
    world.relay.listen(Side::A, Keys::Keep);
    assert_eq!(world.send(Side::A, &rtp_with(&[5, 10, 0, 160], 101, 1, 800, 1)), None);
    world.relay.listen(Side::A, Keys::Cross);
    assert!(event(&mut world, 5, 2, 800).iter().all(Option::is_none));
    assert_eq!(world.events(), [begun('5'), ended('5', 60)]);
}

#[test]
fn an_event_without_an_end_is_told_after_a_while_where_it_crosses_too() {
    let mut world = World::new();
    world.relay.listen(Side::A, Keys::Tell);
    world.send(Side::A, &rtp_with(&[3, 10, 3, 32], 101, 1, 160, 1));
    assert_eq!(world.events(), [begun('3')]);
    world.run(MS(299));
    assert_eq!(world.events(), []);
    world.run(MS(1));
    assert_eq!(world.events(), [ended('3', 100)]);
}

#[test]
fn a_side_alone_is_listened_to() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (TONES, 101, 101)]));
    world.relay.listen(Side::A, Keys::Keep);
    event(&mut world, 0, 1, 800);
    assert_eq!(world.events(), [begun('0'), ended('0', 60)]);
    world.change(Side::A, |a| a.receives = false);
    event(&mut world, 1, 10, 8_000);
    assert_eq!(world.events(), [], "not where nothing of it is to be taken");
}

#[test]
fn tones_in_speech_are_told_of_a_side_without_events() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::G722, 9), (OPUS, 111)] {
        let mut world = World::blank();
        let mut talker = Talker::new(&mut world, codec, payload_type);
        world.relay.listen(Side::A, Keys::Tell);
        for key in "0123456789*#".chars() {
            talker.press(&mut world, key);
            assert_pressed(&world.events(), key, 100);
        }
        let mut sound = talker.key('7', 100);
        let packets = (1..).find(|_| {
            talker.say(&mut world, &mut sound);
            !world.events().is_empty()
        });
        assert!(packets <= Some(3), "{codec:?} tells after {packets:?} packets");
    }
}

#[test]
fn a_key_that_is_sent_in_both_forms_is_one_key() {
    let mut world = World::new();
    let mut talker = Talker::new(&mut world, Codec::Pcma, 8);
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (TONES, 101, 101)]));
    world.relay.listen(Side::A, Keys::Tell);
    let mut sound = talker.key('5', 100);
    for _ in 0..10 {
        talker.say(&mut world, &mut sound);
    }
    assert_eq!(world.events(), [], "what has events is not listened to in its speech");
    event(&mut world, 5, 11, 5_000);
    assert_eq!(world.events(), [begun('5'), ended('5', 60)]);
}

#[test]
fn nobody_is_listened_to_unasked() {
    let mut world = World::blank();
    let mut talker = Talker::new(&mut world, Codec::Pcma, 8);
    talker.press(&mut world, '1');
    world.relay.listen(Side::A, Keys::Tell);
    talker.press(&mut world, '2');
    world.relay.listen(Side::A, Keys::Cross);
    talker.press(&mut world, '3');
    assert_pressed(&world.events(), '2', 100);
    world.relay.listen(Side::A, Keys::Tell);
    world.change(Side::A, |a| a.receives = false);
    talker.press(&mut world, '4');
    assert_eq!(world.events(), [], "nor before it is to be heard at all");
}

#[test]
fn a_loss_makes_no_two_keys_of_one_and_a_pause_no_one_of_two() {
    for codec in [Codec::Pcma, Codec::G722] {
        let mut world = World::blank();
        let mut talker = Talker::new(&mut world, codec, 8);
        world.relay.listen(Side::A, Keys::Tell);
        let mut sound = talker.key('8', 200);
        for index in 0..20 {
            if [4, 5].contains(&index) {
                talker.skip(&mut world, true)
            } else {
                _ = talker.say(&mut world, &mut sound)
            }
        }
        let events = world.events();
        assert_eq!((events.len(), &events[0]), (2, &begun('8')), "{codec:?}: {events:?}");
        for _ in 0..2 {
            let mut sound = talker.key('8', 80);
            (0..4).for_each(|_| _ = talker.say(&mut world, &mut sound));
            (0..4).for_each(|_| talker.skip(&mut world, false));
        }
        (0..5).for_each(|_| _ = talker.say(&mut world, &mut sound));
        let events = world.events();
        assert_eq!(events.len(), 4, "{codec:?}: {events:?}");
        assert!(events[0] == begun('8') && events[2] == begun('8'));
    }
}

#[test]
fn a_key_whose_side_falls_silent_has_ended() {
    let mut world = World::blank();
    let mut talker = Talker::new(&mut world, Codec::Pcma, 8);
    world.relay.listen(Side::A, Keys::Tell);
    let mut sound = talker.key('6', 1_000);
    (0..5).for_each(|_| _ = talker.say(&mut world, &mut sound));
    assert_eq!(world.events(), [begun('6')]);
    world.run(MS(400));
    let [Event::Digit { duration, .. }] = world.events()[..] else { panic!() };
    assert!(duration.abs_diff(MS(100)) <= MS(20), "{duration:?}");
    talker.timestamp += 3_200;
    talker.press(&mut world, '6');
    assert_pressed(&world.events(), '6', 100);
}

#[test]
fn a_kept_key_in_speech_is_cut_short_for_the_other_side() {
    for (keys, most) in [(Keys::Tell, 10), (Keys::Keep, 6)] {
        let mut world = World::new();
        let mut talker = Talker::new(&mut world, Codec::Pcma, 8);
        world.relay.listen(Side::A, keys);
        let sent = talker.press(&mut world, '9');
        let crossed = sent.iter().flatten().count();
        assert!(crossed <= most && crossed >= most - 2, "{keys:?}: {crossed} of 10");
        assert_pressed(&world.events(), '9', 100);
        assert!(talker.say(&mut world, &mut talker.key('9', 0)).is_some(), "then it is heard again");
        let numbers: Vec<u16> = sent.iter().flatten().map(|sent| sent.rtp().sequence).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "without a gap");
    }
}

#[test]
fn what_cannot_be_read_is_no_key() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(OPUS, 111, 111)]));
    world.relay.listen(Side::A, Keys::Tell);
    for (sequence, payload) in (1..).zip([&[][..], &[3], &[0xff; 500], &[0xff; 1_400]]) {
        world.send(Side::A, &rtp_with(payload, 111, sequence, u32::from(sequence) * 960, 1));
    }
    assert_eq!(world.events(), []);
}
