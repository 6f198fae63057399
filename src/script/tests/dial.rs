//! A Dial: how it ends, and what follows.

use super::*;

const LEGS: &str = "DialALegUUID=a&DialBLegUUID";

#[test]
fn a_dial_does_not_answer_and_without_an_action_the_next_element_follows() {
    for (status, cause) in [(DialStatus::Completed, 16), (DialStatus::Busy, 17), (DialStatus::NoAnswer, 19)] {
        let mut call =
            ringing("<Dial>14155551234</Dial><Dial><Number>14155551235</Number><User>sip:a@b</User></Dial>");
        call.gives(["dial 1"]);
        assert_eq!(call.due(), None);
        call.happens(dialled(status, cause)).gives(["dial 2"]);
        call.happens(dialled(status, cause)).gives(["hang up"]);
        call.happens(dialled(status, cause)).gives([]);
    }
}

#[test]
fn who_was_connected_is_answered() {
    let within = "<Dial>14155551234</Dial><Speak>Goodbye.</Speak>";
    let mut call = ringing(within);
    call.gives(["dial 1"]);
    call.happens(dialled(DialStatus::Completed, 16)).gives(["play Goodbye."]);
    let mut call = ringing(within);
    call.gives(["dial 1"]);
    call.happens(dialled(DialStatus::Busy, 17)).gives(["answer"]);
    let mut call = ringing(within);
    call.gives(["dial 1"]);
    call.happens(Happened::Answered).gives([]);
    call.happens(dialled(DialStatus::Failed, 41)).gives(["play Goodbye."]);
}

#[test]
fn the_action_is_asked_and_its_document_followed() {
    let mut call = ringing("<Dial action='/done' method='GET'>14155551234</Dial><Speak>never</Speak>");
    call.gives(["dial 1"]);
    let told = "Event=DialAction&DialStatus=no-answer&DialRingStatus=true&DialHangupCause=NO_ANSWER";
    call.happens(dialled(DialStatus::NoAnswer, 19)).gives([format!("ask GET /done {told}&{LEGS}=").as_str()]);
    call.is_told("<Dial>14155551235</Dial>").gives(["dial 1"]);
    call.happens(dialled(DialStatus::Completed, 16)).gives(["hang up"]);
}

#[test]
fn without_redirect_the_action_is_told_and_the_next_element_follows() {
    let mut call = ringing("<Dial action='/done' redirect='false'>14155551234</Dial><Hangup reason='busy'/>");
    call.gives(["dial 1"]);
    let told = "Event=DialAction&DialStatus=completed&DialRingStatus=true&DialHangupCause=NORMAL_CLEARING";
    call.happens(dialled(DialStatus::Completed, 16))
        .gives([format!("tell /done {told}&{LEGS}=b").as_str(), "hang up Busy"]);
}

#[test]
fn the_callers_star_ends_the_other_party_once_and_only_where_it_may() {
    let mut call = answered("<Dial hangupOnStar='true'>14155551234</Dial><Speak>Goodbye.</Speak>");
    call.gives(["dial 1"]);
    call.presses("1#").gives([]);
    call.presses("*").gives(["end dial"]);
    call.presses("*").gives([]);
    call.happens(dialled(DialStatus::Completed, 16)).gives(["play Goodbye."]);
    call.presses("*").gives([]);
    let mut call = answered("<Dial>14155551234</Dial>");
    call.gives(["dial 1"]);
    call.presses("*").gives([]);
}

#[test]
fn a_dial_that_ends_with_the_call_is_told_all_the_same() {
    let told =
        "tell /done Event=DialAction&DialStatus=cancel&DialRingStatus=true&DialHangupCause=NORMAL_CLEARING";
    let told = format!("{told}&{LEGS}=");
    let mut call = ringing("<Dial action='/done'>14155551234</Dial><Speak>never</Speak>");
    call.gives(["dial 1"]);
    call.happens(Happened::CallerGone).gives([]);
    assert!(call.script.is_over());
    call.happens(dialled(DialStatus::Cancel, 16)).gives([told.as_str()]);
    call.happens(dialled(DialStatus::Cancel, 16)).gives([]);
    let mut call = ringing("<Hangup schedule='9'/><Dial action='/done'>14155551234</Dial>");
    call.gives(["dial 1"]);
    call.waits(9_000).gives(["hang up"]);
    call.happens(Happened::CallerGone).happens(dialled(DialStatus::Cancel, 16)).gives([told.as_str()]);
    // Without an action nobody is told.
    let mut call = ringing("<Dial>14155551234</Dial>");
    call.happens(Happened::CallerGone).gives([]);
    call.happens(dialled(DialStatus::Cancel, 16)).gives([]);
}
