//! What keeps a script from going on for ever, and what is wanted of a call that is gone.

use super::*;

#[test]
fn a_redirect_to_itself_ends() {
    let rules = Rules { documents: 3, ..Rules::default() };
    let mut call = stage_with(rules, false, "<Redirect>/again</Redirect>");
    for _ in 0..2 {
        call.gives(["ask /again Event=Redirect"]);
        call.is_told("<Redirect>/again</Redirect>");
    }
    call.gives(["ask /again Event=Redirect"]);
    call.is_told("<Redirect>/again</Redirect>").gives(["hang up"]);
    assert_eq!(call.notes.last(), Some(&Step::End(Why::Documents)));
}

#[test]
fn so_do_elements_that_take_no_time() {
    let rules = Rules { elements: 4, ..Rules::default() };
    let within = "<Hangup schedule='60'/><Redirect>/again</Redirect>";
    let mut call = stage_with(rules, false, within);
    call.is_told(within).gives(["ask /again Event=Redirect", "ask /again Event=Redirect"]);
    call.is_told(within).gives(["hang up"]);
    assert_eq!((call.due(), call.notes.last()), (None, Some(&Step::End(Why::Elements))));
    let rules = Rules::default();
    assert_eq!((rules.documents, rules.elements), (100, 10_000));
}

#[test]
fn nothing_is_wanted_of_a_caller_who_is_gone() {
    for within in [
        "<Speak>Hello.</Speak>",
        "<Wait/><Speak>Hello.</Speak>",
        "<GetDigits action='/pin'/>",
        "<Record action='/r'/>",
        "<Redirect>/next</Redirect>",
        "<Hangup schedule='5'/><DTMF async='false'>1</DTMF>",
    ] {
        let mut call = answered(within);
        // What was wanted and not yet taken is not wanted any more either.
        call.happens(Happened::CallerGone).gives([]);
        assert_eq!((call.due(), call.script.is_over()), (None, true), "{within}");
        for happened in [Happened::Answered, Happened::Played(1), Happened::Sent(1), Happened::Early] {
            call.happens(happened).gives([]);
        }
        call.presses("1#").waits(100_000).is_told("<Speak>Still there?</Speak>").gives([]);
    }
}

#[test]
fn what_was_to_be_told_is_told_even_so() {
    let mut call =
        answered("<GetDigits action='/pin' redirect='false' numDigits='1'/><Speak>Thanks.</Speak>");
    let told = "tell /pin InputType=dtmf&Digits=5&Speech=";
    call.presses("5").happens(Happened::CallerGone).gives([told]);
    // And what was to be asked, since nothing can come of the answer.
    let mut call = answered("<GetDigits action='/pin' numDigits='1'/>");
    call.presses("5").happens(Happened::CallerGone).gives([told]);
}

#[test]
fn each_step_has_its_words() {
    let mut call = answered("<Hangup schedule='9'/><GetInput action='/pin'/><Wait length='100'/>");
    call.waits(5_000).presses("#").waits(4_000).wants();
    let words: Vec<String> = call.notes.iter().map(Step::to_string).collect();
    let expected = [
        "<Hangup>, element 1 of document 1",
        "<GetInput>, element 2 of document 1",
        "the caller pressed no key that counts",
        "<Wait>, element 3 of document 1",
        "hung up: the time that the document set is over",
    ];
    assert_eq!(words, expected);
}
