//! Speech between two sides that have no codec in common.

use super::*;
use crate::audio::codec::LONGEST_PAYLOAD;
use crate::audio::{CallSound, Decoder, Encoder, frame};
use crate::base::tones::CallTone;

const OPUS: Codec = Codec::Opus { fec: false, stereo: false };
const SINE: CallTone = CallTone { hertz: [440, 0], cadence: [60_000, 0, 0, 0, 0, 0] };

/// A caller that says a sine in one codec, to a callee that has another.
struct Booth {
    world: World,
    encoder: Encoder,
    sine: CallSound,
    clock: u32,
    to: Codec,
    sequence: u16,
    timestamp: u32,
}

impl Booth {
    fn new(from: Codec, to: Codec) -> Self {
        let mut world = World::blank();
        let noise = Codec::ComfortNoise { clock: 8000 };
        world.set(Side::A, endpoint(A, &[(from, 8, 8), (TONES, 101, 101), (noise, 13, 13)]));
        world.set(Side::B, endpoint(B, &[(to, 98, 99), (TONES, 97, 97), (noise, 13, 13)]));
        let format = speech::format_of(&from).unwrap();
        let encoder = Encoder::new(format, format.rate()).unwrap();
        let sine = CallSound::new(SINE, format.rate());
        Self { world, encoder, sine, clock: format.clock(), to, sequence: 0, timestamp: 0 }
    }

    /// The next 20 ms as a packet.
    fn packet(&mut self) -> Vec<u8> {
        let (mut samples, mut payload) = (vec![0; frame(self.encoder.rate())], [0; LONGEST_PAYLOAD]);
        self.sine.fill(&mut samples);
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let packet = rtp_with(&payload[..length], 8, self.sequence, self.timestamp, 1);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.clock / 50);
        packet
    }

    /// A packet comes: what goes out of it at once; and 20 ms go by.
    fn hear(&mut self, packet: &[u8]) -> Vec<Sent> {
        assert_eq!(self.world.send(Side::A, packet), None, "nothing crosses as it is");
        let sent = self.world.run(MS(0)).into_iter().filter(is_rtp).collect();
        self.world.now += MS(20);
        sent
    }

    fn talk(&mut self, packets: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        for _ in 0..packets {
            let packet = self.packet();
            sent.extend(self.hear(&packet));
        }
        sent
    }

    /// What B hears of packets.
    fn decoded(&self, sent: &[Sent]) -> Vec<i16> {
        let format = speech::format_of(&self.to).unwrap();
        let mut decoder = Decoder::new(format, format.rate()).unwrap();
        let mut heard = Vec::new();
        sent.iter().for_each(|sent| decoder.decode(sent.payload(), &mut heard).unwrap());
        heard
    }

    fn rate(&self) -> usize {
        speech::format_of(&self.to).unwrap().rate() as usize
    }

    fn step(&self) -> u32 {
        self.to.clock_rate() / 50
    }
}

/// Sequence, timestamp and marker, against those of the first.
fn headers(sent: &[Sent]) -> Vec<(u16, u32, bool)> {
    let Some(first) = sent.first().map(Sent::rtp) else { return Vec::new() };
    let of = |read: Received| {
        let sequence = read.sequence.wrapping_sub(first.sequence);
        (sequence, read.timestamp.wrapping_sub(first.timestamp), read.marker)
    };
    sent.iter().map(|sent| of(sent.rtp())).collect()
}

fn rises(samples: &[i16]) -> usize {
    samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
}

#[test]
fn speech_crosses_between_any_two_on_a_clock_of_our_own() {
    let all = [Codec::Pcmu, Codec::Pcma, Codec::G722, OPUS];
    for from in all {
        for to in all.into_iter().filter(|to| *to != from) {
            let mut booth = Booth::new(from, to);
            let sent = booth.talk(50);
            let step = booth.step();
            let even: Vec<_> =
                (0..50_u16).map(|index| (index, u32::from(index) * step, index == 0)).collect();
            assert_eq!(headers(&sent), even, "{from:?} to {to:?}: a frame in is a frame out");
            assert!(sent.iter().all(|sent| (sent.side, sent.rtp().payload_type) == (Side::B, 99)));
            let (heard, rate) = (booth.decoded(&sent), booth.rate());
            assert_eq!(heard.len(), rate);
            let rises = rises(&heard[rate / 2..]);
            assert!((219..=221).contains(&rises), "{from:?} to {to:?}: {rises} in 500 ms");
            let loudest = heard[rate / 2..].iter().max().unwrap();
            assert!((5_000..8_500).contains(loudest), "{from:?} to {to:?}: {loudest}");
            let [a, b] = booth.world.relay.quality();
            assert_eq!((a.packets_received, a.dropped, b.packets_sent), (50, 0, 50));
            assert_eq!(a.codec, Some(from));
        }
    }
}

#[test]
fn what_both_sides_have_crosses_as_it_is() {
    let mut world = World::new();
    world.set(Side::B, endpoint(B, &[(Codec::G722, 9, 9), (Codec::Pcma, 98, 98)]));
    let sent = world.send(Side::A, &rtp_with(b"payload", 8, 1, 160, 1)).unwrap();
    assert_eq!((sent.rtp().payload_type, sent.payload()), (98, &b"payload"[..]));
    assert!(world.relay.legs[1].interpreter.is_none());
    let back = world.send(Side::B, &rtp_with(&[0xd5; 160], 9, 1, 160, 2));
    assert_eq!(back, None, "of what only one has, speech is made anew");
    assert_eq!(world.run(MS(0)).iter().filter(|sent| is_rtp(sent)).count(), 1);
}

#[test]
fn a_loss_is_filled_and_what_comes_too_late_is_not_heard_twice() {
    for (from, to) in [(Codec::Pcma, OPUS), (OPUS, Codec::Pcma), (Codec::G722, Codec::Pcmu)] {
        let mut booth = Booth::new(from, to);
        let mut sent = booth.talk(20);
        let late = [booth.packet(), booth.packet()];
        booth.world.now += MS(40);
        let next = booth.packet();
        let burst = booth.hear(&next);
        assert_eq!(burst.len(), 3, "two that are filled, one that came");
        sent.extend(burst);
        for late in late {
            assert_eq!(booth.hear(&late), []);
        }
        sent.extend(booth.talk(20));
        let step = booth.step();
        let even: Vec<_> = (0..43_u16).map(|index| (index, u32::from(index) * step, index == 0)).collect();
        assert_eq!(headers(&sent), even, "{from:?} to {to:?}");
        let (heard, frame) = (booth.decoded(&sent), booth.rate() / 50);
        let loudest = heard[20 * frame..21 * frame].iter().max().unwrap();
        assert!(*loudest > 3_000, "{from:?} to {to:?}: {loudest} in place of the first that was lost");
        assert_eq!(booth.world.quality(Side::A).dropped, 2);
    }
}

#[test]
fn a_pause_of_the_talker_is_a_pause_here() {
    let mut booth = Booth::new(Codec::Pcma, OPUS);
    let mut sent = booth.talk(5);
    booth.timestamp += 8_000;
    booth.world.now += Duration::from_secs(1);
    sent.extend(booth.talk(2));
    booth.sequence += 1_000;
    booth.timestamp += 80_000;
    booth.world.now += Duration::from_secs(10);
    let after = booth.talk(1);
    assert_eq!(after.len(), 6, "of a long loss 100 ms are filled");
    sent.extend(after);
    let stamps: Vec<_> =
        headers(&sent).into_iter().map(|(_, timestamp, marker)| (timestamp / 960, marker)).collect();
    let leaps = [(0, true), (1, false), (2, false), (3, false), (4, false), (55, true), (56, false)];
    assert_eq!(stamps[..7], leaps);
    assert_eq!(stamps[7..].iter().filter(|(_, marker)| *marker).count(), 1);
    assert_eq!(stamps.last().unwrap().0, 57 + 500, "as the talker's clock has run");
}

#[test]
fn a_new_source_of_theirs_goes_on_in_our_one() {
    let mut booth = Booth::new(Codec::Pcma, Codec::G722);
    let before = booth.talk(5).pop().unwrap().rtp();
    booth.world.now += MS(480);
    let mut packet = booth.packet();
    packet[4..12].copy_from_slice(&[7, 7, 7, 7, 0xfe, 0xed, 0, 1]);
    let after = booth.hear(&packet).remove(0).rtp();
    assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
    assert_eq!((after.timestamp, after.marker), (before.timestamp.wrapping_add(4_000), true), "500 ms on");
}

#[test]
fn one_who_goes_between_two_codecs_stays_on_one_line_of_time() {
    let mut world = World::blank();
    world.set(Side::A, endpoint(A, &[(Codec::Pcma, 8, 8), (Codec::Pcmu, 0, 0)]));
    world.set(Side::B, endpoint(B, &[(Codec::Pcma, 98, 98)]));
    let mut sent = Vec::new();
    for (payload_type, ssrc, from) in [(0, 1, 0), (8, 2, 1_000_000), (0, 2, 1_000_480)] {
        for (sequence, timestamp) in (from / 160..).zip((0..3).map(|index| from + index * 160)) {
            let packet = rtp(payload_type, (sequence & 0xffff) as u16, timestamp, ssrc);
            sent.extend(world.send(Side::A, &packet));
            sent.extend(world.run(MS(20)).into_iter().filter(is_rtp));
        }
    }
    let even: Vec<_> = (0..9_u16).map(|index| (index, u32::from(index) * 160, index % 3 == 0)).collect();
    assert_eq!(headers(&sent), even);
}

#[test]
fn packets_of_any_length_become_frames_of_20_ms() {
    for ms in [10_u16, 30, 40, 60] {
        let mut booth = Booth::new(Codec::Pcma, Codec::G722);
        let mut sent = Vec::new();
        for sequence in 0..600 / ms {
            let payload = vec![0xd5; usize::from(ms) * 8];
            let timestamp = u32::from(sequence) * u32::from(ms) * 8;
            sent.extend(booth.hear(&rtp_with(&payload, 8, sequence, timestamp, 1)));
        }
        let even: Vec<_> = (0..30_u16).map(|index| (index, u32::from(index) * 160, index == 0)).collect();
        assert_eq!(headers(&sent), even, "{ms} ms");
    }
}

#[test]
fn comfort_noise_is_left_out() {
    let mut booth = Booth::new(Codec::Pcma, OPUS);
    let mut sent = booth.talk(2);
    let noise = rtp_with(&[60], 13, booth.sequence, booth.timestamp, 1);
    assert_eq!(booth.hear(&noise), []);
    booth.sequence += 1;
    booth.timestamp += 1_600;
    booth.world.now += MS(180);
    sent.extend(booth.talk(2));
    assert_eq!(headers(&sent), [(0, 0, true), (1, 960, false), (2, 11_520, true), (3, 12_480, false)]);
}

#[test]
fn telephone_events_stay_events() {
    let mut booth = Booth::new(Codec::Pcma, OPUS);
    let mut sent = booth.talk(3);
    for (duration, end) in [(160_u16, 0), (320, 0), (480, 0x80), (480, 0x80)] {
        let [high, low] = duration.to_be_bytes();
        let tone = rtp_with(&[5, end | 10, high, low], 101, booth.sequence, booth.timestamp, 1);
        booth.sequence += 1;
        let tone = booth.world.send(Side::A, &tone).unwrap();
        assert_eq!((tone.rtp().payload_type, tone.payload()[0]), (97, 5));
        sent.push(tone);
        booth.world.now += MS(20);
    }
    booth.timestamp += 640;
    sent.extend(booth.talk(3));
    let numbers: Vec<u16> = headers(&sent).iter().map(|(sequence, ..)| *sequence).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    let stamps: Vec<u32> = sent.iter().map(|sent| sent.rtp().timestamp).collect();
    assert!(stamps[3..7].iter().all(|stamp| *stamp == stamps[3]), "one timestamp for the whole tone");
    assert_eq!(stamps[7].wrapping_sub(stamps[2]), 5 * 960);
}

#[test]
fn a_side_on_hold_or_with_a_sound_of_ours_hears_nothing_of_it() {
    let mut booth = Booth::new(Codec::Pcma, Codec::G722);
    let before = booth.talk(5).pop().unwrap().rtp();
    booth.world.change(Side::B, |b| b.sends = false);
    assert_eq!(booth.talk(5), []);
    booth.world.change(Side::B, |b| b.sends = true);
    let after = booth.talk(1).remove(0).rtp();
    assert_eq!((after.sequence, after.marker), (before.sequence.wrapping_add(1), true));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(960), "120 ms on");
    booth.world.relay.sound(booth.world.now, Side::B, Sound::Tone(SINE));
    let sent = booth.talk(5);
    let tones = sent.iter().map(|sent| sent.rtp().timestamp).collect::<Vec<_>>();
    assert_eq!(sent.len(), 5, "the sound alone");
    assert!(tones.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(160)));
    booth.world.relay.stop(Side::B);
    let back = booth.talk(2);
    assert_eq!(back.len(), 2);
    assert_eq!(back[0].rtp().timestamp, tones[4].wrapping_add(160));
}

#[test]
fn what_cannot_be_read_is_as_if_lost() {
    let mut booth = Booth::new(OPUS, Codec::Pcma);
    booth.talk(5);
    for (sequence, payload) in (5..).zip([&[][..], &[3], &[0xff; 1_400]]) {
        let sent = booth.hear(&rtp_with(payload, 8, sequence, u32::from(sequence) * 960, 1));
        assert_eq!(sent.len(), 1, "{} bytes", payload.len());
    }
}
