//! Keys: prompts and barge-in, what ends a try and what makes room for the next, and what the service gets.

use super::*;

/// What a GetDigits asks with.
fn digits(keys: &str) -> String {
    format!("ask /pin InputType=dtmf&Digits={keys}&Speech=")
}

#[test]
fn the_first_key_cuts_the_prompts_off_and_counts() {
    let mut call =
        answered("<GetDigits action='/pin'><Speak>Digits.</Speak><Wait/></GetDigits><Speak>None.</Speak>");
    call.gives(["play Digits. 1s"]);
    assert_eq!(call.due(), None);
    call.presses("4").gives(["hush"]);
    assert_eq!(call.due(), Some(2_000));
    call.presses("711").gives([]);
    call.presses("#");
    assert_eq!(call.wants(), [digits("4711")]);
    call.is_told("<Speak>Welcome.</Speak>").gives(["play Welcome."]);
    assert!(call.notes.contains(&Step::Keys));
}

#[test]
fn keys_before_and_after_are_dropped() {
    let mut call = answered("<Speak>Hello.</Speak><GetDigits action='/pin' numDigits='2'/>");
    call.gives(["play Hello."]);
    call.presses("99").plays_out().gives([]);
    call.presses("12");
    assert_eq!(call.wants(), [digits("12")]);
    call.presses("3").gives([]);
    call.is_told("<GetDigits action='/pin' numDigits='1'/>").presses("4");
    assert_eq!(call.wants(), [digits("4")]);
}

#[test]
fn getdigits_waits_for_the_first_key_and_then_for_each_next() {
    let mut call =
        answered("<GetDigits action='/pin' timeout='7' digitTimeout='3'><Speak>Digits.</Speak></GetDigits>");
    call.gives(["play Digits."]);
    call.waits(60_000).plays_out().gives([]);
    assert_eq!(call.due(), Some(67_000));
    call.waits(6_999).presses("1").gives([]);
    assert_eq!(call.due(), Some(69_999));
    call.waits(2_999).presses("2").gives([]);
    call.waits(2_999).gives([]);
    call.waits(1);
    assert_eq!(call.wants(), [digits("12")]);
}

#[test]
fn gather_collects_for_so_long_in_all() {
    for name in ["Gather", "GetInput"] {
        let element = format!("<{name} action='/pin' executionTimeout='10'/>");
        let mut call = answered(&element);
        assert_eq!(call.due(), Some(10_000));
        call.waits(9_000).presses("1");
        assert_eq!(call.due(), Some(10_000), "auto: no time between keys");
        call.waits(1_000);
        assert_eq!(call.wants(), [digits("1")]);
        let element = element.replace("/>", " startInputTimeout='4' digitEndTimeout='3'/>");
        let mut call = answered(&element);
        assert_eq!(call.due(), Some(4_000));
        call.waits(3_000).presses("1");
        assert_eq!(call.due(), Some(6_000));
        call.waits(2_500).presses("2").waits(2_500).presses("3");
        assert_eq!(call.due(), Some(10_000), "never beyond the whole");
        call.waits(2_000);
        assert_eq!(call.wants(), [digits("123")]);
        let mut call = answered(&element);
        call.waits(4_000).gives(["hang up"]);
    }
}

#[test]
fn without_a_key_the_next_element_follows_or_the_service_is_told_so() {
    let within = "<GetDigits action='/pin'/><Speak>None.</Speak>";
    let mut call = answered(within);
    call.waits(5_000).gives(["play None."]);
    assert!(call.notes.contains(&Step::NoKeys));
    let rules = Rules { posts_empty_digits: true, ..Rules::default() };
    let mut call = stage_with(rules, true, within);
    call.waits(5_000);
    assert_eq!(call.wants(), [digits("")]);
    // The key that ends it is no key of its own.
    answered(within).presses("#").gives(["play None."]);
}

#[test]
fn the_key_that_ends_it_may_be_another_or_none() {
    let mut call = answered("<GetDigits action='/pin' finishOnKey='*'/>");
    call.presses("1#*");
    assert_eq!(call.wants(), [digits("1%23")]);
    let mut call = answered("<GetDigits action='/pin' finishOnKey='none' numDigits='3'/>");
    call.presses("*#1");
    assert_eq!(call.wants(), [digits("*%231")]);
}

#[test]
fn it_is_tried_again_with_its_prompts() {
    let within = "<GetDigits action='/pin' retries='2' playBeep='true'><Speak>Digits.</Speak></GetDigits><Speak>None.</Speak>";
    let mut call = answered(within);
    call.gives(["play Digits. beep"]);
    call.plays_out().waits(5_000).gives(["play Digits. beep"]);
    call.plays_out().waits(5_000).gives(["play None."]);
    let mut call = answered(within);
    call.gives(["play Digits. beep"]);
    call.plays_out().presses("#").gives(["play Digits. beep"]);
    call.presses("1#");
    assert_eq!(call.wants(), ["hush".to_owned(), digits("1")]);
}

#[test]
fn a_key_that_does_not_count_ends_the_try_and_is_told_to_the_caller() {
    let within = "<GetDigits action='/pin' retries='2' validDigits='12' numDigits='2' invalidDigitsSound='/no.wav'>\
                  <Speak>1 or 2.</Speak></GetDigits><Speak>None.</Speak>";
    let mut call = answered(within);
    call.gives(["play 1 or 2."]);
    call.presses("1").gives(["hush"]);
    call.presses("9").gives(["play /no.wav 1 or 2."]);
    call.presses("2").gives(["hush"]);
    call.presses("1");
    assert_eq!(call.wants(), [digits("21")]);
    let mut call = answered(within);
    call.gives(["play 1 or 2."]);
    call.presses("9").gives(["hush", "play /no.wav 1 or 2."]);
    call.presses("9").gives(["hush", "play /no.wav"]);
    call.presses("1").gives([]);
    call.plays_out().gives(["play None."]);
    // Without a sound, nothing is said.
    answered("<GetDigits validDigits='1'/><Speak>None.</Speak>").presses("2").gives(["play None."]);
}

#[test]
fn without_redirect_the_service_is_told_and_the_next_element_follows() {
    let mut call = answered(
        "<GetDigits action='/pin' method='GET' redirect='false' numDigits='1'/><Speak>Thanks.</Speak>",
    );
    call.presses("5").gives(["tell GET /pin InputType=dtmf&Digits=5&Speech=", "play Thanks."]);
    let mut call = answered("<GetDigits numDigits='1'/><Speak>Thanks.</Speak>");
    call.presses("5").gives(["play Thanks."]);
}

#[test]
fn where_only_speech_is_asked_for_the_prompts_are_heard_and_that_is_all() {
    let mut call =
        answered("<Gather inputType='speech' action='/pin' retries='3'><Speak>Say it.</Speak></Gather>");
    call.gives(["play Say it."]);
    call.presses("1").gives([]);
    call.plays_out().gives(["hang up"]);
    answered("<Gather inputType='speech'/>").gives(["hang up"]);
}

#[test]
fn no_key_is_printed() {
    let began = start();
    let printed = |signs: &str| {
        let document = document("<GetDigits action='/pin' finishOnKey='none' numDigits='5'/>");
        let mut script = Script::new(document, Rules::default(), true, began);
        let mut printed = String::new();
        for key in signs.chars().filter_map(Key::read) {
            let happened = Happened::Key(key);
            printed.push_str(&format!("{happened:?}"));
            script.handle(began, happened);
            printed.push_str(&format!("{script:?}"));
        }
        printed
    };
    assert_eq!(printed("47110"), printed("00000"));
}
