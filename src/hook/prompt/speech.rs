//! Texts into sound: by the command of the settings, once for each text, as long as it is kept.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::disk::Disk;
use super::sound::{Reader, prompt};
use super::stock::{Kept, Stamp};
use super::{PromptFault, engine, language};
use crate::base::settings;
use crate::voice::{Hidden, Speak};

/// Speaks.
pub(super) struct Speaker {
    settings: settings::Speech,
    turns: Semaphore,
    disk: Disk,
    reader: Reader,
}

/// What is to be spoken, and how.
pub(super) struct Line {
    command: Vec<String>,
    text: Hidden,
}

impl Line {
    /// What it is known by: two that differ in nothing that the command is told are the same.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in self.command.iter().map(String::as_str).chain([self.text.reveal()]) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

impl Speaker {
    /// One that is told how; the log says where its program is missing.
    pub(super) fn new(settings: settings::Speech, reader: Reader) -> Self {
        let program = &settings.command[0];
        if !is_program(program) {
            tracing::info!(
                program,
                "nothing speaks the texts of voice documents: install espeak-ng, or set [speech] command"
            );
        }
        let disk = Disk::new(settings.cache.clone(), settings.cache_bytes);
        Self { turns: Semaphore::new(settings.at_once), settings, disk, reader }
    }

    /// What the command is told for a text.
    pub(super) fn line(&self, speak: &Speak) -> Result<Line, PromptFault> {
        let language = language::tag(&speak.language)?;
        let (voice, espeak) = (language::name(&speak.voice), language::espeak(language, &speak.voice));
        let fill = |argument: &String| {
            let argument = argument.replace("{language}", language).replace("{voice}", voice);
            argument.replace("{espeak}", &espeak)
        };
        Ok(Line { command: self.settings.command.iter().map(fill).collect(), text: speak.text.clone() })
    }

    /// The sound of it, from the disk or from the command.
    pub(super) async fn say(self: Arc<Self>, line: Line) -> Result<Kept, PromptFault> {
        let digest = line.digest();
        let disk = self.disk.clone();
        let kept = move || disk.read(&digest).ok_or(PromptFault::Broken);
        if let Ok(clip) = self.reader.read(kept).await {
            return Ok(Kept { clip, stamp: Stamp::Good });
        }
        let limit = self.settings.timeout;
        let turn = timeout(limit, self.turns.acquire()).await.map_err(|_| PromptFault::Busy)?;
        let _turn = turn.expect("it is never closed");
        let sound = engine::run(&line.command, line.text.reveal(), limit).await?;
        let disk = self.disk.clone();
        let read = move || {
            let clip = prompt(&sound)?;
            keep(&disk, &digest, &sound);
            Ok(Arc::new(clip))
        };
        let clip = self.reader.away(read).await?;
        Ok(Kept { clip, stamp: Stamp::Good })
    }

    /// Removes all that was spoken.
    pub(super) async fn forget(&self) -> Result<(), PromptFault> {
        let disk = self.disk.clone();
        self.reader.away(move || disk.clear().map_err(|error| PromptFault::File(error.kind()))).await
    }
}

fn keep(disk: &Disk, digest: &[u8; 32], sound: &[u8]) {
    if let Err(error) = disk.keep(digest, sound) {
        tracing::warn!(%error, "what is spoken cannot be kept in [speech] cache: it is spoken again after a start");
    }
}

/// Whether there is such a program, found as a shell does.
fn is_program(program: &str) -> bool {
    let is_executable = |path: &Path| {
        path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_executable(Path::new(program));
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder: PathBuf| folder.join(program)).any(|path| is_executable(&path))
}
