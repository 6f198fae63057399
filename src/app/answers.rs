//! The thread that asks web services what becomes of calls. A shard hands over what is to be asked and goes on; what
//! comes of it reaches the shard as an input.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::desk::now;
use crate::base::Random;
use crate::base::settings::{Settings, Webhooks};
use crate::base::tones::CallTone;
use crate::call::{Asking, CallKey};
use crate::hook::answer::{self, AskSettings, Asker, Outcome};
use crate::hook::prompt::{self, Heard, Prepared, PromptSettings, Prompter};
use crate::ledger::Book;
use crate::net::Post;
use crate::relay::{Part, Playlist, Sound};
use crate::route::{self, Decision, Index, Inquiry, Question, Step};
use crate::switch::Input;
use crate::voice::{Prompt, Response};

/// How much earlier than the call itself a service is given up, so that what is decided without it comes in time.
const MARGIN: Duration = Duration::from_millis(250);

/// How long prompts are waited for: what is not there by then is left out.
const PREPARATION: Duration = Duration::from_secs(5);
/// The beep after a prompt.
const BEEP: CallTone = CallTone { hertz: [1000, 0], cadence: [400, 0, 0, 0, 0, 0] };
const BEEP_LASTS: Duration = Duration::from_millis(400);
/// As long as a call may last.
const ENDLESS: Duration = Duration::from_secs(24 * 3600);
/// Parts of a playlist at most.
const PARTS: usize = 2_000;

/// What is to be asked.
pub(super) enum Job {
    /// What becomes of a call.
    Decide(Box<Deciding>),
    /// How a call goes on that follows a document.
    Ask { call: CallKey, asking: Box<Asking>, index: Arc<Index>, post: Post },
    /// Brings prompts to a sound.
    Prepare { call: CallKey, tag: u32, prompts: Vec<Prompt>, beep: bool, post: Post },
    /// What a service is told, whatever it answers.
    Tell { asking: Box<Asking>, index: Arc<Index> },
    /// Other settings are in force.
    Reconfigure(Box<(AskSettings, PromptSettings)>),
}

/// A call whose number has a web service.
pub(super) struct Deciding {
    pub(super) call: CallKey,
    /// The id of its record.
    pub(super) id: Box<str>,
    pub(super) question: Box<Question>,
    pub(super) inquiry: Inquiry,
    pub(super) index: Arc<Index>,
    pub(super) post: Post,
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Answers(mpsc::UnboundedSender<Job>);

/// The thread.
pub(super) struct AnswersThread {
    answers: Answers,
    thread: JoinHandle<()>,
}

/// What every task has.
#[derive(Clone)]
struct Desk {
    asker: Asker,
    prompter: Prompter,
    book: Arc<Book>,
    /// What is decided without the service takes effect here.
    decided: Arc<dyn Fn(&Decision) + Send + Sync>,
}

impl AnswersThread {
    /// Starts it. What is decided without the service, where that does not answer, is told to `decided`.
    ///
    /// # Errors
    /// Where the system gives no thread or descriptor, or there is no TLS.
    pub(super) fn start(
        settings: &Settings,
        book: Arc<Book>,
        decided: Arc<dyn Fn(&Decision) + Send + Sync>,
        random: Random,
    ) -> io::Result<Self> {
        let (sender, jobs) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (asker, prompter) = {
            let _runtime = runtime.enter();
            (Asker::new(ask_settings(&settings.webhooks))?, Prompter::new(prompt_settings(settings))?)
        };
        let desk = Desk { asker, prompter, book, decided };
        let run = move || {
            LocalSet::new().block_on(&runtime, serve(jobs, desk, random));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("answers".into()).spawn(run)?;
        Ok(Self { answers: Answers(sender), thread })
    }

    pub(super) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// Puts other settings in force.
    pub(super) fn reconfigure(&self, settings: &Settings) {
        let (asked, prompts) = (ask_settings(&settings.webhooks), prompt_settings(settings));
        self.answers.hand(Job::Reconfigure(Box::new((asked, prompts))));
    }

    /// Ends the thread once nobody hands anything over any more.
    pub(super) fn stop(self) {
        drop(self.answers);
        let _ = self.thread.join();
    }
}

impl Answers {
    pub(super) fn hand(&self, job: Job) {
        // The thread ends after everybody who hands over.
        let _ = self.0.send(job);
    }
}

fn prompt_settings(settings: &Settings) -> PromptSettings {
    PromptSettings::new(&settings.webhooks, &settings.speech)
}

fn ask_settings(webhooks: &Webhooks) -> AskSettings {
    AskSettings {
        connect_timeout: webhooks.connect_timeout,
        read_timeout: webhooks.timeout,
        allow_private: webhooks.allow_private_webhooks,
        secret: webhooks.secret.clone(),
        ..AskSettings::default()
    }
}

async fn serve(mut jobs: mpsc::UnboundedReceiver<Job>, mut desk: Desk, mut random: Random) {
    while let Some(job) = jobs.recv().await {
        let (here, random) = (desk.clone(), random.fork());
        match job {
            Job::Decide(deciding) => drop(spawn_local(here.decide(*deciding, random))),
            Job::Ask { call, asking, index, post } => {
                drop(spawn_local(here.ask(call, *asking, index, post, random)));
            }
            Job::Prepare { call, tag, prompts, beep, post } => {
                drop(spawn_local(here.prepare(call, tag, prompts, beep, post)));
            }
            Job::Tell { asking, index } => drop(spawn_local(here.tell(*asking, index, random))),
            Job::Reconfigure(settings) => {
                let (asked, prompts) = *settings;
                match Asker::new(asked).and_then(|asker| Ok((asker, Prompter::new(prompts)?))) {
                    Ok(made) => (desk.asker, desk.prompter) = made,
                    Err(error) => tracing::error!(%error, "web services are asked as before"),
                }
            }
        }
    }
}

impl Desk {
    /// Asks what becomes of a call. Where nobody can say, it is decided as if there were no service.
    async fn decide(self, deciding: Deciding, mut random: Random) {
        let Deciding { call, id, question, inquiry, index, post } = deciding;
        let (pairs, url) = (inquiry.ask(id).pairs(), &inquiry.answer);
        let settings = index.settings();
        let fallback = settings.webhooks.fallback_url.as_deref();
        let asked = answer::Question { url: &url.url, method: url.method, fallback, pairs: &pairs };
        let end = within(settings.call.decide);
        let Outcome { answer, trace: steps } = self.asker.ask(&asked, end, &mut random).await;
        let steps = steps.entries().iter().map(|entry| Step::Service(entry.to_string().into()));
        let decision = match answer {
            Some(answer) => inquiry.follow(answer.read.response, steps),
            None => {
                let decision = route::admit_unasked(&index, &self.book, now(), &question);
                (self.decided)(&decision);
                inquiry.unanswered(decision, steps)
            }
        };
        post.input(Input::Decided { call, decision });
    }

    async fn ask(self, call: CallKey, asking: Asking, index: Arc<Index>, post: Post, mut random: Random) {
        let fallback = index.settings().webhooks.fallback_url.as_deref().filter(|_| !asking.is_optional);
        let Asking { link, method, pairs, is_optional, purpose } = &asking;
        let asked = answer::Question { url: link.reveal(), method: *method, fallback, pairs };
        let end = within(index.settings().call.decide);
        let Outcome { answer, trace } = self.asker.ask(&asked, end, &mut random).await;
        let answer = answer.map(|answer| Box::new(answer.read.response));
        let answer = answer.or_else(|| is_optional.then(Box::<Response>::default));
        let notes = trace.entries().iter().map(|entry| entry.to_string().into()).collect();
        post.input(Input::Told { call, purpose: *purpose, answer, notes });
    }

    async fn prepare(self, call: CallKey, tag: u32, prompts: Vec<Prompt>, beep: bool, post: Post) {
        let Prepared { parts, notes } = self.prompter.prepare(&prompts, Instant::now() + PREPARATION).await;
        let is_endless = matches!(parts[..], [prompt::Part { times: 0, .. }]) && !beep;
        let mut parts = playlist(parts);
        if is_endless {
            parts.truncate(1);
        }
        if beep {
            parts.push(Part::Tone(BEEP, BEEP_LASTS));
        }
        let list = Playlist { parts: parts.into(), times: u32::from(!is_endless), tag };
        let sound = (!list.parts.is_empty()).then_some(Sound::Clips(list));
        post.input(Input::Prepared { call, tag, sound, notes });
    }

    async fn tell(self, asking: Asking, index: Arc<Index>, mut random: Random) {
        let Asking { link, method, pairs, .. } = &asking;
        let asked = answer::Question { url: link.reveal(), method: *method, fallback: None, pairs };
        let end = within(index.settings().call.decide);
        self.asker.tell(&asked, end, &mut random).await;
    }
}

/// What is heard, part by part, each as often as it is to be. What is to be heard without end goes on for longer than
/// any call, and nothing follows it.
fn playlist(prepared: Vec<prompt::Part>) -> Vec<Part> {
    let mut parts = Vec::new();
    for prompt::Part { what, times } in prepared {
        let (part, lasts) = match what {
            Heard::Clip(clip) => (Part::Clip(Arc::clone(&clip)), Duration::from_millis(clip.ms())),
            Heard::Silence(lasts) => (Part::Silence(lasts), lasts),
        };
        let longest = ENDLESS.as_millis() / lasts.as_millis().max(1);
        let longest = usize::try_from(longest).unwrap_or(usize::MAX).min(PARTS);
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        let times = if times == 0 { longest } else { times.min(longest) };
        parts.extend(std::iter::repeat_n(part, times));
        parts.truncate(PARTS);
    }
    parts
}

/// The end of what may take so long.
fn within(budget: Duration) -> Instant {
    Instant::now() + budget.saturating_sub(MARGIN)
}
