//! How the other threads reach a shard: messages that its sockets did not receive themselves, and everything that
//! must not be lost.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::base::{Flow, Shards};
use crate::sip;
use crate::switch::Input;

/// Messages that may wait for a shard. Beyond it datagrams are lost, and streams are read no further.
const MESSAGES: usize = 8192;

/// What reaches a shard by its control channel.
#[derive(Debug)]
pub(super) enum Signal {
    /// For the machine.
    Input(Input),
    /// The journal has what was noted before it was asked; or, where this is false, its disk does not take it now.
    Kept(bool),
    /// The shard is to end.
    Stop,
}

/// The way into one shard, from any thread.
#[derive(Debug, Clone)]
pub struct Post {
    messages: mpsc::Sender<(Flow, Bytes)>,
    control: mpsc::UnboundedSender<Signal>,
}

/// The receiving end of a [`Post`].
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) messages: mpsc::Receiver<(Flow, Bytes)>,
    pub(super) control: mpsc::UnboundedReceiver<Signal>,
}

impl Post {
    pub(super) fn new() -> (Post, Inbox) {
        let (messages, message_queue) = mpsc::channel(MESSAGES);
        let (control, control_queue) = mpsc::unbounded_channel();
        (Post { messages, control }, Inbox { messages: message_queue, control: control_queue })
    }

    /// Hands the shard an input that must not be lost: a media event, a command, an answer of the resolver. After
    /// the shard has ended, nothing happens.
    pub fn input(&self, input: Input) {
        let _ = self.control.send(Signal::Input(input));
    }

    /// Tells the shard that what [`Services::settle`](super::Services::settle) asked for is done: what was noted of
    /// calls outlives the process, or cannot be written down for now.
    pub fn kept(&self, is_so: bool) {
        let _ = self.control.send(Signal::Kept(is_so));
    }

    pub(super) fn stop(&self) {
        let _ = self.control.send(Signal::Stop);
    }
}

/// The ways into all shards, and which of them a message belongs to.
#[derive(Debug, Clone)]
pub(super) struct Posts {
    shards: Shards,
    posts: Vec<Post>,
}

impl Posts {
    pub(super) fn new(shards: Shards, posts: Vec<Post>) -> Self {
        Self { shards, posts }
    }

    pub(super) fn get(&self, shard: u8) -> &Post {
        &self.posts[usize::from(shard)]
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter()
    }

    /// The shard that a message belongs to; one without a Call-ID belongs to the one that received it, which has to
    /// refuse it.
    pub(super) fn owner(&self, raw: &[u8], receiver: u8) -> u8 {
        match self.posts.len() {
            1 => 0,
            _ => sip::call_id(raw).map_or(receiver, |call_id| self.shards.owner(call_id)),
        }
    }

    /// Hands a datagram to its owner, unless too many wait there.
    pub(super) fn offer(&self, owner: u8, flow: Flow, bytes: Bytes) {
        if self.get(owner).messages.try_send((flow, bytes)).is_err() {
            tracing::debug!(owner, "a shard is behind: a datagram is lost");
        }
    }

    /// Hands a stream's message to its owner, and waits until there is room for it.
    pub(super) async fn deliver(&self, receiver: u8, flow: Flow, bytes: Bytes) {
        let owner = self.owner(&bytes, receiver);
        let _ = self.get(owner).messages.send((flow, bytes)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_to_the_owner_of_its_call_id() {
        let shards = Shards::new(3);
        let posts = Posts::new(shards.clone(), (0..3).map(|_| Post::new().0).collect());
        for number in 0..20 {
            let id = format!("id-{number}@host");
            for receiver in 0..3 {
                let long = format!("BYE sip:x SIP/2.0\r\nCall-ID: {id}\r\n\r\n");
                let short = format!("SIP/2.0 200 OK\r\ni: {id}\r\n\r\n");
                assert_eq!(posts.owner(long.as_bytes(), receiver), shards.owner(id.as_bytes()));
                assert_eq!(posts.owner(short.as_bytes(), receiver), shards.owner(id.as_bytes()));
            }
        }
        assert_eq!(posts.owner(b"BYE sip:x SIP/2.0\r\n\r\n", 2), 2);
    }
}
