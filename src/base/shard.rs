//! Which shard a dialog lives in.

use std::hash::{BuildHasher, RandomState};

use super::Random;

/// The shards of the process: a message belongs to the one that its Call-ID hashes to, so that all messages of a
/// dialog meet in one place and no table is shared.
#[derive(Debug, Clone)]
pub struct Shards {
    count: u8,
    hasher: RandomState,
}

impl Shards {
    /// `count` shards, at least one; the hash is keyed anew in each process, so that nobody can aim at a shard.
    #[must_use]
    pub fn new(count: u8) -> Self {
        Self { count: count.max(1), hasher: RandomState::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.count
    }

    /// The shard of a Call-ID.
    #[must_use]
    pub fn owner(&self, call_id: &[u8]) -> u8 {
        let hash = self.hasher.hash_one(call_id) % u64::from(self.count);
        u8::try_from(hash).expect("a remainder is less than its divisor, a u8")
    }

    /// A fresh Call-ID that belongs to a shard: random, without a host part (RFC 3261 section 8.1.1.4).
    pub fn mint(&self, random: &mut Random, shard: u8) -> Box<str> {
        loop {
            let call_id = random.token(24);
            if self.owner(call_id.as_bytes()) == shard % self.count {
                return call_id.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_call_ids_come_back_to_their_shard() {
        let shards = Shards::new(5);
        let mut random = Random::from_number(1);
        for shard in 0..5 {
            let call_id = shards.mint(&mut random, shard);
            assert_eq!(shards.owner(call_id.as_bytes()), shard);
        }
    }
}
