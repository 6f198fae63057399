//! Recordings, of the caller and beside what follows.

use super::*;

const OVER: &str = "Event=RecordStop&RecordingID=r&RecordingDuration=2&RecordingDurationMs=2500&RecordingStartMs=1000\
                    &RecordingEndMs=3500";

impl Stage {
    /// The recording begins.
    fn begins(&mut self) -> &mut Self {
        self.happens(Happened::Recording(self.record, recording(None)))
    }

    /// The recording is over.
    fn ends(&mut self) -> &mut Self {
        self.happens(Happened::Recorded(self.record, recording(Some(2_500))))
    }
}

#[test]
fn a_key_ends_it_and_is_told() {
    let within =
        "<Record action='/r' redirect='true' finishOnKey='#*' callbackUrl='/file' callbackMethod='GET'/>";
    let mut call = answered(within);
    call.gives(["play beep"]);
    call.presses("#").plays_out().gives(["record caller", "listen for silence 60s"]);
    assert_eq!(call.due(), None);
    call.waits(100).begins().gives([]);
    assert_eq!(call.due(), Some(60_100));
    call.presses("1").gives([]);
    call.presses("#*").gives(["stop recording"]);
    assert_eq!(call.due(), None);
    call.begins().waits(60_000).gives([]);
    let told = format!("{OVER}&RecordingEndReason=FinishedOnKey&Digits=%23");
    let [tell, ask] = [format!("tell GET /file {told}"), format!("ask /r {told}")];
    call.ends().gives([tell.as_str(), "stop listening", ask.as_str()]);
    call.is_told("<Speak>Thanks.</Speak>").gives(["play Thanks."]);
}

#[test]
fn silence_and_length_end_it() {
    let within = "<Record action='/r' redirect='true' playBeep='false' timeout='3' maxLength='20'/>";
    let mut call = answered(within);
    call.gives(["record caller", "listen for silence 3s"]);
    call.begins().waits(3_000);
    call.happens(Happened::Heard(call.listen)).gives(["stop recording"]);
    call.ends().gives([format!("ask /r {OVER}&RecordingEndReason=RecordingTimeout&Digits=").as_str()]);
    let mut call = answered(within);
    call.gives(["record caller", "listen for silence 3s"]);
    call.begins().waits(19_999).gives([]);
    call.waits(1).gives(["stop recording"]);
    let ask = format!("ask /r {OVER}&RecordingEndReason=maxLength&Digits=");
    call.ends().gives(["stop listening", ask.as_str()]);
}

#[test]
fn redirect_decides_what_follows_and_left_out_the_answer_does() {
    let then = |redirect: &str| {
        let mut call =
            answered(&format!("<Record action='/r' playBeep='false' {redirect}/><Speak>Next.</Speak>"));
        call.gives(["record caller", "listen for silence 60s"]);
        call.begins().presses("1").gives(["stop recording"]);
        call.ends();
        call
    };
    let told = format!("/r {OVER}&RecordingEndReason=FinishedOnKey&Digits=1");
    let [ask, tell, may_ask] = ["ask", "tell", "ask, if you like,"].map(|word| format!("{word} {told}"));
    then("redirect='true'").gives(["stop listening", ask.as_str()]);
    then("redirect='false'").gives(["stop listening", tell.as_str(), "play Next."]);
    let mut call = then("");
    call.gives(["stop listening", may_ask.as_str()]);
    call.is_told("<Speak>Thanks.</Speak>").gives(["play Thanks."]);
    for answer in [None, Some(Response::default())] {
        let mut call = then("");
        call.gives(["stop listening", may_ask.as_str()]);
        call.happens(Happened::Told(answer)).gives(["play Next."]);
    }
    let mut call = then("redirect='true'");
    call.wants();
    call.happens(Happened::Told(None)).gives(["hang up"]);
}

#[test]
fn what_cannot_be_recorded_is_over_at_once() {
    let mut call = answered("<Record playBeep='false'/><Speak>Next.</Speak>");
    call.gives(["record caller", "listen for silence 60s"]);
    call.ends().gives(["stop listening", "play Next."]);
    call.ends().begins().gives([]);
    assert_eq!(call.due(), None);
    // One beside is told of once, now that it never began.
    let mut call = answered("<Record recordSession='true' action='/r'/><Wait length='9'/>");
    call.gives(["record call"]);
    call.ends().gives([format!("tell /r {OVER}&Digits=").as_str()]);
}

#[test]
fn one_beside_neither_answers_nor_keeps_what_follows_waiting() {
    for attribute in ["recordSession='true'", "startOnDialAnswer='true'"] {
        let record =
            format!("<Record {attribute} action='/r' callbackUrl='/file' maxLength='9' finishOnKey='1'/>");
        let mut call = ringing(&format!("{record}<Dial>14155551234</Dial><Speak>Goodbye.</Speak>"));
        call.gives(["record call", "dial 1"]);
        let begun = "Event=Record&RecordingID=r&RecordingDuration=-1&RecordingDurationMs=-1&RecordingStartMs=1000\
                     &RecordingEndMs=-1&Digits=";
        call.waits(1_000).happens(Happened::Answered).begins().gives([format!("tell /r {begun}").as_str()]);
        assert_eq!(call.due(), Some(10_000));
        call.presses("1").gives([]);
        call.waits(9_000).gives(["stop recording"]);
        call.ends().gives([format!("tell /file {OVER}&RecordingEndReason=maxLength&Digits=").as_str()]);
        call.happens(dialled(DialStatus::Completed, 16)).gives(["play Goodbye."]);
    }
}

#[test]
fn what_ends_with_the_call_is_told_all_the_same() {
    let beside = "<Record recordSession='true' callbackUrl='/whole'/>";
    let mut call =
        answered(&format!("{beside}<Record action='/r' callbackUrl='/file'/><Speak>never</Speak>"));
    call.gives(["record call", "play beep"]);
    let whole = call.record;
    call.begins().plays_out().gives(["record caller", "listen for silence 60s"]);
    call.begins().happens(Happened::CallerGone).gives([]);
    assert_eq!(call.due(), None);
    let told = format!("{OVER}&RecordingEndReason=HungUp&Digits=");
    let [file, action, all] = ["/file", "/r", "/whole"].map(|link| format!("tell {link} {told}"));
    call.ends().gives([file.as_str(), action.as_str()]);
    call.happens(Happened::Recorded(whole, recording(Some(2_500)))).gives([all.as_str()]);
    call.ends().gives([]);
}
