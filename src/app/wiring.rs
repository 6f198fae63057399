//! What a shard's switch needs done: deciding, media, records.

use std::sync::Arc;
use std::time::SystemTime;

use crate::call::{CallKey, Policy};
use crate::ledger::{Book, CallRecord, Entry};
use crate::net::Services;
use crate::route::{self, Decision, Question};
use crate::store::KeeperWriter;
use crate::{media, relay};

/// One shard's way to the rest of the process.
pub(super) struct Wiring {
    pub(super) policy: Arc<Policy>,
    pub(super) book: Arc<Book>,
    pub(super) media: media::Handle,
    pub(super) keeper: KeeperWriter,
}

impl Services for Wiring {
    fn reconfigure(&mut self, policy: &Arc<Policy>) {
        self.policy = Arc::clone(policy);
    }

    #[expect(clippy::disallowed_methods, reason = "the edge: sessions expire by the time of day")]
    fn decide(&mut self, question: &Question) -> Decision {
        let at = SystemTime::now().into();
        route::admit(&self.policy.index, &self.book, at, question)
    }

    fn media(&mut self, command: relay::Command) -> Option<relay::Event> {
        self.media.command(command)
    }

    fn flush(&mut self) -> bool {
        self.media.flush()
    }

    /// Nothing shows running calls yet.
    fn progress(&mut self, _call: CallKey, _record: Box<CallRecord>) {}

    fn record(&mut self, record: Box<CallRecord>) {
        self.keeper.write(Entry::Ended(record));
    }
}
