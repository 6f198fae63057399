//! Collecting keys: Gather, GetDigits and GetInput.
//!
//! A try begins with the prompts; the first key cuts them off and counts. It ends with the key that ends it, with as many
//! keys as are wanted, or in time: what was pressed by then is what the service gets. A try without a key, and one with a
//! key that does not count, makes room for the next; the latter is told to the caller first (`invalidDigitsSound`).

use std::time::{Duration, Instant};

use super::machine::Action;
use super::want::{Happened, Want, Wants};
use crate::voice::{Gather, GatherKind, Hidden, Key, Link, Play, Prompt};

/// Keys being collected.
#[derive(Debug)]
pub(super) struct Gathering {
    gather: Gather,
    tries_left: u32,
    keys: Vec<Key>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The prompts play; keys count.
    Prompting(u32),
    /// Keys are waited for: until the first time unless a key comes, until the second at all.
    Listening(Option<Instant>, Option<Instant>),
    /// The caller is told that the last key did not count, and no try is left.
    Parting(u32),
}

/// How it stands.
pub(super) enum Outcome {
    Open,
    Keys(Hidden),
    NoKeys,
}

impl Gathering {
    pub(super) fn new(gather: Gather, now: Instant, wants: &mut Wants) -> (Self, Outcome) {
        let tries_left = gather.tries;
        let mut gathering =
            Self { gather, tries_left, keys: Vec::new(), phase: Phase::Listening(None, None) };
        let outcome = gathering.begin(now, None, wants);
        (gathering, outcome)
    }

    pub(super) fn action(&mut self) -> Option<Action> {
        let link = self.gather.action.take()?;
        Some(Action { link, method: self.gather.method, redirect: Some(self.gather.redirect) })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Listening(until, _) => until,
            Phase::Prompting(_) | Phase::Parting(_) => None,
        }
    }

    pub(super) fn handle(&mut self, now: Instant, happened: &Happened, wants: &mut Wants) -> Outcome {
        match (&self.phase, happened) {
            (Phase::Prompting(tag), Happened::Played(done)) if tag == done => self.listen(now),
            (Phase::Prompting(_), Happened::Key(key)) if self.gather.hears_keys => {
                wants.add(Want::Hush);
                self.listen(now);
                self.press(now, *key, wants)
            }
            (Phase::Listening(..), Happened::Key(key)) => self.press(now, *key, wants),
            (Phase::Parting(tag), Happened::Played(done)) if tag == done => Outcome::NoKeys,
            _ => Outcome::Open,
        }
    }

    /// Time ran out.
    pub(super) fn expire(&mut self, now: Instant, wants: &mut Wants) -> Outcome {
        self.close(now, wants)
    }

    /// A try, after what has to be said of the one before it.
    fn begin(&mut self, now: Instant, sound: Option<Prompt>, wants: &mut Wants) -> Outcome {
        self.tries_left = self.tries_left.saturating_sub(1);
        self.keys.clear();
        let prompts: Vec<Prompt> = sound.into_iter().chain(self.gather.prompts.iter().cloned()).collect();
        if prompts.is_empty() && !self.gather.beep {
            return self.listen(now);
        }
        self.phase = Phase::Prompting(wants.play(prompts, self.gather.beep));
        Outcome::Open
    }

    /// The prompts are over.
    fn listen(&mut self, now: Instant) -> Outcome {
        if !self.gather.hears_keys {
            return Outcome::NoKeys;
        }
        let timeout = now.checked_add(self.gather.timeout);
        self.phase = if self.gather.kind == GatherKind::GetDigits {
            Phase::Listening(timeout, None)
        } else {
            Phase::Listening(sooner(now, self.gather.first_key, timeout), timeout)
        };
        Outcome::Open
    }

    fn press(&mut self, now: Instant, key: Key, wants: &mut Wants) -> Outcome {
        if self.gather.finish_on_key == Some(key) {
            return self.close(now, wants);
        }
        if !self.gather.valid_keys.has(key) {
            let sound = self.gather.invalid_sound.clone().map(once);
            return self.miss(now, sound, wants);
        }
        self.keys.push(key);
        if self.keys.len() >= self.gather.most_keys as usize {
            return self.close(now, wants);
        }
        if let Phase::Listening(_, end) = self.phase {
            self.phase = Phase::Listening(sooner(now, self.gather.next_key, end), end);
        }
        Outcome::Open
    }

    /// The try is over, with or without keys.
    fn close(&mut self, now: Instant, wants: &mut Wants) -> Outcome {
        if self.keys.is_empty() {
            return self.miss(now, None, wants);
        }
        Outcome::Keys(Hidden::new(self.keys.iter().map(|key| key.sign()).collect::<String>()))
    }

    /// The try came to nothing.
    fn miss(&mut self, now: Instant, sound: Option<Prompt>, wants: &mut Wants) -> Outcome {
        match sound {
            sound if self.tries_left > 0 => self.begin(now, sound, wants),
            Some(sound) => {
                self.phase = Phase::Parting(wants.play(vec![sound], false));
                Outcome::Open
            }
            None => Outcome::NoKeys,
        }
    }
}

/// The end, or a length from now where that is sooner.
fn sooner(now: Instant, length: Option<Duration>, end: Option<Instant>) -> Option<Instant> {
    let until = length.and_then(|length| now.checked_add(length));
    [until, end].into_iter().flatten().min()
}

fn once(link: Link) -> Prompt {
    Prompt::Play(Play { link, times: 1 })
}
