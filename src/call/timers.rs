//! The timers of one call.

use std::time::Instant;

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Timer {
    /// The decision has taken too long.
    Decide,
    /// The media engine has not given ports.
    Open,
    /// The decision takes so long that the caller is to hear ringing.
    Alert,
    /// It is time for the uniform refusal.
    Refuse,
    /// The callee has rung long enough.
    Ring,
    /// A called party that has answered presses no key.
    Screen,
    /// What an order waits for: the pause before another try, the key that confirms, the end of the busy tone.
    Order,
    /// The script of a document waits for something.
    Script,
    /// Nobody says what became of prompts.
    Prepare,
    /// Nobody says what a web service answered in the call.
    Service,
    /// The next tone that a document sends.
    Tones,
    /// The caller's 180 or 183 has to be repeated, or a proxy gives up (RFC 3261 section 13.3.1.1).
    Remind,
    /// The call has lasted long enough.
    MaxDuration,
    /// An offer that met another one goes out again (RFC 3261 section 14.1).
    Glare,
    /// A party has not answered an offer of the other side.
    Offer,
    /// The media engine has not told how the relay was.
    MediaClose,
}

const COUNT: usize = Timer::MediaClose as usize + 1;
const ALL: [Timer; COUNT] = [
    Timer::Decide,
    Timer::Open,
    Timer::Alert,
    Timer::Refuse,
    Timer::Ring,
    Timer::Screen,
    Timer::Order,
    Timer::Script,
    Timer::Prepare,
    Timer::Service,
    Timer::Tones,
    Timer::Remind,
    Timer::MaxDuration,
    Timer::Glare,
    Timer::Offer,
    Timer::MediaClose,
];

/// At most one deadline for each timer.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        self.0 = [None; COUNT];
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes a timer that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Timer> {
        let timer = ALL.into_iter().find(|timer| self.0[*timer as usize].is_some_and(|at| at <= now))?;
        self.stop(timer);
        Some(timer)
    }
}
