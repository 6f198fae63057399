//! What answers a call, and what does not; prompts, tones, waits, and the ways out of a document.

use super::*;

#[test]
fn a_hangup_first_refuses_the_call() {
    ringing("<Hangup reason='busy'/><Speak>never</Speak>").gives(["hang up Busy"]);
    ringing("<Hangup reason='rejected'/>").gives(["hang up Rejected"]);
    ringing("<Hangup/>").gives(["hang up"]);
    ringing("").gives(["hang up"]);
}

#[test]
fn what_the_caller_hears_or_says_answers_first() {
    for (within, then) in [
        ("<Speak>Hello.</Speak>", "play Hello."),
        ("<Play loop='2'>/a.wav</Play>", "play /a.wav"),
        ("<Gather><Speak>Digits.</Speak></Gather>", "play Digits."),
        ("<Record/>", "play beep"),
        ("<DTMF async='false'>12w#</DTMF>", "send 12w#"),
    ] {
        let mut call = ringing(within);
        call.gives(["answer"]);
        assert_eq!(call.due(), None, "{within}");
        call.happens(Happened::Answered).gives([then]);
        answered(within).gives([then]);
    }
}

#[test]
fn prompts_follow_each_other_and_then_the_call_ends() {
    let mut call = answered("<Speak>One.</Speak><Play>/two.wav</Play>");
    call.gives(["play One."]);
    let first = call.play;
    call.plays_out().gives(["play /two.wav"]);
    call.happens(Happened::Played(first)).gives([]);
    call.plays_out().gives(["hang up"]);
    assert!(call.script.is_over());
    assert_eq!(call.notes.last(), Some(&Step::End(Why::RanOut)));
}

#[test]
fn a_wait_that_is_first_waits_before_the_answer_and_a_later_one_after_it() {
    let mut call = ringing("<Wait length='5'/><Wait length='2'/><Speak>Hello.</Speak>");
    call.gives([]);
    assert_eq!(call.due(), Some(5_000));
    call.waits(4_999).gives([]);
    call.waits(1).gives(["answer"]);
    call.waits(100).happens(Happened::Answered).gives([]);
    assert_eq!(call.due(), Some(7_100));
    call.waits(2_000).gives(["play Hello."]);
    // In the next document, it is first again.
    let mut call = ringing("<Redirect>/next</Redirect>");
    call.gives(["ask /next Event=Redirect"]);
    call.is_told("<Wait/><Hangup/>").gives([]);
    call.waits(1_000).gives(["hang up"]);
}

#[test]
fn a_wait_ends_early_by_silence_or_a_beep() {
    let mut call = answered("<Wait length='10' silence='true' minSilence='500'/><Speak>Hello.</Speak>");
    call.gives(["listen for silence 500ms"]);
    call.waits(700);
    call.happens(Happened::Heard(call.listen + 1)).gives([]);
    call.happens(Happened::Heard(call.listen)).gives(["play Hello."]);
    assert_eq!(call.due(), None);
    let mut call = answered("<Wait length='10' beep='true'/><Speak>Hello.</Speak>");
    call.gives(["listen for beep"]);
    call.waits(10_000).gives(["stop listening", "play Hello."]);
    // Before the answer, nothing can be heard.
    ringing("<Wait silence='true'/>").gives([]);
}

#[test]
fn early_media_has_its_prompts_and_what_follows_answers() {
    let mut call =
        ringing("<PreAnswer><Speak>Please hold.</Speak><Wait length='2'/></PreAnswer><Speak>Hello.</Speak>");
    call.gives(["early media"]);
    call.happens(Happened::Played(1)).gives([]);
    call.happens(Happened::Early).gives(["play Please hold. 2s"]);
    call.plays_out().gives(["answer"]);
    call.happens(Happened::Answered).gives(["play Hello."]);
    // Open once, open for good; and of no use after the answer.
    let mut call = ringing("<PreAnswer/><PreAnswer><Play>/a</Play></PreAnswer><Hangup reason='busy'/>");
    call.gives(["early media"]);
    call.happens(Happened::Early).gives(["play /a"]);
    call.plays_out().gives(["hang up Busy"]);
    answered("<PreAnswer><Play>/a</Play></PreAnswer>").gives(["play /a"]);
}

#[test]
fn tones_are_sent_beside_what_follows_unless_they_are_waited_for() {
    let mut call = answered("<DTMF>12</DTMF><DTMF async='false'>3</DTMF><Speak>Done.</Speak>");
    call.gives(["send 12", "send 3"]);
    call.happens(Happened::Sent(call.send - 1)).gives([]);
    call.happens(Happened::Sent(call.send)).gives(["play Done."]);
    // The end does not cut them off.
    let mut call = answered("<DTMF>1</DTMF><DTMF>2</DTMF>");
    call.gives(["send 1", "send 2"]);
    call.happens(Happened::Sent(call.send - 1)).gives([]);
    call.happens(Happened::Sent(call.send)).gives(["hang up"]);
    answered("<DTMF>1</DTMF><Hangup/>").gives(["hang up"]);
}

#[test]
fn a_redirect_asks_without_an_answer_and_goes_on_with_what_is_answered() {
    let mut call = ringing("<Redirect method='GET'>/next</Redirect><Speak>never</Speak>");
    call.gives(["ask GET /next Event=Redirect"]);
    call.is_told("<Speak>Hello.</Speak>").gives(["answer"]);
    call.happens(Happened::Answered).gives(["play Hello."]);
    call.is_told("<Speak>unasked</Speak>").gives([]);
    call.plays_out().gives(["hang up"]);
    let begin = |name, document, element| Step::Begin { name, document, element };
    assert_eq!(call.notes, [begin("Redirect", 1, 1), begin("Speak", 2, 1), Step::End(Why::RanOut)]);
}

#[test]
fn a_service_that_fails_for_good_ends_the_call() {
    let mut call = answered("<Redirect>/next</Redirect><Speak>never</Speak>");
    call.gives(["ask /next Event=Redirect"]);
    call.happens(Happened::Told(None)).gives(["hang up"]);
    assert_eq!(call.notes.last().unwrap().to_string(), "hung up: the service did not say how to go on");
}

#[test]
fn a_scheduled_hangup_ends_whatever_goes_on() {
    let mut call = ringing("<Hangup schedule='60' reason='busy'/><Speak loop='0'>On and on.</Speak>");
    call.gives(["answer"]);
    assert_eq!(call.due(), Some(60_000));
    call.happens(Happened::Answered).gives(["play On and on."]);
    call.waits(59_999).gives([]);
    call.waits(1).gives(["hang up Busy"]);
    assert_eq!((call.due(), call.notes.last()), (None, Some(&Step::End(Why::Scheduled))));
    // It outlives its document, and the last one set counts.
    let mut call = answered("<Hangup schedule='60'/><Redirect>/next</Redirect>");
    call.gives(["ask /next Event=Redirect"]);
    call.waits(50_000).is_told("<Hangup schedule='30'/><Wait length='600'/>").gives([]);
    assert_eq!(call.due(), Some(80_000));
    // Time that passed all at once is followed in order.
    let mut call = answered("<Hangup schedule='10'/><Wait length='5'/><Dial>14155551234</Dial>");
    call.waits(20_000).gives(["hang up"]);
    let end = [Step::Begin { name: "Dial", document: 1, element: 3 }, Step::End(Why::Scheduled)];
    assert!(call.notes.ends_with(&end), "{:?}", call.notes);
}
