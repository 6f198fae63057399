//! Floor 3. Call records.
