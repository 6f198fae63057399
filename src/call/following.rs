//! A call that follows the document of a web service: what its script wants, done one thing after the other.

use std::time::{Duration, Instant};

use super::dialling::Dialogue;
use super::effect::{AskedFor, Asking, Effect, LegId};
use super::hearing::{Opens, Sending};
use super::{Call, Context, LegState, Relay, Stage, Timer};
use crate::base::{PhoneNumber, Side};
use crate::ledger::{HungUp, Outcome};
use crate::mask::{Cause, Failure};
use crate::relay::{Command, Digit, Keys, Sound};
use crate::route::Program;
use crate::script::{Happened, Rules, Script, Want};
use crate::voice::{
    About, Ask, CallStatus, Direction, Ended, Event, HangupReason, Hidden, Key, Link, Method, Recorded,
    Response,
};

/// A caller who is not answered is refused after so long, whatever it hears: no network lets it ring for longer.
const UNANSWERED: Duration = Duration::from_secs(300);
/// How much longer than they may take, prompts and a service are waited for at all.
const PREPARATION: Duration = Duration::from_secs(8);

/// What is played, by its tag: what the script wants, or what is heard beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// A number of the script's.
    Script,
    /// What a called party hears before it is connected.
    Screen(u32),
    /// What the caller hears while others ring.
    Music(u32),
}

const SCREEN: u32 = 1 << 31;
const MUSIC: u32 = 1 << 30;

impl Tag {
    fn of(number: u32) -> Self {
        match number & (SCREEN | MUSIC) {
            0 => Self::Script,
            MUSIC => Self::Music(number & !MUSIC),
            _ => Self::Screen(number & !SCREEN),
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Script => 0,
            Self::Screen(serial) => SCREEN | serial,
            Self::Music(serial) => MUSIC | serial,
        }
    }
}

/// What a call keeps of the document that it follows.
#[derive(Debug)]
pub(super) struct Following {
    script: Script,
    /// What the script wants is being done: what happens meanwhile is its own to see to, and not a step deeper.
    is_running: bool,
    /// The masking number dialled.
    pub(super) dialled: PhoneNumber,
    /// The caller, if known.
    pub(super) caller: Option<PhoneNumber>,
    /// The Dial that goes on.
    pub(super) dial: Option<Box<Dialogue>>,
    /// How the last Dial came to nothing: what a refusal without a reason says.
    pub(super) failure: Option<Failure>,
    /// What the caller hears of ours.
    pub(super) playing: Option<u32>,
    /// The last number that tells what was asked for one party from what was asked for the next.
    serial: u32,
    /// When the call has lasted as long as any may.
    pub(super) ends: Option<Instant>,
    /// The caller is answered, and `ends` counts from there.
    pub(super) is_answered: bool,
    /// What the ports are for that are being opened.
    pub(super) opens: Option<Opens>,
    pub(super) sending: Sending,
    /// Who ended the last Dial, while nothing has followed it.
    pub(super) left: Option<(HungUp, Cause)>,
}

impl Call {
    /// The document that decides the call.
    pub(super) fn follow(&mut self, ctx: &mut Context<'_>, program: Program) {
        let Program { document, dialled, caller, .. } = program;
        let posts_empty_digits = ctx.policy.settings().webhooks.post_empty_digits;
        let rules = Rules { posts_empty_digits, ..Rules::default() };
        let script = Script::new(document, rules, false, ctx.now);
        self.following = Some(Box::new(Following {
            script,
            is_running: false,
            dialled,
            caller,
            dial: None,
            failure: None,
            playing: None,
            serial: 0,
            ends: Some(ctx.now + UNANSWERED),
            is_answered: false,
            opens: None,
            sending: Sending::default(),
            left: None,
        }));
        self.stage = Stage::Following;
        self.run(ctx);
    }

    /// A number that nothing else has in this call.
    pub(super) fn next_serial(&mut self) -> u32 {
        let Some(following) = &mut self.following else { return 0 };
        following.serial = (following.serial + 1) % MUSIC;
        following.serial
    }

    /// Nobody has said what became of prompts: they count as heard.
    pub(super) fn give_up_prompts(&mut self, ctx: &mut Context<'_>) {
        if let Some(tag) = self.following.as_ref().and_then(|following| following.playing) {
            self.prepared(ctx, tag, None, Vec::new());
        }
    }

    /// Something happened that the script has to know.
    pub(super) fn happened(&mut self, ctx: &mut Context<'_>, happened: Happened) {
        let Some(following) = &mut self.following else { return };
        following.script.handle(ctx.now, happened);
        self.run(ctx);
    }

    /// Somebody whom the document called is on the line, and so is the caller.
    pub(super) fn answered_by_dial(&mut self, ctx: &mut Context<'_>) {
        let longest = ctx.policy.settings().call.max_duration;
        let Some(following) = &mut self.following else { return };
        if !std::mem::replace(&mut following.is_answered, true) {
            following.ends = Some(ctx.now + longest);
        }
        if !following.sending.is_empty() {
            self.timers.set(Timer::Tones, ctx.now);
        }
        for side in [Side::A, Side::B] {
            let hears = self.dialogue().is_some_and(|dial| dial.hears_keys(side));
            self.listen(ctx, side, if hears { Keys::Tell } else { Keys::Cross });
        }
        self.greet(ctx);
        self.happened(ctx, Happened::Answered);
    }

    /// The script's time has come, or that of the whole call.
    pub(super) fn script_due(&mut self, ctx: &mut Context<'_>) {
        let Some(following) = &mut self.following else { return };
        if following.ends.is_some_and(|ends| ends <= ctx.now) {
            return self.finish(ctx, HungUp::MaxDuration, Cause::Timer);
        }
        following.script.advance(ctx.now);
        self.run(ctx);
    }

    /// Does what the script wants, as far as that can be done now.
    pub(super) fn run(&mut self, ctx: &mut Context<'_>) {
        let Some(following) = &mut self.following else { return };
        if std::mem::replace(&mut following.is_running, true) {
            return;
        }
        while let Some(want) = self.following.as_mut().and_then(|following| following.script.poll()) {
            self.fulfil(ctx, want);
        }
        let Some(following) = &mut self.following else { return };
        following.is_running = false;
        if matches!(self.stage, Stage::Ending | Stage::Over) {
            return;
        }
        match following.script.next_deadline().into_iter().chain(following.ends).min() {
            Some(at) => self.timers.set(Timer::Script, at),
            None => self.timers.stop(Timer::Script),
        }
    }

    fn fulfil(&mut self, ctx: &mut Context<'_>, want: Want) {
        let is_over = matches!(self.stage, Stage::Ending | Stage::Over);
        if !matches!(want, Want::Note(_) | Want::Tell { .. } | Want::Hangup(_))
            && let Some(following) = &mut self.following
        {
            following.left = None;
        }
        match want {
            Want::Note(step) => self.notes.add(step.to_string()),
            Want::Tell { link, method, event } => self.tell(ctx, link, method, event),
            _ if is_over => {}
            Want::Answer => self.open_to_caller(ctx, Opens::Answer),
            Want::PreAnswer => self.open_to_caller(ctx, Opens::Early),
            Want::Play { tag, prompts, beep } => {
                self.playing(Some(tag));
                self.timers.set(Timer::Prepare, ctx.now + PREPARATION);
                ctx.effects.push_back(Effect::Prepare { tag, prompts, beep });
            }
            Want::Hush => {
                self.playing(None);
                self.hush(ctx);
            }
            Want::Send { tag, tones } => self.send_tones(ctx, Side::A, Some(tag), &tones),
            Want::Dial(dial) => self.dial(ctx, dial),
            Want::EndDial => self.end_dial(ctx, Cause::Normal),
            Want::Ask { link, method, event, is_optional } => {
                let asking = self.asking(link, method, event);
                ctx.effects.push_back(Effect::Ask(Box::new(Asking { is_optional, ..asking })));
                let budget = ctx.policy.settings().call.decide;
                self.timers.set(Timer::Service, ctx.now + budget + PREPARATION);
            }
            Want::Hangup(reason) => self.hang_up_as(ctx, reason),
            // What is listened for is not heard, and what is to be recorded is not.
            Want::Listen { .. } | Want::StopListening | Want::StopRecording { .. } => {}
            Want::Record { tag, .. } => {
                self.notes.add("nothing is recorded: this version cannot".to_owned());
                self.happened(ctx, Happened::Recorded(tag, not_recorded()));
            }
        }
    }

    fn playing(&mut self, tag: Option<u32>) {
        if let Some(following) = &mut self.following {
            following.playing = tag;
        }
    }

    /// What a prompt has become; what was wrong with it is noted.
    pub fn prepared(&mut self, ctx: &mut Context<'_>, tag: u32, sound: Option<Sound>, notes: Vec<Box<str>>) {
        notes.into_iter().for_each(|note| self.notes.add(note.into()));
        match Tag::of(tag) {
            Tag::Screen(serial) => return self.screen_with(ctx, serial, sound),
            Tag::Music(serial) => return self.hear_music(ctx, serial, sound),
            Tag::Script => self.timers.stop(Timer::Prepare),
        }
        if self.following.as_ref().is_none_or(|following| following.playing != Some(tag)) {
            return;
        }
        match (self.relay, sound) {
            (Relay::Open(relay), Some(what)) if self.hears_us() => {
                ctx.effects.push_back(Effect::Media(Command::Play { relay, to: Side::A, what }));
            }
            _ => self.played(ctx, tag),
        }
    }

    /// What was played is over.
    pub(super) fn played(&mut self, ctx: &mut Context<'_>, tag: u32) {
        match Tag::of(tag) {
            Tag::Screen(serial) => return self.screen_heard(ctx, serial),
            Tag::Music(serial) => return self.music_over(ctx, serial),
            Tag::Script => {}
        }
        if self.following.as_ref().is_some_and(|following| following.playing == Some(tag)) {
            self.playing(None);
            self.happened(ctx, Happened::Played(tag));
        }
    }

    /// What the web service answered to what it was asked in the call; none where it failed for good.
    pub fn told(
        &mut self,
        ctx: &mut Context<'_>,
        purpose: AskedFor,
        answer: Option<Box<Response>>,
        notes: Vec<Box<str>>,
    ) {
        notes.into_iter().for_each(|note| self.notes.add(note.into()));
        if matches!(self.stage, Stage::Ending | Stage::Over) {
            return;
        }
        let tag = match purpose {
            AskedFor::Script => {
                self.timers.stop(Timer::Service);
                return self.happened(ctx, Happened::Told(answer.map(|answer| *answer)));
            }
            AskedFor::Screen(serial) => Tag::Screen(serial).number(),
            AskedFor::Music(serial) => Tag::Music(serial).number(),
        };
        match answer.map(|answer| answer.prompts()).filter(|prompts| !prompts.is_empty()) {
            Some(prompts) => ctx.effects.push_back(Effect::Prepare { tag, prompts, beep: false }),
            None => self.prepared(ctx, tag, None, Vec::new()),
        }
    }

    /// A side pressed a key, on this leg where that is known.
    pub(super) fn pressed(&mut self, ctx: &mut Context<'_>, by: Side, leg: Option<LegId>, digit: Digit) {
        let Some(key) = Key::read(digit.to_char()) else { return };
        if self.stage == Stage::Connected {
            self.match_row(ctx, by, key);
        }
        match by {
            Side::A => self.happened(ctx, Happened::Key(key)),
            Side::B => self.screen_key(ctx, leg, key),
        }
    }

    /// The script hangs up, or refuses a caller who was not answered.
    fn hang_up_as(&mut self, ctx: &mut Context<'_>, reason: Option<HangupReason>) {
        if self.invite.is_none() {
            let left = self.following.as_mut().and_then(|following| following.left.take());
            let (by, cause) = left.unwrap_or((HungUp::Operator, Cause::Normal));
            return self.end_followed(ctx, by, cause);
        }
        let last = self.following.as_ref().and_then(|following| following.failure);
        let failure = match reason {
            Some(HangupReason::Busy) => Failure::Busy,
            Some(HangupReason::Rejected) => Failure::Rejected,
            None => last.unwrap_or(Failure::Unreachable),
        };
        self.refuse_for(ctx, failure);
    }

    /// Ends an answered call that follows a document, whoever it is connected with.
    pub(super) fn end_followed(&mut self, ctx: &mut Context<'_>, by: HungUp, cause: Cause) {
        if matches!(self.stage, Stage::Ending | Stage::Over) {
            return;
        }
        self.notes.hung_up(by);
        self.notes.ended(ctx.now, Outcome::Answered, cause);
        self.wind_down(ctx, cause);
    }

    /// The call is about to be over: the script tells what it has to, and so do we.
    pub(super) fn close_script(&mut self, ctx: &mut Context<'_>) {
        let Some(following) = &mut self.following else { return };
        following.script.handle(ctx.now, Happened::CallerGone);
        self.tell_leg_end(ctx);
        let Some(following) = &mut self.following else { return };
        if let Some(end) = following.dial.take().map(|dial| dial.cut_off(&self.notes)) {
            following.script.handle(ctx.now, Happened::Dialled(end));
        }
        self.run(ctx);
    }

    /// The end of a call that a web service was asked about is told, where the settings say so.
    pub(super) fn tell_end(&mut self, ctx: &mut Context<'_>) {
        let url = ctx.policy.settings().webhooks.hangup_url.as_deref().and_then(Link::read);
        let Some(link) = url.filter(|_| self.following.is_some()) else { return };
        let record = self.record(ctx.now);
        let seconds = record.billable_ms.div_ceil(1000);
        let ended = Ended { cause: record.cause, seconds: record.billable_ms / 1000, billed: seconds };
        self.tell(ctx, link, Method::Post, Event::Hangup(ended));
    }

    pub(super) fn tell(&mut self, ctx: &mut Context<'_>, link: Link, method: Method, event: Event) {
        let asking = self.asking(link, method, event);
        ctx.effects.push_back(Effect::Tell(Box::new(asking)));
    }

    /// A request to the web service.
    pub(super) fn asking(&self, link: Link, method: Method, event: Event) -> Asking {
        let following = self.following.as_deref().expect("only a call with a document asks");
        let about = About {
            call: self.notes.id().into(),
            from: following.caller,
            to: following.dialled,
            direction: Direction::Inbound,
            status: self.status(),
        };
        let (pairs, purpose) = (Ask { about, event }.pairs(), AskedFor::Script);
        Asking { link, method, pairs, is_optional: false, purpose }
    }

    fn status(&self) -> CallStatus {
        match (self.notes.outcome(), self.leg(LegId::CALLER).notes.answered) {
            (None | Some(Outcome::InProgress), None) => CallStatus::Ringing,
            (None | Some(Outcome::InProgress), Some(_)) => CallStatus::InProgress,
            (Some(Outcome::Cancelled), None) => CallStatus::Cancel,
            (Some(_), _) => CallStatus::Completed,
        }
    }

    /// Whether the caller hears what we play: it was answered, or has early media.
    fn hears_us(&self) -> bool {
        let caller = self.leg(LegId::CALLER);
        let has_answer = caller.media.as_ref().is_some_and(|media| media.media().is_some());
        has_answer && matches!(caller.state, LegState::Inviting | LegState::Answered)
    }
}

/// A recording that was none.
fn not_recorded() -> Recorded {
    Recorded {
        id: Box::default(),
        url: None,
        start_ms: 0,
        end_ms: Some(0),
        reason: None,
        digits: Hidden::default(),
    }
}
