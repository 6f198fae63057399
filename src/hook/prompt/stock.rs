//! The clips that are in memory and those on their way there: what many calls want at a time is made once.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::PromptFault;
use super::fresh::Fresh;
use crate::audio::{Prompt, RATES};

/// What a clip takes besides its samples, in bytes.
const BESIDES: usize = 512;

/// What a clip is known by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Its URL.
    Link(Box<str>),
    /// The digest of what is spoken.
    Speech([u8; 32]),
    /// A file of this machine.
    File(PathBuf),
}

/// A clip, and for how long it is good.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) clip: Arc<Prompt>,
    pub(super) stamp: Stamp,
}

/// For how long a clip is good.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Stamp {
    /// For those who wait for it. It is not kept.
    Once,
    /// For good.
    Good,
    /// As its server said.
    Sent(Fresh),
    /// While the file is as it was.
    File {
        /// When it was changed last.
        modified: Option<SystemTime>,
        /// Its bytes.
        length: u64,
    },
}

impl Stamp {
    /// That of a file whose server said so.
    pub(super) fn sent_as(fresh: Option<Fresh>) -> Self {
        fresh.map_or(Self::Once, Self::Sent)
    }

    /// What its server said.
    pub(super) fn sent(&self) -> Option<&Fresh> {
        if let Self::Sent(fresh) = self { Some(fresh) } else { None }
    }
}

/// What comes of a prompt.
type Outcome = Result<Arc<Prompt>, PromptFault>;

/// A clip that may still be on its way.
#[derive(Clone)]
pub(super) struct Waiting(watch::Receiver<Option<Outcome>>);

/// The clips.
pub(super) struct Stock(Mutex<State>);

struct State {
    /// Bytes at most.
    limit: usize,
    bytes: usize,
    places: HashMap<Key, Place>,
    /// Counts up with each use.
    turn: u64,
    under_way: HashMap<Key, Waiting>,
}

struct Place {
    kept: Kept,
    /// The turn in which it was used last.
    used: u64,
}

impl Stock {
    /// One that keeps so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        let (places, under_way) = (HashMap::new(), HashMap::new());
        Self(Mutex::new(State { limit, bytes: 0, places, turn: 0, under_way }))
    }

    /// The clip that is there, if it is good, or else what a task makes, once for all who want it meanwhile. The task
    /// is given what is there, and goes on when nobody waits any more: the next call will want it.
    pub(super) fn obtain<F>(
        self: &Arc<Self>,
        key: Key,
        is_good: impl FnOnce(&Stamp) -> bool,
        make: impl FnOnce(Option<Kept>) -> F,
    ) -> Waiting
    where
        F: Future<Output = Result<Kept, PromptFault>> + Send + 'static,
    {
        let mut state = self.lock();
        let kept = state.take_up(&key);
        if let Some(kept) = kept.as_ref().filter(|kept| is_good(&kept.stamp)) {
            return Waiting::over(Ok(Arc::clone(&kept.clip)));
        }
        if let Some(waiting) = state.under_way.get(&key) {
            return waiting.clone();
        }
        let (tell, waiting) = watch::channel(None);
        let waiting = Waiting(waiting);
        state.under_way.insert(key.clone(), waiting.clone());
        drop(state);
        let (work, stock) = (make(kept), Arc::clone(self));
        let landing = Landing { stock, key, tell, made: None };
        #[expect(clippy::disallowed_methods, reason = "the edge: it outlives the call that begins it")]
        tokio::spawn(async move { landing.land(work.await) });
        waiting
    }

    /// Lets go of what was spoken.
    pub(super) fn forget_speech(&self) {
        let mut state = self.lock();
        let spoken = state.places.keys().filter(|key| matches!(key, Key::Speech(_))).cloned();
        for key in spoken.collect::<Vec<_>>() {
            state.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is there, as used now.
    fn take_up(&mut self, key: &Key) -> Option<Kept> {
        self.turn += 1;
        let place = self.places.get_mut(key)?;
        place.used = self.turn;
        Some(place.kept.clone())
    }

    /// Keeps a clip, and lets go of those that were not used for the longest time.
    fn put(&mut self, key: &Key, kept: Kept) {
        self.remove(key);
        let bytes = weight(&kept.clip);
        if kept.stamp == Stamp::Once || bytes > self.limit {
            return;
        }
        while self.bytes + bytes > self.limit {
            let oldest = self.places.iter().min_by_key(|(_, place)| place.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&oldest);
        }
        self.turn += 1;
        self.bytes += bytes;
        self.places.insert(key.clone(), Place { kept, used: self.turn });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key) {
            self.bytes -= weight(&place.kept.clip);
        }
    }
}

fn weight(clip: &Prompt) -> usize {
    RATES.iter().map(|rate| size_of_val(clip.samples(*rate))).sum::<usize>() + BESIDES
}

impl Waiting {
    /// One that is over.
    pub(super) fn over(outcome: Outcome) -> Self {
        Self(watch::channel(Some(outcome)).1)
    }

    /// What came of it, if it comes before the end.
    pub(super) async fn until(mut self, end: Instant) -> Outcome {
        match timeout_at(end, self.0.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().expect("that was waited for"),
            Ok(Err(_)) => Err(PromptFault::Broken),
            Err(_) => Err(PromptFault::Late),
        }
    }
}

/// The end of a task that makes a clip, however it ends. Whoever is told of it finds it no longer under way.
struct Landing {
    stock: Arc<Stock>,
    key: Key,
    tell: watch::Sender<Option<Outcome>>,
    /// `None` where it broke off.
    made: Option<Result<Kept, PromptFault>>,
}

impl Landing {
    fn land(mut self, made: Result<Kept, PromptFault>) {
        self.made = Some(made);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let made = self.made.take().unwrap_or(Err(PromptFault::Broken));
        let outcome = made.as_ref().map(|kept| Arc::clone(&kept.clip)).map_err(Clone::clone);
        let mut state = self.stock.lock();
        state.under_way.remove(&self.key);
        if let Ok(kept) = made {
            state.put(&self.key, kept);
        }
        drop(state);
        self.tell.send_replace(Some(outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::audio::Clip;

    fn key(name: &str) -> Key {
        Key::Link(name.into())
    }

    fn kept(samples: usize) -> Kept {
        let clip = Clip::new(8_000, vec![1; samples]).unwrap();
        Kept { clip: Arc::new(Prompt::new(&clip)), stamp: Stamp::Good }
    }

    fn stock(limit: usize) -> Arc<Stock> {
        Arc::new(Stock::new(limit))
    }

    async fn has(stock: &Arc<Stock>, name: &str) -> bool {
        let missing = |_| async { Err(PromptFault::Link) };
        stock.obtain(key(name), |_| true, missing).until(soon()).await.is_ok()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn what_is_used_stays_and_the_bytes_are_bounded() {
        let stock = stock(3 * (BESIDES + 6_000));
        for name in ["a", "b", "c"] {
            stock.lock().put(&key(name), kept(1_000));
        }
        assert!(has(&stock, "a").await);
        stock.lock().put(&key("d"), kept(1_000));
        assert!(has(&stock, "a").await && !has(&stock, "b").await && has(&stock, "c").await);
        stock.lock().put(&key("a"), kept(2_000));
        assert!(has(&stock, "a").await && has(&stock, "c").await && !has(&stock, "d").await, "it grew");
        stock.lock().put(&key("e"), kept(10_000));
        assert!(has(&stock, "a").await && !has(&stock, "e").await, "one that is too large displaces nothing");
        stock.lock().put(&key("a"), Kept { stamp: Stamp::Once, ..kept(1) });
        assert!(!has(&stock, "a").await, "what is not to be kept takes the place of what was");
        assert_eq!(stock.lock().bytes, BESIDES + 6_000);
        stock.lock().put(&Key::Speech([7; 32]), kept(1));
        stock.forget_speech();
        let state = stock.lock();
        assert_eq!((state.bytes, state.places.len()), (BESIDES + 6_000, 1));
    }

    #[tokio::test]
    async fn what_many_want_is_made_once_and_also_when_they_leave() {
        let (stock, made) = (stock(10_000), Arc::new(AtomicUsize::new(0)));
        let (go, wait) = oneshot::channel::<()>();
        let mut wait = Some(wait);
        let waiting: Vec<Waiting> = (0..50)
            .map(|_| {
                let (wait, made) = (wait.take(), Arc::clone(&made));
                stock.obtain(
                    key("a"),
                    |_| true,
                    |_| async move {
                        made.fetch_add(1, Ordering::SeqCst);
                        let _ = wait.expect("only the first makes it").await;
                        Ok(kept(1))
                    },
                )
            })
            .collect();
        assert_eq!(waiting[0].clone().until(Instant::now()).await, Err(PromptFault::Late));
        drop(waiting);
        go.send(()).unwrap();
        while !stock.lock().under_way.is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(has(&stock, "a").await);
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_task_that_breaks_off_is_told_and_tried_again() {
        let stock = stock(10_000);
        let broken = stock.obtain(key("a"), |_| true, |_| async { panic!("as a test does") });
        assert_eq!(broken.until(soon()).await, Err(PromptFault::Broken));
        let again = stock.obtain(key("a"), |_| true, |_| async { Ok(kept(1)) });
        assert!(again.until(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn an_old_one_is_given_to_whoever_makes_the_next() {
        let stock = stock(10_000);
        stock.lock().put(&key("a"), kept(7));
        let next = stock.obtain(
            key("a"),
            |_| false,
            |old| async move {
                assert_eq!(old.unwrap().clip.samples(8_000).len(), 7);
                Ok(kept(8))
            },
        );
        assert_eq!(next.until(soon()).await.unwrap().samples(8_000).len(), 8);
        let good =
            stock.obtain(key("a"), |stamp| *stamp == Stamp::Good, |_| async { Err(PromptFault::Link) });
        assert_eq!(good.until(soon()).await.unwrap().samples(8_000).len(), 8);
    }
}
