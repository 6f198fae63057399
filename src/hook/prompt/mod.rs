//! What a party is to hear, as samples: files are fetched, texts are spoken, each once for all calls that want it, and
//! kept as long as it is good and there is room.
//!
//! A prompt that fails is left out and the rest is heard; why it failed is told for the call's record, without a number,
//! a text, or more of a URL than its host.

mod disk;
mod engine;
mod fault;
mod fetch;
mod fresh;
mod language;
mod sound;
mod speech;
mod stock;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::audio;
use crate::base::hide_host;
use crate::base::link::{link_host, read_link};
use crate::base::settings::{Speech, Webhooks};
use crate::voice::{Play, Prompt, Speak};
use fetch::{Fetched, Fetcher, LARGEST};
use sound::Reader;
use speech::Speaker;
use stock::{Kept, Key, Stamp, Stock, Waiting};

pub use fault::PromptFault;

/// For how long an old file is used before its server is tried again, where it cannot be asked.
const MEANWHILE: Duration = Duration::from_secs(30);

/// How prompts are prepared.
#[derive(Debug, Clone)]
pub struct PromptSettings {
    /// How long connecting to a server may take.
    pub connect_timeout: Duration,
    /// How long a file may take, to its last byte: longer than a call waits for it, as the next call may want it too.
    pub timeout: Duration,
    /// Whether loopback and private addresses may be called.
    pub allow_private: bool,
    /// Bytes of samples that are kept in memory at most. A minute takes about 2 MB.
    pub memory: usize,
    /// What speaks.
    pub speech: Speech,
}

impl PromptSettings {
    /// As the settings file says, with 30 s for a file and 64 MB of memory.
    #[must_use]
    pub fn new(webhooks: &Webhooks, speech: &Speech) -> Self {
        Self {
            connect_timeout: webhooks.connect_timeout,
            timeout: Duration::from_secs(30),
            allow_private: webhooks.allow_private_webhooks,
            memory: 64_000_000,
            speech: speech.clone(),
        }
    }
}

/// What was prepared.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What is heard, one after the other.
    pub parts: Vec<Part>,
    /// What was left out, and why.
    pub notes: Vec<Box<str>>,
}

/// A part of what is heard.
#[derive(Debug, Clone)]
pub struct Part {
    /// What.
    pub what: Heard,
    /// How often; 0 is without end.
    pub times: u32,
}

/// What is heard.
#[derive(Debug, Clone)]
pub enum Heard {
    /// Sound, of at least one sample.
    Clip(Arc<audio::Prompt>),
    /// Nothing.
    Silence(Duration),
}

/// Prepares prompts. Clones share what they have.
///
/// All is done in tasks of the runtime that it is called in, which has to be one that lasts.
#[derive(Clone)]
pub struct Prompter {
    stock: Arc<Stock>,
    fetcher: Arc<Fetcher>,
    speaker: Arc<Speaker>,
    reader: Reader,
}

impl Prompter {
    /// A prompter that has nothing in memory. The log says where the program is missing that speaks.
    ///
    /// # Errors
    /// Where there is no TLS.
    pub fn new(settings: PromptSettings) -> io::Result<Self> {
        let PromptSettings { connect_timeout, timeout, allow_private, memory, speech } = settings;
        let reader = Reader::new();
        Ok(Self {
            stock: Arc::new(Stock::new(memory)),
            fetcher: Arc::new(Fetcher::new(allow_private, connect_timeout, timeout)?),
            speaker: Arc::new(Speaker::new(speech, reader.clone())),
            reader,
        })
    }

    /// Prepares prompts, all at a time, and waits for them no longer than until the end. What is not there by then is
    /// left out, and is done all the same for the next call.
    pub async fn prepare(&self, prompts: &[Prompt], end: Instant) -> Prepared {
        let begun: Vec<_> = prompts.iter().map(|prompt| self.begin(prompt)).collect();
        let mut prepared = Prepared { parts: Vec::new(), notes: Vec::new() };
        for (place, (prompt, begun)) in prompts.iter().zip(begun).enumerate() {
            match begun.part(end).await {
                Ok(part) => prepared.parts.push(part),
                Err(fault) => prepared.notes.push(note(place, prompt, &fault)),
            }
        }
        prepared
    }

    /// A prompt from a file of this machine, which the settings name. It is read again when it has changed.
    ///
    /// # Errors
    /// Why it cannot be heard.
    pub async fn file(&self, path: &Path, end: Instant) -> Result<Arc<audio::Prompt>, PromptFault> {
        let about = path.to_owned();
        let stamp = self.reader.away(move || stamp(&about)).await?;
        let (reader, file, now) = (self.reader.clone(), path.to_owned(), stamp.clone());
        let make = |_| async move {
            let read = || fs::read(file).map_err(|error| PromptFault::File(error.kind()));
            Ok(Kept { clip: reader.read(read).await?, stamp })
        };
        self.stock.obtain(Key::File(path.to_owned()), |kept| *kept == now, make).until(end).await
    }

    /// Lets go of all that was spoken, in memory and on the disk: it may have been about somebody.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub async fn forget_speech(&self) -> Result<(), PromptFault> {
        self.stock.forget_speech();
        self.speaker.forget().await
    }

    fn begin(&self, prompt: &Prompt) -> Begun {
        match prompt {
            Prompt::Play(play) => Begun::Clip(self.play(play), play.times),
            Prompt::Speak(speak) => Begun::Clip(self.speak(speak), speak.times),
            Prompt::Wait(wait) => Begun::Silence(wait.length),
        }
    }

    fn play(&self, play: &Play) -> Waiting {
        let url: Box<str> = play.link.reveal().into();
        if read_link(&url).is_none() {
            return Waiting::over(Err(PromptFault::Link));
        }
        let now = Instant::now();
        let is_good = |stamp: &Stamp| matches!(stamp, Stamp::Sent(fresh) if fresh.is_fresh(now));
        let prompter = self.clone();
        self.stock.obtain(Key::Link(url.clone()), is_good, |old| prompter.download(url, old))
    }

    fn speak(&self, speak: &Speak) -> Waiting {
        match self.speaker.line(speak) {
            Ok(line) => {
                let speaker = Arc::clone(&self.speaker);
                self.stock.obtain(Key::Speech(line.digest()), |_| true, |_| speaker.say(line))
            }
            Err(fault) => Waiting::over(Err(fault)),
        }
    }

    /// A file from its server, or the old one where it has not changed or the server cannot be asked.
    async fn download(self, url: Box<str>, old: Option<Kept>) -> Result<Kept, PromptFault> {
        let known = old.as_ref().and_then(|old| Some((&old.clip, old.stamp.sent()?)));
        match self.fetcher.fetch(&url, known.map(|(_, fresh)| fresh)).await {
            Ok(Fetched::File { content, fresh, room }) => {
                let read = self.reader.read(move || Ok(content)).await;
                drop(room);
                Ok(Kept { clip: read?, stamp: Stamp::sent_as(fresh) })
            }
            Ok(Fetched::Same(fresh)) => {
                let (clip, _) = known.ok_or(PromptFault::Broken)?;
                Ok(Kept { clip: Arc::clone(clip), stamp: Stamp::sent_as(fresh) })
            }
            Err(fault) => {
                let (clip, fresh) = known.filter(|_| fault.is_passing()).ok_or_else(|| fault.clone())?;
                let more = fresh.meanwhile(Instant::now(), MEANWHILE).ok_or_else(|| fault.clone())?;
                tracing::warn!(host = hide_host(&link_host(&url)), %fault, "an old copy of a file is played");
                Ok(Kept { clip: Arc::clone(clip), stamp: Stamp::Sent(more) })
            }
        }
    }
}

/// A prompt on its way.
enum Begun {
    Clip(Waiting, u32),
    Silence(Duration),
}

impl Begun {
    async fn part(self, end: Instant) -> Result<Part, PromptFault> {
        match self {
            Self::Clip(waiting, times) => Ok(Part { what: Heard::Clip(waiting.until(end).await?), times }),
            Self::Silence(length) => Ok(Part { what: Heard::Silence(length), times: 1 }),
        }
    }
}

/// What went wrong with a prompt, for the record of the call.
fn note(place: usize, prompt: &Prompt, fault: &PromptFault) -> Box<str> {
    let what = match prompt {
        Prompt::Speak(_) => "Speak".to_owned(),
        Prompt::Wait(_) => "Wait".to_owned(),
        Prompt::Play(play) => match &*link_host(play.link.reveal()) {
            "" => "Play".to_owned(),
            host => format!("Play from {}", hide_host(host)),
        },
    };
    format!("prompt {}, {what}: {fault}", place + 1).into()
}

/// How a file of this machine is; one that is too large is none.
fn stamp(path: &Path) -> Result<Stamp, PromptFault> {
    let about = path.metadata().map_err(|error| PromptFault::File(error.kind()))?;
    match about.len() {
        _ if !about.is_file() => return Err(PromptFault::File(io::ErrorKind::InvalidInput)),
        length if length > LARGEST as u64 => return Err(PromptFault::Large),
        _ => {}
    }
    Ok(Stamp::File { modified: about.modified().ok(), length: about.len() })
}
