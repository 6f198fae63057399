//! Floor 7. Sockets and the shard's thread loop.
