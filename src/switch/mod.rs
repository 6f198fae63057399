//! Floor 6. The switch: one shard's transactions, dialogs and calls.
