//! Any document, and whatever happens: nothing panics, nothing is heard before it can be, and there is always an end.

use proptest::prelude::*;

use super::*;

/// Elements that documents are made of.
const ELEMENTS: [&str; 30] = [
    "<Speak>Hello.</Speak>",
    "<Play loop='0'>/a.wav</Play>",
    "<Wait/>",
    "<Wait length='5' silence='true'/>",
    "<Wait beep='true'/>",
    "<PreAnswer/>",
    "<PreAnswer><Speak>Please hold.</Speak></PreAnswer>",
    "<DTMF>12</DTMF>",
    "<DTMF async='false'>3w</DTMF>",
    "<Redirect>/next</Redirect>",
    "<Hangup/>",
    "<Hangup reason='busy'/>",
    "<Hangup schedule='3'/>",
    "<Hangup schedule='60' reason='rejected'/>",
    "<Dial>14155551234</Dial>",
    "<Dial action='/d' hangupOnStar='true'>14155551234</Dial>",
    "<Dial action='/d' redirect='false'>14155551234</Dial>",
    "<Gather/>",
    "<Gather action='/g' retries='3'><Speak>Digits.</Speak></Gather>",
    "<Gather inputType='speech' action='/g'><Play>/b.wav</Play></Gather>",
    "<GetInput action='/g' startInputTimeout='3' digitEndTimeout='2' redirect='false'/>",
    "<GetDigits action='/g' numDigits='2' validDigits='12' invalidDigitsSound='/no.wav' retries='2'><Wait/></GetDigits>",
    "<GetDigits action='/g' finishOnKey='none' playBeep='true'/>",
    "<Record/>",
    "<Record action='/r' playBeep='false' callbackUrl='/f'/>",
    "<Record action='/r' redirect='true' maxLength='4'/>",
    "<Record action='/r' redirect='false' finishOnKey='none'/>",
    "<Record recordSession='true' action='/r' callbackUrl='/f' maxLength='7'/>",
    "<Record startOnDialAnswer='true' action='/r' callbackUrl='/f'/>",
    "<Wait length='30'/>",
];

/// A document of any elements.
fn documents() -> impl Strategy<Value = String> {
    let elements = prop::collection::vec(prop::sample::select(&ELEMENTS[..]), 0..6);
    elements.prop_map(|elements| elements.concat())
}

/// What is known of a call from what was wanted of it, and what must hold.
#[derive(Default)]
struct Watch {
    /// Whether something can be heard by the caller, and by us.
    is_open: bool,
    is_answered: bool,
    is_over: bool,
    /// What has been wanted and will come back.
    pending: Vec<Want>,
    last_tag: u32,
}

impl Watch {
    /// Looks at everything that is wanted.
    fn look(&mut self, script: &mut Script) {
        while let Some(want) = script.poll() {
            let is_told = matches!(want, Want::Tell { .. } | Want::Note(_));
            assert!(!self.is_over || is_told, "{want:?} after the end");
            let tag = match &want {
                Want::Play { tag, .. } => {
                    assert!(self.is_open, "played to nobody");
                    Some(*tag)
                }
                Want::Listen { tag, .. } | Want::Send { tag, .. } => {
                    assert!(self.is_answered, "{want:?} before the answer");
                    Some(*tag)
                }
                Want::Record { tag, record } => {
                    assert!(self.is_answered || record.is_beside(), "recorded before the answer");
                    Some(*tag)
                }
                _ => None,
            };
            if let Some(tag) = tag {
                assert!(tag > self.last_tag, "a tag comes twice");
                self.last_tag = tag;
            }
            self.note(want);
        }
    }

    fn note(&mut self, want: Want) {
        match want {
            Want::Hangup(_) => self.is_over = true,
            Want::Hush => self.pending.retain(|pending| !matches!(pending, Want::Play { .. })),
            Want::StopListening => self.pending.retain(|pending| !matches!(pending, Want::Listen { .. })),
            Want::Tell { .. } | Want::Note(_) => {}
            want => self.pending.push(want),
        }
    }

    /// What a driver says of something that was wanted, if that says anything.
    fn answer(&mut self, choice: u8, next: &str) -> Option<Happened> {
        let index = usize::from(choice).checked_rem(self.pending.len())?;
        answer_to(self.pending.swap_remove(index), choice / 2, next)
    }

    fn hand(&mut self, script: &mut Script, now: Instant, happened: Happened) {
        self.is_answered |= matches!(happened, Happened::Answered);
        self.is_open |= matches!(happened, Happened::Answered | Happened::Early);
        if let Happened::Dialled(DialEnd { status: DialStatus::Completed, .. }) = happened {
            (self.is_answered, self.is_open) = (true, true);
        }
        self.is_over |= happened == Happened::CallerGone;
        script.handle(now, happened);
        self.look(script);
    }
}

/// Anything that may happen, at any time: the number chooses what, and of which tag.
fn anything(choice: u8, next: &str) -> Happened {
    let tag = u32::from(choice / 16);
    match choice % 16 {
        0 => Happened::Answered,
        1 => Happened::Early,
        2 | 3 => Happened::Played(tag),
        4 => Happened::Sent(tag),
        5 => Happened::Heard(tag),
        6 => dialled(DialStatus::Busy, 17),
        7 => dialled(DialStatus::Completed, 16),
        8 => Happened::Recording(tag, recording(None)),
        9 => Happened::Recorded(tag, recording(Some(1_000))),
        10 => Happened::Told(None),
        11 => Happened::Told(Some(document(next))),
        12 => Happened::CallerGone,
        _ => Happened::Key("0123456789*#12#*".chars().nth(tag as usize).and_then(Key::read).unwrap()),
    }
}

fn answer_to(want: Want, choice: u8, next: &str) -> Option<Happened> {
    let is_even = choice.is_multiple_of(2);
    Some(match want {
        Want::Answer => Happened::Answered,
        Want::PreAnswer => Happened::Early,
        Want::Play { tag, .. } => Happened::Played(tag),
        Want::Send { tag, .. } => Happened::Sent(tag),
        Want::Listen { tag, .. } if is_even => Happened::Heard(tag),
        Want::Dial(_) if is_even => dialled(DialStatus::Completed, 16),
        Want::Dial(_) => dialled(DialStatus::NoAnswer, 19),
        Want::Record { tag, .. } => Happened::Recording(tag, recording(None)),
        Want::StopRecording { tag } => Happened::Recorded(tag, recording(Some(1_000))),
        Want::Ask { .. } if is_even => Happened::Told(Some(document(next))),
        Want::Ask { .. } => Happened::Told(None),
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_breaks(
        first in documents(),
        next in documents(),
        is_answered: bool,
        posts_empty_digits: bool,
        happenings in prop::collection::vec((any::<u8>(), 0..8_000_u64), 0..60),
    ) {
        let rules = Rules { posts_empty_digits, documents: 5, elements: 20 };
        let mut now = start();
        let mut script = Script::new(document(&first), rules, is_answered, now);
        let mut watch = Watch { is_open: is_answered, is_answered, ..Watch::default() };
        watch.look(&mut script);
        for (choice, millis) in happenings {
            now += Duration::from_millis(millis);
            if choice.is_multiple_of(3) {
                script.advance(now);
                prop_assert!(script.next_deadline().is_none_or(|at| at > now));
                watch.look(&mut script);
            }
            let answer = if choice.is_multiple_of(2) { watch.answer(choice, &next) } else { None };
            let happened = answer.unwrap_or_else(|| anything(choice, &next));
            watch.hand(&mut script, now, happened);
        }
        watch.hand(&mut script, now, Happened::CallerGone);
        prop_assert!(script.is_over() && script.next_deadline().is_none());
    }

    /// With a driver that answers what is wanted, in any order, a call ends, and never waits for nothing.
    #[test]
    fn there_is_always_an_end(
        first in documents(),
        next in documents(),
        is_answered: bool,
        choices in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let rules = Rules { posts_empty_digits: true, documents: 8, elements: 40 };
        let mut now = start();
        let mut script = Script::new(document(&first), rules, is_answered, now);
        let mut watch = Watch { is_open: is_answered, is_answered, ..Watch::default() };
        watch.look(&mut script);
        let mut choices = choices.into_iter().cycle();
        for _ in 0..1_000 {
            if script.is_over() {
                break;
            }
            let choice = choices.next().unwrap();
            if let Some(happened) = watch.answer(choice, &next) {
                watch.hand(&mut script, now, happened);
            } else if watch.pending.is_empty() {
                let due = script.next_deadline();
                prop_assert!(due.is_some(), "it waits for nothing: {script:?}");
                now = due.unwrap();
                script.advance(now);
                watch.look(&mut script);
            }
        }
        prop_assert!(script.is_over() && watch.is_over);
    }
}
