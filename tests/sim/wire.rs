//! The network: it loses, delays, duplicates and reorders datagrams by a seed.

use std::net::SocketAddr;
use std::time::Duration;

use maskline::base::{Random, Transport};

use super::scene::address;
use super::text::Text;
use super::world::World;

/// What the network does to datagrams. Streams are always delivered in order.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// Out of 100 datagrams, how many are lost.
    pub loss: u32,
    /// Out of 100 datagrams, how many come twice.
    pub duplicates: u32,
    /// The shortest and the longest way; where they differ, datagrams overtake each other.
    pub delay: [Duration; 2],
}

impl Conditions {
    /// Nothing is lost, and each way takes 5 ms.
    pub const GOOD: Self =
        Self { loss: 0, duplicates: 0, delay: [Duration::from_millis(5), Duration::from_millis(5)] };

    /// The delays of each copy of a datagram: none where it is lost.
    pub fn fate(&self, random: &mut Random, transport: Transport) -> Vec<Duration> {
        if transport.is_reliable() {
            return vec![self.delay[0]];
        }
        let mut percent = || random.next_u32() % 100;
        let copies = match (percent() < self.loss, percent() < self.duplicates) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        (0..copies).map(|_| self.way(random)).collect()
    }

    fn way(&self, random: &mut Random) -> Duration {
        let [least, most] = self.delay;
        let spread = u64::try_from((most - least).as_micros()).unwrap();
        least + Duration::from_micros(if spread == 0 { 0 } else { random.next_u64() % spread })
    }
}

/// One message on its way.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// When it was sent, from the start of the world.
    pub at: Duration,
    pub transport: Transport,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
    /// How many copies arrive.
    pub copies: usize,
    /// The switch keeps nothing of it: an answer to somebody who may be anybody.
    pub is_stateless: bool,
}

impl Datagram {
    /// Its first line, for a ladder.
    pub fn title(&self) -> String {
        let end = self.bytes.iter().position(|byte| *byte == b'\r').unwrap_or(self.bytes.len());
        let head = String::from_utf8_lossy(&self.bytes);
        let cseq = head.lines().find(|line| line.starts_with("CSeq")).unwrap_or_default();
        let mark = if self.copies == 0 { " LOST" } else { "" };
        let start = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        format!("{:>9.3}s {} -> {} {start} [{cseq}]{mark}", self.at.as_secs_f64(), self.from, self.to)
    }
}

impl World {
    /// The statuses of what the switch has answered to an endpoint without keeping anything, from the start.
    pub fn stateless(&self, at: &str) -> Vec<u16> {
        let at = address(at);
        let inner = self.get();
        let answers = inner.wire.iter().filter(|datagram| datagram.to == at && datagram.is_stateless);
        answers.filter_map(|datagram| Text::new(&datagram.bytes).status()).collect()
    }
}
