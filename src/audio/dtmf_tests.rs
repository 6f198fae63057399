//! Digits as telephones send them, and what is none.

use super::super::probe::{mix, noise, rms, sine};
use super::*;
use crate::base::g711::Law;

/// The loudest sine, and its level in dBm0 (ITU-T G.711 section 4).
const LOUDEST: f64 = 32_124.0;
const LOUDEST_DBM: f64 = 3.17;

/// The height of a tone at a level in dBm0.
fn height(dbm: f64) -> f64 {
    LOUDEST * 10_f64.powf((dbm - LOUDEST_DBM) / 20.0)
}

/// A pair of tones: frequencies, levels in dBm0, ms.
fn pair(hertz: (f64, f64), levels: (f64, f64), ms: usize) -> Vec<i16> {
    mix(&sine(8_000, hertz.0, height(levels.0), ms * 8), &sine(8_000, hertz.1, height(levels.1), ms * 8))
}

fn nominal(row: usize, column: usize) -> (f64, f64) {
    (f64::from(LOW[row]), f64::from(HIGH[column]))
}

fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 8]
}

/// What is heard in a sound, in frames of 20 ms, and silence after it.
fn hear(sound: &[i16]) -> Vec<Heard> {
    let (mut detector, mut heard) = (Detector::default(), Vec::new());
    for frame in [sound, &silence(100)].concat().chunks(160) {
        detector.hear(frame, |event| heard.push(event));
    }
    heard
}

fn digits(sound: &[i16]) -> Vec<u8> {
    let began = |heard: &Heard| match heard {
        Heard::Began { event } => Some(*event),
        Heard::Ended { .. } => None,
    };
    hear(sound).iter().filter_map(began).collect()
}

/// Each digit, 50 ms and a pause of 50 ms, all at the levels and off by parts of their frequencies; with a sound over
/// it.
fn all(levels: (f64, f64), off: (f64, f64), over: f64) -> Vec<i16> {
    let mut sound = Vec::new();
    for row in 0..4 {
        for column in 0..4 {
            let (low, high) = nominal(row, column);
            sound.extend(pair((low * (1.0 + off.0), high * (1.0 + off.1)), levels, 50));
            sound.extend(silence(50));
        }
    }
    mix(&sound, &noise(11, over, sound.len()))
}

fn every() -> Vec<u8> {
    EVENTS.concat()
}

#[test]
fn all_digits_are_heard_at_any_usual_level() {
    for level in [-1.0, -7.0, -15.0, -25.0, -30.0] {
        assert_eq!(digits(&all((level, level), (0.0, 0.0), 0.0)), every(), "{level} dBm0");
    }
    assert!(digits(&all((-45.0, -45.0), (0.0, 0.0), 0.0)).is_empty(), "too faint");
}

#[test]
fn all_digits_are_heard_wherever_they_begin() {
    for early in 0..30 {
        let sound = [vec![0; early * 5], all((-10.0, -10.0), (0.0, 0.0), 0.0)].concat();
        assert_eq!(digits(&sound), every(), "{early}");
    }
}

#[test]
fn noise_does_not_hide_a_digit_and_codes_do_not_either() {
    // Two tones of -10 dBm0, and noise 15 dB below them.
    let noisy = height(-10.0) * 3_f64.sqrt() * 10_f64.powf(-15.0 / 20.0);
    assert_eq!(digits(&all((-10.0, -10.0), (0.0, 0.0), noisy)), every());
    for law in [Law::A, Law::Mu] {
        let sound = all((-25.0, -25.0), (0.0, 0.0), 0.0);
        let coded: Vec<i16> = sound.iter().map(|sample| law.decode(law.encode(*sample))).collect();
        assert_eq!(digits(&coded), every());
    }
}

#[test]
fn twist_is_heard_as_far_as_lines_make_it_and_not_beyond() {
    for (low, high) in [(-14.0, -10.0), (-10.0, -18.0)] {
        assert_eq!(digits(&all((low, high), (0.0, 0.0), 0.0)), every(), "{low} and {high} dBm0");
    }
    for (low, high) in [(-20.0, -10.0), (-8.0, -22.0)] {
        assert!(digits(&all((low, high), (0.0, 0.0), 0.0)).is_empty(), "{low} and {high} dBm0");
    }
}

#[test]
fn a_frequency_may_be_off_by_1_5_percent_and_not_by_3_5() {
    for low in [-0.015, 0.0, 0.015] {
        for high in [-0.015, 0.0, 0.015] {
            assert_eq!(digits(&all((-10.0, -10.0), (low, high), 0.0)), every(), "{low} and {high}");
            assert_eq!(digits(&all((-10.0, -14.0), (low, high), 300.0)), every(), "{low} and {high}");
        }
    }
    for off in [-0.05, -0.035, 0.035, 0.05] {
        assert!(digits(&all((-10.0, -10.0), (off, 0.0), 0.0)).is_empty(), "low by {off}");
        assert!(digits(&all((-10.0, -10.0), (0.0, off), 0.0)).is_empty(), "high by {off}");
    }
}

#[test]
fn a_digit_lasts_40_ms_at_least() {
    for (at, event) in every().into_iter().enumerate() {
        for early in 0..20 {
            let hertz = nominal(at / 4, at % 4);
            let of = |ms| [vec![0; early * 3], pair(hertz, (-10.0, -10.0), ms)].concat();
            assert_eq!(digits(&of(40)), [event], "40 ms, {early}");
            assert!(digits(&of(20)).is_empty(), "20 ms of {event}, {early}");
        }
    }
}

#[test]
fn a_pause_of_40_ms_parts_two_digits_and_an_interruption_of_10_does_not() {
    let one = pair(nominal(1, 1), (-10.0, -10.0), 80);
    for early in 0..20 {
        let of = |ms| [vec![0; early * 3], one.clone(), silence(ms), one.clone()].concat();
        assert_eq!(digits(&of(40)), [5, 5], "{early}");
        assert_eq!(digits(&of(10)), [5], "{early}");
    }
    let other = pair(nominal(0, 2), (-10.0, -10.0), 80);
    assert_eq!(digits(&[one, other].concat()), [5, 3], "without a pause");
}

#[test]
fn how_long_it_lasts_is_told() {
    for ms in [50, 100, 400] {
        let told = hear(&pair(nominal(3, 0), (-10.0, -10.0), ms));
        let [Heard::Began { event: 10 }, Heard::Ended { event: 10, ms: lasted }] = told[..] else {
            panic!("{told:?}");
        };
        assert!(lasted.abs_diff(ms as u32) <= 15, "{ms} ms: {lasted}");
    }
}

#[test]
fn one_tone_is_no_digit_and_neither_are_three_nor_those_of_the_network() {
    for hertz in LOW.into_iter().chain(HIGH) {
        assert!(digits(&sine(8_000, f64::from(hertz), 9_000.0, 4_000)).is_empty(), "{hertz} Hz");
    }
    let three = mix(&pair(nominal(0, 0), (-10.0, -10.0), 200), &sine(8_000, 941.0, height(-10.0), 1_600));
    assert!(digits(&three).is_empty());
    for hertz in [(440.0, 480.0), (350.0, 440.0), (480.0, 620.0), (1_400.0, 2_060.0), (1_100.0, 1_750.0)] {
        assert!(digits(&pair(hertz, (-10.0, -10.0), 500)).is_empty(), "{hertz:?}");
    }
    let harmonics =
        mix(&pair(nominal(2, 1), (-10.0, -10.0), 200), &sine(8_000, 1_704.0, height(-10.0), 1_600));
    assert!(digits(&harmonics).is_empty(), "a voice has harmonics");
}

/// Noise as speech has it: a glottal pulse whose pitch wanders, through three formants that do too, in syllables, with
/// a hiss here and there.
fn speech(seed: u64, seconds: usize) -> Vec<i16> {
    let draws = noise(seed, 1_000.0, seconds * 64);
    let mut draw = draws.iter().map(|draw| f64::from(*draw) / 1_000.0).cycle();
    let mut next = move || draw.next().expect("it is a cycle");
    let (mut out, mut phase, mut state) = (Vec::new(), 0.0, [(0.0, 0.0); 3]);
    let hiss = noise(seed + 1, 4_000.0, 8_000);
    while out.len() < seconds * 8_000 {
        let (pitch, glide) = (160.0 + 80.0 * next(), 0.2 * next());
        let formants = [600.0 + 300.0 * next(), 1_500.0 + 600.0 * next(), 2_600.0 + 400.0 * next()];
        let (length, is_hiss) = (1_200 + (800.0 * next()) as usize, next() > 0.7);
        for at in 0..length {
            let part = at as f64 / length as f64;
            phase += pitch * (1.0 + glide * part) / 8_000.0;
            let pulse = if phase >= 1.0 { 15_000.0 } else { 0.0 };
            phase %= 1.0;
            let source = if is_hiss { f64::from(hiss[at % 8_000]) * 0.6 } else { pulse };
            let mut sum = 0.0;
            for (formant, (last, before)) in formants.iter().zip(&mut state) {
                let (radius, angle) =
                    (0.97_f64, std::f64::consts::TAU * formant * (1.0 + 0.1 * part) / 8_000.0);
                let now = source + 2.0 * radius * angle.cos() * *last - radius * radius * *before;
                (*before, *last) = (*last, now);
                sum += now * (1.0 - radius) * 4.0;
            }
            out.push((sum * (std::f64::consts::PI * part).sin()).clamp(-32_000.0, 32_000.0) as i16);
        }
        out.extend(vec![0; 400]);
    }
    out
}

#[test]
fn speech_is_no_digit() {
    for seed in 0..20 {
        let sound = speech(seed, 30);
        assert!(rms(&sound) > 800.0, "it is heard: {}", rms(&sound));
        assert!(digits(&sound).is_empty(), "seed {seed}");
    }
    assert!(digits(&noise(3, 12_000.0, 8_000 * 60)).is_empty(), "white noise");
    let prompt = include_bytes!("../call/prompts/confirm.al").map(|code| Law::A.decode(code));
    assert!(digits(&prompt).is_empty(), "a voice");
}

#[test]
fn a_digit_is_heard_between_words() {
    let sound = [speech(1, 2), silence(40), pair(nominal(2, 2), (-9.0, -7.0), 80), silence(40), speech(2, 2)];
    assert_eq!(digits(&sound.concat()), [9]);
}

#[test]
fn how_samples_are_handed_over_makes_no_difference() {
    let sound = all((-10.0, -10.0), (0.0, 0.0), 100.0);
    let of = |count: usize| {
        let (mut detector, mut heard) = (Detector::default(), Vec::new());
        sound.chunks(count).for_each(|samples| detector.hear(samples, |event| heard.push(event)));
        heard
    };
    assert_eq!(of(160), of(7));
    assert_eq!(of(160), of(sound.len()));
}
