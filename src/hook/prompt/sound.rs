//! Reading sound, and files, off the threads that serve calls: a long MP3 file takes a second.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::PromptFault;
use crate::audio::{Clip, Prompt};

/// Files that are read at a time.
const AT_ONCE: usize = 2;

/// Reads sound.
#[derive(Clone)]
pub(super) struct Reader(Arc<Semaphore>);

impl Reader {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// The sound of a file that a function brings.
    pub(super) async fn read(
        &self,
        file: impl FnOnce() -> Result<Vec<u8>, PromptFault> + Send + 'static,
    ) -> Result<Arc<Prompt>, PromptFault> {
        self.away(|| prompt(&file()?).map(Arc::new)).await
    }

    /// Does something on a thread where it may take its time.
    pub(super) async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PromptFault> + Send + 'static,
    ) -> Result<T, PromptFault> {
        let _turn = self.0.acquire().await.expect("it is never closed");
        spawn_blocking(work).await.unwrap_or(Err(PromptFault::Broken))
    }
}

/// The sound of a file, ready to be played.
pub(super) fn prompt(file: &[u8]) -> Result<Prompt, PromptFault> {
    let clip = Clip::read(file)?;
    if clip.samples().is_empty() { Err(PromptFault::Empty) } else { Ok(Prompt::new(&clip)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_on_another_thread() {
        let here = std::thread::current().id();
        let there = Reader::new().away(|| Ok(std::thread::current().id())).await.unwrap();
        assert_ne!(here, there);
        assert_eq!(Reader::new().away::<()>(|| panic!("as a test does")).await, Err(PromptFault::Broken));
    }

    #[test]
    fn a_prompt_has_sound() {
        assert_eq!(prompt(include_bytes!("../../audio/reference/stereo.mp3")).unwrap().ms(), 300);
        let wav =
            [&b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"[..]];
        let file = |data: &[u8]| [&wav.concat(), &(data.len() as u32).to_le_bytes()[..], data].concat();
        assert_eq!(prompt(&file(&[0; 16])).unwrap().ms(), 1);
        assert_eq!(prompt(&file(&[])).unwrap_err(), PromptFault::Empty);
    }
}
